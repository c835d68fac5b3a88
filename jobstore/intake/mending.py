"""Texts that came broken: encoded twice, with tags and entities, or two facts in one cell.

Only what is certain is mended; any other text stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jobstore.intake.markup import plain_line
from jobstore.intake.plain_values import clean

# What UTF-8 looks like when it is read as Windows-1252 or Latin-1: a first byte with a following
# one; and characters U+0080 to U+009F, which nobody writes.
_BROKEN = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]|[\u0080-\u009f]"
)
# One of these is in every text that was broken so, in the languages of boards.
_FIRST_BYTES = "ÃÂâÐÅÎØ×ãåàì"
# Anything but ASCII that is printed, signs of markup, and several spaces.
_ODD = re.compile(r"[^ -%'-;=-\[\]-~]|  ")
# So many characters are looked through faster than for each of the first bytes.
_SHORT = 500
_LINKED = re.compile(r"([^()]*\S) \(https://(?:www\.)?notion\.so/\S+\)")
_RATED = re.compile(r"(?P<name>.*\S)(?P<space>\s+)(?P<rating>[0-5]\.\d)\s*", re.DOTALL)


def is_odd(text: str) -> bool:
    """Tell whether :func:`line` may make another text of it: one look at most texts."""
    return _ODD.search(text) is not None


def in_encoding(text: str) -> str:
    """Return ``text`` in the encoding that was meant, where it is certain that it is in another.

    The same object, if there is nothing to mend.
    """
    if text.isascii():
        return text
    if len(text) > _SHORT and not any(each in text for each in _FIRST_BYTES):
        return text
    if not _BROKEN.search(text):
        return text
    from ftfy import fix_encoding  # here, since few texts need it

    mended = fix_encoding(text)
    return text if mended == text else mended


def line(text: str) -> tuple[str, bool]:
    """Return a text of one line as it is read, without tags and entities; and whether it was in
    another encoding."""
    text = clean(text)
    encoded = in_encoding(text)
    return plain_line(encoded), encoded is not text


def without_rating(company: str, attributes: Any) -> str:
    """Return the name in a cell that holds a company's name and its rating, as Glassdoor's do.

    Only where that is certain: the rating stands on a line of its own, or is the row's own.
    ``Studio 3.5`` is a name.
    """
    found = _RATED.fullmatch(company)
    if not found:
        return company
    if "\n" in found["space"] or "\r" in found["space"]:
        return found["name"]
    return found["name"] if _rating_of(attributes) == found["rating"] else company


def without_page(company: str) -> str:
    """Return the name in a cell that holds a name and the address of its page, as Notion's do."""
    found = _LINKED.fullmatch(company)
    return found[1] if found else company


def _rating_of(attributes: Any) -> str | None:
    if not isinstance(attributes, Mapping):
        return None
    for name, value in attributes.items():
        if isinstance(name, str) and "rating" in name.casefold():
            return str(value).strip()
    return None
