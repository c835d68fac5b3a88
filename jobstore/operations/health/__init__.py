"""Health as operators see it: the store's own checks, and those of backups, drills and alerts.

:func:`examine` opens the store by itself and always returns. A program that has a store open
asks it: ``await store.health(limits_of(settings), more=probes_of(settings))``.
"""

from jobstore.operations.health.examining import COMPONENTS, examine, limits_of
from jobstore.operations.health.probes import Facts, Kept, facts_of, probes_of

__all__ = ["COMPONENTS", "Facts", "Kept", "examine", "facts_of", "limits_of", "probes_of"]
