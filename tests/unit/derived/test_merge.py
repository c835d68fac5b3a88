"""What a posting becomes when it is seen again or edited; no database involved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from jobstore import InvalidPosting, Job, JobPosting, Outcome, Status, job_id
from jobstore.derived.merge import CONTENT_FIELDS, edit, merge
from jobstore.derived.record import Derived
from jobstore.intake.validation import check_posting
from jobstore.records import COMPANY_NOT_STATED
from tests.fixtures.cases import each_case
from tests.fixtures.postings import full, posting

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
BEFORE = NOW - timedelta(days=1)


def checked(**stated: Any) -> JobPosting:
    return check_posting(posting(**stated))


def stored(**stated: Any) -> Job:
    return merge(None, checked(**stated), NOW).job


def test_content_is_everything_but_keys_and_sightings() -> None:
    names = set(full()) - {"source", "source_job_id"}
    assert set(CONTENT_FIELDS) == names


def test_the_first_sighting_inserts() -> None:
    merged = merge(None, checked(), NOW)

    assert (merged.outcome, merged.previous) == (Outcome.INSERTED, {})
    job = merged.job
    assert (job.id, job.version, job.status) == (job_id("board", "1"), 1, Status.OPEN)
    assert job.first_seen_at == job.last_seen_at == job.updated_at == NOW
    assert job.closed_at is None


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ({}, NOW, NOW),
        ({"first_seen_at": BEFORE}, BEFORE, NOW),
        ({"last_seen_at": BEFORE}, BEFORE, BEFORE),
        ({"first_seen_at": LATER}, LATER, LATER),
        ({"first_seen_at": BEFORE, "last_seen_at": LATER}, BEFORE, LATER),
    ],
)
def test_an_importer_may_know_when_a_posting_was_seen(
    given: dict[str, Any], first: datetime, last: datetime
) -> None:
    job = stored(**given)

    assert (job.first_seen_at, job.last_seen_at, job.updated_at) == (first, last, NOW)


def test_a_posting_may_come_closed() -> None:
    assert stored(status="closed").closed_at == NOW
    assert stored(status="closed", last_seen_at=BEFORE).closed_at == BEFORE
    assert stored(status="closed", closed_at=LATER).closed_at == LATER
    assert stored(closed_at=LATER).closed_at is None


def test_the_stored_job_and_the_posting_are_left_as_they_are() -> None:
    old, fresh = stored(attributes={"a": 1}), checked(title="New", attributes={"b": 2})

    merged = merge(old, fresh, LATER)

    assert (old.title, old.version, old.attributes) == ("Engineer 1", 1, {"a": 1})
    assert fresh.attributes == {"b": 2}
    assert (merged.job.title, merged.job.version) == ("New", 2)
    assert merged.job.attributes == {"a": 1, "b": 2}
    assert merged.previous == {"title": "Engineer 1", "attributes": {"a": 1}}


def test_an_older_sighting_only_adds_what_is_not_known() -> None:
    old = stored(title="New", location="Bern", salary_max=9, attributes={"a": 1}, status="closed")

    merged = merge(
        old,
        checked(
            title="Old",
            location="Basel",
            industry="Rail",
            salary_min=1,
            last_seen_at=BEFORE,
            attributes={"a": 0, "b": 2},
        ),
        LATER,
    )

    job = merged.job
    assert (job.title, job.location, job.industry, job.status) == ("New", "Bern", "Rail", "closed")
    assert (job.salary_min, job.salary_max, job.attributes) == (None, 9, {"a": 1, "b": 2})
    assert merged.previous == {"industry": None, "attributes": {"a": 1}}


def test_a_clock_that_is_set_back_makes_no_sighting_old() -> None:
    merged = merge(stored(title="Old"), checked(title="New"), BEFORE)

    assert (merged.job.title, merged.job.last_seen_at) == ("New", NOW)


def test_sightings_widen_and_never_narrow() -> None:
    old = stored()

    earlier = merge(old, checked(first_seen_at=BEFORE, last_seen_at=BEFORE), LATER)
    later = merge(old, checked(), LATER)

    assert (earlier.job.first_seen_at, earlier.job.last_seen_at) == (BEFORE, NOW)
    assert (later.job.first_seen_at, later.job.last_seen_at) == (NOW, LATER)
    assert earlier.outcome is later.outcome is Outcome.UNCHANGED
    assert later.job.updated_at == NOW


def test_closing_again_keeps_the_time_of_the_first_closing() -> None:
    old = stored(status="closed")

    merged = merge(old, checked(status="closed", closed_at=LATER), LATER)

    assert (merged.outcome, merged.job.closed_at) == (Outcome.UNCHANGED, NOW)


def test_a_sighting_before_the_closing_does_not_open_again() -> None:
    seen = {"first_seen_at": BEFORE, "last_seen_at": BEFORE}
    closed = stored(**seen, status="closed", closed_at=NOW)
    between = checked(last_seen_at=BEFORE + timedelta(hours=1), title="Newer")
    merged = merge(closed, between, LATER)
    assert merged.job.status is Status.CLOSED
    assert merged.job.closed_at == NOW
    assert merged.job.title == "Newer"
    assert merge(closed, checked(last_seen_at=LATER), LATER).job.status is Status.OPEN
    assert merge(closed, checked(), NOW).job.status is Status.OPEN
    told = checked(last_seen_at=BEFORE + timedelta(hours=1), status="open")
    assert merge(closed, told, LATER).job.status is Status.CLOSED


def test_decimals_of_equal_value_are_no_change() -> None:
    old = stored(salary_min="50000")

    assert merge(old, checked(salary_min="50000.00"), LATER).outcome is Outcome.UNCHANGED


def test_both_ends_of_a_salary_replace_both() -> None:
    old = stored(salary_min=10, salary_max=20)

    merged = merge(old, checked(salary_min=30, salary_max=40), LATER)

    assert (merged.job.salary_min, merged.job.salary_max) == (Decimal(30), Decimal(40))


@each_case(
    ("stated", "low", "high"),
    [
        ({"salary_max": 15}, 10, 15),
        ({"salary_max": 9}, None, 9),
        ({"salary_min": 25}, 25, None),
        ({"salary_max": 15, "salary_period": "hour"}, 10, 15),
        ({"salary_max": 15, "salary_period": "day"}, None, 15),
        ({"salary_currency": "USD"}, 10, 20),
    ],
)
def test_one_end_of_a_salary_keeps_the_other_where_it_fits(
    stated: dict[str, Any], low: int | None, high: int | None
) -> None:
    old = stored(salary_min=10, salary_max=20, salary_currency="EUR", salary_period="hour")

    job = merge(old, checked(**stated), LATER).job

    assert (job.salary_min, job.salary_max) == (low, high)


def test_an_edit_sets_clears_and_counts_versions() -> None:
    old = stored(location="Bonn", skills=["a"], attributes={"a": 1})

    merged = edit(old, {"location": None, "skills": [], "attributes": {"b": 1}}, LATER)

    job = merged.job
    assert (job.location, job.skills, job.attributes) == (None, [], {"b": 1})
    assert (job.version, job.updated_at, job.last_seen_at) == (2, LATER, NOW)
    assert merged.previous == {"location": "Bonn", "skills": ["a"], "attributes": {"a": 1}}
    assert edit(job, {"location": None}, LATER).outcome is Outcome.UNCHANGED


def test_an_edit_closes_and_opens() -> None:
    closed = edit(stored(), {"status": Status.CLOSED}, LATER).job
    assert (closed.status, closed.closed_at) == (Status.CLOSED, LATER)

    opened = edit(closed, {"status": Status.OPEN}, LATER).job
    assert (opened.status, opened.closed_at, opened.version) == (Status.OPEN, None, 3)


def test_an_edit_may_not_turn_the_salary_around() -> None:
    old = stored(salary_min=10, salary_max=20)

    with pytest.raises(InvalidPosting, match="salary_min: must not be above salary_max"):
        edit(old, {"salary_max": Decimal(9)}, LATER)
    both = edit(old, {"salary_min": Decimal(5), "salary_max": Decimal(9)}, LATER)
    assert (both.job.salary_min, both.job.salary_max) == (5, 9)


def test_the_time_of_listing_is_when_it_was_posted_else_first_seen() -> None:
    assert Derived(stored()).listed_at == NOW
    assert Derived(stored(posted_at=BEFORE)).listed_at == BEFORE


def test_attributes_do_not_grow_beyond_what_one_posting_may_bring() -> None:
    old = stored(attributes={"a": "x" * 150_000})

    with pytest.raises(InvalidPosting, match="attributes: would grow beyond 200,000 characters"):
        merge(old, checked(attributes={"b": "x" * 60_000}), LATER)
    assert merge(old, checked(attributes={"a": "y" * 199_000}), LATER).outcome is Outcome.UPDATED


def test_a_company_that_an_importer_did_not_find_does_not_replace_one() -> None:
    merged = merge(stored(), checked(company=COMPANY_NOT_STATED), LATER)

    assert (merged.outcome, merged.job.company) == (Outcome.UNCHANGED, "Acme")
    found = merge(stored(company=COMPANY_NOT_STATED), checked(), LATER)
    assert (found.outcome, found.job.company) == (Outcome.UPDATED, "Acme")


def test_an_older_sighting_adds_what_is_not_known_and_nothing_else() -> None:
    old = stored(location="Bonn", attributes={"a": 1}, status="closed")
    given = {"title": "Old", "location": "Old", "industry": "Software", "skills": ["x"]}

    merged = merge(old, checked(**given, attributes={"a": 0, "b": 2}, last_seen_at=BEFORE), LATER)

    job = merged.job
    assert (job.title, job.location, job.status) == ("Engineer 1", "Bonn", Status.CLOSED)
    assert (job.industry, job.skills, job.attributes) == ("Software", ["x"], {"a": 1, "b": 2})
    assert (job.first_seen_at, job.last_seen_at, job.version) == (BEFORE, NOW, 2)
