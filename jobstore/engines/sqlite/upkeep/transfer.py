"""The postings of a SQLite store as they are carried out of it, and into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any
from uuid import UUID

from jobstore.engines import named_statements
from jobstore.engines.kept import VERDICT, Kept, Row
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.log import checkpointing
from jobstore.engines.sqlite.schema import Turns
from jobstore.engines.sqlite.tables import tables
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.writing import renewing
from jobstore.engines.sqlite.writing.changes import PostingWrites
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
from jobstore.errors import SchemaMismatch, StoreBusy
from jobstore.locking import FileLock
from jobstore.settings import StoreURL

_SQL = named_statements.load("sqlite")

# Seconds to wait for other processes.
_PATIENCE = 10.0
# Marks that are read, and held, at a time.
_PAGE = 4096

_RENEWED = (
    "What follows from its postings is being built anew, or kept up for programs of the version "
    "before; end that first: jobstore migrate finish --store {}"
)


class SQLiteTransfer:
    """Postings of files; see :class:`jobstore.engines.transfer.Transfer`."""

    def place(self, url: StoreURL) -> str:
        with suppress(OSError):
            found = url.path.stat()
            return f"{found.st_dev}:{found.st_ino}"
        return ""

    @contextmanager
    def reading(self, url: StoreURL) -> Iterator[Source]:
        with translated(), schema.reading(url.path, _PATIENCE) as conn, snapshot(conn):
            _require_settled(conn, url)
            yield _Source(conn)

    @contextmanager
    def closed(self, url: StoreURL, *, patience: float) -> Iterator[None]:
        with translated(), FileLock(url.path, patience):
            conn = schema.connect(url.path, patience)
            try:
                conn.execute("BEGIN IMMEDIATE")
                yield
            finally:
                # Whoever reads for the copy would be waited for, if the log were written back.
                checkpointing.leave(conn, url.path)

    @contextmanager
    def writing(self, url: StoreURL, *, durable: bool = True) -> Iterator[Target]:
        with translated(), schema.sharing(url.path, _PATIENCE) as turns:
            yield _Target(turns, url, durable=durable)


def _require_settled(conn: Connection, url: StoreURL) -> None:
    if renewing.standing(conn) is not None:
        raise SchemaMismatch(_RENEWED.format(url))


class _Source:
    """Reads the database of a connection."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def total(self) -> int:
        number: int = self._conn.execute(_SQL["count_postings"]).fetchone()[0]
        return number

    def marks(self) -> Iterator[Mark]:
        place = renewing.EVERYTHING
        while rows := self._conn.execute(_SQL["marks_from"], (place, _PAGE)).fetchall():
            place = rows[-1][-1]
            yield from (_mark(row[:-1]) for row in rows)

    def postings(self, marks: Sequence[Mark]) -> list[Carried]:
        ids = {"ids": b"".join(mark.id for mark in marks)}
        rows = self._conn.execute(_SQL["carried_postings"], ids)
        return carried(marks, rows, self._conn.execute(_SQL["carried_revisions"], ids))

    def rows(self, kept: Kept) -> Iterator[Row]:
        if kept.name not in schema.objects(self._conn):
            # A backup may be older than the table.
            return
        statement = tables(kept).first
        after: Row = ()
        while found := self._conn.execute(statement, (*after, _PAGE)).fetchall():
            yield from found
            statement, after = tables(kept).after, kept.key_of(found[-1])

    def counters(self) -> Iterator[tuple[str, str, int]]:
        for kind, value, _, amount in self._conn.execute(_SQL["every_counter"]):
            yield kind, value, amount

    def property(self, name: str) -> bytes | None:
        row = self._conn.execute(_SQL["store_property"], (name,)).fetchone()
        return None if row is None else bytes(row[0])


class _Target(_Source):
    """Writes a database, and takes turns with others who do."""

    def __init__(self, turns: Turns, url: StoreURL, *, durable: bool) -> None:
        super().__init__(turns.connection)
        self._turns = turns
        self._url = url
        if not durable:
            self._conn.execute("PRAGMA synchronous = OFF")

    def write(
        self, postings: Sequence[Carried], gone: Sequence[Mark], known: bytes, record: Record
    ) -> int:
        put = {each.row[0] for each in postings}
        with self._turns.writing() as conn:
            _require_settled(conn, self._url)
            if self.property(COPIED) != known:
                raise StoreBusy(OTHER_COPY)
            ids = b"".join((*put, *(mark.id for mark in gone if mark.id not in put)))
            there = [_mark(row) for row in conn.execute(_SQL["marks_of"], {"ids": ids})]
            places = {mark.place for mark in gone}
            before = [mark for mark in there if mark.id in put or mark.place in places]
            replaced = [UUID(bytes=mark.id) for mark in before]
            writes = PostingWrites(conn, datetime.now(UTC), replaced)
            for id in replaced:
                writes.remove(id, alone=True)
            for each in postings:
                writes.carry(each.row, each.revisions)
            writes.finish()
            conn.execute(_SQL["rewind"])
            conn.execute(_SQL["write_property"], (COPIED, record(before)))
        return sum(mark.id not in put for mark in before)

    def write_rows(
        self, kept: Kept, rows: Sequence[Row], gone: Sequence[Row], known: bytes, record: bytes
    ) -> None:
        with self._turns.writing() as conn:
            if self.property(COPIED) != known:
                raise StoreBusy(OTHER_COPY)
            conn.executemany(tables(kept).delete, [kept.key_of(row) for row in gone])
            conn.executemany(tables(kept).put, rows)
            if kept is VERDICT:
                conn.executemany(_SQL["reconsider"], [(row[0],) for row in (*gone, *rows)])
                conn.execute(_SQL["rewind"])
            conn.execute(_SQL["write_property"], (COPIED, record))

    def become(self, key: bytes, record: bytes) -> None:
        with self._turns.writing() as conn:
            conn.execute(_SQL["write_property"], (CURSOR_KEY, key))
            conn.execute(_SQL["write_property"], (COPIED, record))


def _mark(row: Sequence[Any]) -> Mark:
    return Mark._make((*row[:-1], bytes.fromhex(row[-1] or "")))
