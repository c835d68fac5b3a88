"""History beside a recording: whatever is done to postings, what they were can be told."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jobstore
from jobstore import EngineOptions, InvalidPosting, Job, JobNotFound, JobStore, Status
from tests.engines.harness import ENGINES, Harness
from tests.fixtures.clock import Clock
from tests.property.strategies import START, changes, postings


@dataclass
class Life:
    """What a posting was, as it was read each time that it had changed."""

    opened: list[tuple[datetime, Job]]
    """When it was stored, and each posting that was joined to it."""
    revised: list[tuple[datetime, Job]]
    """Each version but the first, in the order of numbers."""
    own: list[tuple[datetime, Job]]
    """The versions since it was joined, or all."""
    parts: tuple[Life, ...] = ()

    def version(self, number: int) -> Job:
        if number > 1:
            return self.revised[number - 2][1]
        return min(self.opened, key=lambda each: each[0])[1]

    def at(self, moment: datetime, id: UUID) -> Job | None:
        for at, job in reversed(self.own):
            if at <= moment:
                return job
        parts = sorted(self.parts, key=lambda part: part.own[-1][1].id != id)
        return next(filter(None, (part.at(moment, id) for part in parts)), None)


def joined(first: Life, second: Life | None, now: datetime, job: Job) -> Life:
    parts = (first,) if second is None else (first, second)
    earlier = [each for part in parts for each in part.revised]
    return Life(
        opened=[each for part in parts for each in part.opened],
        revised=[*sorted(earlier, key=lambda each: each[0]), (now, job)],
        own=[(now, job)],
        parts=parts,
    )


def said(job: Job) -> dict[str, Any]:
    """Return what belongs to a version."""
    found = {name: getattr(job, name) for name in Job.__slots__}
    for name in ("version", "updated_at", "first_seen_at", "last_seen_at"):
        del found[name]
    return found


# So few that postings meet again and again.
_KEYS = st.sampled_from([("board", "1"), ("board", "2"), ("other", "1")])


@st.composite
def _postings(draw: st.DrawFn) -> dict[str, Any]:
    source, number = draw(_KEYS)
    return {**draw(postings()), "source": source, "source_job_id": number}


STEPS = st.one_of(
    st.tuples(st.just("upsert"), _postings()),
    st.tuples(st.just("upsert"), _postings()),
    st.tuples(st.just("update"), st.tuples(_KEYS, changes())),
    st.tuples(st.just("status"), st.tuples(_KEYS, st.sampled_from(Status))),
    st.tuples(st.just("join"), st.tuples(_KEYS, _KEYS)),
    st.tuples(st.just("delete"), _KEYS),
)


class Recording:
    """Does things to a store, and writes down what each posting is afterwards."""

    def __init__(self, store: JobStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.lives: dict[UUID, Life] = {}

    async def take(self, kind: str, what: Any) -> None:
        if kind == "upsert":
            with suppress(InvalidPosting):
                self._note(await self._now((await self.store.upsert(what, strict=True)).id))
        elif kind == "update":
            key, changes = what
            with suppress(InvalidPosting, JobNotFound):
                self._note(await self.store.update(jobstore.job_id(*key), changes))
        elif kind == "status":
            key, status = what
            id = jobstore.job_id(*key)
            if await self.store.engine.set_status(id, status, None):
                self._note(await self._now(id))
        elif kind == "join":
            await self._join(*what)
        else:
            id = jobstore.job_id(*what)
            assert await self.store.delete(id) is (id in self.lives)
            self.lives.pop(id, None)

    async def _join(self, key: tuple[str, str], other: tuple[str, str]) -> None:
        id = jobstore.job_id(*key)
        if id not in self.lives or key == other:
            return
        job = await self.store.join(id, *other)
        if job.id != id:
            life = joined(self.lives.pop(id), self.lives.get(job.id), self.clock(), job)
            self.lives[job.id] = life

    async def _now(self, id: UUID) -> Job:
        return await self.store.get(id)

    def _note(self, job: Job) -> None:
        now, life = self.clock(), self.lives.get(job.id)
        if life is None:
            self.lives[job.id] = Life([(now, job)], [], [(now, job)])
        elif job.version == len(life.revised) + 2:
            life.revised.append((now, job))
            life.own.append((now, job))
        else:
            assert said(job) == said(life.own[-1][1])


def times(life: Life) -> Iterator[datetime]:
    for at, _ in (*life.opened, *life.revised):
        yield at
        yield at - timedelta(microseconds=1)
        yield at + timedelta(hours=1)


async def compare(store: JobStore, id: UUID, life: Life) -> None:
    current = await store.get(id)
    last = len(life.revised) + 1
    assert current.version == last
    for number in range(1, last + 1):
        found = await store.get(id, version=number)
        assert found.version == number
        assert said(found) == said(life.version(number))
    assert said(await store.get(id, version=last)) == said(current)
    with pytest.raises(JobNotFound):
        await store.get(id, version=last + 1)
    for moment in {*times(life)}:
        expected = life.at(moment, id)
        if expected is None:
            with pytest.raises(JobNotFound):
                await store.get(id, at=moment)
        else:
            assert said(await store.get(id, at=moment)) == said(expected)
    whole = await store.history(id)
    for limit in {1, 2, len(whole) // 2, len(whole) - 1, len(whole) + 1} - {-1, 0}:
        assert await store.history(id, limit=limit) == whole[:limit]
    entries = [each for each in whole if each.kind != "deleted"]
    numbers = [each.version for each in entries if each.kind != "opened"]
    assert sorted(filter(None, numbers)) == list(range(2, last + 1))
    assert len(entries) == len(life.opened) + len(life.revised)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.scheme)
@settings(max_examples=max(1, settings.default.max_examples // 3))
@given(steps=st.lists(st.tuples(STEPS, st.sampled_from([0, 1, 3600])), min_size=4, max_size=24))
async def test_history_tells_what_each_posting_was(
    engine: Harness, steps: list[tuple[tuple[str, Any], int]]
) -> None:
    clock = Clock(START)
    with tempfile.TemporaryDirectory() as folder:
        url = engine.new_url(Path(folder))
        try:
            options = EngineOptions(synchronous="normal", readers=1)
            async with jobstore.connect(url, options=options, clock=clock) as store:
                recording = Recording(store, clock)
                for (kind, what), seconds in steps:
                    await recording.take(kind, what)
                    clock.advance(seconds=seconds)
                for id, life in recording.lives.items():
                    await compare(store, id, life)
            engine.check(url)
        finally:
            engine.forget(url)
