"""A search query as it is saved: JSON, and back.

Pure: no store is known.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from jobstore.errors import Fault, InvalidQuery
from jobstore.records import SearchQuery
from jobstore.search.criteria import check_query

_MOMENTS = ("posted_since", "posted_until")
_AMOUNTS = ("salary_min", "salary_max")
_DEFAULTS = {each.name: each.default for each in fields(SearchQuery)}


def to_text(query: SearchQuery | None) -> str:
    """Return a query as JSON, the same for equal ones. Raises InvalidQuery for its faults."""
    query = SearchQuery() if query is None else query
    check_query(query)
    stated = {name: getattr(query, name) for name in _DEFAULTS}
    said = {name: _plain(value) for name, value in stated.items() if value != _DEFAULTS[name]}
    return json.dumps(said, ensure_ascii=False, sort_keys=True)


def from_text(text: str) -> SearchQuery:
    """Return the query that :func:`to_text` wrote.

    Raises InvalidQuery for one of a newer version that asks for what is not known here.
    """
    said: dict[str, Any] = json.loads(text)
    if unknown := said.keys() - _DEFAULTS.keys():
        raise InvalidQuery([Fault(name, "is not known to this version") for name in unknown])
    return SearchQuery(**{name: _read(name, value) for name, value in said.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value}" if isinstance(value, Decimal | float) else value


def _read(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return datetime.fromisoformat(value)
    if name in _AMOUNTS:
        return Decimal(value)
    return tuple(value) if isinstance(value, list) else value
