"""Postings from outside: what is taken in, as what, and what is refused with which reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from jobstore.errors import Fault, InvalidPosting
from jobstore.intake.given import Translated
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_changes, check_posting
from jobstore.records import (
    EmploymentType,
    ExperienceLevel,
    JobPosting,
    SalaryPeriod,
    Status,
    Workplace,
    job_id,
)
from tests.fixtures.cases import each_case

BARE: dict[str, Any] = {
    "source": "board",
    "source_job_id": "1",
    "title": "Engineer",
    "company": "Acme",
}


def checked(**given: Any) -> JobPosting:
    return check_posting({**BARE, **given})


def faults(given: Any) -> tuple[Fault, ...]:
    with pytest.raises(InvalidPosting) as caught:
        check_posting(given)
    return caught.value.faults


def reason(**given: Any) -> str:
    """Return why the one field of ``given`` is refused."""
    (name,) = given
    ((field, why),) = faults({**BARE, **given})
    assert field == name
    return why


def test_a_full_posting_comes_out_in_exact_types() -> None:
    posting = check_posting(
        JobPosting(
            source=" linkedin ",
            source_job_id="3757940104",
            title="  Data\tEngineer ",
            company="Cafe\u0301",
            location="Köln",
            country="de",
            workplace="Remote",
            employment_type="Full-time",
            experience_level="Mid-Senior level",
            industry="",
            description="\n  First\r\n\n\tsecond  \n",
            skills=["SQL", " ", "Python ", "SQL"],
            salary_min=60_000.5,
            salary_max="7E+4",
            salary_currency="eur",
            salary_period="YEARLY",
            url="https://example.com/1",
            applicant_count=12,
            posted_at="2024-05-01T09:30:00+02:00",
            expires_at=date(2024, 6, 1),
            attributes={"views": [1, 2.5, None, True], "nested": {"a": "  kept  "}},
            status="active",
        )
    )
    assert posting == JobPosting(
        source="linkedin",
        source_job_id="3757940104",
        title="Data Engineer",
        company="Caf\u00e9",
        location="Köln",
        country="DE",
        workplace=Workplace.REMOTE,
        employment_type=EmploymentType.FULL_TIME,
        experience_level=ExperienceLevel.MID_SENIOR,
        description="First\r\n\n\tsecond",
        skills=["SQL", "Python"],
        salary_min=Decimal("60000.5"),
        salary_max=Decimal(70000),
        salary_currency="EUR",
        salary_period=SalaryPeriod.YEAR,
        url="https://example.com/1",
        applicant_count=12,
        posted_at=datetime(2024, 5, 1, 7, 30, tzinfo=UTC),
        expires_at=datetime(2024, 6, 1, 23, 59, 59, tzinfo=UTC),
        attributes={"views": [1, 2.5, None, True], "nested": {"a": "  kept  "}},
        status=Status.OPEN,
    )
    assert type(posting.workplace) is Workplace
    assert str(posting.salary_max) == "70000"


def test_nothing_of_the_input_is_changed_or_shared() -> None:
    given = {**BARE, "skills": ["SQL"], "attributes": {"list": [{}]}, "title": " x "}
    posting = check_posting(given)
    posting.skills.append("more")
    posting.attributes["list"][0]["more"] = 1
    assert given == {**BARE, "skills": ["SQL"], "attributes": {"list": [{}]}, "title": " x "}


@pytest.mark.parametrize("given", [BARE, MappingProxyType(BARE), JobPosting(**BARE)])
def test_a_posting_or_any_mapping_will_do(given: JobPosting | Mapping[str, Any]) -> None:
    assert check_posting(given) == JobPosting(**BARE)


@each_case("given", [None, 5, "text", [BARE], [("title", "x")], object()])
def test_anything_else_is_no_posting(given: Any) -> None:
    assert faults(given) == (Fault("", "a posting must be a JobPosting or a mapping"),)


def test_what_is_not_stated_is_none_or_empty() -> None:
    blank: dict[str, Any] = dict.fromkeys(JobPosting.__slots__, " \u200b\n")
    assert check_posting({**blank, **BARE}) == JobPosting(**BARE)
    nothing: dict[str, Any] = dict.fromkeys(JobPosting.__slots__)
    assert check_posting({**nothing, **BARE}) == JobPosting(**BARE)
    assert check_posting(JobPosting(**{**nothing, **BARE})) == JobPosting(**BARE)


@pytest.mark.parametrize("name", BARE)
def test_required_fields_must_state_something(name: str) -> None:
    assert reason(**{name: None}) == "is required"
    assert reason(**{name: " \t\u3000\ufeff"}) == "is required"
    assert faults({k: v for k, v in BARE.items() if k != name}) == (Fault(name, "is required"),)


def test_every_fault_is_reported_at_once_in_the_order_of_the_fields() -> None:
    found = faults(
        {
            "colour": "red",
            "title": 5,
            "company": " ",
            "source_job_id": "1",
            "country": "Germany",
            "skills": ["SQL", 5, "\0"],
            "salary_min": 2,
            "salary_max": 1,
            "first_seen_at": "2024-02-01",
            "last_seen_at": "2024-01-01",
            "url": "ftp://example.com",
            "applicant_count": -1,
        }
    )
    assert [fault.field for fault in found] == [
        "source",
        "title",
        "company",
        "country",
        "skills",
        "skills",
        "salary_min",
        "url",
        "applicant_count",
        "first_seen_at",
        "colour",
    ]


def test_unknown_fields_name_what_they_resemble() -> None:
    given: dict[Any, Any] = {
        **BARE,
        "tilte": 1,
        "Salary_Currency": 1,
        "zzz": 1,
        5: 1,
        "\ud800" * 50: 1,
    }
    assert faults(given) == (
        Fault("tilte", "unknown field; did you mean 'title'?"),
        Fault("Salary_Currency", "unknown field; did you mean 'salary_currency'?"),
        Fault("zzz", "unknown field"),
        Fault("", "field names must be text, not int"),
        Fault("?" * 37 + "...", "unknown field"),
    )


def test_of_very_many_unknown_fields_only_some_are_named() -> None:
    found = faults({**BARE, **{f"zzz{i}": 1 for i in range(1_000)}})
    assert len(found) == 21
    assert found[-1] == Fault("", "980 more fields are unknown")


LIMITS = {
    "source": 64,
    "source_job_id": 255,
    "title": 500,
    "company": 300,
    "location": 2_000,
    "industry": 300,
    "description": 200_000,
    "salary_text": 300,
    "company_size": 100,
}


@each_case(("name", "limit"), LIMITS.items())
def test_texts_have_limits_after_trimming(name: str, limit: int) -> None:
    longest = "é" * limit
    assert getattr(checked(**{name: f"  {longest}  "}), name) == longest
    assert reason(**{name: longest + "x"}) == (
        f"must have at most {limit:,} characters, not {limit + 1:,}"
    )


@each_case("name", [*LIMITS, "url", "country", "workplace", "posted_at"])
@each_case(
    ("value", "called"),
    [
        (5, "a number"),
        (True, "true or false"),
        (1.5, "a number"),
        (Decimal(1), "a number"),
        (["x"], "a list"),
        ({"x": "x"}, "an object"),
        (b"x", "bytes"),
        (object(), "object"),
    ],
)
def test_texts_of_another_type_are_refused_in_words_that_are_not_pythons(
    name: str, value: object, called: str
) -> None:
    assert reason(**{name: value}).endswith(f", not {called}")


@each_case("name", LIMITS)
@each_case("bad", ["\0", "\x07", "\x0b", "\x0c", "\x1b", "\x7f"])
def test_control_characters_are_refused(name: str, bad: str) -> None:
    assert "control characters" in reason(**{name: f"a{bad}b"})
    assert "control characters" in reason(**{name: f"\u00e9{bad}b"})


@each_case("name", [*LIMITS, "url", "salary_currency", "posted_at", "workplace"])
@each_case("bad", ["\ud800", "\ud83d\ude00"])
def test_lone_surrogates_are_refused_everywhere(name: str, bad: str) -> None:
    why = reason(**{name: f"a{bad}b"})
    assert why.isprintable()


def test_broken_encodings_are_kept_in_descriptions_only() -> None:
    assert checked(description="a \x97 b").description == "a \x97 b"
    assert reason(title="a \x97 b") == "must not contain control characters (U+0097)"


@pytest.mark.parametrize("broken", ["a\nb", "a\r\n b", "a \t b", "a\u2028b", "a\u00a0\n\u2029b"])
def test_text_of_one_line_has_no_line_breaks(broken: str) -> None:
    assert checked(title=broken).title == "a b"
    assert reason(source_job_id=broken) == "must not contain line breaks or tabs"


def test_spaces_within_a_line_are_kept() -> None:
    assert checked(title="a  b\u00a0 c").title == "a  b\u00a0 c"


def test_keys_are_the_ones_that_ids_are_made_of() -> None:
    posting = checked(source="\ufeff a\u030a ", source_job_id=" \u200b7\u00a0")
    assert (posting.source, posting.source_job_id) == ("å", "7")
    assert job_id("\ufeff a\u030a ", " \u200b7\u00a0") == job_id("å", "7")


def test_text_of_a_subclass_becomes_plain_text() -> None:
    class Text(str):
        def __str__(self) -> str:
            return "not this"

    posting = checked(title=Text("x"), attributes={Text("k"): Text("v")})
    assert type(posting.title) is str
    assert posting.title == "x"
    assert [type(text) for pair in posting.attributes.items() for text in pair] == [str, str]
    assert posting.attributes == {"k": "v"}


@each_case(
    ("given", "stored"),
    [
        (0, "0"),
        (60_000, "60000"),
        ("60000.50", "60000.5"),
        (" 6e4 ", "60000"),
        (".5", "0.5"),
        ("45.0000", "45"),
        ("0.125", "0.125"),
        ("1234.567", "1234.567"),
        (Decimal("45.125"), "45.125"),
        ("5.", "5"),
        ("+5", "5"),
        ("-0", "0"),
        (Decimal("6E+4"), "60000"),
        (Decimal("1." + "0" * 50), "1"),
        (125_139.74, "125139.74"),
        (0.1 + 0.2, "0.3"),
        ("999999999999.999999", "999999999999.999999"),
    ],
)
def test_salaries_are_exact_decimals_without_exponent(given: Any, stored: str) -> None:
    assert str(checked(salary_min=given).salary_min) == stored


@each_case(
    ("given", "why"),
    [
        (-1, "must not be negative"),
        ("-0.01", "must not be negative"),
        (10**12, "must be less than 10**12"),
        ("1e999", "must be less than 10**12"),
        (Decimal("1e999999999"), "must be less than 10**12"),
        ("0.1234567", "must have at most 6 decimal places"),
        (Decimal("1e-999999999"), "must have at most 6 decimal places"),
        (Decimal("1." + "0" * 50 + "1"), "must have at most 6 decimal places"),
        (float("nan"), "must be a finite number"),
        (float("inf"), "must be a finite number"),
        (Decimal("sNaN"), "must be a finite number"),
        (Decimal("-Infinity"), "must be a finite number"),
        (True, "must be a number, not true or false"),
        ([1], "must be a number, not a list"),
        ("NaN", "must be a plain number such as 60000.50, not 'NaN'"),
        ("45.000", "may be 45.0000 or 45000; write one of them"),
        ("+123.456", "may be +123.4560 or +123456; write one of them"),
        ("60,000", "must be a plain number such as 60000.50, not '60,000'"),
        ("6_0", "must be a plain number such as 60000.50, not '6_0'"),
        ("１２", "must be a plain number such as 60000.50, not '１２'"),
        ("1" * 41, f"must be a plain number such as 60000.50, not '{'1' * 37}...'"),
    ],
)
def test_other_salaries_are_refused(given: Any, why: str) -> None:
    assert reason(salary_max=given) == why


def test_integers_too_long_to_be_printed_are_refused() -> None:
    assert reason(salary_max=10**5_000) == "must be less than 10**12"
    why = "must not hold integers of more than 4,096 bits"
    assert reason(attributes={"a": 10**5_000}) == why


def test_a_salary_range_must_not_be_upside_down() -> None:
    upside_down = (Fault("salary_min", "must not be above salary_max"),)
    assert faults({**BARE, "salary_min": "2", "salary_max": 1.5}) == upside_down
    assert checked(salary_min=2, salary_max="2.00").salary_max == Decimal(2)
    assert checked(salary_min=2, salary_max=None).salary_max is None
    assert checked(salary_min=None, salary_max=2).salary_min is None


@pytest.mark.parametrize("given", [12, 12.0, "12", Decimal("12.0"), "1.2e1"])
def test_applicants_are_whole_numbers(given: Any) -> None:
    count = checked(applicant_count=given).applicant_count
    assert count == 12
    assert type(count) is int


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (-1, "must not be negative"),
        (2**63, "must be at most 2**63 - 1"),
        (1.5, "must be a whole number"),
        (False, "must be a number, not true or false"),
        ("many", "must be a plain number such as 60000.50, not 'many'"),
    ],
)
def test_other_applicant_counts_are_refused(given: Any, why: str) -> None:
    assert checked(applicant_count=2**63 - 1).applicant_count == 2**63 - 1
    assert reason(applicant_count=given) == why


class Stamp(datetime):
    """A datetime of another type, as pandas has one."""


@each_case(
    "given",
    [
        "2024-05-01T07:30:00Z",
        "2024-05-01 09:30+02:00",
        " 2024-05-01T07:30:00.000000+00:00 ",
        datetime(2024, 5, 1, 7, 30, tzinfo=UTC),
        Stamp(2024, 4, 30, 23, 30, tzinfo=timezone(timedelta(hours=-8))),
    ],
)
@each_case("name", ["posted_at", "expires_at", "first_seen_at", "last_seen_at", "closed_at"])
def test_times_come_out_in_utc(name: str, given: Any) -> None:
    moment = getattr(checked(**{name: given}), name)
    assert moment == datetime(2024, 5, 1, 7, 30, tzinfo=UTC)
    assert moment.tzinfo is UTC
    assert type(moment) is datetime


@each_case(
    ("given", "end"),
    [
        ("2026-12-31", "2026-12-31T23:59:59"),
        (" 2026-12-31 ", "2026-12-31T23:59:59"),
        (date(2026, 12, 31), "2026-12-31T23:59:59"),
        ("2099-12-31", "2099-12-31T23:59:59"),
        ("2026-12-31T00:00:00Z", "2026-12-31T00:00:00"),
        (datetime(2026, 12, 31, tzinfo=UTC), "2026-12-31T00:00:00"),
    ],
)
def test_what_expires_on_a_day_is_there_until_its_end_whoever_says_so(given: Any, end: str) -> None:
    until = datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert checked(expires_at=given).expires_at == until
    assert check_changes({"expires_at": given}) == {"expires_at": until}
    key = {"source": "b", "source_job_id": "1", "title": "T", "company": "C"}
    for said in ({**key, "expires_at": given}, Translated({**key, "expires_at": given})):
        posting, omissions = take_in(said)
        assert (posting.expires_at, omissions) == (until, [])


@pytest.mark.parametrize("given", ["2024-05-01", date(2024, 5, 1)])
def test_a_date_alone_is_its_midnight_in_utc(given: Any) -> None:
    assert checked(posted_at=given).posted_at == datetime(2024, 5, 1, tzinfo=UTC)


@each_case(
    ("given", "why"),
    [
        (datetime(2024, 5, 1), "must have a UTC offset, such as +02:00 or Z"),
        ("2024-05-01T07:30:00", "must have a UTC offset, such as +02:00 or Z"),
        ("1989-12-31T23:59:59Z", "must be a time from 1990 to before 2100"),
        ("1990-01-01T00:30+01:00", "must be a time from 1990 to before 2100"),
        ("2100-01-01", "must be a time from 1990 to before 2100"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=5))), "must be a time from 1990"),
        ("2024-13-01", "must be ISO 8601 such as 2024-05-01T09:30:00+02:00, not '2024-13-01'"),
        ("2024-05-01/20+00:00", "must be ISO 8601 such as 2024-05-01T09:30:00+02:00"),
        ("2024-05-01 10:00-12:00", "must be ISO 8601 such as 2024-05-01T09:30:00+02:00"),
        ("yesterday", "must be ISO 8601 such as 2024-05-01T09:30:00+02:00, not 'yesterday'"),
        (1_713_397_508, "must be an aware datetime or ISO 8601 text, not a number"),
    ],
)
def test_other_times_are_refused(given: Any, why: str) -> None:
    assert reason(posted_at=given).startswith(why)


def test_times_up_to_the_ends_of_the_range_are_taken() -> None:
    assert checked(posted_at="1990-01-01").posted_at == datetime(1990, 1, 1, tzinfo=UTC)
    latest = datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert checked(posted_at=latest).posted_at == latest


def test_a_posting_is_not_seen_last_before_it_is_seen_first() -> None:
    first, last = "2024-05-02", "2024-05-01"
    assert faults({**BARE, "first_seen_at": first, "last_seen_at": last}) == (
        Fault("first_seen_at", "must not be after last_seen_at"),
    )
    assert checked(first_seen_at=first, last_seen_at=first).first_seen_at is not None


@each_case(
    "url",
    [
        "https://www.linkedin.com/jobs/view/1/?trk=a&b=%20#top",
        "HTTP://EXAMPLE.COM",
        "http://localhost:8080?x",
        "http://[::1]:80/x",
        "https://münchen.example/Stelle/ä",
        "https://user:word@example.com/",
    ],
)
@each_case("name", ["url", "apply_url", "company_url"])
def test_urls_of_the_web_are_kept_as_they_are(name: str, url: str) -> None:
    assert getattr(checked(**{name: url}), name) == url


@each_case(
    "url",
    [
        "www.example.com/jobs",
        "//example.com",
        "/jobs/1",
        "ftp://example.com",
        "javascript:alert(1)",
        "https:example.com",
        "https://",
        "http:///path",
        "http://user@/path",
        "http://?q",
        "http://example.com:port/",
        "http://exa mple.com",
        "http://example.com/a b",
        "http://example.com\\@other.example",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    assert reason(url=url).startswith("must be http(s) with a host and no spaces, not ")


def test_urls_have_a_limit() -> None:
    longest = "https://example.com/".ljust(2_048, "x")
    assert checked(url=longest).url == longest
    assert reason(url=longest + "x") == "must have at most 2,048 characters, not 2,049"


def test_skills_are_a_list_of_distinct_texts() -> None:
    assert checked(skills=("b", " a", "b ")).skills == ["b", "a"]
    assert checked(skills={"c", "a", "b"}).skills == ["a", "b", "c"]
    assert checked(skills=frozenset(("c", None, "b"))).skills == ["b", "c"]
    assert checked(skills=["x" * 200] + [str(i) for i in range(199)]).skills[0] == "x" * 200
    assert reason(skills="SQL, Python") == "must be a list of texts, not text"
    assert reason(skills={"SQL": 1}) == "must be a list of texts, not an object"
    assert reason(skills=["x"] * 201) == "must have at most 200 items, not 201"
    assert reason(skills=["x", "x" * 201]) == "item 2 must have at most 200 characters, not 201"
    assert reason(skills=[["x"]]) == "item 1 must be text, not a list"


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for level in range(levels - 1):
        value = {"in": [value]} if level % 2 else {"in": value}
    return value


def test_attributes_are_kept_losslessly() -> None:
    given = {
        "": " e\u0301 \t\x01\x7f\u200b",
        "numbers": [0, -(2**200), 2**4_096 - 1, 1.5, 1e308, 5e-324],
        "rest": {"none": None, "yes": True, "list": [[]], "tuple": ({},)},
    }
    assert checked(attributes=given).attributes == {
        **given,
        "rest": {"none": None, "yes": True, "list": [[]], "tuple": [{}]},
    }
    assert checked(attributes={"a": "x" * (200_000 - 8)}).attributes["a"]


@each_case(
    ("given", "why"),
    [
        ([1], "must be a JSON object, not a list"),
        ("{}", "must be a JSON object, not text"),
        ({1: 1}, "must have text as keys, not int"),
        ({"a": {None: 1}}, "must have text as keys, not NoneType"),
        ({"a": float("nan")}, "must not hold numbers that are not finite"),
        ({"a": [float("-inf")]}, "must not hold numbers that are not finite"),
        ({"a": Decimal(1)}, "must hold nothing but JSON values, not Decimal"),
        ({"a": date(2024, 1, 1)}, "must hold nothing but JSON values, not date"),
        ({"a": {1}}, "must hold nothing but JSON values, not set"),
        ({"a": "\0"}, "must not hold NUL characters"),
        ({"\0": 1}, "must not hold NUL characters"),
        ({"a": "\ud800"}, "must not contain lone surrogates"),
        ({"\udc00": 1}, "must not contain lone surrogates"),
        ({"a": 2**4_096}, "must not hold integers of more than 4,096 bits"),
        ({"a": "x" * 199_993}, "must have at most 200,000 characters as JSON"),
    ],
)
def test_other_attributes_are_refused(given: Any, why: str) -> None:
    assert reason(attributes=given) == why


def test_attributes_nest_up_to_twenty_levels() -> None:
    assert checked(attributes={"a": {"b": [[[]]]}}).attributes
    deep: Any = []
    for _ in range(18):
        deep = [deep]
    assert checked(attributes={"a": deep}).attributes == {"a": deep}
    assert reason(attributes={"a": [deep]}) == "must not be nested deeper than 20 levels"
    assert reason(attributes=nested(2_000)) == "must not be nested deeper than 20 levels"
    endless: dict[str, Any] = {}
    endless["again"] = endless
    assert reason(attributes=endless) == "must not be nested deeper than 20 levels"


def test_messages_show_little_of_a_value_and_nothing_unprintable() -> None:
    why = reason(workplace="\u00adx" * 30 + "\ud7ff" * 30)
    assert why == "must be one of onsite, hybrid, remote, not '" + ("?x" * 19)[:37] + "...'"


def test_changes_are_normalised_like_postings() -> None:
    changes = {
        "title": " New ",
        "salary_max": "7e4",
        "status": "Closed",
        "posted_at": "2024-05-01",
        "skills": ["a", "a"],
    }
    assert check_changes(changes) == {
        "title": "New",
        "salary_max": Decimal(70000),
        "status": Status.CLOSED,
        "posted_at": datetime(2024, 5, 1, tzinfo=UTC),
        "skills": ["a"],
    }
    assert changes["title"] == " New "


@pytest.mark.parametrize("blank", [None, "", " \t"])
def test_blank_changes_clear_optional_fields(blank: str | None) -> None:
    cleared = check_changes(
        dict.fromkeys(("location", "skills", "attributes", "salary_min", "workplace"), blank)
    )
    assert cleared == {
        "location": None,
        "skills": [],
        "attributes": {},
        "salary_min": None,
        "workplace": None,
    }


def test_changes_that_cannot_be_made_are_refused_all_at_once() -> None:
    with pytest.raises(InvalidPosting) as caught:
        check_changes(
            {
                "titel": "x",
                "id": 1,
                "source": "other",
                "source_job_id": "2",
                "title": None,
                "company": " ",
                "salary_min": 2,
                "salary_max": 1,
                "first_seen_at": None,
                "closed_at": "2024-01-01",
                "version": 2,
                "status": " ",
            }
        )
    kept = "cannot be changed: the store keeps it"
    key = "cannot be changed: it identifies the posting"
    assert caught.value.faults == (
        Fault("source", key),
        Fault("source_job_id", key),
        Fault("title", "is required"),
        Fault("company", "is required"),
        Fault("salary_min", "must not be above salary_max"),
        Fault("status", "cannot be cleared"),
        Fault("first_seen_at", kept),
        Fault("closed_at", kept),
        Fault("titel", "unknown field; did you mean 'title'?"),
        Fault("id", kept),
        Fault("version", kept),
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "there is nothing to change"),
        (None, "changes must be a mapping"),
        ("title", "changes must be a mapping"),
        ({"status": "n/a"}, "status: cannot be cleared"),
    ],
)
def test_changes_must_change_something(changes: Any, why: str) -> None:
    with pytest.raises(InvalidPosting) as caught:
        check_changes(changes)
    assert str(caught.value) == why


def test_a_caller_s_decimal_context_does_not_matter() -> None:
    from decimal import Inexact, localcontext

    with localcontext() as context:
        context.prec = 2
        context.traps[Inexact] = True
        assert checked(salary_min="123456.789").salary_min == Decimal("123456.789")
        assert reason(salary_min="0.1234567") == "must have at most 6 decimal places"


def test_pydantic_is_loaded_when_it_is_needed() -> None:
    code = """
import sys
from jobstore.intake.validation import prepare
assert "pydantic" not in sys.modules
prepare()
assert "pydantic" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
