"""Giving space back: the content of a store in a new file, which takes the place of the old one.

The new file is written from one state of the store while others write, and takes its place only
where that is its state still (:mod:`.exchange`). Otherwise it is written once more; somebody who
writes all the time has to be stopped.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from sqlite3 import Connection

from jobstore.engines import named_statements
from jobstore.engines.backend import Vacuumed
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.identity import is_same
from jobstore.engines.sqlite.upkeep import exchange
from jobstore.engines.sqlite.upkeep.inspection import check_pages
from jobstore.engines.sqlite.wal import locks
from jobstore.errors import StoreBusy, StoreCorrupt
from jobstore.files import create, reachable, require_file, resemble
from jobstore.locking import FileLock
from jobstore.progress import Progress, silent
from jobstore.scratch import require_space, scratch_folder, synchronise
from jobstore.verdicts import Verdict

_SQL = named_statements.load("sqlite")

# Pages of the index that one round writes: some milliseconds of work.
_MERGED_PAGES = 256
# How often SQLite lets Python look for Ctrl-C, in steps of its machine: some milliseconds.
_STEPS_BETWEEN_LOOKS = 100_000
# How often the file is written because somebody wrote to the store meanwhile.
_TRIES = 3


def vacuum(
    path: Path, *, stop_writers: bool = False, patience: float = 2.0, progress: Progress = silent
) -> Vacuumed:
    """Write the content into a new file, without what deleted postings have left in the old one.

    The full-text index is merged into one piece, since it keeps the words of what was deleted until
    then. Afterwards nothing of it is in a byte of the store; the old file is gone when the last one
    who has it open has looked at the store again. Others read and write meanwhile, unless
    ``stop_writers`` keeps them from writing until it is done. Needs twice as much free disk as the
    content takes.

    Raises StorageFull when that is not there, StoreBusy when others hold the lock for longer than
    ``patience`` seconds or write again and again, StoreUnavailable and StoreCorrupt. Nothing is
    changed then, nor when Ctrl-C ends it, which it may do at any moment.
    """
    started = time.monotonic()
    path = path.resolve()
    require_file(path)
    with reachable(path):
        before = _size_of(path)
    lock = FileLock(path, patience)
    with translated(), lock if stop_writers else nullcontext():
        within = nullcontext() if stop_writers else lock
        for _ in range(_TRIES):
            with scratch_folder(path.parent) as folder, closing(open_file(path, "ro", 10)) as conn:
                schema.recorded(conn)
                version, octets = exchange.version(conn), _content_size(conn)
                require_space(path.parent, 2 * octets)
                new = _written_anew(conn, folder, progress)
                resemble(new, path)
                synchronise(new)
                for hold in exchange.tries(path):
                    with within:
                        if not (is_same(conn.identity) and exchange.version(conn) == version):
                            break
                        with exchange.opened(path, hold) as live:
                            aside = exchange.exchange(path, new, live, lock)
                    if aside is not None:
                        conn.close()
                        waiting = _is_open(aside)
                        exchange.discard(aside)
                        seconds = time.monotonic() - started
                        return Vacuumed(before, _size_of(path), seconds, waiting)
    raise StoreBusy(
        "Others wrote to the store each time that it had been written anew; do it in a quiet hour, "
        "or stop them meanwhile with --stop-writers. Nothing was changed."
    )


def _written_anew(conn: Connection, folder: Path, progress: Progress) -> Path:
    """Write what a connection sees into a file in ``folder``, and return it."""
    progress("check the pages", 0, 0)
    with _interruptible(conn):
        _require_soundness(conn)
    copy, new = folder / "copy.db", folder / "new.db"
    progress("copy the content", 0, 0)
    _vacuum_into(conn, copy)
    # Nobody else has these, and they need not survive a crash until they are finished.
    with closing(sqlite3.connect(copy, isolation_level=None)) as copied:
        copied.execute("PRAGMA journal_mode = OFF")
        copied.execute("PRAGMA synchronous = OFF")
        _merge_all(copied, progress)
        progress("write the file anew", 0, 0)
        _vacuum_into(copied, new)
    copy.unlink()
    with closing(sqlite3.connect(new, isolation_level=None)) as written:
        written.execute("PRAGMA journal_mode = WAL")
    return new


def _vacuum_into(conn: Connection, file: Path) -> None:
    create(file).close()
    with _interruptible(conn):
        conn.execute("VACUUM INTO ?", (str(file),))


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


def _content_size(conn: Connection) -> int:
    """Return the bytes that the content takes."""
    pages, free, size = (
        conn.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _size_of(path: Path) -> int:
    """Return the bytes of a database and its WAL."""
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.is_file())


def _is_open(file: Path) -> bool:
    """Whether anybody has a file open as a database; False where that is not known."""
    with suppress(OSError):
        return bool(locks(file.stat().st_ino))
    return False


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
