"""Exclusive transactions: several operations that stand or fall together."""

# ruff: noqa: PT012 - the block of a transaction has to be inside the one that expects its error
from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from jobstore import (
    InvalidPosting,
    JobNotFound,
    StorageFull,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    StoreUnavailable,
)
from jobstore.engines.writing.exclusive import ExclusiveTransaction
from jobstore.locking import FileLock
from tests.fixtures.clock import LoopClock
from tests.unit.sqlite.plain import Gate, Tally, fail, open_plain, put, rows, take, tally
from tests.unit.sqlite.test_writer import Scripted, error_of, held


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plain.db"


async def test_all_of_it_is_stored_at_the_end(path: Path) -> None:
    async with open_plain(path) as writer:
        async with writer.exclusive(30) as transaction:
            assert await transaction.run(put, "a", 1) == 1
            assert await transaction.run(put, "b", 2) == 2
            assert await transaction.run(take, "a") == 1
            assert rows(path) == {}
        assert rows(path) == {"b": 2}
        assert tally(path) == 1


async def test_none_of_it_is_stored_after_an_error(path: Path) -> None:
    async with open_plain(path) as writer:
        with pytest.raises(KeyError, match="mine"):
            async with writer.exclusive(30) as transaction:
                await transaction.run(put, "a", 1)
                raise KeyError("mine")
        assert await writer.submit(put, "b", 2) == 2
    assert rows(path) == {"b": 2}
    assert tally(path) == 1


@pytest.mark.parametrize(
    ("operation", "args", "expected"),
    [
        (put, ("bad", -1), InvalidPosting),
        (take, ("nothing",), JobNotFound),
        (fail, (ZeroDivisionError("odd"),), ZeroDivisionError),
    ],
)
async def test_an_operation_that_fails_leaves_the_rest_intact(
    path: Path, operation: object, args: tuple[object, ...], expected: type[Exception]
) -> None:
    async with open_plain(path) as writer:
        async with writer.exclusive(30) as transaction:
            await transaction.run(put, "a", 1)
            with pytest.raises(expected):
                await transaction.run(operation, *args)
            await transaction.run(put, "b", 2)
        assert rows(path) == {"a": 1, "b": 2}
        assert tally(path) == 2


async def test_others_wait_until_it_is_over(path: Path) -> None:
    async with open_plain(path) as writer:
        async with writer.exclusive(30) as transaction:
            other = asyncio.create_task(writer.submit(put, "a", 2))
            checkpoint = asyncio.create_task(writer.checkpoint())
            second = asyncio.create_task(_once(writer))
            await transaction.run(put, "a", 1)
            await asyncio.sleep(0.02)
            assert writer.queue_depth == 3
        assert await other == 2
        assert (await checkpoint)[0] is False
        await second
    assert rows(path) == {"a": 2, "once": 1}


async def test_the_turn_has_to_come_in_time(path: Path) -> None:
    gate, clock = Gate(), LoopClock()
    async with open_plain(path, busy_timeout=3600) as writer:
        first = await held(writer, gate)
        asyncio.get_running_loop().call_soon(clock.advance, 4000)
        with pytest.raises(StoreBusy):
            async with writer.exclusive(30):
                raise AssertionError("it was let in")
        gate.opened.set()
        await first


async def test_another_process_keeps_it_from_beginning(path: Path) -> None:
    other = FileLock(path, timeout=0)
    async with open_plain(path, busy_timeout=0.05) as writer:
        with other, pytest.raises(StoreBusy):
            async with writer.exclusive(30):
                raise AssertionError("it was let in")
        for _ in range(600):
            # A busy machine may not have it begin in so short a time at once.
            with suppress(StoreBusy):
                await _once(writer)
                break
    assert rows(path) == {"once": 1}


class TestTimeout:
    async def test_it_is_rolled_back_when_its_time_is_over(self, path: Path) -> None:
        clock = LoopClock()
        async with open_plain(path) as writer:
            with pytest.raises(StoreTimeout):
                async with writer.exclusive(3600) as transaction:
                    await transaction.run(put, "a", 1)
                    clock.advance(4000)
                    # Others go on although the block has not ended.
                    assert await writer.submit(put, "b", 2) == 2
                    with pytest.raises(StoreTimeout):
                        await transaction.run(put, "c", 3)
            assert rows(path) == {"b": 2}

    async def test_what_runs_then_is_finished_before_it_is_rolled_back(self, path: Path) -> None:
        gate, clock = Gate(), LoopClock()
        ran: list[str] = []

        def slow(batch: Tally) -> None:
            gate.hold(batch)
            # Interrupted, it would fail, and might leave SQLite unable to roll back.
            put(batch, "slow", 1)
            ran.append("slow")

        async def work() -> None:
            async with writer.exclusive(3600) as transaction:
                await transaction.run(put, "a", 1)
                await asyncio.gather(transaction.run(slow), transaction.run(ran.append))

        async with open_plain(path) as writer:
            working = asyncio.create_task(work())
            await asyncio.to_thread(gate.entered.wait, 60)
            clock.advance(4000)
            with pytest.raises(StoreTimeout, match="rolled back"):
                await working
            # The caller is told at once; whoever comes next waits for the rollback.
            other = asyncio.create_task(writer.submit(put, "other", 2))
            assert not ran
            gate.opened.set()
            assert await other == 2
        # What had not begun by then was not done for nothing.
        assert ran == ["slow"]
        assert rows(path) == {"other": 2}

    async def test_an_error_of_the_block_is_not_hidden_by_it(self, path: Path) -> None:
        clock = LoopClock()
        async with open_plain(path) as writer:
            with pytest.raises(KeyError):
                async with writer.exclusive(3600):
                    clock.advance(4000)
                    await _once(writer)
                    raise KeyError


class TestCancellation:
    async def test_in_the_block(self, path: Path) -> None:
        async with open_plain(path) as writer:

            async def forever() -> None:
                async with writer.exclusive(30) as transaction:
                    await transaction.run(put, "a", 1)
                    await asyncio.sleep(3600)

            await _cancelled_after(forever(), 0.05)
            await _once(writer)
        assert rows(path) == {"once": 1}

    async def test_while_an_operation_runs(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path) as writer:

            async def stuck() -> None:
                async with writer.exclusive(30) as transaction:
                    await transaction.run(put, "a", 1)
                    await transaction.run(gate.hold)

            task = asyncio.create_task(stuck())
            await asyncio.to_thread(gate.entered.wait, 60)
            task.cancel()
            await asyncio.sleep(0.02)
            # Again, while the rollback waits for the operation.
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.opened.set()
            await _once(writer)
        assert rows(path) == {"once": 1}

    async def test_while_it_waits_for_its_turn(self, path: Path) -> None:
        gate = Gate()
        async with open_plain(path) as writer:
            first = await held(writer, gate)
            task = asyncio.create_task(_once(writer))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.opened.set()
            await first
            assert writer.queue_depth == 0
            await writer.submit(put, "a", 1)
        assert rows(path) == {"a": 1}

    async def test_while_it_begins(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        gate = Gate()
        async with open_plain(path) as writer:
            begin = writer._transactions.open

            def slowly(conn: object, patience: float, timeout: float) -> None:
                gate.hold(None)
                begin(conn, patience, timeout)

            monkeypatch.setattr(writer._transactions, "open", slowly)
            task = asyncio.create_task(_once(writer))
            await asyncio.to_thread(gate.entered.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.opened.set()
            await writer.submit(put, "a", 1)
        assert rows(path) == {"a": 1}

    async def test_at_the_moment_it_has_begun(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks: list[asyncio.Task[None]] = []
        start = ExclusiveTransaction.start

        def start_and_cancel(transaction: ExclusiveTransaction) -> None:
            start(transaction)
            # Its turn has come, and its caller does not know it yet.
            asyncio.get_running_loop().call_soon(tasks[0].cancel)

        monkeypatch.setattr(ExclusiveTransaction, "start", start_and_cancel)
        async with open_plain(path) as writer:
            tasks.append(asyncio.create_task(_once(writer)))
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            await writer.submit(put, "a", 1)
        assert rows(path) == {"a": 1}


async def test_it_cannot_be_used_afterwards(path: Path) -> None:
    async with open_plain(path) as writer:
        async with writer.exclusive(30) as transaction:
            await transaction.run(put, "a", 1)
        with pytest.raises(StoreClosed, match="over"):
            await transaction.run(put, "b", 2)
        transaction.abandon()
    assert rows(path) == {"a": 1}


async def test_closing_waits_for_it(path: Path) -> None:
    async with open_plain(path) as writer:
        async with writer.exclusive(30) as transaction:
            closing = asyncio.create_task(writer.close())
            await asyncio.sleep(0)
            await transaction.run(put, "a", 1)
            assert not closing.done()
        await closing
    assert rows(path) == {"a": 1}


async def test_a_transaction_that_sqlite_undid_cannot_be_committed(path: Path) -> None:
    def undone(batch: Tally) -> None:
        batch.conn.execute("ROLLBACK")
        raise StorageFull

    async with open_plain(path) as writer:
        with pytest.raises(StoreUnavailable, match="undid the transaction"):
            async with writer.exclusive(30) as transaction:
                await transaction.run(put, "a", 1)
                with pytest.raises(StorageFull):
                    await transaction.run(undone)
                with pytest.raises(StoreUnavailable, match="undid the transaction"):
                    await transaction.run(put, "b", 2)
        await _once(writer)
    assert rows(path) == {"once": 1}


async def test_two_tasks_may_use_one_transaction(path: Path) -> None:
    async with open_plain(path) as writer:
        async with writer.exclusive(30) as transaction:
            results = await asyncio.gather(
                *(transaction.run(put, f"k{each}", each - 1) for each in range(10)),
                return_exceptions=True,
            )
        assert isinstance(results[0], InvalidPosting)
        assert results[1:] == list(range(9))
    assert len(rows(path)) == 9


async def test_a_rollback_that_fails_does_not_hide_the_error(path: Path) -> None:
    def broken(batch: Tally) -> None:
        raise KeyError("mine")

    async with open_plain(path) as writer:
        conn = Scripted({"ROLLBACK TO operation": [error_of("SQLITE_IOERR")]})
        conn.in_transaction = True
        with pytest.raises(KeyError, match="mine"):
            writer._transactions.run_alone(conn, (broken, ()))
        # Nothing of it may stay behind in that case, and so nothing of the whole can.
        assert conn.log[-1] == "ROLLBACK"


async def _once(writer: object) -> None:
    async with writer.exclusive(30) as transaction:
        await transaction.run(put, "once", 1)


async def _cancelled_after(work: object, seconds: float) -> None:
    task = asyncio.ensure_future(work)
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
