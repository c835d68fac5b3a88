"""The shape of a query for logs: what kind of question it is, without anything it asks for.

Names of filters, of the order and of kinds of words come from code; no value is ever part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from jobstore.search.criteria import Criteria
from jobstore.search.grammar import Expression, Term

_OTHERS = ("text", "as_of", "sort")
_FILTERS = tuple(each.name for each in fields(Criteria) if each.name not in _OTHERS)


def shape(criteria: Criteria) -> str:
    """Return the shape, such as ``words=2 prefix=1 filters=company,workplace sort=newest``."""
    parts = _text(criteria.text) if criteria.text is not None else []
    filters = [name for name in _FILTERS if getattr(criteria, name) not in (None, ())]
    if filters:
        parts.append(f"filters={','.join(filters)}")
    parts.append(f"sort={criteria.sort}")
    return " ".join(parts)


def _text(text: Expression) -> list[str]:
    counts: dict[str, int] = {}
    for group in text.required:
        for kind in _kinds(group[0]) if len(group) == 1 else ("or",):
            counts[kind] = counts.get(kind, 0) + 1
    if text.excluded:
        counts["excluded"] = len(text.excluded)
    return [f"{kind}={count}" for kind, count in counts.items()]


def _kinds(term: Term) -> Iterator[str]:
    yield "prefixes" if term.prefix else "phrases" if len(term.words) > 1 else "words"
    if term.field is not None:
        yield f"in_{term.field}"
