"""jobstore's own JSON Lines: one posting per line, nothing lost either way.

A line is an object with the names of :class:`~jobstore.JobPosting` fields; what is not stated
is left out, and so are ``locations`` that are the location alone. An export adds ``id``, which is
derived from the key, so an import ignores it, as it does ``version`` and ``updated_at``, and the
``applications`` that an export may have. Salaries
are JSON numbers with all their digits.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from jobstore.derived.places import mappings, says_more
from jobstore.exchange.cells import stated
from jobstore.exchange.documents import json_objects
from jobstore.exchange.rows import Record, Row
from jobstore.intake.given import Translated
from jobstore.json_text import escaped
from jobstore.records import Job, JobPosting

# Fields that every store sets itself.
DERIVED = ("id", "version", "updated_at", "description_text")
# Long fields, which go to the end of a line.
_LAST = ("description", "attributes")
# The order of an export, and the columns of a CSV.
FIELDS = (
    "id",
    *(each.name for each in fields(JobPosting) if each.name not in _LAST),
    *_LAST,
)


def _exact(number: str) -> Decimal | float:
    try:
        return Decimal(number)
    except InvalidOperation:  # an exponent that is too large: infinity, which intake refuses
        return float(number)


DECODER = json.JSONDecoder(parse_float=_exact)
"""Reads numbers with all their digits."""


def read(stream: io.BufferedReader, name: str, *, items: str | None = None) -> Iterator[Record]:
    """Read postings; an array of them, or one at the dotted keys ``items``, is read as well."""
    yield from map(recorded, json_objects(stream, name, DECODER, items=items))


def recorded(row: Row) -> Record:
    """Return the posting of a row, or why it has none."""
    if row.fault is not None:
        return row.broken()
    try:
        return row.record(said_by(row.value))
    except RecursionError:
        return row.broken("attributes: nested too deeply")


def said_by(line: Mapping[str, Any]) -> Translated:
    """Return what a line says of its posting, without what every store sets itself.

    Raises RecursionError for attributes that are nested too deeply.
    """
    posting = Translated(line)
    if "search" in posting and {"id", "version"} <= posting.keys():
        # A line of jobstore watch, which names the saved search.
        del posting["search"]
    for derived in DERIVED:
        posting.pop(derived, None)
    if isinstance(posting.get("applications"), list):
        # Those of another store, which are told and not taken over.
        del posting["applications"]
    if "attributes" in posting:
        posting["attributes"] = floats(posting["attributes"])
    return posting


def floats(value: Any) -> Any:
    """Return attributes with floats: only salaries keep more digits.

    Raises RecursionError where they are nested too deeply.
    """
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [floats(item) for item in value]
    return value


class JsonLinesWriter:
    """Writes postings as JSON Lines."""

    def __init__(
        self, stream: io.TextIOBase, beside: Callable[[Job], Mapping[str, Any]] | None = None
    ) -> None:
        self._stream = stream
        self._beside = beside

    def write(self, job: Job) -> None:
        """Write one posting, with what ``beside`` says of it."""
        fields = stated({name: said(job, name) for name in FIELDS})
        fields |= self._beside(job) if self._beside else {}
        pairs = (f'"{name}": {_json(value)}' for name, value in fields.items())
        self._stream.write(escaped("{" + ", ".join(pairs) + "}\n"))

    def finish(self) -> None:
        """Do nothing: nothing follows the last line."""


def said(job: Job, name: str) -> Any:
    """Return a field as an export holds it: places as objects, where they say more than the
    location and the country do."""
    if name == "locations":
        return mappings(job.locations) if says_more(job) else []
    return getattr(job, name)


def _json(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list | dict | int):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(text(value), ensure_ascii=False)


def text(value: Any) -> str:
    """Return a single value as text: times in ISO 8601, decimals without exponent."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        # 1.125 may be read as a thousand; with a fourth decimal it may not.
        exactly_three = value.as_tuple().exponent == -3
        return f"{value:.4f}" if exactly_three else f"{value:f}"
    return str(value)
