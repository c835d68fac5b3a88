"""Repairing a store: what follows from its postings is made anew, everything else stays.

A repair is one transaction, and it is kept only if the whole store is sound at its end. What
cannot be rebuilt (postings, their texts and history, the structure of tables) is not touched;
that takes a backup.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from jobstore.engines import named_statements
from jobstore.engines.backend import RESTORE_ADVICE, Repaired
from jobstore.engines.kept import FOLLOWING
from jobstore.engines.rows import DamagedRow
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import primary_code, translated
from jobstore.engines.sqlite.log.stamps import stamp
from jobstore.engines.sqlite.tables import tables
from jobstore.engines.sqlite.upkeep.copying import dump
from jobstore.engines.sqlite.upkeep.inspection import check_pages, check_words
from jobstore.engines.sqlite.upkeep.rebuilding import rebuild_counters, rebuild_index
from jobstore.engines.sqlite.upkeep.verification import verify_rows
from jobstore.errors import StoreCorrupt
from jobstore.files import synchronise
from jobstore.moments import in_name
from jobstore.progress import silent
from jobstore.verdicts import Verdict

_SQL = named_statements.load("sqlite")

# Seconds to wait for others who write before a repair is given up.
PATIENCE = 10.0

Progress = Callable[[int], object]


def repair(
    path: Path,
    names: Iterable[str],
    *,
    copy: bool = True,
    progress: Progress | None = None,
) -> Repaired:
    """Do what :class:`jobstore.engines.backend.Upkeep` says of a repair."""
    wanted = set(names)
    with (
        translated(),
        schema.migrating(path, PATIENCE) as conn,
        _all_or_nothing(conn),
        _kept(path, copy) as kept,
    ):
        done = [each.work(conn, progress) for name, each in _REPAIRS.items() if name in wanted]
        findings = [check_pages(conn, full=True), check_words(conn), *verify_rows(conn)]
        left = [each for each in findings if each.verdict is Verdict.FAIL]
        if left:
            raise StoreCorrupt(_beyond(f"{left[0].name}: {left[0].output}"))
    return Repaired(list(dict.fromkeys(done)), kept, findings)


@contextmanager
def _all_or_nothing(conn: sqlite3.Connection) -> Iterator[None]:
    conn.execute("BEGIN IMMEDIATE")
    try:
        stamp(conn)
        yield
        conn.execute("COMMIT")
    except BaseException as error:
        # Damage or a full disk may have ended it already.
        with suppress(sqlite3.Error):
            conn.execute("ROLLBACK")
        if isinstance(error, DamagedRow) or primary_code(error) == "CORRUPT":
            raise StoreCorrupt(_beyond("pages or postings are damaged")) from error
        raise


def _beyond(why: str) -> str:
    return f"Rebuilding does not mend it ({why}). Nothing was changed; {RESTORE_ADVICE}"


@contextmanager
def _kept(path: Path, wanted: bool) -> Iterator[Path | None]:
    """Keep a copy of the database; it goes again when the block fails, and nothing changes.

    The caller holds the lock, so that nobody writes.
    """
    if not wanted:
        yield None
        return
    copy = path.with_name(f"{path.name}.before-repair-{in_name(datetime.now(UTC))}")
    try:
        dump(path, copy, silent)
        synchronise(copy)
        yield copy
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


def _indexes(conn: sqlite3.Connection, _progress: Progress | None) -> str:
    conn.execute("REINDEX")
    return "rebuilt the indexes of the tables"


def _words(conn: sqlite3.Connection, progress: Progress | None) -> str:
    rebuild_index(conn, progress)
    return "rebuilt the full-text index"


def _counters(conn: sqlite3.Connection, _progress: Progress | None) -> str:
    rebuild_counters(conn)
    return "recounted the counters"


def _orphans(conn: sqlite3.Connection, _progress: Progress | None) -> str:
    texts = conn.execute(_SQL["delete_orphaned_texts"]).rowcount
    versions = conn.execute(_SQL["delete_orphaned_revisions"]).rowcount
    others = sum(conn.execute(tables(kept).delete_orphans).rowcount for kept in FOLLOWING)
    more = f", and {others:,} other rows" if others else ""
    return f"removed {texts:,} texts and {versions:,} earlier versions that have no posting{more}"


class _Repair(NamedTuple):
    what: str
    work: Callable[[sqlite3.Connection, Progress | None], str]


# By the name of the finding, in this order: each step needs the one before it.
_REPAIRS: Mapping[str, _Repair] = {
    "pages": _Repair("the indexes of the tables", _indexes),
    "orphans": _Repair("what belongs to no posting (it is removed)", _orphans),
    "words": _Repair("the full-text index", _words),
    "index": _Repair("the full-text index", _words),
    "counters": _Repair("the counters", _counters),
}

REPAIRS: Mapping[str, str] = {name: each.what for name, each in _REPAIRS.items()}
"""What is rebuilt, in words, by the name of the finding; in the order of work."""
