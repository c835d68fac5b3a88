"""The formats that can be read, how each is recognised, and opening a file in one.

Formats do not know each other; only this module knows them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jobstore.exchange import ats, csv_, jobspy, jsonl, linkedin, schema_org, simplify
from jobstore.exchange.documents import json_rows
from jobstore.exchange.pages import scripts
from jobstore.exchange.reading import (
    FilePath,
    exhaust,
    is_pipe,
    name_of,
    open_input,
    read_head,
    with_head,
)
from jobstore.exchange.rows import BrokenFile, Record
from jobstore.exchange.tables import DELIMITERS

IMPORT_FORMATS: Mapping[str, str] = {
    "jsonl": "jobstore's own JSON Lines",
    "csv": "CSV with the names of our fields as columns, or any CSV with a mapping of columns",
    "linkedin": "LinkedIn's postings.csv, or job_postings.csv with its side tables",
    "jobspy": "what JobSpy scraped, as CSV or JSON",
    "schema-org": "schema.org JobPosting as JSON-LD, or pages that hold it",
    "ats": "daily files of company boards (Greenhouse and others)",
    "simplify": "Simplify's listings.json",
}
"""Every format that :func:`open_records` reads, and what it is."""

# The keys or columns that each format must have, in the order in which they are tried: our own
# exports may hold another format's names in their attributes.
_KEYS = {
    "jsonl": {"source", "source_job_id", "title"},
    "schema-org": {"@type"},
    "jobspy": {"site", "job_url"},
    "ats": {"id", "company_slug", "title"},
    "simplify": {"company_name", "locations", "active"},
}
_COLUMNS = {
    "csv": {"source", "source_job_id", "title"},
    "jobspy": {"site", "job_url"},
    "linkedin": {"job_id", "title", "formatted_work_type"},
}
_READERS: dict[str, Callable[..., Iterator[Record]]] = {
    "jsonl": jsonl.read,
    "csv": csv_.read,
    "linkedin": linkedin.read,
    "jobspy": jobspy.read,
    "schema-org": schema_org.read,
    "ats": ats.read,
    "simplify": simplify.read,
}
_OPTIONS = {"linkedin": {"salaries", "skills", "companies"}, "schema-org": {"source"}}
_KEY = re.compile(r'"([^"\\]{1,64})"\s*:')


def open_records(
    path: FilePath,
    format: str = "auto",
    *,
    source: str | None = None,
    columns: Mapping[str, str] | None = None,
    salaries: FilePath | None = None,
    skills: FilePath | None = None,
    companies: FilePath | None = None,
) -> Iterator[Record]:
    """Open a file of postings and give its rows one by one, in bounded memory.

    ``path`` is a file or ``-`` for standard input; gzip is recognised by its first bytes, and
    text is UTF-8. ``format`` is one of :data:`IMPORT_FORMATS`, or ``auto`` to recognise it by
    the first 64 KiB. ``columns`` maps fields to the columns of a foreign CSV; ``source`` names
    the source where the file does not (``csv`` with a mapping, ``schema-org``); ``salaries``,
    ``skills`` and ``companies`` are side tables of ``linkedin``.

    Raises BrokenFile for a file that cannot be read: a file is looked through before its first
    row is given, so none is stored of one that was cut short. Standard input cannot be looked
    through; there it is raised when the fault is met. Raises ValueError for an unknown format,
    or for an option that the format has no use for.
    """
    if format != "auto" and format not in IMPORT_FORMATS:
        raise ValueError(
            f"There is no import format {format!r}; there are {', '.join(IMPORT_FORMATS)}."
        )
    if columns is not None:
        if format not in ("auto", "csv"):
            raise ValueError("A mapping of columns is for the format csv.")
        format = "csv"
    name = name_of(path)
    given = {"source": source, "salaries": salaries, "skills": skills, "companies": companies}
    options = {key: value for key, value in given.items() if value is not None}
    if not is_pipe(path):
        format = _look_through(path, name, format)
    if format != "auto":
        _check_options(format, columns, options)
    return _records(path, name, format, columns, options)


def _records(
    path: FilePath,
    name: str,
    format: str,
    columns: Mapping[str, str] | None,
    options: dict[str, Any],
) -> Iterator[Record]:
    with open_input(path) as stream:
        if format == "auto":
            head = read_head(stream, name)
            format, stream = recognise(head, name), with_head(stream, head, name)
            _check_options(format, columns, options)
        if columns is not None:
            yield from csv_.read_mapped(stream, name, columns, options.get("source"))
        else:
            yield from _READERS[format](stream, name, **options)


def _look_through(path: FilePath, name: str, format: str) -> str:
    """Find out the format; raise BrokenFile for faults that reading would only meet later."""
    with open_input(path) as stream:
        head = read_head(stream, name)
        if format == "auto":
            format = recognise(head, name)
        start = head.lstrip()[:1]
        stream = with_head(stream, head, name)
        if start == b"[" and format not in ("csv", "linkedin"):
            for _ in json_rows(stream, name):
                pass
        elif start == b"<" and format == "schema-org":
            for _ in scripts(stream, name):
                pass
        else:
            exhaust(stream)
    return format


def _check_options(format: str, columns: Mapping[str, str] | None, options: dict[str, Any]) -> None:
    useful = {"source"} if columns is not None else _OPTIONS.get(format, set())
    for option in options:
        if option not in useful:
            raise ValueError(f"The format {format} has no use for the option {option!r}.")


def recognise(head: bytes, name: str) -> str:
    """Return the format of a file that begins with ``head``. Raises BrokenFile if it is none."""
    text = head.decode("utf-8", "replace").lstrip()
    if not text:
        raise BrokenFile(f"{name} is empty.")
    if text.startswith("<"):
        return "schema-org"
    if text.startswith(("{", "[")):
        keys = set(_KEY.findall(text))
        for format, wanted in _KEYS.items():
            if wanted <= keys:
                return format
        if re.fullmatch(r"\[\s*\]\s*", text):
            return "jsonl"
        raise BrokenFile(
            f"{name} is JSON, but no format is known by its keys ({_some(keys)}); name it with "
            f"--format: {', '.join(IMPORT_FORMATS)}."
        )
    header = text.splitlines()[0]
    delimiter = max(DELIMITERS, key=header.count)
    cells = {cell.strip().strip('"') for cell in header.split(delimiter)}
    for format, wanted in _COLUMNS.items():
        if wanted <= cells:
            return format
    raise BrokenFile(
        f"{name}: no format is known by the columns {_some(cells)}; name it with --format, or "
        'map its columns to fields with --map "title=...,company=...".'
    )


def _some(names: set[str]) -> str:
    shown = [name if len(name) <= 40 else name[:40] + "..." for name in sorted(names)[:8]]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
