"""Snippets: an excerpt of a description with the words that were searched for marked.

Works on the original text, in Python, since the full-text index keeps no copy of it. Words are
folded and spelled as :mod:`jobstore.statements.words` says, so what search finds is marked.
"""

from __future__ import annotations

from jobstore.statements.grammar import Expression, Term
from jobstore.statements.phrases import find_phrase, fold_in_place

_MARK = "**"
_MORE = "…"
_WORDS_BEFORE = 10
_WORDS_AFTER = 20
# Also bounded in characters, since not every script has spaces.
_BEFORE = 100
_AFTER = 200
# How much of a text is looked at around a plain match, beyond what an excerpt shows.
_MARGIN = 60


class Excerpts:
    """Cuts excerpts for the results of one search, whose terms are made ready once."""

    def __init__(self, expression: Expression) -> None:
        terms = [term for group in expression.required for term in group]
        self._anywhere = [term for term in terms if term.field is None]
        self._titles = [term for term in terms if term.field in (None, "title")]

    def snippet(self, title: str, description: str | None) -> str:
        """Return about 30 words around the first match in the description, or else the title."""
        if description and (found := _excerpt(description, self._anywhere)):
            return found
        return _excerpt(title, self._titles) or title


def _excerpt(text: str, terms: list[Term]) -> str | None:
    """Return the text around a match with all matches marked, ``None`` if there is none."""
    near = _neighbourhood(text, terms)
    if near is not None and (found := _marked(text, terms, *near)) is not None:
        return found
    return _marked(text, terms, 0, len(text))


def _neighbourhood(text: str, terms: list[Term]) -> tuple[int, int] | None:
    """Return a part of a long text, in whole words, where a term seems to stand.

    Folding a whole text takes longer than anything else about a page. Most words stand in it as
    they were asked for, or with a capital, and then only what is near has to be folded.
    """
    if len(text) <= _BEFORE + _AFTER + 2 * _MARGIN:
        return None
    standing = len(text)
    for term in terms:
        word = term.words[0]
        size = len(word)
        for form in (word, word.capitalize()):
            place = text.find(form, 0, standing)
            while place >= 0 and (
                (place and text[place - 1].isalnum())
                or text[place + size : place + size + 1].isalnum()
            ):
                # Inside of another word, as short ones mostly are.
                place = text.find(form, place + 1, standing)
            if place >= 0:
                standing = place
    if standing == len(text):
        return None
    start = max(0, standing - _BEFORE - _MARGIN)
    if start and (start := text.find(" ", start, standing)) < 0:
        return None
    end = standing + _AFTER + 2 * _MARGIN
    if end < len(text) and (end := text.rfind(" ", standing + _AFTER, end)) < 0:
        return None
    return start, min(end, len(text))


def _marked(text: str, terms: list[Term], first: int, last: int) -> str | None:
    part = text[first:last]
    folded, places = fold_in_place(part)
    matches = _matches(folded, terms)
    if not matches:
        return None
    start, end = _window(folded, *matches[0])
    before = _MORE if start or first else ""
    after = _MORE if end < len(folded) or last < len(text) else ""
    if places is not None:
        # Back to where everything stands in the text itself.
        places.append(len(part))
        matches = [(places[begin], places[stop]) for begin, stop in matches]
        start, end = places[start], places[end]
    pieces: list[str] = []
    done = start
    for begin, stop in matches:
        if stop > end:
            break
        if begin >= done:
            pieces += (part[done:begin], _MARK, part[begin:stop], _MARK)
            done = stop
    pieces.append(part[done:end])
    excerpt = " ".join("".join(pieces).split())
    return f"{before}{excerpt}{after}"


def _matches(folded: str, terms: list[Term]) -> list[tuple[int, int]]:
    """All matches in their order near the first one; of several that begin together, the
    longest comes first."""
    found: list[tuple[int, int]] = []
    horizon = len(folded)
    for term in terms:
        start = 0
        while match := find_phrase(folded, term.words, term.prefix, start):
            if match[0] > horizon:
                break
            found.append(match)
            # No excerpt goes on further than this after its first match.
            horizon = min(horizon, match[1] + _AFTER)
            start = match[1]
    if len(found) > 1:
        found.sort(key=lambda match: (match[0], -match[1]))
    return found


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
