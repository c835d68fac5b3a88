"""Giving space back and keeping files small: VACUUM, checkpoints, SQLite's own optimising.

Each holds the lock that keeps writers apart; nothing of the content changes.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection

from jobstore.engines import named_statements
from jobstore.engines.backend import Vacuumed
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.log import checkpointing
from jobstore.engines.sqlite.upkeep.inspection import check_pages
from jobstore.engines.sqlite.upkeep.space import require_space_to_vacuum, size_of
from jobstore.errors import StoreCorrupt
from jobstore.progress import Progress, silent
from jobstore.verdicts import Verdict

_SQL = named_statements.load("sqlite")

PATIENCE = 2.0
"""Seconds to wait for others who write before this is given up, by default."""

# Pages of the index that one round writes: some milliseconds of work.
_MERGED_PAGES = 256
# How often SQLite lets Python look for Ctrl-C, in steps of its machine: some milliseconds.
_STEPS_BETWEEN_LOOKS = 100_000


def vacuum(path: Path, *, patience: float = PATIENCE, progress: Progress = silent) -> Vacuumed:
    """Write the database file anew, without what deleted postings have left in it.

    The full-text index is merged into one piece first, since it keeps the words of what was
    deleted until then. Afterwards nothing of it is in a byte of the database or its WAL, unless
    somebody still reads an old state. Other programs read meanwhile, and cannot write. Needs as
    much free disk as the content takes, once for the temporary file and once for the WAL.

    Raises StorageFull when that is not there, StoreBusy when others write for longer than
    ``patience`` seconds, StoreUnavailable and StoreCorrupt. Nothing of the content is changed
    then, nor when Ctrl-C ends it, which it may do at any moment.
    """
    started = time.monotonic()
    with _alone(path, patience) as conn:
        before = size_of(path)
        pages, free, size = (
            conn.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        require_space_to_vacuum(path, (pages - free) * size)
        progress("check the pages", 0, 0)
        with _interruptible(conn):
            _require_soundness(conn)
        _merge_all(conn, progress)
        progress("write the file anew", 0, 0)
        with _interruptible(conn):
            conn.execute("VACUUM")
        waiting = not _written_back(conn, path)
        return Vacuumed(before, size_of(path), time.monotonic() - started, waiting)


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


def _require_soundness(conn: Connection) -> None:
    """Raise StoreCorrupt for a damaged file, which is left as it is: it may be needed."""
    finding = check_pages(conn, full=False)
    if finding.verdict is not Verdict.PASS:
        raise StoreCorrupt(
            "The database is damaged; run 'jobstore doctor', then repair it or restore a backup."
        )


def _merge_all(conn: Connection, progress: Progress) -> None:
    """Merge the full-text index into one piece, a transaction for each round."""
    done = 0
    while True:
        progress("merge the index", done, 0)
        before = conn.total_changes
        # A negative number makes all pieces take part (https://sqlite.org/fts5.html, section 6.8).
        conn.execute(_SQL["merge_words"], (-_MERGED_PAGES,))
        if conn.total_changes - before < 2:
            return
        done += _MERGED_PAGES


def _look() -> None:
    """Do nothing: Python raises KeyboardInterrupt when any of its code runs."""


@contextmanager
def _interruptible(conn: Connection) -> Iterator[None]:
    """Let Ctrl-C end a long statement, which is undone then."""
    conn.set_progress_handler(lambda: _look(), _STEPS_BETWEEN_LOOKS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if primary_code(error) == "INTERRUPT":
            raise KeyboardInterrupt from error
        raise
    finally:
        conn.set_progress_handler(None, 0)


@contextmanager
def _alone(path: Path, patience: float) -> Iterator[Connection]:
    with translated(), schema.migrating(path, patience) as conn:
        yield conn


def _written_back(conn: Connection, path: Path) -> bool:
    busy, _, _ = checkpointing.checkpoint(conn, path, "TRUNCATE")
    return not busy
