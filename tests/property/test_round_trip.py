"""Whatever text goes in comes out: exactly, but for the normalisation that is documented."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobstore import InvalidPosting, JobPosting, Outcome, job_id
from jobstore.records import WHITE_SPACE
from tests.fixtures.bench import Bench

# Everything but control characters, which are refused, and surrogates, which are no text.
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs"])
ODD = (
    "\u200bx\ufeff",
    "e\u0301",
    "\u1100\u1161",
    "\u2126",
    "Ⅷ ﬁ",
    "\ue000a",
    "\ufffd",
    "\U0010ffff",
    "🧑‍🚀",
    "שלום 123",
    "x\u202ey",
    "\u0130i",
    "NULL",
    "'\"`;--%_\\",
    "{}[]$()",
    "\x1f edge \x1c",
)
LINES = st.text(CHARACTERS | st.sampled_from(" \t\n'\""), max_size=60) | st.sampled_from(ODD)
KEYS = st.text(CHARACTERS, max_size=40) | st.sampled_from(ODD)
DOCUMENTS = st.text(CHARACTERS | st.sampled_from(" \t\r\n"), max_size=300) | st.sampled_from(ODD)
URLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z", "Cf"]), max_size=40).map(
    lambda path: f"https://board.example/{path}"
)
JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=12,
)
AMOUNTS = st.decimals(0, 10**12 - 1, places=6)
MOMENTS = st.datetimes(
    datetime(1990, 1, 2),
    datetime(2099, 12, 30),
    timezones=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
POSTINGS = st.fixed_dictionaries(
    {"source": KEYS, "source_job_id": KEYS, "title": LINES, "company": LINES},
    optional={
        **dict.fromkeys(("location", "industry", "company_size", "salary_text"), LINES),
        **dict.fromkeys(("url", "apply_url", "company_url"), URLS),
        **dict.fromkeys(("posted_at", "expires_at"), MOMENTS),
        "description": DOCUMENTS,
        "skills": st.lists(LINES, max_size=5),
        "salary_max": AMOUNTS,
        "applicant_count": st.integers(0, 2**63 - 1),
        "attributes": st.dictionaries(JSON_TEXT, JSON, max_size=4),
    },
)


def trimmed(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip(WHITE_SPACE))


def line(text: str) -> str | None:
    text = trimmed(text)
    if any(c in "\t\n\u2028\u2029" for c in text):
        text = " ".join(text.split())
    return text or None


def normal(name: str, value: Any) -> Any:
    """Return what the documentation says that a field becomes."""
    if name == "description":
        return trimmed(value) or None
    if name == "skills":
        return list(dict.fromkeys(each for each in map(line, value) if each))
    return line(value) if isinstance(value, str) else value


def equal(one: Any, other: Any) -> bool:
    """Compare JSON values to the type: 1, 1.0 and True are different."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(POSTINGS)
@example({"source": "a", "source_job_id": "\u212b", "title": "\u2126", "company": "\u0958"})
def test_any_posting_comes_back_as_it_was(bench: Bench, posting: Mapping[str, Any]) -> None:
    expected = {name: normal(name, value) for name, value in posting.items()}
    required = ("source", "source_job_id", "title", "company")
    # Keys are told as they are: no white space inside of them is changed.
    broken = any(expected[name] != (trimmed(posting[name]) or None) for name in required[:2])
    if broken or not all(expected[name] for name in required):
        with pytest.raises(InvalidPosting):
            bench.run(bench.store.upsert(posting, strict=True))
        return
    bench.run(bench.store.delete(job_id(posting["source"], posting["source_job_id"])))

    result = bench.run(bench.store.upsert(posting, strict=True))

    job = bench.run(bench.store.get(result.id))
    for name, value in expected.items():
        stored = getattr(job, name)
        assert equal(stored, value) if name == "attributes" else stored == value, name
    sighting = {"status", "first_seen_at", "last_seen_at"}
    unstated = {field.name for field in fields(JobPosting)} - expected.keys() - sighting
    # A location is one of the locations as well.
    assert not any(getattr(job, name) for name in unstated - {"locations"})
    assert bench.run(bench.store.find(posting["source"], posting["source_job_id"])) == job
    # What came out goes in again and is the same.
    again = {name: getattr(job, name) for name in expected}
    assert bench.run(bench.store.upsert(again, strict=True)).outcome is Outcome.UNCHANGED


@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("location", "industry", "company_size", "salary_text"), LINES),
            "description": DOCUMENTS,
            "skills": st.lists(LINES, max_size=5),
            "attributes": st.dictionaries(JSON_TEXT, JSON, max_size=4),
            "salary_max": AMOUNTS,
            "posted_at": MOMENTS,
        },
    ).filter(bool)
)
def test_any_change_comes_back_as_it_was_and_so_does_what_it_replaced(
    bench: Bench, changes: dict[str, Any]
) -> None:
    posting = {"source": "board", "source_job_id": "1", "title": "x", "company": "y"}
    id = bench.run(bench.store.upsert(posting)).id
    before = bench.run(bench.store.get(id))

    job = bench.run(bench.store.update(id, changes))

    for name, value in changes.items():
        stored, expected = getattr(job, name), normal(name, value)
        assert equal(stored, expected) if name == "attributes" else stored == expected, name
    assert bench.run(bench.store.get(id)) == job
    if job.version > before.version:
        revision = bench.run(bench.store.revisions(id))[0]
        for name, value in revision.previous.items():
            assert (
                equal(value, before.attributes)
                if name == "attributes"
                else (value == getattr(before, name))
            )


@given(
    st.sampled_from(["source", "source_job_id", "title", "company", "description", "industry"]),
    st.text(CHARACTERS, min_size=1, max_size=5),
    st.characters(categories=["Cc", "Cs"], exclude_characters="\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85"),
    st.text(CHARACTERS, min_size=1, max_size=5),
)
def test_text_that_is_none_is_strictly_refused_and_nothing_is_stored(
    bench: Bench, name: str, before: str, character: str, after: str
) -> None:
    if name == "description" and "\x80" <= character <= "\x9f":
        return  # kept, since broken encodings leave them in real texts
    posting = {"source": "none", "source_job_id": "none", "title": "x", "company": "y"}
    posting[name] = f"a{before}{character}{after}z"
    total = bench.run(bench.store.count())

    with pytest.raises(InvalidPosting) as caught:
        bench.run(bench.store.upsert(posting, strict=True))

    assert [fault.field for fault in caught.value.faults] == [name]
    assert bench.run(bench.store.count()) == total


@pytest.mark.parametrize("character", ["x", "é", "東", "\U0001f600"])
async def test_texts_of_the_greatest_length_are_kept(store: Any, character: str) -> None:
    posting = {
        "source": character * 64,
        "source_job_id": character * 255,
        "title": character * 500,
        "company": character * 300,
        "location": character * 2_000,
        "industry": character * 300,
        "description": character * 200_000,
        "skills": [f"{n:03}" + character * 197 for n in range(200)],
        "salary_text": character * 300,
        "attributes": {character: character * 190_000},
        "salary_min": Decimal("999999999999.999999"),
        "posted_at": datetime(2099, 12, 31, 23, 59, 59, 999999, UTC),
        "applicant_count": 2**63 - 1,
    }

    job = await store.get((await store.upsert(posting)).id)

    assert {name: getattr(job, name) for name in posting} == posting
