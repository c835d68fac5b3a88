"""How values of a posting differ between two versions of it: as a whole, or word by word.

Pure; how it looks on a terminal or in a page is not known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from jobstore.json_text import to_json

# Values that are longer are shown by their differences.
_SHORT = 80
# Words beside a difference, and the most differences of one text that are shown.
_AROUND = 4
_DIFFERENCES = 5
# Beyond so many words a text is not compared word by word.
_COMPARED = 5_000
# So are texts of few words that come again and again: each pair of equal ones is looked at.
_PAIRS = 500_000


class Piece(NamedTuple):
    """One difference of a long text: what was there, what came, and the words beside them."""

    before: str
    removed: str
    added: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed in a field: ``old`` and ``new`` as texts, empty for nothing.

    A long text is told by its first ``pieces``, and how many ``more`` there are; ``is_long`` says
    that it is one, also where it is too long to be compared.
    """

    name: str
    old: str
    new: str
    is_long: bool = False
    pieces: tuple[Piece, ...] = ()
    more: int = 0


def differences(changes: Mapping[str, tuple[Any, Any]]) -> Iterator[Difference]:
    """Return what changed, from the values before and after by field; attributes key by key."""
    for name, (before, after) in changes.items():
        if name == "attributes" and isinstance(before, dict) and isinstance(after, dict):
            for key in sorted(before.keys() | after.keys()):
                if before.get(key) != after.get(key):
                    yield _difference(f"attributes.{key}", before.get(key), after.get(key))
        else:
            yield _difference(name, before, after)


def said(value: Any) -> str:
    """Return a value as text; an empty one for nothing."""
    if value is None or value in ([], {}, ""):
        return ""
    return value if isinstance(value, str) else to_json(value)


def _difference(name: str, before: Any, after: Any) -> Difference:
    old, new = said(before), said(after)
    if len(old) <= _SHORT and len(new) <= _SHORT:
        return Difference(name, old, new)
    pieces, more = _pieces(old.split(), new.split())
    return Difference(name, old, new, True, pieces, more)


def _pieces(old: list[str], new: list[str]) -> tuple[tuple[Piece, ...], int]:
    if len(old) > _COMPARED or len(new) > _COMPARED:
        return (), 0
    again = Counter(new)
    if sum(count * again[word] for word, count in Counter(old).items()) > _PAIRS:
        return (), 0
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [each for each in found if each[0] != "equal"]
    pieces = tuple(
        Piece(
            " ".join(old[max(0, from_old - _AROUND) : from_old]),
            _cut(old[from_old:to_old]),
            _cut(new[from_new:to_new]),
            " ".join(old[to_old : to_old + _AROUND]),
        )
        for _, from_old, to_old, from_new, to_new in changed[:_DIFFERENCES]
    )
    return pieces, max(0, len(changed) - _DIFFERENCES)


def _cut(given: list[str]) -> str:
    text = " ".join(given)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
