"""search_jobs: what it is asked, what it answers, and how one pages on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from jobstore import JobPosting, JobStore, SearchQuery
from jobstore.records import Location
from tests.fixtures.data import real_postings
from tests.service.agents import Schemas, agent, call, refused

BERLIN = Location("Berlin", city="Berlin", country="DE")
BONN = Location("Bonn, NRW", city="Bonn", region="NRW", country="DE")
POSTINGS = [
    JobPosting(source="a", source_job_id="1", title="Data Engineer", company="Acme",
               locations=[BERLIN, BONN], workplace="hybrid", salary_min=500, salary_max=650,
               salary_currency="EUR", salary_period="day", url="https://acme.example/1",
               skills=["Python", "SQL"], employment_type="full_time"),
    JobPosting(source="a", source_job_id="2", title="Data Analyst", company="Acme",
               locations=["Earth"], workplace="remote", salary_min="60000.5",
               salary_currency="USD", salary_period="year", experience_level="entry"),
    JobPosting(source="b", source_job_id="3", title="Baker", company="Beta", locations=[BONN],
               workplace="onsite", posted_at=datetime.now(UTC) - timedelta(days=40)),
    JobPosting(source="b", source_job_id="4", title="Cook", company="Beta", country="FR"),
]  # fmt: skip


@pytest.fixture
async def filled(small: JobStore) -> JobStore:
    """A store with few postings."""
    await small.upsert_many(POSTINGS)
    return small


def titles(answer: dict[str, Any]) -> set[str]:
    """The titles of what was found."""
    return {each["title"] for each in answer["jobs"]}


async def test_postings_are_told_as_ojcp_has_them(filled: JobStore, ojcp: Schemas) -> None:
    async with agent(filled) as client:
        answer = await call(client, "search_jobs", query="data")
        nothing = await call(client, "search_jobs", query='zebra "crossing')
    ojcp.hold("responses-search-jobs", answer)
    ojcp.hold("responses-search-jobs", nothing)
    jobs = {each["source_job_id"]: each for each in answer["jobs"]}
    engineer, analyst = jobs["1"], jobs["2"]
    assert [place["address"]["addressLocality"] for place in engineer["jobLocation"]] == [
        "Berlin",
        "Bonn",
    ]
    # There is no unit for a day, which is not left to be guessed.
    assert engineer["baseSalary"] == {"currency": "EUR", "minValue": 500, "maxValue": 650}
    assert engineer["salary_period"] == "day"
    assert engineer["apply_paths"] == [
        {"type": "external_redirect", "supports_agent_submission": False}
    ]
    assert (engineer["employmentType"], engineer["remote_policy"]) == ("full_time", "hybrid")
    assert engineer["snippet"] == "**Data** Engineer"
    # What is only text stays text, and what is not stated is not there.
    assert analyst["jobLocation"] == {"@type": "Place", "name": "Earth"}
    assert analyst["baseSalary"] == {"currency": "USD", "minValue": 60000.5, "unitText": "YEAR"}
    assert "apply_paths" not in analyst
    assert analyst["date_is_first_seen"] is True
    assert analyst["datePosted"] == datetime.now(UTC).date().isoformat()
    assert nothing["total_results"] == 0
    # Nothing is said to be nothing, with how the text was understood.
    assert [note.split()[0] for note in nothing["notes"]] == ["A", "No"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"location": {"city": "bonn"}}, {"Data Engineer", "Baker"}),
        ({"location": {"state": "NRW"}}, {"Data Engineer", "Baker"}),
        ({"location": {"country": "de"}}, {"Data Engineer", "Baker"}),
        ({"location": {"remote_ok": True}}, {"Data Engineer", "Data Analyst", "Baker", "Cook"}),
        ({"location": {"remote_ok": False}}, {"Data Engineer", "Baker"}),
        ({"location": {"remote_policy": ["on_site", "remote"]}}, {"Baker", "Data Analyst"}),
        ({"location": {"city": None, "remote_policy": "remote"}}, {"Data Analyst"}),
        ({"filters": {"employment_type": "full-time"}}, {"Data Engineer"}),
        ({"filters": {"experience_level": ["entry", "director"]}}, {"Data Analyst"}),
        ({"filters": {"salary_min": 100_000}}, {"Data Engineer"}),
        ({"filters": {"posted_within_days": 30, "company": "beta"}}, {"Cook"}),
        ({"filters": {"skills": ["python", "sql"], "source": ["a"]}}, {"Data Engineer"}),
        ({"filters": {"posted_until": "2026-01-01T00:00Z"}}, set()),
        ({"filters": None, "pagination": {}}, {"Data Engineer", "Data Analyst", "Baker", "Cook"}),
    ],
)
async def test_a_search_is_asked_as_ojcp_asks(
    filled: JobStore, ojcp: Schemas, asked: dict[str, Any], found: set[str]
) -> None:
    async with agent(filled) as client:
        answer = await call(client, "search_jobs", query="", **asked)
    assert titles(answer) == found
    ojcp.hold("responses-search-jobs", answer)


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({}, "query", "is required"),
        ({"query": 1}, "query", "must be text"),
        ({"query": "x", "company": "Acme"}, "company", "filters.company"),
        ({"query": "x", "filters": {"compny": "A"}}, "filters.compny", "filters.company"),
        ({"query": "x", "filters": {"text": "A"}}, "filters.text", "query"),
        (
            {"query": "x", "filters": {"salary_min": "much"}},
            "filters.salary_min",
            "must be a number",
        ),
        ({"query": "x", "filters": {"sort": "best"}}, "filters.sort", "relevance"),
        ({"query": "x", "filters": {"employment_type": "odd"}}, "filters.employment_type", "full"),
        ({"query": "x", "filters": "remote"}, "filters", "an object"),
        ({"query": "x", "limit": 5}, "limit", "pagination.limit"),
        ({"query": "x", "filters": {"city": "Bonn"}}, "filters.city", "location.city"),
        ({"query": "x", "location": {"remote": True}}, "location.remote", "remote_ok"),
        ({"query": "x", "filters": {"title": "x"}}, "filters.title", "is not known"),
        ({"query": "x", "filters": {"posted_since": 2026}}, "filters.posted_since", "no number"),
        ({"query": "***"}, "query", "no word"),
        ({"query": "x" * 1001}, "query", "1,000"),
        ({"query": "x", "location": {"radius_miles": 5}}, "location", "filters.location"),
        ({"query": "x", "location": {"remote_policy": ["flexible"]}}, "location", "hybrid"),
        ({"query": "x", "location": {"country": "Germany"}}, "location.country", "two letters"),
        (
            {"query": "x", "location": {"city": "Bonn", "remote_ok": True}},
            "location.remote_ok",
            "search once",
        ),
        (
            {"query": "x", "location": {"city": "Bonn"}, "filters": {"location": "Berlin"}},
            "location.city",
            "filters.location",
        ),
        ({"query": "x", "pagination": {"limit": 51}}, "pagination.limit", "50"),
        ({"query": "x", "pagination": {"offset": 1001}}, "pagination", "cursor"),
        ({"query": "x", "pagination": {"offset": 1, "cursor": "0..x"}}, "pagination", "offset"),
        ({"query": "x", "pagination": {"cursor": "abc"}}, "pagination.cursor", "belong"),
        ({"query": "x", "pagination": {"cursor": "0..abc"}}, "pagination.cursor", "belong"),
        ({"query": "x", "pagination": {"cursor": "9" * 99 + ".."}}, "pagination.cursor", "belong"),
        (
            {"query": "x", "filters": {"posted_within_days": 3, "posted_since": "2026-01-01"}},
            "filters.posted_within_days",
            "posted_since",
        ),
        (
            {"query": "x", "filters": {"posted_within_days": 3}, "pagination": {"cursor": "0.x.y"}},
            "pagination.cursor",
            "belong",
        ),
    ],
)
async def test_what_cannot_be_answered_says_what_to_do_instead(
    filled: JobStore, ojcp: Schemas, asked: dict[str, Any], field: str, said: str
) -> None:
    async with agent(filled) as client:
        error = await refused(client, "search_jobs", asked)
    ojcp.hold("responses-error", error)
    (fault,) = error["details"]["errors"]
    assert (fault["field"], said in fault["reason"]) == (field, True), fault
    assert fault["reason"] in error["message"]


async def test_an_offset_and_a_cursor_go_the_same_way(small: JobStore) -> None:
    await small.upsert_many(
        {"source": "a", "source_job_id": str(n), "title": f"Cook {n}", "company": "Acme"}
        for n in range(130)
    )
    library = (await small.search(SearchQuery(text="cook"), limit=200)).items
    ids = [str(each.id) for each in library]
    filters = {"posted_within_days": 3}
    async with agent(small) as client:
        by_cursor: list[str] = []
        page: dict[str, Any] = {"limit": 50}
        while True:
            asked = {"query": "cook", "filters": filters, "pagination": page}
            answer = await call(client, "search_jobs", **asked)
            assert answer["offset"] == len(by_cursor)
            by_cursor += [each["ojcp_id"] for each in answer["jobs"]]
            if "next_cursor" not in answer:
                break
            page = {"limit": 17, "cursor": answer["next_cursor"]}
        for other in ({"posted_within_days": 4}, {}, {"source": "a"}):
            asked = {"query": "cook", "filters": other, "pagination": page}
            wrong = await refused(client, "search_jobs", asked)
            assert wrong["details"]["errors"][0]["field"] == "pagination.cursor"
        for offset in (3, 100, 125, 130, 1000):
            page = {"limit": 4, "offset": offset}
            answer = await call(client, "search_jobs", query="cook", pagination=page)
            found = [each["ojcp_id"] for each in answer["jobs"]]
            assert (found, answer["total_results"]) == (ids[offset : offset + 4], 130)
    assert by_cursor == ids


async def test_a_page_of_duplicates_alone_leads_on(small: JobStore) -> None:
    reports = [
        await small.upsert(
            {"source": "abc"[n % 3], "source_job_id": str(n), "title": "Cook", "company": "Acme",
             "posted_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n)}
        )
        for n in range(60)
    ]  # fmt: skip
    for each in reports[1:]:
        await small.confirm_duplicate(reports[0].id, each.id)
    found, notes = [], set()
    page: dict[str, Any] = {"limit": 1}
    async with agent(small) as client:
        while True:
            answer = await call(client, "search_jobs", query="cook", pagination=page)
            found += answer["jobs"]
            if "next_cursor" not in answer:
                break
            if not answer["jobs"]:
                notes |= {*answer["notes"]}
            page["cursor"] = answer["next_cursor"]
    assert len(found) == 1
    assert notes == {"Only duplicates of other postings stand here; next_cursor continues."}


async def test_large_postings_make_short_pages_that_lose_none(small: JobStore) -> None:
    await small.upsert_many(
        JobPosting(
            source="a" * 60,
            source_job_id=str(n) * 100,
            title="料理 " * 160,
            company="会社" * 140,
            locations=[Location(f"{n} Straße {m} " * 20) for m in range(200)],
            skills=[f"{m} スキル" * 20 for m in range(200)],
            description="料理 " + "\u4e00" * 5000,
            url="https://example.com/" + "u" * 2000,
            salary_text="viel " * 50,
        )
        for n in range(12)
    )
    found: list[str] = []
    page: dict[str, Any] = {"limit": 50}
    async with agent(small) as client:
        while True:
            answer = await call(client, "search_jobs", query="料理", pagination=page)
            found += [each["ojcp_id"] for each in answer["jobs"]]
            for job in answer["jobs"]:
                assert len(job["jobLocation"]) + job["more_locations"] == 200
            if "next_cursor" not in answer:
                break
            assert answer["notes"] == ["A page of 50 would be too large to read."]
            page = {"limit": 50, "cursor": answer["next_cursor"]}
    library = (await small.search(SearchQuery(text="料理"), limit=50)).items
    assert found == [str(each.id) for each in library]


async def test_real_postings_are_told_as_ojcp_has_them(
    small: JobStore, ojcp: Schemas, real_data: Path
) -> None:
    await small.upsert_many(islice(real_postings(real_data), 250))
    page: dict[str, Any] = {"limit": 50}
    ids = []
    async with agent(small) as client:
        for _ in range(4):
            answer = await call(client, "search_jobs", query="", pagination=page)
            ojcp.hold("responses-search-jobs", answer)
            ids += [each["ojcp_id"] for each in answer["jobs"]]
            page = {"limit": 50, "cursor": answer["next_cursor"]}
        for id in ids[::10]:
            answer = await call(client, "get_job_detail", id=id)
            ojcp.hold("responses-job-detail", answer)
