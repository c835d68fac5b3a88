"""Whether a SQLite store is sound: its file, its pages, its counts, its order, its index.

Everything here only looks, on a read-only connection of its own, and blocks while it does.
Nothing is repaired, and migrations are not known (``doctor`` asks them itself).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.connection import LEAST_SQLITE, wal_reset_race
from jobstore.engines.sqlite.counters import counters_of
from jobstore.engines.sqlite.errors import primary_code, wrap
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.locking import FileLock
from jobstore.engines.sqlite.rows import job_from_row, to_micros
from jobstore.errors import JobStoreError
from jobstore.merge import listed_at
from jobstore.records import job_id
from jobstore.statements import catalog
from jobstore.statements.facets import EVERY

_SQL = catalog.load("sqlite")
T = TypeVar("T")

# Seconds to wait for a lock before a check is given up.
PATIENCE = 10.0
# Faults of one kind that are told one by one.
_TOLD = 5
# A WAL of this size says that a reader never lets go, or that nobody checkpoints.
_LARGE_WAL = 256 * 1024 * 1024
_LITTLE_SPACE = 256 * 1024 * 1024


class Verdict(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    WARNING = "warning"
    """Works, and wants attention."""
    PROBLEM = "problem"


@dataclass(slots=True, frozen=True)
class Finding:
    """One thing that was looked at: its name, the verdict, and what was seen."""

    name: str
    verdict: Verdict
    detail: str


def inspect_library() -> Finding:
    """Look at the SQLite that Python is linked with."""
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        return Finding("sqlite", Verdict.PROBLEM, f"{version} is too old; {least} is needed")
    if not wal_reset_race(sqlite3.sqlite_version_info):
        return Finding("sqlite", Verdict.OK, f"{version}, without the WAL-reset race")
    return Finding(
        "sqlite", Verdict.OK, f"{version} has the WAL-reset race; a lock file guards against it"
    )


def inspect_files(path: Path) -> Iterator[Finding]:
    """Look at the database file, what stands beside it, and the disk."""
    state = path.stat()
    yield Finding("file", Verdict.OK, f"{path}, {_size(state.st_size)}")
    mode = stat.S_IMODE(state.st_mode)
    others = f"mode {mode:04o}"
    if mode & 0o077:
        yield Finding(
            "permissions", Verdict.WARNING, f"{others}: other accounts can open it; chmod 600"
        )
    elif not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Finding("permissions", Verdict.WARNING, f"{others}: this account cannot write")
    else:
        yield Finding("permissions", Verdict.OK, others)
    wal = Path(f"{path}-wal")
    length = wal.stat().st_size if wal.exists() else 0
    large = length > _LARGE_WAL
    yield Finding(
        "wal",
        Verdict.WARNING if large else Verdict.OK,
        _size(length) + (": a reader keeps it from being written back" if large else ""),
    )
    free = shutil.disk_usage(path.parent).free
    yield Finding(
        "disk space", Verdict.WARNING if free < _LITTLE_SPACE else Verdict.OK, f"{_size(free)} free"
    )


def inspect_pages(path: Path, *, full: bool) -> Iterator[Finding]:
    """Let SQLite check the structure of the file; with ``full`` indexes and words as well."""
    check = "integrity_check" if full else "quick_check"
    faults = _reading(path, lambda conn: conn.execute(f"PRAGMA {check}(100)").fetchall())
    if isinstance(faults, Finding):
        yield faults
        return
    told = [str(row[0]).replace("\n", " ") for row in faults if row[0] != "ok"]
    yield _finding("pages", f"{check} found nothing", told)
    if full and not told:
        yield _inspect_words(path)


def _inspect_words(path: Path) -> Finding:
    """Check the full-text index in itself; SQLite lets only a writer do that."""
    try:
        with (
            FileLock(path, PATIENCE),
            closing(schema.connect(path, PATIENCE)) as conn,
        ):
            conn.execute("BEGIN IMMEDIATE")
            conn.execute(_SQL["check_words"])
            conn.execute("ROLLBACK")
    except (sqlite3.Error, JobStoreError) as error:
        return _failed("words", error)
    return Finding("words", Verdict.OK, "the full-text index is sound")


def inspect_rows(path: Path) -> Iterator[Finding]:
    """Read every posting, and compare the counts, the order and the index with them."""
    found = _reading(path, _verify)
    yield from [found] if isinstance(found, Finding) else found


def _verify(conn: sqlite3.Connection) -> list[Finding]:
    # One transaction, so that all of it is seen at one moment.
    conn.execute("BEGIN")
    recounted: defaultdict[tuple[str, str], int] = defaultdict(int)
    unsound: list[str] = []
    disordered: list[str] = []
    unindexed: list[str] = []
    indexed = iter(conn.execute(_SQL["indexed_places"], (f'facets : "{EVERY}"',)))
    entry = next(indexed, None)
    number, last = 0, (-1, -1)
    for row in conn.execute(_SQL["every_posting"]):
        number += 1
        place, listed, tie = row[-3:]
        name = f"posting {row[0].hex()}" if isinstance(row[0], bytes) else f"row {place}"
        if (listed, tie) <= last:
            disordered.append(name)
        last = (listed, tie)
        while entry is not None and entry[0] < place:
            unindexed.append(f"entry {entry[0]} without a posting")
            entry = next(indexed, None)
        if entry is not None and entry[0] == place:
            entry = next(indexed, None)
        else:
            unindexed.append(name)
        try:
            job = job_from_row(row)
            if job.id != job_id(job.source, job.source_job_id):
                unsound.append(f"{name} has the id of another key")
            if to_micros(listed_at(job)) != listed:
                disordered.append(f"{name} is listed at another time than it says")
            for (kind, value, _), amount in counters_of(job):
                recounted[kind, value] += amount
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            unsound.append(f"{name} cannot be read ({type(error).__name__})")
    while entry is not None:
        unindexed.append(f"entry {entry[0]} without a posting")
        entry = next(indexed, None)
    return [
        _finding("postings", f"all {number:,} are readable and have the id of their key", unsound),
        _finding("order", "newest first is exact", disordered),
        _finding("index", "every posting is in the full-text index once", unindexed),
        _finding("counters", "equal to what the postings add up to", _miscounted(conn, recounted)),
    ]


def _miscounted(conn: sqlite3.Connection, recounted: dict[tuple[str, str], int]) -> list[str]:
    kept = {(kind, value): amount for kind, value, amount in conn.execute(_SQL["every_counter"])}
    return [
        f"{kind} {value!r} is kept as {kept.get((kind, value), 0):,}, "
        f"counted {recounted.get((kind, value), 0):,}"
        for kind, value in sorted(kept.keys() | recounted.keys())
        if kept.get((kind, value), 0) != recounted.get((kind, value), 0)
    ]


def _reading(path: Path, look: Callable[[sqlite3.Connection], T]) -> T | Finding:
    try:
        with closing(open_file(path, "ro", PATIENCE)) as conn:
            return look(conn)
    except sqlite3.Error as error:
        return _failed("pages", error)


def _failed(name: str, error: Exception) -> Finding:
    # The original says more about damage than the translation does, and quotes no statement.
    message = str(error) if primary_code(error) in ("CORRUPT", "NOTADB") else str(wrap(error))
    return Finding(name, Verdict.PROBLEM, message)


def _finding(name: str, good: str, faults: list[str]) -> Finding:
    if not faults:
        return Finding(name, Verdict.OK, good)
    more = f" and {len(faults) - _TOLD:,} more" if len(faults) > _TOLD else ""
    return Finding(name, Verdict.PROBLEM, "; ".join(faults[:_TOLD]) + more)


def _size(octets: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if octets < 1024:
            return f"{octets:,.0f} {unit}" if unit == "bytes" else f"{octets:,.1f} {unit}"
        octets /= 1024
    return f"{octets:,.1f} TiB"
