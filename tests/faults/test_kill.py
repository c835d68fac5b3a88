"""SIGKILL in the middle of ingest: what was acknowledged is there, and all of it is sound."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from jobstore import JobStore, SearchQuery, job_id
from tests.fixtures.checks import check_file

Start = Callable[..., Popen[str]]

# Tells each write once it is acknowledged: its number and the version that is stored.
ONE_BY_ONE = """
import asyncio, itertools, random, sys
import jobstore

async def main(url, round):
    generator = random.Random(round)
    numbers = itertools.count()
    async with jobstore.connect(url) as store:
        async def write():
            while True:
                # Some are new, others change and move.
                number = next(numbers) if generator.random() < 0.7 else generator.randrange(300)
                result = await store.upsert({
                    "source": f"board {round}", "source_job_id": str(number),
                    "title": f"Engineer {generator.randrange(9)}", "company": f"C{number % 7}",
                    "description": "killed " * generator.randrange(200),
                    "posted_at": f"2026-01-{generator.randint(1, 28):02}",
                    "applicant_count": number, "salary_max": number, "salary_currency": "EUR",
                })
                print(number, result.version, flush=True)
        await asyncio.gather(*(write() for _ in range(40)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

# Tells how many postings are acknowledged; they are stored in their order.
IN_BULK = """
import asyncio, itertools, sys
import jobstore

async def main(url, round):
    async with jobstore.connect(url) as store:
        await store.upsert_many(
            ({
                "source": f"board {round}", "source_job_id": str(number),
                "title": "Engineer killed", "company": f"C{number % 7}",
                "description": "bulk " * 100, "posted_at": f"2026-02-{number % 28 + 1:02}",
            } for number in itertools.count()),
            progress=lambda report: print(report.inserted, flush=True),
        )

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def _until_killed(process: Popen[str], lines: int) -> list[str]:
    """Return what the process told before it was killed; a last line that is torn is none.

    What it logged is in the same pipe, and is not told.
    """
    with process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told += process.stdout.read().splitlines(keepends=True)
    whole = [line.strip() for line in told if line.endswith("\n")]
    return [line for line in whole if line.replace(" ", "").isdigit()]


async def _check_one_by_one(store: JobStore, source: str, told: list[str]) -> None:
    versions: dict[str, int] = {}
    for line in told:
        number, version = line.split()
        versions[number] = max(int(version), versions.get(number, 0))
    for number, version in versions.items():
        job = await store.find(source, number)
        assert job is not None
        assert job.version >= version
        assert len(await store.revisions(job.id)) == job.version - 1


async def _check_in_bulk(store: JobStore, source: str, told: list[str]) -> None:
    acknowledged = int(told[-1])
    stored = await store.count(SearchQuery(source=source))
    assert stored >= acknowledged
    # A transaction is stored wholly or not at all.
    assert stored % 512 == 0
    ids = [job_id(source, str(number)) for number in range(stored)]
    for start in range(0, stored, 512):
        assert None not in await store.get_many(ids[start : start + 512])


# Five to a store: after each one everything in it is looked at, and it grows.
@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 20, 5))
async def test_twenty_kills_lose_nothing_that_was_acknowledged(
    migrated_url: str, tmp_path: Path, start_python: Start, first: int
) -> None:
    generator = random.Random(first)
    path = tmp_path / "jobs.db"
    for round in range(first, first + 5):
        source = f"board {round}"
        in_bulk = round % 4 == 3
        process = start_python(IN_BULK if in_bulk else ONE_BY_ONE, migrated_url, str(round))
        told = _until_killed(process, generator.randint(1, 5 if in_bulk else 600))
        assert told, "the process ended before it was killed"

        async with jobstore.connect(migrated_url) as store:
            check = _check_in_bulk if in_bulk else _check_one_by_one
            await check(store, source, told)
            # The index answers, and agrees with the rows and the counts.
            page = await store.search(SearchQuery(text="engineer killed OR 1", source=source))
            assert page.total > 0 or not in_bulk
            total = await store.count()
            assert total == await store.count(SearchQuery(text="engineer"))
            # The next writer finds everything in order.
            await store.upsert(
                {"source": source, "source_job_id": "after", "title": "Engineer", "company": "C"}
            )
            assert await store.count() == total + 1
        check_file(path)
