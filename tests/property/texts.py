"""What texts say and what searches of them mean, in plain Python.

Texts are made of the pieces of a small vocabulary whose words are written down here by hand, so
that the meaning of a text does not depend on the code under test.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jobstore import Job

# How a text may spell something, and the words that it says by that.
VOCABULARY: dict[str, tuple[str, ...]] = {
    "data": ("data",),
    "Data": ("data",),
    "database": ("database",),
    "engineer": ("engineer",),
    "ENGINEER": ("engineer",),
    "engineering": ("engineering",),
    "senior": ("senior",),
    "C": ("c",),
    "C++": ("cplusplus",),
    "c++": ("cplusplus",),
    "C#": ("csharp",),
    ".NET": ("dotnet",),
    "ASP.NET": ("asp", "dotnet"),
    "Node.js": ("node", "js"),
    "R": ("r",),
    "r": ("r",),
    "Café": ("cafe",),
    "CAFE": ("cafe",),
    "cafe\u0301": ("cafe",),
    "Straße": ("strasse",),
    "STRASSE": ("strasse",),
    "GROẞHANDEL": ("grosshandel",),
    "Großhandel": ("grosshandel",),
    "Łódź": ("lodz",),
    "ᲗᲑᲘᲚᲘᲡᲘ": ("თბილისი",),
    "თბილისი": ("თბილისი",),
    "שָׁלוֹם": ("שלום",),
    "שלום": ("שלום",),
    "مُهَنْدِس": ("مهندس",),
    "مهندس": ("مهندس",),
    "データ": ("デ", "ー", "タ"),
    "ﾃﾞｰﾀ": ("デ", "ー", "タ"),
    "ＤＡＴＡ": ("data",),
    "Привет": ("привет",),
    "東京": ("東", "京"),
    "京都": ("京", "都"),
    "데이터": ("데", "이", "터"),
    "งานขาย": ("งา", "น", "ขา", "ย"),
    "ขาย": ("ขา", "ย"),
    "กา": ("กา",),
    "dev-ops": ("dev", "ops"),
    "devops": ("devops",),
    "O'Brien": ("o", "brien"),
    "AND": ("and",),
    "OR": ("or",),
    "NEAR": ("near",),
    "\ue000a": ("a",),  # what looks like an internal word of the index is none
}
# Beginnings of words, for prefixes; as they are typed, and what they mean.
STEMS = {
    "d": "d",
    "dat": "dat",
    "DATA": "data",
    "eng": "eng",
    "engineer": "engineer",
    "c": "c",
    "ca": "ca",
    "stra": "stra",
    "ß": "ss",
    "GROẞ": "gross",
    "при": "при",
    "東": "東",
    "xyz": "xyz",
}
_SEPARATORS = re.compile(r"[ ,\n]+")
COLUMNS = ("title", "company", "location", "skills", "description")


@dataclass(frozen=True)
class Term:
    """One word or phrase of a search text: as it is typed, and what it means."""

    typed: str
    words: tuple[str, ...]
    prefix: bool = False
    field: str | None = None


@dataclass(frozen=True)
class Text:
    """A search text: of each group one term must occur, and none of the excluded."""

    groups: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...] = ()
    language: str = "ours"

    def typed(self) -> str:
        """Return the text as a person would type it who knows one language of search or another."""
        either, both, without = LANGUAGES[self.language]
        parts = [either.join(term.typed for term in group) for group in self.groups]
        if self.language != "ours":
            parts = [f"({part})" for part in parts]
        return both.join(parts + [f"{without}{term.typed}" for term in self.excluded])


# What stands between alternatives, between what must occur, and before what must not.
LANGUAGES = {
    "ours": (" OR ", " ", "-"),
    "words": (" OR ", " AND ", "NOT "),
    "signs": ("|", " ", "!"),
}


def words_of(text: str | None) -> tuple[str, ...]:
    """Return the words of a text that is made of pieces of the vocabulary."""
    if not text:
        return ()
    pieces = [piece for piece in _SEPARATORS.split(text) if piece]
    return tuple(word for piece in pieces for word in _WORDS[nfc(piece)])


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_WORDS = {nfc(piece): words for piece, words in VOCABULARY.items()}


def plain(value: str) -> str:
    """Return what whole values are compared by: no case, no accents, single spaces."""
    decomposed = unicodedata.normalize("NFKD", value.casefold().replace("ł", "l"))
    # Kana keep their marks of voicing.
    marks = {c for c in decomposed if unicodedata.combining(c)} - set("\u3099\u309a")
    return nfc(" ".join("".join(c for c in decomposed if c not in marks).split()))


def _columns(job: Job) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the texts of each column, as words; a phrase stands in one of them."""
    names = ("title", "company", "description")
    found = {name: (words_of(getattr(job, name)),) for name in names}
    skills = tuple(words_of(skill) for skill in job.skills)
    return {**found, "location": tuple(map(words_of, _places(job))), "skills": skills}


def _places(job: Job) -> list[str | None]:
    """Return the texts of all places, their parts beside them where the text lacks them."""
    found = [] if job.location == "; ".join(p.text for p in job.locations) else [job.location]
    for place in job.locations:
        parts = [part for part in (place.city, place.region) if part]
        found += [place.text, *(p for p in parts if p.casefold() not in place.text.casefold())]
    return found


def _occurs(term: Term, words: tuple[str, ...]) -> bool:
    length = len(term.words)
    for start in range(len(words) - length + 1):
        part = words[start : start + length]
        if term.prefix:
            *before, last = part
            if tuple(before) == term.words[:-1] and last.startswith(term.words[-1]):
                return True
        elif part == term.words:
            return True
    return False


def _within(
    term: Term, columns: Mapping[str, tuple[tuple[str, ...], ...]], allowed: Iterable[str]
) -> bool:
    return any(
        _occurs(term, words)
        for name in allowed
        if term.field is None or term.field == name
        for words in columns[name]
    )


def says(job: Job, text: Text) -> bool:
    """Tell whether a posting says what is searched for."""
    columns = _columns(job)
    return all(
        any(_within(term, columns, COLUMNS) for term in group) for group in text.groups
    ) and not any(_within(term, columns, COLUMNS) for term in text.excluded)


def score(job: Job, text: Text) -> int:
    """Return how relevant a posting is: what each group is worth where it stands best."""
    columns = _columns(job)
    total = 0
    meant = {tuple((t.words, t.prefix, t.field) for t in group): group for group in text.groups}
    for group in meant.values():
        for weight, allowed in (
            (8, ("title",)),
            (4, ("company", "skills")),
            (2, ("location",)),
            (1, COLUMNS),
        ):
            if any(_within(term, columns, allowed) for term in group):
                total += weight
                break
    return total
