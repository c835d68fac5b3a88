"""The words and signs of pay texts, and a text cut into them.

What they are is data in ``pay_words.toml`` and ``currencies.toml``; what a run of them means is
decided elsewhere.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jobstore.intake.currencies import currency_signs
from jobstore.intake.spellings import CURRENCIES
from jobstore.records import SalaryPeriod

# The parts that a word or sign may play, each with a letter. Those of the table's [roles] first.
ROLES = {
    "per": "E",
    "from": "F",
    "low": "L",
    "high": "H",
    "low_end": "l",
    "high_end": "h",
    "between": "W",
    "range": "R",
    "and": "A",
    "separator": "S",
    "plus": "+",
    "neutral": "X",
    "bonus": "B",
    "extra": "x",
    "number": "N",
    "share": "%",
    "currency": "C",
    "implied": "I",
    "multiplier": "M",
    "period": "P",
    "unit": "U",
    "unknown": "?",
}

# What stands for a space, an apostrophe, a point, a comma or a hyphen in some script.
_SAME = str.maketrans(
    {
        **dict.fromkeys("\u1680\u202f\u205f\u3000\u00a0\t\n\r", " "),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), " "),
        **dict.fromkeys("\u2019\u02bc\u2018\u02b9\u2032\u00b4`", "'"),
        "\u066b": ".",
        "\u066c": ",",
        **dict.fromkeys("\u2212\u2010\u2011\u2012\ufe63", "-"),
    }
)

# Scripts that write words without spaces between them, so each character counts alone.
_ALONE = "\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_ATOMS = re.compile(
    # Not more than three groups: 100 000 120 000 are two numbers.
    r"(?P<number>(?<!\d)[0-9]{1,3}(?:[ ][0-9]{3}){1,2}(?![0-9])(?:[.,][0-9]+)?(?![.,' ]?[0-9])"
    r"|[0-9]+(?:[.,'][0-9]+)*)(?:[.,/][-–—](?![0-9]))?"
    rf"|(?P<alone>[{_ALONE}])"
    rf"|(?P<word>(?:(?![{_ALONE}])[^\W\d_])+(?:'(?:(?![{_ALONE}])[^\W\d_])+)*)"
    r"|(?P<sign>\S)"
)
_SHARE = re.compile(r" ?%")
_LONGEST_GLUED = 4


class Token(NamedTuple):
    """A word, sign or number of a text, with the roles it may play and what each would mean."""

    roles: frozenset[str]
    meaning: Mapping[str, Any]
    text: str
    spaced: bool  # there is a space before it


class _Atom(NamedTuple):
    text: str
    kind: str
    spaced: bool
    stopped: bool  # there is a full stop before it, and a space


def even_out(text: str) -> str:
    """Return ``text`` with the digits, spaces and signs of all scripts as the plain ones.

    Raises ValueError for digits that are no plain ones, such as ``½`` and ``²``.
    """
    if text.isascii():
        return text
    if any(unicodedata.category(character) == "No" for character in text):
        raise ValueError("must not hold fractions or raised digits")
    text = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() else c
        for c in text
        if unicodedata.category(c) != "Cf"
    )


_Patterns = Sequence[tuple[re.Pattern[str], str]]


class _Table(NamedTuple):
    words: dict[str, dict[str, Any]]
    exact: dict[str, dict[str, Any]]
    longest: dict[str, int]
    expanded: dict[str, list[str]]
    patterns: _Patterns
    tight: set[str]
    yearly: frozenset[str]


def role_sets() -> set[frozenset[str]]:
    """Return all sets of roles that a token may have."""
    table = _table()
    sets = {frozenset(entry) for entry in (*table.words.values(), *table.exact.values())}
    both = {
        frozenset({**table.words.get(word.casefold(), {}), **entry})
        for word, entry in table.exact.items()
    }
    return sets | both | {frozenset(role) for role in ROLES.values()}


def yearly_currencies() -> frozenset[str]:
    """Return the currencies in which a large sum without a period is a year's."""
    return _table().yearly


@cache
def _table() -> _Table:
    given = tomllib.loads((files(__package__) / "pay_words.toml").read_text("utf-8"))
    table = _Table(
        {},
        {},
        {},
        {},
        [
            (re.compile(pattern, re.IGNORECASE), role)
            for role, patterns in given["patterns"].items()
            for pattern in patterns
        ],
        set(),
        frozenset(given["rules"]["yearly"].split()),
    )

    def add(spellings: str, role: str, meaning: Any = None, exact: bool = False) -> None:
        for spelling in spellings.split():
            atoms = measured(spelling)
            entries = table.exact if exact else table.words
            key = " ".join(atoms)
            entries.setdefault(key if exact else key.casefold(), {})[role] = meaning

    def measured(spelling: str) -> list[str]:
        atoms = [atom.text for atom in _atoms(even_out(spelling.replace("_", " ")))]
        first = atoms[0].casefold()
        table.longest[first] = max(table.longest.get(first, 1), len(atoms))
        return atoms

    for spelling, words in given["expanded"].items():
        table.expanded[" ".join(measured(spelling))] = words.split()
    for spelling in given["rules"]["tight"].split():
        table.tight.add(" ".join(measured(spelling)))
    for code in CURRENCIES:
        add(code, "C", (code,), exact=True)
    signs = currency_signs()
    for code, spellings in signs["certain"].items():
        add(spellings, "C", (code,))
    for code, spellings in signs["exact"].items():
        add(spellings, "C", (code,), exact=True)
    for shared in signs["shared"]:
        add(shared["spellings"], "C", tuple(shared["codes"].split()))
    for size, spellings in given["multipliers"].items():
        add(spellings, "M", int(size))
    for size, used in given["multipliers_of"].items():
        add(used["spellings"], "M", int(size))
        add(used["spellings"], "I", tuple(used["codes"].split()))
    for codes, spellings in given["implied"].items():
        add(spellings, "I", tuple(codes.split("_")))
    for name, role in (("periods", "P"), ("units", "U")):
        for period, spellings in given[name].items():
            add(spellings, role, SalaryPeriod(period))
    for name, spellings in given["roles"].items():
        add(spellings, ROLES[name])
    return table


def tokens(text: str) -> Iterator[Token]:
    """Cut ``text``, as :func:`even_out` gives it, into tokens; the longest spelling counts."""
    table = _table()
    atoms = list(_atoms(text, table.patterns))
    at = 0
    while at < len(atoms):
        atom = atoms[at]
        if atom.stopped:
            yield Token(frozenset("S"), {}, ".", spaced=False)
        if atom.kind in ("number", "share", "neutral", "bonus"):
            yield Token(frozenset(ROLES[atom.kind]), {}, atom.text, atom.spaced)
            at += 1
            continue
        for size in range(min(table.longest.get(atom.text.casefold(), 1), len(atoms) - at), 0, -1):
            found = _looked_up(table, atoms[at : at + size])
            if found:
                yield from (token._replace(spaced=atom.spaced) for token in found)
                break
        else:
            size = 1
            # Only behind a number: 50kUSD
            glued = bool(at) and atoms[at - 1].kind == "number" and not atom.spaced
            yield from _parted(table, atom) if glued else [_unknown(atom)]
        at += size


def _looked_up(table: _Table, atoms: list[_Atom]) -> list[Token]:
    # "ca. $50,000": no sign goes together with what is before a full stop.
    if any(atom.stopped and atom.kind == "sign" for atom in atoms[1:]):
        return []
    text = " ".join(atom.text for atom in atoms)
    key = text.casefold()
    if key in table.tight and any(atom.spaced for atom in atoms[1:]):
        return []
    if key in table.expanded:
        return [token for word in table.expanded[key] for token in tokens(word)]
    entry = {**table.words.get(key, {}), **table.exact.get(text, {})}
    return [Token(frozenset(entry), entry, text, spaced=False)] if entry else []


def _parted(table: _Table, atom: _Atom) -> list[Token]:
    for cut in range(1, min(_LONGEST_GLUED, len(atom.text) - 1) + 1):
        parts = [
            _looked_up(table, [atom._replace(text=part)])
            for part in (atom.text[:cut], atom.text[cut:])
        ]
        if all(parts) and parts[0][0].roles & {"M", "C"}:
            return [token for part in parts for token in part]
    return [_unknown(atom)]


def _unknown(atom: _Atom) -> Token:
    return Token(frozenset("?"), {}, atom.text, atom.spaced)


def _atoms(text: str, patterns: _Patterns = ()) -> Iterator[_Atom]:
    """Yield the smallest parts of a text; full stops between them are only noted."""
    at, spaced, stop = 0, False, False
    while at < len(text):
        if text[at].isspace():
            spaced, at = True, at + 1
            continue
        if text[at] == "." and not stop and _ends_a_word(text, at):
            stop, at = True, at + 1
            continue
        text_of_it, kind, at = _atom_at(text, at, patterns)
        yield _Atom(text_of_it, kind, spaced, stopped=stop and spaced)
        spaced = stop = False


def _ends_a_word(text: str, at: int) -> bool:
    following = text[at + 1 : at + 2]
    return following != "." and not (
        following.isdigit() and not text[max(at - 1, 0) : at].isalpha()
    )


def _atom_at(text: str, at: int, patterns: _Patterns) -> tuple[str, str, int]:
    if not text[max(at - 1, 0) : at].isalnum():
        for pattern, role in patterns:
            if special := pattern.match(text, at):
                return special[0], role, special.end()
    found = _ATOMS.match(text, at)
    assert found is not None  # every character but white space is at least a sign
    kind, end = str(found.lastgroup), found.end()
    if kind != "number":
        return found[0], kind, end
    if share := _SHARE.match(text, end):
        return found["number"], "share", share.end()
    return found["number"], kind, end
