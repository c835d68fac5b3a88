"""What somebody else's writes mean to the index, while it is built anew beside them.

The index that is being built is kept up by everybody, also by programs of the version before,
which know nothing of it: triggers write down what a posting said before each change (table
``renewal_change``, sql/sqlite/renewal.sql). Draining it takes the entry of that state out of the
index and puts in that of the present one. At any moment between two transactions the index holds

- the entry of each posting from place ``renewal.place`` on that is not in the table, and
- for each that is, the entry of what the table says, if it says any.

So it does not matter who drains, in which order, and how much at a time. These functions run in a
transaction of their caller, who holds the file lock.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from jobstore.derived.counters import Counter, Tally
from jobstore.derived.micros import to_micros
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.rows import (
    DESCRIPTION,
    DIGEST,
    LISTED_AT,
    PLACE,
    PLAIN,
    SEEN_DIGEST,
    DamagedRow,
    job_from_row,
    row_digests,
    sound,
)
from jobstore.engines.sqlite.writing.indexing import Entry, IndexChanges, entry
from jobstore.engines.writing.admission import require_admission
from jobstore.intake.markup import plain_text

_SQL = named_statements.load("sqlite")

DERIVED_FORM = 5
"""The form of what is derived from postings. It changes with plain texts
(:mod:`jobstore.intake.markup`), with the words of the index (:mod:`jobstore.search.words`,
:mod:`~jobstore.derived.facet_words`), with its columns and rowids
(:mod:`~jobstore.engines.sqlite.writing.indexing`), the kinds of counters and the digests; a store
in an older form is brought along by ``jobstore migrate up``."""

EVERYTHING = -(2**62)
"""The place from which on the index knows all postings."""
NOTHING = 2**62
"""... and none."""

# Changes of others that a transaction drains beside its own, and that are drained at a time.
_SHARE = 16
_BATCH = 32

Change = tuple[int, bytes, int | None, str | None]


class Standing(NamedTuple):
    """A renewal as a transaction finds it: ``place`` as above, whether counts are ``counted``
    beside, whether the index is ``kept`` up after it was built, and the last change before."""

    place: int
    counted: bool
    kept: bool
    head: int


class Renewed(NamedTuple):
    """What follows from a posting in the form of this jobstore."""

    plain: str | None
    digests: tuple[bytes, bytes]
    words: Entry
    counters: list[tuple[Counter, int]]
    listed_at: int


def admit(conn: sqlite3.Connection, newest: str) -> None:
    """Raise SchemaMismatch where programs that know migrations up to ``newest`` may not write."""
    row = conn.execute(_SQL["compatible"]).fetchone()
    require_admission(None if row is None else row[0], newest)


def standing(conn: sqlite3.Connection) -> Standing | None:
    """Return how the renewal to the form of this jobstore stands; ``None`` if there is none."""
    row = conn.execute(_SQL["renewal_standing"], (DERIVED_FORM,)).fetchone()
    if row is None:
        return None
    place, stage, head = row
    return Standing(place, stage != "kept", stage == "kept", head or 0)


@sound
def renewed(row: Sequence[Any]) -> Renewed:
    """Derive everything anew from a row of statement every_posting."""
    description = row[DESCRIPTION]
    plain = None if description is None else plain_text(description)
    if plain == description:
        plain = None
    row = (*row[:PLAIN], plain, *row[PLAIN + 1 :])
    derived = Derived(job_from_row(row))
    return Renewed(
        plain,
        row_digests(row)[:2],
        entry(derived),
        list(derived.counters),
        to_micros(derived.listed_at),
    )


def write_beside(conn: sqlite3.Connection, row: Sequence[Any], new: Renewed) -> None:
    """Write the plain text and the digests of a posting, where they are not as they should be."""
    if new.plain != row[PLAIN]:
        conn.execute(_SQL["write_plain_text"], (new.plain, row[PLACE]))
    if new.digests != (row[DIGEST], row[SEEN_DIGEST]) and new.listed_at == row[LISTED_AT]:
        conn.execute(_SQL["write_digests"], (*new.digests, row[PLACE]))


def settle(conn: sqlite3.Connection, found: Standing, ids: Iterable[bytes]) -> None:
    """Bring into the index what this transaction changed, and a few changes of others.

    ``ids`` are the postings that it wrote; what it moved besides was logged after ``found``. Raises
    DamagedRow when one of them cannot be read.
    """
    mine: dict[int, Change] = {
        each[0]: each for each in conn.execute(_SQL["changes_after"], (found.head,))
    }
    for id in ids:
        if (change := conn.execute(_SQL["change_of"], (id,)).fetchone()) is not None:
            mine[change[0]] = change
    _apply(conn, found, mine.values())
    if found.kept:
        conn.execute(_SQL["renewal_written"])
    # One that is damaged is no reason to refuse this write.
    with suppress(DamagedRow):
        _apply(conn, found, conn.execute(_SQL["first_changes"], (_SHARE,)).fetchall())


def drain(conn: sqlite3.Connection, found: Standing, seconds: float) -> bool:
    """Bring changes into the index until so many seconds are over; True if none is left."""
    deadline = time.monotonic() + seconds
    while changes := conn.execute(_SQL["first_changes"], (_BATCH,)).fetchall():
        _apply(conn, found, changes)
        if time.monotonic() >= deadline:
            return not conn.execute(_SQL["any_change"]).fetchone()[0]
    return True


@sound
def known(id: bytes, was: str) -> Derived:
    """Return a posting as the index knows it."""
    return Derived(job_from_row((id, *json.loads(was))))


def _apply(conn: sqlite3.Connection, found: Standing, changes: Iterable[Change]) -> None:
    index, tally = IndexChanges(), Tally()
    # The numbers of changes that are done with, and of those whose entry alone is taken out.
    gone: set[int] = set()
    unknown: set[int] = set()

    def take_out(id: bytes, place: int, was: str) -> None:
        old = known(id, was)
        index.remove(place, entry(old))
        if found.counted:
            tally.add(old.counters, -1)

    # Everything is read first: what cannot be read leaves nothing half done.
    present = []
    for number, id, place, was in changes:
        if place is not None:
            assert was is not None
            take_out(id, place, was)
        row = conn.execute(_SQL["every_posting"] + " WHERE p.id = ?", (id,)).fetchone()
        if row is not None:
            present.append((row, renewed(row)))
        gone.add(number)
    for row, _ in present:
        if row[PLACE] < found.place:
            continue
        # Another one may have stood there, as far as the index knows.
        before = conn.execute(_SQL["change_known_at"], (row[PLACE],)).fetchone()
        if before is not None and before[0] not in gone:
            take_out(*before[1:])
            unknown.add(before[0])
    for row, new in present:
        write_beside(conn, row, new)
        if row[PLACE] >= found.place:
            index.add(row[PLACE], new.words)
            if found.counted:
                tally.add(new.counters)
    index.write(conn)
    if found.counted:
        count_beside(conn, tally)
    conn.executemany(_SQL["unknow_change"], ((number,) for number in unknown))
    conn.executemany(_SQL["forget_change"], ((number,) for number in gone))


def count_beside(conn: sqlite3.Connection, tally: Tally) -> None:
    """Add to the counts that are made anew."""
    conn.executemany(_SQL["add_to_renewal_counter"], tally.changed())
