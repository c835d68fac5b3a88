"""From a document to its rows: pages in one file, details beside lists, rows that come twice.

A list of rows at a path of plain keys is not for here: reading streams it. What has another shape
is unfolded from the whole document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jobstore.exchange.mapping import Rows
from jobstore.exchange.paths import Path, compile_path, expression
from jobstore.exchange.rows import Row
from jobstore.exchange.samples import as_text, rows_by_id


def unfolded(rows: Iterable[Row], items: str, shape: Rows) -> Iterator[Row]:
    """Give the rows that are at ``items`` in each of the documents ``rows``.

    What ``shape.details`` knows of a row by its ``shape.key`` is put over what the row says;
    details that no row asks for are rows as well. Of rows with a key that say the same, as pages
    that overlap have them, there is one. Each row gets what ``shape.around`` names of its document,
    as ``envelope``.
    """
    find = _finder(items)
    key = compile_path(shape.key) if shape.key else None
    details = expression(shape.details) if shape.details else None
    seen: dict[Any, int] = {}
    number = 0
    for document in rows:
        if document.fault is not None:
            yield document
            continue
        known = _by_key(details(document.value), key) if details else {}
        around = _around(document.value, shape.around) if items else {}
        for item in _joined(find(document.value), key, known):
            raw = as_text(item)
            name = key.get(item) if key and isinstance(item, Mapping) else None
            if isinstance(name, str | int):
                if seen.get(name) == hash(raw):
                    continue
                seen[name] = hash(raw)
            number += 1
            if around and isinstance(item, Mapping):
                item = {**item, "envelope": around}
            yield Row(number, item, None, raw)


def rows_at(document: Any, items: str, shape: Rows) -> list[Any]:
    """Return the rows of one document, for a look at them."""
    return [row.value for row in unfolded([Row(1, document)], items, shape)]


def _around(document: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        return {}
    return {name: document[name] for name in names if document.get(name) is not None}


def _finder(items: str) -> Callable[[Any], list[Any]]:
    search = expression(items) if items else lambda document: document

    def find(document: Any) -> list[Any]:
        found = search(document)
        if isinstance(found, list):
            return found
        by_id = rows_by_id(found) if items else []
        return by_id or ([] if found is None else [found])

    return find


def _by_key(details: Any, key: Path | None) -> dict[Any, Mapping[str, Any]]:
    if isinstance(details, Mapping):
        return {name: each for name, each in details.items() if isinstance(each, Mapping)}
    if not isinstance(details, list) or key is None:
        return {}
    listed = [(key.get(each), each) for each in details if isinstance(each, Mapping)]
    return {name: each for name, each in listed if isinstance(name, str | int)}


def _joined(
    items: list[Any], key: Path | None, known: dict[Any, Mapping[str, Any]]
) -> Iterator[Any]:
    left = dict(known)
    for item in items:
        name = key.get(item) if key is not None and isinstance(item, Mapping) else None
        found = known.get(str(name)) or known.get(name) if isinstance(name, str | int) else None
        if found is None:
            yield item
        else:
            left.pop(str(name), None)
            left.pop(name, None)
            yield {**item, **found}
    yield from left.values()
