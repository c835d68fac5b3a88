"""LinkedIn's tables, with made-up rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import BrokenFile
from jobstore.exchange.catalogue import built_in
from jobstore.intake.validation import check_posting
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.conftest import posting as of

posting = built_in("linkedin").translate

ROW: dict[str, Any] = {
    "job_id": "1",
    "company_name": "Acme",
    "title": "Engineer",
    "formatted_work_type": "Full-time",
    "work_type": "FULL_TIME",
    "location": "Berlin",
}


def test_all_columns_are_translated_or_kept() -> None:
    found = posting(
        {
            **ROW,
            "description": "Text",
            "min_salary": "17.0",
            "max_salary": "20.0",
            "pay_period": "HOURLY",
            "currency": "USD",
            "company_id": "77.0",
            "views": "20.0",
            "applies": "2.0",
            "listed_time": "1713397508000.0",
            "original_listed_time": "1713397508000.0",
            "expiry": "1715989508000.0",
            "closed_time": "1713397509000.0",
            "remote_allowed": "1.0",
            "job_posting_url": "https://www.linkedin.com/jobs/view/1/?trk=x",
            "application_url": "www.example.org",
            "formatted_experience_level": "Mid-Senior level",
            "skills_desc": "Some skills",
        }
    )
    assert found == {
        "source": "linkedin",
        "source_job_id": "1",
        "title": "Engineer",
        "company": "Acme",
        "location": "Berlin",
        "description": "Text",
        "employment_type": "Full-time",
        "experience_level": "Mid-Senior level",
        "workplace": "remote",
        "url": "https://www.linkedin.com/jobs/view/1/?trk=x",
        "apply_url": "https://www.example.org",
        "applicant_count": 2,
        "posted_at": datetime(2024, 4, 17, 23, 45, 8, tzinfo=UTC),
        "expires_at": datetime(2024, 5, 17, 23, 45, 8, tzinfo=UTC),
        "closed_at": datetime(2024, 4, 17, 23, 45, 9, tzinfo=UTC),
        "status": "closed",
        "salary_min": "17.0",
        "salary_max": "20.0",
        "salary_currency": "USD",
        "salary_period": "HOURLY",
        "attributes": {
            "work_type": "FULL_TIME",
            "company_id": "77.0",
            "views": "20.0",
            "remote_allowed": "1.0",
            "skills_desc": "Some skills",
        },
    }
    assert check_posting(found).salary_period == "hour"


def test_a_reposted_opening_is_as_new_as_its_last_listing() -> None:
    times = {"listed_time": "1700000000000.0", "original_listed_time": "1600000000000.0"}
    found = posting({**ROW, **times})
    assert found["posted_at"] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert found["attributes"]["original_listed_time"] == "1600000000000.0"
    found = posting({**ROW, "original_listed_time": "1600000000000.0"})
    assert found["posted_at"] == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert "original_listed_time" not in found["attributes"]


def test_a_single_amount_is_both_ends() -> None:
    found = posting({**ROW, "med_salary": "350.0", "pay_period": "MONTHLY", "currency": "USD"})
    assert (found["salary_min"], found["salary_max"]) == ("350.0", "350.0")
    assert found["attributes"]["med_salary"] == "350.0"


def test_an_amount_that_is_paid_once_is_no_salary() -> None:
    pay = {"min_salary": "10.0", "max_salary": "20.0", "pay_period": "ONCE", "currency": "USD"}
    found = posting({**ROW, **pay})
    assert found["salary_text"] == "10.0 - 20.0 USD once"
    assert "salary_min" not in found


def test_side_tables_are_joined(read: Read, tmp_path: Path) -> None:
    salaries, skills, companies = (tmp_path / name for name in ("pay", "skills", "companies"))
    salaries.write_text(
        "salary_id,job_id,max_salary,med_salary,min_salary,pay_period,currency,compensation_type\n"
        "1,5,30.0,,22.0,HOURLY,USD,BASE_SALARY\n2,,1.0,,1.0,HOURLY,USD,BASE_SALARY\n"
    )
    skills.write_text("job_id,skill_abr\n5,IT\n5,ENG\n6,\n")
    companies.write_text("company_id,name\n9,Acme\n8,\n")
    records = read(
        "job_id,company_id,title,formatted_work_type\n5,9,Engineer,Contract\n6,8,Cook,Contract\n7\n",
        salaries=salaries,
        skills=skills,
        companies=str(companies),
    )
    first = of(records[0])
    assert first["company"] == "Acme"
    assert first["skills"] == ["IT", "ENG"]
    assert (first["salary_min"], first["salary_period"]) == ("22.0", "HOURLY")
    assert first["attributes"] == {"company_id": "9", "compensation_type": "BASE_SALARY"}
    assert first["url"] == "https://www.linkedin.com/jobs/view/5/"
    assert "company" not in of(records[1])
    assert "skills" not in of(records[1])
    assert records[2].fault is not None


def test_a_side_table_that_is_none_or_broken_is_refused(read: Read, tmp_path: Path) -> None:
    side = tmp_path / "side.csv"
    main = "job_id,title,formatted_work_type\n5,Engineer,Contract\n"
    side.write_text("a,b\n1,2\n")
    with pytest.raises(BrokenFile, match="has no column 'job_id'"):
        read(main, salaries=side)
    side.write_text("job_id,skill_abr\n1\n")
    with pytest.raises(BrokenFile, match="line 2: has 1 cell "):
        read(main, skills=side)
