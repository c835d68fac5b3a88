"""What a file is by its beginning: its kind, its format or mapping, and where its rows are.

Keys and columns decide, never the name of a file. Rows that no format is known by map themselves
where their keys are usual names of our fields (:mod:`jobstore.exchange.self_mapping`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobstore.exchange import catalogue
from jobstore.exchange.feeds import first_entries, is_feed
from jobstore.exchange.mapping import FieldMapping, Rows, mapping_from_options
from jobstore.exchange.reading import HEAD
from jobstore.exchange.rows import BrokenFile
from jobstore.exchange.samples import empty_list, first_values, keys_of, lists
from jobstore.exchange.self_mapping import self_mapping
from jobstore.exchange.tables import csv_rows
from jobstore.exchange.unfolding import rows_at

_OURS = frozenset(("source", "source_job_id", "title"))
_KEY = re.compile(r'"([^"\\]{1,64})"\s*:')


@dataclass(frozen=True, slots=True)
class Way:
    """How a file is read: its format and, unless it is one of our own, the mapping.

    ``kind`` is ``json``, ``table``, ``feed`` or ``page``; ``items`` leads to the rows of a JSON
    document, and is empty where the document is its rows.
    """

    format: str
    kind: str
    mapping: FieldMapping | None = None
    items: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where rows may be: the path, the first rows there, and the keys around them."""

    items: str
    rows: list[Any]
    envelope: frozenset[str] = frozenset()


def kind_of(head: bytes) -> str:
    """Return ``json``, ``table``, ``feed`` or ``page``."""
    start = head.lstrip()[:1]
    if start == b"<":
        return "feed" if is_feed(head) else "page"
    return "json" if start in (b"{", b"[") else "table"


def recognise(
    head: bytes,
    name: str,
    *,
    mapping: FieldMapping | None = None,
    columns: Mapping[str, str] | None = None,
    items: str | None = None,
    delimiter: str | None = None,
) -> Way:
    """Return how a file that begins with ``head`` is read.

    With a ``mapping`` only the place of the rows is looked for, with ``items`` only the rows there
    are looked at, and with ``columns``, which the caller maps, the others map themselves. Raises
    BrokenFile for a file whose fields cannot be told.
    """
    if not head.strip():
        if mapping is not None:
            return Way(mapping.name, "json", mapping)
        raise BrokenFile(f"{name} is empty.")
    kind = kind_of(head)
    if kind == "page":
        return Way("schema-org", kind)
    if mapping is not None and kind != "json":
        return Way(mapping.name, kind, mapping)
    if kind == "feed":
        return _feed(head, name, columns)
    if kind == "table":
        stream: Any = io.BufferedReader(io.BytesIO(head))  # typeshed asks for a raw stream
        return _table(csv_rows(stream, name, delimiter=delimiter)[0], name, columns)
    text = head.decode("utf-8", "replace").lstrip()
    values = first_values(text)
    if mapping is not None:
        found = items if items is not None else _place_for(mapping, values)
        return Way(mapping.name, kind, mapping, found)
    places = list(_places(values, items))
    if columns is None:
        way = _best(places, values)
        if way is None and len(places[-1].rows) < 2:
            way = _guessed(text, places[-1], whole=bool(values) and len(head) < HEAD)
        if way is not None:
            return way
    own = list(_own_mappings(places, columns))
    for mapped, place in own:
        # What the caller maps may be in a list below, not in the document around it.
        whole = mapping_from_options(columns, base=mapped)
        if any("title" in whole.translate(row) for row in place.rows if isinstance(row, dict)):
            return Way(mapped.name, "json", mapped, place.items)
    if own:
        mapped, place = own[0]
        return Way(mapped.name, "json", mapped, place.items)
    if (empty := empty_list(values)) is not None:
        return Way("jsonl", "json", None, empty)
    if items and values and len(head) < HEAD and not places[0].rows:
        others = ", ".join(filter(None, (place.items for place in _places(values, None))))
        where = f"; there is one at {others}." if others else "."
        raise BrokenFile(f"{name} has no list at {items!r}{where}")
    shown = sorted(keys_of(places[0].rows) or {*_KEY.findall(text)})
    raise _unknown(name, "it is JSON, but no format is known by its keys", shown)


def _own_mappings(
    places: list[_Place], columns: Mapping[str, str] | None
) -> Iterator[tuple[FieldMapping, _Place]]:
    for place in places:
        rows = [row for row in place.rows if isinstance(row, dict)]
        if rows and (own := self_mapping(rows, columns)) is not None:
            yield own, place


def mapping_of(rows: list[Any]) -> FieldMapping | None:
    """Return the mapping of rows that a program holds, by their keys."""
    found = _known(keys_of(rows), frozenset())
    if found is not None:
        return found[1]
    return self_mapping([row for row in rows if isinstance(row, Mapping)])


def _table(header: list[str], name: str, columns: Mapping[str, str] | None) -> Way:
    if columns is None and set(header) >= _OURS:
        return Way("csv", "table")
    found = _known(frozenset(header), frozenset()) if columns is None else None
    mapping = found[1] if found else self_mapping([dict.fromkeys(header)], columns)
    if mapping is None:
        raise _unknown(name, "no column of it is surely the title of a posting", header)
    return Way(mapping.name, "table", mapping)


def _feed(head: bytes, name: str, columns: Mapping[str, str] | None) -> Way:
    entries = first_entries(head)
    around = frozenset(("feed",))
    found = _known(keys_of(entries), around) if columns is None else None
    mapping = found[1] if found else self_mapping(entries, columns)
    if mapping is None:
        raise _unknown(name, "its entries have no title", keys_of(entries))
    return Way(mapping.name, "feed", mapping)


def _places(values: list[Any], items: str | None) -> Iterator[_Place]:
    document = values[0] if values and isinstance(values[0], dict) else {}
    if items:
        yield _Place(items, rows_at(document, items, Rows()), frozenset(document))
        return
    yield _Place("", values)
    for path, rows in lists(document):
        yield _Place(path, rows, frozenset(document))


def _place_for(mapping: FieldMapping, values: list[Any]) -> str:
    """Return where the rows of a file in that mapping are."""
    places = list(_places(values, None))
    for place in places:
        if any(signs.hold(keys_of(place.rows), place.envelope) for signs in mapping.signs):
            return place.items
    for path in mapping.rows.items:
        if path and values and rows_at(values[0], path, mapping.rows):
            return path
    for place in places:
        rows = (row for row in place.rows if isinstance(row, dict))
        if any("title" in mapping.translate(row) for row in rows):
            return place.items
    return mapping.rows.items[0] if mapping.rows.items else ""


def _best(places: list[_Place], values: list[Any]) -> Way | None:
    found: list[tuple[int, FieldMapping, str]] = []
    for place in places:
        keys = keys_of(place.rows)
        if keys >= _OURS:
            return Way("jsonl", "json", None, place.items)
        if keys & {"@type", "@graph"}:
            return Way("schema-org", "json")
        if (best := _known(keys, place.envelope)) is not None:
            found.append((*best, place.items))
    found += _in_documents(values)
    if found:
        _, mapping, items = max(found, key=lambda each: each[0])
        return Way(mapping.name, "json", mapping, items)
    return None


def _guessed(text: str, place: _Place, *, whole: bool) -> Way | None:
    """Recognise a single row by all keys in its text: it may be longer than what was read."""
    keys = frozenset(_KEY.findall(text))
    if not whole:
        return _best([_Place(place.items, [dict.fromkeys(keys)])], [])
    return Way("schema-org", "json") if "@type" in keys else None


def _known(keys: frozenset[str], envelope: frozenset[str]) -> tuple[int, FieldMapping] | None:
    found = [
        (signs.weight, mapping)
        for mapping in catalogue.all_of_them()
        for signs in mapping.signs
        if signs.weight and signs.hold(keys, envelope)
    ]
    return max(found, key=lambda each: each[0]) if found else None


def _in_documents(values: list[Any]) -> Iterator[tuple[int, FieldMapping, str]]:
    """Look where the mappings themselves say that rows are."""
    for document in values[:1]:
        if not isinstance(document, dict):
            continue
        for mapping in catalogue.all_of_them():
            for items in filter(None, mapping.rows.items):
                keys = keys_of(rows_at(document, items, mapping.rows))
                for signs in mapping.signs:
                    if keys and signs.weight and signs.hold(keys, document):
                        # Rows with their details are more than the same rows without.
                        yield signs.weight + bool(mapping.rows.details), mapping, items


def _unknown(name: str, why: str, names: Iterable[str]) -> BrokenFile:
    names = list(names)
    shown = [each if len(each) <= 40 else each[:40] + "..." for each in names[:8]]
    some = ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
    return BrokenFile(
        f"{name}: {why} ({some}). See what is in it with jobstore inspect {name}, and say what is "
        'where with --map "title=...,company=...".'
    )
