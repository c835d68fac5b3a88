"""What boards and scrapers give, in the shapes that they document, as it is taken in."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobstore import JobPosting
from jobstore.exchange import BrokenFile, open_records
from jobstore.intake.lenient import take_in
from tests.fixtures.cases import each_case

SAMPLES = Path(__file__).parent / "samples"
SEEN_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)

Values = dict[str, Any]


def day(month: int, date: int, year: int = 2026, hour: int = 0) -> datetime:
    return datetime(year, month, date, hour, tzinfo=UTC)


def texts(*places: str) -> list[str]:
    return list(places)


# Of each row of a sample, in its order: the values of the fields that the format is about.
SAMPLES_OF: dict[str, list[Values]] = {
    "workable_widget.json": [
        {
            "source": "workable",
            "source_job_id": "A1B2C3D4E5",
            "title": "Data Engineer",
            "company": "Brightwave Labs",
            "country": None,
            "locations": texts("Athens, Attica, Greece", "Madrid, Madrid, Spain"),
            "workplace": "remote",
            "employment_type": "full_time",
            "experience_level": "mid_senior",
            "industry": "Computer Software",
            "description": "<p>Build <b>pipelines</b>.</p>",
            "url": "https://apply.workable.com/j/A1B2C3D4E5",
            "apply_url": "https://apply.workable.com/j/A1B2C3D4E5/apply",
            "posted_at": day(10, 1),
        }
    ],
    "workable_spi.json": [
        {
            "source_job_id": "GROOV003",
            "title": "Sales Intern",
            "company": "(not stated)",
            "locations": texts("Portland, Oregon, United States"),
            "country": "US",
            "workplace": "onsite",
            "salary_min": 20000,
            "salary_max": 24000,
            "salary_currency": "USD",
            "status": None,
            "posted_at": day(7, 1),
        },
        {"source_job_id": "GROOV004", "workplace": "remote", "status": "closed"},
    ],
    "remotive.json": [
        {
            "source": "remotive",
            "source_job_id": "1700001",
            "company": "Orbit",
            "location": "Worldwide",
            "workplace": "remote",
            "employment_type": "full_time",
            "industry": "Software Development",
            "skills": ["python", "api"],
            "salary_min": 40000,
            "salary_max": 50000,
            "salary_currency": "USD",
            "salary_text": "$40,000 - $50,000",
            "posted_at": datetime(2026, 11, 2, 10, 23, 26, tzinfo=UTC),
        },
        {"location": "Germany, France", "employment_type": "contract", "salary_text": None},
    ],
    "jobicy.json": [
        {
            "source": "jobicy",
            "source_job_id": "99001",
            "title": "Content Lead \N{EN DASH} EMEA",
            "location": "USA",
            "workplace": "remote",
            "employment_type": "full_time",
            "experience_level": "mid_senior",
            "industry": "Marketing & Sales",
            "salary_min": 70000,
            "salary_max": 90000,
            "salary_currency": "USD",
            "salary_period": "year",
            "posted_at": datetime(2026, 11, 20, 11, 3, 22, tzinfo=UTC),
        },
        {
            "employment_type": "contract",
            "experience_level": None,
            "industry": "Legal, HR",
            "salary_min": 50000,
            "salary_currency": "EUR",
            "salary_period": "year",
        },
    ],
    "himalayas.json": [
        {
            "source": "himalayas",
            "source_job_id": "orbit/staff-engineer",
            "title": "Staff Engineer",
            "locations": texts("United States", "Canada"),
            "workplace": "remote",
            "employment_type": "full_time",
            "experience_level": "mid_senior",
            "salary_min": 120000,
            "salary_max": 150000,
            "salary_currency": "USD",
            "salary_period": "year",
            "posted_at": datetime.fromtimestamp(1763800000, UTC),
            "expires_at": datetime.fromtimestamp(1769000000, UTC),
        },
        {
            "source_job_id": "orbit/helper",
            "experience_level": "entry",
            "employment_type": "contract",
            "salary_period": None,
            "locations": [],
        },
    ],
    "themuse.json": [
        {
            "source": "themuse",
            "source_job_id": "12345678",
            "title": "Nurse",
            "company": "Orbit Health",
            "locations": texts("Flexible / Remote", "New York, NY"),
            "workplace": None,
            "experience_level": "mid_senior",
            "industry": "Healthcare",
            "description": "<p>Care</p>",
            "url": "https://www.themuse.com/jobs/orbit/nurse-1",
        }
    ],
    "adzuna.json": [
        {
            "source": "adzuna",
            "source_job_id": "5129698749",
            "title": "Python Developer",
            "company": "Orbit",
            "location": "Central London, London",
            "country": "GB",
            "employment_type": "full_time",
            "salary_min": 50000,
            "salary_max": 55000,
            "salary_period": "year",
            "posted_at": datetime(2026, 11, 8, 18, 7, 39, tzinfo=UTC),
        },
        # A salary that Adzuna predicts is none that was stated.
        {"company": "(not stated)", "salary_min": None, "salary_max": None, "salary_period": None},
    ],
    "jsearch.json": [
        {
            "source": "jsearch",
            "source_job_id": "ZjYFdJ-QsEoAAAAAAAAAAA==",
            "company": "Orbit",
            "location": "Austin, TX",
            "country": "US",
            "workplace": "remote",
            "employment_type": "full_time",
            "skills": ["Python"],
            "salary_min": 50,
            "salary_max": 60,
            "salary_currency": "USD",
            "salary_period": "hour",
            "posted_at": datetime(2025, 11, 20, 20, 36, 9, tzinfo=UTC),
        },
        {
            "company": "(not stated)",
            "location": "Nairobi, KE",
            "country": "KE",
            "employment_type": "part_time",
            "posted_at": datetime.fromtimestamp(1763670969, UTC),
        },
    ],
    "usajobs.json": [
        {
            "source": "usajobs",
            "source_job_id": "700123400",
            "title": "IT Specialist",
            "company": "Bureau of Things",
            "locations": texts("Denver, Colorado", "Boise, Idaho"),
            "employment_type": "full_time",
            "description": "Do IT.\n\nOne\n\nTwo\n\nOne year.",
            "salary_min": 80000,
            "salary_max": 95000,
            "salary_currency": "USD",
            "salary_period": "year",
            "posted_at": day(11, 1),
            "expires_at": datetime(2026, 12, 1, 23, 59, 59, 997000, tzinfo=UTC),
        }
    ],
    "glassdoor.csv": [
        {
            "source": "glassdoor",
            "title": "Data Analyst",
            "company": "Orbit Justice",
            "location": "New York, NY",
            "industry": "Social Assistance",
            "company_size": "201 to 500 employees",
            "salary_min": 37000,
            "salary_max": 66000,
            "salary_currency": "USD",
            "salary_period": "year",
            "salary_text": "$37K-$66K (Glassdoor est.)",
        },
        {"company": "Lonely", "industry": None, "company_size": None, "salary_text": None},
    ],
    "indeed.csv": [
        {
            "source": "indeed",
            "source_job_id": "0123456789abcdef",
            "title": "Cook",
            "employment_type": "part_time",
            "salary_min": 15,
            "salary_max": 18,
            "salary_period": "hour",
            "posted_at": day(11, 17),
            "last_seen_at": SEEN_AT,
        },
        {
            "source_job_id": "fedcba9876543210",
            "posted_at": None,
            "employment_type": "full_time",
            "status": "closed",
        },
    ],
    "linkedin_scraper.csv": [
        {
            "source": "linkedin",
            "source_job_id": "3757940104",
            "title": "Welder",
            "company": "Orbit",
            "location": "Ulm, Germany",
            "url": "https://www.linkedin.com/jobs/view/3757940104/?eBP=x",
            "company_url": "https://www.linkedin.com/company/orbit",
            "description": "Weld",
            "posted_at": day(11, 1),
        }
    ],
    "jobfunnel.csv": [
        {
            "source": "indeed",
            "source_job_id": "0123456789abcdea",
            "title": "Developer",
            "location": "Waterloo, ON",
            "posted_at": day(10, 29),
            "url": "https://ca.indeed.com/viewjob?jk=0123456789abcdea",
        },
        {"source": "monster", "title": "Welder"},
    ],
    "feed.rss": [
        {
            "source": "b.example",
            "source_job_id": "https://b.example/jobs/1",
            "title": "Data & AI Engineer",
            "company": "Orbit",
            "location": "Berlin",
            "employment_type": "full_time",
            "description": "<p>Long <b>text</b></p>",
            "posted_at": day(11, 10, hour=9),
        }
    ],
    "feed.atom": [
        {
            "source_job_id": "https://b.example/2",
            "title": "A Dev",
            "company": "(not stated)",
            "description": "<p>Hi</p>",
            "posted_at": day(11, 1, hour=10),
        }
    ],
    "weworkremotely.rss": [
        {
            "source": "weworkremotely",
            "source_job_id": "orbit-senior-dev",
            "title": "Senior Dev: Platform",
            "company": "Orbit",
            "location": "Anywhere in the World",
            "workplace": "remote",
            "employment_type": "full_time",
            "posted_at": day(11, 9, hour=9),
            "expires_at": datetime(2026, 12, 9, 23, 59, 59, tzinfo=UTC),
        }
    ],
}


def taken_in(path: Path) -> list[JobPosting]:
    records = list(open_records(path))
    assert [record.fault for record in records] == [None] * len(records)
    return [take_in(record.posting or {}, seen_at=SEEN_AT)[0] for record in records]


def values_of(posting: JobPosting, names: Values) -> Values:
    found: Values = {name: getattr(posting, name) for name in names}
    if "locations" in found:
        found["locations"] = [place.text for place in found["locations"]]
    return {
        name: int(value) if isinstance(value, Decimal) else value for name, value in found.items()
    }


@each_case("name", sorted(SAMPLES_OF))
def test_a_board_is_known_by_what_is_in_its_file(name: str) -> None:
    postings = taken_in(SAMPLES / name)
    assert [
        values_of(posting, wanted)
        for posting, wanted in zip(postings, SAMPLES_OF[name], strict=True)
    ] == SAMPLES_OF[name]


def test_every_sample_is_looked_at() -> None:
    assert {path.name for path in SAMPLES.iterdir()} == set(SAMPLES_OF)


def test_a_feed_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    whole = (SAMPLES / "feed.rss").read_bytes()
    path = tmp_path / "feed.rss"
    path.write_bytes(whole[: whole.index(b"</item>") + 7])
    with pytest.raises(BrokenFile, match="cut short"):
        list(open_records(path))


def test_a_city_does_not_name_its_state_again() -> None:
    (posting,) = taken_in(SAMPLES / "usajobs.json")
    assert [(place.city, place.region) for place in posting.locations] == [
        ("Denver", "Colorado"),
        ("Boise", "Idaho"),
    ]
