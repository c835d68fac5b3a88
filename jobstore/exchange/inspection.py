"""What a file is and what importing it would give, by a look at its beginning.

Nothing is stored and nothing is printed here. Rows are translated and checked as an import does
it, so what is said of a posting is what would be stored.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from jobstore.errors import Fault, InvalidPosting
from jobstore.exchange.entries import FIELD_NAMES
from jobstore.exchange.formats import IMPORT_FORMATS
from jobstore.exchange.looking import Look, look
from jobstore.exchange.mapping import FieldMapping
from jobstore.exchange.paths import compile_path
from jobstore.exchange.reading import MAX_RECORD, FilePath
from jobstore.exchange.recognition import Way
from jobstore.exchange.rows import BrokenFile, Record, Row
from jobstore.intake.lenient import take_in
from jobstore.intake.sentinels import states_nothing
from jobstore.records import JobPosting

# What is looked at: so many bytes, or as many as a single row or document may have.
_MOST = (4 * 1024 * 1024, MAX_RECORD + 1024 * 1024)
# The most rows that are translated and checked, and the most whose fields are shown.
_CHECKED = 500
_SHOWN = 3
# The most columns, examples of each, and faults that are listed.
MOST_COLUMNS = 500
_EXAMPLES = 3
_LONG = 60
_FAULTS = 10
_DEEPEST = 3
_DESCRIPTION = 200
_ADDRESS = re.compile(r"https?://\S+")
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(slots=True)
class Column:
    """A column, or a key with the keys that lead to it, such as ``categories.location``.

    ``filled`` is the part of the rows that state it, 0 to 1, ``longest`` the most characters of a
    value; ``fields`` are the fields that it goes to. Without one, its values are kept in
    ``attributes``.
    """

    name: str
    filled: float
    longest: int
    examples: list[str]
    fields: list[str]


@dataclass(slots=True)
class Inspection:
    """What a file is, and what importing it would give.

    ``format`` is ``None`` where none is known; ``fault`` says why. ``rows`` is their number,
    estimated unless ``exact``, and ``None`` if that cannot be told. What follows is about the
    ``looked_at`` first ones: the ``columns``, and of the ``checked`` first of these what would be
    ``rejected``, how many values would be ``left_out``, and three ``postings`` as they would be
    stored.
    """

    file: str
    format: str | None
    description: str
    kind: str
    items: str
    encoding: str
    compression: list[str]
    delimiter: str | None
    rows: int | None
    exact: bool
    looked_at: int
    columns: list[Column]
    checked: int
    fault: str | None
    rejected: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    postings: list[JobPosting] = field(default_factory=list)

    def guesses(self) -> dict[str, str]:
        """Return a column for each of the fields that matter most; ``?`` where none is likely.

        Names in any language say little, so values decide: addresses, and the longest texts.
        """
        found = {"title": "?", "company": "?"}
        for column in self.columns:
            if column.examples and all(map(_ADDRESS.match, column.examples)):
                found.setdefault("url", column.name)
            elif column.longest > _DESCRIPTION:
                found.setdefault("description", column.name)
        return found

    def note(self, kind: str, line: int | None, field: str, name: str, reason: str) -> None:
        """List why a row would be rejected or a value left out: each reason once."""
        fault = {"kind": kind, "line": line, "field": field, "name": name, "reason": reason}
        known = any(
            (each["kind"], each["field"], each["reason"]) == (kind, field, reason)
            for each in self.faults
        )
        if not known and len(self.faults) < _FAULTS:
            self.faults.append(fault)


def inspect(path: FilePath, *, seen_at: datetime | None = None, **options: Any) -> Inspection:
    """Look at a file.

    ``seen_at`` is what relative dates count from; the other options are those of
    :func:`~jobstore.exchange.open_records`. Raises BrokenFile for a file that cannot be read, or
    has no rows that could be postings, and ValueError for options that mean nothing.
    """
    for most in _MOST:
        seen = look(path, most=most, **options)
        rows = list(seen.rows())
        pages = seen.way.format == "schema-org"
        records = list(seen.records() if pages else islice(seen.records(), _CHECKED))
        if rows or records or seen.whole:
            break
    way = seen.way
    # A page gives postings from anywhere in it, and not each row need be one.
    number = len(records) if pages or (seen.known and len(records) < _CHECKED) else len(rows)
    found = Inspection(
        file=seen.name,
        format=way.format if seen.known else None,
        description=_description(way),
        kind=seen.kind,
        items=way.items,
        encoding=seen.encoding,
        compression=list(seen.compression),
        delimiter=seen.delimiter,
        rows=_number(seen, number),
        exact=seen.whole,
        looked_at=number,
        columns=_columns([] if pages else rows, seen),
        checked=min(len(records), _CHECKED),
        fault=seen.fault,
    )
    if not seen.known and not found.columns:
        raise BrokenFile(f"{seen.name} holds no rows with columns or keys, so no posting.")
    _check(records[:_CHECKED], found, seen_at)
    return found


def _description(way: Way) -> str:
    if way.mapping is not None:
        return way.mapping.description
    return IMPORT_FORMATS.get(way.format, "")


def _number(seen: Look, rows: int) -> int | None:
    if seen.whole:
        return rows
    if seen.octets is None or not rows:
        return None
    # The first two digits are about as certain as the rows are alike.
    number = rows * seen.octets // len(seen.sample)
    return round(number, 2 - len(str(number)))


def _columns(rows: Iterable[Row], seen: Look) -> list[Column]:
    fields = _fields_of(seen.way.mapping) if seen.known else _no_fields
    filled: Counter[tuple[str, ...]] = Counter()
    longest: Counter[tuple[str, ...]] = Counter()
    examples: dict[tuple[str, ...], dict[str, None]] = {}
    goes: dict[tuple[str, ...], list[str]] = {}
    number = 0
    for row in rows:
        if not isinstance(row.value, Mapping):
            continue
        number += 1
        for keys, value in _leaves(row.value):
            if keys not in examples:
                if len(examples) == MOST_COLUMNS:
                    continue
                examples[keys], goes[keys] = {}, fields(keys)
            if value in (None, "", [], {}):
                continue
            if all(states_nothing(name, value) for name in goes[keys] or [""]):
                continue
            filled[keys] += 1
            longest[keys] = max(longest[keys], len(value if isinstance(value, str) else str(value)))
            if len(examples[keys]) < _EXAMPLES:
                examples[keys][shown(value)] = None
    for keys in _absent(seen, examples):
        examples[keys], goes[keys] = {}, fields(keys)
    return [
        Column(
            ".".join(keys),
            round(filled[keys] / number, 3),
            longest[keys],
            list(texts),
            goes[keys],
        )
        for keys, texts in examples.items()
    ]


def _absent(seen: Look, known: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the keys that the caller maps and no row has: a slip, or what few rows state."""
    if seen.way.kind != "json":
        return []
    named = [_keys(text) for text in (seen.wishes.columns or {}).values()]
    return [
        keys
        for keys in named
        if keys and not any(keys[: len(leaf)] == leaf[: len(keys)] for leaf in known)
    ]


def _keys(text: str) -> tuple[str, ...]:
    try:
        return compile_path(text).keys or ()
    except ValueError:  # the name of a column, with signs that no path has
        return (text,)


def _leaves(
    value: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, each in value.items():
        keys = (*above, str(key))
        if isinstance(each, Mapping) and each and len(keys) < _DEEPEST:
            yield from _leaves(each, keys)
        else:
            yield keys, each


def shown(value: Any, most: int = _LONG) -> str:
    """Return a value for people: one line of at most ``most`` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text[: most * 4].split())
    return text if len(text) <= most else text[: most - 3] + "..."


def _no_fields(keys: tuple[str, ...]) -> list[str]:
    return []


def _fields_of(mapping: FieldMapping | None) -> Callable[[tuple[str, ...]], list[str]]:
    """Return what tells to which fields a column goes."""
    if mapping is None:
        return lambda keys: [keys[0]] if keys[0] in FIELD_NAMES else []
    whole: dict[tuple[str, ...], list[str]] = {}
    named: dict[str, list[str]] = {}
    for name, rules in mapping.rules.items():
        for path in (compile_path(text) for rule in rules for text in rule.paths):
            if path.keys is not None:
                whole.setdefault(path.keys, []).append(name)
                whole.setdefault((path.text,), []).append(name)
            else:
                # Of an expression it is told which keys occur in it.
                for key in _NAME.findall(path.text):
                    named.setdefault(key, []).append(name)

    def fields(keys: tuple[str, ...]) -> list[str]:
        found = [name for end in range(1, len(keys) + 1) for name in whole.get(keys[:end], ())]
        found += [
            name for start, names in whole.items() if start[: len(keys)] == keys for name in names
        ]
        return list(dict.fromkeys(found + named.get(keys[0], [])))

    return fields


def _check(records: list[Record], found: Inspection, seen_at: datetime | None) -> None:
    for record in records:
        try:
            if record.posting is None:
                raise InvalidPosting([Fault("", record.fault or "")])
            posting, omissions = take_in(record.posting, seen_at=seen_at)
        except InvalidPosting as error:
            found.rejected += 1
            for fault in error.faults:
                found.note("rejected", record.line, fault.field, fault.field, fault.reason)
            continue
        for omission in omissions:
            count = found.left_out.get(omission.field, 0)
            found.left_out[omission.field] = count + 1
            kind = "turned round" if omission.kind == "range" else "left out"
            found.note(kind, record.line, omission.field, omission.name, omission.reason)
        if len(found.postings) < _SHOWN:
            found.postings.append(posting)
