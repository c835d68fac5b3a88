"""Plans: what a batch of writes makes of what is stored, whatever the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from jobstore import InvalidPosting, JobNotFound, JobPosting, Outcome, VersionConflict, job_id
from jobstore.derived.merge import key_id
from jobstore.derived.plan import Plan
from jobstore.derived.record import Derived
from jobstore.intake.validation import check_posting
from jobstore.records import Job

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ID = job_id("board", "1")


def posting(**fields: Any) -> JobPosting:
    key = {"source": "board", "source_job_id": "1", "title": "Engineer", "company": "Acme"}
    return check_posting({**key, **fields})


def stored(**fields: Any) -> dict[UUID, Job]:
    plan = Plan({}.get, NOW - timedelta(days=1))
    plan.upsert(posting(**fields))
    assert plan.changes[0].after is not None
    return {ID: plan.changes[0].after.job}


def known(jobs: Mapping[UUID, Job]) -> Callable[[UUID], Derived | None]:
    return {id: Derived(job) for id, job in jobs.items()}.get


def test_a_new_posting_has_nothing_before_it() -> None:
    plan = Plan({}.get, NOW)

    result = plan.upsert(posting())

    ((before, after, previous, _),) = plan.changes
    assert (result.id, result.outcome, result.version) == (ID, Outcome.INSERTED, 1)
    assert (before, previous) == (None, {})
    assert after is not None
    assert after.job.last_seen_at == NOW


def test_a_changed_posting_says_what_was_replaced() -> None:
    jobs = stored()
    plan = Plan(known(jobs), NOW)

    result = plan.upsert(posting(title="Senior Engineer"))

    ((before, after, previous, _),) = plan.changes
    assert before is not None
    assert after is not None
    assert (result.outcome, result.version) == (Outcome.UPDATED, 2)
    assert previous == {"title": "Engineer"}
    assert (before.job, after.job.title) == (jobs[ID], "Senior Engineer")


def test_a_posting_that_is_seen_again_has_no_revision() -> None:
    plan = Plan(known(stored()), NOW)

    assert plan.upsert(posting()).outcome is Outcome.UNCHANGED

    ((_, after, previous, _),) = plan.changes
    assert previous == {}
    assert after is not None
    assert after.job.last_seen_at == NOW


def test_each_write_sees_those_before_it_and_what_is_stored_is_asked_for_once() -> None:
    asked: list[UUID] = []
    plan = Plan(asked.append, NOW)

    assert plan.upsert(posting()).outcome is Outcome.INSERTED
    assert plan.upsert(posting(title="Other")).version == 2
    assert plan.update(ID, {"company": "Bolt"}, 2).version == 3
    assert plan.delete(ID)
    assert not plan.delete(ID)
    with pytest.raises(JobNotFound):
        plan.update(ID, {}, None)
    assert plan.upsert(posting()).outcome is Outcome.INSERTED

    assert asked == [ID]
    assert [(each.before is None, each.after is None) for each in plan.changes] == [
        (True, False),
        (False, False),
        (False, False),
        (False, True),
        (True, False),
    ]
    assert plan.changes[1].before is plan.changes[0].after


def test_a_posting_that_gets_another_key_is_made_of_what_is_stored_under_both() -> None:
    other = key_id("other", "7")
    plan = Plan(known(stored()), NOW)
    plan.upsert(posting(source="other", source_job_id="7", location="Rome"))

    job = plan.join(ID, "other", "7")

    change = plan.changes[-1]
    assert (job.id, job.location, job.first_seen_at) == (other, "Rome", NOW - timedelta(days=1))
    about = change.previous.pop("@")
    assert change.previous == {"source": "board", "source_job_id": "1"}
    assert [part["was"]["location"] for part in about["joined"][:1]] == [None]
    assert [each.job.id for each in change.joined] == [ID, other]
    assert not plan.delete(ID)
    assert plan.join(other, "other", "7") is job
    assert plan.changes[-1] is change
    with pytest.raises(JobNotFound):
        plan.join(ID, "other", "7")


def test_attributes_that_are_too_long_together_stay_in_the_history() -> None:
    jobs = stored(attributes={"a": "x" * 150_000})
    plan = Plan(known(jobs), NOW)
    plan.upsert(posting(source_job_id="2", attributes={"b": "y" * 150_000}))

    job = plan.join(ID, "board", "2")

    assert job.attributes.keys() == {"b"}
    assert plan.changes[-1].previous["attributes"].keys() == {"a"}


def test_what_is_refused_plans_nothing() -> None:
    plan = Plan(known(stored(salary_min=10, salary_currency="EUR")), NOW)

    with pytest.raises(VersionConflict, match="is at version 1, not 7"):
        plan.update(ID, {"title": "Other"}, 7)
    with pytest.raises(InvalidPosting):
        plan.update(ID, {"salary_max": 1}, None)

    assert plan.changes == []


def test_what_follows_from_a_posting() -> None:
    derived = Derived(stored(title="C++", skills=["C#"], salary_min=20, salary_period="hour")[ID])

    assert derived.id == ID
    assert derived.listed_at == NOW - timedelta(days=1)
    assert derived.yearly == (41_600.0, 41_600.0)
    assert derived.words.title.split() == ["Cplusplus"]
    assert [skill.split() for skill in derived.words.skills] == [["Csharp"]]
    assert derived.words.description is None
    assert (("company", "acme", "Acme"), 1) in derived.counters
    assert derived.words is derived.words
