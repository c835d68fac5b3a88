"""Whether a SQLite store is sound: its library, its file, its pages, its rows.

Everything here only looks, on a read-only connection of its own, and blocks while it does.
Nothing is repaired, and migrations are not known (``doctor`` asks them itself).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from jobstore.engines import named_statements
from jobstore.engines.backend import Footprint
from jobstore.engines.sqlite import damaged_wal, schema
from jobstore.engines.sqlite.errors import primary_code, unreadable, wrap
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.library import library
from jobstore.engines.sqlite.upkeep import exchange
from jobstore.engines.sqlite.upkeep.copying import dump
from jobstore.engines.sqlite.upkeep.verification import verify_rows
from jobstore.engines.verifying import Faults
from jobstore.errors import JobStoreError
from jobstore.files import exposure, folder_of
from jobstore.progress import silent
from jobstore.scratch import scratch_folder
from jobstore.sizes import readable_size
from jobstore.verdicts import Check, Verdict, finding

_SQL = named_statements.load("sqlite")

# Seconds to wait for a lock before a check is given up.
PATIENCE = 10.0
# A WAL of this size says that a reader never lets go, or that nobody checkpoints.
_LARGE_WAL = 256 * 1024 * 1024
_LITTLE_SPACE = 256 * 1024 * 1024
# What to do about transactions behind damage.
_LOST = (
    "what was stored last is missing: import it again, see whether the disk is sound, then remove "
    "the copy"
)


def inspect_library() -> Check:
    """Look at the SQLite that Python is linked with."""
    name, _, usable, detail, _ = library()
    return finding(name, Verdict.PASS if usable else Verdict.FAIL, detail)


def footprint(path: Path) -> Footprint:
    """Return what a database takes on disk; raises OSError when it is not there."""
    # SQLite follows links to the database, and keeps its WAL where they lead.
    log = Path(f"{path.resolve()}-wal")
    return Footprint(path.stat().st_size, log.stat().st_size if log.exists() else 0)


def inspect_files(path: Path) -> Iterator[Check]:
    """Look at the database file, what stands beside it, and the disk."""
    state = path.stat()
    yield finding("file", Verdict.PASS, f"{path}, {readable_size(state.st_size)}")
    mode = stat.S_IMODE(state.st_mode)
    others = f"mode {mode:04o}"
    # Of a link, whoever may write where it stands can replace the store as well.
    folders = dict.fromkeys((path.parent, folder_of(path)))
    exposed = {each: how for each in folders if (how := exposure(each, state.st_uid))}
    if exposed:
        told = ", ".join(f"the folder {folder} {how}" for folder, how in exposed.items())
        yield finding(
            "permissions", Verdict.WARN, f"{told}, and so the store can be replaced; chmod 700"
        )
    elif mode & 0o077:
        yield finding(
            "permissions", Verdict.WARN, f"{others}: other accounts can open it; chmod 600"
        )
    elif not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        yield finding("permissions", Verdict.WARN, f"{others}: this account cannot write")
    else:
        yield finding("permissions", Verdict.PASS, others)
    yield _inspect_log(path.resolve())
    if asides := exchange.asides(path.resolve()):
        yield finding("set aside", Verdict.WARN, " ".join(map(exchange.told, asides)))
    free = shutil.disk_usage(folder_of(path)).free
    yield finding(
        "disk space",
        Verdict.WARN if free < _LITTLE_SPACE else Verdict.PASS,
        f"{readable_size(free)} free",
    )


def _inspect_log(path: Path) -> Check:
    """Look at the WAL; to be called before anything opens the database, which recovers it."""
    length = footprint(path).log
    damaged = damaged_wal.examine(path)
    if damaged is not None:
        verdict = Verdict.FAIL if damaged.certain else Verdict.WARN
        try:
            copied = f"It was copied to {damaged_wal.keep(path, damaged)}; {_LOST}"
        except OSError as error:
            copied = f"It cannot be copied ({error.strerror}): do that before anything opens it"
        return finding("wal", verdict, f"{damaged}. {copied}")
    copies = [each for each, _ in damaged_wal.kept(path)]
    if copies:
        told = f"one was damaged and is kept in {', '.join(map(str, copies))}; {_LOST}"
        return finding("wal", Verdict.WARN, told)
    large = length > _LARGE_WAL
    return finding(
        "wal",
        Verdict.WARN if large else Verdict.PASS,
        readable_size(length) + (": a reader keeps it from being written back" if large else ""),
    )


def inspect_content(path: Path, *, full: bool, rows: bool) -> Iterator[Check]:
    """Look at the pages of a store, and at what they hold, while others go on writing.

    With ``full`` indexes and words are checked as well, with ``rows`` every posting is read. What
    takes long is read in a copy beside the store: SQLite lets only a writer check the words, and
    nothing can be written back to the file as long as somebody reads an old state of it. Where no
    copy can be made, for lack of room or because of damage, the store itself is read.
    """
    (pages,) = inspect_pages(path, full=full)
    yield pages
    words = full and pages.verdict is Verdict.PASS
    if not (words or rows):
        return
    with _copied(path) as copy:
        if words:
            yield inspect_words(copy)
        if rows:
            yield from inspect_rows(copy)


@contextmanager
def _copied(path: Path) -> Iterator[Path]:
    """Give a copy of the store as it is now, or else the store itself."""
    with ExitStack() as stack:
        copy = None
        with suppress(JobStoreError, sqlite3.Error):
            made = stack.enter_context(scratch_folder(path.resolve().parent)) / "copy.db"
            dump(path, made, silent)
            copy = made
        if copy is None:
            # What is there of it would take the room that writers need.
            stack.close()
        yield copy or path


def inspect_pages(path: Path, *, full: bool) -> list[Check]:
    """Let SQLite check the structure of the file; with ``full`` indexes as well."""
    return _reading(path, lambda conn: [check_pages(conn, full=full)])


def check_pages(conn: sqlite3.Connection, *, full: bool) -> Check:
    """Do what :func:`inspect_pages` does for the pages, on an open connection."""
    check = "integrity_check" if full else "quick_check"
    told = (str(row[0]).replace("\n", " ") for row in conn.execute(f"PRAGMA {check}(100)"))
    return Faults(each for each in told if each != "ok").finding("pages", f"{check} found nothing")


def inspect_words(path: Path) -> Check:
    """Check the full-text index in itself; SQLite lets only a writer do that."""
    try:
        with schema.writing(path, PATIENCE) as conn:
            conn.execute("BEGIN IMMEDIATE")
            try:
                return check_words(conn)
            finally:
                conn.execute("ROLLBACK")
    except (sqlite3.Error, JobStoreError) as error:
        return _failed("words", error)


def check_words(conn: sqlite3.Connection) -> Check:
    """Check the full-text index in itself, in the transaction of a writer that is open."""
    try:
        conn.execute(_SQL["check_words"])
    except sqlite3.Error as error:
        return _failed("words", error)
    return finding("words", Verdict.PASS, "the full-text index is sound")


def inspect_rows(path: Path) -> Iterator[Check]:
    """Read every posting, and compare what is kept twice with it."""
    yield from _reading(path, verify_rows)


def _reading(path: Path, look: Callable[[sqlite3.Connection], list[Check]]) -> list[Check]:
    """Return what a look finds; raise StoreUnavailable where the disk cannot be read.

    SQLite reports a read that failed with EIO as damage, which no repair and no backup mends.
    """
    try:
        with closing(open_file(path, "ro", PATIENCE)) as conn:
            try:
                found = look(conn)
            except sqlite3.Error as error:
                if primary_code(error) == "IOERR":
                    raise wrap(error) from error
                found = [_failed("pages", error)]
            except UnicodeDecodeError:
                # SQLite quotes the text of a damaged schema, and Python cannot read the message.
                found = [finding("pages", Verdict.FAIL, "the schema is damaged")]
            if any(each.verdict is Verdict.FAIL for each in found) and (gone := unreadable(conn)):
                raise gone
            return found
    except sqlite3.Error as error:
        return [_failed("pages", error)]


def _failed(name: str, error: Exception) -> Check:
    # The original says more about damage than the translation does, and quotes no statement.
    message = str(error) if primary_code(error) in ("CORRUPT", "NOTADB") else str(wrap(error))
    return finding(name, Verdict.FAIL, message)
