"""The statements of a batch of writes: what is read first, and what is written at the end.

What is to be written is decided by :mod:`jobstore.derived.plan` and put into sets of rows by
:mod:`.batch`; nothing is decided here. Statements that need no answer of each other are sent
together.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncCursor

from jobstore.engines import named_statements
from jobstore.engines.kept import BY_NAME, FOLLOWING, FOLLOWING_MADE, Kept, Row
from jobstore.engines.postgres.connection import Session, milliseconds
from jobstore.engines.postgres.tables import named, tables
from jobstore.engines.postgres.writing.batch import Batch, Found, Stored, Wanted
from jobstore.engines.writing.admission import require_admission

_SQL = named_statements.load("postgres")
# Characters that one statement carries, as long as one row is not longer.
_TOGETHER = 4_000_000

Rows = Iterable[Mapping[str, Any]]
Answered = AsyncCursor[tuple[Any, ...]]


def _plain(value: Any) -> str:
    return f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)


# Making one takes as long as encoding a small row.
_encode = json.JSONEncoder(ensure_ascii=False, default=_plain, separators=(",", ":")).encode


async def begin(conn: Session, patience: float, ids: Sequence[UUID], newest: str) -> Stored:
    """Begin a transaction, and return what is stored under ``ids``, locked until its end.

    ``patience``: seconds that it waits for the locks of others at a time. Raises SchemaMismatch
    where programs that know migrations up to ``newest`` may not write.
    """
    async with conn.pipeline():
        # Whatever is the default of the server, of the account or of the database.
        await conn.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        await conn.settle()
        await conn.execute(_SQL["limit_waiting"], (milliseconds(patience),))
        compatible = await conn.execute(_SQL["compatible"])
        found = await conn.execute(_SQL["postings_to_write"], ([*ids],))
    admitted = await compatible.fetchone()
    require_admission(None if admitted is None else admitted[0], newest)
    return Stored(await found.fetchall())


async def lock(conn: Session, ids: Sequence[UUID]) -> Stored:
    """Return what is stored under ``ids``, locked until the end of the open transaction."""
    found = await conn.execute(_SQL["postings_to_write"], (ids,))
    return Stored(await found.fetchall())


async def lock_again(conn: Session, stored: Stored, ids: Iterable[UUID]) -> None:
    """Lock, and add to ``stored``, which of ``ids`` was not found although it is there.

    Where another transaction removes a row and stores the same id anew, whoever has waited for the
    row finds neither: the server passes over the one, and sees the other only from now on.
    """
    while missing := sorted(id for id in ids if stored.row(id) is None):
        there = await conn.execute(_SQL["which_are_there"], (missing,))
        if not await there.fetchall():
            return
        found = await conn.execute(_SQL["postings_to_write"], (missing,))
        stored.add(await found.fetchall())


async def read(conn: Session, needed: Wanted, number: str | None) -> tuple[str, Found]:
    """Return the number of the transaction, by which its server knows later whether it is stored,
    and what is wanted; ``number`` where it is known."""
    own = ties = joined = None
    following: list[tuple[Kept, Answered]] = []
    async with conn.pipeline():
        if number is None:
            own = await conn.execute(_SQL["transaction_number"])
        if needed.times:
            ties = await conn.execute(_SQL["last_ties"], (needed.times,))
        if needed.joined:
            joined = await conn.execute(_SQL["histories"], (needed.joined,))
            for kept in FOLLOWING:
                rows = await conn.execute(tables(kept).of, (needed.joined,))
                following.append((kept, rows))
    if own is not None:
        ((number,),) = await own.fetchall()
    assert number is not None
    histories: defaultdict[bytes, list[tuple[int, str]]] = defaultdict(list)
    for id, *revision in await joined.fetchall() if joined else ():
        histories[id].append(tuple(revision))
    belonging: defaultdict[bytes, list[tuple[Kept, Row]]] = defaultdict(list)
    for kept, rows in following:
        for row in await rows.fetchall():
            belonging[row[kept.columns.index("id")]].append((kept, row))
    return number, Found(dict(await ties.fetchall()) if ties else {}, histories, belonging)


async def number(conn: Session) -> str:
    """Return the number of the open transaction."""
    ((number,),) = await (await conn.execute(_SQL["transaction_number"])).fetchall()
    return str(number)


async def write(
    conn: Session, batch: Batch, texts: Mapping[str, Sequence[str]], *, alone: bool = False
) -> None:
    """Write a batch whose rows are ``texts``, as :func:`prepared` gives them.

    ``alone``: rows of the life cycle that belong to what is removed stay.
    """
    if batch.deleted:
        await conn.execute(_SQL["delete_revisions"], (batch.deleted,))
        await conn.execute(_SQL["remove_blocks_of"], (batch.deleted,))
        for kept in (*(() if alone else FOLLOWING), *FOLLOWING_MADE):
            await conn.execute(tables(kept).delete_of, (batch.deleted,))
        await conn.execute(_SQL["delete_postings"], (batch.deleted,))
    for name, parts in texts.items():
        await _write(conn, name, parts)
    for mirror in batch.mirrors:
        id, *_, other, old = mirror
        if old != id:
            await conn.execute(_SQL["clear_verdict"], (other, id, old))
        await conn.execute(_SQL["move_verdict"], mirror)


async def put(conn: Session, kept: Kept, rows: Iterable[Row]) -> None:
    """Store rows of a table of the life cycle, with their digests."""
    await _write(conn, kept.name, payloads(named(kept, row) for row in rows))


def prepared(batch: Batch) -> dict[str, list[str]]:
    """Return the rows of a batch as texts, by the statement, or the table, that takes them."""
    written = {
        "insert_postings": batch.inserted,
        "rewrite_postings": batch.rewritten,
        "sight_postings": batch.seen,
        "insert_revisions": batch.revisions,
        "add_counts": batch.counts,
        **{name: _once(BY_NAME[name], rows) for name, rows in batch.kept.items()},
    }
    return {name: list(payloads(rows)) for name, rows in written.items() if rows}


def _once(kept: Kept, rows: Rows) -> Rows:
    """Return the last row of each key: a server refuses two with one key in a statement."""
    return {tuple(row[name] for name in kept.key): row for row in rows}.values()


def payloads(rows: Rows) -> Iterator[str]:
    """Give rows as JSON arrays of a size that is good to send."""
    waiting: list[str] = []
    size = 0
    for row in rows:
        text = _encode(row)
        if waiting and size + len(text) > _TOGETHER:
            yield f"[{','.join(waiting)}]"
            waiting, size = [], 0
        waiting.append(text)
        size += len(text)
    if waiting:
        yield f"[{','.join(waiting)}]"


async def _write(conn: Session, name: str, texts: Iterable[str]) -> None:
    statement = tables(BY_NAME[name]).put if name in BY_NAME else _SQL[name]
    for text in texts:
        await conn.execute(statement, (text,))
