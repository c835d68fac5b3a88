"""One posting at a time: what is stored, what is kept, what is refused."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from jobstore import (
    EmploymentType,
    ExperienceLevel,
    InvalidPosting,
    InvalidQuery,
    JobNotFound,
    JobPosting,
    JobStore,
    Outcome,
    SalaryPeriod,
    Status,
    VersionConflict,
    Workplace,
    job_id,
)
from tests.fixtures.cases import each_case
from tests.fixtures.clock import Clock
from tests.fixtures.postings import full, posting

NOBODY = UUID("00000000-0000-5000-8000-000000000000")


async def test_a_full_posting_comes_back_in_exact_types(store: JobStore, clock: Clock) -> None:
    result = await store.upsert(full())

    job = await store.get(result.id)

    assert asdict(job) == {
        **full(),
        "description_text": full()["description"],
        "id": job_id("board", "1"),
        "version": 1,
        "status": Status.OPEN,
        "workplace": Workplace.HYBRID,
        "employment_type": EmploymentType.FULL_TIME,
        "experience_level": ExperienceLevel.MID_SENIOR,
        "salary_min": Decimal("52000.5"),
        "salary_max": Decimal(71000),
        "salary_period": SalaryPeriod.YEAR,
        "posted_at": datetime(2026, 2, 20, 7, 30, 0, 1, UTC),
        "expires_at": datetime(2026, 4, 1, 23, 59, 59, tzinfo=UTC),
        "first_seen_at": clock(),
        "last_seen_at": clock(),
        "updated_at": clock(),
        "closed_at": None,
    }
    assert type(job.workplace) is Workplace
    assert type(job.salary_min) is Decimal
    assert job.posted_at is not None
    assert job.posted_at.tzinfo is UTC


async def test_a_bare_posting_states_nothing_else(store: JobStore) -> None:
    job = await store.get((await store.upsert(posting())).id)

    stated = {"source", "source_job_id", "title", "company", "skills", "attributes", "locations"}
    optional = {field.name for field in fields(JobPosting)} - stated
    optional -= {"status", "first_seen_at", "last_seen_at"}
    assert {name: getattr(job, name) for name in optional} == dict.fromkeys(optional)
    assert (job.skills, job.locations, job.attributes) == ([], [], {})
    assert job.status is Status.OPEN


async def test_the_same_posting_twice_is_unchanged_and_seen_again(
    store: JobStore, clock: Clock
) -> None:
    first = await store.upsert(full())
    before = await store.get(first.id)
    clock.advance(days=1)

    second = await store.upsert(full())

    assert (second.id, second.outcome, second.version) == (first.id, Outcome.UNCHANGED, 1)
    after = await store.get(first.id)
    assert after.last_seen_at == clock()
    assert after.first_seen_at == after.updated_at == before.first_seen_at
    assert await store.revisions(first.id) == []


async def test_a_change_makes_one_version_and_one_revision(store: JobStore, clock: Clock) -> None:
    result = await store.upsert(full())
    clock.advance(hours=1)

    changed = await store.upsert({**full(), "title": "Chief", "salary_max": 80_000})

    assert (changed.outcome, changed.version) == (Outcome.UPDATED, 2)
    (revision,) = await store.revisions(result.id)
    assert (revision.version, revision.changed_at) == (2, clock())
    assert revision.previous == {"title": "Engineer 1", "salary_max": Decimal(71000)}
    assert (await store.get(result.id)).updated_at == clock()


@pytest.mark.parametrize("nothing", [None, "", "  \t", [], {}], ids=repr)
async def test_what_a_scrape_does_not_state_is_kept(store: JobStore, nothing: object) -> None:
    result = await store.upsert(full())
    before = await store.get(result.id)
    kinds = {"skills": [], "locations": [], "attributes": {}}
    fitting = {
        name: kinds[name] if name in kinds and nothing in ([], {}) else nothing
        for name in full()
        if name not in ("source", "source_job_id", "title", "company")
        and (name in kinds or nothing not in ([], {}))
    }

    again = await store.upsert({**posting(), **fitting})

    assert again.outcome is Outcome.UNCHANGED
    assert await store.get(result.id) == before


async def test_every_stored_field_can_be_cleared_by_an_update(store: JobStore) -> None:
    job = await store.get((await store.upsert(full())).id)
    optional = set(full()) - {"source", "source_job_id", "title", "company"}

    cleared = await store.update(job.id, dict.fromkeys(optional))

    empty = {"skills": [], "locations": [], "attributes": {}}
    assert {name: getattr(cleared, name) for name in optional} == {
        **dict.fromkeys(optional),
        **empty,
    }
    (revision,) = await store.revisions(job.id)
    assert revision.previous == {name: getattr(job, name) for name in optional}
    assert await store.get(job.id) == cleared


async def test_attributes_are_merged_key_by_key(store: JobStore) -> None:
    result = await store.upsert(posting(attributes={"a": 1, "b": {"x": 1, "y": 2}}))

    await store.upsert(posting(attributes={"b": {"x": 3}, "c": None}))

    assert (await store.get(result.id)).attributes == {"a": 1, "b": {"x": 3}, "c": None}


async def test_attributes_tell_one_from_true(store: JobStore) -> None:
    result = await store.upsert(posting(attributes={"remote": True}))

    changed = await store.upsert(posting(attributes={"remote": 1}))

    assert changed.outcome is Outcome.UPDATED
    assert (await store.get(result.id)).attributes["remote"] is not True


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ({"salary_min": 55_000}, Decimal(71000)),
        ({"salary_min": 71_000}, Decimal(71000)),
        ({"salary_min": 71_001}, None),
        ({"salary_min": 55_000, "salary_currency": "USD"}, None),
        ({"salary_min": 30, "salary_period": "hour"}, None),
    ],
)
async def test_the_other_end_of_a_salary_is_kept_only_where_it_fits(
    store: JobStore, stated: dict[str, object], kept: Decimal | None
) -> None:
    result = await store.upsert(full())

    await store.upsert(posting(**stated))

    assert (await store.get(result.id)).salary_max == kept


async def test_a_posting_that_is_seen_again_is_open_again(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting())).id
    closed_at = clock.advance(days=1)
    closed = await store.update(id, {"status": "closed"})
    assert (closed.status, closed.closed_at) == (Status.CLOSED, closed_at)
    clock.advance(days=1)

    result = await store.upsert(posting())

    job = await store.get(id)
    assert (result.outcome, job.status, job.closed_at) == (Outcome.UPDATED, Status.OPEN, None)
    assert [each.previous for each in await store.revisions(id)] == [
        {"status": Status.CLOSED},
        {"status": Status.OPEN},
    ]


async def test_an_older_sighting_does_not_open_a_closed_posting(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting(status="closed"))).id
    earlier = clock() - timedelta(days=3)

    result = await store.upsert(posting(first_seen_at=earlier, last_seen_at=earlier))

    job = await store.get(id)
    assert (result.outcome, job.status) == (Outcome.UNCHANGED, Status.CLOSED)
    assert (job.first_seen_at, job.last_seen_at, job.closed_at) == (earlier, clock(), clock())


async def test_the_newest_posting_is_found_first_also_after_its_date_changed(
    store: JobStore,
) -> None:
    ids = [(await store.upsert(posting(n, posted_at=f"2026-02-0{n}"))).id for n in range(1, 6)]

    await store.update(ids[0], {"posted_at": "2026-02-03T00:00:00.000001Z"})
    await store.update(ids[4], {"posted_at": "2026-01-01"})

    page = await store.search()
    assert [item.id for item in page.items] == [ids[n] for n in (3, 0, 2, 1, 4)]


async def test_an_update_returns_the_job_as_it_is_stored(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(full())).id
    clock.advance(minutes=5)

    job = await store.update(str(id), {"applicant_count": "120", "title": " New "})

    assert (job.applicant_count, job.title, job.version) == (120, "New", 2)
    assert (job.updated_at, job.last_seen_at) == (clock(), clock() - timedelta(minutes=5))
    assert job == await store.get(id)


async def test_an_update_that_changes_nothing_makes_no_version(store: JobStore) -> None:
    id = (await store.upsert(full())).id

    job = await store.update(id, {"title": "Engineer 1", "skills": ["C++", "SQL", "Köln"]})

    assert job.version == 1
    assert await store.revisions(id) == []


async def test_an_update_of_another_version_is_a_conflict(store: JobStore) -> None:
    id = (await store.upsert(posting())).id
    await store.update(id, {"title": "Second"}, expected_version=1)

    with pytest.raises(VersionConflict, match="version 2, not 1"):
        await store.update(id, {"title": "Third"}, expected_version=1)

    assert (await store.get(id)).title == "Second"


async def test_an_update_that_would_turn_the_salary_around_is_refused(store: JobStore) -> None:
    id = (await store.upsert(full())).id
    before = await store.get(id)

    with pytest.raises(InvalidPosting) as caught:
        await store.update(id, {"salary_min": 71_001})

    assert [fault.field for fault in caught.value.faults] == ["salary_min"]
    assert await store.get(id) == before


async def test_faults_are_told_all_at_once_and_nothing_is_stored(store: JobStore) -> None:
    with pytest.raises(InvalidPosting) as caught:
        await store.upsert(
            {"source": "", "source_job_id": "1", "title": "x" * 501, "salary_min": -1, "pay": 3},
            strict=True,
        )

    told = {fault.field for fault in caught.value.faults}
    assert told == {"source", "title", "company", "salary_min", "pay"}
    assert await store.count() == 0


@pytest.mark.parametrize("id", [NOBODY, str(NOBODY)])
async def test_what_is_not_there_is_not_found(store: JobStore, id: UUID | str) -> None:
    await store.upsert(posting())

    with pytest.raises(JobNotFound, match=str(NOBODY)):
        await store.get(id)
    with pytest.raises(JobNotFound):
        await store.update(id, {"title": "x"})
    assert await store.find("board", "2") is None
    assert await store.delete(id) is False
    assert await store.revisions(id) == []
    assert await store.get_many([id, job_id("board", "1")]) != [None, None]
    assert await store.count() == 1


@each_case("id", ["", "1", "x" * 36, None, 7, b"0" * 16])
async def test_an_id_that_is_none_is_a_faulty_query(store: JobStore, id: object) -> None:
    wrong: UUID = id
    for call in (store.get(wrong), store.delete(wrong), store.revisions(wrong)):
        with pytest.raises(InvalidQuery, match="id: must be a UUID"):
            await call
    with pytest.raises(InvalidQuery):
        await store.get_many([job_id("board", "1"), wrong])


async def test_a_deleted_posting_leaves_no_trace(store: JobStore) -> None:
    id = (await store.upsert(full())).id
    await store.update(id, {"title": "Changed"})

    assert await store.delete(id) is True
    assert await store.delete(id) is False

    assert await store.find("board", "1") is None
    assert await store.revisions(id) == []
    assert (await store.search()).items == []
    statistics = await store.statistics()
    assert (statistics.total, statistics.by_source, statistics.salaries) == (0, {}, {})
    assert (await store.upsert(full())).outcome is Outcome.INSERTED


async def test_of_many_sources_the_largest_are_named_and_the_others_counted(
    store: JobStore,
) -> None:
    await store.upsert_many(
        posting(source=f"board{number:03}", source_job_id=f"{copy}")
        for number in range(70)
        for copy in range(2 if number % 2 else 1)
    )
    statistics = await store.statistics()
    odd = [f"board{number:03}" for number in range(1, 70, 2)]
    even = [f"board{number:03}" for number in range(0, 30, 2)]
    assert list(statistics.by_source.items()) == [(name, 2) for name in odd] + [
        (name, 1) for name in even
    ]
    assert statistics.other_sources == 20
    for name in odd:
        await store.delete(job_id(name, "0"))
        await store.delete(job_id(name, "1"))
    statistics = await store.statistics()
    assert (len(statistics.by_source), statistics.other_sources) == (35, 0)


async def test_the_id_is_known_without_asking_the_store(store: JobStore) -> None:
    result = await store.upsert(posting(" 42 ", source=" Bo\u0308rse "))

    assert result.id == job_id("B\u00f6rse", "42") == job_id("  Bo\u0308rse\n", "42")
    found = await store.find("Bo\u0308rse ", "42\u200b")
    assert found is not None
    assert found.id == result.id


async def test_keys_that_read_alike_when_joined_are_different_postings(store: JobStore) -> None:
    keys = [("a", "b:c"), ("a:b", "c"), ("a", "B:c"), ("1:a", "b:c")]
    ids = {(await store.upsert(posting(number, source=source))).id for source, number in keys}

    assert len(ids) == await store.count() == 4


async def test_get_many_keeps_the_order_and_takes_a_thousand(store: JobStore) -> None:
    await store.upsert_many(posting(n) for n in range(1000))
    ids = [job_id("board", str(n)) for n in reversed(range(1000))]

    jobs = await store.get_many(iter(ids))

    assert [job and job.id for job in jobs] == ids
    twice = await store.get_many([ids[5], NOBODY, ids[5]])
    assert [job and job.id for job in twice] == [ids[5], None, ids[5]]
    with pytest.raises(InvalidQuery, match="1,000"):
        await store.get_many([*ids, NOBODY])


@pytest.mark.parametrize("key", [("board", "\ud800"), (None, "1"), ("board", 7)])
async def test_a_key_that_no_posting_can_have_is_a_faulty_query(
    store: JobStore, key: tuple[str, str]
) -> None:
    with pytest.raises(InvalidQuery):
        await store.find(*key)


ODD = {"employment_type": "Permanent", "posted_at": "30+ days ago", "country": "Germany"}


async def test_an_odd_value_of_a_mapping_costs_its_field(store: JobStore) -> None:
    result = await store.upsert(posting(**ODD))

    job = await store.get(result.id)
    assert result.outcome is Outcome.INSERTED
    assert (job.employment_type, job.posted_at, job.country) == (None, None, "DE")
    assert job.attributes == {"employment_type": "Permanent", "posted_at": "30+ days ago"}
    assert [
        (each.index, each.source_job_id, each.field, each.kind) for each in result.warnings
    ] == [
        (0, "1", "employment_type", "str"),
        (0, "1", "posted_at", "str"),
    ]
    assert (await store.upsert(posting(**ODD))).outcome is Outcome.UNCHANGED


async def test_strict_says_how_a_posting_is_checked(store: JobStore) -> None:
    with pytest.raises(InvalidPosting, match="employment_type"):
        await store.upsert(posting(**ODD), strict=True)
    with pytest.raises(InvalidPosting, match="employment_type"):
        await store.upsert(JobPosting(**posting(**ODD)))
    result = await store.upsert(JobPosting(**posting(**ODD)), strict=False)
    assert len(result.warnings) == 2
    async with store.transaction() as tx:
        with pytest.raises(InvalidPosting, match="employment_type"):
            await tx.upsert(posting(2, **ODD), strict=True)
        assert len((await tx.upsert(posting(2, **ODD))).warnings) == 2


async def test_an_old_snapshot_never_undoes_a_newer_one(store: JobStore, clock: Clock) -> None:
    march, april = clock() - timedelta(days=60), clock() - timedelta(days=30)
    new = posting(title="New", applicant_count=9)
    old = posting(title="Old", applicant_count=2, location="Bonn")
    result = await store.upsert(new, seen_at=april)
    assert (await store.upsert(old, seen_at=march)).outcome is Outcome.UPDATED
    assert (await store.upsert({**old, "status": "closed"}, seen_at=march)).id == result.id

    job = await store.get(result.id)
    assert (job.title, job.applicant_count, job.location) == ("New", 9, "Bonn")
    assert (job.first_seen_at, job.last_seen_at, job.status) == (march, april, "open")

    await store.update(job.id, {"status": "closed"})
    await store.upsert(posting(title="New"), seen_at=april + timedelta(days=1))
    assert (await store.get(job.id)).status == "closed"
    await store.upsert(posting(title="New"))
    assert (await store.get(job.id)).status == "open"


async def test_relative_times_count_from_when_it_was_seen(store: JobStore, clock: Clock) -> None:
    seen = datetime(2024, 5, 10, 12, tzinfo=UTC)
    first = await store.upsert(posting(1, posted_at="3 days ago"), seen_at=seen)
    second = await store.upsert(posting(2, posted_at="yesterday"))
    assert (await store.get(first.id)).posted_at == datetime(2024, 5, 7, tzinfo=UTC)
    yesterday = (clock() - timedelta(days=1)).date()
    posted_at = (await store.get(second.id)).posted_at
    assert posted_at is not None
    assert posted_at.date() == yesterday


@each_case("seen_at", ["2024-05-01", datetime(2024, 5, 1), datetime(1980, 1, 1, tzinfo=UTC), 5])
async def test_when_it_was_seen_is_an_aware_time(store: JobStore, seen_at: Any) -> None:
    with pytest.raises(InvalidQuery, match="seen_at"):
        await store.upsert(posting(), seen_at=seen_at)
    with pytest.raises(InvalidQuery, match="seen_at"):
        await store.upsert_many([posting()], seen_at=seen_at)
    assert await store.count() == 0


async def test_nothing_was_seen_in_the_future(store: JobStore, clock: Clock) -> None:
    with pytest.raises(InvalidQuery, match="seen_at: must be a time from 1990 to now"):
        await store.upsert(posting(), seen_at=clock() + timedelta(days=2))
    await store.upsert(posting(), seen_at=clock() + timedelta(hours=1))
