"""Health as operators see it: the store's own checks, and those of operations.

:func:`examine` opens the store by itself and always returns; :func:`examine_apart` does so for
commands, which must end as well. A program that has a store open asks it:
``await store.health(limits_of(settings), more=probes_of(settings))``.
"""

from jobstore.operations.health.archive import archive_checks
from jobstore.operations.health.detached import examine_apart
from jobstore.operations.health.examining import COMPONENTS, examine, limits_of
from jobstore.operations.health.probes import probes_of

__all__ = [
    "COMPONENTS",
    "archive_checks",
    "examine",
    "examine_apart",
    "limits_of",
    "probes_of",
]
