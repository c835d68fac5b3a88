"""Postings that JobSpy scraped: its CSV, its JSON, or its pandas DataFrame.

``site`` is the source. The id is the board's own in ``job_url``, or where none is found
JobSpy's ``id``. Columns without a field of ours, and those that a field holds only in part, stay
in ``attributes`` under JobSpy's names, so nothing is lost.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Protocol

from jobstore.exchange.cells import flag, from_epoch, in_utc, link, listed, number, stated, whole
from jobstore.exchange.documents import first_mark, json_objects
from jobstore.exchange.identity import identity
from jobstore.exchange.rows import Record, translated
from jobstore.exchange.tables import csv_rows
from jobstore.intake.spellings import COUNTRIES

# Codes that end a location as a state or province of the USA, Canada or Australia as well.
_STATE_CODES = """
    AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE
    NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY AB BC MB NB NL NS NT NU ON
    PE QC SK YT SA
"""
_STATES = frozenset(_STATE_CODES.split())
_REGION = re.compile(r"[A-Z0-9]{1,3}")
# Columns that hold numbers, also where a CSV has them as text.
_NUMBERS = ("company_rating", "company_reviews_count", "vacancy_count")


class DataFrame(Protocol):
    """The part of a pandas DataFrame that is used here."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def itertuples(self, *, index: bool, name: None) -> Any:
        """The rows as tuples."""


def read(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """Read JobSpy's rows as CSV or as JSON, by the first character."""
    return (read_json if first_mark(stream) in (b"[", b"{") else read_csv)(stream, name)


def read_csv(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """Read the CSV that JobSpy's ``to_csv`` writes."""
    _, rows = csv_rows(stream, name)
    return translated(rows, posting)


def read_json(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """Read an array of rows, or a row per line."""
    return translated(json_objects(stream, name), posting)


def postings_from_jobspy(df: DataFrame) -> Iterator[dict[str, Any]]:
    """Translate the DataFrame that ``jobspy.scrape_jobs`` returns, row by row.

    The result can be handed to :meth:`jobstore.JobStore.upsert_many` as it is. pandas is not
    needed for anything but making ``df``; its ``NaN``, ``NaT`` and ``NA`` are "not stated".
    """
    columns = [str(column) for column in df.columns]
    for values in df.itertuples(index=False, name=None):
        yield posting(dict(zip(columns, map(_plain, values), strict=True)))


def _plain(value: Any) -> Any:
    """Return a value of pandas or numpy as plain Python."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, date):  # which a datetime is as well
        return value.isoformat()
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        value = value.tolist()
    return list(value) if isinstance(value, tuple | set) else value


def posting(row: dict[str, Any]) -> dict[str, Any]:
    """Translate one row of JobSpy's columns; also those that variants of it add."""
    cells = stated(row)
    take = cells.pop
    url = take("job_url", None)
    job_id = take("id", None)
    if not isinstance(job_id, str) and job_id is not None:
        job_id = str(whole(job_id))
    site = take("site", None)
    board, key = identity(url) if isinstance(url, str) else (None, None)
    result = {
        "source": site,
        # JobSpy's own id is the board's with a prefix, or a number that differs from run to run.
        "source_job_id": key if key and board == site else job_id or key,
        "title": take("title", None),
        "company": take("company", None),
        "location": take("location", None),
        "industry": take("company_industry", None),
        "description": take("description", None),
        "skills": listed(take("skills", None)),
        "salary_min": take("min_amount", None),
        "salary_max": take("max_amount", None),
        "salary_currency": take("currency", None),
        "salary_period": take("interval", None),
        "url": url,
        "apply_url": link(take("job_url_direct", None) or take("apply_url", None), url),
        "company_url": link(take("company_url", None)),
        "company_size": take("company_num_employees", None),
        "applicant_count": whole(take("applications_count", None)),
        "posted_at": _time(take("date_posted", None)),
        "employment_type": _first(cells, "job_type"),
        "experience_level": _first(cells, "job_level"),
        "workplace": _workplace(cells),
    }
    result["country"] = country_of(result["location"])
    for column in _NUMBERS:
        if column in cells:
            cells[column] = number(cells[column])
    return stated({**result, "attributes": cells})


def _time(value: Any) -> Any:
    # pandas writes dates into JSON as milliseconds since 1970, or as midnight without offset.
    if isinstance(value, int | float):
        return from_epoch(value, "milliseconds")
    return in_utc(value)


def _first(cells: dict[str, Any], column: str) -> Any:
    """Return the first of several values; if there are more, the column stays in attributes."""
    values = listed(cells.get(column))
    if not isinstance(values, list) or not values:
        return cells.pop(column, None)
    if len(values) == 1:
        del cells[column]
    return values[0]


def _workplace(cells: dict[str, Any]) -> str | None:
    kind = str(cells.get("work_from_home_type", "")).lower()
    remote = flag(cells.get("is_remote"))
    if remote is not None:
        # Kept even when true: false means that remote work was not mentioned.
        cells["is_remote"] = remote
    if "hybrid" in kind:
        return "hybrid"
    return "remote" if remote or "remote" in kind else None


def country_of(location: Any) -> str | None:
    """Return the country of a location such as ``Paris, A8, FR`` (city, region, country code).

    Only from three parts on, and only if the last is an ISO 3166-1 code. A code that is also a
    state's or a province's (``CA``, ``IN``, ``DE``) counts only after a region's code, as in
    ``Toronto, ON, CA``.
    """
    if not isinstance(location, str):
        return None
    parts = [part.strip() for part in location.split(",")]
    if len(parts) < 3 or parts[-1] not in COUNTRIES:
        return None
    if parts[-1] in _STATES and not _REGION.fullmatch(parts[-2]):
        return None
    return parts[-1]
