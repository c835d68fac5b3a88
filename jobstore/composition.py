"""Unicode NFC of texts from strangers, in time that grows with their length.

unicodedata sorts the marks behind a letter by moving each past all others, which takes the square
of their number: 8 seconds for 80,000 of them. Nothing else about text lives here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from unicodedata import combining, is_normalized, normalize

# No mark is below U+0300, and so few in a row are sorted in no time.
_MANY_MARKS = re.compile("[^\x00-\u02ff]{64}")


def composed(text: str) -> str:
    """Return ``text`` in Unicode's normal form C, exactly as ``unicodedata.normalize`` does."""
    # To tell that marks are out of order takes one look at each.
    if is_normalized("NFC", text):
        return text
    if _MANY_MARKS.search(text):
        text = "".join(_in_order(text))
    return normalize("NFC", text)


def _in_order(text: str) -> Iterator[str]:
    """Yield the text decomposed, its marks in canonical order (Unicode 14, section 3.11)."""
    single = "".join(normalize("NFD", char) for char in text)
    for _, run in groupby(single, lambda char: combining(char) > 0):
        # Equal ones stay where they are, and all that are no marks are equal.
        yield from sorted(run, key=combining)
