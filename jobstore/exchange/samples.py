"""What the beginning of a JSON file shows: its first values, and the lists of objects in them.

A file is looked at before it is read, and only its beginning is: a document that ends with it is
closed where it was cut. Nothing here knows what a posting is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from jobstore.exchange.documents import DECODER
from jobstore.exchange.mending import Mender

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_ENDS = {"{": "}", "[": "]"}

# Keys that a dotted path may hold.
_PLAIN = re.compile(r"[\w -]+")

# How lists of postings are called.
_LISTS = frozenset(
    (
        *("content", "data", "docs", "elements", "entries", "hits", "items", "jobs", "list"),
        *("listings", "objects", "offers", "openings", "positions", "postings", "jobpostings"),
        *("job_postings", "records", "results", "rows", "searchresultitems", "vacancies"),
        "values",
    )
)
_MOST = 50
_DEEPEST = 4


def first_values(text: str) -> list[Any]:
    """Return the first values of JSON that begins with ``text``: at most 50.

    They are the items of an array, the values of JSON Lines, or one document.
    """
    text = text.lstrip()
    if not text.startswith("["):
        return _lines(text)
    whole = _closed(text)
    found = _parse(whole) if whole else None
    return found[:_MOST] if isinstance(found, list) else []


def _lines(text: str) -> list[Any]:
    values: list[Any] = []
    start = 0
    while start < len(text) and len(values) < _MOST:
        rest = text[start:]
        try:
            value, end = DECODER.raw_decode(rest)
        except (ValueError, RecursionError):
            if values:
                break
            line, _, _ = rest.partition("\n")
            value = _parse(line)
            if value is None:
                whole = _closed(rest)
                value = _parse(whole) if whole else None
                if value is not None:
                    values.append(value)
                break
            end = len(line)
        values.append(value)
        start += end
        start += len(text[start:]) - len(text[start:].lstrip())
    return values


def _closed(text: str) -> str:
    """Return the text up to the last value that is whole, with all brackets closed."""
    stack: list[str] = []
    end = 0
    after_colon = False
    passed = 0
    for token in _TOKEN.finditer(text):
        if '"' in text[passed : token.start()]:
            # What looks like values is a text whose end was cut.
            break
        passed = token.end()
        sign = token[0]
        if sign in _ENDS:
            stack.append(_ENDS[sign])
        elif sign in "}]":
            if not stack or stack[-1] != sign:
                break
            stack.pop()
        elif sign == ":":
            after_colon = True
            continue
        elif sign == "," or not (after_colon or (stack and stack[-1] == "]")):
            continue
        # A number at the very end may go on.
        elif token.end() == len(text) and sign[0] != '"':
            break
        after_colon = False
        end = token.end()
        if not stack:
            break
    return text[:end] + "".join(reversed(stack))


def _parse(text: str) -> Any:
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        with suppress(ValueError):
            return Mender().mended(text, DECODER)
    return None


def rows_by_id(value: Any) -> list[dict[str, Any]]:
    """Return the rows of an object that holds each under its id; of another, nothing."""
    if not isinstance(value, Mapping) or not all(isinstance(each, dict) for each in value.values()):
        return []
    return [{"id": name, **each} for name, each in value.items()]


def lists(document: Any) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give the lists of objects in a document with the dotted keys that lead to each; the
    largest is first. Lists in the items of a list are none of them."""
    found: list[tuple[str, list[dict[str, Any]]]] = []

    def walk(value: Any, keys: tuple[str, ...]) -> None:
        if isinstance(value, list):
            objects = [each for each in value if isinstance(each, dict)]
            if objects:
                found.append((".".join(keys), objects))
        elif isinstance(value, Mapping) and len(keys) < _DEEPEST:
            if keys and (by_id := rows_by_id(value)):
                found.append((".".join(keys), by_id))
            for key, inner in value.items():
                if _PLAIN.fullmatch(key):
                    walk(inner, (*keys, key))

    walk(document, ())
    yield from sorted(found, key=lambda each: -len(each[1]))


def empty_list(values: list[Any]) -> str | None:
    """Return the dotted keys of a list without items, where there is nothing else to read.

    Only what is called like a list of postings: a posting may have no ``locations``.
    """
    if not values:
        return ""
    for key, value in values[0].items() if isinstance(values[0], dict) else ():
        if value == [] and key.casefold() in _LISTS:
            return str(key)
        if isinstance(value, dict) and (below := empty_list([value])):
            return f"{key}.{below}"
    return None


def keys_of(rows: list[Any]) -> frozenset[str]:
    """Return all keys of the objects among ``rows``."""
    return frozenset(key for row in rows if isinstance(row, Mapping) for key in row)


def as_text(value: Any) -> str:
    """Return a value as JSON, for rows whose text in the file is not at hand."""
    return json.dumps(value, ensure_ascii=False, default=str)
