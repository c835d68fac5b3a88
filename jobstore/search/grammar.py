"""The grammar of search texts: text in, a small syntax tree out.

Nothing here knows SQL, an index or any filter beside the text.

::

    text         = item, { [ "AND" ], item }               every item must hold
    item         = alternatives | exclusion
    alternatives = operand, { ( "OR" | "|" ), operand }    binds tighter: a b OR c is a AND (b OR c)
    exclusion    = ( "-" | "!" | "NOT" ), operand          must not occur
    operand      = [ field ":" ], ( word | phrase | "(", text, ")" )
    field        = "title" | "company" | "location"        in any case
    phrase       = '"', any text without '"', '"', [ "*" ] words that follow each other
    word         = text without white space, parentheses, "|" and '"'; "*" at its end

The pieces of a text and what they are is :mod:`jobstore.search.pieces`; what a word is,
:mod:`jobstore.search.words` says: one that holds several, such as ``dev-ops``, is a phrase. ``*``
stands for any ending of the last word. Operators are words where they join nothing: ``Portland,
OR`` finds Oregon. Signs without any word beside words are ignored.

What an expression asks for is a list of groups, of each of which one term must occur: parentheses
are multiplied out, ``a OR (b c)`` is ``(a OR b) (a OR c)``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, product
from typing import NamedTuple

from jobstore.errors import Fault, InvalidQuery
from jobstore.search.pieces import Kind, Notes, Piece, pieces
from jobstore.search.pieces import Term as Term
from jobstore.search.spellings import also, together

MAX_CHARACTERS = 1000
MAX_TERMS = 32
# How often one word may occur: for each time, the index goes through all the places where a text
# has that word.
MAX_REPEATS = 32

Group = tuple[Term, ...]


class Expression(NamedTuple):
    """A search text: one term of each ``required`` tuple must occur, and no ``excluded`` term.

    ``notes`` say what was understood where it may be something else than was meant.
    """

    required: tuple[Group, ...]
    excluded: Group
    notes: tuple[str, ...] = ()


# Each page of a search brings its text again, and so does who asks for what is new.
@lru_cache(maxsize=256)
def parse(text: str) -> Expression | None:
    """Parse a search text; ``None`` when it is blank.

    Raises InvalidQuery when it is longer than 1,000 characters, has more than 32 terms or one word
    more than 32 times, has no word at all, such as ``***``, or an excluded term beside ``OR``.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidQuery([Fault("text", f"must have at most {MAX_CHARACTERS:,} characters")])
    if not text.strip():
        return None
    notes = Notes()
    parser = _Parser(pieces(text, notes), notes)
    level = parser.parse()
    # A term that is repeated changes nothing.
    required, excluded = dict.fromkeys(level.required), dict.fromkeys(level.excluded)
    terms = [*chain(*required), *excluded]
    if not terms:
        raise InvalidQuery([Fault("text", "has no word to search for, only signs")])
    if len(terms) > MAX_TERMS:
        raise _TOO_MANY
    if _repeats(terms):
        raise InvalidQuery([Fault("text", f"must not have one word more than {MAX_REPEATS} times")])
    if not required:
        notes.add("Nothing but exclusions: every other posting is found.")
    plain = Expression(tuple(required), tuple(excluded), tuple(notes))
    spelled = _spelled(plain, parser.near)
    every = [*chain(*spelled.required), *spelled.excluded]
    # Other spellings are a help, and cost no more than what may be written out.
    return plain if _repeats(every) else spelled


_TOO_MANY = InvalidQuery(
    [Fault("text", f"must have at most {MAX_TERMS} words and phrases, with groups written out")]
)
_BESIDE_OR = InvalidQuery([Fault("text", "cannot have an excluded word beside OR")])


def _repeats(terms: Iterable[Term]) -> bool:
    """Tell whether a word occurs more often than it may."""
    words = [*chain(*(term.words for term in terms))]
    return len(words) > MAX_REPEATS and max(Counter(words).values()) > MAX_REPEATS


def _spelled(plain: Expression, near: dict[Term, Group]) -> Expression:
    """Return an expression with the other spellings of its names beside them."""

    def all_of(terms: Group) -> Group:
        return tuple(dict.fromkeys(chain(*((t, *also(t), *near.get(t, ())) for t in terms))))

    required = tuple(dict.fromkeys(map(all_of, plain.required)))
    return plain._replace(required=required, excluded=all_of(plain.excluded))


class _Level:
    """What stands between two parentheses, or in the whole text, as far as it was read."""

    def __init__(self, piece: Piece | None = None) -> None:
        self.field = piece.field if piece else None
        self.is_negative = piece is not None and piece.is_negative
        self.required: list[Group] = []
        self.excluded: list[Term] = []
        # The groups of the last operand, which an OR goes on with; None after an exclusion.
        self.last: int | None = None
        self.is_joining = False
        self.is_begun = False

    def require(self, groups: Sequence[Group]) -> None:
        """Take in an operand that must hold."""
        if self.is_joining:
            if self.last is None:
                raise _BESIDE_OR
            left = self.required[self.last :]
            if len(left) * len(groups) > MAX_TERMS:
                raise _TOO_MANY
            joined = [tuple(dict.fromkeys((*a, *b))) for a, b in product(left, groups)]
            self.required[self.last :] = dict.fromkeys(joined)
        else:
            self.last = len(self.required)
            self.required += groups
        self.is_joining, self.is_begun = False, True

    def exclude(self, terms: Iterable[Term]) -> None:
        """Take in an operand that must not hold."""
        if self.is_joining:
            raise _BESIDE_OR
        self.excluded += terms
        self.last, self.is_begun = None, True


class _Parser:
    def __init__(self, found: list[Piece], notes: Notes) -> None:
        self._pieces = found
        self._notes = notes
        self._levels = [_Level()]
        # Terms that stand beside another, which make a name together with it.
        self.near: dict[Term, Group] = {}

    def parse(self) -> _Level:
        for number, piece in enumerate(self._pieces):
            level = self._levels[-1]
            following = self._following(number)
            if piece.kind is Kind.OPEN:
                self._levels.append(self._inherited(piece, level))
            elif piece.kind is Kind.CLOSE:
                self._close()
            elif piece.kind is Kind.TERM or not self._joins(piece, level, following):
                self._take(piece, level, number)
        while len(self._levels) > 1:
            self._notes.add("A parenthesis has no partner; the group goes to the end of the text.")
            self._close()
        return self._levels[0]

    def _following(self, number: int) -> Piece | None:
        number += 1
        return self._pieces[number] if number < len(self._pieces) else None

    def _joins(self, piece: Piece, level: _Level, following: Piece | None) -> bool:
        """Read an operator; False where it joins nothing, so that it is a word."""
        is_followed = following is not None and following.kind is not Kind.CLOSE
        is_sign = piece.term is None
        if piece.kind is Kind.OR and level.is_begun and is_followed and not level.is_joining:
            level.is_joining = True
            if is_sign:
                self._notes.add("| was read as OR: one of both must occur.")
            return True
        if (
            piece.kind is Kind.AND
            and level.is_begun
            and not level.is_joining
            and following is not None
            and following.kind in (Kind.TERM, Kind.OPEN, Kind.NOT)
        ):
            self._notes.add(
                "AND between words is not needed: all words must occur, and OR binds tighter. "
                'For the word itself write "and" in quotation marks.'
            )
            return True
        if (
            piece.kind is Kind.NOT
            and following is not None
            and following.kind in (Kind.TERM, Kind.OPEN)
            # Nobody looks for texts without this word; "NOT FOR PROFIT" is a kind of employer.
            and (following.term is None or following.term.words != ("for",))
        ):
            self._notes.add(
                "NOT was read as an exclusion of what follows it. For the word itself write "
                '"not" in quotation marks.'
            )
            following.is_negative = True
            return True
        if not is_sign and piece.kind is Kind.OR:
            self._notes.add("OR without something on both sides of it was read as the word.")
        return is_sign

    def _take(self, piece: Piece, level: _Level, number: int) -> None:
        term = piece.term
        assert term is not None
        if term.field is None:
            term = piece.term = term._replace(field=level.field)
        if piece.is_negative:
            level.exclude([term])
            return
        before = self._pieces[number - 1] if number else piece
        if before.kind is Kind.TERM and before.term and not before.is_negative:
            # Together they may be a name, such as "node js".
            for one, other in together(before.term, term):
                self.near[one] = (*self.near.get(one, ()), other)
        level.require([(term,)])

    def _inherited(self, piece: Piece, outer: _Level) -> _Level:
        level = _Level(piece)
        level.field = level.field or outer.field
        return level

    def _close(self) -> None:
        if len(self._levels) == 1:
            self._notes.add("A parenthesis has no partner; it was left out.")
            return
        inner = self._levels.pop()
        outer = self._levels[-1]
        if not inner.is_begun:
            return
        if inner.is_negative:
            if inner.excluded:
                raise InvalidQuery([Fault("text", "cannot exclude what excludes something itself")])
            if len(inner.required) > 1:
                self._notes.add("Of an excluded group every word is excluded by itself.")
            outer.exclude(chain(*inner.required))
            return
        if inner.excluded:
            if outer.is_joining:
                raise _BESIDE_OR
            outer.exclude(inner.excluded)
        if inner.required:
            outer.require(inner.required)
        if inner.excluded:
            outer.last = None
