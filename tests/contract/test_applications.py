"""Applications: which stages may follow which, which second one is refused, and what is told."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from jobstore import (
    ApplicationState,
    Contact,
    DuplicateApplication,
    InvalidQuery,
    JobNotFound,
    JobStore,
    SearchQuery,
)
from jobstore.lifecycle import applications
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

GREENHOUSE = "https://boards.greenhouse.io/acme/jobs/4012345"


async def test_an_application_goes_from_state_to_state(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting("1", url="https://a.example/jobs/1"))).id
    began = clock()
    saved = await store.apply(id, state="saved", note="looks good")
    assert (saved.job_id, saved.state, saved.applied_at) == (id, "saved", None)
    clock.advance(days=1)
    sent = await store.apply(id, contacts=[{"name": "Ada", "email": "ada@acme.example"}])
    assert sent.id == saved.id
    assert [(each.state, each.at) for each in sent.stages] == [
        ("saved", began),
        ("applied", clock()),
    ]
    clock.advance(days=7)
    due = clock() + timedelta(days=2)
    found = await store.set_application(id, state="interviewing", due_at=due, note="by phone")
    assert [each.text for each in found.notes] == ["looks good", "by phone"]
    assert (found.contacts, found.due_at) == ((Contact("Ada", "ada@acme.example"),), due)
    assert (found.applied_at, found.changed_at) == (began + timedelta(days=1), clock())
    clock.advance(days=3)
    last = await store.set_application(id, state="rejected", due_at=None, at=due)
    assert (last.due_at, last.stages[-1].at, last.stages[-1].actor) == (
        None,
        due,
        last.stages[0].actor,
    )
    assert (await store.applications()) == [last]
    assert (last.title, last.company, last.url) == (
        "Engineer 1",
        "Acme",
        "https://a.example/jobs/1",
    )

    told = [each for each in await store.history(id) if each.kind == "application"]
    assert [each.detail["state"] for each in told] == [
        *("rejected", "interviewing", "applied", "saved")
    ]
    assert {each.detail["application"] for each in told} == {str(last.id)}


async def test_what_is_said_when_an_application_is_repeated_or_sent_is_kept(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting("1"))).id
    at, due = clock(), clock() + timedelta(days=2)
    first = await store.apply(id, state="saved", at=at, note="one", due_at=due)
    clock.advance(days=1)
    assert await store.apply(id, state="saved", at=at, note="one", due_at=due) == first
    found = await store.apply(id, state="saved", at=at, note="two", contacts=[{"name": "Ada"}])
    assert [each.text for each in found.notes] == ["one", "two"]
    assert (found.contacts, len(found.stages)) == ((Contact("Ada"),), 1)
    # Nobody took the date away.
    assert (await store.apply(id)).due_at == due
    clock.advance(days=1)
    await store.set_application(id, state="rejected", due_at=None)
    assert await store.applications() == [await store.set_application(id)]
    assert (await store.applications())[0].due_at is None


async def test_a_second_application_to_a_posting_is_refused_unless_forced(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting("1"))).id
    first = await store.apply(id)
    assert await store.apply(id, at=first.stages[0].at) == first
    clock.advance(days=400)
    for state in ("applied", "saved", "interviewing"):
        with pytest.raises(DuplicateApplication, match="for this posting") as refused:
            await store.apply(id, state=state)
        error = pickle.loads(pickle.dumps(refused.value))
        assert (error.job_id, error.application, error.why) == (id, first.id, "posting")
        assert error.applied_at == first.applied_at
    second = await store.apply(id, force=True)
    assert second.id != first.id
    assert [each.id for each in await store.applications(job_id=id)] == [second.id, first.id]
    clock.advance(days=1)
    assert (await store.set_application(id, state="offered")).id == second.id


async def test_the_same_address_is_refused_for_ever(store: JobStore, clock: Clock) -> None:
    one = posting("1", title="A", url=f"{GREENHOUSE}?utm_source=x", company="Acme")
    two = posting(
        "2", title="B", company="Acme Inc", url="https://acme.example/j", apply_url=GREENHOUSE
    )
    three = posting("3", title="C", company="Other", apply_url=f"{GREENHOUSE}?gclid=5#app")
    ids = [(await store.upsert(each)).id for each in (one, two, three)]
    await store.apply(ids[0])
    clock.advance(days=4000)
    for id in ids[1:]:
        with pytest.raises(DuplicateApplication) as refused:
            await store.apply(id)
        assert (refused.value.why, refused.value.job_id) == ("address", ids[0])
        assert (await store.apply(id, state="saved")).state == "saved"
        assert (await store.apply(id, force=True)).state == "applied"


async def test_a_look_alike_is_refused_for_90_days(store: JobStore, clock: Clock) -> None:
    names = [("Acmé B.V.", "Head  Baker"), ("ACME", "head baker"), ("Acme", "Baker")]
    ids = [
        (await store.upsert(posting(number, company=company, title=title))).id
        for number, (company, title) in enumerate(names)
    ]
    await store.apply(ids[0])
    await store.apply(ids[2])
    await store.apply(ids[1], state="saved")
    for days in (33, 56):
        clock.advance(days=days)
        with pytest.raises(DuplicateApplication, match="90 days"):
            await store.set_application(ids[1], state="applied")
        with pytest.raises(DuplicateApplication, match="90 days") as refused:
            await store.apply(ids[1])
        assert refused.value.why == "look-alike"
    with pytest.raises(InvalidQuery, match="allowed: applied"):
        await store.set_application(ids[1], state="accepted", force=True)
    clock.advance(days=1)
    assert (await store.apply(ids[1])).state == "applied"


async def test_what_was_never_sent_blocks_nothing(store: JobStore, clock: Clock) -> None:
    one, two = [(await store.upsert(posting(n, title="Baker"))).id for n in range(2)]
    await store.apply(one, state="saved")
    assert (await store.apply(two)).state == "applied"
    clock.advance(days=100)
    await store.set_application(one, state="withdrawn")
    again = await store.apply(one)
    assert [each.state for each in await store.applications(job_id=one)] == ["applied", "withdrawn"]
    with pytest.raises(DuplicateApplication):
        await store.apply(one, at=again.stages[0].at + timedelta(microseconds=1))


async def test_of_two_at_once_one_is_refused(store: JobStore) -> None:
    ids = [(await store.upsert(posting(n, title="Baker"))).id for n in range(8)]
    done = await asyncio.gather(*map(store.apply, ids), return_exceptions=True)
    assert sum(isinstance(each, DuplicateApplication) for each in done) == 7
    assert len(await store.applications()) == 1


async def test_applications_are_listed_in_pages_and_by_state(store: JobStore, clock: Clock) -> None:
    ids = [(await store.upsert(posting(n))).id for n in range(7)]
    for number, id in enumerate(ids):
        await store.apply(id, state="saved" if number % 2 else "applied")
        if number % 3:
            clock.advance(minutes=1)
    found = await store.applications(limit=3)
    while more := await store.applications(limit=3, after=found[-1]):
        found += more
    assert [each.job_id for each in found[:1]] == ids[-1:]
    assert found == await store.applications()
    assert {each.job_id for each in found} == {*ids}
    saved = await store.applications(["saved", ApplicationState.OFFERED])
    assert saved == [each for each in found if each.state == "saved"]
    assert await store.applications("offered") == []


async def test_statistics_show_a_funnel(store: JobStore, clock: Clock) -> None:
    assert (await store.statistics()).applications.reached == {}
    ways = [
        (),
        ("withdrawn",),
        ("applied",),
        ("applied", "no_response"),
        ("applied", "interviewing", "rejected"),
        ("interviewing", "offered", "declined"),
        ("applied", "offered", "accepted"),
    ]
    for number, way in enumerate(ways):
        id = (await store.upsert(posting(number))).id
        await store.apply(id, state="saved")
        for state in way:
            clock.advance(hours=1)
            await store.set_application(id, state=state)
    found = (await store.statistics()).applications
    assert found.reached == {
        "saved": 7, "applied": 5, "interviewing": 3, "offered": 2, "accepted": 1
    }  # fmt: skip
    states = [way[-1] if way else "saved" for way in ways]
    assert found.by_state == {each: states.count(each) for each in states}


async def test_a_tracked_posting_that_closes_is_told_until_somebody_writes(
    store: JobStore, clock: Clock
) -> None:
    ids = [(await store.upsert(posting(n))).id for n in range(4)]
    for id in ids[:3]:
        await store.apply(id)
    await store.set_application(ids[2], state="rejected")
    clock.advance(days=1)
    assert await store.closed_applications() == []
    for id in ids:
        await store.update(id, {"status": "closed"})
        clock.advance(days=1)
    told = await store.closed_applications()
    assert [each.job_id for each in told] == [ids[1], ids[0]]
    assert told[0].posting_status == "closed"
    assert await store.closed_applications(limit=1) == told[:1]
    await store.set_application(ids[1])
    assert [each.job_id for each in await store.closed_applications()] == ids[:1]
    clock.advance(days=1)
    await store.update(ids[1], {"status": "open"})
    await store.update(ids[1], {"status": "closed"})
    assert len(await store.closed_applications()) == 2
    # What changes in a posting that is closed, and known to be, closes nothing.
    clock.advance(days=1)
    await store.set_application(ids[1], state="offered")
    clock.advance(days=1)
    await store.upsert(posting(1, status="closed", applicant_count=7))
    assert [each.job_id for each in await store.closed_applications()] == ids[:1]
    assert await store.closed_applications("offered") == []
    assert len(await store.closed_applications(["applied", "rejected"], limit=1)) == 1
    # Where it is forgotten when it closed, too much is told rather than too little.
    clock.advance(days=400)
    await store.update(ids[1], {"applicant_count": 8})
    await store.prune(timedelta(days=300))
    assert len(await store.closed_applications()) == 2


async def test_an_application_follows_its_posting(store: JobStore, clock: Clock) -> None:
    old, other = [
        (await store.upsert(posting("1", source=source))).id for source in ("de.board", "board")
    ]
    first = await store.apply(old)
    clock.advance(days=100)
    second = await store.apply(other)
    job = await store.join(old, "board", "1")
    found = await store.applications(job_id=job.id)
    assert [each.id for each in found] == [second.id, first.id]
    assert {each.job_id for each in found} == {job.id}
    clock.advance(days=100)
    with pytest.raises(DuplicateApplication):
        await store.apply(job.id)
    await store.delete(job.id)
    assert await store.applications() == []
    assert (await store.statistics()).applications.reached == {}


async def test_history_that_is_pruned_leaves_the_stages(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting("1"))).id
    await store.apply(id, state="saved")
    clock.advance(days=1)
    sent = await store.apply(id)
    clock.advance(days=400)
    assert (await store.prune(timedelta(days=365))).events == 2
    assert (await store.applications()) == [sent]


async def test_searches_filter_by_application(store: JobStore, clock: Clock) -> None:
    ids = []
    for number in range(40):
        title = f"{'Baker' if number % 2 else 'Cook'} {number}"
        job = posting(number, title=title, description="bread " * 9, salary_max=number)
        ids.append((await store.upsert(job)).id)
        clock.advance(minutes=1)
    for id in ids[::5]:
        await store.apply(id, state="saved")
    await store.apply(ids[0])
    await store.set_application(ids[0], state="rejected")
    await store.apply(ids[0], force=True, at=clock() - timedelta(days=1))
    await store.set_application(ids[5], state="applied")

    async def found(**asked: Any) -> list[UUID]:
        query = SearchQuery(**asked)
        page = await store.search(query, limit=3, facets=("company",))
        items = list(page.items)
        while page.next_cursor:
            page = await store.search(query, limit=3, cursor=page.next_cursor)
            items += page.items
        assert (page.total, page.total_capped) == (len(items), False)
        assert await store.count(query) == len(items)
        listed = [each.id for each in items]
        if asked.get("sort") is None:
            assert [job.id async for job in store.stream(query)] == listed
        return listed

    saved = [id for id in ids[::-1] if id in ids[10::5]]
    assert await found(application="saved") == saved
    assert await found(application=("applied", "rejected")) == [ids[5], ids[0]]
    assert await found(application="applied", status="open", text="baker") == [ids[5]]
    assert await found(application="saved", text="bread -cook", sort="salary") == [
        id for id in saved if ids.index(id) % 2
    ]
    assert await found(application="saved", text="bread", sort="relevance") == saved
    assert await found(application="declined", text="bread") == []
    assert await found(application="none", sort="applicants") == [
        id for id in ids[::-1] if ids.index(id) % 5
    ]
    assert len(await found(application="none", text="cook", salary_max=20)) == 8
    for wrong in ("hired", ("none", "saved"), ()):
        with pytest.raises(InvalidQuery, match="application"):
            await store.search(SearchQuery(application=wrong))


async def test_a_posting_that_closed_earlier_than_the_store_was_told_is_told(
    store: JobStore, clock: Clock
) -> None:
    seen = clock()
    id = (await store.upsert(posting("1"))).id
    clock.advance(hours=12)
    await store.apply(id)
    clock.advance(hours=1)
    past = {"status": "closed", "closed_at": seen + timedelta(hours=7)}
    await store.upsert(posting("1", **past), seen_at=clock())
    assert [each.job_id for each in await store.closed_applications()] == [id]
    await store.set_application(id)
    assert await store.closed_applications() == []


async def test_a_closing_is_told_whatever_the_clocks_of_both_say(
    store: JobStore, clock: Clock
) -> None:
    id = (await store.upsert(posting("1"))).id
    clock.advance(hours=1)
    await store.apply(id)
    # Another machine's clock is behind, and then ahead.
    clock.advance(minutes=-3)
    await store.gone(id)
    assert [each.job_id for each in await store.closed_applications()] == [id]
    clock.advance(minutes=-30)
    await store.set_application(id)
    assert await store.closed_applications() == []


async def test_a_mistake_is_taken_back(store: JobStore, clock: Clock) -> None:
    id = (await store.upsert(posting("1"))).id
    saved = await store.apply(id, state="saved", note="call Ada")
    clock.advance(days=1)
    await store.apply(id, note="wrong")
    clock.advance(days=1)
    await store.set_application(id, state="withdrawn")
    back = await store.undo_application(id)
    assert back is not None
    assert (back.state, len(back.stages), back.applied_at) == ("applied", 2, back.stages[1].at)
    back = await store.undo_application(id, note=True)
    assert back is not None
    assert [each.text for each in back.notes] == ["call Ada"]
    back = await store.undo_application(id)
    assert back is not None
    assert (back.state, back.stages, back.applied_at) == ("saved", saved.stages, None)
    assert await store.applications() == [back]
    assert (await store.statistics()).applications.by_state == {"saved": 1}
    # What may follow follows again.
    assert (await store.apply(id)).state == "applied"
    await store.undo_application(id)
    await store.undo_application(id, note=True)
    with pytest.raises(InvalidQuery, match="note"):
        await store.undo_application(id, note=True)
    assert await store.undo_application(id) is None
    assert await store.applications() == []
    with pytest.raises(JobNotFound):
        await store.undo_application(id)
    told = [each.detail for each in await store.history(id) if "taken_back" in each.detail]
    assert {each["taken_back"] for each in told} == {"withdrawn", "applied", "note", "saved"}
    assert {each["state"] for each in told} == {"applied", "saved", None}


async def test_a_duplicate_is_refused_for_90_days(store: JobStore, clock: Clock) -> None:
    titles = ("Baker", "Bäckerin", "Cook")
    ids = [(await store.upsert(posting(n, title=title))).id for n, title in enumerate(titles)]
    await store.apply(ids[0])
    await store.confirm_duplicate(ids[0], ids[1])
    clock.advance(days=89)
    with pytest.raises(
        DuplicateApplication, match=f"the posting {ids[0]}, which is a duplicate"
    ) as refused:
        await store.apply(ids[1])
    assert (refused.value.why, refused.value.job_id) == ("duplicate", ids[0])
    assert (await store.apply(ids[2])).state == "applied"
    assert (await store.apply(ids[1], state="saved")).state == "saved"
    await store.reject_duplicate(ids[0], ids[1])
    assert (await store.apply(ids[1])).state == "applied"
    await store.set_application(ids[1], state="withdrawn")
    await store.confirm_duplicate(ids[0], ids[1])
    clock.advance(days=90)
    assert (await store.apply(ids[1], force=True)).state == "applied"


async def test_a_stream_misses_none_that_change_meanwhile(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applications, "_SCAN", 4)
    ids = sorted([(await store.upsert(posting(n))).id for n in range(9)])
    for id in ids:
        await store.apply(id)
    found = []
    async for each in store.stream_applications():
        if not found:
            clock.advance(days=1)
            for id in (ids[0], ids[-1]):
                await store.set_application(id, note="called")
        found.append(each)
    assert [each.job_id for each in found] == ids
    assert [len(found[0].notes), len(found[-1].notes)] == [0, 1]
