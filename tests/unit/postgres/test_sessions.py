"""Connections: what holds on them, who gets which, and what becomes of one that breaks."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from jobstore import EngineOptions
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.sessions import Sessions, blocking
from jobstore.errors import StoreBusy, StoreClosed, StoreTimeout, StoreUnavailable
from jobstore.settings import StoreURL, parse_store_url
from tests.fixtures.postgres import SETTINGS, PostgresServer, start
from tests.fixtures.writers import until_somebody_waits


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> Iterator[StoreURL]:
    found = postgres.create()
    yield parse_store_url(found)
    postgres.drop(found)


@pytest.fixture
async def sessions(url: StoreURL) -> AsyncIterator[Sessions]:
    options = EngineOptions(readers=2, read_timeout=20, busy_timeout=7)
    opened = await Sessions.open(url, options)
    yield opened
    await opened.close()


async def value(session: Session, query: str, *parameters: object) -> object:
    cursor = await session.execute(query, parameters)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def settings(session: Session) -> list[object]:
    names = "statement_timeout", "lock_timeout", "synchronous_commit"
    return [await value(session, "SELECT current_setting(%s)", name) for name in names]


async def test_time_limits_and_durability_hold_on_each_session(sessions: Sessions) -> None:
    async with sessions.reading() as reader, sessions.writing() as writer:
        assert await settings(reader) == ["21s", "21s", "on"]
        assert await settings(writer) == ["307s", "7s", "on"]
        for session in (reader, writer):
            name = "idle_in_transaction_session_timeout"
            assert await value(session, "SELECT current_setting(%s)", name) != "0"


async def test_with_normal_durability_a_commit_does_not_wait_for_the_disk(url: StoreURL) -> None:
    sessions = await Sessions.open(url, EngineOptions(synchronous="normal"))

    async with sessions.writing() as writer:
        assert (await settings(writer))[-1] == "off"

    await sessions.close()


async def test_ids_are_octets_both_ways(sessions: Sessions) -> None:
    id = uuid4()
    async with sessions.writing() as writer:
        assert await value(writer, "SELECT %s::uuid", id.bytes) == id.bytes
        assert await value(writer, "SELECT %s::bytea", id.bytes) == id.bytes
        assert await value(writer, "SELECT %s = ANY(%s)", id.bytes, [uuid4(), id]) is True
        await writer.execute("CREATE TEMP TABLE kept (id uuid, digest bytea, number bigint)")
        async with writer.cursor().copy("COPY kept FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["uuid", "bytea", "int8"])
            await copy.write_row((id.bytes, b"12345678", 2**40))
        rows = await (await writer.execute("SELECT * FROM kept")).fetchall()
        assert rows == [(id.bytes, b"12345678", 2**40)]
        assert UUID(bytes=rows[0][0]) == id


async def test_integers_of_all_sizes_share_one_prepared_statement(sessions: Sessions) -> None:
    async with sessions.writing() as writer:
        for number in (1, 2**20, 2**40) * 4:
            assert await value(writer, "SELECT %s + 0", number) == number
        query = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1 + 0'"
        assert await value(writer, query) == 1


async def test_a_snapshot_sees_one_state(sessions: Sessions) -> None:
    async with sessions.writing() as writer:
        await writer.execute("CREATE TABLE IF NOT EXISTS seen (number int)")
        async with sessions.snapshot() as reader:
            before = await value(reader, "SELECT count(*) FROM seen")
            await writer.execute("INSERT INTO seen VALUES (1)")
            assert await value(reader, "SELECT count(*) FROM seen") == before
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                await reader.execute("DELETE FROM seen")


async def test_no_more_connections_are_made_than_may_read(sessions: Sessions) -> None:
    async def read() -> object:
        async with sessions.reading() as reader:
            return await value(reader, "SELECT pg_backend_pid() FROM pg_sleep(0.01)")

    assert len(set(await asyncio.gather(*(read() for _ in range(20))))) == 2


async def test_a_read_that_takes_too_long_is_given_up_and_others_go_on(url: StoreURL) -> None:
    sessions = await Sessions.open(url, EngineOptions(readers=1, read_timeout=0.1))

    with pytest.raises(StoreTimeout):
        async with sessions.reading() as reader:
            await reader.execute("SELECT pg_sleep(600)")

    # On a busy machine connecting takes longer than the little time above.
    sessions._options = EngineOptions(readers=1)
    async with sessions.reading() as reader:
        assert await value(reader, "SELECT 1") == 1
    await sessions.close()


async def test_where_the_server_has_no_connection_left_reads_take_turns() -> None:
    found, stop = start(SETTINGS | {"max_connections": "3", "superuser_reserved_connections": "0"})
    try:
        sessions = await Sessions.open(parse_store_url(found), EngineOptions(readers=8))
        both, taken = asyncio.Event(), []

        async def read() -> None:
            async with sessions.reading() as reader:
                taken.append(await value(reader, "SELECT pg_backend_pid()"))
                if len(taken) == 2:
                    both.set()
                await both.wait()

        await asyncio.gather(*(read() for _ in range(8)))
        assert len(taken) == 8
        assert len(set(taken)) == 2
        await sessions.close()
    finally:
        stop()


async def test_where_the_server_has_no_connection_left_writers_take_turns() -> None:
    found, stop = start(SETTINGS | {"max_connections": "1", "superuser_reserved_connections": "0"})
    try:
        sessions = await Sessions.open(parse_store_url(found), EngineOptions(busy_timeout=60))

        async def write() -> object:
            async with sessions.writing() as writer:
                return await value(writer, "SELECT pg_backend_pid()")

        async with sessions.writing() as writer:
            first = await value(writer, "SELECT pg_backend_pid()")
            second = asyncio.ensure_future(write())
            await asyncio.sleep(0)
        assert await second == first
        await sessions.close()
    finally:
        stop()


async def test_where_others_have_all_connections_a_read_says_so() -> None:
    found, stop = start(SETTINGS | {"max_connections": "2", "superuser_reserved_connections": "0"})
    try:
        sessions = await Sessions.open(parse_store_url(found), EngineOptions(readers=8))
        with psycopg.connect(found), pytest.raises(StoreBusy):
            async with sessions.reading():
                pass
        await sessions.close()
    finally:
        stop()


async def test_a_server_whose_queue_of_callers_is_full_is_busy(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, ExitStack() as others:
        server.bind(str(tmp_path / ".s.PGSQL.5432"))
        server.listen(0)
        other = None
        while other != errno.EAGAIN:
            caller = others.enter_context(socket.socket(socket.AF_UNIX))
            caller.setblocking(False)
            other = caller.connect_ex(server.getsockname())
        with pytest.raises(StoreBusy):
            await Sessions.open(
                parse_store_url(f"postgresql:///jobs?host={tmp_path}"), EngineOptions()
            )


async def test_a_cancelled_wait_keeps_no_connection_from_others(url: StoreURL) -> None:
    sessions = await Sessions.open(url, EngineOptions(readers=1))
    waiting = []

    async def read() -> object:
        async with sessions.reading() as reader:
            return await value(reader, "SELECT 1")

    async with sessions.reading():
        waiting = [asyncio.create_task(read()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    # The connection was given to the second one; it is cancelled before it runs.
    waiting[1].cancel()

    assert await waiting[2] == 1
    assert await asyncio.gather(*waiting[:2], return_exceptions=True) != [1, 1]
    await sessions.close()


async def test_a_connection_that_the_server_ended_is_replaced(
    sessions: Sessions, postgres: PostgresServer
) -> None:
    async with sessions.reading() as reader, sessions.writing() as writer:
        pids = [session.info.backend_pid for session in (reader, writer)]
    with psycopg.connect(postgres.url) as conn:
        conn.execute("SELECT pg_terminate_backend(pid, 60000) FROM unnest(%s) AS t (pid)", [pids])

    async with sessions.reading() as reader, sessions.writing() as writer:
        assert await value(reader, "SELECT 1") == 1
        assert await value(writer, "SELECT 1") == 1


async def test_a_read_whose_connection_is_lost_begins_again(sessions: Sessions) -> None:
    attempts = []

    async def read(session: Session) -> object:
        attempts.append(session)
        if len(attempts) == 1:
            await session.execute("SELECT pg_terminate_backend(pg_backend_pid(), 60000)")
        return await value(session, "SELECT 1")

    assert await sessions.read(read) == 1
    assert len(attempts) == 2


async def test_a_read_that_is_the_victim_of_a_deadlock_begins_again(
    url: StoreURL, sessions: Sessions
) -> None:
    tried = 0
    held, awaited = asyncio.Event(), asyncio.Event()

    async def both(session: Session) -> object:
        nonlocal tried
        tried += 1
        await session.execute("SET LOCAL deadlock_timeout = '10ms'")
        await session.execute("SELECT * FROM first")
        held.set()
        await awaited.wait()
        return await value(session, "SELECT count(*) FROM last")

    with psycopg.connect(str(url)) as rival:
        rival.execute("CREATE TABLE first (); CREATE TABLE last (); COMMIT")
        rival.execute("SET deadlock_timeout = '60s'")
        rival.execute("LOCK TABLE last")
        read = asyncio.ensure_future(sessions.read(both, whole=True))
        await held.wait()
        locked = asyncio.ensure_future(asyncio.to_thread(rival.execute, "LOCK TABLE first"))
        await until_somebody_waits(str(url))
        # The read holds the first and waits for the last: it is the one who gives way.
        awaited.set()
        await locked
    assert await read == 0
    assert tried >= 2


async def test_a_transaction_that_was_left_open_is_rolled_back(sessions: Sessions) -> None:
    async with sessions.writing() as writer:
        await writer.execute("BEGIN")
        await writer.execute("CREATE TABLE never (number int)")

    async with sessions.writing() as again:
        assert again is writer
        assert await value(again, "SELECT to_regclass('never') IS NULL") is True


async def test_closing_lets_reads_end_and_refuses_others(url: StoreURL) -> None:
    sessions = await Sessions.open(url, EngineOptions(readers=1))
    async with sessions.reading() as reader:
        closing = asyncio.create_task(sessions.close())
        await asyncio.sleep(0)
        assert await value(reader, "SELECT 1") == 1
    await closing
    await sessions.close()

    with pytest.raises(StoreClosed):
        async with sessions.reading():
            pass


async def test_what_blocks_gets_rows_of_the_same_form(url: StoreURL) -> None:
    id = uuid4()

    def read() -> object:
        with blocking(url, patience=3) as conn:
            assert conn.execute("SHOW lock_timeout").fetchall() == [("3s",)]
            return conn.execute("SELECT %s::uuid", (id.bytes,)).fetchall()

    assert await asyncio.to_thread(read) == [(id.bytes,)]


async def test_a_database_that_is_not_there_is_told_as_such(url: StoreURL) -> None:
    missing = parse_store_url(url.text.replace("/jobstore_test", "/no_such"))

    with pytest.raises(StoreUnavailable, match="no database of that name"):
        await Sessions.open(missing, EngineOptions())
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await Sessions.open(parse_store_url("postgresql://127.0.0.1:1/jobs"), EngineOptions())


async def test_a_position_has_what_is_committed_and_not_written_yet(url: StoreURL) -> None:
    sessions = await Sessions.open(url, EngineOptions(synchronous="normal"))
    async with sessions.writing() as writer:
        await writer.execute("SELECT pg_logical_emit_message(true, 'test', '')")
        committed = await value(writer, "SELECT pg_current_wal_insert_lsn()::text")

    position = await sessions.position()

    async with sessions.reading() as reader:
        reached = "SELECT %s::text::pg_lsn >= %s::text::pg_lsn"
        assert await value(reader, reached, position, committed) is True
    await sessions.close()
