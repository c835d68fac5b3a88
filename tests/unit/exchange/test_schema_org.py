"""JobPosting documents, alone and in pages, in the shapes that people write."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import BrokenFile, open_records
from jobstore.exchange.schema_org import SchemaOrgWriter, document, posting
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_posting
from jobstore.records import EmploymentType, Location, Workplace
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read, export_with, full_job, make_job
from tests.unit.exchange.conftest import posting as of

PLAIN: dict[str, Any] = {
    "@context": "https://schema.org/",
    "@type": "JobPosting",
    "title": "Engineer",
    "hiringOrganization": "Acme",
}


def with_(**properties: Any) -> dict[str, Any]:
    return posting({**PLAIN, **properties})


def test_a_whole_posting_is_translated_and_the_rest_is_kept() -> None:
    found = with_(
        description="<p>Text</p>",
        identifier={"@type": "PropertyValue", "name": "id", "value": 77},
        url="https://jobs.example.com/1?utm_source=x",
        datePosted="2025-11-06",
        validThrough="2025-12-31",
        employmentType="FULL_TIME",
        hiringOrganization={"name": "Acme", "sameAs": ["https://acme.example", "x"]},
        jobLocation=[
            {
                "@type": "Place",
                "address": {
                    "addressLocality": "Potsdam",
                    "addressRegion": "BB",
                    "addressCountry": {"@type": "Country", "name": ["Germany"]},
                },
            },
            "Berlin",
        ],
        jobLocationType="TELECOMMUTE",
        baseSalary={
            "currency": "EUR",
            "value": {"minValue": 16, "maxValue": 23.5, "unitText": "HOUR"},
        },
        industry=["IT", {"name": "Robots"}],
        skills="SQL, Rust",
        directApply=True,
    )
    attributes = found.pop("attributes")
    assert found == {
        "source": "jobs.example.com",
        "source_job_id": "77",
        "title": "Engineer",
        "company": "Acme",
        "location": "Potsdam, BB, Germany; Berlin",
        "locations": [
            {"text": "Potsdam, BB, Germany", "city": "Potsdam", "region": "BB", "country": "DE"},
            {"text": "Berlin"},
        ],
        "country": "DE",
        "workplace": "remote",
        "employment_type": "FULL_TIME",
        "industry": "IT, Robots",
        "description": "<p>Text</p>",
        "skills": ["SQL", "Rust"],
        "url": "https://jobs.example.com/1?utm_source=x",
        "company_url": "https://acme.example",
        "posted_at": "2025-11-06",
        "expires_at": "2025-12-31",
        "salary_min": 16,
        "salary_max": 23.5,
        "salary_currency": "EUR",
        "salary_period": "HOUR",
    }
    assert set(attributes) == {
        "identifier",
        "employmentType",
        "hiringOrganization",
        "jobLocation",
        "jobLocationType",
        "baseSalary",
        "industry",
        "skills",
        "directApply",
    }
    assert check_posting(found).country == "DE"


@each_case(
    ("properties", "source", "id"),
    [
        ({"identifier": "A-1", "url": "https://www.x.example/1"}, "x.example", "A-1"),
        ({"identifier": [{"value": ["A-2"]}]}, "schema-org", "A-2"),
        ({"url": "https://x.example/1?utm_source=a"}, "x.example", "https://x.example/1"),
        ({"@id": "https://x.example/2#job"}, "x.example", "https://x.example/2"),
        ({"identifier": {"value": {}}, "url": "x.example/3"}, "x.example", "https://x.example/3"),
        (
            {"identifier": {"propertyID": "jobstore", "name": "board", "value": "9"}},
            "board",
            "9",
        ),
        (
            {"hiringOrganization": {"name": "A", "url": "https://a.example"}, "identifier": 5},
            "a.example",
            "5",
        ),
    ],
)
def test_keys(properties: dict[str, Any], source: str, id: str) -> None:
    found = with_(**properties)
    assert (found["source"], found["source_job_id"]) == (source, id)


def test_a_posting_without_any_name_of_its_own_gets_a_digest() -> None:
    one, same, other = with_(), with_(title="ENGINEER "), with_(jobLocation="Berlin")
    assert one["source"] == "schema-org"
    assert one["source_job_id"] == same["source_job_id"] != other["source_job_id"]


@each_case(
    ("place", "location", "country"),
    [
        ("Berlin", "Berlin", None),
        ({"address": "Berlin"}, "Berlin", None),
        ({"name": "HQ", "address": {}}, "HQ", None),
        ({"address": {"streetAddress": "Way 1"}}, "Way 1", None),
        ({"addressLocality": "Bonn", "addressCountry": "de"}, "Bonn, de", "DE"),
        ({"address": {"addressCountry": "UK"}}, "UK", "GB"),
        ({"address": {"addressCountry": {"@value": "x"}}}, "x", None),
        ({"address": {"addressCountry": "KO"}}, "KO", None),
        ({"address": {"addressCountry": "Atlantis"}}, "Atlantis", None),
        ([], None, None),
        (None, None, None),
    ],
)
def test_places(place: Any, location: str | None, country: str | None) -> None:
    found = with_(jobLocation=place)
    assert (found.get("location"), found.get("country")) == (location, country)


@each_case(
    ("kind", "employment_type"),
    [
        ("Full-time", "Full-time"),
        # Intake reads lists and texts that join several.
        ("FULL_TIME, CONTRACTOR", "FULL_TIME, CONTRACTOR"),
        (["FULL_TIME", "CONTRACTOR"], ["FULL_TIME", "CONTRACTOR"]),
        ([{"name": "REMOTE_WORKING"}, ["VOLUNTEER"]], ["REMOTE_WORKING", "VOLUNTEER"]),
        ("https://schema.org/FULL_TIME", "https://schema.org/FULL_TIME"),
        (["REMOTE_WORKING"], "REMOTE_WORKING"),
        ({"name": "Something"}, "Something"),
        ([5], 5),
        (5, 5),
        ([], None),
        (None, None),
    ],
)
def test_employment_types(kind: Any, employment_type: Any) -> None:
    assert with_(employmentType=kind).get("employment_type") == employment_type


@pytest.mark.parametrize(
    ("kind", "workplace"),
    [("TELECOMMUTE", "remote"), ("onsite", "onsite"), (["x", "Hybrid"], "hybrid"), ({}, None)],
)
def test_workplaces(kind: Any, workplace: str | None) -> None:
    assert with_(jobLocationType=kind).get("workplace") == workplace


@each_case(
    ("salary", "low", "high", "currency", "period"),
    [
        (50000, 50000, 50000, "SEK", None),
        ("50000", "50000", "50000", "SEK", None),
        # A text goes on as it is; intake finds that it is in another currency.
        ("$40k-$50k a year", None, None, "SEK", None),
        ({"value": 5}, 5, 5, "SEK", None),
        ({"currency": "EUR", "value": [{"value": 7, "unitText": "DAY"}]}, 7, 7, "EUR", "DAY"),
        ({"minValue": 1, "unitText": "MONTH"}, 1, None, "SEK", "MONTH"),
        ({"value": {"value": ""}}, None, None, None, None),
        ([], None, None, None, None),
        ({"currency": "EUR"}, None, None, None, None),
    ],
)
def test_salaries(salary: Any, low: Any, high: Any, currency: str | None, period: Any) -> None:
    found = with_(baseSalary=salary, salaryCurrency="SEK")
    assert found.get("salary_min") == low
    assert found.get("salary_max") == high
    assert found.get("salary_currency") == currency
    assert found.get("salary_period") == period


@each_case(
    ("skills", "listed"),
    [
        ("SQL,\nRust", ["SQL", "Rust"]),
        (["SQL", {"name": "Rust"}, {"termCode": "K1"}], ["SQL", "Rust"]),
        ("AWS (S3, EC2), Go", ["AWS (S3, EC2)", "Go"]),
        ("SQL • Rust", ["SQL", "Rust"]),
        ("Short, " + "x" * 90, ["Short"]),
        ("a, " * 30_000, None),
        (None, None),
    ],
)
def test_skills(skills: Any, listed: list[str] | None) -> None:
    assert with_(skills=skills).get("skills") == listed


def test_organisations_and_titles_have_other_names() -> None:
    found = posting({"name": "Cook", "hiringOrganization": {"legalName": "Acme Ltd"}})
    assert (found["title"], found["company"]) == ("Cook", "Acme Ltd")
    assert "company" not in posting({"title": "Cook"})


GRAPH = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "BreadcrumbList", "itemListElement": []},
        {**PLAIN, "@type": ["Thing", "https://schema.org/jobposting"], "title": "One"},
        {"@type": "WebPage", "mainEntity": {**PLAIN, "@type": "schema:JobPosting", "title": "Two"}},
    ],
}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(GRAPH),
        json.dumps(GRAPH, indent=1),
        json.dumps([GRAPH]),
        json.dumps([{**PLAIN, "title": "One"}, {"@type": "x"}, {**PLAIN, "title": "Two"}]),
        json.dumps({**PLAIN, "title": "One"}) + "\n" + json.dumps({**PLAIN, "title": "Two"}),
        f"<html><script type='application/ld+json'>{json.dumps(GRAPH)}</script></html>",
    ],
)
def test_postings_are_found_wherever_they_are(read: Read, content: str) -> None:
    assert [of(record)["title"] for record in read(content)] == ["One", "Two"]
    assert [of(record)["source"] for record in read(content, source="me")] == ["me", "me"]


@pytest.mark.parametrize(
    "script",
    [
        "{}",
        "\n<!--\n{}\n-->\n",
        "//<![CDATA[\n{}\n//]]>",
        "/*<![CDATA[*/{}/*]]>*/",
        "<![CDATA[{}]]>",
        "{};",
    ],
)
def test_scripts_may_be_wrapped(read: Read, script: str) -> None:
    page = (
        '<!DOCTYPE html><html><head><script>var x = "{";</script>\n'
        '<SCRIPT nonce="1" TYPE="application/ld+json; charset=utf-8">'
        + script.replace("{}", json.dumps(PLAIN))
        + "</SCRIPT></head></html>"
    )
    (record,) = read(page)
    assert of(record)["title"] == "Engineer"
    assert record.line == 2


def test_sloppy_pages_are_read(read: Read) -> None:
    (record,) = read(
        '<script type="application/ld+json">{&quot;@type&quot;: &quot;JobPosting&quot;,'
        " &quot;title&quot;: &quot;A\nB&quot;}</script>"
    )
    assert of(record)["title"] == "A\nB"


def test_a_script_that_is_no_json_is_a_fault_and_stops_nothing(read: Read) -> None:
    one = '<script type="application/ld+json">'
    page = f"<p>\n{one}{{oops</script>\n{one}{json.dumps(PLAIN)}</script>".encode()
    broken, good = read(page)
    assert (broken.line, good.line) == (2, 3)
    assert (broken.fault or "").startswith("is no valid JSON")
    assert broken.raw == "{oops"
    (record,) = read(page[:4] + f'{one}{{"title": "'.encode() + b'\xff"}</script>')
    assert record.fault == "holds bytes that are not UTF-8"


def test_an_item_that_is_broken_is_a_fault(read: Read) -> None:
    records = read(b'[{"@type": "JobPosting", "title": "\xff"}, {"@type": "JobPosting"}]')
    assert [record.fault is None for record in records] == [False, True]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"@type": "Person"}', "holds no schema.org JobPosting; the file"),
        ("<html><p>nothing</html>", "holds no schema.org JobPosting; the page"),
        ('<script type="application/ld+json">{"@type": "JobP', "ends within a script"),
        ("<html><![foo[ ]]>", "is no HTML|holds no"),
        ("[]", "holds no schema.org JobPosting"),
    ],
)
def test_files_without_any_posting_are_refused(read: Read, content: str, told: str) -> None:
    with pytest.raises(BrokenFile, match=told):
        read(content, "schema-org")


def test_a_script_beyond_the_limit_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobstore.exchange.pages.MAX_RECORD", 1000)
    with pytest.raises(BrokenFile, match="more than 1,000 bytes"):
        read('<script type="application/ld+json">"' + "x" * 5000)


written = partial(export_with, SchemaOrgWriter)


def test_an_exported_posting_comes_back_with_its_key(read: Read) -> None:
    job = replace(full_job(), locations=[])
    bare, full = (check_posting(of(record)) for record in read(written(make_job(), job)))
    assert (bare.source, bare.source_job_id, bare.company) == ("board", "1", "Acme")
    for name in ("source", "source_job_id", "title", "company", "location", "country"):
        assert getattr(full, name) == getattr(job, name)
    for name in ("workplace", "employment_type", "industry", "salary_currency", "salary_period"):
        assert getattr(full, name) == getattr(job, name)
    for name in ("url", "company_url", "posted_at", "expires_at", "salary_min", "salary_max"):
        assert getattr(full, name) == getattr(job, name)
    assert full.skills == job.skills


def test_an_export_is_one_array() -> None:
    assert json.loads(written()) == []
    assert len(json.loads(written(make_job(1), make_job(2)))) == 2
    assert written(make_job(1), make_job(2)).count("\n") == 4


def test_every_employment_type_has_the_name_that_search_engines_know() -> None:
    names = {document(make_job(employment_type=kind))["employmentType"] for kind in EmploymentType}
    assert len(names) == len(EmploymentType)
    assert {"CONTRACTOR", "INTERN", "FULL_TIME"} <= names


def test_only_remote_work_has_a_location_type() -> None:
    assert "jobLocationType" not in document(make_job(workplace=Workplace.HYBRID))
    assert document(make_job(workplace=Workplace.REMOTE))["jobLocationType"] == "TELECOMMUTE"


@pytest.mark.parametrize(
    ("amount", "value"),
    [("60000", 60000), ("16.5", 16.5), ("99999999999.1234", 99999999999.1234)],
)
def test_amounts_are_numbers(amount: str, value: Any) -> None:
    salary = document(make_job(salary_min=Decimal(amount)))["baseSalary"]
    assert salary["value"] == {"@type": "QuantitativeValue", "minValue": value}


def test_an_amount_that_no_float_holds_is_text() -> None:
    amount = "123456789012.123456789"
    salary = document(make_job(salary_max=Decimal(amount)))["baseSalary"]
    assert salary["value"]["maxValue"] == amount


def places(**stated: Any) -> tuple[Any, Any]:
    """What an export says of places, and of where applicants live."""
    found = document(make_job(**stated))
    return found.get("jobLocation"), found.get("applicantLocationRequirements")


def place(name: str | None, **address: str) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {"@type": "Place", **named, "address": {"@type": "PostalAddress", **address}}


def test_all_places_are_exported_with_what_is_known_of_them() -> None:
    assert places() == (None, None)
    assert places(location="Bern", country="CH") == (
        place(None, addressLocality="Bern", addressCountry="CH"),
        None,
    )
    berlin = Location("Berlin, Germany", city="Berlin", region="BE", country="DE")
    bavaria = Location("Bavaria", region="Bavaria", country="DE")
    assert places(location="x", locations=[berlin, bavaria, Location("Lyon")]) == (
        [
            place(
                "Berlin, Germany",
                addressLocality="Berlin",
                addressRegion="BE",
                addressCountry="DE",
            ),
            place("Bavaria", addressRegion="Bavaria", addressCountry="DE"),
            place(None, addressLocality="Lyon"),
        ],
        None,
    )


def test_the_country_of_the_posting_is_that_of_places_without_one() -> None:
    assert places(country="DE", locations=[Location("Kiel"), Location("Bonn")])[0] == [
        place(None, addressLocality="Kiel", addressCountry="DE"),
        place(None, addressLocality="Bonn", addressCountry="DE"),
    ]
    only = {"@type": "Place", "address": {"@type": "PostalAddress", "addressCountry": "DE"}}
    assert places(country="DE")[0] == only
    kiel = [Location("Kiel"), Location("Lyon", country="FR")]
    assert "addressCountry" not in places(country="DE", locations=kiel)[0][0]["address"]


def test_the_countries_of_a_remote_job_are_where_applicants_live() -> None:
    usa, austria = Location("USA", country="US"), Location("Österreich", country="AT")
    wien = Location("Wien", city="Wien", country="AT")
    remote = Workplace.REMOTE

    assert places(workplace=remote, locations=[usa, austria]) == (
        None,
        [{"@type": "Country", "name": "USA"}, {"@type": "Country", "name": "Österreich"}],
    )
    at, live = places(workplace=remote, locations=[wien, usa])
    assert (at["name"], live) == ("Wien", {"@type": "Country", "name": "USA"})
    at, live = places(workplace=Workplace.HYBRID, locations=[usa])
    assert (at, live) == (place("USA", addressCountry="US"), None)
    # Only the whole country: a Georgia in the USA is none.
    georgia = Location("Georgia", country="US")
    assert places(workplace=remote, locations=[georgia])[1] is None


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"country": "CH"},
        {"country": "CH", "workplace": Workplace.REMOTE},
        {"location": "Berlin, Germany"},
        {"location": "Berlin", "country": "DE"},
        {"location": "Germany", "country": "DE"},
        {"location": "Germany", "country": "DE", "workplace": Workplace.REMOTE},
        {"location": "Remote", "workplace": Workplace.REMOTE},
        {"locations": [Location("Berlin"), Location("Bonn; or Köln")]},
        {
            "locations": [
                Location("HQ", city="Berlin", region="BE", country="DE"),
                Location("Remote"),
            ]
        },
        {"locations": [Location("Berlin", city="Berlin"), Location("Ort", region="Bavaria")]},
        {
            "locations": [Location("Wien", "Wien", None, "AT"), Location("USA", country="US")],
            "workplace": Workplace.REMOTE,
        },
    ],
)
def test_places_come_back_from_an_export_as_they_were(read: Read, stated: dict[str, Any]) -> None:
    if places := stated.get("locations"):
        stated["location"] = "; ".join(place.text for place in places)
    job = make_job(**stated)
    found = check_posting(of(read(written(job))[0]))
    # A posting's country is that of all its places.
    assert (found.location, found.locations) == (job.location, job.locations)
    assert found.country == job.country or job.country is None


def test_programs_words_for_nothing_are_no_place() -> None:
    address = {"addressLocality": "null", "addressRegion": "N/A", "addressCountry": "None"}
    assert "locations" not in with_(jobLocation={"@type": "Place", "address": address})
    found = with_(jobLocation={"address": address | {"addressLocality": "Ulm"}})
    assert found["locations"] == [{"text": "Ulm", "city": "Ulm"}]


def test_a_state_may_name_its_country() -> None:
    areas = [{"@type": "State", "name": name} for name in ("Michigan, USA", "Texas, USA", "Ohio")]
    found = with_(jobLocationType="TELECOMMUTE", applicantLocationRequirements=areas)
    assert found["locations"] == [
        {"text": "Michigan, USA", "region": "Michigan", "country": "US"},
        {"text": "Texas, USA", "region": "Texas", "country": "US"},
        {"text": "Ohio", "region": "Ohio"},
    ]


def test_a_dollar_in_a_text_is_one_of_the_country() -> None:
    for country, currency in (("US", "USD"), ("CA", None), ("AU", None)):
        place = {"address": {"addressCountry": country}}
        taken, _ = take_in(with_(jobLocation=place, baseSalary="$30 - $35 an hour"))
        assert (taken.salary_min, taken.salary_currency) == (30, currency)


@pytest.mark.parametrize(
    ("base", "low", "high", "period"),
    [
        ("25 to 30", 25, 30, "hour"),
        ("25 to 30 an hour", 25, 30, "hour"),
        ("25 to 30 a month", None, None, "hour"),
    ],
)
def test_a_text_without_a_period_has_that_of_the_posting(
    base: str, low: int | None, high: int | None, period: str
) -> None:
    value = {"currency": "EUR", "value": {"value": base, "unitText": "HOUR"}}
    taken, _ = take_in(with_(baseSalary=value))
    assert (taken.salary_min, taken.salary_max, taken.salary_period) == (low, high, period)
    assert taken.salary_text == base


@pytest.mark.parametrize(("currency", "low", "high"), [("EUR", 45000, 55000), ("USD", None, None)])
def test_thousands_behind_a_point_are_not_read_as_zeros(
    tmp_path: Path, currency: str, low: int | None, high: int | None
) -> None:
    pay = '"value": {"minValue": 45.000, "maxValue": 55.000, "unitText": "YEAR"}'
    path = tmp_path / "job.json"
    path.write_text(
        '{"@type": "JobPosting", "title": "Cook", "url": "https://a.example/1", '
        f'"baseSalary": {{"@type": "MonetaryAmount", "currency": "{currency}", {pay}}}}}'
    )
    (record,) = open_records(path)
    taken, _ = take_in(record.posting or {})
    assert (taken.salary_min, taken.salary_max) == (low, high)
