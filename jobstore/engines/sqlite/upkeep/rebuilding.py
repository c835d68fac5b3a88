"""Making anew what follows from the postings: plain texts, digests, the full-text index and the
counts.

Every function works inside a transaction that its caller began, on a connection whose
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
from jobstore.derived.digests import revision_digest
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.sqlite.rows import (
    DESCRIPTION,
    LISTED_AT,
    PLACE,
    PLAIN,
    job_from_row,
    row_digests,
    sound,
    to_micros,
)
from jobstore.engines.sqlite.writing import counters
from jobstore.engines.sqlite.writing.indexing import entry, numbered
from jobstore.engines.sqlite.writing.list_order import Slot, find_slot
from jobstore.intake.markup import plain_text
from jobstore.progress import Progress, silent

_SQL = named_statements.load("sqlite")

DERIVED_FORM = 5
"""The form of what is derived from postings. It changes with plain texts
(:mod:`jobstore.intake.markup`), with the words of the index (:mod:`jobstore.search.words`,
:mod:`~jobstore.engines.sqlite.search.facet_words`), with its columns and rowids
(:mod:`~jobstore.engines.sqlite.writing.indexing`), the kinds of counters and the digests; a store
in an older form is rewritten by ``jobstore migrate up``."""

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
def rebuild_counters(
    conn: sqlite3.Connection, progress: Callable[[int], object] | None = None
) -> int:
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
        if progress is not None:
            progress(len(rows))
    return done


@sound
def relist(conn: sqlite3.Connection) -> None:
    """Move the postings that are listed at another time than :mod:`jobstore.derived.listing` says.

    The index is not changed, and digests are left out: the caller makes both anew.
    """
    after = b""
    while rows := conn.execute(_SQL["listed_after_sighting"], (after, SLICE)).fetchall():
        for id, *_ in rows:
            row = conn.execute(_SQL["posting_by_id"], (id,)).fetchone()
            listed = to_micros(Derived(job_from_row(row)).listed_at)
            if listed != row[LISTED_AT]:
                slot = _free_slot(conn, listed)
                # Making room may have moved this posting too.
                (place,) = conn.execute(_SQL["place_of_id"], (id,)).fetchone()
                conn.execute(_SQL["relist_posting"], (slot.place, listed, slot.tie, None, place))
                conn.execute(_SQL["move_text"], (slot.place, place))
        after = rows[-1][0]


def _free_slot(conn: sqlite3.Connection, listed: int) -> Slot:
    while not isinstance(found := find_slot(conn, listed), Slot):
        for old, new in found:
            conn.execute(_SQL["move_posting"], (new, old))
            conn.execute(_SQL["move_text"], (new, old))
    return found


def rebuild_derived(conn: sqlite3.Connection, progress: Progress = silent) -> None:
    """Write everything anew that follows from the postings, in the form of this jobstore."""
    total, done = conn.execute(_SQL["count_postings"]).fetchone()[0], 0

    def told(step: str) -> Callable[[int], None]:
        nonlocal done
        done = 0

        def advance(number: int) -> None:
            nonlocal done
            done += number
            progress(step, done, total)

        advance(0)
        return advance

    relist(conn)
    advance = told("read texts")
    for rows in _slices(conn, _SQL["every_posting"] + OLDEST_FIRST):
        read = [_read_anew(row) for row in rows]
        changed = [
            (new[PLAIN], new[PLACE]) for new, row in zip(read, rows, strict=True) if new != row
        ]
        conn.executemany(_SQL["write_plain_text"], changed)
        conn.executemany(_SQL["write_digests"], ((*row_digests(row), row[PLACE]) for row in read))
        advance(len(rows))
    for rows in _slices(conn, _SQL["every_revision"]):
        digests = ((revision_digest(*row[:4]), *row[:2]) for row in rows)
        conn.executemany(_SQL["write_revision_digest"], digests)
    rebuild_index(conn, told("write the index"))
    rebuild_counters(conn, told("count"))
    conn.execute(_SQL["write_derived_form"], (bytes([DERIVED_FORM]),))


def _read_anew(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of statement every_posting with the plain text of its description."""
    description = row[DESCRIPTION]
    plain = None if description is None else plain_text(description)
    return (*row[:PLAIN], None if plain == description else plain, *row[PLAIN + 1 :])


def _slices(conn: sqlite3.Connection, statement: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of a statement, some at a time."""
    rows = conn.execute(statement)
    while found := list(islice(rows, SLICE)):
        yield found
