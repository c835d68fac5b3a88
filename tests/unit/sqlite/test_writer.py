"""Group commit: everyone's own result or own error, back-pressure, checkpoints, closing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobstore import (
    InvalidPosting,
    JobNotFound,
    StorageFull,
    StoreBusy,
    StoreClosed,
    StoreUnavailable,
)
from jobstore.engines.sqlite.identity import OpenFile
from jobstore.engines.sqlite.writing import group_commit
from jobstore.engines.sqlite.writing.writer import StoreWriter
from jobstore.engines.writing.queue import GROUP_SIZE
from jobstore.locking import FileLock
from tests.fixtures.clock import LoopClock
from tests.unit.sqlite.plain import (
    Gate,
    Tally,
    fail,
    make_database,
    open_plain,
    put,
    rows,
    take,
    tally,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plain.db"


async def gather(*calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def held(writer: StoreWriter, gate: Gate) -> asyncio.Task[Any]:
    """Keep the writer's thread busy; whatever is submitted next has to wait."""
    task = asyncio.create_task(writer.submit(gate.hold))
    await asyncio.to_thread(gate.entered.wait, 60)
    return task


async def test_a_write_is_there_when_it_returns(path: Path) -> None:
    async with open_plain(path) as writer:
        assert await writer.submit(put, "a", 7) == 7
        assert rows(path) == {"a": 7}
        assert tally(path) == 1


async def test_writes_that_wait_together_share_a_transaction(path: Path) -> None:
    async with open_plain(path) as writer:
        results = await gather(*(writer.submit(put, f"k{each}", each) for each in range(100)))
        assert results == list(range(100))
        assert writer.last_group_size == 100
        assert writer.queue_depth == 0
    assert rows(path) == {f"k{each}": each for each in range(100)}
    assert tally(path) == 100


async def test_those_who_are_answered_together_leave_turns_to_others(path: Path) -> None:
    """Whatever else is ready meanwhile waits for a few of them, not for all."""
    turns: list[int] = []
    answered = 0

    async def write(key: int) -> None:
        nonlocal answered
        await writer.submit(put, f"k{key}", key)
        answered += 1
        turns.append(turn)

    async with open_plain(path) as writer:
        turn = 0
        writes = [asyncio.create_task(write(key)) for key in range(100)]
        while answered < 100:
            await asyncio.sleep(0)
            turn += 1
        await asyncio.gather(*writes)
    assert writer.last_group_size == 100
    assert max(turns.count(each) for each in turns) <= 10


async def test_a_group_has_a_largest_size(path: Path) -> None:
    async with open_plain(path) as writer:
        await gather(*(writer.submit(put, f"k{each}", each) for each in range(GROUP_SIZE + 10)))
        assert writer.last_group_size == 10
    assert len(rows(path)) == GROUP_SIZE + 10


async def test_answers_go_to_those_who_asked(path: Path) -> None:
    async with open_plain(path) as writer:
        await writer.submit(put, "a", 1)
        results = await gather(
            writer.submit(take, "a"),
            writer.submit(take, "a"),
            writer.submit(put, "b", 2),
            writer.submit(take, "nothing"),
            writer.submit(put, "c", 3),
        )
    assert results[0] == 1
    assert isinstance(results[1], JobNotFound)
    assert results[2] == 2
    assert isinstance(results[3], JobNotFound)
    assert results[4] == 3
    assert rows(path) == {"b": 2, "c": 3}
    assert tally(path) == 2


async def test_an_operation_that_refuses_does_not_undo_the_others(path: Path) -> None:
    begun = []

    class Counted(Tally):
        def __init__(self, conn: sqlite3.Connection, works: Sequence[group_commit.Work]) -> None:
            super().__init__(conn, works)
            begun.append(self)

    async with open_plain(path) as writer:
        writer._transactions._shared = Counted
        await gather(
            writer.submit(put, "a", 1), writer.submit(take, "b"), writer.submit(put, "c", 3)
        )
    assert len(begun) == 1
    assert rows(path) == {"a": 1, "c": 3}


@pytest.mark.parametrize("bad", [{0}, {99}, {50}, {3, 4, 5}, {0, 99}, set(range(100))])
async def test_bad_rows_fail_alone(path: Path, bad: set[int]) -> None:
    async with open_plain(path) as writer:
        results = await gather(
            *(writer.submit(put, f"k{each}", -1 if each in bad else each) for each in range(100))
        )
    for index, result in enumerate(results):
        if index in bad:
            assert isinstance(result, InvalidPosting)
            assert isinstance(result.__cause__, sqlite3.IntegrityError)
        else:
            assert result == index
    assert rows(path) == {f"k{each}": each for each in range(100) if each not in bad}
    assert tally(path) == 100 - len(bad)


async def test_a_mistake_in_an_operation_fails_alone(path: Path) -> None:
    async with open_plain(path) as writer:
        results = await gather(
            writer.submit(put, "a", 1),
            writer.submit(fail, ZeroDivisionError("odd")),
            writer.submit(fail, StopIteration()),
            writer.submit(put, "b", 2**70),
            writer.submit(put, "\ud800", 2),
            writer.submit(put, "c", 3),
        )
    assert [type(each) for each in results[1:5]] == [
        ZeroDivisionError,
        RuntimeError,
        InvalidPosting,
        InvalidPosting,
    ]
    assert rows(path) == {"a": 1, "c": 3}
    assert tally(path) == 2


async def test_no_operation_runs_more_than_twice(path: Path) -> None:
    ran: dict[str, int] = {}

    def counted(batch: Tally, key: str, value: int) -> None:
        ran[key] = ran.get(key, 0) + 1
        put(batch, key, value)

    async with open_plain(path) as writer:
        await gather(*(writer.submit(counted, f"k{each}", -(each % 5 == 0)) for each in range(200)))
    assert max(ran.values()) == 2
    assert len(rows(path)) == 160


async def test_a_batch_that_cannot_be_finished_costs_only_those_to_blame(path: Path) -> None:
    def overflow(batch: Tally, key: str) -> None:
        put(batch, key, 1)
        batch.added += 10**9

    async with open_plain(path) as writer:
        results = await gather(
            *(
                writer.submit(overflow, "bad") if each == 13 else writer.submit(put, str(each), 1)
                for each in range(40)
            )
        )
    assert isinstance(results[13], InvalidPosting)
    assert [each for each in results if each != 1] == [results[13]]
    assert len(rows(path)) == 39
    assert tally(path) == 39


async def test_a_rule_that_is_checked_at_commit_costs_only_those_to_blame(path: Path) -> None:
    def orphan(batch: Tally) -> None:
        batch.conn.execute("INSERT INTO child VALUES ('nobody')")

    async with open_plain(path) as writer:
        results = await gather(
            writer.submit(put, "a", 1), writer.submit(orphan), writer.submit(put, "b", 2)
        )
        assert not writer._session.in_transaction
    assert results[0] == 1
    assert isinstance(results[1], InvalidPosting)
    assert results[2] == 2
    assert rows(path) == {"a": 1, "b": 2}


@pytest.mark.parametrize("error", [StorageFull(), sqlite3.OperationalError("odd")])
async def test_an_error_of_the_store_fails_the_group(path: Path, error: Exception) -> None:
    if isinstance(error, sqlite3.Error):
        error.sqlite_errorname = "SQLITE_IOERR_READ"
    async with open_plain(path) as writer:
        results = await gather(
            writer.submit(put, "a", 1), writer.submit(fail, error), writer.submit(put, "b", 2)
        )
        assert {type(each) for each in results} <= {StorageFull, StoreUnavailable}
        # Each caller has an error of its own, whose traceback nobody else extends.
        assert len({id(each) for each in results}) == 3
        assert rows(path) == {}
        assert await writer.submit(put, "c", 3) == 3
    assert rows(path) == {"c": 3}
    assert tally(path) == 1


async def test_what_was_stored_before_the_store_failed_is_acknowledged(path: Path) -> None:
    broken = []

    def second_time(batch: Tally) -> None:
        if broken:
            raise StorageFull
        broken.append(True)
        put(batch, "half", 1)
        raise ZeroDivisionError

    async with open_plain(path) as writer:
        results = await gather(
            writer.submit(put, "a", 1),
            writer.submit(second_time),
            writer.submit(put, "b", 2),
            writer.submit(second_time),
            writer.submit(put, "c", 3),
        )
    assert results[0] == 1
    assert isinstance(results[1], ZeroDivisionError)
    assert [type(each) for each in results[2:]] == [StorageFull] * 3
    assert rows(path) == {"a": 1}


async def test_an_operation_that_ends_the_transaction_is_noticed(path: Path) -> None:
    def rogue(batch: Tally) -> None:
        batch.conn.execute("ROLLBACK")

    async with open_plain(path) as writer:
        results = await gather(
            writer.submit(put, "a", 1), writer.submit(rogue), writer.submit(put, "b", 2)
        )
        assert [type(each) for each in results] == [StoreUnavailable] * 3
        await writer.submit(put, "c", 3)
    assert rows(path) == {"c": 3}


async def test_an_open_transaction_is_undone_before_the_next_group(path: Path) -> None:
    async with open_plain(path) as writer:
        await writer._session.run(lambda conn: conn.execute("BEGIN IMMEDIATE") and None)
        await writer._session.run(lambda conn: conn.execute("DELETE FROM tally") and None)
        assert await writer.submit(put, "a", 1) == 1
    assert tally(path) == 1


async def test_an_operation_that_exits_the_interpreter_fails_alone(path: Path) -> None:
    def leave(batch: Tally) -> None:
        put(batch, "half", 1)
        raise SystemExit

    async with open_plain(path) as writer:
        results = await gather(
            writer.submit(put, "a", 1), writer.submit(leave), writer.submit(put, "b", 2)
        )
        assert [type(each) for each in results] == [int, RuntimeError, int]
        async with writer.exclusive(30) as exclusive:
            with pytest.raises(RuntimeError, match="SystemExit"):
                await exclusive.run(leave)
    assert rows(path) == {"a": 1, "b": 2}


class TestMany:
    async def test_each_has_its_own_outcome(self, path: Path) -> None:
        async with open_plain(path) as writer:
            results = await writer.submit_many(put, [("a", 1), ("b", -1), ("c", 3)])
        assert results[0] == 1
        assert isinstance(results[1], InvalidPosting)
        assert results[2] == 3
        assert rows(path) == {"a": 1, "c": 3}

    async def test_nothing_is_done_for_nothing(self, path: Path) -> None:
        async with open_plain(path) as writer:
            assert await writer.submit_many(put, []) == []
            assert writer.last_group_size == 0

    async def test_a_chunk_may_be_larger_than_a_group_and_the_queue(self, path: Path) -> None:
        async with open_plain(path, queue_size=10) as writer:
            results = await writer.submit_many(put, [(str(each), each) for each in range(2000)])
            assert results == list(range(2000))
            assert writer.last_group_size == 2000

    async def test_chunks_and_single_writes_share_a_group_when_they_fit(self, path: Path) -> None:
        async with open_plain(path) as writer:
            await gather(
                writer.submit(put, "a", 1),
                writer.submit_many(put, [(f"b{each}", each) for each in range(100)]),
                writer.submit(put, "c", 1),
            )
            assert writer.last_group_size == 102


class TestBackPressure:
    async def test_whoever_waits_too_long_is_withdrawn(self, path: Path) -> None:
        gate, clock = Gate(), LoopClock()
        async with open_plain(path, busy_timeout=3600, queue_size=2) as writer:
            first = await held(writer, gate)
            waiting = [
                asyncio.create_task(writer.submit(put, f"k{each}", each)) for each in range(5)
            ]
            await asyncio.sleep(0)
            assert writer.queue_depth == 2
            clock.advance(4000)
            results = await gather(*waiting)
            assert [type(each) for each in results] == [StoreBusy] * 5
            assert writer.queue_depth == 0
            gate.opened.set()
            assert await first == "held"
            assert await writer.submit(put, "later", 1) == 1
        assert rows(path) == {"later": 1}

    async def test_whoever_waits_for_a_place_gets_one(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path, queue_size=3) as writer:
            first = await held(writer, gate)
            waiting = [
                asyncio.create_task(writer.submit(put, f"k{each}", each)) for each in range(50)
            ]
            await asyncio.sleep(0)
            assert writer.queue_depth == 3
            gate.opened.set()
            assert await gather(*waiting) == list(range(50))
            assert await first == "held"
            # The places in the queue bound the groups, too.
            assert writer.last_group_size <= 3
        assert len(rows(path)) == 50

    async def test_places_of_those_who_gave_up_are_free(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path, queue_size=2) as writer:
            first = await held(writer, gate)
            given_up = [asyncio.create_task(writer.submit(put, "x", 1)) for _ in range(2)]
            outside = [asyncio.create_task(writer.submit(put, "y", 1)) for _ in range(2)]
            patient = asyncio.create_task(writer.submit(put, "z", 1))
            await asyncio.sleep(0)
            for each in given_up + outside:
                each.cancel()
            gate.opened.set()
            assert await patient == 1
            await gather(first, *given_up, *outside)
        assert rows(path) == {"z": 1}

    async def test_the_time_is_each_callers_own(self, path: Path) -> None:
        gate, clock = Gate(), LoopClock()
        async with open_plain(path, busy_timeout=3600) as writer:
            first = await held(writer, gate)
            early = asyncio.create_task(writer.submit(put, "early", 1))
            await asyncio.sleep(0)
            clock.advance(2000)
            late = asyncio.create_task(writer.submit(put, "late", 2))
            await asyncio.sleep(0)
            clock.advance(2000)
            with pytest.raises(StoreBusy):
                await early
            assert not late.done()
            gate.opened.set()
            assert await late == 2
            await first
        assert rows(path) == {"late": 2}

    async def test_the_time_in_the_queue_counts_for_the_lock_too(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = Gate()
        given: list[float] = []
        acquire = FileLock.acquire

        def told(lock: FileLock, timeout: float | None = None) -> None:
            assert timeout is not None
            given.append(timeout)
            acquire(lock, timeout)

        async with open_plain(path, busy_timeout=3000) as writer:
            monkeypatch.setattr(FileLock, "acquire", told)
            first = await held(writer, gate)
            calls = [
                asyncio.create_task(writer.submit(put, "a", 1)),
                asyncio.create_task(writer.checkpoint()),
                asyncio.create_task(_transact(writer)),
            ]
            await asyncio.sleep(0)
            # As if they had waited for so long already.
            for call in writer._queue:
                call.deadline -= 2000
            gate.opened.set()
            await gather(first, *calls)
        assert [each > 2000 for each in given[:4]] == [True, False, False, False]
        assert all(0 < each <= 1000 for each in given[1:4])

    async def test_one_whose_time_is_over_takes_nobody_with_it(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refusing = asyncio.Event()
        acquire = FileLock.acquire

        def refuse(lock: FileLock, timeout: float | None = None) -> None:
            if refusing.is_set():
                refusing.clear()
                raise StoreBusy
            acquire(lock, timeout)

        monkeypatch.setattr(FileLock, "acquire", refuse)
        gate = Gate()
        async with open_plain(path) as writer:
            first = await held(writer, gate)
            early = asyncio.create_task(writer.submit(put, "early", 1))
            late = [
                asyncio.create_task(writer.submit(put, "late", 2)),
                asyncio.create_task(writer.submit(put, "later", 3)),
            ]
            await asyncio.sleep(0)
            writer._queue[0].deadline -= 20
            refusing.set()
            # The first group has the lock already; the next one is refused it once.
            gate.opened.set()
            assert await gather(*late) == [2, 3]
            with pytest.raises(StoreBusy):
                await early
            await first
            assert writer.queue_depth == 0
        assert rows(path) == {"late": 2, "later": 3}


class TestFailingRollback:
    """SQLite refuses ROLLBACK once it was interrupted while a write of FTS5 ran."""

    @pytest.fixture(autouse=True)
    def _refusing(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        make_database(path)
        connect = sqlite3.connect

        def refusing(database: str, **given: Any) -> sqlite3.Connection:
            conn = connect(database, **given | {"factory": Refusing})
            conn.refused = []
            return conn

        # Only the engine opens by URI; what the test opens is not meant.
        monkeypatch.setattr(
            "jobstore.engines.sqlite.files.sqlite3",
            SimpleNamespace(**{**vars(sqlite3), "connect": refusing}),
        )

    async def test_the_next_group_has_a_new_connection(self, path: Path) -> None:
        async with open_plain(path) as writer:
            old = await writer._session.run(_refuse_rollback)
            results = await gather(
                writer.submit(put, "a", 1),
                writer.submit(fail, ZeroDivisionError("odd")),
                writer.submit(put, "b", 2),
            )
            assert isinstance(results[1], ZeroDivisionError)
            assert [type(each) for each in results[::2]] == [StoreUnavailable] * 2
            assert "Try again" in str(results[0])
            assert rows(path) == {}
            _write_beside(path)
            assert await writer.submit(put, "c", 3) == 3
            assert await writer._session.run(lambda conn: conn is not old)
        assert rows(path) == {"c": 3}
        assert tally(path) == 1

    async def test_a_statement_that_was_not_read_to_its_end_does_not_keep_the_lock(
        self, path: Path
    ) -> None:
        def half_read(batch: Tally) -> None:
            put(batch, "half", 1)
            put(batch, "other half", 1)
            found = batch.conn.execute("SELECT key FROM item")
            assert found.fetchone()
            raise ZeroDivisionError

        async with open_plain(path) as writer:
            await writer._session.run(_refuse_rollback)
            task = asyncio.create_task(writer.submit(half_read))
            (error,) = await gather(task)
            # The error, with its trace, is still here.
            assert isinstance(error, ZeroDivisionError)
            _write_beside(path)
            assert await writer.submit(put, "c", 3) == 3
        assert rows(path) == {"c": 3}

    async def test_what_an_open_transaction_left_behind(self, path: Path) -> None:
        async with open_plain(path) as writer:
            await writer._session.run(_refuse_rollback)
            await writer._session.run(lambda conn: conn.execute("BEGIN IMMEDIATE") and None)
            with pytest.raises(StoreUnavailable):
                await writer.submit(put, "a", 1)
            assert await writer.submit(put, "b", 2) == 2
        assert rows(path) == {"b": 2}

    @pytest.mark.parametrize("statement", ["ROLLBACK", "ROLLBACK TO operation"])
    async def test_in_an_exclusive_transaction(self, path: Path, statement: str) -> None:
        async def work() -> None:
            async with writer.exclusive(30) as exclusive:
                await exclusive.run(put, "a", 1)
                await exclusive.run(fail, ZeroDivisionError("odd"))

        async with open_plain(path) as writer:
            await writer._session.run(_refuse_rollback)
            if statement == "ROLLBACK TO operation":
                await writer._session.run(lambda conn: conn.refused.append(statement))
            with pytest.raises(ZeroDivisionError):
                await work()
            assert await writer.submit(put, "b", 2) == 2
            _write_beside(path)
        assert rows(path) == {"b": 2}

    async def test_a_database_that_cannot_be_opened_again_is_tried_each_time(
        self, path: Path
    ) -> None:
        async with open_plain(path) as writer:
            await writer._session.run(_refuse_rollback)
            await gather(writer.submit(fail, ZeroDivisionError("odd")))
            away = path.with_name("away.db")
            await asyncio.to_thread(path.rename, away)
            with pytest.raises(StoreUnavailable, match="cannot be opened"):
                await writer.submit(put, "a", 1)
            await asyncio.to_thread(away.rename, path)
            assert await writer.submit(put, "b", 2) == 2
        assert rows(path) == {"b": 2}


class TestCheckpoint:
    async def test_it_copies_the_wal_into_the_database(self, path: Path) -> None:
        async with open_plain(path) as writer:
            await writer.submit(put, "a", 1)
            busy, pages, copied = await writer.checkpoint()
            assert not busy
            assert pages == copied > 0
            assert size(path.with_name("plain.db-wal")) > 0
            assert await writer.checkpoint("TRUNCATE") == (False, 0, 0)
            assert size(path.with_name("plain.db-wal")) == 0

    async def test_it_waits_its_turn_between_groups(self, path: Path) -> None:
        async with open_plain(path) as writer:
            results = await gather(
                writer.submit(put, "a", 1),
                writer.checkpoint(),
                writer.submit(put, "b", 2),
                writer.checkpoint(),
            )
            assert results[0] == 1
            assert results[1][0] is False
            assert results[2] == 2
            assert writer.last_group_size == 1

    async def test_closing_leaves_nothing_in_the_wal(self, path: Path) -> None:
        other = None
        async with open_plain(path) as writer:
            other = sqlite3.connect(path)
            other.execute("SELECT count(*) FROM item").fetchall()
            await writer.submit(put, "a", 1)
        assert size(path.with_name("plain.db-wal")) == 0
        other.close()

    async def test_closing_does_not_wait_for_long_until_others_have_written(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobstore.engines.sqlite.log.checkpointing._CLOSING_PATIENCE", 0.01)
        other = FileLock(path, timeout=0)
        async with open_plain(path) as writer:
            writer._transactions._lock = FileLock(path, timeout=3600)
            other.acquire()
        other.release()


class TestClosing:
    async def test_what_was_accepted_is_finished(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path) as writer:
            first = await held(writer, gate)
            accepted = [
                asyncio.create_task(writer.submit(put, str(each), each)) for each in range(9)
            ]
            await asyncio.sleep(0)
            closing = asyncio.create_task(writer.close())
            await asyncio.sleep(0)
            with pytest.raises(StoreClosed):
                await writer.submit(put, "refused", 1)
            gate.opened.set()
            await closing
            assert await gather(*accepted) == list(range(9))
            await first
        assert len(rows(path)) == 9

    async def test_what_was_just_submitted_is_finished_too(self, path: Path) -> None:
        async with open_plain(path) as writer:
            write = asyncio.create_task(writer.submit(put, "a", 1))
            await asyncio.sleep(0)
            await writer.close()
            assert await write == 1
        assert rows(path) == {"a": 1}

    async def test_whoever_waits_for_a_place_is_refused(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path, queue_size=1) as writer:
            first = await held(writer, gate)
            accepted = asyncio.create_task(writer.submit(put, "a", 1))
            outside = asyncio.create_task(writer.submit(put, "b", 2))
            await asyncio.sleep(0)
            closing = asyncio.create_task(writer.close())
            with pytest.raises(StoreClosed):
                await outside
            gate.opened.set()
            await closing
            assert await accepted == 1
            await first
        assert rows(path) == {"a": 1}

    async def test_everything_is_refused_afterwards(self, path: Path) -> None:
        async with open_plain(path) as writer:
            await writer.close()
            await writer.close()
            for call in (
                writer.submit(put, "a", 1),
                writer.submit_many(put, [("a", 1)]),
                writer.checkpoint(),
            ):
                with pytest.raises(StoreClosed):
                    await call
            with pytest.raises(StoreClosed):
                async with writer.exclusive(1):
                    raise AssertionError("it was let in")

    async def test_it_goes_on_when_the_one_who_closes_gives_up(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path) as writer:
            first = await held(writer, gate)
            closing = asyncio.create_task(writer.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            gate.opened.set()
            assert await first == "held"
            await writer.close()

    async def test_a_session_that_was_closed_beneath_it(self, path: Path) -> None:
        async with open_plain(path) as writer:
            await writer._session.close()
            for call in (writer.submit(put, "a", 1), writer.checkpoint()):
                with pytest.raises(StoreClosed):
                    await call


class TestTransactions:
    """The part that runs on the writer's thread, where SQLite answers as it likes."""

    @pytest.fixture(autouse=True)
    def _lock(self, tmp_path: Path) -> None:
        self.lock = FileLock(tmp_path / "a.db", timeout=0.01)

    def run(
        self, answers: dict[str, list[Exception]], patience: float = 60.0
    ) -> tuple[Any, list[str]]:
        conn = Scripted(answers)
        runner = group_commit.Transactions(Tally, self.lock)
        return runner.run_group(conn, [(done, ())], patience), conn.log

    def test_a_commit_that_is_busy_is_tried_again(self) -> None:
        outcomes, log = self.run({"COMMIT": [error_of("SQLITE_BUSY"), error_of("SQLITE_BUSY")]})
        assert outcomes == [("done", None)]
        assert log == ["BEGIN IMMEDIATE", "COMMIT", "COMMIT", "COMMIT"]

    def test_a_commit_that_stays_busy_is_undone(self) -> None:
        busy, log = self.run({"COMMIT": [error_of("SQLITE_BUSY")] * 1000}, 0.05)
        assert type(busy) is StoreBusy
        assert log[-1] == "ROLLBACK"

    def test_a_disk_error_at_commit(self) -> None:
        outcomes, log = self.run({"COMMIT": [error_of("SQLITE_IOERR_FSYNC")]})
        assert type(outcomes[0][1]).__name__ == "OutcomeUnknown"
        assert log == ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"]

    def test_a_full_disk_at_commit(self) -> None:
        outcomes, log = self.run({"COMMIT": [error_of("SQLITE_FULL")]})
        assert type(outcomes[0][1]) is StorageFull
        assert log[-1] == "ROLLBACK"

    def test_a_failing_rollback_does_not_hide_the_first_error(self) -> None:
        outcomes, log = self.run(
            {"COMMIT": [error_of("SQLITE_FULL")], "ROLLBACK": [error_of("SQLITE_IOERR")] * 2}
        )
        assert type(outcomes[0][1]) is StorageFull
        assert log[-2:] == ["ROLLBACK", "close"]

    def test_a_lock_that_cannot_be_had(self, tmp_path: Path) -> None:
        conn = Scripted({})
        runner = group_commit.Transactions(Tally, self.lock)
        with FileLock(tmp_path / "a.db", timeout=0):
            busy = runner.run_group(conn, [(done, ())], 0.01)
            assert type(busy) is StoreBusy
            with pytest.raises(StoreBusy):
                runner.open(conn, 0.01)
        assert conn.log == []
        conn.answers["BEGIN IMMEDIATE"] = [error_of("SQLITE_CORRUPT")]
        with pytest.raises(sqlite3.DatabaseError):
            runner.open(conn, 0.01)
        with FileLock(tmp_path / "a.db", timeout=0):
            pass  # it was let go

    def test_a_mistake_with_the_lock_reaches_everyone(self) -> None:
        runner = group_commit.Transactions(Tally, self.lock)
        with self.lock:
            outcomes = runner.run_group(Scripted({}), [(done, ()), (done, ())], 0.01)
        assert isinstance(outcomes, list)
        assert [type(error) for _, error in outcomes] == [RuntimeError, RuntimeError]

    def test_a_checkpoint_without_a_wal(self) -> None:
        conn = sqlite3.connect(":memory:")
        runner = group_commit.Transactions(Tally, self.lock)
        assert runner.checkpoint(conn, 0.01, "PASSIVE") == (False, -1, -1)
        conn.close()

    def test_a_batch_that_cannot_be_made(self) -> None:
        def broken(conn: sqlite3.Connection, works: Sequence[group_commit.Work]) -> Tally:
            raise KeyError("broken")

        runner = group_commit.Transactions(broken, self.lock)
        conn = Scripted({})
        outcomes = runner.run_group(conn, [(done, ()), (done, ())], 0.01)
        assert isinstance(outcomes, list)
        assert [type(error) for _, error in outcomes] == [KeyError, KeyError]
        assert not conn.in_transaction


async def _transact(writer: StoreWriter) -> None:
    async with writer.exclusive(30) as exclusive:
        await exclusive.run(put, "b", 2)


class Refusing(OpenFile):
    """A connection that refuses some statements, and ROLLBACK among them."""

    refused: list[str]

    def execute(self, statement: str, *args: Any) -> sqlite3.Cursor:
        if statement in self.refused:
            raise error_of("SQLITE_INTERRUPT")
        return super().execute(statement, *args)


def _refuse_rollback(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Make the connection, which open_plain has made by this class, refuse ROLLBACK."""
    assert isinstance(conn, Refusing)
    conn.refused.append("ROLLBACK")
    return conn


def _write_beside(path: Path) -> None:
    """Show that no transaction is open: another connection may begin one at once."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    other.close()


def done(batch: Any) -> str:
    return "done"


def error_of(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("odd")
    error.sqlite_errorname = name
    return error


class Scripted:
    """A connection that answers statements with the errors it was given, in order."""

    def __init__(self, answers: dict[str, list[Exception]]) -> None:
        self.answers = answers
        self.log: list[str] = []
        self.in_transaction = False
        self.total_changes = 0

    def execute(self, statement: str) -> None:
        self.log.append(statement)
        if self.answers.get(statement):
            raise self.answers[statement].pop(0)
        self.in_transaction = statement not in ("COMMIT", "ROLLBACK")

    def close(self) -> None:
        self.log.append("close")


def size(path: Path) -> int:
    return path.stat().st_size
