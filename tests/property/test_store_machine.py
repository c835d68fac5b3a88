"""The store beside its model: whatever is done to both, they never differ."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import jobstore
from jobstore import (
    EngineOptions,
    InvalidPosting,
    JobNotFound,
    JobPosting,
    JobStore,
    SearchQuery,
    VersionConflict,
)
from jobstore.engines.sqlite.search import lookup, sorting
from jobstore.engines.sqlite.writing import list_order
from jobstore.intake import bulk
from jobstore.search import counting, ranking
from tests.engines.harness import MEMORY, POSTGRES, SQLITE
from tests.fixtures.clock import Clock
from tests.property.model import (
    SUMMARY,
    Absent,
    Conflict,
    Contradiction,
    Model,
    compared,
    listed_at,
    yearly,
)
from tests.property.strategies import (
    FACETS,
    KEYS,
    RANGES,
    START,
    changes,
    normal,
    postings,
    queries,
)
from tests.property.texts import Text, plain

T = TypeVar("T")


class StoreMachine(RuleBasedStateMachine):
    """Does the same things to a store and to its model."""

    engine = SQLITE
    patches: tuple[tuple[Any, str, Any], ...] = ()
    most_counted = 1000
    window = 500

    def __init__(self) -> None:
        super().__init__()
        self.usual = [(module, name, getattr(module, name)) for module, name, _ in self.patches]
        for module, name, value in self.patches:
            setattr(module, name, value)
        self.loop = asyncio.new_event_loop()
        self.clock = Clock(START)
        self.model = Model()
        self.folder = Path(tempfile.mkdtemp(prefix="jobstore-machine-"))
        self.url = self.engine.new_url(self.folder)
        self.store: JobStore = self.run(self.open())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    async def open(self) -> JobStore:
        options = EngineOptions(synchronous="normal", readers=1)
        return await jobstore.connect(self.url, options=options, clock=self.clock)

    def id_of(self, key: tuple[str, str]) -> UUID:
        return jobstore.job_id(*key)

    @initialize(batch=st.lists(postings(), max_size=12))
    def fill(self, batch: list[dict[str, Any]]) -> None:
        self.upsert_many(batch)

    # What changes the store.

    @rule(seconds=st.sampled_from([0.000001, 1, 3600, 86_400, -1, -7200]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule(posting=postings(), as_record=st.booleans())
    def upsert(self, posting: dict[str, Any], as_record: bool) -> None:
        given = JobPosting(**posting) if as_record else posting
        try:
            expected = self.model.upsert(normal(posting), self.clock())
        except Contradiction:
            with pytest.raises(InvalidPosting):
                self.run(self.store.upsert(given, strict=True))
            return
        result = self.run(self.store.upsert(given, strict=True))
        assert (result.id, result.outcome, result.version) == expected

    @rule(batch=st.lists(postings(), max_size=6))
    def upsert_many(self, batch: list[dict[str, Any]]) -> None:
        outcomes, rejected = [], []
        for index, posting in enumerate(batch):
            try:
                outcomes.append(self.model.upsert(normal(posting), self.clock())[1])
            except Contradiction:
                rejected.append((index, posting["source_job_id"]))
        report = self.run(self.store.upsert_many(iter(batch), strict=True))
        counted = (report.inserted, report.updated, report.unchanged)
        names = ("inserted", "updated", "unchanged")
        assert counted == tuple(outcomes.count(name) for name in names)
        assert [(each.index, each.source_job_id) for each in report.rejected] == rejected

    @rule(key=KEYS, changes=changes(), version=st.none() | st.integers(1, 3))
    def update(self, key: tuple[str, str], changes: dict[str, Any], version: int | None) -> None:
        self.run(self._update(self.store, self.model, key, changes, version))

    async def _update(
        self,
        target: Any,
        model: Model,
        key: tuple[str, str],
        changes: dict[str, Any],
        version: int | None,
    ) -> None:
        id = self.id_of(key)
        try:
            expected = model.update(id, normal(changes), version, self.clock())
        except Contradiction:
            error: type[Exception] = InvalidPosting
        except Absent:
            error = JobNotFound
        except Conflict:
            error = VersionConflict
        else:
            assert await target.update(id, changes, expected_version=version) == expected
            return
        with pytest.raises(error):
            await target.update(id, changes, expected_version=version)

    @rule(key=KEYS)
    def delete(self, key: tuple[str, str]) -> None:
        id = self.id_of(key)
        assert self.run(self.store.delete(id)) is self.model.delete(id)

    @rule(
        works=st.lists(
            st.one_of(
                st.tuples(st.just("upsert"), postings()),
                st.tuples(st.just("delete"), KEYS),
                st.tuples(st.just("update"), st.tuples(KEYS, changes())),
            ),
            max_size=4,
        ),
        fails=st.booleans(),
    )
    def transaction(self, works: list[tuple[str, Any]], fails: bool) -> None:
        model = self.model.copy()

        async def work() -> None:
            async with self.store.transaction() as tx:
                for kind, what in works:
                    if kind == "upsert":
                        await self._upsert_in(tx, model, what)
                    elif kind == "delete":
                        id = self.id_of(what)
                        assert await tx.delete(id) is model.delete(id)
                    else:
                        await self._update(tx, model, what[0], what[1], None)
                if fails:
                    raise ZeroDivisionError

        if fails:
            with pytest.raises(ZeroDivisionError):
                self.run(work())
        else:
            self.run(work())
            self.model = model

    async def _upsert_in(self, tx: Any, model: Model, posting: dict[str, Any]) -> None:
        try:
            expected = model.upsert(normal(posting), self.clock())
        except Contradiction:
            with pytest.raises(InvalidPosting):
                await tx.upsert(posting, strict=True)
            return
        result = await tx.upsert(posting, strict=True)
        assert (result.id, result.outcome, result.version) == expected
        # A transaction reads its own writes.
        assert await tx.get(result.id) == model.jobs[result.id]

    @rule()
    def reopen(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self.open())

    # What only looks.

    @rule(key=KEYS)
    def get(self, key: tuple[str, str]) -> None:
        id = self.id_of(key)
        expected = self.model.jobs.get(id)
        assert self.run(self.store.find(*key)) == expected
        assert self.run(self.store.get_many([id, str(id)])) == [expected, expected]
        assert self.run(self.store.revisions(id)) == self.model.history.get(id, [])
        if expected is None:
            with pytest.raises(JobNotFound):
                self.run(self.store.get(id))
        else:
            assert self.run(self.store.get(id)) == expected

    @precondition(lambda self: self.model.jobs)
    @rule(query=queries(), data=st.data())
    def search(self, query: tuple[SearchQuery, Text | None], data: st.DataObject) -> None:
        asked, text = self.aimed(query[0], data), query[1]
        now = self.clock()
        expected = self.model.search(asked, text, now, self.window)
        newest = self.model.search(replace(asked, sort="newest"), text, now)
        facets = data.draw(st.lists(st.sampled_from(FACETS), max_size=2, unique=True))
        found = []
        cursor, first = None, True
        while first or cursor is not None:
            limit = data.draw(st.integers(1, 9))
            page = self.run(
                self.store.search(asked, limit=limit, cursor=cursor, facets=facets, snippets=first)
            )
            assert page.total == min(len(expected), self.most_counted + 1)
            assert page.total_capped is (len(expected) > self.most_counted)
            assert len(page.items) == min(limit, len(expected) - len(found))
            for name in facets:
                counted = [(compared(name, c.value), c.count) for c in page.facets[name]]
                assert counted == self.model.facet(name, newest[: self.most_counted + 1])
            found += page.items
            cursor, first = page.next_cursor, False
        summaries = [{name: getattr(job, name) for name in SUMMARY} for job in expected]
        assert [{name: getattr(each, name) for name in SUMMARY} for each in found] == summaries
        assert self.run(self.store.count(asked)) == len(expected)

    def aimed(self, query: SearchQuery, data: st.DataObject) -> SearchQuery:
        """Now and then, make a bound exactly what some posting has."""
        if data.draw(st.booleans()):
            return query
        job = data.draw(st.sampled_from(self.model.newest()))
        ends = yearly(job)
        edges = {
            "salary": ends,
            "applicants": job.applicant_count is not None and (job.applicant_count,) * 2,
            "posted": (listed_at(job),) * 2,
        }
        name = data.draw(st.sampled_from([name for name, edge in edges.items() if edge]))
        low, high = next(pair for pair in RANGES if pair[0].startswith(name))
        lowest, highest = edges[name]
        edge = data.draw(st.sampled_from([{low: highest}, {high: lowest}]))
        return replace(query, **{low: None, high: None, **edge})

    @rule(query=queries())
    def stream(self, query: tuple[SearchQuery, Text | None]) -> None:
        asked = replace(query[0], sort="newest")

        async def streamed() -> list[jobstore.Job]:
            return [job async for job in self.store.stream(asked)]

        assert self.run(streamed()) == self.model.search(asked, query[1], self.clock())

    @rule(days=st.sampled_from([0.5, 1, 7, 40]), limit=st.integers(1, 5))
    def recent(self, days: float, limit: int) -> None:
        since = self.clock() - timedelta(days=days)
        expected = self.model.search(SearchQuery(posted_since=since), None, self.clock())
        page = self.run(self.store.recent(days, limit))
        assert [item.id for item in page.items] == [job.id for job in expected[:limit]]
        assert page.total == min(len(expected), self.most_counted + 1)

    @rule()
    def statistics(self) -> None:
        found = self.run(self.store.statistics())
        for counts in (found.top_companies, found.top_locations):
            counts[:] = [replace(each, value=plain(each.value)) for each in counts]
        assert asdict(found) == asdict(self.model.statistics(self.clock()))

    @invariant()
    def same_number(self) -> None:
        assert self.run(self.store.count()) == len(self.model.jobs)

    def teardown(self) -> None:
        try:
            self.statistics()
            everything = self.run(self.store.search(limit=1000))
            assert [item.id for item in everything.items] == [j.id for j in self.model.newest()]
            self.run(self.store.close())
            self.engine.check(self.url)
        finally:
            self.run(self.store.close())
            self.loop.close()
            self.engine.forget(self.url)
            shutil.rmtree(self.folder)
            for module, name, value in self.usual:
                setattr(module, name, value)


class CrowdedStoreMachine(StoreMachine):
    """The same where places are so scarce that postings have to move aside all the time."""

    patches = (
        (list_order, "_natural", lambda listed_at: 1 + (listed_at > 1_700_000_000_000_000)),
        (list_order, "_GAP", 1),
    )


class LargeStoreMachine(StoreMachine):
    """The same where a handful of postings counts as many, as thousands do otherwise."""

    patches = (
        (lookup, "MAX_SORTED", 2),
        (sorting, "MAX_SORTED", 2),
        (ranking, "WINDOW", 3),
        (counting, "MAX_COUNTED", 4),
        (jobstore.queries, "_SCAN", 2),
        (bulk, "_CHUNK", 2),
    )
    most_counted = 4
    window = 3


class PostgresStoreMachine(StoreMachine):
    """The same for PostgreSQL."""

    engine = POSTGRES


class LargePostgresStoreMachine(StoreMachine):
    """The same for PostgreSQL where a handful of postings counts as many."""

    engine = POSTGRES
    patches = (*POSTGRES.strains["many"], *LargeStoreMachine.patches[2:])
    most_counted = LargeStoreMachine.most_counted
    window = LargeStoreMachine.window


class MemoryStoreMachine(StoreMachine):
    """The same for the engine in memory."""

    engine = MEMORY


def _profile(share: float) -> settings:
    examples = max(1, int(settings.default.max_examples * share))
    return settings(stateful_step_count=40, max_examples=examples)


TestStore = StoreMachine.TestCase
TestStore.settings = _profile(1)
TestCrowdedStore = CrowdedStoreMachine.TestCase
TestCrowdedStore.settings = _profile(0.5)
TestLargeStore = LargeStoreMachine.TestCase
TestLargeStore.settings = _profile(1)
TestPostgresStore = PostgresStoreMachine.TestCase
TestPostgresStore.settings = _profile(0.2)
TestLargePostgresStore = LargePostgresStoreMachine.TestCase
TestLargePostgresStore.settings = _profile(0.2)
TestMemoryStore = MemoryStoreMachine.TestCase
TestMemoryStore.settings = _profile(0.2)
