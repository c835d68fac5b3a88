"""JobSpy's rows as CSV, JSON and a DataFrame, with made-up rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from jobstore.exchange import postings_from_jobspy
from jobstore.exchange.catalogue import built_in
from jobstore.exchange.converters import Partly, country_at_end
from jobstore.intake.validation import check_posting
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read
from tests.unit.exchange.conftest import posting as of

posting = built_in("jobspy").translate

ROW: dict[str, Any] = {
    "id": "in-1",
    "site": "indeed",
    "job_url": "https://de.example.com/viewjob?jk=1",
    "job_url_direct": "/apply/1",
    "title": "Engineer",
    "company": "Acme",
    "location": "Berlin, BE, DE",
    "date_posted": "2026-01-02",
    "job_type": "fulltime, internship",
    "salary_source": "direct_data",
    "interval": "yearly",
    "min_amount": 50000.0,
    "max_amount": 60000.5,
    "currency": "EUR",
    "is_remote": False,
    "job_level": "mid-senior level",
    "emails": "a@example.com, b@example.com",
    "description": "Text",
    "company_industry": "Software",
    "company_url": "https://example.com",
    "company_num_employees": "11 to 50",
    "skills": "SQL, Rust",
    "company_rating": 4.5,
    "company_reviews_count": 12.0,
    "work_from_home_type": "Hybrid",
}

EXPECTED = {
    "source": "indeed",
    "source_job_id": "in-1",
    "title": "Engineer",
    "company": "Acme",
    "location": "Berlin, BE, DE",
    "country": "DE",
    "industry": "Software",
    "description": "Text",
    "skills": ["SQL", "Rust"],
    "salary_min": 50000.0,
    "salary_max": 60000.5,
    "salary_currency": "EUR",
    "salary_period": "yearly",
    "url": "https://de.example.com/viewjob?jk=1",
    "apply_url": "https://de.example.com/apply/1",
    "company_url": "https://example.com",
    "company_size": "11 to 50",
    "posted_at": "2026-01-02",
    "employment_type": "fulltime",
    "experience_level": "mid-senior level",
    "workplace": "hybrid",
    "attributes": {
        "job_type": "fulltime, internship",
        "salary_source": "direct_data",
        "is_remote": False,
        "emails": "a@example.com, b@example.com",
        "company_rating": 4.5,
        "company_reviews_count": 12,
        "work_from_home_type": "Hybrid",
    },
}


def test_json_csv_and_a_data_frame_say_the_same(read: Read) -> None:
    frame = pd.DataFrame([ROW])
    expected = check_posting(EXPECTED)
    (as_json,) = read(json.dumps([ROW]))
    assert of(as_json) == EXPECTED
    (as_lines,) = read(frame.to_json(orient="records", lines=True))
    (as_csv,) = read(frame.to_csv(index=False))
    (as_frame,) = postings_from_jobspy(frame)
    for found in (of(as_json), of(as_lines), of(as_csv), as_frame):
        assert check_posting(found) == expected


def test_what_pandas_calls_missing_is_not_stated() -> None:
    row = {
        "site": "google",
        "id": 7.0,
        "title": "T",
        "company": None,
        "description": float("nan"),
        "date_posted": pd.NaT,
        "vacancy_count": pd.NA,
        "skills": "",
    }
    (found,) = postings_from_jobspy(pd.DataFrame([row]))
    assert found == {"source": "google", "source_job_id": "7", "title": "T"}


def test_values_of_pandas_and_numpy_become_plain() -> None:
    frame = pd.DataFrame(
        {
            "site": ["a", "a"],
            "id": ["1", "2"],
            "date_posted": [pd.Timestamp("2026-01-02"), pd.Timestamp("2026-01-03")],
            "is_remote": [True, False],
            "vacancy_count": [3, 4],
            "emails": [np.array(["x@example.com"]), ("y@example.com",)],
        }
    )
    first, second = postings_from_jobspy(frame)
    assert first["workplace"] == "remote"
    assert first["posted_at"] == "2026-01-02T00:00:00"
    assert first["attributes"] == {
        "is_remote": True,
        "vacancy_count": 3,
        "emails": ["x@example.com"],
    }
    assert type(first["attributes"]["vacancy_count"]) is int
    assert "workplace" not in second
    assert second["attributes"]["emails"] == ["y@example.com"]
    day = pd.DataFrame({"site": ["a"], "date_posted": [pd.Timestamp("2026-01-02").date()]})
    (found,) = postings_from_jobspy(day)
    assert found["posted_at"] == "2026-01-02"


def test_an_id_that_is_missing_is_taken_from_the_address() -> None:
    found = posting({"site": "x", "job_url": "https://x.example/jobs/abc?utm_source=a"})
    assert found["source_job_id"] == "https://x.example/jobs/abc"
    without = posting({"site": "x", "title": "T"})["source_job_id"]
    assert without == posting({"site": "x", "title": " t", "job_url": 5})["source_job_id"]


def test_columns_of_variants_are_used() -> None:
    found = posting(
        {
            "site": "linkedin",
            "apply_url": "https://example.com/apply",
            "applications_count": 100.0,
            "date_posted": 1767312000000,
            "job_type": 7,
            "work_from_home_type": "Fully Remote",
        }
    )
    assert found["apply_url"] == "https://example.com/apply"
    assert found["applicant_count"] == 100
    assert found["posted_at"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert found["employment_type"] == 7
    assert found["workplace"] == "remote"
    both = posting({"apply_url": "https://a.example", "job_url_direct": "https://b.example"})
    assert both["apply_url"] == "https://b.example"
    assert both["attributes"] == {"apply_url": "https://a.example"}


def test_rows_that_are_no_rows_are_faults(read: Read) -> None:
    records = read('[{"site": "x", "job_url": "y"}, null]')
    assert [record.fault for record in records] == [None, "is no JSON object"]
    records = read("site,job_url,id\nx,y,1\nx\n")
    assert [record.fault is None for record in records] == [True, False]


@each_case(
    ("location", "country"),
    [
        ("Paris, A8, FR", "FR"),
        ("Singapore, S00, SG", "SG"),
        ("Toronto, ON, CA", "CA"),
        ("Remote, San Francisco, CA", None),
        ("San Francisco, CA", None),
        ("Paris, Île-de-France, France", None),
        ("London, ENG, UK", None),
        ("SG", None),
        (None, None),
    ],
)
def test_countries(location: Any, country: str | None) -> None:
    found = country_at_end(location)
    assert (found.value if isinstance(found, Partly) else found) == country
