"""Four processes on one file, and a hundred coroutines in one: nothing lost, nothing double."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

import jobstore
from jobstore import EngineOptions, JobStore, Outcome, SearchQuery, job_id
from tests.fixtures.checks import check_file
from tests.fixtures.postings import posting

Start = Callable[..., Popen[str]]

WORKER = """
import asyncio, json, random, sys
import jobstore
from jobstore import EngineOptions, OutcomeUnknown, SearchQuery, VersionConflict, job_id

url, name, seed, cancels = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "cancels"
generator = random.Random(seed)
shared = job_id("shared", "1")
told = {"inserted": [], "added": 0, "attempts": 0, "cancelled": 0, "errors": []}

async def insert(store, number):
    result = await store.upsert({
        "source": name, "source_job_id": str(number), "title": f"Engineer {number}",
        "company": f"C{number % 5}", "description": "word " * 50,
        "posted_at": f"2026-01-{number % 28 + 1:02}", "applicant_count": number,
    })
    assert result.outcome != "updated", result
    told["inserted"].append(number)

async def add_one(store):
    # The optimistic way: read, and write only if nobody else did meanwhile.
    while True:
        told["attempts"] += 1
        job = await store.get(shared)
        try:
            await store.update(shared, {"applicant_count": job.applicant_count + 1},
                               expected_version=job.version)
        except VersionConflict:
            continue
        told["added"] += 1
        return

async def in_transaction(store, number):
    async with store.transaction() as tx:
        for part in ("a", "b"):
            await tx.upsert({"source": name, "source_job_id": f"{number}{part}",
                             "title": "Pair", "company": "C"})
    told["inserted"] += [f"{number}a", f"{number}b"]

async def read(store):
    page = await store.search(SearchQuery(text="engineer"), limit=50)
    assert len({item.id for item in page.items}) == len(page.items)
    statistics = await store.statistics()
    assert sum(statistics.by_source.values()) == statistics.total

async def run(work, *arguments):
    try:
        await work(*arguments)
    except asyncio.CancelledError:
        told["cancelled"] += 1
    except Exception as error:
        told["errors"].append(repr(error))

async def main():
    async with jobstore.connect(url, options=EngineOptions(busy_timeout=120)) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        works = [(insert, store, number) for number in range(200)]
        works += [(add_one, store)] * 10 + [(read, store)] * 30
        works += [(in_transaction, store, number) for number in range(1000, 1010)]
        generator.shuffle(works)
        tasks = []
        for work in works:
            task = asyncio.create_task(run(*work))
            tasks.append(task)
            if cancels and generator.random() < 0.5:
                for _ in range(generator.randrange(30)):
                    await asyncio.sleep(0)
                generator.choice(tasks).cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        # Those that were cancelled before they began.
        told["cancelled"] += len([each for each in results if each is not None])
    print(json.dumps(told), flush=True)

asyncio.run(main())
"""


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("cancels", ["completes", "cancels"])
async def test_four_processes_share_one_file(
    migrated_url: str, tmp_path: Path, start_python: Start, cancels: str
) -> None:
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(
            {
                "source": "shared",
                "source_job_id": "1",
                "title": "Counter",
                "company": "C",
                "applicant_count": 0,
            }
        )
    names = ["p0", "p1", "p2", "p3"]
    processes = [
        start_python(WORKER, migrated_url, name, str(seed), cancels)
        for seed, name in enumerate(names)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = await asyncio.gather(
        *(asyncio.to_thread(process.communicate, "go\n", 200) for process in processes)
    )
    reports: list[dict[str, Any]] = [json.loads(output) for output, _ in outputs]

    assert [report["errors"] for report in reports] == [[]] * 4
    cancelled = sum(report["cancelled"] for report in reports)
    async with jobstore.connect(migrated_url) as store:
        for name, report in zip(names, reports, strict=True):
            ids = [job_id(name, str(number)) for number in report["inserted"]]
            assert len(set(ids)) == len(ids)
            assert None not in await store.get_many(ids)
            stored = await store.count(SearchQuery(source=name))
            assert len(ids) <= stored <= 220
            assert await store.count(SearchQuery(source=name, text="pair")) % 2 == 0
        added = sum(report["added"] for report in reports)
        job = await store.get(job_id("shared", "1"))
        if cancels == "completes":
            assert cancelled == 0
            assert await store.count() == 4 * 220 + 1
            assert job.applicant_count == added == 40
        else:
            assert cancelled > 20
            # A call that was cancelled may have been stored all the same.
            assert added <= (job.applicant_count or 0) <= 40
        assert job.version == (job.applicant_count or 0) + 1
        assert len(await store.revisions(job.id)) == job.applicant_count
    check_file(tmp_path / "jobs.db")


async def test_a_write_of_another_process_is_seen_at_once(
    store: JobStore, migrated_url: str
) -> None:
    async with jobstore.connect(migrated_url) as other:
        for number in range(20):
            await other.upsert(posting(number))
            assert await store.find("board", str(number)) is not None
            await store.update(job_id("board", str(number)), {"title": "Changed"})
            assert (await other.search(SearchQuery(text="changed"))).total == number + 1


async def test_each_call_sees_one_moment_whatever_is_written_meanwhile(
    migrated_url: str, tmp_path: Path
) -> None:
    written = itertools.count(1)

    def meddle(statement: str) -> None:
        # Called before each statement of the reader, as if another process were that quick.
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE posting SET title = 'Engineer ' || ?", (next(written),))
        other.execute("UPDATE counter SET amount = amount + 1 WHERE kind IN ('total', 'status')")
        other.execute("COMMIT")

    async with jobstore.connect(migrated_url, options=EngineOptions(readers=1)) as store:
        await store.upsert_many(posting(number, salary_max=number) for number in range(5))
        with closing(
            sqlite3.connect(tmp_path / "jobs.db", isolation_level=None, check_same_thread=False)
        ) as other:
            (reader,) = store._engine.readers._sessions
            await reader.run(lambda conn: conn.set_trace_callback(meddle))
            jobs = await store.get_many([job_id("board", str(number)) for number in range(5)])
            statistics = await store.statistics()
            page = await store.search(
                SearchQuery(text="engineer", sort="salary"), facets=("status",)
            )
            await reader.run(lambda conn: conn.set_trace_callback(None))

    assert next(written) > 15
    assert len({job and job.title for job in jobs}) == 1
    assert statistics.total == sum(statistics.by_status.values()) > 5
    assert len({item.title for item in page.items}) == 1
    assert [item.source_job_id for item in page.items] == ["4", "3", "2", "1", "0"]


async def test_a_hundred_coroutines_write_while_a_hundred_read(
    store: JobStore, tmp_path: Path
) -> None:
    generator = random.Random(100)
    writing = 100
    outcomes: Counter[str] = Counter()

    async def write(writer: int) -> None:
        nonlocal writing
        try:
            for number in range(20):
                # Every key is written by two of them.
                result = await store.upsert(
                    posting(f"{writer // 2} {number}", description="word " * 20)
                )
                outcomes[result.outcome] += 1
                assert (await store.get(result.id)).version == 1
        finally:
            writing -= 1

    async def read() -> int:
        reads = last = 0
        while writing:
            page, count, statistics = await asyncio.gather(
                store.search(SearchQuery(text="engineer word"), limit=generator.randint(1, 50)),
                store.count(),
                store.statistics(),
            )
            assert len({item.id for item in page.items}) == len(page.items)
            assert statistics.total == sum(statistics.by_status.values())
            assert count >= last
            last = count
            reads += 1
        return reads

    readers = [asyncio.create_task(read()) for _ in range(100)]
    await asyncio.gather(*(write(number) for number in range(100)))
    reads = await asyncio.gather(*readers)

    assert min(reads) >= 1
    assert outcomes == {Outcome.INSERTED: 1000, Outcome.UNCHANGED: 1000}
    assert await store.count() == await store.count(SearchQuery(text="word")) == 1000
    await store.close()
    check_file(tmp_path / "jobs.db")


async def test_a_short_queue_makes_writers_wait_and_loses_none(migrated_url: str) -> None:
    options = EngineOptions(queue_size=3, readers=1)
    async with jobstore.connect(migrated_url, options=options) as store:
        results = await asyncio.gather(*(store.upsert(posting(number)) for number in range(500)))
        assert {result.outcome for result in results} == {Outcome.INSERTED}
        assert await store.count() == 500


async def test_closing_finishes_what_was_accepted(migrated_url: str) -> None:
    store = await jobstore.connect(migrated_url)
    tasks = [asyncio.create_task(store.upsert(posting(number))) for number in range(300)]
    await asyncio.sleep(0)

    await asyncio.gather(store.close(), store.close())

    done = await asyncio.gather(*tasks, return_exceptions=True)
    stored = sum(not isinstance(each, BaseException) for each in done)
    assert {type(each) for each in done if isinstance(each, BaseException)} <= {
        jobstore.StoreClosed
    }
    async with jobstore.connect(migrated_url) as again:
        assert await again.count() == stored > 0


async def test_every_call_on_a_closed_store_says_so(store: JobStore) -> None:
    id = (await store.upsert(posting())).id
    await store.close()
    await store.close()

    async def streamed() -> list[Any]:
        return [job async for job in store.stream()]

    async def in_transaction() -> None:
        async with store.transaction():
            pass

    for call in (
        store.upsert(posting()),
        store.upsert_many([posting()]),
        store.update(id, {"title": "x"}),
        store.delete(id),
        store.get(id),
        store.find("board", "1"),
        store.get_many([id]),
        store.search(),
        store.recent(),
        store.count(),
        store.count(SearchQuery(text="x")),
        store.statistics(),
        store.revisions(id),
        streamed(),
        in_transaction(),
    ):
        with pytest.raises(jobstore.StoreClosed):
            await call
