"""The postings of a PostgreSQL store as they are carried out of it, and into it.

Two transactions at once may list postings at the same time with the same tie. Who reads for a copy
gives the later ones, by id, the next ties that are free, so that every engine can hold them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from jobstore.derived.counters import Tally
from jobstore.derived.digests import seen_digest
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.kept import VERDICT, Kept, Row
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.connection import Session, connect, filled
from jobstore.engines.postgres.errors import translated, translating
from jobstore.engines.postgres.hearing import NOT_ON_A_STANDBY, Unconfirmed
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.tables import tables
from jobstore.engines.postgres.writing import changes, counters
from jobstore.engines.postgres.writing.batch import Batch, Stored, posting_row
from jobstore.engines.postgres.writing.commits import committed
from jobstore.engines.postgres.writing.transactions import ROLL_UP_AT
from jobstore.engines.rows import (
    LISTED_AT,
    LISTED_TIE,
    POSTING_COLUMNS,
    SEEN_DIGEST,
    job_from_row,
)
from jobstore.engines.transfer import (
    COPIED,
    CURSOR_KEY,
    OTHER_COPY,
    Carried,
    Mark,
    Record,
    Source,
    Target,
    carried,
)
from jobstore.engines.writing.admission import newest_migration
from jobstore.errors import OutcomeUnknown, StoreBusy
from jobstore.settings import EngineOptions, StoreURL

_SQL = named_statements.load("postgres")

# Seconds to wait for others, and that one statement may take.
_PATIENCE, _STATEMENT = 30.0, 3600.0
# Marks that are read, and held, at a time.
_PAGE = 4096
_REVISION = ("id", "version", "changed_at", "previous", "digest")
_COUNT = ("kind", "value", "label", "amount")

_T = TypeVar("_T")
_Read = Callable[[str, Sequence[Any]], list[Row]]
"""Runs a statement, and returns its rows."""


class PostgresTransfer:
    """Postings of databases; see :class:`jobstore.engines.transfer.Transfer`."""

    def place(self, url: StoreURL) -> str:
        with blocking(url) as conn:
            found = conn.execute(_SQL["place"]).fetchone()
        return "" if found is None else str(found[0])

    @contextmanager
    def reading(self, url: StoreURL) -> Iterator[Source]:
        with blocking(url, patience=_PATIENCE) as conn:
            # A pooler may lend the session to others afterwards.
            conn.prepare_threshold = None
            hold = schema.locking(conn, schema.HOLD)
            conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # This takes no snapshot, and waits for who replaces the tables just now.
            conn.execute(hold)
            source = _Source(lambda name, bound: conn.execute(_statement(name), bound).fetchall())
            # The first statement decides the moment.
            source.property(CURSOR_KEY)
            yield source

    @contextmanager
    def closed(self, url: StoreURL, *, patience: float) -> Iterator[None]:
        with blocking(url, patience=patience) as conn:
            locking = schema.locking(conn, schema.LOCK_OUT_WRITERS)
            with conn.transaction():
                conn.execute(locking)
                yield

    @contextmanager
    def writing(self, url: StoreURL, *, durable: bool = True) -> Iterator[Target]:
        options = EngineOptions(synchronous="full" if durable else "normal", busy_timeout=_PATIENCE)
        with asyncio.Runner() as runner, translating():
            opening = connect(filled(url), options, statement=_STATEMENT, lock=_PATIENCE)
            session = runner.run(opening)
            try:
                target = _Target(runner, session)
                yield target
                target.settle()
            finally:
                # Whatever is not committed is undone.
                session.pgconn.finish()


class _Reading:
    """Reads marks and postings as they are stored."""

    def __init__(self, read: _Read) -> None:
        self._read = read

    def total(self) -> int:
        ((number,),) = self._read("count_postings", ())
        return int(number)

    def marks(self) -> Iterator[Mark]:
        return (mark for mark, *_ in self._sightings())

    def postings(self, marks: Sequence[Mark]) -> list[Carried]:
        ids = ([UUID(bytes=mark.id) for mark in marks],)
        rows = self._read("carried_postings", ids)
        return carried(marks, rows, self._read("carried_revisions", ids))

    def rows(self, kept: Kept) -> Iterator[Row]:
        statement = tables(kept).first
        after: Row = ()
        while found := self._read(statement, (*after, _PAGE)):
            yield from found
            statement, after = tables(kept).after, kept.key_of(found[-1])

    def counters(self) -> Iterator[tuple[str, str, int]]:
        for kind, value, _, amount in self._read("every_count", ()):
            yield kind, value, amount

    def property(self, name: str) -> bytes | None:
        for (value,) in self._read("store_property", (name,)):
            return bytes(value)
        return None

    def _sightings(self) -> Iterator[tuple[Mark, int, int]]:
        """Yield all marks with the times at which their postings were first and last seen."""
        after: tuple[int, int, bytes] = (-(2**62), -1, bytes(16))
        while rows := self._read("marks_after", (*after, _PAGE)):
            for row in rows:
                mark = _mark(row[:-2])
                yield mark, *row[-2:]
            after = mark.place


class _Source(_Reading):
    """Reads one moment, with a tie of its own for each posting."""

    def marks(self) -> Iterator[Mark]:
        at, tie = 0, -1
        for mark, first, last in self._sightings():
            tie = max(mark.listed_tie, tie + 1) if mark.listed_at == at else mark.listed_tie
            at = mark.listed_at
            if tie == mark.listed_tie:
                yield mark
            else:
                seen = seen_digest(mark.id, first, last, at, tie)
                yield mark._replace(listed_tie=tie, seen_digest=seen)

    def postings(self, marks: Sequence[Mark]) -> list[Carried]:
        found = super().postings(marks)
        listed = {mark.id: (mark.listed_tie, mark.seen_digest) for mark in marks}
        return [_listed(each, *listed[each.row[0]]) for each in found]


class _Target(_Reading):
    """Writes a database; what is read is as of now."""

    def __init__(self, runner: asyncio.Runner, session: Session) -> None:
        super().__init__(lambda name, bound: runner.run(_fetched(session, name, bound)))
        self._run = runner.run
        self._session = session
        self._appended = 0

    def write(
        self, postings: Sequence[Carried], gone: Sequence[Mark], known: bytes, record: Record
    ) -> int:
        return self._run(self._write(postings, gone, known, record))

    def become(self, key: bytes, record: bytes) -> None:
        async def become() -> None:
            await self._session.execute(_SQL["write_property"], (CURSOR_KEY, key))
            await self._session.execute(_SQL["write_property"], (COPIED, record))

        self._run(self._stored(become))

    def write_rows(
        self, kept: Kept, rows: Sequence[Row], gone: Sequence[Row], known: bytes, record: bytes
    ) -> None:
        conn = self._session

        async def write() -> None:
            if await _fetched(conn, "property_to_write", (COPIED,)) != [(known,)]:
                raise StoreBusy(OTHER_COPY)
            for row in gone:
                await conn.execute(tables(kept).delete, kept.key_of(row))
            await changes.put(conn, kept, rows)
            if kept is VERDICT:
                for row in (*gone, *rows):
                    await conn.execute(_SQL["reconsider"], (row[0],))
                await conn.execute(_SQL["rewind"])
            await conn.execute(_SQL["write_property"], (COPIED, record))

        self._run(self._stored(write))

    def settle(self) -> None:
        """Add up what is counted, and see that all of the copy is kept wherever it has to be.

        What was committed before is kept there too then, also by an earlier call.
        """

        async def settle() -> None:
            await counters.answered(self._session, counters.rolled_up())
            # Without it nothing may have been changed, and COMMIT would wait for nobody.
            await self._session.execute(_SQL["mark_log"])

        self._run(self._stored(settle))

    async def _write(
        self, postings: Sequence[Carried], gone: Sequence[Mark], known: bytes, record: Record
    ) -> int:
        conn, put = self._session, {each.row[0] for each in postings}
        ids = [UUID(bytes=id) for id in put | {mark.id for mark in gone}]
        places = {mark.place for mark in gone}

        async def write() -> int:
            if await _fetched(conn, "property_to_write", (COPIED,)) != [(known,)]:
                raise StoreBusy(OTHER_COPY)
            stored = await changes.lock(conn, ids)
            there = map(_mark, await _fetched(conn, "marks_of", (ids,)))
            before = [mark for mark in there if mark.id in put or mark.place in places]
            # What others have stored meanwhile is replaced as well, and counted as that.
            await changes.lock_again(conn, stored, [UUID(bytes=mark.id) for mark in before])
            batch = await asyncio.to_thread(_batch, postings, before, stored)
            await changes.write(conn, batch, changes.prepared(batch), alone=True)
            await conn.execute(_SQL["rewind"])
            await conn.execute(_SQL["write_property"], (COPIED, record(before)))
            self._appended += len(batch.counts)
            return sum(mark.id not in put for mark in before)

        removed = await self._stored(write)
        if self._appended >= ROLL_UP_AT:
            await self._roll_up()
        return removed

    async def _roll_up(self) -> None:
        await self._stored(lambda: counters.answered(self._session, counters.rolled_up()))
        self._appended = 0

    async def _stored(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do some work in one transaction. Raises OutcomeUnknown where a standby may lack it."""
        conn = self._session
        await changes.begin(conn, _PATIENCE, [], newest_migration("postgres"))
        try:
            done = await work()
        except BaseException:
            # What it raises matters, and closing the connection undoes the rest as well.
            with suppress(psycopg.Error):
                await conn.execute("ROLLBACK")
            raise
        try:
            await committed(conn)
        except psycopg.Error as error:
            raise translated(error, committing=True) from error
        except Unconfirmed as error:
            raise OutcomeUnknown(NOT_ON_A_STANDBY) from error
        return done


async def _fetched(conn: Session, name: str, bound: Sequence[Any]) -> list[Row]:
    return await (await conn.execute(_statement(name), bound)).fetchall()


def _statement(name: str) -> str:
    return _SQL.get(name, name)


def _batch(postings: Sequence[Carried], before: Sequence[Mark], stored: Stored) -> Batch:
    """Return what puts postings in the place of others."""
    tally = Tally()
    gone = [UUID(bytes=mark.id) for mark in before]
    for id in gone:
        if (old := stored.posting(id)) is not None:
            tally.add(old.counters, -1)
    inserted, revisions = [], []
    for row, kept in postings:
        new = Derived(job_from_row(row))
        tally.add(new.counters)
        # What the columns of this engine alone hold follows from the posting.
        columns = posting_row(new, row[LISTED_AT], row[LISTED_TIE])
        columns |= dict(zip(POSTING_COLUMNS, row, strict=True)) | {"id": new.job.id}
        del columns["place"]
        inserted.append(columns)
        revisions += [dict(zip(_REVISION, (new.job.id, *each), strict=True)) for each in kept]
    counts = [dict(zip(_COUNT, each, strict=True)) for each in tally.changed()]
    return Batch(gone, inserted, [], [], revisions, counts, {}, {})


def _mark(row: Row) -> Mark:
    return Mark._make((*row[:-1], row[-1] or b""))


def _listed(found: Carried, tie: int, seen: bytes) -> Carried:
    """Return a posting with the tie, and the digest, that its mark gives it."""
    row = [*found.row]
    row[LISTED_TIE], row[SEEN_DIGEST] = tie, seen
    return Carried((*row,), found.revisions)
