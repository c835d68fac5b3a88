"""Files of company boards and of Simplify, with made-up entries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jobstore.exchange.catalogue import built_in
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read, posting

board_posting = built_in("ats").translate
simplify_posting = built_in("simplify").translate

ENTRY: dict[str, Any] = {
    "company": "acme",
    "company_slug": "acme",
    "title": "Engineer",
    "location": None,
    "url": "https://job-boards.greenhouse.io/acme/jobs/8145488002",
    "absolute_url": "https://job-boards.greenhouse.io/acme/jobs/8145488002",
    "departments": [],
    "id": 8145488002,
    "updated_at": "2026-01-05T11:57:22-05:00",
}


def test_a_board_entry_is_translated() -> None:
    assert board_posting(ENTRY) == {
        "source": "greenhouse",
        "source_job_id": "8145488002",
        "title": "Engineer",
        "company": "acme",
        "url": "https://job-boards.greenhouse.io/acme/jobs/8145488002",
        "attributes": {"updated_at": "2026-01-05T11:57:22-05:00"},
    }


def test_what_differs_is_kept() -> None:
    found = board_posting(
        {
            **ENTRY,
            "company": "Acme Ltd",
            "url": "https://acme.example/x?gh_jid=1",
            "departments": [{"id": 1, "name": "R&D"}],
        }
    )
    assert found["company"] == "Acme Ltd"
    assert found["source"] == "greenhouse"
    assert found["attributes"] == {
        "company_slug": "acme",
        "absolute_url": "https://job-boards.greenhouse.io/acme/jobs/8145488002",
        "departments": [{"id": 1, "name": "R&D"}],
        "updated_at": "2026-01-05T11:57:22-05:00",
    }


@pytest.mark.parametrize(
    ("url", "id", "key"),
    [
        ("https://acme.wd5.myworkdayjobs.com/1", "R-1", ("workday", "acme/R-1")),
        ("https://acme.example/1", 1, ("ats", "acme/1")),
        (
            "https://jobs.lever.co/acme/1",
            "a102c558-c365-48cf-b1ae-766037509e5c",
            ("lever", "a102c558-c365-48cf-b1ae-766037509e5c"),
        ),
        (None, 5, ("ats", "acme/5")),
        (7, 5, ("ats", "acme/5")),
    ],
)
def test_ids_are_unique_on_their_board_only_unless_known_better(
    url: Any, id: Any, key: tuple[str, str | None]
) -> None:
    found = board_posting({"company_slug": "acme", "title": "T", "url": url, "id": id})
    assert (found["source"], found.get("source_job_id")) == key
    assert found["company"] == "acme"


LISTING: dict[str, Any] = {
    "source": "someone",
    "company_name": "Acme",
    "id": "694040e9-673d-400c-9fed-0d9b222403bc",
    "title": "Engineer",
    "active": False,
    "date_updated": 1714608000,
    "date_posted": 1714605534,
    "url": "https://example.com/1",
    "locations": ["Berlin", "Bonn"],
    "company_url": "",
    "is_visible": True,
    "sponsorship": "Other",
}


def test_a_listing_is_translated() -> None:
    assert simplify_posting(LISTING) == {
        "source": "simplify",
        "source_job_id": "694040e9-673d-400c-9fed-0d9b222403bc",
        "title": "Engineer",
        "company": "Acme",
        "locations": ["Berlin", "Bonn"],
        "url": "https://example.com/1",
        "posted_at": datetime(2024, 5, 1, 23, 18, 54, tzinfo=UTC),
        "status": "closed",
        "closed_at": datetime(2024, 5, 2, tzinfo=UTC),
        "last_seen_at": datetime(2024, 5, 2, tzinfo=UTC),
        "attributes": {
            "source": "someone",
            "date_updated": 1714608000,
            "sponsorship": "Other",
        },
    }


@pytest.mark.parametrize(
    ("locations", "places", "workplace"),
    [
        (["Remote in USA"], ["Remote in USA"], "remote"),
        (["Remote", "Berlin"], ["Remote", "Berlin"], None),
        ("Remote", ["Remote"], "remote"),
        ([], None, None),
    ],
)
def test_remote_means_all_locations(
    locations: Any, places: list[str] | None, workplace: str | None
) -> None:
    found = simplify_posting({**LISTING, "active": True, "locations": locations})
    assert (found.get("locations"), found.get("workplace")) == (places, workplace)
    assert "status" not in found


@each_case(
    ("flags", "status"),
    [
        ({"active": True, "is_visible": True}, None),
        ({"active": True, "is_visible": False}, "closed"),
        ({"active": False, "is_visible": False}, "closed"),
        ({"active": True}, None),
        ({"is_visible": False}, "closed"),
        ({}, None),
        ({"active": "maybe"}, None),
    ],
)
def test_an_entry_that_is_hidden_or_inactive_was_closed_when_it_was_changed_last(
    flags: dict[str, Any], status: str | None
) -> None:
    rest = {key: value for key, value in LISTING.items() if key not in ("active", "is_visible")}
    found = simplify_posting({**rest, **flags})
    assert found.get("status") == status
    changed = datetime(2024, 5, 2, tzinfo=UTC) if status else None
    assert (found.get("closed_at"), found.get("last_seen_at")) == (changed, changed)
    assert found["attributes"]["date_updated"] == 1714608000


def test_both_are_recognised_and_read(read: Read) -> None:
    (record,) = read('[{"id": 1, "company_slug": "a", "title": "T"}]')
    assert posting(record)["source_job_id"] == "a/1"
    records = read('[{"company_name": "A", "locations": [], "active": true}, 1]')
    assert posting(records[0])["company"] == "A"
    assert records[1].fault == "is no JSON object"
    records = read("[1]", "ats")
    assert records[0].fault == "is no JSON object"
