"""JSON-LD as boards write it: references, values, places, pay, addresses, and broken scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange import BrokenFile, open_records
from jobstore.exchange.schema_org import posting
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.conftest import posting as of

PLAIN: dict[str, Any] = {
    "@context": "https://schema.org/",
    "@type": "JobPosting",
    "title": "Engineer",
    "hiringOrganization": "Acme",
}
OPEN = '<script type="application/ld+json">'


def with_(**properties: Any) -> dict[str, Any]:
    return posting({**PLAIN, **properties})


def page(*scripts: Any, head: str = "") -> str:
    written = [script if isinstance(script, str) else json.dumps(script) for script in scripts]
    return f"<html><head>{head}</head>" + "".join(f"{OPEN}{each}</script>" for each in written)


ORGANISATION = {"@type": "Organization", "@id": "#org", "name": "Acme GmbH", "url": "acme.example"}
PLACE = {
    "@type": "Place",
    "@id": "#place",
    "address": {"@id": "#address"},
    "containsPlace": {"@id": "#place"},
}
ADDRESS = {"@type": "PostalAddress", "@id": "#address", "addressLocality": "Bonn"}
REFERRING = {**PLAIN, "hiringOrganization": {"@id": "#org"}, "jobLocation": [{"@id": "#place"}]}


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"@graph": [REFERRING, ORGANISATION, PLACE, ADDRESS]}),
        json.dumps([ADDRESS, PLACE, ORGANISATION, {"@id": "#org"}, REFERRING]),
        json.dumps({"x": {"y": [{"z": ORGANISATION}, [PLACE], {"a": ADDRESS}]}, "p": REFERRING}),
        page(REFERRING, [ORGANISATION, PLACE], ADDRESS),
        page({"@graph": [PLACE, ADDRESS]}, ORGANISATION, {"@graph": [REFERRING]}),
    ],
)
def test_references_are_resolved_wherever_the_thing_is(read: Read, content: str) -> None:
    (record,) = read(content, "schema-org")
    found = of(record)
    assert (found["company"], found["location"]) == ("Acme GmbH", "Bonn")
    assert found["company_url"] == "https://acme.example"


@pytest.mark.parametrize(
    "things",
    [
        [{"@id": "#org", "name": {"@id": "#org"}, "x": 1}],
        [{"@id": "#org", "parentOrganization": {"@id": "#b"}}, {"@id": "#b", "x": {"@id": "#org"}}],
        [{"@id": "#org", "a": [{"@id": f"#{n}"} for n in range(9)]}]
        + [{"@id": f"#{n}", "a": [{"@id": f"#{m}"} for m in range(9)]} for n in range(9)],
    ],
)
def test_references_that_lead_in_circles_or_everywhere_end(read: Read, things: list[Any]) -> None:
    (record,) = read(json.dumps({"@graph": [REFERRING, *things]}), "schema-org")
    assert of(record)["title"] == "Engineer"
    assert len(json.dumps(of(record), default=str)) < 200_000


@each_case(
    "title",
    [
        "Engineer",
        {"@value": "Engineer"},
        {"@value": "Engineer", "@language": "de"},
        [{"@value": "Ingenieur", "@language": "de"}, {"@value": "Engineer", "@language": "en-GB"}],
        {"de": "Ingenieur", "en": "Engineer"},
        {"fr-CA": ["Engineer"]},
        ["Engineer", "Other"],
        {"@list": ["Engineer"]},
        {"@set": [{"@value": "Engineer"}]},
    ],
)
def test_values_have_many_shapes(title: Any) -> None:
    assert with_(title=title)["title"] == "Engineer"
    assert with_(title=None, name=title)["title"] == "Engineer"
    assert with_(hiringOrganization={"name": title})["company"] == "Engineer"
    assert with_(jobLocation={"address": {"addressLocality": title}})["location"].startswith("Eng")


@pytest.mark.parametrize("prefix", ["schema:", "http://schema.org/", "https://schema.org/"])
def test_names_with_a_prefix_are_the_same(prefix: str) -> None:
    found = posting(
        {
            "@type": [f"{prefix}JobPosting"],
            f"{prefix}title": [{"@value": "Engineer"}],
            f"{prefix}hiringOrganization": [{f"{prefix}name": [{"@value": "Acme"}]}],
            f"{prefix}employmentType": [{"@value": "FULL_TIME"}],
        }
    )
    assert (found["title"], found["company"]) == ("Engineer", "Acme")
    assert found["employment_type"] == "FULL_TIME"


def place(city: str, country: Any = "DE", **more: Any) -> dict[str, Any]:
    return {
        "@type": "Place",
        "address": {"addressLocality": city, "addressCountry": country},
        **more,
    }


@each_case(
    ("value", "texts", "country"),
    [
        ([place("Berlin"), place("Hamburg"), place("München")], 3, "DE"),
        ([place("Berlin"), place("Paris", "FR")], 2, None),
        ([place("Berlin"), "Hamburg", None, "", {}], 2, "DE"),
        ([[place("Berlin")], [[place("Berlin")]], "Berlin, DE"], 1, "DE"),
        ({"address": [{"addressLocality": "Bonn"}, {"addressLocality": "Köln"}, "Ulm"]}, 3, None),
        ({"address": {"addressLocality": ["Bonn", "Köln"], "addressCountry": "de"}}, 2, "DE"),
        (
            {"@list": [place("Berlin"), place("Ulm", {"@type": "Country", "name": "Germany"})]},
            2,
            "DE",
        ),
        ([f"Town {number}" for number in range(1_500)], 1_000, None),
    ],
)
def test_all_places_are_kept(value: Any, texts: int, country: str | None) -> None:
    found = with_(jobLocation=value)
    assert len(found["locations"]) == texts
    assert found["location"].split("; ") == [each["text"] for each in found["locations"]]
    assert found.get("country") == country


def test_what_is_known_of_a_place_is_told() -> None:
    address = {"addressLocality": " Kiel ", "addressRegion": "SH", "addressCountry": "Deutschland"}
    assert with_(jobLocation={"address": address})["locations"] == [
        {"text": "Kiel, SH, Deutschland", "city": " Kiel ", "region": "SH", "country": "DE"}
    ]


@each_case(
    ("requirement", "expected"),
    [
        ({"@type": "Country", "name": "Germany"}, [{"text": "Germany", "country": "DE"}]),
        ("Germany", [{"text": "Germany"}]),
        (
            [{"@type": "Country", "name": "USA"}, {"@type": "State", "name": "Ontario, Canada"}],
            [
                {"text": "USA", "country": "US"},
                {"text": "Ontario, Canada", "region": "Ontario", "country": "CA"},
            ],
        ),
        (
            {"@type": "https://schema.org/Country", "name": ["FR"]},
            [{"text": "FR", "country": "FR"}],
        ),
        ({"@type": "AdministrativeArea", "name": "EU"}, [{"text": "EU"}]),
        ({"address": {"addressCountry": "AT"}}, [{"text": "AT", "country": "AT"}]),
    ],
)
def test_where_applicants_must_live_is_the_place_of_a_remote_job(
    requirement: Any, expected: list[Any]
) -> None:
    for kind in ("TELECOMMUTE", ["telecommute"], "https://schema.org/TELECOMMUTE"):
        found = with_(jobLocationType=kind, applicantLocationRequirements=requirement)
        assert (found["workplace"], found["locations"]) == ("remote", expected)


def test_a_remote_job_with_an_office_has_both_places_where_they_differ() -> None:
    germany = {"@type": "Country", "name": "Germany"}
    both = {"jobLocationType": "TELECOMMUTE", "jobLocation": place("Berlin")}
    found = with_(
        **both, applicantLocationRequirements=[germany, {"@type": "Country", "name": "AT"}]
    )
    assert [each["text"] for each in found["locations"]] == ["Berlin, DE", "AT"]
    onsite = with_(jobLocation=place("Berlin"), applicantLocationRequirements={"name": "Austria"})
    assert onsite["location"] == "Berlin, DE"


AMOUNTS = {"salary_min": 40, "salary_max": 50, "salary_currency": "EUR", "salary_period": "YEAR"}


@each_case(
    ("base", "expected"),
    [
        (
            {
                "@type": "MonetaryAmount",
                "currency": "EUR",
                "value": {"minValue": 40, "maxValue": 50, "unitText": "YEAR"},
            },
            AMOUNTS,
        ),
        ([{"currency": "EUR", "minValue": 40, "maxValue": 50, "unitText": "YEAR"}], AMOUNTS),
        (
            {"value": {"minValue": 40, "maxValue": 50, "unitText": "YEAR", "currency": "EUR"}},
            AMOUNTS,
        ),
        (
            {
                "@type": "PriceSpecification",
                "minPrice": 40,
                "maxPrice": 50,
                "priceCurrency": "EUR",
                "unitCode": "ANN",
            },
            {**AMOUNTS, "salary_period": "year"},
        ),
        (
            {
                "@type": "UnitPriceSpecification",
                "price": "1.234,50",
                "unitText": "https://schema.org/MONTH",
            },
            {"salary_min": "1.234,50", "salary_max": "1.234,50", "salary_period": "MONTH"},
        ),
        (
            {"currency": "EUR", "value": {"value": "50,000", "unitText": "YEAR"}},
            {**AMOUNTS, "salary_min": "50,000", "salary_max": "50,000"},
        ),
        (
            {"currency": "EUR", "value": {"minValue": "45.000", "maxValue": "55 000"}},
            {"salary_min": "45.000", "salary_max": "55 000", "salary_currency": "EUR"},
        ),
        ({"value": {"@value": "40"}}, {"salary_min": "40", "salary_max": "40"}),
        (40.5, {"salary_min": 40.5, "salary_max": 40.5}),
        ("40", {"salary_min": "40", "salary_max": "40"}),
        (
            {"value": {"minValue": 40, "unitText": "HOUR"}},
            {"salary_min": 40, "salary_period": "HOUR"},
        ),
        ({"currency": "EUR"}, {}),
        ({"value": {}}, {}),
        ([], {}),
        ({"value": {"minValue": None, "maxValue": ""}}, {}),
    ],
)
def test_pay_is_handed_on_as_it_was_found(base: Any, expected: dict[str, Any]) -> None:
    found = with_(baseSalary=base)
    assert {name: value for name, value in found.items() if name.startswith("salary")} == expected


@pytest.mark.parametrize(
    "base",
    ["$40k - $50k a year", {"currency": "USD", "value": {"value": "40k-50k", "unitText": "YEAR"}}],
)
def test_pay_that_is_a_text_is_one(base: Any) -> None:
    found = with_(baseSalary=base)
    assert "40k" in found["salary_text"]
    assert found.get("salary_min") in (None, 40_000)


@each_case(
    ("identifier", "id"),
    [
        ({"@type": "PropertyValue", "name": "Acme", "value": 77}, "77"),
        ({"value": {"@value": " A-1 "}}, "A-1"),
        ([{"value": "A-2"}, "x"], "A-2"),
        ("A-3", "A-3"),
        (4, "4"),
        ({"@value": "A-5"}, "A-5"),
    ],
)
def test_identifiers(identifier: Any, id: str) -> None:
    assert with_(identifier=identifier)["source_job_id"] == id


@each_case(
    ("organisation", "company", "site"),
    [
        ("Acme", "Acme", None),
        ({"name": "Acme", "sameAs": "Acme"}, "Acme", None),
        (
            {"name": "Acme", "sameAs": ["Acme", "https://acme.example"]},
            "Acme",
            "https://acme.example",
        ),
        ({"name": "Acme", "url": {"@id": "https://acme.example"}}, "Acme", "https://acme.example"),
        ([{"legalName": "Acme Ltd"}, {"name": "x"}], "Acme Ltd", None),
        ({"name": ["Acme"], "department": {"name": "R&D"}}, "Acme", None),
        ({"parentOrganization": {"name": "Acme"}, "department": {"name": "R&D"}}, "Acme", None),
        ({"@id": "#nowhere"}, None, None),
        (None, None, None),
        ({}, None, None),
    ],
)
def test_organisations(organisation: Any, company: str | None, site: str | None) -> None:
    found = with_(hiringOrganization=organisation)
    assert (found.get("company"), found.get("company_url")) == (company, site)
    if organisation:
        assert found["attributes"]["hiringOrganization"] == organisation


@pytest.mark.parametrize(
    ("head", "url"),
    [
        ("", "/jobs/1"),
        ('<base href="https://a.example/x/">', "https://a.example/jobs/1"),
        ('<meta property="og:url" content="https://b.example/y">', "https://b.example/jobs/1"),
        (
            '<base href="https://a.example/"><link href=https://c.example/z rel="canonical">',
            "https://c.example/jobs/1",
        ),
        ('<link rel="canonical" href="/only/a/path"><link rel=icon href=x>', "/jobs/1"),
        (
            '<meta name="og:url" content="https://b.example/?a=1&amp;b=2">',
            "https://b.example/jobs/1",
        ),
    ],
)
def test_addresses_are_relative_to_that_of_the_page(read: Read, head: str, url: str) -> None:
    content = {**PLAIN, "url": "/jobs/1"}
    for written in (page(content, head=head), page(content) + head):
        (record,) = read(written)
        assert of(record)["url"] == url


def test_pages_in_one_file_have_their_own_addresses(read: Read) -> None:
    content = {**PLAIN, "url": "jobs/1"}
    one, two = (f'<link rel=canonical href="https://{name}.example/">' for name in "ab")
    found = read(page(content, head=one) + "</html>\n<!doctype html>" + page(content, head=two))
    assert [of(record)["url"] for record in found] == [
        "https://a.example/jobs/1",
        "https://b.example/jobs/1",
    ]


BODY = json.dumps({**PLAIN, "description": "<p>a, } ] // b</p>"})


@pytest.mark.parametrize(
    "script",
    [
        BODY,
        "\ufeff" + BODY,
        "\n\ufeff \n" + BODY,
        BODY[:-1] + ",}",
        BODY + "}",
        BODY + "]}",
        BODY + ";",
        f"<!-- {BODY} -->",
        f"//<![CDATA[\n{BODY}\n//]]>",
        f"/* <![CDATA[ */{BODY}/* ]]> */",
        f"/* of the board */ {BODY} // end",
        BODY.replace('"', "&quot;"),
        BODY.replace('"', "&quot;")[:-1] + ",}",
        "{@type: 'JobPosting', title: 'Engineer', description: '<p>a, } ] // b</p>'}".replace(
            "@type", "'@type'"
        ),
        BODY.replace("<p>", "<p>\n\t\x0b"),
        BODY.replace("Engineer", "Engi\\neer").replace("Engi\\neer", "Engineer"),
        f"[{BODY}]",
    ],
)
def test_scripts_are_mended(read: Read, script: str) -> None:
    (record,) = read(page(script))
    assert of(record)["title"] == "Engineer"
    assert "a, } ] // b" in of(record)["description"]


@pytest.mark.parametrize(
    "content",
    [
        page(""),
        page(" \n "),
        page("<!-- -->"),
        page("null"),
        page({"@type": "Person"}, ""),
        "<html><body>no job here</body></html>\n",
    ],
)
def test_a_page_without_a_posting_says_so(read: Read, content: str) -> None:
    with pytest.raises(BrokenFile, match="holds no schema.org JobPosting; the page"):
        read(content)


def test_what_is_left_out_is_told_by_its_own_name() -> None:
    found = with_(employmentType="Odd", validThrough={"x": 1}, baseSalary={"value": "a lot"})
    assert found.origin is not None
    assert found.origin("employment_type") == ("employmentType", "Odd")
    assert found.origin("salary_text") == ("baseSalary", {"value": "a lot"})
    assert found.origin("applicant_count") is None
    # What no field holds as it was stays among the attributes.
    assert found["attributes"]["validThrough"] == {"x": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["#a", "#b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "@id",
                    "@value",
                    "@list",
                    "@type",
                    "@language",
                    "name",
                    "address",
                    "value",
                    "minValue",
                    "addressLocality",
                    "addressCountry",
                    "sameAs",
                    "url",
                    "en",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "title",
                "hiringOrganization",
                "jobLocation",
                "identifier",
                "baseSalary",
                "employmentType",
                "skills",
                "industry",
                "description",
                "url",
                "@id",
                "jobLocationType",
                "applicantLocationRequirements",
                "datePosted",
            ]
        ),
        JSON,
    ),
    JSON,
)
def test_no_shape_of_a_value_is_an_exception(found: dict[str, Any], other: Any) -> None:
    from jobstore.exchange.json_ld import nodes

    result = posting(found, base="https://x.example/", known=nodes([found, other]))
    for place in result.get("locations", []):
        assert place["text"].strip()
        assert set(place) <= {"text", "city", "region", "country"}


def test_a_script_nested_deeply_is_no_exception(read: Read) -> None:
    deep = '{"a":' * 400 + json.dumps(PLAIN) + "}" * 400
    (record,) = read(page(deep))
    assert of(record)["title"] == "Engineer"
    for much in ("[" * 100_000, '{"@type": "JobPosting", "x": ' + "[" * 900 + "]" * 900 + "}"):
        (record,) = read(page(much))
        assert record.posting is not None or record.fault is not None


FIELD_CASES: dict[str, dict[str, Any]] = {
    "jsonld_bom_in_script.html": {"title": "Data Engineer", "company": "Acme"},
    "jsonld_country_EU.json": {"location": "Anywhere, EU", "company": "Acme GmbH"},
    "jsonld_employment_comma_joined.json": {"employment_type": "FULL_TIME,PART_TIME"},
    "jsonld_employment_permanent.json": {"employment_type": "Permanent"},
    "jsonld_extra_brace_extruct87.html": {"title": "Data Engineer", "company": "Acme"},
    "jsonld_graph_org_by_id.json": {"company": "Acme GmbH", "location": "Berlin, DE"},
    "jsonld_relative_url.json": {"url": "/jobs/1", "company_url": "https://acme.example"},
    "jsonld_remote_only_in_germany.json": {
        "workplace": "remote",
        "country": "DE",
        "locations": [{"text": "Germany", "country": "DE"}],
    },
    "jsonld_salary_45.000_is_45.json": {"salary_min": "45.000", "salary_max": "55.000"},
    "jsonld_salary_max_zero.json": {"salary_min": 40000, "salary_max": 0},
    "jsonld_salary_value_50,000.json": {"salary_min": "50,000", "salary_period": "YEAR"},
    "jsonld_three_locations.json": {
        "location": "Berlin, DE; Hamburg, DE; München, DE",
        "country": "DE",
    },
    "jsonld_title_html_entities.json": {"title": "Data Engineer &amp; Analyst <b>(m/w/d)</b>"},
    "jsonld_trailing_comma.html": {"title": "Data Engineer", "description": "<p>Hello</p>"},
    "jsonld_validThrough_9999.json": {"expires_at": "9999-12-31"},
    "pages_1_good.html": {"url": "https://acme.example/jobs/1"},
    "pages_3_good.html": {"url": "https://acme.example/jobs/2"},
}


@pytest.mark.parametrize("name", FIELD_CASES)
def test_field_cases(real_data: Path, name: str) -> None:
    """What intake makes of the values is its own matter."""
    (record,) = open_records(real_data / "field_cases" / name)
    found = of(record)
    expected = FIELD_CASES[name]
    assert {key: found.get(key) for key in expected} == expected


def test_field_cases_without_a_posting(real_data: Path) -> None:
    for name in ("field_cases/pages_2_no_job.html", "jsonld/real/page_talentclue.html"):
        with pytest.raises(BrokenFile, match="holds no schema.org JobPosting"):
            list(open_records(real_data / name))
