"""What texts of several words say about the kinds that a posting has: ``Vollzeit, unbefristet``,
``Full-time/Part-time``, ``Remote (US)``.

A text is read only when every word of it is understood. The words are data, in ``words.toml``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from jobstore.intake.countries import country_code
from jobstore.intake.spellings import says_either
from jobstore.records import EmploymentType, ExperienceLevel, SalaryPeriod, Status, Workplace

KINDS: dict[str, type[StrEnum]] = {
    "workplace": Workplace,
    "employment_type": EmploymentType,
    "experience_level": ExperienceLevel,
    "salary_period": SalaryPeriod,
    "status": Status,
}
# Each of the two may stand in the other's field: "Onsite - Full Time".
_BESIDE = {"workplace": "employment_type", "employment_type": "workplace"}
_LONGEST = 200

_SCHEMA_ORG = re.compile(r"https?://(?:www\.)?schema\.org/", re.IGNORECASE)
_PARTS = re.compile(
    r"[,;/|·•+&()\[\]\n\"]|\s[-–—]\s|:\s|\b(?:or|and|oder|und|ou|et|o|y|e|of|en|lub|i|или|и)\b",
    re.IGNORECASE,
)
# How much of it, which says nothing of the kind: 40 hours per week, 6 months, 5+ years; and for
# whom: m/f/d.
_AMOUNT = re.compile(
    r"\(?\b[mfwhdx]\s?/\s?[mfwhdx](?:\s?/\s?[mfwhdx])?\b\)?"
    r"|\d+(?:[.,]\d+)?\+?(?:\s?(?:-|–|to|bis)\s?\d+(?:[.,]\d+)?)?\s?"
    r"(?:h|hrs?|hours?|std|stunden|heures|horas|ore|uur|months?|monate|mois|meses|weeks?|wochen"
    r"|years?|yrs?|jahre|ans|años|anni|anos|jaar|lat|лет)\b"
    r"(?:\s?(?:/|per|a|pro|par|por|p)\s?(?:weeks?|wk|woche|semaine|semana|settimana|w)\b)?",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Said(NamedTuple):
    """What a text says: the kinds of its own field in their order, and those of another field."""

    kinds: list[StrEnum]
    beside: dict[str, StrEnum]


@lru_cache(maxsize=4096)
def read_words(name: str, text: str) -> Said | None:
    """Return what ``text`` says about the field ``name`` (one of :data:`KINDS`).

    ``None`` when a word of it is not understood. ``Permanent`` is, and says no kind of employment.
    """
    if len(text) > _LONGEST:
        return None
    text = _SCHEMA_ORG.sub("", text)
    beside = _BESIDE.get(name)
    kinds: list[StrEnum] = []
    others: list[StrEnum] = []
    # A word alone may have a sign that parts others: Co-op, W/FH.
    # Remote/Hybrid is one or the other, Hybrid remote is a kind of its own.
    whole = _folded(text) in _table(name) and not (name == "workplace" and says_either(text))
    for part in [text] if whole else _parts(text):
        found = _covered(name, beside, part)
        if found is None:
            if name != "workplace" or not kinds or not _is_place(part):
                return None
            continue
        own, other = found
        # Two levels side by side are a third one: Senior Associate.
        if name == "experience_level" and len({*own}) > 1:
            return None
        kinds += own
        others += other
    also = {beside: others[0]} if beside and len({*others}) == 1 else {}
    return Said(list(dict.fromkeys(kinds)), also)


def says_lasting(text: str) -> bool:
    """Tell whether an employment's text says that it has no end; what leads to such a one does not:
    ``Temporary to permanent``."""
    words = f" {_folded(text)} "
    return " to " not in words and any(f" {phrase} " in words for phrase in _lasting())


@cache
def _lasting() -> tuple[str, ...]:
    return tuple(map(_folded, _data()["employment_type"]["lasting"]))


def _parts(text: str) -> Iterator[str]:
    for part in _PARTS.split(_AMOUNT.sub(" ", text)):
        if part.strip(" .-_'%!"):
            yield part


def _covered(
    name: str, beside: str | None, part: str
) -> tuple[list[StrEnum], list[StrEnum]] | None:
    """Return the kinds that the words of ``part`` are, own ones and others; ``None`` if a word
    is not understood."""
    words = _folded(part).split()
    if len(words) == 1:
        # FullTime is two words; GitHub would be as well, but is none of ours.
        words = words if words[0] in _table(name) else _folded(_CAMEL.sub(" ", part)).split()
    own: list[StrEnum] = []
    other: list[StrEnum] = []
    place = 0
    while place < len(words):
        for length in range(min(5, len(words) - place), 0, -1):
            phrase = " ".join(words[place : place + length])
            if phrase in (table := _table(name)):
                own += [kind] if (kind := table[phrase]) else []
                break
            if beside and phrase in (table := _table(beside)):
                other += [kind] if (kind := table[phrase]) else []
                break
        else:
            rest = words[place:]
            if name == "workplace" and own and _is_place(" ".join(rest)):
                return own, other
            return None
        place += length
    return own, other


def _is_place(text: str) -> bool:
    words = _folded(text).split()
    between = _data()["workplace"]["between"]
    while words and words[0] in between:
        words = words[1:]
    if words and words[-1] == "only":
        words.pop()
    place = " ".join(words)
    # A short word may be a code and mean something else: no, in, is.
    return not words or place in _places() or (len(place) > 3 and country_code(place) is not None)


@cache
def _table(name: str) -> dict[str, StrEnum | None]:
    """Return what each phrase of a field means; ``None`` for those that say nothing of it."""
    data = _data()[name]
    silent = (*data["more"], *data.get("lasting", ()))
    table: dict[str, StrEnum | None] = {_folded(phrase): None for phrase in silent}
    for kind in KINDS[name]:
        table[_folded(kind.value)] = kind
        for phrase in data.get(kind.value, ()):
            table[_folded(phrase)] = kind
    return table


@cache
def _places() -> frozenset[str]:
    return frozenset(map(_folded, _data()["workplace"]["places"]))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))


def _folded(text: str) -> str:
    """Return the words of ``text`` without case, accents and punctuation."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in apart if not unicodedata.combining(char))
    return " ".join(re.sub(r"[\W_]+", " ", plain).split())
