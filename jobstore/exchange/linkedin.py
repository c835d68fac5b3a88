"""LinkedIn postings as published on Kaggle: ``postings.csv``, or ``job_postings.csv`` with its
side tables ``salaries.csv``, ``job_skills.csv`` and ``companies.csv``.

What the columns say is put into our fields; every other column stays in ``attributes`` as it
was found. Times are milliseconds since 1970. The side tables are held in memory, some 200
bytes a row.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from jobstore.exchange.cells import flag, from_epoch, link, stated, whole
from jobstore.exchange.reading import FilePath, name_of, open_input
from jobstore.exchange.rows import BrokenFile, Record, Row
from jobstore.exchange.tables import csv_rows
from jobstore.records import COMPANY_NOT_STATED

SOURCE = "linkedin"

_ONCE = "ONCE"
_SALARY = ("min_salary", "max_salary", "med_salary", "pay_period", "currency", "compensation_type")

SideTable = Mapping[str, Any]


def read(
    stream: io.BufferedReader,
    name: str,
    *,
    salaries: FilePath | None = None,
    skills: FilePath | None = None,
    companies: FilePath | None = None,
) -> Iterator[Record]:
    """Read either table; side tables are joined by ``job_id`` and ``company_id``."""
    pay = _salaries(salaries) if salaries is not None else {}
    abilities = _skills(skills) if skills is not None else {}
    names = _companies(companies) if companies is not None else {}
    _, rows = csv_rows(stream, name)
    for row in rows:
        if row.fault is not None:
            yield row.broken()
            continue
        key = row.value.get("job_id", "")
        yield row.record(posting({**row.value, **pay.get(key, {})}, abilities.get(key), names))


def posting(
    cells: dict[str, Any], skills: list[str] | None = None, companies: SideTable | None = None
) -> dict[str, Any]:
    """Translate one row; cells are taken out of ``cells``, and the rest becomes attributes.

    ``posted_at`` is ``listed_time``: a reposted opening is as new as its last listing, and
    ``original_listed_time`` stays in ``attributes`` where it differs. A single ``med_salary``
    is both ends of the salary. An address is made from the id where there is none.
    """
    take = cells.pop
    job_id = take("job_id", None)
    listed, original = take("listed_time", None), cells.get("original_listed_time")
    if listed is None or listed == original:
        listed = take("original_listed_time", listed)
    closed = take("closed_time", None)
    company = take("company_name", None) or (companies or {}).get(_id(cells.get("company_id")))
    result = {
        "source": SOURCE,
        "source_job_id": job_id,
        "title": take("title", None),
        "company": company or COMPANY_NOT_STATED,
        "location": take("location", None),
        "description": take("description", None),
        "skills": skills,
        "employment_type": take("formatted_work_type", None) or cells.get("work_type"),
        "experience_level": take("formatted_experience_level", None),
        "workplace": "remote" if flag(cells.get("remote_allowed")) else None,
        "url": take("job_posting_url", None)
        or (job_id and f"https://www.linkedin.com/jobs/view/{job_id}/"),
        "apply_url": link(take("application_url", None)),
        "applicant_count": whole(take("applies", None)),
        "posted_at": from_epoch(listed, "milliseconds"),
        "expires_at": from_epoch(take("expiry", None), "milliseconds"),
        "closed_at": from_epoch(closed, "milliseconds"),
        "status": "closed" if closed else None,
        **_salary(cells),
    }
    return stated({**result, "attributes": cells})


def _salary(cells: dict[str, Any]) -> dict[str, Any]:
    take = cells.pop
    low, high = take("min_salary", None), take("max_salary", None)
    middle, currency = cells.get("med_salary"), take("currency", None)
    period = take("pay_period", None)
    if period == _ONCE:
        # A sum that is paid once is no salary per period.
        amounts = " - ".join(amount for amount in (low or middle, high) if amount)
        return {"salary_text": f"{amounts} {currency or ''} once"}
    if low is None and high is None:
        low = high = middle
    return {
        "salary_min": low,
        "salary_max": high,
        "salary_currency": currency,
        "salary_period": period,
    }


def _id(text: str | None) -> str:
    return str(whole(text))


def _side_table(path: FilePath, *columns: str) -> Iterator[Row]:
    name = name_of(path)
    with open_input(path) as stream:
        header, rows = csv_rows(stream, name)
        missing = [column for column in columns if column not in header]
        if missing:
            raise BrokenFile(f"{name} has no column {missing[0]!r}; it is not the side table.")
        for row in rows:
            if row.fault is not None:
                raise BrokenFile(f"{name}, line {row.line}: {row.fault}.")
            yield row


def _salaries(path: FilePath) -> dict[str, dict[str, str]]:
    return {
        row.value["job_id"]: {
            column: sys.intern(row.value[column]) for column in _SALARY if column in row.value
        }
        for row in _side_table(path, "job_id", "pay_period")
        if "job_id" in row.value
    }


def _skills(path: FilePath) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for row in _side_table(path, "job_id", "skill_abr"):
        if "job_id" in row.value and "skill_abr" in row.value:
            table.setdefault(row.value["job_id"], []).append(sys.intern(row.value["skill_abr"]))
    return table


def _companies(path: FilePath) -> dict[str, str]:
    return {
        _id(row.value["company_id"]): row.value["name"]
        for row in _side_table(path, "company_id", "name")
        if "company_id" in row.value and "name" in row.value
    }
