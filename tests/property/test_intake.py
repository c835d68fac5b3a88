"""Whatever comes from outside is taken in, in one form, or refused with InvalidPosting."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from jobstore.errors import Fault, InvalidPosting
from jobstore.intake.fields import MAX_DESCRIPTION, MAX_TITLE
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_changes, check_posting
from jobstore.records import (
    WHITE_SPACE,
    EmploymentType,
    ExperienceLevel,
    JobPosting,
    SalaryPeriod,
    Status,
    Workplace,
    job_id,
)

BARE: dict[str, Any] = {
    "source": "board",
    "source_job_id": "1",
    "title": "Engineer",
    "company": "Acme",
}
FIELDS = tuple(JobPosting.__slots__)
NOW = datetime(2026, 8, 10, 15, 30, tzinfo=UTC)

any_text = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=())),
    st.text("ab é\u0301\u212b\t\n\r\x00\x0b\x85\x97\u2028\u200b\ufeff\ud800", max_size=12),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    any_text,
    st.sampled_from(
        ["Full-time", "remote", "USD", "de", "2024-05-01", "http://a.example", "1e5", "open"]
    ),
)
json_like = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
anything = json_like | st.decimals() | st.datetimes() | st.binary() | st.sets(st.text())
field_names = st.sampled_from(FIELDS) | any_text | st.integers() | st.none()

plain_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=30)
stated = plain_text.filter(lambda text: text.strip(WHITE_SPACE))
keys = stated.filter(lambda text: not {"\u2028", "\u2029"} & set(text.strip(WHITE_SPACE)))
amounts = st.decimals(0, 10**12 - 1, places=6) | st.integers(0, 10**12 - 1) | st.floats(0, 1e11)
moments = st.datetimes(
    datetime(1990, 1, 2), datetime(2099, 12, 30), timezones=st.timezones()
) | st.dates(datetime(1990, 1, 1).date(), datetime(2099, 12, 31).date())
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
json_objects = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), json_values
)


def outcome(check: Callable[[Any], Any], given: Any) -> tuple[Any, tuple[Fault, ...]]:
    """Return what the check returns, or its faults; nothing else may be raised."""
    try:
        return check(given), ()
    except InvalidPosting as error:
        return None, error.faults


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


sound_postings = st.fixed_dictionaries(
    {"source": keys, "source_job_id": keys, "title": stated, "company": stated},
    optional={
        "location": optional(plain_text),
        "country": st.sampled_from([None, "", "de", "US"]),
        "workplace": st.sampled_from([None, "On-site", *Workplace]),
        "employment_type": st.sampled_from([None, "Full-time", *EmploymentType]),
        "experience_level": st.sampled_from([None, "Not Applicable", *ExperienceLevel]),
        "description": st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])),
        "skills": st.lists(plain_text) | st.sets(plain_text),
        "salary_min": amounts,
        "salary_currency": st.sampled_from([None, "usd", "EUR"]),
        "salary_period": st.sampled_from([None, "yr", *SalaryPeriod]),
        "url": st.sampled_from([None, "https://example.com/ä?b"]),
        "applicant_count": optional(st.integers(0, 2**63 - 1)),
        "posted_at": moments,
        "closed_at": moments,
        "attributes": optional(json_objects),
        "status": st.sampled_from([None, *Status]),
    },
)


@given(sound_postings)
def test_sound_postings_are_taken_in_and_checking_again_changes_nothing(
    given: dict[str, Any],
) -> None:
    posting = check_posting(given)
    assert check_posting(posting) == posting
    as_mapping = {name: getattr(posting, name) for name in FIELDS}
    assert check_posting(as_mapping) == posting
    assert json.dumps(posting.attributes) == json.dumps(given.get("attributes") or {})
    assert job_id(given["source"], given["source_job_id"]) == job_id(
        posting.source, posting.source_job_id
    )


@given(st.dictionaries(field_names, anything, max_size=8), st.booleans())
def test_no_mapping_raises_anything_but_invalid_posting(
    given: dict[Any, Any], with_keys: bool
) -> None:
    posting = {**BARE, **given} if with_keys else given
    before = deepcopy(posting)
    checked, faults = outcome(check_posting, posting)
    assert posting == before
    assert (checked is None) == bool(faults)
    assert checked is None or check_posting(checked) == checked
    assert all(fault.reason.isprintable() and len(fault.field) <= 40 for fault in faults)
    assert all(len(fault.reason) < 250 for fault in faults)


@given(anything)
def test_no_value_raises_anything_but_invalid_posting(value: Any) -> None:
    wrong = set()
    for name in FIELDS:
        _, faults = outcome(check_posting, {**BARE, name: value})
        assert {fault.field for fault in faults} <= {name}
        wrong |= {fault.field for fault in faults}
    _, faults = outcome(check_posting, JobPosting(**dict.fromkeys(FIELDS, value)))
    assert {fault.field for fault in faults} == wrong


@given(json_like)
def test_no_changes_raise_anything_but_invalid_posting(value: Any) -> None:
    for changes in (value, dict.fromkeys(FIELDS, value), {"title": "x", "location": value}):
        checked, faults = outcome(check_changes, changes)
        assert (checked is None) == bool(faults)
        assert checked is None or check_changes(checked) == checked


@given(any_text)
@example("a\r\nb\tc \u200b")
@example("\u200b\u0301")
def test_any_description_survives_but_for_trimming_and_nfc_or_is_refused(text: str) -> None:
    kept = unicodedata.normalize("NFC", text.strip(WHITE_SPACE))
    refused = any(
        unicodedata.category(c) == "Cs" or c == "\x7f" or (c < " " and c not in "\t\n\r")
        for c in kept
    )
    posting, _ = outcome(check_posting, {**BARE, "description": text})
    assert (posting is None) == (refused or len(kept) > MAX_DESCRIPTION)
    assert posting is None or posting.description == (kept or None)


@given(any_text)
@example("a\u200b\n\u200bb")
@example("a\x1fb")
def test_any_title_survives_but_for_trimming_nfc_and_line_breaks_or_is_refused(text: str) -> None:
    kept = unicodedata.normalize("NFC", text.strip(WHITE_SPACE))
    refused = not kept or any(
        unicodedata.category(c) == "Cs" or (unicodedata.category(c) == "Cc" and c not in "\t\n\r")
        for c in kept
    )
    if any(c in "\t\n\r\u2028\u2029" for c in kept):
        kept = " ".join(kept.split())
    posting, _ = outcome(check_posting, {**BARE, "title": text})
    assert (posting is None) == (refused or len(kept) > MAX_TITLE)
    assert posting is None or posting.title == kept


@given(any_text)
def test_any_key_makes_the_id_that_was_promised_or_is_refused(text: str) -> None:
    posting, _ = outcome(check_posting, {**BARE, "source_job_id": text})
    assert posting is None or posting.source_job_id == unicodedata.normalize(
        "NFC", text.strip(WHITE_SPACE)
    )
    assert posting is None or job_id("board", text) == job_id("board", posting.source_job_id)


@given(amounts)
def test_amounts_are_kept_to_the_last_place_without_an_exponent(amount: Any) -> None:
    stored = check_posting({**BARE, "salary_min": amount}).salary_min
    assert isinstance(stored, Decimal)
    assert "E" not in str(stored)
    if isinstance(amount, float):
        assert abs(stored - Decimal(amount)) <= Decimal("0.00001")
    else:
        assert stored == amount
        assert check_posting({**BARE, "salary_min": str(amount)}).salary_min == amount


@given(st.datetimes(timezones=st.timezones()) | st.datetimes())
def test_times_are_kept_to_the_microsecond_or_refused(moment: datetime) -> None:
    posting, faults = outcome(check_posting, {**BARE, "posted_at": moment})
    assert outcome(check_posting, {**BARE, "posted_at": moment.isoformat()}) == (posting, faults)
    if posting is None:
        assert moment.tzinfo is None or not 1990 < moment.year < 2099
    else:
        assert posting.posted_at - moment == timedelta()
        assert posting.posted_at.tzinfo is UTC


ODD_WORDS = """
3 days ago vor Tagen May 5 2026 05/06/2026 45.000 1,234 $ € USD k Lacs - to / ; , Remote (US)
Full-time Teilzeit or 正社員 Senior Germany EU N/A nan -1 0 9999-12-31 [ ] ['a' "b"] {"a":1}
www.acme.example/x # &amp; <b> </b> Ã© â€“ \x97 3.8 200+ true year BIWEEKLY
"""
# What sources write, and what comes close to it, for the lenient readers.
odd_texts = st.one_of(
    any_text,
    st.lists(st.sampled_from(ODD_WORDS.split()), max_size=5).map(" ".join),
)
odd_values = st.recursive(
    odd_texts | scalars | st.decimals() | st.datetimes() | st.dates() | st.binary(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(odd_texts | st.integers(), inner, max_size=3)
        | st.sets(st.text(max_size=3), max_size=3)
    ),
    max_leaves=6,
)
OPTIONAL = tuple(name for name in FIELDS if name not in BARE)


@given(odd_values)
@example(0)
@example("0")
@example(-1)
def test_any_value_of_any_field_is_taken_or_left_out_and_kept(value: Any) -> None:
    for name in OPTIONAL:
        given = {**BARE, name: value}
        posting, omissions = take_in(given, seen_at=NOW)
        assert check_posting(posting) == posting
        assert {each.field for each in omissions} <= {name, "attributes", "last_seen_at"}
        assert all(each.reason.isprintable() and len(each.reason) < 250 for each in omissions)
        if omissions and name != "attributes":
            kept = posting.attributes[name]
            json.dumps(kept, allow_nan=False)
            if isinstance(value, str):
                assert kept == value.encode("utf-16-le", "surrogatepass").decode(
                    "utf-16-le", "ignore"
                ).replace("\0", "")
        if check_or_none(given) is not None and not isinstance(value, str | list | dict):
            assert getattr(posting, name) in (getattr(check_or_none(given), name), None)


@given(st.dictionaries(field_names, odd_values, max_size=8), st.booleans())
def test_no_mapping_is_taken_with_an_error_that_is_not_ours(
    given: dict[Any, Any], with_keys: bool
) -> None:
    posting = {**given, **BARE} if with_keys else {**BARE, **given}
    before = deepcopy(posting)
    taken, faults = outcome(lambda each: take_in(each, seen_at=NOW)[0], posting)
    assert posting.keys() == before.keys()
    assert (taken is None) == bool(faults)
    assert {fault.field for fault in faults} <= {"title", "source", "source_job_id"}
    assert not (with_keys and faults)
    assert taken is None or check_posting(taken) == taken


@given(sound_postings)
def test_sound_postings_are_taken_leniently_as_strictly(given: dict[str, Any]) -> None:
    strict = check_posting(given)
    taken, _ = outcome(lambda each: take_in(each, seen_at=NOW)[0], given)
    if taken is None:  # a title or an id that stands for "not stated", or is nothing but marks
        return
    for name in ("posted_at", "closed_at", "workplace", "employment_type", "experience_level"):
        assert getattr(taken, name) == getattr(strict, name)
    assert taken.salary_min in (strict.salary_min, None)
    assert taken.applicant_count == strict.applicant_count


def check_or_none(given: dict[str, Any]) -> JobPosting | None:
    checked: JobPosting | None = outcome(check_posting, given)[0]
    return checked
