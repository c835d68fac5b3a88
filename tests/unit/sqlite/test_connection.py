"""Opening connections and the thread they live on."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import Any

import aiosqlite.core
import pytest

from jobstore import JobStoreError, StoreBusy, StoreClosed, StoreCorrupt, StoreUnavailable
from jobstore.engines.sqlite import connection
from jobstore.engines.sqlite.connection import open_reader, open_writer
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.library import wal_reset_race
from jobstore.engines.sqlite.session import settle
from tests.fixtures.cases import each_case
from tests.unit.sqlite.plain import make_database, options, until


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return make_database(tmp_path / "plain.db")


def pragma(conn: sqlite3.Connection, name: str) -> Any:
    return conn.execute(f"PRAGMA {name}").fetchone()[0]


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def session_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "jobstore-sqlite"]


@each_case(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 44, 9), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
        ((4, 0, 0), False),
    ],
)
def test_versions_with_the_wal_reset_race(version: tuple[int, int, int], affected: bool) -> None:
    assert wal_reset_race(version) is affected


def test_a_file_with_any_name_is_opened_and_never_made(tmp_path: Path) -> None:
    path = tmp_path / "a b%20?#\udcff.db"
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_file(path, "rw", 0)
    assert not path.exists()
    make_database(path)
    with closing(open_file(path, "ro", 0)) as conn:
        assert pragma(conn, "journal_mode") == "wal"
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            conn.execute("DELETE FROM item")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="it cannot be told to SQLite before 3.12")
def test_a_misspelt_column_in_double_quotes_is_an_error(database: Path) -> None:
    with (
        closing(open_file(database, "rw", 0)) as conn,
        pytest.raises(sqlite3.OperationalError, match="no such column"),
    ):
        conn.execute('SELECT count(*) FROM item WHERE item.key = "misspelt"')


async def test_an_old_sqlite_is_refused(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))
    with pytest.raises(StoreUnavailable, match=r"needs 3\.38\.0"):
        await open_writer(database, options())


@pytest.mark.parametrize(("synchronous", "level"), [("full", 2), ("normal", 1)])
async def test_settings_of_the_writer(database: Path, synchronous: str, level: int) -> None:
    session = await open_writer(database, options(synchronous=synchronous))
    found = {
        name: await session.run(pragma, name)
        for name in ("journal_mode", "synchronous", "foreign_keys", "temp_store", "query_only")
    }
    assert found == {
        "journal_mode": "wal",
        "synchronous": level,
        "foreign_keys": 1,
        "temp_store": 2,
        "query_only": 0,
    }
    # It writes the WAL back when it is told to, once what was committed is kept.
    assert await session.run(pragma, "wal_autocheckpoint") == 0
    assert session.isolation_level is None
    await session.close()


async def test_a_reader_neither_writes_nor_checkpoints(database: Path) -> None:
    session = await open_reader(database, options())
    assert await session.run(pragma, "query_only") == 1
    assert await session.run(pragma, "wal_autocheckpoint") == 0
    # Not even where query_only is switched off.
    await session.run(lambda conn: conn.execute("PRAGMA query_only = OFF") and None)
    with pytest.raises(StoreUnavailable, match="read-only"):
        await session.run(lambda conn: conn.execute("INSERT INTO tally VALUES (1)") and None)
    await session.close()


async def test_a_reader_sees_what_the_writer_left_in_the_wal(database: Path) -> None:
    writer = await open_writer(database, options())
    reader = await open_reader(database, options())
    await writer.run(lambda conn: conn.execute("UPDATE tally SET amount = 5") and None)
    found = await reader.run(lambda conn: conn.execute("SELECT amount FROM tally").fetchall())
    assert found == [(5,)]
    await reader.close()
    await writer.close()


@pytest.mark.parametrize("name", ["with space.db", "per%41cent.db", "what?.db", "ha#sh.db", "ü.db"])
async def test_any_file_name_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    make_database(tmp_path / name)
    for open_session in (open_writer, open_reader):
        session = await open_session(tmp_path / name, options())
        await session.close()
    assert names(tmp_path) <= {name, f"{name}-wal", f"{name}-shm", f"{name}.lock"}


@pytest.mark.parametrize("open_session", [open_writer, open_reader])
class TestBadFiles:
    async def test_an_absent_one_is_not_made(
        self, tmp_path: Path, open_session: Callable[..., Any]
    ) -> None:
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            await open_session(tmp_path / "absent.db", options())
        assert names(tmp_path) == set()

    async def test_a_folder(self, tmp_path: Path, open_session: Callable[..., Any]) -> None:
        with pytest.raises(StoreUnavailable, match="is a folder"):
            await open_session(tmp_path, options())

    async def test_no_database(self, tmp_path: Path, open_session: Callable[..., Any]) -> None:
        (tmp_path / "text.db").write_text("dear diary " * 100)
        with pytest.raises(StoreCorrupt, match="not a SQLite database"):
            await open_session(tmp_path / "text.db", options())


async def test_a_failed_opening_leaves_no_thread(tmp_path: Path) -> None:
    before = len(session_threads())
    with pytest.raises(StoreUnavailable):
        await open_writer(tmp_path / "absent.db", options())
    await until(lambda: len(session_threads()) == before)


async def test_a_database_that_another_program_keeps_locked(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    other.execute("CREATE TABLE t (a)")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreBusy, match="locked"):
        await open_writer(tmp_path / "locked.db", options(busy_timeout=0.05))
    other.execute("COMMIT")
    session = await open_writer(tmp_path / "locked.db", options())
    await session.close()
    other.close()


async def test_a_database_that_cannot_have_a_wal(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_memory(_: str, /, **kwargs: Any) -> sqlite3.Connection:
        return connect(":memory:", **kwargs)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", in_memory)
    with pytest.raises(StoreUnavailable, match="WAL"):
        await open_writer(database, options())


class TestSession:
    async def test_a_function_runs_in_one_hop_with_its_arguments(self, database: Path) -> None:
        session = await open_writer(database, options())

        def function(conn: sqlite3.Connection, one: int, *, two: int) -> tuple[int, int, str]:
            conn.execute("SELECT 1").fetchall()
            return one, two, threading.current_thread().name

        assert await session.run(function, 1, two=2) == (1, 2, "jobstore-sqlite")
        await session.close()

    async def test_errors_are_translated(self, database: Path) -> None:
        session = await open_writer(database, options())
        with pytest.raises(JobStoreError) as caught:
            await session.run(lambda conn: conn.execute("SELECT absent") and None)
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
        with pytest.raises(ZeroDivisionError):
            await session.run(lambda conn: 1 // 0)
        await session.close()

    async def test_a_closed_one_says_so(self, database: Path) -> None:
        session = await open_writer(database, options())
        await session.close()
        await session.close()
        with pytest.raises(StoreClosed):
            await session.run(pragma, "user_version")
        session.stop_statement()
        answer = asyncio.get_running_loop().create_future()
        session.post(lambda conn: None, lambda result, error: settle(answer, result, error))
        with pytest.raises(StoreClosed):
            await answer

    async def test_what_is_posted_is_delivered_on_the_loop(self, database: Path) -> None:
        session = await open_writer(database, options())
        loop, here = asyncio.get_running_loop(), threading.current_thread()
        answers: asyncio.Queue[Any] = asyncio.Queue()

        def deliver(result: Any, error: BaseException | None) -> None:
            assert threading.current_thread() is here
            assert asyncio.get_running_loop() is loop
            answers.put_nowait((result, error))

        session.post(lambda conn: pragma(conn, "encoding"), deliver)
        session.post(lambda conn: conn.execute("SELECT absent"), deliver)
        assert await answers.get() == ("UTF-8", None)
        result, error = await answers.get()
        assert result is None
        assert isinstance(error, sqlite3.OperationalError)
        await session.close()

    async def test_another_loop_is_refused(self, database: Path) -> None:
        session = await open_writer(database, options())

        async def elsewhere() -> None:
            session.future()

        with pytest.raises(StoreClosed, match="another event loop"):
            await asyncio.to_thread(asyncio.run, elsewhere())
        assert not session.future().done()
        await session.close()

    async def test_its_thread_does_not_hold_up_the_exit(self, database: Path) -> None:
        session = await open_writer(database, options())
        assert all(each.daemon for each in session_threads())
        await session.close()

    async def test_a_forgotten_one_is_closed_without_a_word(self, database: Path) -> None:
        before = len(session_threads())
        session = await open_reader(database, options())
        assert len(session_threads()) == before + 1
        del session
        gc.collect()
        await until(lambda: len(session_threads()) == before)

    async def test_a_cancelled_opening_leaves_nothing_open(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = len(session_threads())
        inside, go_on, closed = (threading.Event() for _ in range(3))

        class Connection(sqlite3.Connection):
            def close(self) -> None:
                super().close()
                closed.set()

        def slowly(*args: Any) -> sqlite3.Connection:
            inside.set()
            assert go_on.wait(60)
            return sqlite3.connect(database, factory=Connection)

        monkeypatch.setattr(connection, "_prepared", slowly)
        opening = asyncio.create_task(open_reader(database, options()))
        await asyncio.to_thread(inside.wait, 60)
        opening.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert closed.is_set()
        await until(lambda: len(session_threads()) == before)


async def test_a_future_that_was_given_up_keeps_its_state(tmp_path: Path) -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    settle(future, 1, None)
    settle(future, None, KeyError())
    assert future.cancelled()


@pytest.mark.parametrize("error", [StopIteration(3), SystemExit(), asyncio.CancelledError()])
async def test_errors_that_a_future_cannot_carry(error: BaseException) -> None:
    future = asyncio.get_running_loop().create_future()
    settle(future, None, error)
    with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
        await future
    assert caught.value.__cause__ is error


def test_what_is_used_of_aiosqlites_inside_is_there() -> None:
    """Fails first when a new aiosqlite changes what Session builds on."""
    made = aiosqlite.core.Connection(lambda: sqlite3.connect(":memory:"), 64)
    assert {"_tx", "_thread", "_running", "_connection"} <= vars(made).keys()
    assert not made._thread.is_alive()
    assert list(inspect.signature(aiosqlite.core._connection_worker_thread).parameters) == ["tx"]
    assert aiosqlite.core._STOP_RUNNING_SENTINEL is not None


def test_a_loop_that_ends_early_leaves_no_noise(
    database: Path, start_python: Callable[..., Popen[str]]
) -> None:
    code = """
import asyncio, sys, threading
from jobstore.engines.sqlite.connection import open_writer
from jobstore.settings import EngineOptions
started, ended, over = threading.Event(), threading.Event(), threading.Event()

def slow(conn):
    started.set()
    assert ended.wait(30)

async def main():
    global session
    session = await open_writer(sys.argv[1], EngineOptions())
    task = asyncio.create_task(session.run(slow))
    session.post(slow, print)
    await asyncio.to_thread(started.wait, 30)

asyncio.run(main())
# The answers to the two calls go to a loop that is closed; the thread survives both.
ended.set()
session._tx.put_nowait((None, over.set))
assert over.wait(30)
print("fine")
"""
    with start_python(code, str(database)) as process:
        output, _ = process.communicate(timeout=60)
    assert output == "fine\n"
    assert process.returncode == 0
