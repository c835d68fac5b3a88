"""Writing the history of monitoring: adding samples, pruning.

Everything here blocks, and so belongs on a thread. Reading is in ``reading``; the statements are
in ``sql/operations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jobstore.operations.database import writing
from jobstore.operations.monitoring.traffic import Key

SAMPLE, MINUTE, HOUR, DAY, EVER = 1, 60, 3600, 86_400, 0
_ROLLED_UP = (EVER, MINUTE, HOUR, DAY)
KEPT = {SAMPLE: 2 * HOUR, MINUTE: 2 * DAY, HOUR: 30 * DAY}
"""Seconds that each period but days is kept: samples for the live view and alerts; minutes so that
an hour of trouble is seen minute by minute on the day after, hours for a month. All are few rows.
"""


class Process(NamedTuple):
    """Who counted: a process, told from later ones with its number by when it started."""

    pid: int
    started_micros: int
    label: str


class Level(NamedTuple):
    """Readings of something that goes up and down."""

    lowest: int
    highest: int
    latest: int


def add(
    path: Path,
    process: Process,
    at: int,
    counted: Mapping[Key, int],
    levels: Mapping[str, Level],
    *,
    ended: bool = False,
) -> None:
    """Add what ``process`` counted until ``at`` (Unix time), all of it or nothing.

    ``path`` is the database of operations, made if there is none. Raises StoreUnavailable,
    StorageFull, StoreBusy and SchemaMismatch.
    """
    with writing(path) as kept:
        ((id,),) = kept.rows("put_process", (*process, at, ended))
        places = [(SAMPLE, at, id)]
        places += [(period, at - at % period if period else 0, 0) for period in _ROLLED_UP]
        kept.run(
            "add_tally",
            *((*place, *key, amount) for place in places for key, amount in counted.items()),
        )
        kept.run(
            "add_level",
            *(
                (*place, name, *level)
                for place in places
                if place[0] != EVER
                for name, level in levels.items()
            ),
        )


def prune(path: Path, keep_days: float, now: float) -> None:
    """Remove what is older than it is kept, days after ``keep_days``; sums of all stay."""
    reach = KEPT | {DAY: keep_days * DAY}
    oldest = [(period, int(now - seconds)) for period, seconds in reach.items()]
    with writing(path) as kept:
        kept.run("prune_tally", *oldest)
        kept.run("prune_level", *oldest)
        kept.run("prune_process", (int(now - KEPT[SAMPLE]),))
