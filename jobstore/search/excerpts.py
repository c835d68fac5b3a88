"""Excerpts of descriptions (snippets), with the words that were searched for marked.

Works on the original text, in Python, since the full-text index keeps no copy of it. Words are
folded and spelled as :mod:`jobstore.search.words` says, so what search finds is marked.

Texts and phrases come from strangers, and nobody else can use the reader while excerpts are cut:
so the work for a page has a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from jobstore.search.clusters import is_inside
from jobstore.search.grammar import MAX_CHARACTERS, Expression, Term
from jobstore.search.phrases import (
    Effort,
    find_phrase,
    find_word,
    fold_in_place,
    foreign,
    has_one_form,
)
from jobstore.search.words import is_unspaced

_MARK = "**"
# More than one, and one where a mark may follow or has just ended.
_STARS = re.compile(r"\*{2,}|^\*|\*$")
_MORE = "…"
_WORDS_BEFORE = 10
_WORDS_AFTER = 20
# Also bounded in characters, since not every script has spaces.
_BEFORE = 100
_AFTER = 200
# So many characters more than an excerpt shows are looked at on each side of a match.
_MARGIN = 60
# The most characters of one match in an excerpt: as many as a search text may have.
_LONGEST = MAX_CHARACTERS
# How often the search for a word goes on after it was found inside of another word.
_TRIES = 50

# The most words that are looked at for the excerpts of a page (about 50 ms), and for one text. An
# ordinary page needs a hundred.
EFFORT = 60_000
_EFFORT_OF_ONE = EFFORT // 3
# In the time that looking at one word takes, so many characters that are not ASCII are folded, so
# many others are folded, and so many are searched.
_FOREIGN_FOLDED = 8
_FOLDED = 32
_SEARCHED = 512


class Excerpts:
    """Cuts the excerpts of one page.

    Where finding the words would take too long, the excerpt is the beginning of the text.
    """

    def __init__(self, expression: Expression) -> None:
        terms = [term for group in expression.required for term in group]
        self._anywhere = _Wanted(term for term in terms if term.field is None)
        self._titles = _Wanted(term for term in terms if term.field in (None, "title"))
        self._left = EFFORT

    def snippet(self, title: str, description: str | None) -> str:
        """Return about 30 words around the first match in the description, or else the title."""
        if description:
            found, gave_up = self._excerpt(description, self._anywhere)
            if found or gave_up:
                return found or _beginning(description)
        return self._excerpt(title, self._titles)[0] or _unmarked(title)

    def _excerpt(self, text: str, wanted: _Wanted) -> tuple[str | None, bool]:
        """Return the text around a match with all matches marked (``None`` if none was found),
        and whether the search for one was given up."""
        if not wanted.terms:
            return None, False
        most = min(self._left, _EFFORT_OF_ONE)
        effort = Effort(most - len(text) * len(wanted.terms) // _SEARCHED)
        if effort.left < 0:
            return None, True
        near = _neighbourhood(text, wanted)
        found = _marked(text, wanted, *near, effort) if near else None
        if found is None:
            found = _marked(text, wanted, 0, len(text), effort)
        # A text that was too long to begin with takes nothing from the others.
        self._left -= most - max(effort.left, 0)
        return found, effort.left < 0


class _Wanted:
    """Terms that are looked for in every text of a page, made ready once."""

    __slots__ = ("forms", "plain", "terms")

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = list(terms)
        words = [term.words[0] for term in self.terms]
        # How their first words mostly stand in a text.
        self.forms = tuple(dict.fromkeys(chain(words, map(str.capitalize, words))))
        # Those that are a single word with one spelling, which is found faster.
        self.plain = [has_one_form(term.words, term.prefix) for term in self.terms]


def _unmarked(text: str) -> str:
    """Return a part of an excerpt without what could be taken for a mark, as Markdown has it."""
    return _STARS.sub("", text) if "*" in text else text


def _beginning(text: str) -> str:
    _, end = _window(text, 0, 0)
    excerpt = " ".join(_unmarked(text[:end]).split())
    return f"{excerpt}{_MORE}" if end < len(text) else excerpt


def _neighbourhood(text: str, wanted: _Wanted) -> tuple[int, int] | None:
    """Return a part of a long text, in whole words, where a term seems to stand.

    Folding a whole text is the most expensive step of a page. Most words stand in it as they were
    asked for, or with a capital; then only their surroundings have to be folded.
    """
    if len(text) <= _BEFORE + _AFTER + 2 * _MARGIN:
        return None
    standing = len(text)
    for form in wanted.forms:
        place = text.find(form, 0, standing)
        tries = _TRIES
        while place >= 0 and (
            (place and text[place - 1].isalnum())
            or text[(end := place + len(form)) : end + 1].isalnum()
        ):
            # It was found inside of another word, as short words mostly are.
            tries -= 1
            place = text.find(form, place + 1, standing) if tries else -1
        if place >= 0:
            standing = place
    if standing == len(text):
        return None
    start = max(0, standing - _BEFORE - _MARGIN)
    if start and not is_unspaced(text[start]) and (start := text.find(" ", start, standing)) < 0:
        return None
    end = standing + _AFTER + 2 * _MARGIN
    if (
        end < len(text)
        and not is_unspaced(text[end])
        and (end := text.rfind(" ", standing + _AFTER, end)) < 0
    ):
        return None
    return start, min(end, len(text))


def _marked(text: str, wanted: _Wanted, first: int, last: int, effort: Effort) -> str | None:
    part = text[first:last]
    if not part.isascii():
        effort.left -= len(part) // _FOLDED + foreign(part) // _FOREIGN_FOLDED
    if effort.left < 0:
        return None
    folded, places = fold_in_place(part)
    matches = _matches(folded, wanted, effort)
    if not matches:
        return None
    start, end = _window(folded, *matches[0])
    before = _MORE if start or first else ""
    after = _MORE if end < len(folded) or last < len(text) else ""
    if places is not None:
        # From positions in the folded text to positions in the text itself.
        places.append(len(part))
        matches = [(places[begin], places[stop]) for begin, stop in matches]
        start, end = places[start], places[end]
    pieces: list[str] = []
    done = start
    for begin, stop in matches:
        if stop > end:
            break
        if begin >= done:
            pieces += (_unmarked(part[done:begin]), _MARK, _unmarked(part[begin:stop]), _MARK)
            done = stop
    pieces.append(_unmarked(part[done:end]))
    excerpt = " ".join("".join(pieces).split())
    return f"{before}{excerpt}{after}"


def _matches(folded: str, wanted: _Wanted, effort: Effort) -> list[tuple[int, int]]:
    """Return the first match and those near it, in order; the longest of those that begin
    together comes first."""
    found: list[tuple[int, int]] = []
    horizon = len(folded)
    for term, plain in zip(wanted.terms, wanted.plain, strict=True):
        start = 0
        while match := (
            find_word(folded, term.words[0], effort, start)
            if plain
            else find_phrase(folded, term.words, term.prefix, effort, start)
        ):
            begin, start = match
            if begin > horizon:
                break
            end = min(start, begin + _LONGEST)
            found.append((begin, end))
            # No excerpt reaches further than this.
            horizon = min(horizon, end + _AFTER)
    if len(found) > 1:
        found.sort(key=lambda match: (match[0], -match[1]))
    return found


def _window(text: str, start: int, end: int) -> tuple[int, int]:
    """Widen a match to about 30 words."""
    low, high = max(0, start - _BEFORE), min(len(text), end + _AFTER)
    before = text[low:start].rsplit(None, _WORDS_BEFORE)
    # The last piece at an edge is a word too many, or a part of a word.
    if len(before) > _WORDS_BEFORE or (low and len(before) > 1):
        low += len(before[0]) if text[low : low + 1].strip() else 0
    after = text[end:high].split(None, _WORDS_AFTER)
    if len(after) > _WORDS_AFTER or (high < len(text) and len(after) > 1):
        high -= len(after[-1])
    while low < start and is_inside(text, low):
        low += 1
    while end < high < len(text) and is_inside(text, high):
        high -= 1
    return low, high
