"""Snippets: an excerpt of a description with the words that were searched for marked.

Works on the original text, in Python, since the full-text index keeps no copy of it. Words are
folded and spelled as :mod:`jobstore.statements.words` says, so what search finds is marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from jobstore.statements.grammar import Expression, Term
from jobstore.statements.words import fold_in_place, term_patterns

_MARK = "**"
_MORE = "…"
_WORDS_BEFORE = 10
_WORDS_AFTER = 20
# Also bounded in characters, since not every script has spaces.
_BEFORE = 100
_AFTER = 200


class Marker:
    """Makes the snippets of one search text."""

    def __init__(self, expression: Expression) -> None:
        terms = [term for group in expression.required for term in group]
        self._in_description = _Finder(term for term in terms if term.field is None)
        self._in_title = _Finder(term for term in terms if term.field in (None, "title"))

    def snippet(self, title: str, description: str | None) -> str:
        """Return about 30 words around the first match in the description, or else the title."""
        found = self._in_description.excerpt(description) if description else None
        return found or self._in_title.excerpt(title) or title


@lru_cache(maxsize=256)
def marker(expression: Expression) -> Marker:
    """Return the marker of a search text; making one takes longer than using it."""
    return Marker(expression)


class _Finder:
    def __init__(self, terms: Iterable[Term]) -> None:
        patterns = [
            pattern
            for term in dict.fromkeys(terms)
            for pattern in term_patterns(term.words, term.prefix)
        ]
        # One by one each is found by its letters, which is far faster than all at once.
        self._single = [re.compile(pattern) for pattern in patterns]
        self._any = re.compile("|".join(patterns))

    def excerpt(self, text: str) -> str | None:
        folded, places = fold_in_place(text)
        first: re.Match[str] | None = None
        for pattern in self._single:
            # No later than the best so far, but with room for a match that begins before it.
            found = pattern.search(folded, 0, first.end() if first else len(folded))
            if found and (first is None or found.start() < first.start()):
                first = found
        if first is None:
            return None
        start, end = _window(folded, first.start(), first.end())
        pieces, done = [], start
        for match in self._any.finditer(folded, start, end):
            pieces += [_original(text, places, done, match.start()), _MARK]
            pieces += [_original(text, places, match.start(), match.end()), _MARK]
            done = match.end()
        pieces.append(_original(text, places, done, end))
        excerpt = " ".join("".join(pieces).split())
        return f"{_MORE if start else ''}{excerpt}{_MORE if end < len(folded) else ''}"


def _window(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a match to about 30 words."""
    low, high = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    before = text[low:start].rsplit(None, _WORDS_BEFORE)
    # What is over at the edge is a word too many, or one that is cut.
    if len(before) > _WORDS_BEFORE or (low and len(before) > 1):
        low += len(before[0]) if text[low : low + 1].strip() else 0
    after = text[end:high].split(None, _WORDS_AFTER)
    if len(after) > _WORDS_AFTER or (high < len(text) and len(after) > 1):
        high -= len(after[-1])
    return low, high


def _original(text: str, places: list[int] | None, start: int, end: int) -> str:
    if places is None:
        return text[start:end]
    length = len(text)
    low = places[start] if start < len(places) else length
    return text[low : places[end] if end < len(places) else length]
