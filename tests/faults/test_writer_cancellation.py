"""Cancellation at random points: no transaction stays open, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore import JobStoreError
from jobstore.engines.sqlite.writing.writer import StoreWriter
from jobstore.locking import FileLock
from tests.unit.sqlite.plain import Tally, open_plain, open_pool, put, rows, take, tally


class Ledger:
    """What the callers were told about each key, and which operations ever ran."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self.refused: set[str] = set()
        self.ran: set[str] = set()

    def write(self, batch: Tally, key: str) -> None:
        self.ran.add(key)
        put(batch, key, 1)


async def one_write(writer: StoreWriter, ledger: Ledger, key: str) -> None:
    try:
        await writer.submit(ledger.write, key)
    except JobStoreError:
        ledger.refused.add(key)
    else:
        ledger.acknowledged.add(key)


async def one_transaction(writer: StoreWriter, ledger: Ledger, key: str) -> None:
    async with writer.exclusive(30) as transaction:
        for part in ("x", "y"):
            await transaction.run(ledger.write, f"{key}{part}")
            await asyncio.sleep(0)
    ledger.acknowledged.update((f"{key}x", f"{key}y"))


async def one_failure(writer: StoreWriter, ledger: Ledger, key: str) -> None:
    try:
        await writer.submit(put, key, -1)
    except JobStoreError:
        ledger.refused.add(key)


async def one_absence(writer: StoreWriter, ledger: Ledger, key: str) -> None:
    try:
        await writer.submit(take, key)
    except JobStoreError:
        ledger.refused.add(key)


ACTS: list[Callable[[StoreWriter, Ledger, str], object]] = [
    one_write,
    one_write,
    one_write,
    one_transaction,
    one_failure,
    one_absence,
]


@settings(max_examples=40)
@given(
    acts=st.lists(st.integers(0, len(ACTS) - 1), min_size=1, max_size=40),
    # When each is cancelled: in turns of the event loop, or never.
    patience=st.lists(st.one_of(st.none(), st.integers(0, 12)), min_size=40, max_size=40),
    queue_size=st.sampled_from([1, 3, 1000]),
)
async def test_any_schedule_of_cancellations(
    acts: list[int], patience: list[int | None], queue_size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plain.db"
        ledger = Ledger()
        async with open_plain(path, queue_size=queue_size) as writer:
            tasks = [
                asyncio.ensure_future(ACTS[act](writer, ledger, f"k{index}"))
                for index, act in enumerate(acts)
            ]
            for turn in range(14):
                for task, limit in zip(tasks, patience, strict=False):
                    if limit == turn:
                        task.cancel()
                await asyncio.sleep(0)
            await asyncio.gather(*tasks, return_exceptions=True)
            # The store is usable, and others may write.
            await writer.submit(put, "last", 1)
            assert writer.queue_depth == 0
            assert not writer._session.in_transaction
            await one_transaction(writer, ledger, "end")
        with FileLock(path, timeout=0):
            found = rows(path)
        assert ledger.acknowledged <= found.keys()
        assert not ledger.refused & found.keys()
        assert found.keys() - {"last"} <= ledger.ran
        for index in range(len(acts)):
            assert (f"k{index}x" in found) == (f"k{index}y" in found)
        # The sum that is kept beside the rows went the same way as they did.
        assert tally(path) == len(found)


async def test_a_hundred_writers_and_readers_with_cancellations(tmp_path: Path) -> None:
    chance = random.Random(20240229)
    path = tmp_path / "plain.db"
    ledger = Ledger()

    def read(conn: sqlite3.Connection) -> tuple[int, int]:
        conn.execute("BEGIN")
        counted = conn.execute("SELECT count(*) FROM item").fetchone()[0]
        kept = conn.execute("SELECT amount FROM tally").fetchone()[0]
        return counted, kept

    async def writes(name: int) -> None:
        for number in range(30):
            await one_write(writer, ledger, f"w{name}-{number}")

    async def reads(quick: bool) -> None:
        for _ in range(30):
            counted, kept = await pool.read(read, quick=quick)
            assert counted == kept

    async with open_plain(path) as writer, open_pool(path, readers=3) as pool:
        tasks = [asyncio.create_task(writes(name)) for name in range(100)]
        tasks += [asyncio.create_task(reads(name % 2 == 0)) for name in range(100)]
        victims = chance.sample(tasks, 60)
        for victim in victims:
            await asyncio.sleep(chance.random() * 0.005)
            victim.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        given_up = [each for each in results if isinstance(each, asyncio.CancelledError)]
        assert [each for each in results if each is not None] == given_up
        assert await pool.read(read) == (len(rows(path)), len(rows(path)))
    found = rows(path)
    assert ledger.acknowledged <= found.keys()
    assert not ledger.refused
    assert found.keys() <= ledger.ran
    assert tally(path) == len(found)
