"""The SQL of the other ways, for those that take text."""

from __future__ import annotations

from benchmarks.peers.schema import COLUMNS, KEY

_CHANGED = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in KEY)
_SUMMARY = (
    "id, source, source_job_id, title, company, location, country, workplace, employment_type,"
    " experience_level, industry, skills, salary_min, salary_max, salary_currency, salary_period,"
    " url, applicant_count, posted_at, status, last_seen_at"
)
_NEWEST = "ORDER BY posted_at DESC LIMIT 20"

GET = "SELECT * FROM jobs WHERE id = :id"
FIND = "SELECT * FROM jobs WHERE source = :source AND source_job_id = :source_job_id"
COUNT = "SELECT count(*) FROM jobs"
TITLE = f"SELECT {_SUMMARY} FROM jobs WHERE title LIKE :one AND title LIKE :two {_NEWEST}"
COMPANY = f"SELECT {_SUMMARY} FROM jobs WHERE company LIKE :company {_NEWEST}"
RECENT = f"SELECT {_SUMMARY} FROM jobs WHERE posted_at >= :since {_NEWEST}"
COMPLEX = f"""
SELECT {_SUMMARY} FROM jobs
WHERE (title LIKE :word OR company LIKE :word OR location LIKE :word OR description LIKE :word)
    AND location = :location AND workplace = :workplace AND yearly_max >= :salary
    AND status = :status
{_NEWEST}
"""
STATISTICS = (
    COUNT,
    "SELECT status, count(*) FROM jobs GROUP BY status",
    "SELECT source, count(*) FROM jobs GROUP BY source",
    "SELECT employment_type, count(*) FROM jobs GROUP BY employment_type",
    "SELECT experience_level, count(*) FROM jobs GROUP BY experience_level",
    "SELECT company, count(*) FROM jobs GROUP BY company ORDER BY 2 DESC LIMIT 10",
    "SELECT location, count(*) FROM jobs GROUP BY location ORDER BY 2 DESC LIMIT 10",
    "SELECT avg(applicant_count), min(applicant_count), max(applicant_count) FROM jobs",
)
UPSERT = f"""
INSERT INTO jobs ({", ".join(COLUMNS)}) VALUES ({", ".join(f":{name}" for name in COLUMNS)})
ON CONFLICT (source, source_job_id) DO UPDATE SET {_CHANGED}
"""
