"""Criteria to a ``tsquery`` and what has to be looked at beside it; both are bound as values.

Only the language of ``tsquery`` is written here; SQL is in :mod:`.statements`. Every word is
quoted, so that nothing of a user's text is ever syntax, and none is folded by the server.

Differs by necessity because the server does not tell which words of its index begin with a text:
prefixes are its own (``:*``), and none stands for too many words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from jobstore.derived.facet_words import EVERY, asked
from jobstore.engines.postgres.search.vectors import FIELDS, LABELS, LONG, field_word, lexeme
from jobstore.search.criteria import Criteria
from jobstore.search.grammar import Expression, Term


class Match(NamedTuple):
    """What the index is asked for."""

    query: str | None = None
    """The text of a ``tsquery``; ``None`` asks for nothing."""
    required: tuple[str, ...] = ()
    """The parts of it that a posting must have, each by itself."""
    phrases: str | None = None
    """The groups with phrases as a JSON array, for postings with :attr:`.vectors.Indexed.spoken`:
    objects of ``any``, pairs of a field's number, 0 for any, and a text; and ``not``, whether none
    may stand there instead of one."""


def match(criteria: Criteria) -> Match:
    """Translate all of the criteria that the index of words can answer.

    The bounds of salaries and applicants and what has expired are answered by buckets, which let a
    little more through; dates of posting are not answered here.
    """
    facets = asked(criteria)
    required = [_any(map(_word, words)) for words in facets.required]
    excluded = [*map(_word, facets.excluded)]
    phrases: list[dict[str, object]] = []
    if criteria.text is not None:
        required += [_any(map(_term, group)) for group in criteria.text.required]
        # Of a posting with positions left out, no phrase is found that it does not have.
        excluded += [_phrase(term) for term in criteria.text.excluded]
        phrases = _spoken(criteria.text)
    if not required and not excluded:
        return Match()
    # A query that only excludes would go through all of the index.
    required = required or [_word(EVERY)]
    parts = required[:]
    if excluded:
        parts.append(f"!{_any(excluded)}")
    told = json.dumps(phrases) if phrases else None
    return Match(" & ".join(parts), tuple(required), told)


def lacking(query: str | None, word: str) -> str:
    """Return a query for those of its matches that have a word of facets as well."""
    return _word(word) if query is None else f"({query}) & {_word(word)}"


def _any(parts: Iterable[str]) -> str:
    return f"({' | '.join(parts)})"


def _word(word: str, label: str = "") -> str:
    # No word of an index has a quotation mark or a backslash in it; if one had, it would be none.
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}':{label}" if label else f"'{doubled}'"


def _words(term: Term) -> list[str]:
    """Return what says that a posting has each of the words, in the field that is asked for."""
    *before, last = (_of_field(term, word) for word in term.words)
    return [*map(_word, before), _word(last, "*" if term.prefix else "")]


def _of_field(term: Term, word: str) -> str:
    return lexeme(field_word(LABELS[term.field], word) if term.field else word)


def _phrase(term: Term) -> str:
    if len(term.words) == 1:
        return _words(term)[0]
    label = LABELS[term.field] if term.field else ""
    *before, last = map(lexeme, term.words)
    ending = _word(last, f"*{label}" if term.prefix else label)
    return f"({' <-> '.join((*(_word(word, label) for word in before), ending))})"


def _term(term: Term) -> str:
    if len(term.words) == 1:
        return _phrase(term)
    # Where positions are left out, the words are enough; then the phrase is looked for in the text.
    # The words of a field are in its index as they are: the fewer postings have to be read.
    words = " & ".join(_words(term))
    found = f"({_phrase(term)} & {words})" if term.field else _phrase(term)
    return f"({found} | ({_word(LONG)} & {words}))"


def _spoken(text: Expression) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"any": [*map(_said, group)], "not": False} for group in text.required if _has_phrase(group)
    ]
    if _has_phrase(text.excluded):
        found.append({"any": [*map(_said, text.excluded)], "not": True})
    return found


def _has_phrase(terms: Iterable[Term]) -> bool:
    return any(len(term.words) > 1 for term in terms)


def _said(term: Term) -> tuple[int, str]:
    number = FIELDS.index(term.field) + 1 if term.field else 0
    return number, f" {' '.join(term.words)}{'' if term.prefix else ' '}"
