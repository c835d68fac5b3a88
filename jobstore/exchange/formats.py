"""The formats that can be read, how each is recognised, and opening a file in one.

Formats do not know each other; only this module knows them all. Most are mappings
(:mod:`jobstore.exchange.catalogue`); those that need more than that have a reader of their own.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobstore.exchange import catalogue, csv_, jsonl, linkedin, schema_org
from jobstore.exchange.documents import json_rows
from jobstore.exchange.entries import BadMapping
from jobstore.exchange.feeds import feed_rows
from jobstore.exchange.mapping import (
    FieldMapping,
    make_mapping,
    mapping_from_options,
    read_mapping,
)
from jobstore.exchange.paths import compile_path, expression
from jobstore.exchange.reading import (
    FilePath,
    is_pipe,
    name_of,
    open_input,
    read_head,
    with_head,
)
from jobstore.exchange.recognition import Way, kind_of, recognise
from jobstore.exchange.rows import BrokenFile, Record, Row, translated
from jobstore.exchange.self_mapping import translation
from jobstore.exchange.tables import csv_rows
from jobstore.exchange.unfolding import unfolded
from jobstore.exchange.wholeness import look_through

MappingLike = str | Path | Mapping[str, Any] | FieldMapping

_OWN = {
    "jsonl": "jobstore's own JSON Lines",
    "csv": "CSV with the names of our fields as columns",
    "schema-org": "schema.org JobPosting as JSON-LD, or pages that hold it",
}
IMPORT_FORMATS: Mapping[str, str] = catalogue.Descriptions(_OWN)
"""Every format that :func:`open_records` reads, and what it is."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller said about a file."""

    format: str
    mapping: FieldMapping | None
    columns: Mapping[str, str] | None
    items: str | None
    source: str | None
    constants: Mapping[str, Any]
    delimiter: str | None
    side_tables: Mapping[str, FilePath]
    of_one_source: bool


def open_records(
    path: FilePath,
    format: str = "auto",
    *,
    source: str | None = None,
    mapping: MappingLike | None = None,
    columns: Mapping[str, str] | None = None,
    items: str | None = None,
    constants: Mapping[str, Any] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    salaries: FilePath | None = None,
    skills: FilePath | None = None,
    companies: FilePath | None = None,
    of_one_source: bool = False,
) -> Iterator[Record]:
    """Open a file of postings and give its rows one by one, in bounded memory.

    ``path`` is a file or ``-`` for standard input. ``format`` is one of :data:`IMPORT_FORMATS`, or
    ``auto`` to recognise it by the first 64 KiB; columns and keys that bear the names of our
    fields, or usual names of theirs, need no format. ``mapping`` is a mapping of one's own: a TOML
    file, what such a file says, or the name of a built-in one. ``columns`` leads from fields to
    columns or paths, ``items`` to the rows of a JSON document, ``constants`` gives fields that are
    the same in all rows; they stand alone or change the mapping. ``source`` names the source where
    the file does not; it is refused where each row of a format names its own, unless the caller
    wants rows ``of_one_source`` and sees to it. ``encoding`` and ``delimiter`` are found out if
    they are not given.
    ``salaries``, ``skills`` and ``companies`` are side tables of ``linkedin``.

    Raises BrokenFile for a file that cannot be read: a file is looked through before its first
    row is given, so none is stored of one that was cut short. Standard input cannot be looked
    through; there it is raised when the fault is met. Raises ValueError for an unknown format, a
    mapping that cannot be used (:class:`BadMapping`), or an option that the format has no use for.
    """
    tables = {"salaries": salaries, "skills": skills, "companies": companies}
    wishes = wishes_of(
        format, source, mapping, columns, items, constants, delimiter, tables, of_one_source
    )
    name = name_of(path)
    way = None if is_pipe(path) else _look_through(path, name, wishes, encoding)
    if way is not None:
        _check_source(way, name)
    return _records(path, name, way, wishes, encoding)


def wishes_of(
    format: str = "auto",
    source: str | None = None,
    mapping: MappingLike | None = None,
    columns: Mapping[str, str] | None = None,
    items: str | None = None,
    constants: Mapping[str, Any] | None = None,
    delimiter: str | None = None,
    tables: Mapping[str, FilePath | None] | None = None,
    of_one_source: bool = False,
) -> Wishes:
    """Return what the caller said; what is wrong with it is said before a file is opened."""
    if format != "auto" and format not in IMPORT_FORMATS:
        raise ValueError(
            f"There is no import format {format!r}; there are {', '.join(IMPORT_FORMATS)}."
        )
    wishes = Wishes(
        format,
        None if mapping is None else find_mapping(mapping),
        columns,
        items,
        source,
        dict(constants or {}),
        delimiter,
        {key: table for key, table in (tables or {}).items() if table is not None},
        of_one_source,
    )
    # What is wrong with the options is said before the file is opened.
    mapping_from_options(columns, items=items, constants=constants)
    return wishes


def find_mapping(given: MappingLike) -> FieldMapping:
    """Return the mapping of that name, in that TOML file, or with those entries.

    Raises BadMapping.
    """
    if isinstance(given, FieldMapping):
        return given
    if isinstance(given, Mapping):
        return make_mapping(given)
    if isinstance(given, str) and given in catalogue.names():
        return catalogue.built_in(given)
    if isinstance(given, str) and not given.endswith(".toml") and not Path(given).is_file():
        raise BadMapping(
            f"There is no mapping {given!r}; name a TOML file, or one of "
            f"{', '.join(catalogue.names())}."
        )
    return read_mapping(Path(given))


def _records(
    path: FilePath, name: str, way: Way | None, wishes: Wishes, encoding: str | None
) -> Iterator[Record]:
    with open_input(path, encoding=encoding) as stream:
        if way is None:
            head = read_head(stream, name)
            way, stream = way_of(head, name, wishes), with_head(stream, head, name)
            _check_source(way, name)
        yield from read_way(stream, name, way, wishes)


def read_way(stream: io.BufferedReader, name: str, way: Way, wishes: Wishes) -> Iterator[Record]:
    if way.mapping is not None:
        rows = raw_rows(stream, name, way, wishes)
        if wishes.side_tables:
            rows = linkedin.joined(rows, **wishes.side_tables)
        skip = expression(way.mapping.rows.skip) if way.mapping.rows.skip else None
        yield from translated(rows, translation(way.mapping, wishes.columns), skip)
        return
    if way.format == "schema-org":
        records = schema_org.read(stream, name, source=wishes.source)
    elif way.format == "csv":
        records = csv_.read(stream, name, delimiter=wishes.delimiter)
    else:
        records = jsonl.read(stream, name, items=way.items or None)
    for record in records:
        if record.posting is not None and wishes.constants:
            record.posting.update(wishes.constants)
        yield record


def raw_rows(stream: io.BufferedReader, name: str, way: Way, wishes: Wishes) -> Iterator[Row]:
    if way.kind == "feed":
        return feed_rows(stream, name)
    if way.kind == "table":
        header, rows = csv_rows(stream, name, delimiter=wishes.delimiter)
        for column in (wishes.columns or {}).values():
            if column not in header and compile_path(f'"{column}"').keys == (column,):
                raise BrokenFile(f"{name} has no column {column!r}; it has {', '.join(header)}.")
        return rows
    shape = way.mapping.rows if way.mapping is not None else None
    if shape is None or not (shape.details or shape.key or shape.around or _is_deep(way.items)):
        return json_rows(stream, name, items=way.items or None)
    return unfolded(json_rows(stream, name), way.items, shape)


def _is_deep(items: str) -> bool:
    try:
        return bool(items) and compile_path(items).keys is None
    except ValueError:  # keys that were found in the document, such as @graph, are no path
        return False


def _look_through(path: FilePath, name: str, wishes: Wishes, encoding: str | None) -> Way:
    """Find out how to read; raise BrokenFile for faults that reading would only meet later."""
    with open_input(path, encoding=encoding) as stream:
        head = read_head(stream, name)
        way = way_of(head, name, wishes)
        look_through(stream, head, name, json=way.kind == "json", whole=bool(way.items))
    return way


def way_of(head: bytes, name: str, wishes: Wishes) -> Way:
    """Return how a file that begins with ``head`` is read, as far as the caller did not say."""
    mapping = wishes.mapping
    if mapping is None and wishes.format in catalogue.names():
        mapping = catalogue.built_in(wishes.format)
    if mapping is None and wishes.columns is None and wishes.format in _OWN:
        way = Way(wishes.format, kind_of(head), None, wishes.items or "")
    else:
        way = recognise(
            head,
            name,
            mapping=mapping,
            columns=wishes.columns,
            items=wishes.items,
            delimiter=wishes.delimiter,
        )
    _check_options(way, wishes)
    if way.mapping is None:
        return way
    source, constants = wishes.source, dict(wishes.constants)
    if source is not None and wishes.columns is not None and "source" not in wishes.columns:
        # Who maps the columns knows better than a column of that name.
        constants, source = {"source": source, **constants}, None
    mapping = mapping_from_options(
        wishes.columns, constants=constants, source=source, base=way.mapping
    )
    return replace(way, mapping=mapping)


def _check_source(way: Way, name: str) -> None:
    """Refuse a file all rows of which would be rejected, since nothing says what they are of."""
    mapping = way.mapping
    telling = {"source", "url", "apply_url"}
    if mapping is not None and not telling & {*mapping.rules, *mapping.constants}:
        raise BrokenFile(
            f"{name}: nothing says where its postings come from, neither a source nor their "
            "addresses; name it with --source NAME."
        )


def _check_options(way: Way, wishes: Wishes) -> None:
    useless = [] if way.format == "linkedin" else list(wishes.side_tables)
    if wishes.items is not None and way.kind != "json":
        useless.append("items")
    own_source = way.mapping.source if way.mapping is not None else way.format != "schema-org"
    if wishes.source is not None and own_source and not wishes.of_one_source:
        useless.append("source")
    for option in useless:
        raise ValueError(f"The format {way.format} has no use for the option {option!r}.")
