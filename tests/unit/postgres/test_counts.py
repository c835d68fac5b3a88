"""Counts on PostgreSQL: appended, added up now and then, and exact at any moment."""

from __future__ import annotations

import asyncio
import random
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from jobstore import EngineOptions, Statistics
from jobstore.engines.postgres.sessions import Sessions
from jobstore.engines.postgres.writing import counters, transactions
from jobstore.records import job_id
from jobstore.settings import parse_store_url
from tests.engines.memory import statistics as counted_anew
from tests.fixtures.writers import open_writer, posting

_NOW = datetime.now(UTC)


def drawn(chance: random.Random, number: int) -> Any:
    """Return a posting with much that is counted."""
    fields = {
        "title": chance.choice(("Engineer", "Nurse")),
        "company": f"Company {min(int(chance.paretovariate(0.7)), 40)}",
        "location": f"City {min(int(chance.paretovariate(0.7)), 40)}",
        "applicant_count": chance.choice((None, 3, 30, 300)),
        "workplace": chance.choice((None, "remote", "onsite")),
    }
    if chance.random() < 0.5:
        fields |= {
            "salary_min": str(chance.randint(1_000, 9_000)),
            "salary_currency": chance.choice(("EUR", "USD")),
            "salary_period": "month",
        }
    return posting(number, **fields)


async def read(database: str) -> tuple[Statistics, int]:
    sessions = await Sessions.open(parse_store_url(database), EngineOptions())
    try:
        async with sessions.snapshot() as conn:
            return await counters.statistics(conn, _NOW), await counters.total(conn)
    finally:
        await sessions.close()


async def roll_up(database: str) -> None:
    sessions = await Sessions.open(parse_store_url(database), EngineOptions())
    await transactions.Transactions(lambda: _NOW, "").roll_up(sessions)
    await sessions.close()


def pending(database: str) -> int:
    with psycopg.connect(database) as conn:
        ((count,),) = conn.execute("SELECT count(*) FROM counter_delta").fetchall()
        return int(count)


async def assert_exact(database: str, writer: Any, numbers: range) -> None:
    """Assert that statistics are those of the postings, whose labels are spelled alike."""
    async with writer.transaction(60) as unit:
        found = await unit.get_many([job_id("board", str(number)) for number in numbers])
    jobs = [each for each in found if each is not None]
    expected = counted_anew(jobs, _NOW)
    assert await read(database) == (expected, len(jobs))


async def test_statistics_are_exact_before_and_after_counts_are_added_up(database: str) -> None:
    chance = random.Random(1)
    numbers = range(400)
    async with open_writer(database) as writer:
        assert await read(database) == (counted_anew([], _NOW), 0)
        for part in range(4):
            await writer.upsert_many([drawn(chance, chance.choice(numbers)) for _ in range(150)])
            await asyncio.gather(
                *(writer.delete(job_id("board", str(chance.choice(numbers)))) for _ in range(20))
            )
            await assert_exact(database, writer, numbers)
            if part % 2:
                await roll_up(database)
                assert pending(database) == 0
                await assert_exact(database, writer, numbers)


async def test_what_is_no_longer_there_leaves_no_count(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(drawn(random.Random(2), 1))
        await roll_up(database)
        await writer.delete(job_id("board", "1"))
        await roll_up(database)
        empty = asdict(counted_anew([], _NOW))
        assert asdict((await read(database))[0]) == empty
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT * FROM counter").fetchall() == []


async def test_one_program_at_a_time_adds_up(database: str) -> None:
    async with open_writer(database) as writer:
        await writer.upsert(posting(1))
        with psycopg.connect(database) as rival:
            rival.execute("SELECT pg_advisory_xact_lock(hashtextextended('jobstore: counters', 0))")
            await roll_up(database)
            assert pending(database) > 0
    # Who ends adds up what is left.
    assert pending(database) == 0


async def test_counts_stay_exact_while_programs_write_and_add_up(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "ROLL_UP_AT", 100)
    numbers = range(120)

    async def work(seed: int) -> None:
        chance = random.Random(seed)
        async with open_writer(database) as writer:
            for _ in range(15):
                await asyncio.gather(
                    *(writer.upsert(drawn(chance, chance.choice(numbers))) for _ in range(10)),
                    writer.delete(job_id("board", str(chance.choice(numbers)))),
                )
                await read(database)

    await asyncio.gather(*(work(seed) for seed in range(3)))
    async with open_writer(database) as writer:
        await assert_exact(database, writer, numbers)
    assert pending(database) < 15 * 3 * 11 * 10
