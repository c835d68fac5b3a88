"""Lenient intake: an odd value costs its field, is kept in the attributes, and is told."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from jobstore.errors import Fault, InvalidPosting
from jobstore.intake.given import Omission, Translated
from jobstore.intake.lenient import accept, take_in
from jobstore.intake.validation import check_posting
from jobstore.records import COMPANY_NOT_STATED, MAX_ATTRIBUTES, JobPosting, Location
from tests.fixtures.cases import each_case

BARE: dict[str, Any] = {
    "source": "board",
    "source_job_id": "1",
    "title": "Engineer",
    "company": "Acme",
}
SEEN = datetime(2026, 8, 10, 15, 30, tzinfo=UTC)


def taken(**given: Any) -> JobPosting:
    """Return what is taken of a posting that gives no warning."""
    posting, omissions = take_in({**BARE, **given}, seen_at=SEEN)
    assert omissions == []
    assert check_posting(posting) == posting
    return posting


def warned(**given: Any) -> tuple[JobPosting, list[Omission]]:
    posting, omissions = take_in({**BARE, **given}, seen_at=SEEN)
    assert omissions
    assert check_posting(posting) == posting
    return posting, omissions


def left_out(**given: Any) -> str:
    """Return why the one value of ``given`` is left out; assert that it is kept."""
    ((name, value),) = given.items()
    posting, ((field, own, kind, reason),) = warned(**given)
    assert (field, own, kind) == (name, name, type(value).__name__)
    assert getattr(posting, name) in (None, [])
    assert posting.attributes == {name: value}
    return reason


def refused(given: Any) -> tuple[Fault, ...]:
    with pytest.raises(InvalidPosting) as caught:
        take_in(given)
    return caught.value.faults


def test_a_good_posting_is_taken_in_as_strictly_checked() -> None:
    given = {
        **BARE,
        "location": "Köln",
        "country": "de",
        "workplace": "Remote",
        "employment_type": "Full-time",
        "skills": ["SQL"],
        "salary_min": 60_000.5,
        "salary_max": "7E+4",
        "salary_currency": "eur",
        "salary_period": "YEARLY",
        "description": "  a\n\nb ",
        "posted_at": "2024-05-01T09:30:00+02:00",
        "expires_at": date(2024, 6, 1),
        "attributes": {"views": [1, 2.5, None, True]},
        "last_seen_at": "2024-05-03",
    }
    posting, omissions = take_in(given)
    assert omissions == []
    assert posting == check_posting(given)


@pytest.mark.parametrize("given", [None, 5, "text", [BARE], object()])
def test_what_is_no_mapping_is_no_posting(given: Any) -> None:
    assert refused(given) == (Fault("", "a posting must be a JobPosting or a mapping"),)


@each_case("name", ["title", "source", "source_job_id"])
@each_case("value", [None, "", " \n", "nan", "Null", math.nan, "#", -1])
def test_title_and_identity_decide_about_the_row(name: str, value: Any) -> None:
    assert refused({**BARE, name: value}) == (Fault(name, "is required"),)


def test_all_that_decides_about_the_row_is_told_at_once() -> None:
    found = refused({"title": True, "salary_min": "x", "company": None, "source": "s"})
    assert set(found) == {
        Fault("title", "must be text, not true or false"),
        Fault("source_job_id", "is required"),
    }


@each_case("value", [None, "", "nan", "N/A", math.nan, "unknown", "-", -1])
def test_a_company_that_is_not_stated_is_told_so(value: Any) -> None:
    assert taken(company=value).company == COMPANY_NOT_STATED
    posting, _ = take_in({key: each for key, each in BARE.items() if key != "company"})
    assert posting.company == COMPANY_NOT_STATED


def test_a_company_that_cannot_be_read_is_kept() -> None:
    posting, (omission,) = warned(company={"id": 5})
    assert posting.company == COMPANY_NOT_STATED
    assert posting.attributes == {"company": {"id": 5}}
    assert omission == Omission("company", "company", "dict", "must be text, not an object")


def test_a_company_may_be_named_like_nothing() -> None:
    assert taken(company="None Such").company == "None Such"


@each_case(
    ("cell", "attributes", "name"),
    [
        ("Novartis\n3.8", {}, "Novartis"),
        ("Novartis\r\n3.8 ", {}, "Novartis"),
        ("Novartis 3.8", {"Rating": "3.8"}, "Novartis"),
        ("Novartis 3.8", {"company_rating": 3.8}, "Novartis"),
        ("Novartis 3.8", {"Rating": 4.1}, "Novartis 3.8"),
        ("Novartis 3.8", {"rating": None}, "Novartis 3.8"),
        ("Studio 3.5", {}, "Studio 3.5"),
        ("Section 9", {"Rating": 9}, "Section 9"),
        ("Route\n66", {}, "Route 66"),
        ("3.8", {}, "3.8"),
    ],
)
def test_a_rating_behind_a_name_is_no_part_of_it_where_that_is_certain(
    cell: str, attributes: dict[str, Any], name: str
) -> None:
    posting = taken(company=cell, attributes=attributes)
    assert posting.company == name
    kept = {} if name.split() == cell.split() else {"company": cell}
    assert posting.attributes == {**attributes, **kept}


@each_case(
    ("given", "text"),
    [
        (123, "123"),
        (123.0, "123"),
        (Decimal("123.0"), "123"),
        (0, "0"),
        (2**63, str(2**63)),
        ("007", "007"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ],
)
def test_ids_that_are_numbers_become_text(given: Any, text: str) -> None:
    assert taken(source_job_id=given).source_job_id == text


@each_case("given", [True, [1], {"a": 1}, 10**400, math.inf, "a\nb"])
def test_other_ids_are_none(given: Any) -> None:
    ((field, _),) = refused({**BARE, "source_job_id": given})
    assert field == "source_job_id"


@each_case(
    ("given", "title"),
    [
        ("R&amp;D Engineer", "R&D Engineer"),
        ("<b>Data</b> Engineer", "Data Engineer"),
        ("a\x00b\x07c", "abc"),
        ("\ud83d\ude00 Baker\ud800", "\U0001f600 Baker"),
        ("Two\nlines", "Two lines"),
        (2024, "2024"),
        (["Engineer", "Lead"], "Engineer, Lead"),
    ],
)
def test_titles_are_read(given: Any, title: str) -> None:
    assert taken(title=given).title == title


@pytest.mark.parametrize("name", ["title", "company", "location", "description"])
def test_texts_in_another_encoding_are_mended_and_the_original_is_kept(name: str) -> None:
    broken = "Ing\u00c3\u00a9nieur \u00e2\u20ac\u201c M\u00c3\u00bcnchen"
    posting = taken(**{name: broken})
    assert getattr(posting, name) == "Ingénieur – München"
    assert posting.attributes == {name: broken}


@each_case(
    "text", ["SÃO PAULO", "Café", "Crêpière", "Ångström", "Ã", "日本語", "naïve “quotes”", "Łódź"]
)
def test_texts_that_are_right_stay(text: str) -> None:
    posting = taken(title=text, description=text * 100)
    assert (posting.title, posting.attributes) == (text, {})


def test_a_long_description_is_mended_as_well() -> None:
    broken = "plain words " * 400 + "caf\u00c3\u00a9"
    assert str(taken(description=broken).description).endswith("café")


@pytest.mark.parametrize(("name", "limit"), [("title", 500), ("company", 300), ("location", 2_000)])
def test_a_line_that_is_too_long_is_cut_and_kept(name: str, limit: int) -> None:
    posting, (omission,) = warned(**{name: "word " * 1_000})
    text = getattr(posting, name)
    assert len(text) <= limit
    assert text.startswith("word word")
    assert text.endswith("…")
    assert posting.attributes == {name: "word " * 1_000}
    assert omission.reason == f"has 5,000 characters and was cut to {limit:,}"


def test_a_description_that_is_too_long_for_the_attributes_too_is_told_twice() -> None:
    posting, omissions = warned(description="x" * 250_000)
    assert len(posting.description or "") == 200_000
    assert posting.attributes == {}
    assert [each.reason for each in omissions] == [
        "has 250,000 characters and was cut to 200,000",
        "is too long to be kept in attributes (at most 200,000 characters)",
    ]


def test_other_texts_that_are_too_long_are_left_out() -> None:
    assert left_out(industry="x" * 400) == "must have at most 300 characters, not 400"
    assert left_out(url="https://a.example/" + "x" * 3_000).startswith("must have at most 2,048")


def test_texts_of_lists_and_numbers() -> None:
    assert taken(location=["Berlin", "Hamburg"]).location == "Berlin; Hamburg"
    assert taken(industry=["Energy", "Oil"]).industry == "Energy, Oil"
    assert taken(company_size=50).company_size == "50"
    assert left_out(location={"street": "Hauptstr. 1"}) == "must be text, not an object"
    assert left_out(industry=True) == "must be text, not true or false"


def test_a_location_may_be_several_places_or_one_with_its_parts() -> None:
    posting = taken(location=["Berlin", "Hamburg"])
    assert [place.text for place in posting.locations] == ["Berlin", "Hamburg"]
    posting = taken(location={"city": "Berlin", "country": "Germany"})
    assert posting.location == "Berlin, Germany"
    assert posting.locations == [Location("Berlin, Germany", "Berlin", None, "DE")]
    posting = taken(location=["Berlin"], locations=["Bonn"])
    assert posting.locations == [Location("Bonn")]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("www.acme.example/x", "https://www.acme.example/x"),
        ("acme.example/jobs/1", "https://acme.example/jobs/1"),
        ("//acme.example/x", "https://acme.example/x"),
        (["https://acme.example"], "https://acme.example"),
        ("https://acme.example/\x07x", "https://acme.example/x"),
    ],
)
def test_addresses_are_completed_where_that_is_certain(given: Any, url: str) -> None:
    assert taken(url=given).url == url


@each_case(
    "given",
    [
        "/jobs/1",
        "jobs.html",
        "Acme",
        "javascript:void(0)",
        "mailto:a@b.example",
        "a b",
        "N.A. Inc",
        5,
    ],
)
def test_what_is_no_address_costs_its_field(given: Any) -> None:
    assert left_out(company_url=given).startswith("must be http(s) with a host")


@each_case("given", ["#", "None", "nan", "-", "null", math.nan])
def test_an_address_that_is_none_says_nothing(given: Any) -> None:
    assert taken(apply_url=given).apply_url is None


@each_case(
    ("given", "code"),
    [
        ("Germany", "DE"),
        ("USA", "US"),
        ("UK", "GB"),
        ("GBR", "GB"),
        ("Österreich", "AT"),
        ("NA", "NA"),
    ],
)
def test_countries_are_read_by_code_and_name(given: str, code: str) -> None:
    assert taken(country=given).country == code


@each_case("given", ["EU", "XX", "Europe", "Atlantis", "Berlin", 5])
def test_what_is_no_country_is_left_out(given: Any) -> None:
    assert left_out(country=given).startswith("must be a country's code")


@each_case(
    ("given", "country", "code"),
    [
        ("€", None, "EUR"),
        ("US dollars", None, "USD"),
        ("euros", None, "EUR"),
        ("EUR (€)", None, "EUR"),
        ("Canadian dollars", None, "CAD"),
        ("zł", None, "PLN"),
        ("$", None, "USD"),
        ("$", "CA", "CAD"),
        ("Rs", "IN", "INR"),
        ("Rs.", "PK", "PKR"),
        ("kr", "SE", "SEK"),
        ("¥", "JP", "JPY"),
        ("dollars", "AU", "AUD"),
        ("dollars", "NZ", "NZD"),
        ("元", "TW", "TWD"),
        ("руб", "BY", "BYN"),
        ("руб.", "RU", "RUB"),
        ("dhs", "MA", "MAD"),
        ("francs", "RW", "RWF"),
        ("NT$", None, "TWD"),
        ("RD$", None, "DOP"),
        ("rupees", "LK", "LKR"),
        ("shekels", None, "ILS"),
        ("C$", None, "CAD"),
        ("USD ($)", None, "USD"),
        ("AUD dollars", None, "AUD"),
    ],
)
def test_currencies_are_read_by_sign_and_name(given: str, country: str | None, code: str) -> None:
    assert taken(salary_currency=given, country=country).salary_currency == code


@each_case("given", ["Rs", "kr", "¥", "dollars", "Bitcoin", "Lacs", "k€", "USD/EUR", "EUR ($)"])
def test_currencies_that_are_not_certain_are_left_out(given: str) -> None:
    assert left_out(salary_currency=given).startswith("must be a currency that is certain")


@pytest.mark.parametrize(
    ("given", "count"),
    [("1,234", 1234), ("1.234", 1234), ("25 applicants", 25), ("12 Bewerber", 12)],
)
def test_counts_are_read(given: str, count: int) -> None:
    assert taken(applicant_count=given).applicant_count == count


@each_case(
    "given",
    [
        *(
            "Over 200 applicants",
            "200+",
            "Be among the first 25 applicants",
            "11-50",
            "1.2k",
            "many",
        ),
        *("mehr als 100", "25 hired", -5, 1.5, True, "1,23", "12,34,567"),
    ],
)
def test_a_bound_is_no_count(given: Any) -> None:
    left_out(applicant_count=given)


@each_case(
    "given",
    [
        *(["SQL", "Python"], ("SQL", "Python"), '["SQL", "Python"]', "['SQL', 'Python']"),
        *(
            "SQL, Python",
            "SQL;Python",
            "SQL | Python",
            "SQL\nPython",
            "[SQL, Python]",
            "('SQL','Python')",
        ),
        *(
            "['SQL' 'Python']",
            [{"name": "SQL"}, {"name": "Python"}],
            ["SQL", None, "nan", "Python"],
        ),
        ["SQL", " ", "Python", "SQL"],
    ],
)
def test_skills_are_read_from_lists_and_texts(given: Any) -> None:
    assert taken(skills=given).skills == ["SQL", "Python"]


@pytest.mark.parametrize(
    "text",
    ["a," * 20_000, "(" + "a," * 20_000, "(" * 40_000, "['" + "\\d" * 100 + "']", "[[[[" * 9_000],
)
def test_lists_made_to_be_slow_are_read_or_left_out(text: str) -> None:
    posting, _ = take_in({**BARE, "skills": text, "employment_type": text})
    assert check_posting(posting) == posting


def test_a_comma_in_brackets_parts_no_skills() -> None:
    assert taken(skills="AWS (S3, EC2), C++").skills == ["AWS (S3, EC2)", "C++"]
    assert taken(skills="R&amp;D, SQL").skills == ["R&D", "SQL"]
    assert taken(skills={"b", "a"}).skills == ["a", "b"]


def test_of_skills_those_that_can_be_read_are_taken() -> None:
    given = ["SQL", "x" * 300, ["nested"], 5]
    posting, (omission,) = warned(skills=given)
    assert posting.skills == ["SQL", "5"]
    assert posting.attributes == {"skills": given}
    assert omission.reason.startswith("has 2 items that are no texts")
    posting, (omission,) = warned(skills=[str(n) for n in range(300)])
    assert len(posting.skills) == 200
    assert omission.reason == "has 300 items, of which the first 200 were taken"
    assert left_out(skills=5) == "must be a list of texts, not a number"


@each_case(
    ("low", "high", "stored"),
    [
        (0, 0, (None, None)),
        ("0", "0.00", (None, None)),
        (-1, -1, (None, None)),
        (50_000, 0, (50_000, None)),
        (0, 50_000, (0, 50_000)),
        ("None", "nan", (None, None)),
    ],
)
def test_a_salary_of_nothing_is_not_stated(low: Any, high: Any, stored: tuple[Any, Any]) -> None:
    posting = taken(salary_min=low, salary_max=high)
    assert (posting.salary_min, posting.salary_max) == stored


def test_a_range_that_is_upside_down_is_turned_round_with_a_warning() -> None:
    posting, (omission,) = warned(salary_min=70_000, salary_max="60000")
    assert (posting.salary_min, posting.salary_max) == (60_000, 70_000)
    assert omission == Omission(
        "salary_min", "salary_min", "range", "is above salary_max: turned round"
    )
    posting, (omission,) = warned(first_seen_at="2026-02-01", last_seen_at="2026-01-01")
    assert posting.first_seen_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert posting.last_seen_at == datetime(2026, 2, 1, tzinfo=UTC)


def test_amounts_of_a_period_that_is_unknown_are_left_out_with_it() -> None:
    given = {"salary_min": 2_000, "salary_max": "3000", "salary_period": "BIWEEKLY"}
    posting, omissions = warned(**given)
    assert (posting.salary_min, posting.salary_max, posting.salary_period) == (None, None, None)
    assert posting.attributes == given
    assert [each.field for each in omissions] == ["salary_period", "salary_min", "salary_max"]
    posting, omissions = warned(salary_min=3, salary_currency="Lacs")
    assert posting.salary_min is None
    assert [each.field for each in omissions] == ["salary_currency", "salary_min"]


def test_an_amount_is_read_where_the_currency_settles_it() -> None:
    assert taken(salary_min="45,000", salary_currency="US dollars").salary_min == 45_000
    assert taken(salary_min="45.000", salary_currency="€").salary_min == 45_000
    left_out(salary_min="45.000")
    left_out(salary_min="45,000")
    left_out(salary_max="competitive")
    assert left_out(salary_max=10**13) == "must be less than 10**12"


def test_a_salary_text_fills_what_is_not_stated() -> None:
    posting = taken(salary_text="$50,000 - $60,000 a year")
    assert (posting.salary_min, posting.salary_max) == (50_000, 60_000)
    assert (posting.salary_currency, posting.salary_period) == ("USD", "year")
    posting = taken(salary_text="$50,000 - $60,000 a year", salary_min=40_000)
    assert (posting.salary_min, posting.salary_max) == (40_000, None)
    posting = taken(salary_text="$50,000 - $60,000 a year", salary_period="month")
    assert (posting.salary_min, posting.salary_period) == (None, "month")
    posting, _ = warned(salary_text="$2,000 a week", salary_period="BIWEEKLY")
    assert (posting.salary_min, posting.salary_period) == (None, None)
    assert taken(salary_text="competitive").salary_text == "competitive"


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("3 days ago", "2026-08-07"),
        ("2024-05-01T10:00:00", "2024-05-01T10:00"),
        (1_714_557_600, "2024-05-01T10:00"),
        (datetime(2024, 5, 1, 10), "2024-05-01T10:00"),
        ("May 1, 2024", "2024-05-01"),
    ],
)
def test_times_are_read_as_people_write_them(given: Any, moment: str) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert taken(posted_at=given).posted_at == expected


@each_case("given", ["30+ days ago", "05/06/2026", "May", "asap", "1970-01-01", 45_000])
def test_times_that_are_not_certain_are_left_out(given: Any) -> None:
    left_out(posted_at=given)


def test_a_relative_time_counts_from_when_the_row_was_seen_by_its_own_times() -> None:
    posting = taken(posted_at="3 days ago", last_seen_at="2026-05-10T12:00:00Z")
    assert posting.posted_at == datetime(2026, 5, 7, tzinfo=UTC)
    posting = taken(posted_at="yesterday", first_seen_at="May 10, 2026")
    assert posting.posted_at == datetime(2026, 5, 9, tzinfo=UTC)
    seen = {"first_seen_at": "2026-05-01", "last_seen_at": "2026-05-10"}
    posting, (omission,) = warned(posted_at="3 days ago", **seen)
    assert posting.attributes == {"posted_at": "3 days ago"}
    assert omission.field == "posted_at"


@pytest.mark.parametrize(
    "given", ["9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01", datetime.max]
)
def test_never_is_no_time(given: Any) -> None:
    assert taken(expires_at=given).expires_at is None


def test_nothing_was_seen_in_the_future() -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    posting, (omission,) = warned(last_seen_at=later)
    assert posting.last_seen_at is None
    assert posting.attributes == {"last_seen_at": later.isoformat()}
    assert omission.reason == "must not be in the future"
    soon = datetime.now(UTC) + timedelta(hours=1)
    assert taken(last_seen_at=soon).last_seen_at == soon


def test_a_field_that_a_posting_does_not_have_goes_to_the_attributes() -> None:
    posting, omissions = warned(tilte="x", zzz=[1], attributes={"a": 1})
    assert posting.attributes == {"a": 1, "tilte": "x", "zzz": [1]}
    assert {(each.field, each.reason) for each in omissions} == {
        ("tilte", "unknown field; did you mean 'title'?"),
        ("zzz", "unknown field"),
    }
    posting, (omission,) = take_in({**BARE, 5: "x"})
    assert posting.attributes == {"5": "x"}
    assert omission.reason == "field names must be text, not int"


def test_a_raw_value_never_overwrites_another_one() -> None:
    given = {"employment_type": "Permanent", "attributes": {"employment_type": "other"}}
    posting, _ = warned(**given)
    assert posting.attributes == {
        "employment_type": "other",
        "employment_type (as found)": "Permanent",
    }
    given["attributes"] = {"employment_type": "a", "employment_type (as found)": "b"}
    posting, _ = warned(**given)
    assert posting.attributes["employment_type (as found, 2)"] == "Permanent"
    posting, _ = warned(employment_type="Permanent", attributes={"employment_type": "Permanent"})
    assert posting.attributes == {"employment_type": "Permanent"}


def test_the_limit_of_attributes_is_kept() -> None:
    full = {"a": "x" * (MAX_ATTRIBUTES - 20)}
    posting, omissions = warned(employment_type="Permanent", attributes=full)
    assert posting.attributes == full
    assert [each.field for each in omissions] == ["employment_type", "attributes"]
    posting, (omission,) = warned(attributes={"a": "x" * 150_000, "b": "y" * 100_000, "c": 1})
    assert posting.attributes == {"b": "y" * 100_000, "c": 1}
    assert (omission.field, omission.name) == ("attributes", "a")


class Unwalked(list[Any]):
    """A list of so many values that nobody should walk through them."""

    def __len__(self) -> int:
        return MAX_ATTRIBUTES

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("walked")


def test_what_holds_more_values_than_can_be_kept_is_left_out_without_being_walked() -> None:
    many: list[Any] = [{"list": ([Unwalked()],)}, [[1] * 60_000] * 2, Unwalked()]
    for given in many:
        posting, (omission,) = warned(attributes={"a": given, "b": [1]})
        assert posting.attributes == {"b": [1]}
        assert omission.name == "a"
        assert omission.reason.startswith("is too long to be kept")
    posting, omissions = warned(zzz=Unwalked(), salary_currency=Unwalked())
    assert posting.attributes == {}
    assert [each.name for each in omissions if "too long" in each.reason] == [
        "zzz",
        "salary_currency",
    ]
    assert taken(attributes={"a": [1] * 90_000}).attributes == {"a": [1] * 90_000}


def test_of_many_fields_that_are_not_taken_the_first_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_for = []
    monkeypatch.setattr(
        "difflib.get_close_matches", lambda name, *_, **__: looked_for.append(name) or []
    )
    unknown = {f"field {number}": number for number in range(1_234)}
    posting, omissions = warned(**unknown)
    *named, others = omissions
    assert posting.attributes == unknown
    assert [each.name for each in named] == list(unknown)[:100]
    assert others.reason == "has 1,134 more fields that are unknown"
    assert looked_for == list(unknown)[:20]

    posting, omissions = warned(attributes={str(number): "x" * 1_000 for number in range(500)})
    assert len(posting.attributes) == 198
    assert omissions[-1].reason == "has no room for 202 more values"
    assert len(omissions) == 101


def test_attributes_of_programs_become_json() -> None:
    given = {
        "nan": math.nan,
        "inf": math.inf,
        "time": datetime(2024, 5, 1, 10),
        "day": date(2024, 5, 1),
        5: "five",
        None: 1,
        "set": {2, 1},
        "tuple": (1, (2,)),
        "exact": Decimal("1.50"),
        "many": Decimal("0.12345678901234567890123"),
        "huge": 10**5_000,
        "nul": "a\0b\ud800",
        "bytes": b"caf\xc3\xa9",
    }
    posting = taken(attributes=given)
    assert posting.attributes == {
        "nan": None,
        "inf": "inf",
        "time": "2024-05-01T10:00:00",
        "day": "2024-05-01",
        "5": "five",
        "None": 1,
        "set": [1, 2],
        "tuple": [1, [2]],
        "exact": 1.5,
        "many": "0.12345678901234567890123",
        "huge": hex(10**5_000),
        "nul": "ab",
        "bytes": "café",
    }


def test_attributes_that_nest_deeply_end_in_text() -> None:
    deep: Any = "end"
    for _ in range(30):
        deep = [deep]
    posting = taken(attributes={"deep": deep})
    assert "end" in str(posting.attributes)
    for _ in range(50_000):
        deep = [deep]
    assert refused({**BARE, "attributes": {"deep": deep}})[0].reason.startswith("cannot be read")


def test_attributes_may_be_the_text_of_an_object() -> None:
    assert taken(attributes='{"a": 1}').attributes == {"a": 1}
    posting, (omission,) = warned(attributes="[1]")
    assert posting.attributes == {"attributes": "[1]"}
    assert omission.reason == "must be a JSON object, not list"


class Level(enum.Enum):
    SENIOR = 3


class Job(enum.Enum):
    FULL_TIME = ("fulltime", "vollzeit")
    REMOTE = "remote"


def test_members_of_enums_are_their_text_or_their_name() -> None:
    posting = taken(
        experience_level=Level.SENIOR, employment_type=Job.FULL_TIME, workplace=Job.REMOTE
    )
    assert posting.experience_level == "mid_senior"
    assert posting.employment_type == "full_time"
    assert posting.workplace == "remote"


def test_values_of_numpy_and_pandas_are_taken() -> None:
    import numpy as np
    import pandas as pd

    posting = taken(
        source_job_id=np.int64(7),
        title=np.str_("Engineer"),
        company=pd.NA,
        location=math.nan,
        skills=np.array(["SQL", "Python"]),
        salary_min=np.float64(50_000.5),
        salary_max=np.int32(60_000),
        applicant_count=np.float32(5),
        posted_at=pd.Timestamp("2024-05-01 10:00", tz="Europe/Berlin"),
        expires_at=pd.NaT,
        first_seen_at=np.datetime64("2024-05-01T10:00:00", "ns"),
        last_seen_at=pd.Timestamp("2024-05-02"),
        workplace=np.bool_(True),
        attributes={
            "a": np.array([1.5, 2]),
            "b": pd.NaT,
            "c": pd.Timestamp("2024-05-01"),
            "d": pd.NA,
        },
    )
    assert posting == JobPosting(
        source="board",
        source_job_id="7",
        title="Engineer",
        company=COMPANY_NOT_STATED,
        skills=["SQL", "Python"],
        salary_min=Decimal("50000.5"),
        salary_max=Decimal(60_000),
        applicant_count=5,
        posted_at=datetime(2024, 5, 1, 8, tzinfo=UTC),
        first_seen_at=datetime(2024, 5, 1, 10, tzinfo=UTC),
        last_seen_at=datetime(2024, 5, 2, tzinfo=UTC),
        workplace="remote",
        attributes={"a": [1.5, 2.0], "b": None, "c": "2024-05-01T00:00:00", "d": None},
    )


class Hostile:
    """An object whose methods all fail."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise OSError("no")


class HostileMapping(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise ZeroDivisionError

    def __iter__(self) -> Iterator[str]:
        return iter(("title",))

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "given",
    [{**BARE, "location": Hostile()}, {**BARE, "attributes": {"a": Hostile()}}, HostileMapping()],
)
def test_an_error_of_a_strange_object_is_that_row_s_rejection(given: Any) -> None:
    (fault,) = refused(given)
    assert fault.reason.startswith("cannot be read: ")


@pytest.mark.parametrize("given", [MappingProxyType(BARE), OrderedDict(BARE), Translated(BARE)])
def test_any_mapping_will_do_and_stays_as_it_is(given: Mapping[str, Any]) -> None:
    posting, omissions = take_in(given)
    assert posting == JobPosting(**BARE)
    assert omissions == []
    assert dict(given) == BARE


def test_a_mapping_s_own_names_are_told_and_used() -> None:
    given = Translated({**BARE, "employment_type": "permanent", "salary_min": "x"})
    given.origin = {"employment_type": ("job_type", ["Permanent"])}.get
    given.broken = [Omission("posted_at", "date", "str", "is no date")]
    posting, omissions = take_in(given)
    assert posting.attributes == {"job_type": ["Permanent"], "salary_min": "x"}
    assert [each[:3] for each in omissions] == [
        ("posted_at", "date", "str"),
        ("employment_type", "job_type", "list"),
        ("salary_min", "salary_min", "str"),
    ]


def test_strict_and_lenient_are_told_apart() -> None:
    odd = {**BARE, "employment_type": "Permanent"}
    assert accept(odd)[1]
    for given, strict in ((odd, True), (JobPosting(**odd), None), (JobPosting(**odd), True)):
        with pytest.raises(InvalidPosting, match="employment_type: must be one of"):
            accept(given, strict=strict)
    posting, (omission,) = accept(JobPosting(**odd), strict=False)
    assert posting.attributes == {"employment_type": "Permanent"}
    assert omission.field == "employment_type"


def test_when_it_was_seen_is_for_rows_without_a_time_of_their_own() -> None:
    for given in (BARE, JobPosting(**BARE)):
        posting, _ = accept(given, seen_at=SEEN)
        assert posting.last_seen_at == SEEN
    posting, _ = accept({**BARE, "last_seen_at": "2026-01-01"}, seen_at=SEEN)
    assert posting.last_seen_at == datetime(2026, 1, 1, tzinfo=UTC)
    posting, _ = accept({**BARE, "first_seen_at": "2026-09-01"}, seen_at=SEEN)
    assert posting.last_seen_at == posting.first_seen_at


@each_case(
    ("given", "currency"),
    [
        ({"salary_min": "$45000", "salary_max": "$55000"}, "USD"),
        ({"salary_min": "€45.000"}, "EUR"),
        ({"salary_max": "55 000 PLN"}, "PLN"),
        ({"salary_min": "C$45000", "country": "CA"}, "CAD"),
        ({"salary_min": "45000"}, None),
        ({"salary_min": "$45000", "salary_currency": "CAD"}, "CAD"),
    ],
)
def test_a_sign_beside_an_amount_says_its_currency(
    given: dict[str, Any], currency: str | None
) -> None:
    posting = {"source": "b", "source_job_id": "1", "title": "T", "company": "C", **given}
    taken, omissions = take_in(posting)
    assert (taken.salary_currency, omissions) == (currency, [])


@each_case(
    ("given", "currency"),
    [
        ({}, "USD"),
        ({"country": "CA"}, None),
        ({"location": "Toronto, ON, Canada"}, None),
        ({"location": "Singapore"}, None),
        ({"locations": [{"text": "Sydney", "country": "AU"}]}, None),
        ({"url": "https://ca.indeed.com/viewjob?jk=0123456789abcdef"}, None),
        ({"url": "https://www.seek.com.au/job/12345678"}, None),
        ({"url": "https://jobs.acme.ca/12"}, None),
        ({"url": "https://au.linkedin.com/jobs/view/1234567890"}, None),
        ({"location": "San Francisco, CA"}, "USD"),
        ({"location": "Berlin, Germany"}, "USD"),
        ({"country": "US", "url": "https://ca.indeed.com/viewjob?jk=0123456789abcdef"}, "USD"),
        ({"url": "https://www.ca.gov/jobs/12"}, "USD"),
        ({"url": "https://jobs.acme.co/12"}, "USD"),
    ],
)
def test_a_dollar_is_of_the_usa_only_where_nothing_names_another_country(
    given: dict[str, Any], currency: str | None
) -> None:
    posting, _ = take_in({**BARE, **given, "salary_text": "$30 an hour"})
    assert (posting.salary_min, posting.salary_currency) == (30, currency)


@pytest.mark.parametrize(
    ("given", "company"),
    [
        ("Acme (https://www.notion.so/Acme-0a1b2c3d?pvs=21)", "Acme"),
        ("Acme & Co (https://notion.so/0a1b2c3d)", "Acme & Co"),
        ("Acme (Berlin)", "Acme (Berlin)"),
        ("Acme (https://acme.example)", "Acme (https://acme.example)"),
    ],
)
def test_the_address_of_a_company_s_page_is_no_part_of_its_name(given: str, company: str) -> None:
    posting, _ = take_in({**BARE, "company": given})
    assert posting.company == company
    assert posting.attributes.get("company") == (None if given == company else given)


@each_case(
    ("given", "end"),
    [
        ("31 December 2026", "2026-12-31T23:59:59"),
        ("20261231", "2026-12-31T23:59:59"),
        ("2026-12-31T10:00", "2026-12-31T10:00:00"),
        ("1798675200", "2026-12-31T00:00:00"),
        ("1798675200.0", "2026-12-31T00:00:00"),
        (1798675200.0, "2026-12-31T00:00:00"),
    ],
)
def test_what_expires_on_a_day_as_people_write_it_is_there_until_its_end(
    given: Any, end: str
) -> None:
    assert taken(expires_at=given).expires_at == datetime.fromisoformat(end).replace(tzinfo=UTC)
