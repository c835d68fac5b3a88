"""Many postings in one call: any iterable, bounded memory, each fault on its own."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from typing import Any

import pytest

from jobstore import JobPosting, JobStore, Outcome, StoreClosed, UpsertReport, job_id
from tests.fixtures.postings import posting


async def _async(postings: Any) -> AsyncIterator[Any]:
    for each in postings:
        yield each


def counts(report: UpsertReport) -> tuple[int, int, int, int]:
    return report.inserted, report.updated, report.unchanged, len(report.rejected)


# Batches are filled alike, whatever the postings come from.
@pytest.mark.parametrize(
    ("shape", "number"),
    [
        *((list, number) for number in (0, 1, 511, 512, 513, 1300)),
        *((shape, 513) for shape in (tuple, iter, _async)),
    ],
)
async def test_any_iterable_is_taken(store: JobStore, shape: Any, number: int) -> None:
    postings = [posting(n) for n in range(number)]

    report = await store.upsert_many(shape(postings))

    assert counts(report) == (number, 0, 0, 0)
    assert await store.count() == number
    assert counts(await store.upsert_many(postings)) == (0, 0, number, 0)


async def test_records_and_mappings_go_together(store: JobStore) -> None:
    report = await store.upsert_many([JobPosting(**posting(1)), posting(2)])

    assert counts(report) == (2, 0, 0, 0)


async def test_faulty_postings_are_listed_and_the_others_are_stored(store: JobStore) -> None:
    batch: list[Any] = [posting(n) for n in range(1200)]
    batch[0] = {"title": "no key"}
    batch[5] = JobPosting(**posting(5, salary_min=2, salary_max=1))
    batch[600] = JobPosting(source="board", source_job_id="600", title="", company="\ud800")
    batch[601] = "a text"
    batch[602] = None
    batch[1199] = posting(1199, source_job_id=[7])

    report = await store.upsert_many(batch)

    assert counts(report) == (1194, 0, 0, 6)
    assert [(each.index, each.source_job_id) for each in report.rejected] == [
        (0, None),
        (5, "5"),
        (600, "600"),
        (601, None),
        (602, None),
        (1199, None),
    ]
    assert all(each.reasons for each in report.rejected)
    assert {fault.field for fault in report.rejected[2].reasons} == {"title", "company"}
    assert await store.count() == 1194


async def test_values_that_were_left_out_are_listed(store: JobStore) -> None:
    batch: list[Any] = [posting(n) for n in range(700)]
    batch[3] = posting(3, employment_type="Permanent")
    batch[4] = posting(4, title="", country="Atlantis")
    batch[650] = posting(650, salary_min=2, salary_max=1, posted_at="soon")

    report = await store.upsert_many(batch)

    assert counts(report) == (699, 0, 0, 1)
    assert [(each.index, each.source_job_id, each.field) for each in report.warnings] == [
        (3, "3", "employment_type"),
        (650, "650", "posted_at"),
        (650, "650", "salary_min"),
    ]
    assert all(each.reason for each in report.warnings)
    strict = await store.upsert_many(batch, strict=True)
    assert [each.index for each in strict.rejected] == [3, 4, 650]
    assert strict.warnings == []


async def test_what_the_store_refuses_gives_no_warning(store: JobStore) -> None:
    large = {"a": "x" * 150_000}
    await store.upsert(posting(1, attributes=large))
    odd = posting(1, attributes={"b": "y" * 100_000}, employment_type="Permanent")

    report = await store.upsert_many([odd])

    assert counts(report) == (0, 0, 0, 1)
    assert report.warnings == []


async def test_one_key_twice_in_a_call_is_merged_in_order(store: JobStore) -> None:
    report = await store.upsert_many(
        [
            posting(1, location="Bonn"),
            posting(2),
            posting(1, title="Second", location=None),
            posting(1, title="Second"),
        ]
    )

    assert counts(report) == (2, 1, 1, 0)
    job = await store.find("board", "1")
    assert job is not None
    assert (job.title, job.location, job.version) == ("Second", "Bonn", 2)


async def test_what_a_broken_source_gave_before_stays_stored(store: JobStore) -> None:
    reports: list[UpsertReport] = []

    def broken() -> Iterator[dict[str, Any]]:
        yield from (posting(n) for n in range(1500))
        raise OSError("the board hung up")

    with pytest.raises(OSError, match="the board hung up"):
        await store.upsert_many(broken(), progress=lambda report: reports.append(deepcopy(report)))

    # What was told as stored is stored, and nothing of the unfinished chunk.
    assert await store.count() == reports[-1].inserted == 1024
    assert counts(await store.upsert_many(posting(n) for n in range(1500))) == (476, 0, 1024, 0)


async def test_an_async_source_may_break_too(store: JobStore) -> None:
    async def broken() -> AsyncIterator[dict[str, Any]]:
        for n in range(600):
            yield posting(n)
        raise TimeoutError("the board is slow")

    with pytest.raises(TimeoutError, match="the board is slow"):
        await store.upsert_many(broken())

    assert await store.count() == 512
    assert (await store.upsert(posting(600))).outcome is Outcome.INSERTED


async def test_a_source_may_ask_the_store_that_it_feeds(store: JobStore) -> None:
    async def asking() -> AsyncIterator[dict[str, Any]]:
        for n in range(700):
            if await store.find("board", str(n)) is None:
                yield posting(n)

    await store.upsert(posting(3))

    assert counts(await store.upsert_many(asking())) == (699, 0, 0, 0)


async def test_progress_is_told_and_never_goes_back(store: JobStore) -> None:
    told: list[tuple[int, int, int, int]] = []
    batch = [posting(n) if n % 10 else posting(n, title="") for n in range(1600)]

    report = await store.upsert_many(batch, progress=lambda so_far: told.append(counts(so_far)))

    stored = [line[0] for line in told]
    assert len(told) >= 3
    assert stored == sorted(stored)
    assert told[-1] == counts(report) == (1440, 0, 0, 160)


async def test_an_error_of_the_progress_callback_reaches_the_caller(store: JobStore) -> None:
    def failing(report: UpsertReport) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.upsert_many((posting(n) for n in range(2000)), progress=failing)

    assert await store.count() in (512, 1024)
    assert (await store.upsert(posting("x"))).outcome is Outcome.INSERTED


async def test_a_closed_store_takes_nothing(store: JobStore) -> None:
    await store.close()

    with pytest.raises(StoreClosed):
        await store.upsert_many([posting()])


@pytest.mark.no_cover
@pytest.mark.needs("files")
async def test_memory_does_not_grow_with_the_number_of_postings(store: JobStore) -> None:
    text = "word " * 40

    def made(number: int) -> Iterator[dict[str, Any]]:
        return (posting(n, description=text, company=f"Company {n % 50}") for n in range(number))

    async def peak(number: int) -> int:
        tracemalloc.start()
        await store.upsert_many(made(number))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await store.upsert_many(made(2000))  # caches are filled once
    few = await peak(3000)
    many = await peak(9_000)

    # The difference of 6,000 postings would be some 6 MB.
    assert many < few + 2_000_000
    assert await store.count() == 9_000


async def test_the_last_of_equal_times_is_the_newest(store: JobStore) -> None:
    await store.upsert_many(posting(n, posted_at="2026-01-01") for n in range(30))

    page = await store.search(limit=30)

    assert [item.id for item in page.items] == [job_id("board", str(n)) for n in range(29, -1, -1)]
