"""CSV: jobstore's own columns, and any other table whose columns are mapped to them.

Own columns bear the names of :class:`~jobstore.JobPosting` fields; ``skills``, ``locations`` and
``attributes`` are JSON, and an empty cell is "not stated". A column that is no field goes into
``attributes`` under its own name. An export holds every text exactly as stored, even one that a
spreadsheet would compute; ``spreadsheet_safe`` puts an apostrophe before such a text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from jobstore.exchange import jsonl, links
from jobstore.exchange.cells import digest, in_utc, link, listed, stated, whole
from jobstore.exchange.documents import parse
from jobstore.exchange.rows import BrokenFile, Record
from jobstore.exchange.salaries import parse_salary
from jobstore.exchange.tables import csv_rows
from jobstore.json_text import escaped
from jobstore.records import Job, JobPosting

FIELD_NAMES = frozenset(field.name for field in fields(JobPosting))

# What pandas and others write into cells that are empty.
_BLANKS = frozenset(("None", "none", "nan", "NaN", "NaT", "null", "NULL", "N/A", "n/a"))
# What makes a spreadsheet compute a cell, as its first character; also in full width.
_COMPUTED = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_LINKS = ("url", "apply_url", "company_url")
_TIMES = ("posted_at", "expires_at", "first_seen_at", "last_seen_at", "closed_at")


def read(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """Read a table with columns of our own."""
    _, rows = csv_rows(stream, name)
    for row in rows:
        if row.fault is not None:
            yield row.broken()
            continue
        cells: dict[str, Any] = row.value
        skills, fault = _listed(cells, "skills", ",")
        locations, unusable = _listed(cells, "locations", ";")
        fault = fault or unusable
        attributes: Any = {}
        if "attributes" in cells:
            attributes, unusable = parse(cells.pop("attributes"))
            fault = fault or (unusable and f"attributes: {unusable}")
        if fault:
            yield row.broken(fault)
            continue
        posting = {column: cells.pop(column) for column in FIELD_NAMES & cells.keys()}
        for derived in jsonl.DERIVED:
            cells.pop(derived, None)
        if cells and isinstance(attributes, dict):
            attributes = {**attributes, **cells}
        posting |= stated({"skills": skills, "locations": locations, "attributes": attributes})
        _numbers(posting)
        yield row.record(posting)


def _listed(cells: dict[str, Any], name: str, separator: str) -> tuple[Any, str | None]:
    cell = cells.pop(name, None)
    if cell is None or not cell.lstrip().startswith("["):
        return listed(cell, separator), None
    values, fault = parse(cell)
    return values, fault and f"{name}: {fault}"


def _numbers(posting: dict[str, Any]) -> None:
    if "applicant_count" in posting:
        posting["applicant_count"] = whole(posting["applicant_count"])


def parse_columns(text: str) -> dict[str, str]:
    """Read ``title=Job Title,company=Employer`` into a mapping from field to column.

    Raises ValueError, with what is wrong, for anything else.
    """
    columns: dict[str, str] = {}
    for part in text.split(","):
        field, equals, column = part.partition("=")
        if not equals or not column.strip():
            raise ValueError(f"{part.strip()!r} is not of the form field=Column")
        if field.strip() not in FIELD_NAMES - {"attributes"}:
            raise ValueError(f"{field.strip()!r} is no field of a posting")
        if field.strip() in columns:
            raise ValueError(f"{field.strip()!r} is given twice")
        columns[field.strip()] = column.strip()
    return columns


def read_mapped(
    stream: io.BufferedReader, name: str, columns: Mapping[str, str], source: str | None
) -> Iterator[Record]:
    """Read any table, by a mapping from field to column.

    A posting without ``source`` gets ``source`` or the host of its URL. One without
    ``source_job_id`` gets the id in its URL (:func:`~jobstore.exchange.links.id_in`), or else a
    digest of title, company, location and description: the same row has the same id in every
    file. A ``salary_text`` also fills the salary's other fields where it can be read. Times
    without an offset are taken as UTC. Other columns go into ``attributes``, except one
    without a name (the row number that pandas writes).
    """
    header, rows = csv_rows(stream, name)
    for column in columns.values():
        if column not in header:
            raise BrokenFile(f"{name} has no column {column!r}; it has {', '.join(header)}.")
    taken = set(columns.values()) | {""}
    for row in rows:
        if row.fault is not None:
            yield row.broken()
            continue
        cells = stated({k: v for k, v in row.value.items() if v not in _BLANKS})
        posting: dict[str, Any] = {
            field: cells[column] for field, column in columns.items() if column in cells
        }
        _complete(posting, source)
        rest = {column: cell for column, cell in cells.items() if column not in taken}
        if rest:
            posting["attributes"] = rest
        yield row.record(posting)


def _complete(posting: dict[str, Any], source: str | None) -> None:
    for field in _LINKS:
        if field in posting:
            posting[field] = link(posting[field])
    for field in _TIMES:
        if field in posting:
            posting[field] = in_utc(posting[field], end_of_day=field == "expires_at")
    if "skills" in posting:
        posting["skills"] = listed(posting["skills"])
    _numbers(posting)
    if "salary_text" in posting and not {"salary_min", "salary_max"} & posting.keys():
        posting |= parse_salary(posting["salary_text"])
    url = posting.get("url")
    if "source" not in posting:
        posting["source"] = source or (url and links.host(url))
    if "source_job_id" not in posting:
        keys = ("title", "company", "location", "description")
        posting["source_job_id"] = links.id_in(url) if url else digest(map(posting.get, keys))


class _Lines:
    """The dialect of exports: rows end with a line feed alone."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream

    def write(self, row: str) -> int:
        return self._stream.write(row.removesuffix("\r\n") + "\n")


class CsvWriter:
    """Writes postings as rows under a header.

    With ``spreadsheet_safe`` every cell is quoted, and has an apostrophe at its beginning where a
    spreadsheet would compute it (https://owasp.org/www-community/attacks/CSV_Injection).
    """

    def __init__(self, stream: io.TextIOBase, *, spreadsheet_safe: bool = False) -> None:
        self._rows = csv.writer(
            _Lines(stream),
            quoting=csv.QUOTE_ALL if spreadsheet_safe else csv.QUOTE_MINIMAL,
            # csv quotes only the characters that end its own lines, and there are others.
            lineterminator="\r\n",
        )
        self._safe = spreadsheet_safe
        self._rows.writerow(jsonl.FIELDS)

    def write(self, job: Job) -> None:
        """Write one posting."""
        cells = [_cell(jsonl.said(job, name)) for name in jsonl.FIELDS]
        if self._safe:
            cells = [f"'{cell}" if cell.startswith(_COMPUTED) else cell for cell in cells]
        self._rows.writerow(cells)

    def finish(self) -> None:
        """Do nothing: nothing follows the last row."""


def _cell(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, list | dict):
        return escaped(json.dumps(value, ensure_ascii=False))
    return jsonl.text(value)
