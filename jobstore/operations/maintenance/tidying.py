"""Giving space back and keeping files small: VACUUM, checkpoints, SQLite's own optimising.

Each holds the lock that keeps writers apart; nothing of the content changes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.operations.maintenance.space import require_space_to_vacuum, size_of
from jobstore.settings import StoreURL, parse_store_url
from jobstore.statements import catalog

_SQL = catalog.load("sqlite")

PATIENCE = 2.0
"""Seconds that others may write before this is given up, by default."""

# Pages of the index that one round writes: some milliseconds of work.
_MERGED_PAGES = 256


class Vacuumed(NamedTuple):
    """The bytes that the store took before and takes now, and how long it took.

    ``waiting``: somebody still reads the store as it was; the space is given back when they
    are done.
    """

    before: int
    after: int
    seconds: float
    waiting: bool


def vacuum(url: str | StoreURL, *, optimize: bool = False, patience: float = PATIENCE) -> Vacuumed:
    """Write the database file anew, without the room that deleted rows have left.

    With ``optimize`` the full-text index is merged into one piece first, which makes searches
    a little faster. Other programs read meanwhile, and cannot write. Needs as much free disk as
    the content takes, once for the temporary file and once for the WAL.

    Raises StorageFull when that is not there, StoreBusy when others write for longer than
    ``patience`` seconds, StoreUnavailable and StoreCorrupt. Nothing is changed then.
    """
    started = time.monotonic()
    with _alone(url, patience) as (path, conn):
        before = size_of(path)
        pages, free, size = (
            conn.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        require_space_to_vacuum(path, (pages - free) * size)
        if optimize:
            conn.execute(_SQL["optimize_words"])
        conn.execute("VACUUM")
        waiting = not _written_back(conn)
        return Vacuumed(before, size_of(path), time.monotonic() - started, waiting)


def checkpoint(url: str | StoreURL, *, patience: float = PATIENCE) -> bool:
    """Copy the WAL into the database and empty it; False if somebody still reads an old state.

    Raises StoreBusy, StorageFull, StoreUnavailable and StoreCorrupt.
    """
    with _alone(url, patience) as (_, conn):
        return _written_back(conn)


def optimize(url: str | StoreURL, *, patience: float = PATIENCE) -> None:
    """Let SQLite look whether its statistics of the tables are worth renewing (PRAGMA optimize).

    Raises StoreBusy, StorageFull, StoreUnavailable and StoreCorrupt.
    """
    with _alone(url, patience) as (_, conn):
        # Bounds what it reads, whatever the size of the store (https://sqlite.org/lang_analyze.html).
        conn.execute("PRAGMA analysis_limit = 400")
        conn.execute("PRAGMA optimize")


def merge(url: str | StoreURL, *, rounds: int = 20, patience: float = PATIENCE) -> bool:
    """Merge pieces of the full-text index, a bounded amount; True if there is no more to merge.

    Others get their turn after each of at most ``rounds`` rounds. Raises StoreBusy, StorageFull,
    StoreUnavailable and StoreCorrupt.
    """
    for _ in range(rounds):
        with _alone(url, patience) as (_path, conn):
            before = conn.total_changes
            conn.execute(_SQL["merge_words"], (_MERGED_PAGES,))
            # Fewer than two changes mean that nothing was done (https://sqlite.org/fts5.html,
            # section 6.8).
            if conn.total_changes - before < 2:
                return True
    return False


@contextmanager
def _alone(url: str | StoreURL, patience: float) -> Iterator[tuple[Path, Connection]]:
    path = parse_store_url(url).path
    with translated(), schema.migrating(path, patience) as conn:
        yield path, conn


def _written_back(conn: Connection) -> bool:
    busy, _, _ = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
