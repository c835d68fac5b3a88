"""What is counted of the matches of a search: their total, and the values of facets.

Pure functions; how an engine finds the matches is its own concern.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from jobstore.records import FacetCount
from jobstore.search.criteria import FOLDED
from jobstore.search.words import fold

MAX_COUNTED = 1000
"""Totals are exact up to this; facets are counted over one more of the newest matches at most."""
BUDGET = 25_000
"""For a total about so many entries of an index are read at most. It is work and not time, so that
totals do not depend on the machine."""
LEAST_COUNTED = 21
"""So many matches are counted whatever it takes: an ordinary page has to find as many."""
MAX_FACET_VALUES = 10
"""How many values of a facet a page shows."""


def total(counted: int, *, is_all: bool = True) -> tuple[int, bool]:
    """Return the total of a page, and whether there may be more matches than that.

    ``counted`` is the number of matches that were counted; those beyond MAX_COUNTED count as one.
    ``is_all`` tells whether there was nothing more to count, up to there.
    """
    return min(counted, MAX_COUNTED + 1), counted > MAX_COUNTED or not is_all


def said(total: int, capped: bool) -> str:
    """Return the total of a page in words."""
    if not capped:
        return f"{total:,}"
    return f"more than {MAX_COUNTED:,}" if total > MAX_COUNTED else f"at least {total:,}"


def most_frequent(name: str, stated: Iterable[tuple[Sequence[str], int]]) -> list[FacetCount]:
    """Count values of the facet ``name`` that compare equal together, each under its most
    frequent spelling.

    Each of ``stated`` is what some postings state (one value, or all their skills), and how
    many postings do. One posting counts once for a value, however often and variously it
    spells it.
    """
    key: Callable[[str], str] = fold if name in FOLDED else str
    spelled: Counter[tuple[str, str]] = Counter()
    for values, amount in stated:
        for pair in {key(value): value for value in reversed(values)}.items():
            spelled[pair] += amount
    amounts: Counter[str] = Counter()
    labels: dict[str, str] = {}
    for (folded, spelling), amount in sorted(spelled.items(), key=lambda at: (-at[1], at[0][1])):
        amounts[folded] += amount
        labels.setdefault(folded, spelling)
    top = sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [FacetCount(labels[folded], amount) for folded, amount in top[:MAX_FACET_VALUES]]
