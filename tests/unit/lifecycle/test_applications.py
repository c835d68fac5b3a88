"""Applications: what may follow what, and what tells that two are for one opening."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from jobstore import (
    InvalidQuery,
    JobNotFound,
    JobStore,
)
from jobstore.records import COMPANY_NOT_STATED
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting


async def test_what_may_not_follow_is_refused_and_changes_nothing(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting("1"))).id
    with pytest.raises(InvalidQuery, match="begin with saved, applied or interviewing"):
        await store.apply(id, state="accepted")
    with pytest.raises(JobNotFound, match="no application"):
        await store.set_application(id, state="rejected")
    with pytest.raises(JobNotFound):
        await store.apply(uuid4())
    sent = await store.apply(id)
    with pytest.raises(InvalidQuery, match="allowed: interviewing, offered, rejected"):
        await store.set_application(id, state="accepted", note="no")
    with pytest.raises(InvalidQuery, match="must not be before"):
        await store.set_application(id, state="rejected", at=clock() - timedelta(days=1))
    for wrong in (
        {"state": "hired"},
        {"at": clock() + timedelta(days=2)},
        {"at": clock().replace(tzinfo=None)},
        {"note": " "},
        {"note": "\ud800"},
        {"contacts": [{"email": "x"}]},
        {"contacts": [{"name": "x", "age": "5"}]},
        {"due_at": "soon"},
    ):
        with pytest.raises(InvalidQuery):
            await store.set_application(id, **wrong)
    for wrong in ({"limit": 0}, {"limit": True}, {"state": "hired"}, {"after": str(sent.id)}):
        with pytest.raises(InvalidQuery):
            await store.applications(**wrong)
    assert await store.applications() == [sent]


async def test_a_stage_that_a_clock_ahead_has_written_is_followed_by_the_next(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting("1"))).id
    ahead = clock() + timedelta(minutes=1)
    await store.apply(id, state="saved", at=ahead)
    assert (await store.apply(id)).applied_at == ahead
    clock.advance(minutes=2)
    assert (await store.set_application(id, state="rejected")).stages[-1].at == clock()


@pytest.mark.parametrize("url", ["https://acme.example/careers", None, "mailto:jobs@acme.example"])
async def test_a_page_for_many_openings_is_no_address(store: JobStore, url: str | None) -> None:
    for number in range(3):
        more: dict[str, Any] = {"apply_url": "https://acme.example/apply"}
        given = posting(number, title=f"Job {number}", **more | ({"url": url} if url else {}))
        await store.apply((await store.upsert(given, strict=False)).id)
    assert len(await store.applications()) == 3


async def test_two_openings_without_a_company_do_not_look_alike(store: JobStore) -> None:
    for number in ("1", "2"):
        unnamed = {**posting(number), "title": "Cook", "company": COMPANY_NOT_STATED}
        await store.apply((await store.upsert(unnamed)).id)
    assert len(await store.applications()) == 2


async def test_what_closes_after_an_application_of_tomorrow_is_told(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting("1"))).id
    sent = await store.apply(id, at=clock() + timedelta(hours=20))
    assert sent.changed_at == clock()
    clock.advance(hours=1)
    await store.update(id, {"status": "closed"})
    assert [each.job_id for each in await store.closed_applications()] == [id]
