"""What is kept of a posting to compare it, and reasons, as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from jobstore.lifecycle.duplicates.evidence import Reason
from jobstore.lifecycle.duplicates.features import Features
from jobstore.lifecycle.duplicates.places import Place
from jobstore.lifecycle.duplicates.titles import Title

FORM = 4
"""The form of what is kept. It changes with the rules that :func:`features` and :func:`judge`
follow; then all postings are compared anew."""


def written(given: Features) -> str:
    """Return features as text, without the bands, which are kept as keys."""
    return json.dumps(
        [
            given.source,
            given.company,
            sorted(given.title.names),
            sorted(given.title.levels),
            given.places,
            given.salary,
            given.currency,
            given.addresses,
            given.length,
            given.signature.hex(),
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def read_written(text: str) -> Features:
    """Return features from their text."""
    source, company, names, levels, places, salary, currency, addresses, length, octets = (
        json.loads(text)
    )
    return Features(
        source=source,
        company=tuple(company),
        title=Title(frozenset(names), frozenset(levels)),
        places=tuple(Place(*each) for each in places),
        salary=None if salary is None else (salary[0], salary[1]),
        currency=currency,
        addresses=tuple(addresses),
        length=length,
        signature=bytes.fromhex(octets),
        bands=(),
    )


def reasons_text(reasons: Iterable[Reason]) -> str:
    """Return reasons as a JSON array."""
    return json.dumps([told(each) for each in reasons], ensure_ascii=False)


def told(reason: Reason) -> dict[str, Any]:
    """Return a reason as it is told."""
    return {
        "kind": reason.kind.value,
        "speaks_for": reason.speaks_for,
        "sentence": reason.sentence,
        "figures": {name: round(value, 4) for name, value in reason.figures.items()},
    }
