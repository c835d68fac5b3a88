"""Building anew what follows from the postings, in small steps between other writes.

Each row of table posting says in which form it was derived. A step locks some rows of an older
form, derives them anew and writes them, in one transaction of some ten milliseconds; so a kill
leaves whole steps, whoever comes next goes on from there, and rows that programs of the version
before write meanwhile are found again. Differs by necessity from SQLite, where all words are in
one index, which has to be built beside.

The counters are compared at the end with all postings of one moment, and what they lack is
appended, which takes no lock either; then the form of the store changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from jobstore.derived.counters import Tally
from jobstore.derived.digests import revision_digest
from jobstore.derived.micros import to_micros
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.errors import retryable
from jobstore.engines.postgres.schema import Connection
from jobstore.engines.postgres.writing.batch import posting_row
from jobstore.engines.postgres.writing.changes import payloads
from jobstore.engines.rows import JOB_COLUMNS, job_from_row, sound
from jobstore.engines.schema import Renewal
from jobstore.intake.markup import plain_text
from jobstore.progress import Progress

_SQL = named_statements.load("postgres")
_T = TypeVar("_T")

_FIRST = bytes(16)
# Rows of a step, and of those that only read.
_STEP, _READ = 64, 1000
# Postings of programs of the version before that are brought in at once.
_SETTLED = 2000
# ... and those of the last step.
_AT_LAST = 256
_SWITCHED = "renewed_at"
"""The property that says when the form changed, while programs of the version before go on."""


def standing(conn: Connection) -> Renewal | None:
    """Return how far a renewal is; ``None`` where there is none."""
    form = schema.derived_form(conn)
    switched = schema.read_property(conn, _SWITCHED)
    if form == 0 or (form >= schema.DERIVED_FORM and not switched):
        return None
    ((done, total),) = conn.execute(_SQL["forms"], (schema.DERIVED_FORM,)).fetchall()
    if not switched:
        return Renewal(schema.DERIVED_FORM, "postings", done, total, 0, None, False)
    moment = int.from_bytes(switched, "big")
    return Renewal(form, "kept", done, total, total - done, moment, True)


def renew(conn: Connection, *, keep: bool, progress: Progress) -> None:
    """Bring what is derived to the form of this jobstore; goes on where an earlier call ended.

    ``keep``: programs of the version before may go on, and what they write is followed up.
    """
    if schema.derived_form(conn) >= schema.DERIVED_FORM:
        return
    ((done, total),) = conn.execute(_SQL["forms"], (schema.DERIVED_FORM,)).fetchall()

    def build() -> None:
        nonlocal done
        for number in _postings(conn):
            done += number
            progress("build the index", min(done, total), total)

    build()
    _revisions(conn)
    progress("count", 0, 0)
    _again(lambda: _recount(conn))
    while not _again(lambda: _switch(conn, keep=keep)):
        build()


def _switch(conn: Connection, *, keep: bool) -> bool:
    """Change the form of the store; False where too much was written in an older one since."""
    with conn.transaction():
        if not settle_some(conn, _AT_LAST):
            return False
        schema.write_property(conn, "derived_form", schema.DERIVED_FORM.to_bytes(1, "big"))
        if keep:
            schema.write_property(conn, _SWITCHED, int(time.time()).to_bytes(8, "big"))
    return True


def settle(conn: Connection) -> bool:
    """Bring in what programs of the version before wrote, up to a bound; True if none is left."""
    done = 0
    for number in _postings(conn):
        done += number
        if done >= _SETTLED:
            return False
    return True


def settle_some(conn: Connection, most: int = _AT_LAST) -> bool:
    """Do what :func:`settle` does inside of a transaction; False, and nothing, for more rows."""
    ids = _stale(conn, _FIRST, most + 1)
    if len(ids) > most:
        return False
    _renew_rows(conn, ids)
    return True


def close(conn: Connection) -> None:
    """Follow programs of the version before no more; inside of a transaction."""
    schema.drop_property(conn, _SWITCHED)


def _postings(conn: Connection) -> Iterator[int]:
    """Renew postings until none is left that is in an older form; yields how many at a time."""
    last = _FIRST
    while True:
        if not (ids := _stale(conn, last, _STEP)):
            if last == _FIRST:
                return
            # Others may have written behind us.
            last = _FIRST
            continue

        def step(ids: list[bytes] = ids) -> None:
            with conn.transaction():
                _renew_rows(conn, ids)

        _again(step)
        last = ids[-1]
        yield len(ids)


def _stale(conn: Connection, after: bytes, most: int) -> list[bytes]:
    bound = (schema.DERIVED_FORM, after, most)
    return [id for (id,) in conn.execute(_SQL["stale_ids"], bound)]


def _renew_rows(conn: Connection, ids: Iterable[bytes]) -> None:
    wanted = [UUID(bytes=id) for id in ids]
    rows = conn.execute(_SQL["postings_to_write"], (wanted,)).fetchall() if wanted else []
    for text in payloads(map(_renewed, rows)):
        conn.execute(_SQL["rewrite_postings"], (text,))


@sound
def _renewed(row: tuple[Any, ...]) -> dict[str, Any]:
    """Derive everything anew from a row of statement postings_to_write."""
    job = job_from_row(row)
    if job.description is not None:
        job.description_text = plain_text(job.description)
    derived = Derived(job)
    # A tie may be shared, so it stays, whatever the time of listing becomes.
    return posting_row(derived, to_micros(derived.listed_at), row[_TIE])


# Behind the columns of a job, and the time of listing.
_TIE = len(JOB_COLUMNS) + 1


def _revisions(conn: Connection) -> None:
    """Write the digests of revisions where they are not as they should be."""
    last: tuple[bytes, int] = (_FIRST, 0)
    while rows := conn.execute(_SQL["revisions_after"], (*last, _READ)).fetchall():
        wrong = [
            {"id": UUID(bytes=id), "version": version, "digest": digest}
            for id, version, changed_at, previous, written in rows
            if (digest := revision_digest(id, version, changed_at, previous)) != written
        ]
        for text in payloads(wrong):
            conn.execute(_SQL["write_revision_digests"], (text,))
        last = rows[-1][:2]


def _recount(conn: Connection) -> None:
    """Append what the counters lack; exact beside writers, as all is read of one moment."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        conn.execute(_SQL["turn_to_recount"])
        tally = Tally()
        last = _FIRST
        while ids := [id for (id,) in conn.execute(_SQL["ids_after"], (last, _READ))]:
            rows = conn.execute(_SQL["postings_by_ids"], ([UUID(bytes=id) for id in ids],))
            for row in rows:
                tally.add(Derived(sound(job_from_row)(row)).counters)
            last = ids[-1]
        for kind, value, label, amount in conn.execute(_SQL["every_count"]):
            tally.add([((kind, value, label), amount)], -1)
        lacking = (
            dict(zip(("kind", "value", "label", "amount"), each, strict=True))
            for each in tally.changed()
        )
        for text in payloads(lacking):
            conn.execute(_SQL["add_counts"], (text,))


def _again(step: Callable[[], _T]) -> _T:
    """Do a step as a whole until nobody else is in its way."""
    while True:
        try:
            return step()
        except psycopg.Error as error:
            if not retryable(error):
                raise
