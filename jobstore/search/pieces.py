"""The pieces of a search text: words and phrases, operators and parentheses, in their order.

What they mean together is :mod:`jobstore.search.grammar`. Here it is also said what nobody can see
from the answer: that a sign of another search language means nothing in this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from jobstore.search.clusters import is_cluster
from jobstore.search.words import words

# Signs as other keyboards and word processors write them.
_SIGNS = str.maketrans(
    dict.fromkeys("“”„‟«»‹›＂〝〞「」『』", '"')
    | dict(zip("＊：（）｜！－＋", "*:()|!-+", strict=True))
)
_PIECE = re.compile(
    r"""
    (?P<close> \) ) | (?P<bar> \|+ ) |
    (?P<sign> -|\+|!(?!!) )?
    (?: (?P<field>title|company|location) : (?=[^\s)|]) (?P<inner> [-!+]? ) )?
    (?:
        (?P<open> \( )
      | "(?P<phrase>[^"]*)(?P<end>"|\Z)(?P<star>\*?)(?P<tail>[~^][0-9.]*)?
      | (?P<word>[^\s()"|]+)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TAIL = re.compile(r"(?<=[^~^])[~^][0-9.]*\Z")
_OTHER_FIELD = re.compile(r"([A-Za-z_]{2,30})(?::(?!//)|[<>]=?)")
_FIELD_ALONE = re.compile(r"(title|company|location):\Z", re.IGNORECASE)
_JOINED_BY_COMMA = re.compile(r"[^\W\d][,;]\w|\w[,;][^\W\d]")
_LONG_DASH = re.compile(r"[–—−]\w")


class Term(NamedTuple):
    """One word or phrase, in one field or in any; with ``prefix`` its last word may have more
    letters."""

    words: tuple[str, ...]
    prefix: bool = False
    field: str | None = None


class Kind(Enum):
    """What a piece is."""

    TERM = auto()
    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()


_OPERATORS = {"AND": Kind.AND, "OR": Kind.OR, "NOT": Kind.NOT}
_HINTS = {
    "and": '"and" was read as a word that must occur; leave it out if it need not.',
    "or": '"or" was read as a word that must occur; write OR in capitals for one of both.',
    "not": '"not" was read as a word that must occur; write -word to exclude one.',
}


@dataclass(slots=True)
class Piece:
    """A piece; ``term`` is what an operator of letters is where it joins nothing, and ``None``
    for signs. A parenthesis may have a field and be excluded, as a term may."""

    kind: Kind
    term: Term | None = None
    is_negative: bool = False
    field: str | None = None


class Notes:
    """What is to be said about a text, each sentence once."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        """Say one more sentence."""
        self._said[sentence] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._said)


def pieces(text: str, notes: Notes) -> list[Piece]:
    """Return the pieces of a text; what has no word in it is left out."""
    found: list[Piece] = []
    hinted: str | None = None
    if not text.isascii():
        text = text.translate(_SIGNS)
    for match in _PIECE.finditer(text):
        piece = _piece(match, notes)
        if piece is None:
            continue
        if hinted and piece.kind in (Kind.TERM, Kind.OPEN):
            notes.add(_HINTS[hinted])
        is_between = found and found[-1].kind in (Kind.TERM, Kind.CLOSE)
        word = (match["word"] or "").lower()
        hinted = word if is_between and piece.kind is Kind.TERM and word in _HINTS else None
        found.append(piece)
    return found


def _piece(match: re.Match[str], notes: Notes) -> Piece | None:
    if match["close"]:
        return Piece(Kind.CLOSE)
    if match["bar"]:
        return Piece(Kind.OR)
    signs = f"{match['sign'] or ''}{match['inner'] or ''}"
    field = match["field"].lower() if match["field"] else None
    is_negative = "-" in signs or "!" in signs
    if match["open"]:
        piece = Piece(Kind.OPEN, None, is_negative, field)
    else:
        term = _term(match, field, notes)
        if term is None:
            return None
        kind = _OPERATORS.get(match[0], Kind.TERM)
        piece = Piece(kind, term, is_negative)
    if "!" in signs:
        notes.add("! was read as an exclusion of what follows it.")
    return piece


def _term(match: re.Match[str], field: str | None, notes: Notes) -> Term | None:
    raw, star = match["word"], match["star"]
    if raw is None:
        raw = match["phrase"]
        tail = bool(match["tail"])
    else:
        shortened = raw if raw.isalnum() else _TAIL.sub("", raw)
        tail, raw = shortened != raw, shortened
        if field is None and not raw.isalnum():
            _look_at(raw, match.string[match.end() : match.end() + 1], notes)
    found = words(raw)
    stem = raw.strip()
    if not found:
        if "*" in raw:
            notes.add("A star without letters before it stands for nothing; it was left out.")
        return None
    if tail:
        notes.add("~ and ^ mean nothing here; they were left out.")
    if match["end"] == "":
        notes.add("A quotation mark has no partner; all that follows it was read as a phrase.")
    if "*" not in raw:
        return Term(tuple(found), bool(star) and not is_cluster(found[-1]), field)
    if stem.startswith("*"):
        notes.add(
            "A star at the beginning of a word finds nothing more; it was left out. Only what "
            "begins so can be found: word*."
        )
    if "*" in stem.strip("*"):
        notes.add("A star counts only at the end of a word; it was left out.")
    # A run without spaces goes on without a star.
    prefix = (bool(star) or stem.endswith("*")) and not is_cluster(found[-1])
    return Term(tuple(found), prefix, field)


def _look_at(raw: str, following: str, notes: Notes) -> None:
    """Say of a word what its writer may have meant by it; ``following`` is what stands next."""
    if alone := _FIELD_ALONE.match(raw):
        name = alone[1].lower()
        notes.add(f'"{name}" was read as a word; write {name}:word without a space between.')
    elif (other := _OTHER_FIELD.match(raw)) and (other[0] != raw or following in ('"', "(")):
        notes.add(
            f'There is no field "{other[1]}": its words were searched for. Fields of a text are '
            "title, company and location; skills, salaries and others have filters."
        )
    elif _JOINED_BY_COMMA.search(raw):
        notes.add("Words with a comma and no space between them were read as a phrase.")
    elif _LONG_DASH.match(raw):
        notes.add("A long dash excludes nothing; write -word.")
