"""REST, MCP and the library answer alike: the same postings in the same order, on every page."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

import jobstore
from jobstore import InvalidQuery, JobStore, JobSummary, Location, SearchQuery
from jobstore.json_text import to_json
from jobstore.search.criteria import FACETS
from jobstore.service.application import application
from jobstore.settings.sections import Settings
from tests.engines.harness import ENGINES, Harness
from tests.property import strategies
from tests.service.agents import agent, call, refused

NOTHING = SearchQuery()
POLICIES = {"onsite": "on_site", "hybrid": "hybrid", "remote": "remote"}
# OJCP has no unit for a day, and what it passes on is called as we call it.
UNITS = {"hour": "HOUR", "week": "WEEK", "month": "MONTH", "year": "YEAR"}
PASSED = (
    *("title", "source", "source_job_id", "status", "version", "url", "salary_text", "industry"),
    *("skills", "snippet", "applicant_count"),
)


class Told(NamedTuple):
    """A page as a door tells it; ``following`` is how one gets to the next."""

    items: list[Any]
    total: tuple[int, bool]
    notes: list[str]
    following: str | None
    facets: Any = None


@dataclass
class Doors:
    """A store and three ways to ask it: each gives a page, by what it gave with the one before."""

    store: JobStore
    client: httpx.AsyncClient
    agent: Client

    async def library(self, query: SearchQuery, limit: int, cursor: str | None) -> Told:
        """A page by the library."""
        page = await self.store.search(query, limit=limit, cursor=cursor, facets=FACETS)
        total = page.total, not page.total_capped
        return Told(page.items, total, page.notes, page.next_cursor, digits(page.facets))

    async def rest(self, query: SearchQuery, limit: int, link: str | None) -> Told:
        """A page over REST; the next one is linked."""
        asked: Any = [*parameters(query), ("limit", str(limit)), ("facets", ",".join(FACETS))]
        answer = await self.client.get(link or "/v1/postings", params=None if link else asked)
        assert answer.status_code == 200, answer.text
        found = json.loads(answer.text, parse_float=str)
        assert (found["next_cursor"] is None) == ("next" not in answer.links)
        link = answer.links.get("next", {}).get("url")
        total = found["total"], found["total_is_exact"]
        return Told(found["items"], total, found["notes"], link, found["facets"])

    async def mcp(self, query: SearchQuery, limit: int, cursor: str | None) -> Told:
        """A page over MCP."""
        page = {"limit": limit, "cursor": cursor}
        found = await call(self.agent, "search_jobs", **arguments(query), pagination=page)
        assert found["returned"] == len(found["jobs"])
        notes = found.get("notes", [])
        if not found["jobs"]:
            # That nothing is here, and what to do.
            notes.pop()
        total = found["total_results"], found["total_is_exact"]
        return Told(list(map(told, found["jobs"])), total, notes, found.get("next_cursor"))


async def walked(
    ask: Callable[[SearchQuery, int, str | None], Awaitable[Told]], query: SearchQuery, limit: int
) -> list[Told]:
    """All pages of a door."""
    pages = [await ask(query, limit, None)]
    while pages[-1].following is not None:
        pages.append(await ask(query, limit, pages[-1].following))
    return [each._replace(following=None) for each in pages]


def parameters(query: SearchQuery) -> list[tuple[str, str]]:
    """A query as it stands in an address."""
    found: list[tuple[str, str]] = []
    for each in fields(query):
        value: Any = getattr(query, each.name)
        if value == getattr(NOTHING, each.name):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, bool):
                one = str(one).lower()
            found.append((each.name, one.isoformat() if isinstance(one, datetime) else str(one)))
    return found


def arguments(query: SearchQuery) -> dict[str, Any]:
    """A query as an agent asks for it."""
    filters = json.loads(to_json({n: v for n, v in asdict(query).items() if v is not None}))
    return {"query": filters.pop("text", ""), "filters": filters}


def digits(value: Any) -> Any:
    """What JSON has of a value, amounts with all their digits."""
    return json.loads(to_json(value), parse_float=str)


def stated(members: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in members.items() if each not in (None, "", [], ())}


def joined(place: Location) -> tuple[str, ...]:
    """The texts of a place that say no more than its parts do."""
    parts = [each for each in (place.city, place.region, place.country) if each]
    return (parts[0], ", ".join(parts)) if place.city else ()


def as_ojcp(job: JobSummary) -> dict[str, Any]:
    """What an agent has to be told of a posting."""
    places = [
        stated(
            {"name": None if each.text in joined(each) else each.text}
            | {"addressLocality": each.city, "addressRegion": each.region}
            | {"addressCountry": each.country}
        )
        for each in job.locations
    ]
    low, high = job.salary_min, job.salary_max
    pay = {
        "currency": job.salary_currency,
        "minValue": low if low is None else float(low),
        "maxValue": high if high is None else float(high),
        "unitText": UNITS.get(job.salary_period or ""),
    }
    since = job.posted_at or job.first_seen_at
    return stated(
        {name: getattr(job, name) for name in PASSED}
        | {
            "ojcp_id": str(job.id),
            "employer": {"@type": "Organization", "name": job.company},
            "datePosted": since.date(),
            "date_is_first_seen": job.posted_at is None or None,
            "validThrough": job.expires_at and job.expires_at.date(),
            "jobLocation": places,
            "remote_policy": job.workplace and POLICIES[job.workplace],
            "employmentType": job.employment_type,
            "experienceLevel": job.experience_level,
            "baseSalary": stated(pay) if (low, high) != (None, None) else None,
            "salary_period": "day" if job.salary_period == "day" else None,
            "also_on": [
                stated({"id": str(each.id), "source": each.source, "url": each.url})
                for each in job.also_on
            ],
        }
    )


def told(job: dict[str, Any]) -> dict[str, Any]:
    """The same, as an agent was told; one place is a place and no list."""
    place = job.pop("jobLocation", [])
    job.pop("apply_paths", None)
    places = [
        {name: each for name, each in one.items() if name not in ("@type", "address")}
        | one.get("address", {})
        for one in (place if isinstance(place, list) else [place])
    ]
    for name in ("datePosted", "validThrough"):
        if name in job:
            job[name] = date.fromisoformat(job[name])
    return stated(job | {"jobLocation": places})


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.scheme)
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[asyncio.Runner, Doors]]:
    """A store of each engine behind its doors, and the event loop that they are open on."""
    engine: Harness = request.param
    ended = asyncio.Event()

    async def opened(url: str, ready: asyncio.Future[Doors]) -> None:
        # One task begins and ends it, as the manager of MCP wants it.
        settings = Settings.model_validate({"store": {"url": url}})
        app = application(settings, partial(jobstore.connect, url))
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 5))
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(jobstore.connect(url))
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
            await stack.enter_async_context(client)
            ready.set_result(Doors(store, client, await stack.enter_async_context(agent(store))))
            await ended.wait()

    async def begun(url: str) -> tuple[Doors, asyncio.Task[None]]:
        ready: asyncio.Future[Doors] = asyncio.Future()
        task = asyncio.create_task(opened(url, ready))
        await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
        return ready.result(), task

    async def end(task: asyncio.Task[None]) -> None:
        ended.set()
        await task

    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        url = engine.new_url(Path(folder))
        try:
            doors, task = runner.run(begun(url))
            yield runner, doors
            runner.run(end(task))
        finally:
            engine.forget(url)


@st.composite
def queries(draw: st.DrawFn) -> SearchQuery:
    """Draw any query."""
    query, _ = draw(strategies.queries())
    application = st.sampled_from([None, None, None, "saved", ("saved", "applied"), "none"])
    return replace(
        query,
        application=draw(application),
        collapse_duplicates=draw(st.sampled_from([True, True, False])),
    )


async def filled(store: JobStore, postings: list[Any], together: list[int]) -> None:
    """Have the store hold these postings alone, those with one number as one opening."""
    page = await store.search(replace(NOTHING, collapse_duplicates=False), limit=100)
    for each in page.items:
        await store.delete(each.id)
    await store.upsert_many(postings)
    ids = [each.id async for each in store.stream()]
    for number in {*together}:
        for one, other in pairwise(id for id, n in zip(ids, together, strict=False) if n == number):
            await store.confirm_duplicate(one, other)
    for id, state in zip(ids, ("saved", "applied"), strict=False):
        await store.apply(id, state=state, force=True)


@settings(max_examples=20)
@given(
    st.lists(strategies.postings(), min_size=3, max_size=12),
    st.lists(st.integers(0, 8), min_size=12, max_size=12),
    st.lists(queries(), min_size=2, max_size=4),
    st.integers(1, 5) | st.sampled_from([20, 50]),
    st.sampled_from(FACETS),
    strategies.SORTS,
)
def test_all_doors_give_the_same(
    asked: tuple[asyncio.Runner, Doors],
    postings: list[Any],
    together: list[int],
    drawn: list[SearchQuery],
    limit: int,
    field: str,
    sort: str,
) -> None:
    runner, doors = asked

    async def compared(query: SearchQuery) -> None:
        wrong: InvalidQuery | None = None
        try:
            pages = await walked(doors.library, query, limit)
        except InvalidQuery as error:
            wrong = error
        if wrong is not None:
            answer = await doors.client.get("/v1/postings", params=tuple(parameters(query)))
            assert (answer.status_code, answer.json()["detail"]) == (400, str(wrong))
            failed = await refused(doors.agent, "search_jobs", arguments(query))
            reasons = [each["reason"] for each in failed["details"]["errors"]]
            assert reasons == [each.reason for each in wrong.faults]
            return
        assert await walked(doors.rest, query, limit) == [
            each._replace(items=digits(each.items)) for each in pages
        ]
        assert await walked(doors.mcp, query, limit) == [
            each._replace(items=list(map(as_ojcp, each.items)), facets=None) for each in pages
        ]
        # What is counted of a field is asked for by its own tool.
        words = SearchQuery(text=query.text)
        values = {"field": field, "query": query.text}
        counted = (await doors.store.search(words, limit=1, facets=(field,))).facets[field]
        found = await call(doors.agent, "list_filter_values", **values)
        assert found["values"] == digits(counted)

    async def all_compared() -> None:
        await filled(doors.store, postings, together)
        # All that is there, since few are found by a query of many filters.
        for query in (replace(NOTHING, sort=sort), *drawn):
            await compared(query)

    runner.run(all_compared())
