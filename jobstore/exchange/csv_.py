"""CSV with jobstore's own columns.

Own columns bear the names of :class:`~jobstore.JobPosting` fields; ``skills``, ``locations`` and
``attributes`` are JSON, and an empty cell is "not stated". A column that is no field goes into
``attributes`` under its own name. An export holds every text exactly as stored, even one that a
spreadsheet would compute; ``spreadsheet_safe`` puts an apostrophe before such a text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobstore.exchange import jsonl
from jobstore.exchange.cells import stated, whole
from jobstore.exchange.converters import items
from jobstore.exchange.documents import parse
from jobstore.exchange.entries import FIELD_NAMES
from jobstore.exchange.rows import Record
from jobstore.exchange.tables import csv_rows
from jobstore.intake.given import Translated
from jobstore.intake.places import split_places
from jobstore.json_text import escaped
from jobstore.records import Job

# What makes a spreadsheet compute a cell, as its first character; also in full width.
_COMPUTED = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def read(stream: io.BufferedReader, name: str, *, delimiter: str | None = None) -> Iterator[Record]:
    """Read a table with columns of our own."""
    _, rows = csv_rows(stream, name, delimiter=delimiter)
    for row in rows:
        if row.fault is not None:
            yield row.broken()
            continue
        cells: dict[str, Any] = row.value
        posting = {name: cells.pop(name) for name in FIELD_NAMES & cells.keys()}
        for derived in jsonl.DERIVED:
            cells.pop(derived, None)
        for name, in_words in _IN_JSON.items():
            if name in posting:
                posting[name] = _read(posting[name], in_words)
        attributes = posting.get("attributes", {})
        # Beside attributes that are none, intake keeps other columns where it keeps what they say.
        if isinstance(attributes, dict):
            posting["attributes"] = {**attributes, **cells}
        else:
            posting |= cells
        posting = Translated(stated(posting))
        _numbers(posting)
        yield row.record(posting)


# Columns that hold JSON, and what else they may be read as.
_IN_JSON: Mapping[str, Callable[[str], Any]] = {
    "skills": items,
    "locations": split_places,
    "attributes": str,
}


def _read(cell: str, in_words: Callable[[str], Any]) -> Any:
    """Return what a cell holds; what looks like JSON and is none is left to intake."""
    if not cell.lstrip().startswith(("[", "{")):
        return in_words(cell)
    value, fault = parse(cell)
    return value if fault is None else cell


def _numbers(posting: dict[str, Any]) -> None:
    if "applicant_count" in posting:
        posting["applicant_count"] = whole(posting["applicant_count"])


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
