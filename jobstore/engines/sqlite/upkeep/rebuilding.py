"""Making the full-text index and the counts anew, all at once, for a repair.

What `jobstore migrate up` builds, it builds in small steps (:mod:`.renewal`). Every function here
works inside a transaction that its caller began, on a connection whose
:class:`~jobstore.locking.FileLock` the caller holds, and blocks meanwhile. Rows
are read as they are needed, so memory does not grow with the store. A posting that cannot be
read raises DamagedRow; then the caller rolls back, and only a backup helps.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from jobstore.derived.counters import Tally
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.rows import PLACE, job_from_row, sound
from jobstore.engines.sqlite.upkeep import renewal
from jobstore.engines.sqlite.writing import counters, renewing
from jobstore.engines.sqlite.writing.indexing import entry, numbered

_SQL = named_statements.load("sqlite")

OLDEST_FIRST = " ORDER BY p.place"
NEWEST_FIRST = " ORDER BY p.place DESC"

# Postings that are held at a time, and whose counts are written together.
SLICE = 1024


@sound
def rebuild_index(conn: sqlite3.Connection, progress: Callable[[int], object] | None = None) -> int:
    """Drop the full-text index and write it anew; return the number of postings.

    ``progress`` gets the number that was indexed since it was last called.
    """
    conn.execute(_SQL["empty_words"])
    if (found := renewing.standing(conn)) is not None:
        # Whatever was to be made up for is in it. One that is being built has to begin anew.
        conn.execute(_SQL["forget_changes"])
        if found.counted:
            renewal.give_up(conn)
    done = 0
    # In the order of the index, so that FTS5 gathers what is written into large segments.
    for rows in _slices(conn, _SQL["every_posting"] + NEWEST_FIRST):
        entries = (numbered(row[PLACE], entry(Derived(job_from_row(row)))) for row in rows)
        conn.executemany(_SQL["insert_words"], entries)
        done += len(rows)
        if progress is not None:
            progress(len(rows))
    return done


@sound
def rebuild_counters(conn: sqlite3.Connection) -> int:
    """Drop all counts and recount the postings; return how many there are.

    A value that is spelled in several ways is shown as its oldest posting spells it.
    """
    conn.execute(_SQL["empty_counters"])
    done = 0
    for rows in _slices(conn, _SQL["every_posting"] + OLDEST_FIRST):
        tally = Tally()
        for row in rows:
            tally.add(Derived(job_from_row(row)).counters)
        counters.write(conn, tally)
        done += len(rows)
    return done


def _slices(conn: sqlite3.Connection, statement: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of a statement, some at a time."""
    rows = conn.execute(statement)
    while found := list(islice(rows, SLICE)):
        yield found
