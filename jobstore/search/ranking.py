"""Relevance: a score for each match, by where the words stand in it.

Pure functions on text. Which postings are ranked against each other, and in which order an
engine reads them, is its own concern; how many, is said here, since it shows in every answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from jobstore.search.grammar import Expression, Term
from jobstore.search.words import words

WINDOW = 500
"""How many matches, newest first, are ranked by relevance against each other."""

# What a required part of the text is worth in these fields, best first.
_WEIGHTS = {"title": 8, "company": 4, "skills": 4, "location": 2}
_WEIGHT_ELSEWHERE = 1
RANKED = tuple(_WEIGHTS)
"""The fields that a score is made of."""
# Stands between the parts of a field, and in no word.
_APART = "\n"


def score(expression: Expression, said: Sequence[str]) -> int:
    """Return the score of a match: each required part adds the weight of the best field it is in.

    ``said`` are the words of the fields of RANKED, in their order, as :func:`spoken` gives
    them. The posting is a match: what stands in none of them stands elsewhere.
    """
    return sum(_worth(group, said) for group in expression.required)


def spoken(parts: Iterable[str]) -> str:
    """Return the words of a field for :func:`stands_in`; no phrase reaches from one of its
    parts (a skill is one) into the next."""
    return _APART.join(map(_spoken, parts))


# Companies, places, skills and many titles recur, within one answer and from one to the next.
@lru_cache(maxsize=16_384)
def _spoken(part: str) -> str:
    return f" {' '.join(words(part))} "


def stands_in(term: Term, said: str) -> bool:
    """Tell whether a word or phrase stands in a field, whichever field it asks for."""
    end = "" if term.prefix else " "
    return f" {' '.join(term.words)}{end}" in said


def _worth(group: tuple[Term, ...], said: Sequence[str]) -> int:
    """Return the weight of the best field in which one of the terms stands."""
    for (name, weight), text in zip(_WEIGHTS.items(), said, strict=True):
        for term in group:
            if term.field in (None, name) and stands_in(term, text):
                return weight
    return _WEIGHT_ELSEWHERE
