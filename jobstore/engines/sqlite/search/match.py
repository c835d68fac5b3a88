"""Criteria to an FTS5 query, which is bound as a value.

Only FTS5's own query language is written here; SQL is in :mod:`.statements`. Every word is
quoted, so that nothing of a user's text is ever syntax. Prefixes are spelled out
into the words of the index: FTS5 would merge all that a prefix stands for before the first
row, where an OR of words is read only as far as a page needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from jobstore.derived.facet_words import EVERY, MARK, asked
from jobstore.errors import Fault, InvalidQuery
from jobstore.search.criteria import Criteria
from jobstore.search.grammar import Term

MAX_PREFIX_WORDS = 200
"""How many words all prefixes of a query may stand for together. In an index of 14 segments each
takes 0.1 to 0.16 ms: it is looked up in all of them, and then read from."""

# The most alternatives that are looked up to estimate how common they are together.
_SAMPLED_WORDS = 20
# The most parts that are nested; FTS5's parser has room for some dozens.
_NESTED = 8
# A word that no posting has.
_NOTHING = MARK + "0"

# Lists at most so many words of the index that begin with a text.
Expand = Callable[[str, int], list[str]]


class Part(NamedTuple):
    """What must occur: its FTS5 query, empty if it cannot be satisfied.

    ``sample`` is a query that tells how long the lists are which it reads: single words of any
    column, since FTS5 reads past every word on the way to a phrase or to a column. It is empty
    for parts of many alternatives. ``lists`` is how many there are.
    """

    query: str
    sample: str = ""
    lists: int = 1


class Match(NamedTuple):
    """An FTS5 query in parts: what must occur, and what must not."""

    required: tuple[Part, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to ask the full-text index for."""
        return not self.required and not self.excluded

    @property
    def is_impossible(self) -> bool:
        """Whether no posting can match."""
        return any(not part.query for part in self.required)

    @property
    def is_plain(self) -> bool:
        """Whether every entry that is read is a match, but for those that are excluded."""
        return len(self.required) < 2 and all(each.query == each.sample for each in self.required)

    @property
    def is_wide(self) -> bool:
        """Whether a part has many alternatives; each one has to be sought."""
        return any(not part.sample for part in self.required)

    def ordered(self, amounts: Mapping[Part, int]) -> Match:
        """Return the same query with its rarest part first; the amounts tell how common each is,
        and those without one come last."""

        def rank(part: Part) -> float:
            return amounts.get(part, math.inf)

        return self._replace(required=tuple(sorted(self.required, key=rank)))

    def query(self, *more: str) -> str:
        """Return the FTS5 query; ``more`` parts must occur as well."""
        # FTS5 seeks every part of an AND at every step. A NOT that excludes nothing makes it
        # take the parts one after the other: the later ones are sought only where all before
        # have met, which is a half to a quarter of the work.
        required = (*more, *(part.query for part in self.required))
        first, *rest = required or (quoted(EVERY),)
        text = first
        for number, part in enumerate(rest, start=2):
            text = f"{text} AND {part}"
            if number <= min(len(rest), _NESTED):
                text = f"(({text}) NOT {quoted(_NOTHING)})"
        return f"({text}) NOT ({' OR '.join(self.excluded)})" if self.excluded else text


def match(criteria: Criteria, expand: Expand) -> Match:
    """Translate all of the criteria that the full-text index can answer.

    The bounds of salaries and applicants and what has expired are answered by buckets, which let a
    little more through; dates of posting are not answered here. Raises InvalidQuery when prefixes
    stand for too many words.
    """
    spell = _Speller(expand)
    facets = asked(criteria)
    required = [_one_of(words) for words in facets.required]
    excluded = [*map(quoted, facets.excluded)]
    if criteria.text is not None:
        required += [spell(group) for group in criteria.text.required]
        unwanted = [spell((term,)) for term in criteria.text.excluded]
        excluded += [part.query for part in unwanted if part.query]
    return Match(tuple(required), tuple(excluded))


def quoted(words: str) -> str:
    """Return words as an FTS5 string: they must follow each other."""
    doubled = words.replace('"', '""')
    return f'"{doubled}"'


def any_of(parts: Iterable[str]) -> str:
    """Return the alternatives as one part; empty ones cannot be satisfied."""
    found = [part for part in parts if part]
    return f"({' OR '.join(found)})" if len(found) > 1 else "".join(found)


class _Speller:
    """Writes alternative terms as one part, and counts the words that prefixes stand for."""

    def __init__(self, expand: Expand) -> None:
        self._expand = expand
        self._left = MAX_PREFIX_WORDS

    def __call__(self, terms: Iterable[Term]) -> Part:
        queries, samples = [], []
        for term in terms:
            phrases = self._phrases(term)
            query = any_of(map(quoted, phrases))
            queries.append(f"{term.field} : {query}" if term.field and query else query)
            # The longest word of a phrase is seldom its most common one.
            samples += [max(phrase.split(" "), key=len) for phrase in phrases]
        return Part(any_of(queries), _sample(samples), len(samples))

    def _phrases(self, term: Term) -> list[str]:
        if not term.prefix:
            return [" ".join(term.words)]
        *before, stem = term.words
        endings = self._expand(stem, self._left + 1)
        if len(endings) > self._left:
            raise InvalidQuery([Fault("text", f"has too short a prefix; add letters to {stem}*")])
        self._left -= len(endings)
        return [" ".join((*before, ending)) for ending in endings]


def _one_of(words: Sequence[str]) -> Part:
    return Part(any_of(map(quoted, words)), _sample(words), len(words))


def _sample(words: Sequence[str]) -> str:
    return any_of(map(quoted, words)) if len(words) <= _SAMPLED_WORDS else ""
