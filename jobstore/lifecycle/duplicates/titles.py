"""Titles made comparable: the words that name the job, and those that say how senior it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from jobstore.lifecycle.duplicates.vocabulary import LEVELS, NOISE, TITLE_SPELLINGS, UNITS
from jobstore.search.words import words

# What stands in braces advertises; 2020-14 is the number of a requisition; the I of "UK&I" is
# Ireland, no level.
_REMARK = re.compile(r"[{【].*?[}】]|\b\d{4}-\d+\b|\bUK\s*&\s*I\b")


# "Verkäufer/-in", "Verkäufer*innen", "Développeur(se)", "Ingénieur·e", "Infirmier/ère"
_BOTH = re.compile(
    r"(?<=[^\W\d_]{3})(?:[/*:_·.]-?|\(-?)"
    r"(?:in|innen|frau|e|ne|se|euse|rice|trice|ère|ere|ienne|a|ora)\)?(?![\w.])",
    re.IGNORECASE,
)
# The same job of a woman, in German and French: "Verkäuferin", "Développeuse".
_HERS = re.compile(
    r"(?<=[a-z]{3}er)in(?:nen)?$|(?<=[a-z]{3})(?:(?P<eur>euse)|(?P<teur>trice)|(?P<ier>iere)|(?P<ien>ienne))$"
)


@dataclass(frozen=True, slots=True)
class Title:
    """The words of a title: those that name the job, and those that say how senior it is."""

    names: frozenset[str]
    levels: frozenset[str]


@lru_cache(maxsize=4_096)
def title(text: str) -> Title:
    """Return the words of a title without those that say nothing about the job.

    Long numbers, as of requisitions, are left out too.
    """
    found, _ = _read(text)
    kept = [word for word in found if word not in NOISE and not _is_number(word)]
    levels = frozenset(word for word in kept if word in LEVELS or word.isdecimal())
    # A title that is nothing but a level, such as "Manager", is named by it.
    return Title(frozenset(kept) - levels or frozenset(kept or found), levels)


def lasting(text: str) -> set[str]:
    """Return what a title says of how long the job lasts, such as ``6 month``."""
    return _read(text)[1]


def _read(text: str) -> tuple[list[str], set[str]]:
    """Return the words of a title in one spelling, and what it counts in months, days or hours."""
    found: list[str] = []
    counted = set()
    for given in words(_BOTH.sub("", _REMARK.sub(" ", text))):
        word = _HERS.sub(lambda found: found.lastgroup or "", given)
        if word in UNITS and found and found[-1].isdecimal():
            counted.add(f"{found.pop()} {UNITS[word]}")
        else:
            found.append(word)
    return spelled(found), counted


def spelled(found: Iterable[str]) -> list[str]:
    """Return words in one spelling: ``ai`` is ``artificial intelligence``."""
    return " ".join(TITLE_SPELLINGS.get(word, word) for word in found).split()


def _is_number(word: str) -> bool:
    return len(word) > 2 and any(char.isdigit() for char in word) and not word.isalpha()


def same_names(left: Title, right: Title, ignored: Collection[str] = ()) -> bool:
    """Tell whether two titles name the same job; ``ignored`` words, such as cities, are no part."""
    return left == right or _named(left, ignored) == _named(right, ignored)


def near_names(left: Title, right: Title, ignored: Collection[str] = ()) -> bool:
    """Tell whether all words that name the job in one title are in the other."""
    one, other = _named(left, ignored), _named(right, ignored)
    return one <= other or other <= one


def _named(given: Title, ignored: Collection[str]) -> frozenset[str]:
    # A title may be of nothing but the names of places.
    return given.names.difference(ignored) or given.names
