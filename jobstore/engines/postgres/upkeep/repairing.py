"""Repairing a store on a server: what follows from its postings is made anew, all else stays.

A repair is one transaction, and it is kept only if the whole store is sound at its end. Others read
meanwhile, and do not write. Only indexes that are not valid are made anew before that, beside them.
What cannot be made anew (postings, their history) is not touched; that takes a backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from json import dumps
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from jobstore.derived.counters import Tally
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.backend import RESTORE_ADVICE, Repaired
from jobstore.engines.kept import FOLLOWING
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.search.vectors import indexed
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.tables import tables
from jobstore.engines.postgres.upkeep.inspection import inspect_structure, invalid_indexes
from jobstore.engines.postgres.upkeep.verification import SLICE, columns, rows_of, verify_rows
from jobstore.engines.postgres.writing import counters
from jobstore.engines.rows import DamagedRow, job_from_row
from jobstore.errors import StoreCorrupt
from jobstore.settings import StoreURL
from jobstore.verdicts import Check, Verdict

_SQL = named_statements.load("postgres")

Connection = psycopg.Connection[tuple[Any, ...]]
Progress = Callable[[int], object]

# Seconds to wait for others who write before a repair is given up.
_PATIENCE = 10.0


def repair(
    url: StoreURL,
    names: Iterable[str],
    *,
    keep: Callable[[], Path | None],
    progress: Progress | None = None,
) -> Repaired:
    """Do what :class:`jobstore.engines.backend.Upkeep` says of a repair.

    ``keep`` makes the copy, when nobody can write any more; ``None`` where none is wanted.
    """
    wanted, kept = set(names), None
    try:
        with blocking(url, patience=_PATIENCE) as conn:
            schema.recorded(conn)
            if "structure" in wanted:
                _make_valid(conn)
            locking = schema.locking(conn, schema.LOCK_OUT_WRITERS)
            with conn.transaction():
                conn.execute(locking)
                kept = keep()
                done, findings = _repaired(conn, wanted, progress)
    except BaseException:
        if kept is not None:
            with suppress(OSError):
                kept.unlink()
        raise
    return Repaired(done, kept, findings)


def _repaired(
    conn: Connection, wanted: set[str], progress: Progress | None
) -> tuple[list[str], list[Check]]:
    try:
        done = [each.work(conn, progress) for name, each in _REPAIRS.items() if name in wanted]
    except DamagedRow as error:
        raise StoreCorrupt(_beyond("postings are damaged")) from error
    findings = [inspect_structure(conn, full=False), *verify_rows(conn)]
    if left := [each for each in findings if each.verdict is Verdict.FAIL]:
        raise StoreCorrupt(_beyond(f"{left[0].name}: {left[0].output}"))
    return done, findings


def _beyond(why: str) -> str:
    return f"Rebuilding does not mend it ({why}). Nothing was changed; {RESTORE_ADVICE}"


def _make_valid(conn: Connection) -> None:
    """Make indexes that are not valid anew, beside those who read and write.

    Each is a step of its own, which changes nothing that is kept; an interrupted one is done again.
    """
    invalid = invalid_indexes(conn)
    try:
        for names, statement in (
            (invalid.dropped, "DROP INDEX CONCURRENTLY {}"),
            (invalid.rebuilt, "REINDEX INDEX CONCURRENTLY {}"),
        ):
            for name in names:
                conn.execute(sql.SQL(statement).format(sql.Identifier(name)), prepare=False)
    except psycopg.errors.UniqueViolation as error:
        raise StoreCorrupt(_beyond("two postings have one key")) from error


def _indexes(conn: Connection, _progress: Progress | None) -> str:
    for (name,) in conn.execute(_SQL["indexes_of_tables"]).fetchall():
        conn.execute(sql.SQL("REINDEX INDEX {}").format(sql.Identifier(name)), prepare=False)
    return "rebuilt the indexes of the tables"


def _orphans(conn: Connection, _progress: Progress | None) -> str:
    versions = conn.execute(_SQL["delete_orphaned_revisions"]).rowcount
    others = sum(conn.execute(tables(kept).delete_orphans).rowcount for kept in FOLLOWING)
    more = f", and {others:,} other rows" if others else ""
    return f"removed {versions:,} earlier versions that have no posting{more}"


def _words(conn: Connection, progress: Progress | None) -> str:
    for postings in _slices(conn):
        words = [(each.job.id.bytes, indexed(each)) for each in postings]
        conn.execute(_SQL["write_words"], columns(words))
        if progress is not None:
            progress(len(postings))
    return "rebuilt the words of postings that were wrong in the index"


def _counters(conn: Connection, _progress: Progress | None) -> str:
    conn.execute(_SQL["empty_counters"])
    conn.execute(_SQL["empty_deltas"])
    for postings in _slices(conn):
        tally = Tally()
        for each in reversed(postings):
            tally.add(each.counters)
        changed = [
            {"kind": kind, "value": value, "label": label, "amount": amount}
            for kind, value, label, amount in tally.changed()
        ]
        conn.execute(_SQL["add_counts"], (dumps(changed),))
    counters.answered_blocking(conn, counters.rolled_up())
    return "recounted the counters"


def _slices(conn: Connection) -> Iterator[list[Derived]]:
    rows = rows_of(conn, "every_posting")
    while found := [Derived(job_from_row(row)) for row in islice(rows, SLICE)]:
        yield found


class _Repair(NamedTuple):
    what: str
    work: Callable[[Connection, Progress | None], str]


# By the name of the finding, in this order.
_REPAIRS: Mapping[str, _Repair] = {
    "structure": _Repair("the indexes of the tables", _indexes),
    "orphans": _Repair("what belongs to no posting (it is removed)", _orphans),
    "words": _Repair("the words of postings in the index", _words),
    "counters": _Repair("the counters", _counters),
}

REPAIRS: Mapping[str, str] = {name: each.what for name, each in _REPAIRS.items()}
"""What is rebuilt, in words, by the name of the finding; in the order of work."""
