"""Reading in parallel: shared hops, long reads that are stopped, closing."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobstore import (
    JobNotFound,
    SchemaMismatch,
    StoreBusy,
    StoreClosed,
    StoreTimeout,
    StoreUnavailable,
)
from jobstore.engines.sqlite import readers
from jobstore.engines.sqlite.readers import ReaderPool
from jobstore.engines.sqlite.watch import watched
from tests.unit.sqlite.plain import (
    Gate,
    make_database,
    open_plain,
    open_pool,
    options,
    put,
    until,
)

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_database(tmp_path / "plain.db")
    conn = sqlite3.connect(tmp_path / "plain.db")
    conn.executemany("INSERT INTO item VALUES (?, ?)", [(f"k{n}", n) for n in range(500)])
    conn.commit()
    conn.close()
    return tmp_path / "plain.db"


def value(conn: sqlite3.Connection, key: str) -> int:
    row = conn.execute("SELECT value FROM item WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise JobNotFound
    return int(row[0])


def endless(conn: sqlite3.Connection) -> Any:
    return conn.execute(ENDLESS).fetchall()


def thread(conn: sqlite3.Connection) -> int:
    return threading.get_ident()


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("connections", [1, 2, 5])
async def test_everyone_gets_their_own_answer(path: Path, quick: bool, connections: int) -> None:
    async with open_pool(path, readers=connections) as pool:
        for _ in range(3):
            results = await asyncio.gather(
                *(pool.read(value, f"k{n}", quick=quick) for n in range(300))
            )
            assert results == list(range(300))


@pytest.mark.parametrize("quick", [True, False])
async def test_errors_reach_their_own_caller(path: Path, quick: bool) -> None:
    def wrong(conn: sqlite3.Connection) -> Any:
        return conn.execute("SELECT absent FROM item")

    def odd(conn: sqlite3.Connection) -> Any:
        raise StopIteration

    async with open_pool(path) as pool:
        results = await asyncio.gather(
            pool.read(value, "k1", quick=quick),
            pool.read(value, "absent", quick=quick),
            pool.read(wrong, quick=quick),
            pool.read(odd, quick=quick),
            pool.read(value, "k2", quick=quick),
            return_exceptions=True,
        )
    assert results[0] == 1
    assert isinstance(results[1], JobNotFound)
    assert isinstance(results[2], SchemaMismatch)
    assert isinstance(results[3], RuntimeError)
    assert results[4] == 2


async def test_quick_reads_that_wait_share_a_hop(path: Path) -> None:
    hops: list[int] = []

    def recorded(conn: sqlite3.Connection, calls: list[Any]) -> Any:
        hops.append(len(calls))
        return together(conn, calls)

    together = readers._read_together
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "_read_together", recorded)
        async with open_pool(path) as pool:

            async def one_after_the_other(start: int) -> None:
                for n in range(start, start + 3):
                    assert await pool.read(value, f"k{n}", quick=True) == n

            await asyncio.gather(*(one_after_the_other(n) for n in range(100)))
            # The first goes at once; then those who were answered together ask together.
            assert hops == [1, 100, 100, 99]
            await pool.read(value, "k0", quick=True)
            await pool.read(value, "k0", quick=True)
            assert hops[4:] == [1, 1]
            await asyncio.gather(*(pool.read(value, "k0", quick=True) for _ in range(300)))
            assert max(hops) == readers._TOGETHER


async def test_a_reader_sees_what_was_acknowledged_before(path: Path) -> None:
    async with open_plain(path) as writer, open_pool(path) as pool:
        for n in range(20):
            await writer.submit(put, "counted", n)
            assert await pool.read(value, "counted", quick=n % 2 == 0) == n


async def test_long_reads_run_side_by_side_and_leave_a_reader_to_quick_ones(path: Path) -> None:
    gates = [Gate() for _ in range(3)]
    async with open_pool(path, readers=3) as pool:
        running = [asyncio.create_task(pool.read(gate.hold)) for gate in gates]
        for gate in gates[:2]:
            await asyncio.to_thread(gate.entered.wait, 60)
        assert await pool.read(value, "k7", quick=True) == 7
        assert not gates[2].entered.is_set()
        for gate in gates:
            gate.opened.set()
        assert await asyncio.gather(*running) == ["held"] * 3


async def test_neither_kind_starves_the_other_on_one_reader(path: Path) -> None:
    order: list[str] = []

    def noted(conn: sqlite3.Connection, what: str) -> None:
        order.append(what)

    gate = Gate()
    async with open_pool(path, readers=1) as pool:
        first = asyncio.create_task(pool.read(gate.hold))
        await asyncio.to_thread(gate.entered.wait, 60)
        waiting = [asyncio.create_task(pool.read(noted, "long")) for _ in range(2)]
        waiting += [
            asyncio.create_task(pool.read(noted, "quick", quick=True))
            for _ in range(readers._TOGETHER + 1)
        ]
        await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(first, *waiting)
    assert order == ["quick"] * readers._TOGETHER + ["long", "quick", "long"]


@pytest.mark.parametrize("quick", [True, False])
async def test_a_transaction_that_was_left_open_is_undone(path: Path, quick: bool) -> None:
    def leaves_it_open(conn: sqlite3.Connection) -> None:
        conn.execute("BEGIN")
        conn.execute("SELECT * FROM item").fetchall()

    def fails_inside(conn: sqlite3.Connection) -> None:
        leaves_it_open(conn)
        raise KeyError

    async with open_pool(path, readers=1) as pool:
        await pool.read(leaves_it_open, quick=quick)
        assert not await pool.read(lambda conn: conn.in_transaction)
        with pytest.raises(KeyError):
            await pool.read(fails_inside, quick=quick)
        assert not await pool.read(lambda conn: conn.in_transaction)


async def test_nothing_can_be_written(path: Path) -> None:
    async with open_pool(path) as pool:
        with pytest.raises(StoreUnavailable):
            await pool.read(lambda conn: conn.execute("DELETE FROM item") and None)


class TestGivingUp:
    async def test_a_long_read_is_stopped_when_its_time_is_over(self, path: Path) -> None:
        async with open_pool(path, readers=1) as pool:
            with pytest.raises(StoreTimeout):
                await pool.read(endless, timeout=0.05)
            assert await pool.read(value, "k1") == 1

    async def test_the_time_may_come_from_the_options(self, path: Path) -> None:
        async with open_pool(path, readers=1, read_timeout=0.05) as pool:
            with pytest.raises(StoreTimeout):
                await pool.read(endless)

    async def test_a_long_read_is_stopped_when_it_is_cancelled(self, path: Path) -> None:
        async with open_pool(path, readers=1) as pool:
            task = asyncio.create_task(pool.read(endless))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await pool.read(value, "k1") == 1

    async def test_what_a_stopped_one_has_begun_to_read_stops_no_other(self, path: Path) -> None:
        def half(conn: sqlite3.Connection) -> list[Any]:
            rows = watched(conn.execute("SELECT key FROM item"))
            next(rows)
            hop.stop.told = True
            return list(rows)

        conn = sqlite3.connect(path, isolation_level=None)
        future = asyncio.get_running_loop().create_future()
        hop = readers._Hop(conn, [readers._Read(future, half, (), 0.0)])
        # As long as somebody holds the error, what it passed through lives.
        with pytest.raises(StoreTimeout) as stopped:
            readers._read_alone(conn, hop)
        # It is interrupted until the loop hears that it is over.
        conn.interrupt()
        assert value(conn, "k7") == 7
        del stopped
        conn.close()

    async def test_one_that_is_between_two_statements_is_stopped_at_the_next(
        self, path: Path
    ) -> None:
        gate = Gate()

        def two_statements(conn: sqlite3.Connection) -> Any:
            gate.hold(None)
            return endless(conn)

        async with open_pool(path, readers=1) as pool:
            task = asyncio.create_task(pool.read(two_statements))
            await asyncio.to_thread(gate.entered.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.opened.set()
            assert await pool.read(value, "k1") == 1
            # Nothing is left that would stop another read on that connection.
            await asyncio.sleep(readers._REPEAT * 3)
            assert await pool.read(value, "k2") == 2

    async def test_a_statement_of_one_that_is_stopped_ends_before_the_next_read(
        self, path: Path
    ) -> None:
        gate, errors = Gate(), list[StoreTimeout]()

        def half_read(conn: sqlite3.Connection) -> Any:
            try:
                return [*watched(map(gate.hold, conn.execute("SELECT value FROM item")))]
            except StoreTimeout as error:
                # As long as somebody has it, its frames have the statement.
                errors.append(error)
                raise

        async with open_pool(path, readers=1) as pool:
            task = asyncio.create_task(pool.read(half_read))
            await asyncio.to_thread(gate.entered.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            gate.opened.set()
            assert await pool.read(value, "k1") == 1
            assert len(errors) == 1

    @pytest.mark.parametrize("quick", [True, False])
    async def test_waiting_for_a_reader_has_its_time(self, path: Path, quick: bool) -> None:
        gate = Gate()
        async with open_pool(path, readers=1) as pool:
            first = asyncio.create_task(pool.read(gate.hold))
            await asyncio.to_thread(gate.entered.wait, 60)
            patient = asyncio.create_task(pool.read(value, "k1", quick=quick, timeout=3600))
            with pytest.raises(StoreTimeout):
                await pool.read(value, "k1", quick=quick, timeout=0.05)
            given_up = asyncio.create_task(pool.read(value, "k1", quick=quick))
            await asyncio.sleep(0)
            given_up.cancel()
            gate.opened.set()
            assert await first == "held"
            assert await patient == 1
            with pytest.raises(asyncio.CancelledError):
                await given_up

    async def test_a_shared_hop_goes_on_for_the_others(self, path: Path) -> None:
        gate = Gate()
        async with open_pool(path) as pool:
            first = asyncio.create_task(pool.read(gate.hold, quick=True))
            await asyncio.to_thread(gate.entered.wait, 60)
            second = asyncio.create_task(pool.read(gate.hold, quick=True))
            late = asyncio.create_task(pool.read(gate.hold, quick=True, timeout=0.05))
            with pytest.raises(StoreTimeout):
                await late
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.opened.set()
            assert await second == "held"
            assert await pool.read(value, "k3", quick=True) == 3

    async def test_a_shorter_time_is_kept_beside_longer_ones(self, path: Path) -> None:
        gate = Gate()
        async with open_pool(path, readers=1) as pool:
            first = asyncio.create_task(pool.read(gate.hold, timeout=3600))
            await asyncio.to_thread(gate.entered.wait, 60)
            for seconds in (0.03, 0.06):
                with pytest.raises(StoreTimeout):
                    await pool.read(value, "k1", timeout=seconds)
            gate.opened.set()
            assert await first == "held"


class Sleeper:
    """A read that hears nothing until it is woken, as one that hangs in a disk."""

    def __init__(self) -> None:
        self.woken = threading.Event()
        self.connections: list[sqlite3.Connection] = []

    def sleep(self, conn: sqlite3.Connection) -> str:
        self.connections.append(conn)
        self.woken.wait(60)
        return "woken"


async def given_up(pool: ReaderPool, sleeper: Sleeper, **how: Any) -> None:
    before = len(sleeper.connections)
    reading = asyncio.create_task(pool.read(sleeper.sleep, timeout=3600, **how))
    await until(lambda: len(sleeper.connections) > before)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


def is_open(conn: sqlite3.Connection) -> bool:
    try:
        return conn.total_changes >= 0
    except sqlite3.ProgrammingError:
        return False


class TestReadersThatHang:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readers, "_PATIENCE", 0.05)

    @pytest.fixture
    def sleeper(self) -> Iterator[Sleeper]:
        sleeper = Sleeper()
        yield sleeper
        sleeper.woken.set()

    @pytest.mark.parametrize("cancelled", [True, False])
    async def test_python_that_looks_gives_its_reader_back(
        self, path: Path, cancelled: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readers, "_PATIENCE", 3600)
        started = threading.Event()

        def rows_without_end(conn: sqlite3.Connection) -> None:
            started.set()
            for _ in watched(itertools.repeat(None)):
                pass

        async with open_pool(path, readers=1) as pool:
            reading = asyncio.create_task(
                pool.read(rows_without_end, timeout=3600 if cancelled else 0.05)
            )
            if cancelled:
                await asyncio.to_thread(started.wait, 60)
                reading.cancel()
            with pytest.raises(asyncio.CancelledError if cancelled else StoreTimeout):
                await reading
            async with asyncio.timeout(60):
                assert await pool.read(value, "k1") == 1
            # It is the same reader, and it tells nobody else to stop.
            assert len(list(await pool.read(lambda conn: list(watched(range(9)))))) == 9

    @pytest.mark.parametrize("quick", [True, False])
    async def test_other_reads_go_on(self, path: Path, sleeper: Sleeper, quick: bool) -> None:
        async with open_pool(path, readers=1) as pool:
            await given_up(pool, sleeper, quick=quick)
            assert await asyncio.gather(
                *(pool.read(value, f"k{n}", quick=n % 2 == 0, timeout=60) for n in range(20))
            ) == list(range(20))
            # What was left behind is closed when it comes back, and nobody gets it.
            (hung,) = sleeper.connections
            sleeper.woken.set()
            await until(lambda: not pool._left)
            await until(lambda: not is_open(hung))
            assert len(pool._sessions) == len(pool._free) == 1
            assert await pool.read(value, "k1") == 1

    async def test_a_quick_read_that_was_given_up_is_not_begun(self, path: Path) -> None:
        gate = Gate()
        begun: list[int] = []
        async with open_pool(path, readers=1) as pool:
            together = [asyncio.create_task(pool.read(gate.hold, quick=True))]
            await asyncio.to_thread(gate.entered.wait, 60)
            # These share the next hop, and the first of them holds it.
            second = Gate()
            together.append(asyncio.create_task(pool.read(second.hold, quick=True)))
            late = asyncio.create_task(pool.read(begun.append, quick=True))
            await asyncio.sleep(0)
            gate.opened.set()
            await asyncio.to_thread(second.entered.wait, 60)
            late.cancel()
            with pytest.raises(asyncio.CancelledError):
                await late
            second.opened.set()
            assert await asyncio.gather(*together) == ["held", "held"]
            assert begun == []

    async def test_as_many_are_left_behind_as_there_are_readers(
        self, path: Path, sleeper: Sleeper
    ) -> None:
        async with open_pool(path, readers=2) as pool:
            for number in (1, 2):
                await given_up(pool, sleeper)
                await until(lambda number=number: len(pool._left) == number)
                await until(lambda: len(pool._sessions) == 2)
                assert await pool.read(value, "k1", timeout=60) == 1
            await given_up(pool, sleeper)
            await until(lambda: len(pool._hanging) == 1)
            assert len(pool._left) == 2
            # One of two hangs and may not be left behind: the other one does what is quick.
            assert await pool.read(value, "k1", quick=True, timeout=60) == 1
            sleeper.woken.set()
            await until(lambda: not pool._left and not pool._hanging)
            assert await pool.read(value, "k1") == 1

    async def test_when_all_hang_reads_are_told_so_at_once(
        self, path: Path, sleeper: Sleeper
    ) -> None:
        async with open_pool(path, readers=1) as pool:
            await given_up(pool, sleeper)
            await until(lambda: len(pool._left) == len(pool._sessions) == 1)
            await given_up(pool, sleeper)
            waiting = asyncio.create_task(pool.read(value, "k1", timeout=3600))
            with pytest.raises(StoreBusy, match="readers hang"):
                await waiting
            for quick in (True, False):
                with pytest.raises(StoreBusy, match="readers hang"):
                    await pool.read(value, "k1", quick=quick)
            sleeper.woken.set()
            await until(lambda: not pool._hanging)
            assert await pool.read(value, "k1", timeout=60) == 1

    async def test_a_reader_that_cannot_be_opened_is_tried_again(
        self, path: Path, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[int] = []

        async def third_time(*args: Any) -> Any:
            tries.append(1)
            if len(tries) < 3:
                raise StoreUnavailable
            return await open_reader(*args)

        open_reader = readers.open_reader
        async with open_pool(path, readers=1) as pool:
            monkeypatch.setattr(readers, "open_reader", third_time)
            await given_up(pool, sleeper)
            assert await pool.read(value, "k1", timeout=60) == 1
        assert len(tries) == 3

    @pytest.mark.parametrize("hanging", [1, 2])
    async def test_closing_does_not_wait_for_them(
        self, path: Path, sleeper: Sleeper, hanging: int
    ) -> None:
        async with open_pool(path, readers=1) as pool:
            for _ in range(hanging):
                await given_up(pool, sleeper)
                await until(lambda: bool(pool._sessions))
            async with asyncio.timeout(60):
                await pool.close()
            assert len(sleeper.connections) == hanging
            assert all(map(is_open, sleeper.connections))
            sleeper.woken.set()
            await until(lambda: not any(map(is_open, sleeper.connections)))

    async def test_closing_does_not_wait_for_a_reader_that_does_not_open(
        self, path: Path, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opening = asyncio.Event()

        async def never(*args: Any) -> Any:
            opening.set()
            await asyncio.Event().wait()

        async with open_pool(path, readers=1) as pool:
            monkeypatch.setattr(readers, "open_reader", never)
            await given_up(pool, sleeper)
            await opening.wait()
            # It waits until its time is over.
            with pytest.raises(StoreTimeout):
                await pool.read(value, "k1", timeout=0.02)
            waiting = asyncio.create_task(pool.read(value, "k1", timeout=0.1))
            await asyncio.sleep(0)
            async with asyncio.timeout(60):
                await pool.close()
            with pytest.raises(StoreTimeout):
                await waiting


class TestClosing:
    async def test_what_was_accepted_is_finished(self, path: Path) -> None:
        gate = Gate()
        async with open_pool(path, readers=1) as pool:
            running = asyncio.create_task(pool.read(gate.hold))
            waiting = asyncio.create_task(pool.read(value, "k1"))
            await asyncio.to_thread(gate.entered.wait, 60)
            closing = asyncio.create_task(pool.close())
            await asyncio.sleep(0)
            with pytest.raises(StoreClosed):
                await pool.read(value, "k1")
            assert not closing.done()
            gate.opened.set()
            await closing
            assert await running == "held"
            assert await waiting == 1

    async def test_what_was_just_asked_is_finished_too(self, path: Path) -> None:
        async with open_pool(path) as pool:
            await asyncio.gather(*(pool.read(value, "k1", quick=True) for _ in range(5)))
            asked = [asyncio.create_task(pool.read(value, f"k{n}", quick=True)) for n in range(5)]
            await asyncio.sleep(0)
            await pool.close()
            assert await asyncio.gather(*asked) == list(range(5))

    async def test_everything_is_refused_afterwards(self, path: Path) -> None:
        async with open_pool(path) as pool:
            await pool.close()
            await pool.close()
            for quick in (True, False):
                with pytest.raises(StoreClosed):
                    await pool.read(value, "k1", quick=quick)

    async def test_one_that_was_never_opened(self, path: Path) -> None:
        pool = ReaderPool(path, options())
        with pytest.raises(StoreClosed):
            await pool.read(value, "k1")
        await pool.close()

    async def test_an_opening_that_fails_half_way_closes_what_it_opened(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened: list[Any] = []

        async def second_fails(*args: Any) -> Any:
            if opened:
                raise StoreUnavailable
            opened.append(await open_reader(*args))
            return opened[0]

        open_reader = readers.open_reader
        monkeypatch.setattr(readers, "open_reader", second_fails)
        with pytest.raises(StoreUnavailable):
            await ReaderPool(path, options(readers=2)).open()
        with pytest.raises(StoreClosed):
            await opened[0].run(value, "k1")

    async def test_sessions_that_were_closed_beneath_it(self, path: Path) -> None:
        async with open_pool(path) as pool:
            for session in pool._sessions:
                await session.close()
            for quick in (True, False):
                with pytest.raises(StoreClosed):
                    await pool.read(value, "k1", quick=quick)
