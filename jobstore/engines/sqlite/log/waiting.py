"""Waiting until what was committed is where it has to be before it is acknowledged.

Whoever waits holds no lock, so that others write and ship meanwhile. The spool is asked again and
again: a signal between processes could be lost, and one that is looked for every few milliseconds
costs less than a disk's flush.
"""

from __future__ import annotations

import time

from jobstore.engines.sqlite.log.capturing import capture
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.errors import JobStoreError, OutcomeUnknown
from jobstore.locking import attempts

_UNKNOWN = (
    "The write is stored on this machine, but no place of the archive has it yet; see "
    "'jobstore archive status'. A repeated write does no harm."
)


def until_shipped(spool: Spool, patience: float) -> None:
    """Return once everything committed so far was shipped, or at once where nobody has to wait.

    Raises OutcomeUnknown when that takes longer than ``patience`` seconds.
    """
    if not spool.is_there:
        return
    deadline = time.monotonic() + patience
    mark = None
    try:
        for _ in attempts(patience):
            state = spool.load()
            if not spool.is_there or (state is not None and not state.wait):
                return
            if state is None or mark is None or mark.generation != state.generation:
                # The first time, and where a new generation has begun meanwhile.
                with spool.lock(max(0.0, deadline - time.monotonic())):
                    mark = capture(spool).mark
            shipped = spool.shipped
            if shipped and shipped.generation == mark.generation and shipped >= mark:
                return
    except (JobStoreError, OSError) as error:
        raise OutcomeUnknown(_UNKNOWN) from error
    raise OutcomeUnknown(_UNKNOWN)
