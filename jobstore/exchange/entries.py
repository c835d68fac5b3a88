"""The entries of a mapping, checked one by one: each fault names the entry and what to write.

What the entries mean together is in :mod:`jobstore.exchange.mapping`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from jobstore.errors import InvalidPosting, JobStoreError
from jobstore.exchange.converters import CONVERTERS
from jobstore.exchange.paths import compile_path
from jobstore.exchange.translating import Rule
from jobstore.intake.lenient import take_in
from jobstore.records import JobPosting

FIELD_NAMES = frozenset(each.name for each in fields(JobPosting))
_MAPPABLE = tuple(sorted(FIELD_NAMES - {"attributes"}))

_RULE = ("path", "paths", "each", "join", "convert", "words", "board", "address", "value")
# What an amount means depends on the currency and the country of a row.
_ALONE = ("salary_min", "salary_max")


class BadMapping(JobStoreError, ValueError):
    """A mapping cannot be used; the message names the entry and says what to write instead."""


def check_field(where: str, name: str) -> None:
    """Refuse a name that is no field of a posting."""
    if name not in _MAPPABLE:
        raise BadMapping(f"{where!r} is no field of a posting{_hint(name, _MAPPABLE)}")


def check_readable(where: str, name: str, value: Any) -> None:
    """Refuse a value that would be left out of every row."""
    if name in _ALONE:
        return
    known = {"source": "s", "source_job_id": "1", "title": "t", name: value}
    try:
        _, omissions = take_in(known)
    except InvalidPosting as error:
        raise BadMapping(f"{where!r} {error.faults[0].reason}") from None
    for omission in omissions:
        if omission.field == name:
            raise BadMapping(f"{where!r} {omission.reason}")


def check_keys(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse keys that are not ``known``."""
    for key in given:
        if key not in known:
            raise BadMapping(f"{where}{key!r} is not known{_hint(key, known)}")


def _hint(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}."


def table_at(given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the table ``key``, empty where there is none."""
    table = given.get(key, {})
    if not isinstance(table, Mapping):
        raise BadMapping(f"{key!r} must be a table: [{key}]")
    return table


def text_at(where: str, value: Any) -> str:
    """Return a value that must be text."""
    if not isinstance(value, str):
        raise BadMapping(f"{where!r} must be text")
    return value


def texts_at(where: str, value: Any) -> tuple[str, ...]:
    """Return a text, or a list of texts, as a tuple."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(each, str) for each in values):
        raise BadMapping(f"{where!r} must be text or a list of texts")
    return tuple(values)


def path_at(where: str, text: str, *, empty: bool = False) -> str:
    """Check a path; ``empty`` says that an empty one means the document itself."""
    try:
        if text or not empty:
            compile_path(text)
    except ValueError as error:
        raise BadMapping(f"{where!r}: {error}") from None
    return text


def converter_at(where: str, name: str, known: Mapping[str, Any]) -> str:
    """Return a name that ``known`` has."""
    if name not in known:
        raise BadMapping(f"{where!r}: there is no converter {name!r}{_hint(name, sorted(known))}")
    return name


def rule_at(name: str, given: Any) -> Rule:
    """Return the rule of a field: see ``[fields]``."""
    where = f"fields.{name}"
    if isinstance(given, str):
        given = {"path": given}
    if not isinstance(given, Mapping):
        raise BadMapping(f"{where!r} must be a path or a table: {{path = ...}}")
    check_keys(given, _RULE, f"{where}: ")
    named = [key for key in ("path", "paths", "each") if key in given]
    if len(named) > 1 or not (named or "value" in given):
        raise BadMapping(f"{where!r} needs one of 'path', 'paths' and 'each'")
    paths = texts_at(f"{where}.{named[0]}", given[named[0]]) if named else ()
    board = texts_at(f"{where}.board", given.get("board", ()))
    for path in (*paths, *board):
        path_at(where, path)
    convert = texts_at(f"{where}.convert", given.get("convert", ()))
    for each in convert:
        converter_at(where, each, CONVERTERS)
    words = given.get("words", {})
    if not isinstance(words, Mapping):
        raise BadMapping(f'\'{where}.words\' must be a table: {{"their word" = "our word"}}')
    for word, ours in words.items():
        check_readable(f"{where}.words.{word}", name, ours)
    if "value" in given:
        check_readable(f"{where}.value", name, given["value"])
    join = given.get("join")
    return Rule(
        paths,
        each="each" in given,
        join=None if join is None else text_at(f"{where}.join", join),
        convert=convert,
        words=dict(words),
        board=board,
        address=bool(given.get("address", False)),
        value=given.get("value"),
    )
