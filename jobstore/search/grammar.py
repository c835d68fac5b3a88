"""The grammar of search texts: text in, a small syntax tree out.

Nothing here knows SQL, an index or any filter beside the text.

::

    text        = item, { white space, item }        every item must hold
    item        = alternatives | "-" term            "-": must not occur
    alternatives = term, { "OR", term }              binds tighter: a b OR c is a AND (b OR c)
    term        = [ field ":" ], ( word | phrase ), [ "*" ]
    field       = "title" | "company" | "location"   in any case
    phrase      = '"', any text without '"', '"'     words that follow each other
    word        = text without white space, parentheses and '"'

Parentheses are white space. What a word is, :mod:`jobstore.search.words` says: one that
holds several, such as ``dev-ops``, is a phrase. ``*`` at the end stands for any ending of the
last word. ``OR`` is an operator only in upper case and between two terms, so that ``Portland, OR``
finds Oregon. Signs without any word beside words are ignored.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import NamedTuple

from jobstore.errors import Fault, InvalidQuery
from jobstore.search.words import words

MAX_CHARACTERS = 1000
MAX_TERMS = 32
# How often one word may occur: for each time, the index goes through all the places where a text
# has that word.
MAX_REPEATS = 32

_ITEM = re.compile(
    r"""
    (?P<minus>-?)
    (?: (?P<field>title|company|location) : (?=[^\s()]) )?
    (?: "(?P<phrase>[^"]*)(?:"|\Z)(?P<star>\*?) | (?P<word>[^\s()"]+) )
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Term(NamedTuple):
    """One word or phrase, in one field or in any; with ``prefix`` its last word may have more
    letters."""

    words: tuple[str, ...]
    prefix: bool = False
    field: str | None = None


class Expression(NamedTuple):
    """A search text: one term of each ``required`` tuple must occur, and no ``excluded`` term."""

    required: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...]
    notes: tuple[str, ...] = ()


def parse(text: str) -> Expression | None:
    """Parse a search text; ``None`` when it is blank.

    Raises InvalidQuery when it is longer than 1,000 characters, has more than 32 terms or one word
    more than 32 times, has no word at all, such as ``***``, or an excluded term beside ``OR``.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidQuery([Fault("text", f"must have at most {MAX_CHARACTERS:,} characters")])
    if not text.strip():
        return None
    required: list[tuple[Term, ...]] = []
    excluded: list[Term] = []
    joining = False  # an OR waits for its right-hand side
    before: re.Match[str] | None = None
    for match in _ITEM.finditer(text):
        if match[0] == "OR" and before and not joining:
            joining = True
            continue
        term = _term(match)
        if term is None:
            continue
        if joining and before and (before["minus"] or match["minus"]):
            raise InvalidQuery([Fault("text", "cannot have an excluded word beside OR")])
        if match["minus"]:
            excluded.append(term)
        elif joining:
            required[-1] = _with(required[-1], term)
        else:
            required.append((term,))
        before, joining = match, False
    if joining:
        required.append((_OR,))
    # A term that is repeated changes nothing.
    expression = Expression(tuple(dict.fromkeys(required)), tuple(dict.fromkeys(excluded)))
    terms = [*chain(*expression.required), *expression.excluded]
    if not terms:
        raise InvalidQuery([Fault("text", "has no word to search for, only signs")])
    if len(terms) > MAX_TERMS:
        raise InvalidQuery([Fault("text", f"must have at most {MAX_TERMS} words and phrases")])
    if max(Counter(chain(*(term.words for term in terms))).values()) > MAX_REPEATS:
        raise InvalidQuery([Fault("text", f"must not have one word more than {MAX_REPEATS} times")])
    return expression


_OR = Term(("or",))


def _with(group: tuple[Term, ...], term: Term) -> tuple[Term, ...]:
    return group if term in group else (*group, term)


def _term(match: re.Match[str]) -> Term | None:
    raw = match["phrase"] if match["word"] is None else match["word"]
    found = words(raw)
    if not found:
        return None
    prefix = bool(match["star"]) or raw.rstrip().endswith("*")
    field = match["field"]
    return Term(tuple(found), prefix, field.lower() if field else None)
