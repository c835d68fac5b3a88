"""Small real faults, each file through the command: the values that are stored, one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobstore import Job
from tests.contract.cli.commands import run

# The same way for every engine, which examples show quicker.
pytestmark = pytest.mark.needs("files")

Values = dict[str, Any]

ACME: Values = {
    "title": "Data Engineer",
    "company": "Acme GmbH",
    "location": "Berlin, DE",
    "country": "DE",
    "source": "acme.example",
    "source_job_id": "https://acme.example/jobs/1",
    "url": "https://acme.example/jobs/1",
    "company_url": "https://acme.example",
    "posted_at": "2026-05-01T00:00:00Z",
    "description_text": "Hello",
}
PAGE = {**ACME, "company": "Acme", "location": None, "country": None, "company_url": None}
TABLE: Values = {
    "title": "Engineer 1",
    "company": "Acme",
    "location": "Köln",
    "description": "hello",
    "url": "https://x.example/1",
    "posted_at": "2026-05-01T00:00:00Z",
    "salary_text": None,
}
NO_PAY: Values = {"salary_min": None, "salary_max": None, "salary_currency": None}


def pay(low: int | None, high: int | None, currency: str | None, period: str | None) -> Values:
    return {
        "salary_min": low,
        "salary_max": high,
        "salary_currency": currency,
        "salary_period": period,
    }


# What each file gives, in the order of its rows: only the fields that matter to its fault.
CASES: dict[str, list[Values]] = {
    "csv_country_names.csv": [
        # Where a comma comes before decimals, 45,000 is surely not forty-five; it stays text.
        {"country": "DE", "salary_min": None, "salary_max": None, "workplace": "remote"},
        {"country": "DE", **pay(45000, 55000, None, None), "workplace": "remote"},
        {"country": "US", **pay(45000, 55000, "USD", None), "workplace": None},
        {"country": "GB", **pay(45000, None, None, None)},
        {"country": "GB", **NO_PAY},
        {"country": "GB", **NO_PAY},
    ],
    "csv_excel_sep_line.csv": [TABLE],
    "csv_pipe.csv": [TABLE],
    "csv_utf16_bom.csv": [TABLE],
    "csv_semicolon_header_with_comma.csv": [{**TABLE, "location": None}],
    "csv_salary_45.000_is_45.csv": [
        {"title": "Entwickler", "company": "Acme", "salary_min": None, "salary_max": None}
    ],
    "csv_same_indeed_job_three_hosts.csv": [
        {"source": "indeed", "source_job_id": "0123456789abcdef", "title": "Dev"}
    ],
    "csv_same_linkedin_job_two_hosts.csv": [
        {"source": "linkedin", "source_job_id": "4455705006", "title": "Senior PM"}
    ],
    "html_description.jsonl": [
        {"description_text": "Data engineer in München, C++ and machine learning"}
    ],
    "jobspy_markdown_escapes.csv": [
        {"source": "linkedin", "description_text": "Strong C++ and C#, full-time"}
    ],
    "jsonl_nan.jsonl": [
        {"source_job_id": "1", "location": None, **NO_PAY},
        {"source_job_id": "2", **NO_PAY},
    ],
    "jsonld_bom_in_script.html": [PAGE],
    "jsonld_extra_brace_extruct87.html": [PAGE],
    "jsonld_trailing_comma.html": [PAGE],
    "pages_1_good.html": [PAGE],
    "pages_3_good.html": [
        {**PAGE, "source_job_id": "https://acme.example/jobs/2"}
        | {"url": "https://acme.example/jobs/2"}
    ],
    "jsonld_country_EU.json": [{**ACME, "location": "Anywhere, EU", "country": None}],
    "jsonld_employment_comma_joined.json": [{**ACME, "employment_type": "full_time"}],
    "jsonld_employment_permanent.json": [{**ACME, "employment_type": None}],
    "jsonld_graph_org_by_id.json": [{**ACME, "company_url": None}],
    "jsonld_relative_url.json": [
        {"title": "Data Engineer", "company": "Acme GmbH", "location": "Berlin, DE"}
    ],
    "jsonld_remote_only_in_germany.json": [
        {**ACME, "workplace": "remote", "country": "DE", "location": "Germany"}
    ],
    "jsonld_salary_45.000_is_45.json": [
        {"title": "Entwickler", "source_job_id": "https://acme.example/9"}
        | pay(45000, 55000, "EUR", "year")
    ],
    "jsonld_salary_max_zero.json": [{**ACME, **pay(40000, None, "EUR", "year")}],
    "jsonld_salary_value_50,000.json": [{**ACME, **pay(50000, 50000, "EUR", "year")}],
    "jsonld_three_locations.json": [{**ACME, "location": "Berlin, DE; Hamburg, DE; München, DE"}],
    "jsonld_title_html_entities.json": [{**ACME, "title": "Data Engineer & Analyst (m/w/d)"}],
    "jsonld_validThrough_9999.json": [{**ACME, "expires_at": None}],
    "salary_text_misread.csv": [
        {"title": "Backend dev", **pay(300000, 500000, "INR", "year")},
        {"title": "Nurse", "salary_text": "$15,000 Sign-On Bonus!", **NO_PAY},
        {"salary_text": "NT$50,000"},
        {"salary_text": "bis zu 60.000 €", **pay(None, 60000, "EUR", "year")},
        {"salary_text": "$3,000 bi-weekly", **NO_PAY},
        {"salary_text": "Competitive salary (USD), 401k match", **NO_PAY},
        {"salary_text": "$2.5 million a year", **pay(2500000, 2500000, "USD", "year")},
    ],
}


def stored(*files: Path, store: Path) -> list[Values]:
    """Import files by the plain command; return what is stored, in the order of the rows."""
    url = f"sqlite:///{store}"
    result = run("import", *map(str, files), "--store", url, "--json")
    assert result.exit_code == 0, result.stderr
    exported = run("search", "--store", url, "--limit", "100", "--json")
    return [
        json.loads(run("show", item["id"], "--store", url, "--json").stdout)
        for item in reversed(json.loads(exported.stdout)["items"])
    ]


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_small_real_fault_gives_the_right_values(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    wanted = CASES[name]
    found = stored(real_data / "field_cases" / name, store=tmp_path / "jobs.db")
    for values in wanted:
        assert set(values) <= set(Job.__dataclass_fields__)
    told = [
        {field: job.get(field) for field in values}
        for job, values in zip(found, wanted, strict=True)
    ]
    assert told == wanted
