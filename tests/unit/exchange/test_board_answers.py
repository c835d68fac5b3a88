"""Answers of boards in many shapes, with made-up entries: value by value, and told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobstore.exchange import BrokenFile
from jobstore.exchange.recognition import recognise
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.taking import omissions, places, taken, values

Entry = dict[str, Any]

GREENHOUSE: Entry = {
    "id": 4012345,
    "internal_job_id": 77,
    "title": "Köchin",
    "updated_at": "2026-02-03T10:00:00-05:00",
    "requisition_id": None,
    "location": {"name": "Berlin, Germany"},
    "absolute_url": "https://boards.greenhouse.io/acmegmbh/jobs/4012345?gh_src=x",
    "metadata": None,
    "content": "&lt;p&gt;Kochen &amp;amp; Backen&lt;/p&gt;",
    "departments": [{"id": 1, "name": "Küche"}],
    "offices": [
        {"id": 1, "name": "Berlin", "location": "Berlin, Germany"},
        {"id": 2, "name": "Wien", "location": "Vienna, Austria"},
        {"id": 3, "name": "Bern", "location": None},
    ],
}
LEVER: Entry = {
    "id": "5f9e0000-1111-4222-8333-444455556666",
    "text": "Data Engineer (m/f/d)",
    "hostedUrl": "https://jobs.eu.lever.co/acme-labs/5f9e0000-1111-4222-8333-444455556666",
    "applyUrl": "https://jobs.eu.lever.co/acme-labs/5f9e0000-1111-4222-8333-444455556666/apply",
    "createdAt": 1700000000000,
    "country": "DE",
    "workplaceType": "on-site",
    "categories": {
        "commitment": "Full-time",
        "location": "Berlin",
        "team": "Data",
        "allLocations": ["Berlin", "Hamburg"],
    },
    "description": "<div>We are Acme.</div>",
    "descriptionPlain": "We are Acme.",
    "lists": [
        {"text": "You do", "content": "<li>SQL</li><li>Python</li>"},
        {"text": "You get", "content": "<li>Tea</li>"},
    ],
    "additional": "<div>Apply now</div>",
    "additionalPlain": "Apply now",
    "salaryRange": {
        "currency": "EUR",
        "interval": "per-year-salary",
        "min": 60000,
        "max": 75000,
    },
}
ASHBY: Entry = {
    "id": "0a1b2c3d-0000-4000-8000-000000000001",
    "title": "Designer",
    "department": "Design",
    "employmentType": "PartTime",
    "location": "Paris",
    "secondaryLocations": [
        {
            "location": "Lyon",
            "address": {
                "postalAddress": {
                    "addressLocality": "Lyon",
                    "addressRegion": "Auvergne-Rhône-Alpes",
                    "addressCountry": "France",
                }
            },
        },
        {"location": "Remote (EU)"},
    ],
    "publishedAt": "2026-03-04T05:06:07.000+00:00",
    "isListed": True,
    "isRemote": None,
    "workplaceType": "Hybrid",
    "address": {"postalAddress": {"addressLocality": "Paris", "addressCountry": "France"}},
    "jobUrl": "https://jobs.ashbyhq.com/acme/0a1b2c3d-0000-4000-8000-000000000001",
    "applyUrl": "https://jobs.ashbyhq.com/acme/0a1b2c3d-0000-4000-8000-000000000001/application",
    "descriptionHtml": "<p>Draw</p>",
    "descriptionPlain": "Draw",
    "compensation": {
        "compensationTierSummary": "€40K - €50K",
        "summaryComponents": [
            {"compensationType": "EquityPercentage", "minValue": 0.1, "maxValue": 0.2},
            {
                "compensationType": "Salary",
                "interval": "1 YEAR",
                "currencyCode": "EUR",
                "minValue": 40000,
                "maxValue": 50000,
            },
        ],
    },
}
SMARTRECRUITERS: Entry = {
    "id": "743999000000001",
    "name": "Welder",
    "uuid": "1",
    "refNumber": "R1",
    "company": {"identifier": "AcmeWorks", "name": "Acme Works"},
    "releasedDate": "2026-01-02T03:04:05.000Z",
    "location": {"city": "Gdańsk", "region": "", "country": "pl", "remote": False},
    "typeOfEmployment": {"id": "contract", "label": "Contract"},
    "ref": "https://api.smartrecruiters.com/v1/companies/AcmeWorks/postings/743999000000001",
}
WORKDAY: Entry = {
    "title": "Nurse",
    "externalPath": "/job/Oslo/Nurse_R-100",
    "locationsText": "2 Locations",
    "postedOn": "Posted Yesterday",
    "bulletFields": ["R-100"],
}
WORKDAY_DETAIL: Entry = {
    "jobPostingInfo": {
        "id": "abc",
        "title": "Nurse",
        "jobDescription": "<p>Care</p>",
        "location": "Oslo",
        "additionalLocations": ["Bergen", "Home"],
        "postedOn": "Posted Yesterday",
        "startDate": "2026-05-01",
        "endDate": "2026-06-01",
        "timeType": "Part time",
        "jobReqId": "R-100",
        "remoteType": "Hybrid",
        "country": {"descriptor": "Norway", "id": "x"},
        "externalUrl": "https://helse.wd3.myworkdayjobs.com/nb-NO/Jobs/job/Oslo/Nurse_R-100",
        "posted": False,
    },
    "hiringOrganization": {"name": "Helse AS", "url": ""},
}
ARBEITNOW: Entry = {
    "slug": "koch-1",
    "company_name": "Acme",
    "title": "Koch",
    "description": "<p>Kochen</p>",
    "remote": True,
    "url": "https://www.arbeitnow.com/jobs/companies/acme/koch-1",
    "tags": ["Food"],
    "job_types": ["Full Time"],
    "location": "Köln",
    "created_at": 1700000000,
}
REMOTEOK: Entry = {
    "slug": "remote-go-1",
    "id": "1",
    "epoch": 1700000000,
    "date": "2023-11-14T22:13:20+00:00",
    "company": "Acme",
    "position": "Go developer",
    "tags": ["go", "dev"],
    "description": "<p>Go</p>",
    "location": "Worldwide, ",
    "salary_min": 90000,
    "salary_max": 120000,
    "apply_url": "https://remoteOK.com/l/1",
    "url": "https://remoteOK.com/remote-jobs/remote-go-1",
}
NOTICE = {"last_updated": 1, "legal": "Link back."}

ENTRIES = {
    "greenhouse": GREENHOUSE,
    "lever": LEVER,
    "ashby": ASHBY,
    "smartrecruiters": SMARTRECRUITERS,
    "workday": WORKDAY,
    "arbeitnow": ARBEITNOW,
    "remoteok": REMOTEOK,
}
SHAPES: dict[str, Callable[[Entry], str]] = {
    "a list": lambda entry: json.dumps([entry]),
    "JSON Lines": lambda entry: json.dumps(entry) + "\n" + json.dumps(entry) + "\n",
    "a document": lambda entry: json.dumps(entry, indent=2),
    "in jobs": lambda entry: json.dumps({"jobs": [entry], "meta": {"total": 1}}),
    "in data, with meta": lambda entry: json.dumps({"meta": {"x": [1]}, "data": [entry]}),
    "deep down": lambda entry: json.dumps({"ok": True, "result": {"page": 1, "hits": [entry]}}),
    "a list of pages": lambda entry: json.dumps([{"n": 1, "jobs": [entry]}, {"jobs": []}]),
    "pages a line each": lambda entry: json.dumps({"jobs": [entry]}) + "\n" + '{"jobs": []}\n',
    "cut short by the look": lambda entry: json.dumps([entry] * 300),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ENTRIES)
def test_a_board_is_known_in_every_shape(read: Read, name: str, shape: str) -> None:
    text = SHAPES[shape](ENTRIES[name])
    assert recognise(text.encode()[: 64 * 1024], "the file").format == name
    found = taken(read(text))
    assert {posting.source for posting in found} == {name}
    assert len({posting.source_job_id for posting in found}) == 1
    (alone,) = taken(read(json.dumps([ENTRIES[name]])))
    assert found[0] == alone


@each_case("name", ENTRIES)
def test_no_two_boards_claim_the_same_entry(name: str) -> None:
    others = {other: ENTRIES[other] for other in ENTRIES if other != name}
    for other, entry in others.items():
        head = json.dumps([entry]).encode()
        assert recognise(head, "the file").format == other != name


@each_case(
    "entry",
    [
        {"id": 1, "title": "T", "location": {"name": "X"}},
        {"slug": "a", "title": "T", "url": "https://a.example/1", "tags": []},
        {"text": "T", "categories": ["x"], "title": "T"},
        {"name": "T", "company": {"name": "C"}, "title": "T", "id": "1"},
        {"externalPath": "/a", "title": "T"},
        {"position": "T", "company": "C", "epoch": 1},
    ],
)
def test_a_strangers_entry_is_no_boards(entry: Entry) -> None:
    assert recognise(json.dumps([entry]).encode(), "the file").format == "by its columns"


def test_greenhouse_gives_every_office(read: Read) -> None:
    (found,) = taken(read(json.dumps({"jobs": [GREENHOUSE]})))
    assert values(found, "title", "company", "location", "url", "description") == {
        "title": "Köchin",
        "company": "acmegmbh",
        "location": "Berlin, Germany",
        "url": GREENHOUSE["absolute_url"],
        "description": GREENHOUSE["content"],
    }
    assert places(found) == ["Berlin, Germany", "Vienna, Austria", "Bern"]
    assert found.source_job_id == "4012345"
    assert found.posted_at is None


@pytest.mark.parametrize(
    ("changes", "company"),
    [
        ({"company_name": "Acme GmbH"}, "Acme GmbH"),
        ({"absolute_url": "https://job-boards.eu.greenhouse.io/acme/jobs/1"}, "acme"),
        ({"absolute_url": "https://boards.greenhouse.io/embed/job_app?for=acme&token=1"}, "acme"),
        ({"absolute_url": "https://acme.example/careers/1?gh_jid=4012345"}, "(not stated)"),
        ({"absolute_url": "nonsense"}, "(not stated)"),
        ({"company_name": ""}, "acmegmbh"),
    ],
)
def test_greenhouses_company_is_named_or_in_the_address(
    read: Read, changes: Entry, company: str
) -> None:
    (found,) = taken(read(json.dumps([GREENHOUSE | changes])))
    assert found.company == company


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"location": {"name": "Anywhere"}, "offices": []}, ["Anywhere"]),
        ({"location": None}, ["Berlin, Germany", "Vienna, Austria", "Bern"]),
        ({"location": {"name": "A; B"}, "offices": None}, ["A", "B"]),
        ({"location": {}, "offices": []}, []),
        ({"offices": "none"}, ["Berlin, Germany"]),
    ],
)
def test_odd_places_of_greenhouse(read: Read, changes: Entry, expected: list[str]) -> None:
    (found,) = taken(read(json.dumps([GREENHOUSE | changes])))
    assert places(found) == expected


def test_lever_joins_its_lists_into_the_description(read: Read) -> None:
    (found,) = taken(read(json.dumps([LEVER])))
    assert found.description == (
        "<div>We are Acme.</div>\n"
        "<h3>You do</h3><ul><li>SQL</li><li>Python</li></ul>\n"
        "<h3>You get</h3><ul><li>Tea</li></ul>\n"
        "<div>Apply now</div>"
    )
    shown = ("company", "location", "country", "workplace", "employment_type", "salary_min",
             "salary_max", "salary_currency", "salary_period")  # fmt: skip
    assert values(found, *shown) == {
        "company": "acme-labs",
        "location": "Berlin",
        "country": "DE",
        "workplace": "onsite",
        "employment_type": "full_time",
        "salary_min": Decimal(60000),
        "salary_max": Decimal(75000),
        "salary_currency": "EUR",
        "salary_period": "year",
    }
    assert places(found) == ["Berlin", "Hamburg"]
    assert found.posted_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert found.attributes == {"categories": {"team": "Data"}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"salaryRange": None}, {}),
        (
            {"salaryRange": {"min": 20, "max": 20, "currency": "USD", "interval": "per-hour-wage"}},
            {"salary_min": 20, "salary_max": 20, "salary_currency": "USD", "salary_period": "hour"},
        ),
        ({"workplaceType": "unspecified"}, {}),
        (
            {"lists": None, "additional": None, "additionalPlain": None},
            {"description": "<div>We are Acme.</div>"},
        ),
        (
            {"lists": "x", "description": None},
            {"description": "We are Acme.\n<div>Apply now</div>"},
        ),
        ({"categories": None}, {}),
        ({"categories": "x"}, {}),
    ],
)
def test_what_lever_leaves_out_or_writes_oddly(read: Read, changes: Entry, expected: Entry) -> None:
    (found,) = taken(read(json.dumps([LEVER | changes]), "lever"))
    assert found.title == LEVER["text"]
    assert values(found, *expected) == expected
    if "salaryRange" in changes and not expected:
        assert values(found, "salary_min", "salary_currency", "salary_period") == {}
    if "categories" in changes:
        assert (found.location, found.locations, found.employment_type) == (None, [], None)


def test_ashby_gives_its_secondary_locations_and_pay(read: Read) -> None:
    (found,) = taken(read(json.dumps({"apiVersion": "1", "jobs": [ASHBY]})))
    shown = ("company", "location", "country", "workplace", "employment_type", "salary_min",
             "salary_max", "salary_currency", "salary_period", "salary_text")  # fmt: skip
    assert values(found, *shown) == {
        "company": "acme",
        "location": "Paris",
        "country": "FR",
        "workplace": "hybrid",
        "employment_type": "part_time",
        "salary_min": Decimal(40000),
        "salary_max": Decimal(50000),
        "salary_currency": "EUR",
        "salary_period": "year",
        "salary_text": "€40K - €50K",
    }
    assert places(found) == [
        ("Paris", "Paris", None, "FR"),
        ("Lyon", "Lyon", "Auvergne-Rhône-Alpes", "FR"),
        "Remote (EU)",
    ]


@pytest.mark.parametrize(
    ("changes", "workplace"),
    [
        ({"workplaceType": None, "isRemote": True}, "remote"),
        ({"workplaceType": None, "isRemote": False}, None),
        ({"workplaceType": "OnSite"}, "onsite"),
        ({"workplaceType": "Remote", "isRemote": False}, "remote"),
    ],
)
def test_ashbys_workplace(read: Read, changes: Entry, workplace: str | None) -> None:
    (found,) = taken(read(json.dumps([ASHBY | changes])))
    assert found.workplace == workplace


def test_smartrecruiters_as_a_list_and_as_a_detail(read: Read) -> None:
    page = {"offset": 0, "limit": 100, "totalFound": 2, "content": [SMARTRECRUITERS] * 2}
    (found,) = taken(read(json.dumps(page)))
    assert values(found, "title", "company", "location", "country", "employment_type") == {
        "title": "Welder",
        "company": "Acme Works",
        "location": "Gdańsk, pl",
        "country": "PL",
        "employment_type": "contract",
    }
    assert places(found) == [("Gdańsk, pl", "Gdańsk", None, "PL")]
    detail = {
        **SMARTRECRUITERS,
        "postingUrl": "https://jobs.smartrecruiters.com/AcmeWorks/743999000000001-welder",
        "active": False,
        "jobAd": {"sections": {"jobDescription": {"title": "Job", "text": "<p>Weld</p>"}}},
    }
    (found,) = taken(read(json.dumps(detail)))
    assert (found.description, found.status) == ("<h3>Job</h3>\n<p>Weld</p>", "closed")
    assert found.source_job_id == "743999000000001"


def test_details_that_no_list_asks_for_are_postings_too(read: Read) -> None:
    other = {**SMARTRECRUITERS, "id": "743999000000002", "name": "Painter"}
    for details in ({"743999000000002": other}, [other]):
        document = {"list_pages": [{"content": [SMARTRECRUITERS]}], "details": details}
        found = taken(read(json.dumps(document)))
        assert [posting.title for posting in found] == ["Welder", "Painter"]


def test_workday_as_a_list_and_as_a_detail(read: Read) -> None:
    at = {"total": 1, "jobPostings": [WORKDAY, {**WORKDAY, "locationsText": "Oslo", "title": "N2",
          "externalPath": "/job/Oslo/N2_R-1"}]}  # fmt: skip
    first, second = taken(read(json.dumps(at)))
    assert (first.location, first.locations, first.company) == (None, [], "(not stated)")
    assert first.source_job_id == "/job/Oslo/Nurse_R-100"
    assert first.posted_at is not None
    assert first.attributes["locationsText"] == "2 Locations"
    assert second.location == "Oslo"
    (found,) = taken(read(json.dumps(WORKDAY_DETAIL)))
    shown = ("title", "company", "location", "country", "workplace", "employment_type", "status")
    assert values(found, *shown) == {
        "title": "Nurse",
        "company": "Helse AS",
        "location": "Oslo",
        "country": "NO",
        "workplace": "hybrid",
        "employment_type": "part_time",
        "status": "closed",
    }
    assert places(found) == ["Oslo", "Bergen", "Home"]
    assert found.source_job_id == "helse/R-100"
    assert found.posted_at == datetime(2026, 5, 1, tzinfo=UTC)
    assert found.expires_at is not None
    assert found.expires_at.date().isoformat() == "2026-06-01"


@pytest.mark.parametrize(
    "text",
    ["13 Locations", "1 location", "5 more locations", "2 Cities", "3 other places", "12 sites"],
)
def test_a_number_of_places_is_no_place(read: Read, text: str) -> None:
    (found,) = taken(read(json.dumps([{**WORKDAY, "locationsText": text}])))
    assert (found.location, found.locations) == (None, [])


def test_arbeitnow_says_who_works_at_home(read: Read) -> None:
    rows = [ARBEITNOW, ARBEITNOW | {"slug": "b", "remote": False, "job_types": []}]
    first, second = taken(read(json.dumps({"data": rows, "links": {}, "meta": {"page": 1}})))
    assert (first.workplace, first.employment_type) == ("remote", "full_time")
    assert (second.workplace, second.employment_type) == (None, None)
    assert second.attributes["remote"] is False
    assert first.posted_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize("notice", [NOTICE, {"legal": "x"}, {"0": {}, "legal": "y"}])
def test_remote_oks_notice_is_no_row(read: Read, notice: Entry) -> None:
    (found,) = taken(read(json.dumps([notice, REMOTEOK])))
    shown = ("title", "location", "salary_min", "salary_max", "salary_currency", "salary_period")
    assert values(found, *shown) == {
        "title": "Go developer",
        "location": "Worldwide",
        "salary_min": Decimal(90000),
        "salary_max": Decimal(120000),
        "salary_currency": "USD",
        "salary_period": "year",
    }


@pytest.mark.parametrize("amount", [0, "0", 0.0, "0.0", None, ""])
def test_no_pay_at_remote_ok_is_none(read: Read, amount: Any) -> None:
    entry = REMOTEOK | {"salary_min": amount, "salary_max": amount}
    (record,) = read(json.dumps([NOTICE, entry]))
    (found,) = taken([record])
    pay = ("salary_min", "salary_max", "salary_currency", "salary_period")
    assert values(found, *pay) == {}
    assert omissions([record]) == []


@pytest.mark.parametrize("cell", ["['go', 'C, C++']", '["go", "C, C++"]'])
def test_lists_in_cells_are_lists(read: Read, cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    header = "slug,id,epoch,date,company,position,tags,description,location,url"
    row = f"a,1,1,2026-01-02,Acme,Dev,{quoted},x,,https://remoteok.com/remote-jobs/1"
    (found,) = taken(read(f"{header}\n{row}\n"))
    assert found.skills == ["go", "C, C++"]


def test_a_row_of_rubbish_costs_itself_alone(read: Read) -> None:
    rubbish: list[Any] = [None, 1, "x", [], {}, {"id": {}}, {"location": [[]], "offices": 7}]
    records = read(json.dumps({"jobs": [GREENHOUSE, *rubbish, GREENHOUSE]}), "greenhouse")
    assert len(records) == len(rubbish) + 2
    assert [record.fault for record in records[1:4]] == ["is no JSON object"] * 3
    assert taken([records[0], records[-1]])[0].title == "Köchin"


@pytest.mark.parametrize("as_list", [True, False])
def test_a_posting_without_a_list_inside_it_is_no_empty_file(read: Read, as_list: bool) -> None:
    entry = {"id": "0a1b2c", "name": "Dev", "locations": [], "type": {"id": "fullTime"}}
    with pytest.raises(BrokenFile, match="no format is known by its keys"):
        read(json.dumps([entry] if as_list else entry))


def test_the_answer_of_recruitee_maps_itself(read: Read) -> None:
    offer = {
        "id": 1234567,
        "title": "Dev",
        "company_name": "Acme",
        "location": "Utrecht, Netherlands",
        "country_code": "NL",
        "employment_type_code": "fulltime_permanent",
        "description": "<p>x</p>",
        "careers_url": "https://acme.recruitee.com/o/dev",
        "careers_apply_url": "https://acme.recruitee.com/o/dev/c/new",
        "published_at": "2026-10-01 10:00:00 UTC",
        "salary": {"min": "4000", "max": "5000", "period": "month", "currency": "EUR"},
    }
    (found,) = taken(read(json.dumps({"offers": [offer]})))
    assert values(found, *SHOWN_OF_RECRUITEE) == {
        "source": "recruitee",
        "source_job_id": "acme/dev",
        "company": "Acme",
        "country": "NL",
        "employment_type": "full_time",
        "salary_min": Decimal(4000),
        "salary_max": Decimal(5000),
        "salary_period": "month",
        "salary_currency": "EUR",
        "url": "https://acme.recruitee.com/o/dev",
        "apply_url": "https://acme.recruitee.com/o/dev/c/new",
    }


SHOWN_OF_RECRUITEE = (
    *("source", "source_job_id", "company", "country", "employment_type", "url", "apply_url"),
    *("salary_min", "salary_max", "salary_period", "salary_currency"),
)


def test_a_posting_that_indeed_says_has_expired_is_closed(read: Read) -> None:
    header = "positionName,company,url,isExpired"
    rows = [f"Cook,Acme,https://www.indeed.com/viewjob?jk=0123456789abcde{n}," for n in range(3)]
    table = "\n".join([header, rows[0] + "true", rows[1] + "false", rows[2], ""])
    assert [found.status for found in taken(read(table))] == ["closed", None, None]
