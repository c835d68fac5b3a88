"""Values of JSON-LD: postings in a document, references in it, and each value's many shapes.

Only shapes are read here (https://www.w3.org/TR/json-ld11/); :mod:`.schema_org` decides which
property fills which of our fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# References in a posting that are followed, and how deep: enough for any page, and cycles end.
_MOST_REFERENCES = 200
_DEEPEST = 24
# Nodes that are remembered by their @id.
_MOST_NODES = 20_000

_PREFIX = re.compile(r"(?:https?://schema\.org/|schema:)(?=\w)", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-\w{2,8})*|@none")

Nodes = Mapping[str, dict[str, Any]]


def nodes(values: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return what documents say of things that have an ``@id``, by it."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(values)
    while waiting and len(found) < _MOST_NODES:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            name = item.get("@id")
            if isinstance(name, str) and len(item) > len(found.get(name, ("@id",))):
                found[name] = item
            waiting.extend(value for value in item.values() if isinstance(value, list | dict))
    return found


def job_postings(value: Any) -> Iterator[dict[str, Any]]:
    """Find every JobPosting in a JSON value, in the order of the document."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, dict):
            if _is_posting(item.get("@type")):
                yield item
            else:
                waiting.extend(reversed(item.values()))


def _is_posting(kind: Any) -> bool:
    # JobPosting, schema:JobPosting, https://schema.org/JobPosting; alone or among others.
    return "jobposting" in types(kind)


def types(kind: Any) -> set[str]:
    """Return the names of types in small letters, without what is before them."""
    kinds = kind if isinstance(kind, list) else [kind]
    return {re.split("[:/#]", name)[-1].lower() for name in kinds if isinstance(name, str)}


def expanded(posting: dict[str, Any], known: Nodes) -> dict[str, Any]:
    """Return a posting with plain names of properties, and what ``known`` says of its references.

    A reference that leads back to where it stands is left as it is.
    """
    left = _MOST_REFERENCES

    def expand(value: Any, depth: int, inside: tuple[str, ...]) -> Any:
        nonlocal left
        if depth > _DEEPEST:
            return value
        if isinstance(value, list):
            return [expand(item, depth + 1, inside) for item in value]
        if not isinstance(value, dict):
            return value
        name = value.get("@id")
        if isinstance(name, str):
            node = known.get(name)
            if node is not None and node is not value and name not in inside and left:
                left -= 1
                value = {**node, **value}
            inside = (*inside, name)
        if value.keys() & {"@list", "@set"}:
            return expand(value.get("@list", value.get("@set")), depth + 1, inside)
        return {
            (_PREFIX.sub("", key, count=1) if ":" in key else key): (
                expand(item, depth + 1, inside) if isinstance(item, list | dict) else item
            )
            for key, item in value.items()
        }

    result = expand(posting, 0, ())
    return result if isinstance(result, dict) else posting


def each(value: Any) -> Iterator[Any]:
    """Give the values of lists, however deep, and any other value as it is; no ``None``."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif item is not None:
            yield item


def first(value: Any) -> Any:
    """Return the first of a list; anything else as it is."""
    return next(each(value), None)


def text_of(value: Any) -> str | None:
    """Return a value as text; ``None`` for an object that is no value, and for nothing.

    Of several languages, English is taken, or else the first.
    """
    found = [text for item in each(value) if (text := _text(item)) is not None]
    english = (_text(item) for item in each(value) if _language(item) == "en")
    return next(english, None) or next(iter(found), None)


def _language(item: Any) -> str | None:
    language = item.get("@language") if isinstance(item, dict) else None
    return str(language)[:2].lower() if language else None


def _text(item: Any) -> str | None:
    if not isinstance(item, dict):
        return str(item)
    if "@value" in item:
        value = first(item["@value"])
    elif item and all(isinstance(key, str) and _LANGUAGE.fullmatch(key) for key in item):
        value = first(item.get("en", next(iter(item.values()))))
    else:
        return None
    return None if value is None or isinstance(value, dict) else str(value)


def texts(value: Any) -> list[str]:
    """Return all texts of a value; of things, what they are called; of languages, one."""
    if any(_language(item) for item in each(value)):
        return [text for text in (text_of(value),) if text]
    return [name for item in each(value) if (name := name_of(item))]


def name_of(value: Any) -> str | None:
    """Return what a thing is called: the thing itself if it is text, else its name."""
    value = first(value)
    if isinstance(value, dict) and (text := text_of(value)) is None:
        names = ("name", "legalName", "alternateName")
        return next((text for name in names if (text := text_of(value.get(name)))), None)
    return text_of(value)


def link_of(value: Any) -> str | None:
    """Return the first address that a value states, as text or as ``@id``."""
    for item in each(value):
        text = text_of(item)
        if text is None and isinstance(item, dict):
            text = text_of(item.get("@id")) or text_of(item.get("url"))
        if text and text.strip():
            return text.strip()
    return None
