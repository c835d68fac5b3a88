"""Real files, read but not stored: how many rows, how many keys, and that intake takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobstore.errors import InvalidPosting
from jobstore.exchange import BrokenFile, Record, open_records, parse_columns
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_posting
from jobstore.records import COMPANY_NOT_STATED, JobPosting

Checked = tuple[list[JobPosting], list[tuple[Record, InvalidPosting]]]


def check(
    records: Iterator[Record],
    taking: Callable[[Any], JobPosting] = lambda posting: take_in(posting)[0],
) -> Checked:
    taken, refused = [], []
    for record in records:
        assert record.fault is None
        try:
            taken.append(taking(record.posting or {}))
        except InvalidPosting as error:
            refused.append((record, error))
    return taken, refused


def keys(postings: list[JobPosting]) -> set[tuple[str, str]]:
    return {(posting.source, posting.source_job_id) for posting in postings}


def test_linkedin_postings(real_data: Path) -> None:
    taken, refused = check(open_records(real_data / "linkedin" / "postings.csv"))
    assert (len(taken), len(keys(taken)), refused) == (1000, 1000, [])
    assert sum(posting.company == COMPANY_NOT_STATED for posting in taken) == 92
    assert sum(posting.salary_min is not None for posting in taken) == 380
    assert sum(posting.workplace == "remote" for posting in taken) == 184
    assert sum(posting.status == "closed" for posting in taken) == 11
    assert sum(posting.apply_url is not None for posting in taken) == 221
    assert all(posting.description and posting.posted_at for posting in taken)
    yearly = [posting.salary_max for posting in taken if posting.salary_period == "year"]
    # Likely meant in thousands or per hour, but kept as found.
    assert sum(amount is not None and float(amount) < 1000 for amount in yearly) == 4


def test_linkedin_job_postings_with_side_tables(real_data: Path) -> None:
    folder = real_data / "linkedin"
    taken, refused = check(
        open_records(
            folder / "job_postings.csv",
            salaries=folder / "salaries.csv",
            skills=folder / "job_skills.csv",
        )
    )
    assert (len(taken), len(keys(taken)), refused) == (33246, 33246, [])
    # Two more state a range from 0 to 0, which says nothing.
    assert sum(posting.salary_min is not None for posting in taken) == 13349
    assert sum(posting.salary_text is not None for posting in taken) == 1
    assert sum(bool(posting.skills) for posting in taken) == 32034


@pytest.mark.parametrize(
    ("day", "rows"), [("2026-01-06", 111136), ("2026-01-07", 112050), ("2026-01-08", 112616)]
)
def test_company_boards(real_data: Path, day: str, rows: int) -> None:
    path = real_data / "ats_daily" / f"all_jobs_{day}.json.gz"
    found: set[tuple[Any, Any]] = set()
    count = 0
    for record in open_records(path):
        posting = record.posting or {}
        found.add((posting["source"], posting["source_job_id"]))
        if count % 50 == 0:
            take_in(posting)
        count += 1
    assert (count, len(found)) == (rows, rows)
    assert {source for source, _ in found} == {"greenhouse"}


INDEED = "title=Job Title,company=Company,location=Location,salary_text=Salary"
OTHERS = "title=Name,company=Company,location=Location,salary_text=Salary,url=Url"


@pytest.mark.parametrize(
    ("name", "columns", "rows", "stored", "distinct", "salaries"),
    [
        ("glassdoor_data_analyst", OTHERS, 958, 958, 649, 662),
        ("glassdoor_data_scientist", OTHERS, 958, 958, 624, 716),
        ("indeed-da-0407", INDEED, 869, 869, 869, 196),
        ("indeed-ds-0407", INDEED, 944, 944, 944, 86),
        ("linkedin_data_analyst", OTHERS, 1000, 1000, 858, 0),
        ("linkedin_data_scientist", OTHERS, 1000, 1000, 825, 0),
    ],
)
def test_three_boards(
    real_data: Path, name: str, columns: str, rows: int, stored: int, distinct: int, salaries: int
) -> None:
    path = real_data / "crossboard_2020" / f"{name}.csv.gz"
    mapping = parse_columns(f"{columns},description=Description")
    taken, refused = check(open_records(path, source=name.split("-")[0], columns=mapping))
    assert len(taken) + len(refused) == rows
    assert (len(taken), len(keys(taken))) == (stored, distinct)
    # One row in each of the last three names no company; such rows were rejected before.
    nameless = sum(posting.company == COMPANY_NOT_STATED for posting in taken)
    assert nameless == (name in ("indeed-da-0407", "indeed-ds-0407", "linkedin_data_scientist"))
    read = [p for p in taken if p.salary_min is not None or p.salary_max is not None]
    assert len(read) == salaries


@pytest.mark.parametrize(
    ("name", "rows", "sources"),
    [
        ("fr_32.csv", 32, {"linkedin": 20, "indeed": 12}),
        ("japandev.csv", 10, {"japandev": 10}),
        ("jp_linkedin_20.csv", 20, {"linkedin": 20}),
        ("tokyodev_27.csv", 27, {"tokyodev": 27}),
        (
            "widesu_5sites_175.csv",
            175,
            {"bayt": 100, "linkedin": 34, "google": 28, "indeed": 7, "glassdoor": 6},
        ),
        ("yshauly_linkedin_jobs.json", 28, {"linkedin": 20, "redhat": 8}),
    ],
)
def test_jobspy(real_data: Path, name: str, rows: int, sources: dict[str, int]) -> None:
    taken, refused = check(open_records(real_data / "jobspy" / name))
    assert (len(taken), len(keys(taken)), refused) == (rows, rows, [])
    assert Counter(posting.source for posting in taken) == sources


def test_simplify(real_data: Path) -> None:
    taken, refused = check(open_records(real_data / "simplify" / "newgrad_listings.json"))
    assert (len(taken), len(keys(taken)), refused) == (1288, 1288, [])
    # 1,147 are inactive; three more are active, and hidden.
    assert Counter(posting.status for posting in taken) == {"closed": 1150, None: 138}
    assert all(posting.closed_at == posting.last_seen_at for posting in taken)


def test_schema_org(real_data: Path) -> None:
    found = {}
    for path in sorted((real_data / "jsonld").rglob("*.*")):
        try:
            (record,) = open_records(path, "schema-org")
        except BrokenFile as error:
            found[path.name] = str(error).partition("holds ")[2]
            continue
        if record.fault is not None:
            found[path.name] = record.fault
            continue
        _, refused = check(iter([record]), check_posting)
        faults = refused[0][1].faults if refused else ()
        found[path.name] = ", ".join(fault.field for fault in faults)
    none = "no schema.org JobPosting; the file gives nothing."
    assert found == {
        "javion_jp_1_employmentType_csv_string.json": "employment_type",
        "javion_jp_2.json": "",
        "jsonld_meta_software_engineer.html": "",
        "jsonld_meta_software_engineer.json": "",
        "jsonld_neura_robotics_manager.html": "",
        "jsonld_neura_robotics_manager.json": "",
        "jsonresume_job-schema.json": none,
        "jsonresume_sample.job.json": none,
        "page_talentclue.html": none.replace("file", "page"),
        "page_without_jsonld.html": none.replace("file", "page"),
        "rallit_kr.json": "locations, employment_type, posted_at, expires_at",
        "scalarsoft_de.json": "",
        "schemaorg_1.json": "company",
        "schemaorg_2.json": "company",
        "schemaorg_3.json": "",
        "schemaorg_4.json": "company",
        "schemaorg_5.json": "company",
        "schemaorg_6.json": "company",
        "skills_ml_sample_job_listing.json": "company, expires_at",
        "totaljobs_white_company.json": "employment_type",
    }
