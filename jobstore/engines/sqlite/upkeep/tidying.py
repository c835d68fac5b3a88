"""Keeping files small and queries fast: checkpoints, SQLite's own optimising, merging the index.

Each holds the lock that keeps writers apart, for a moment; nothing of the content changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection

from jobstore.engines import named_statements
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.log import checkpointing

_SQL = named_statements.load("sqlite")

PATIENCE = 2.0
"""Seconds to wait for others who write before this is given up, by default."""

# Pages of the index that one round writes: some milliseconds of work.
_MERGED_PAGES = 256


def checkpoint(path: Path, *, patience: float = PATIENCE) -> bool:
    """Copy the WAL into the database and empty it; False if somebody still reads an old state.

    Others write while most of it is copied. Raises StoreBusy, StorageFull, StoreUnavailable and
    StoreCorrupt.
    """
    with translated():
        # Another program's database is left alone.
        with schema.reading(path, patience) as conn:
            schema.recorded(conn)
        with checkpointing.relieved(path, patience) as conn:
            return _written_back(conn, path)


def optimize(path: Path, *, patience: float = PATIENCE) -> None:
    """Let SQLite look whether its statistics of the tables are worth renewing (PRAGMA optimize).

    Raises StoreBusy, StorageFull, StoreUnavailable and StoreCorrupt.
    """
    with _alone(path, patience) as conn:
        # Bounds what it reads, whatever the size of the store (https://sqlite.org/lang_analyze.html).
        conn.execute("PRAGMA analysis_limit = 400")
        conn.execute("PRAGMA optimize")


def merge(path: Path, *, rounds: int = 20, patience: float = PATIENCE) -> bool:
    """Merge pieces of the full-text index, a bounded amount; True if there is no more to merge.

    Others get their turn after each of at most ``rounds`` rounds. Raises StoreBusy, StorageFull,
    StoreUnavailable and StoreCorrupt.
    """
    for _ in range(rounds):
        with _alone(path, patience) as conn:
            before = conn.total_changes
            conn.execute(_SQL["merge_words"], (_MERGED_PAGES,))
            # Fewer than two changes mean that nothing was done (https://sqlite.org/fts5.html,
            # section 6.8).
            if conn.total_changes - before < 2:
                return True
    return False


@contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """Keep everybody else from writing while the block lasts."""
    with _alone(path, patience) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


@contextmanager
def _alone(path: Path, patience: float) -> Iterator[Connection]:
    with translated(), schema.migrating(path, patience) as conn:
        yield conn


def _written_back(conn: Connection, path: Path) -> bool:
    busy, _, _ = checkpointing.checkpoint(conn, path, "TRUNCATE")
    return not busy
