"""SQLite's errors, translated into those of the store.

Only the translation lives here. A translated error keeps the original as ``__cause__``; its
message says what to do and repeats nothing of the original's text, which may quote SQL.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import AbstractContextManager

from jobstore.engines import meanings
from jobstore.engines.rows import DamagedRow
from jobstore.errors import (
    InvalidPosting,
    JobStoreError,
    OutcomeUnknown,
    SchemaMismatch,
    StorageFull,
    StoreBusy,
    StoreClosed,
    StoreCorrupt,
    StoreTimeout,
    StoreUnavailable,
)
from jobstore.files import OUT_OF_FILES, lacks_files

_DISK_FAILED = (
    "The disk failed to read or write the database; check the system's log and free space."
)

# By primary result code (https://sqlite.org/rescode.html).
_MEANINGS: dict[str, tuple[type[JobStoreError], str | None]] = {
    "BUSY": (StoreBusy, None),
    "LOCKED": (StoreBusy, None),
    "PROTOCOL": (StoreBusy, None),
    "FULL": (StorageFull, None),
    "INTERRUPT": (StoreTimeout, None),
    "IOERR": (StoreUnavailable, _DISK_FAILED),
    "CORRUPT": (
        StoreCorrupt,
        "The database file is damaged; run 'jobstore doctor', then restore a backup.",
    ),
    "NOTADB": (StoreCorrupt, "The file is not a SQLite database; check the store's URL."),
    "FORMAT": (StoreCorrupt, "The file is not a SQLite database; check the store's URL."),
    "CANTOPEN": (
        StoreUnavailable,
        "The database file cannot be opened; check that it exists and that this account may "
        "read and write it and its folder.",
    ),
    "READONLY": (
        StoreUnavailable,
        "The database is read-only; give this account write access to the file and its folder.",
    ),
    "PERM": (StoreUnavailable, "Access to the database was denied; check its permissions."),
    "AUTH": (StoreUnavailable, "Access to the database was denied; check its permissions."),
    "NOLFS": (StoreUnavailable, "The file system cannot hold a database of this size."),
    "NOMEM": (StoreUnavailable, "The database ran out of memory."),
    "SCHEMA": (SchemaMismatch, "The schema changed while the store was open; open it again."),
}

_INVALID = {
    "TOOBIG": "is larger than the database can hold",
    "CONSTRAINT": "breaks a rule of the database",
    "MISMATCH": "has a value of a type that its column cannot hold",
}

# What SQLite says, without a code of its own, when a migration was taken back under an open store.
_MISSING = re.compile("no such (table|column|index)|table \\w+ has no column")

# What the sqlite3 module and aiosqlite say without a result code once a connection is closed.
_CLOSED = ("closed database", "Connection closed", "no active connection")
# What one connection opens: database, WAL, its index, folder, lock file, and some to spare.
_FILES_OF_A_STORE = 8
# Seconds and bytes: how long, and how much at a time, a file is read that SQLite finds damaged.
_READING = 2.0
_BLOCK = 1024 * 1024


# Errors about the whole database: the next write would fail in the same way.
_OF_THE_STORE = (OutcomeUnknown, StoreBusy, StoreClosed, StoreTimeout, StoreUnavailable)


def primary_code(error: BaseException) -> str:
    """Return the primary result code's name, such as ``"BUSY"``; ``""`` when there is none."""
    name: str = getattr(error, "sqlite_errorname", None) or ""
    return name.removeprefix("SQLITE_").partition("_")[0]


def told_apart(error: BaseException, conn: sqlite3.Connection) -> BaseException:
    """Return StoreUnavailable where ``error`` reports damage, but it is the disk that fails.

    SQLite calls a read that failed with EIO corrupt (it turns SQLITE_IOERR_CORRUPTFS into
    SQLITE_CORRUPT), so the files of ``conn`` are read once more. Blocks for seconds at most; other
    errors are returned as they are.
    """
    raw = error.__cause__ if isinstance(error, StoreCorrupt) else error
    if primary_code(raw or error) != "CORRUPT":
        return error
    return unreadable(conn) or error


def unreadable(conn: sqlite3.Connection) -> StoreUnavailable | None:
    """Return the error to raise where the disk under ``conn`` cannot be read; None where it can.

    Blocks for seconds at most.
    """
    try:
        (path,) = (file for _, name, file in conn.execute("PRAGMA database_list") if name == "main")
        for name in (path, f"{path}-wal"):
            _read(name)
    except (sqlite3.Error, FileNotFoundError):
        return None
    except OSError as failed:
        failure = StoreUnavailable(_DISK_FAILED)
        failure.__cause__ = failed
        return failure
    return None


def _read(path: str) -> None:
    """Read a file to its end, but no longer than a moment."""
    deadline = time.monotonic() + _READING
    descriptor = os.open(path, os.O_RDONLY)
    try:
        at = 0
        while (read := len(os.pread(descriptor, _BLOCK, at))) and time.monotonic() < deadline:
            at += read
    finally:
        os.close(descriptor)


def wrap(error: BaseException, *, committing: bool = False) -> Exception:
    """Return the error of the store that ``error`` stands for, or ``error`` if there is none.

    ``committing``: the error came out of COMMIT. A failed disk access then leaves open whether
    the write is stored (OutcomeUnknown).
    """
    meaning = _meaning(error, committing) or meanings.raisable(error)
    if meaning is error:
        return meaning
    # The sqlite3 module quotes a text that it cannot decode; no traceback may show it.
    quotes = isinstance(error, sqlite3.Error) and _is_damage(error)
    meaning.__cause__ = DamagedRow("a text is no UTF-8") if quotes else error
    return meaning


def concerns_store(error: BaseException) -> bool:
    """Whether a translated error is about the whole store rather than about one row."""
    return isinstance(error, _OF_THE_STORE) and not _is_damage(error.__cause__)


def translated() -> AbstractContextManager[None]:
    """Raise errors of the block as errors of the store."""
    return meanings.translating(wrap)


def _is_damage(error: BaseException | None) -> bool:
    """Tell whether a stored value could not be read."""
    # The sqlite3 module says the latter when a text is no UTF-8, or fails in saying so.
    return isinstance(error, (DamagedRow, UnicodeDecodeError)) or (
        isinstance(error, sqlite3.OperationalError) and "Could not decode" in str(error)
    )


def _meaning(error: BaseException, committing: bool) -> JobStoreError | None:
    if isinstance(error, JobStoreError):
        return None
    if isinstance(error, (sqlite3.ProgrammingError, ValueError)) and any(
        sign in str(error) for sign in _CLOSED
    ):
        return StoreClosed()
    found = meanings.of_values(DamagedRow() if _is_damage(error) else error)
    if found is not None:
        return found
    if not isinstance(error, sqlite3.Error):
        return None
    code = primary_code(error)
    if committing and code == "IOERR":
        return OutcomeUnknown()
    if code == "CANTOPEN" and _out_of_files():
        return StoreUnavailable(OUT_OF_FILES)
    if code in _MEANINGS:
        kind, message = _MEANINGS[code]
        return kind(message)
    if code in _INVALID:
        return InvalidPosting(_INVALID[code])
    if isinstance(error, sqlite3.DataError):
        return InvalidPosting(_INVALID["TOOBIG"])
    if _MISSING.match(str(error)):
        return meanings.other_schema()
    return meanings.unknown()


def _out_of_files() -> bool:
    """Try whether no more files can be opened: SQLite does not say why opening one failed."""
    opened: list[int] = []
    try:
        for _ in range(_FILES_OF_A_STORE):
            # One by one, so that each that was opened is closed again.
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401
    except OSError as error:
        return lacks_files(error)
    finally:
        for each in opened:
            os.close(each)
    return False
