"""Words of scripts that are written without spaces and have an alphabet: Thai, Lao, Khmer, Burmese.

A letter says too little there, and where a word ends only a dictionary knows. What is certain
without one is what never parts: a consonant and the vowels, tones and letters that stand before,
above, below and behind it ("Thai character clusters", Theeramunkong and others, 2000). Each
cluster is a word, so that any word in a run is found as a phrase of its clusters, as Chinese is by
its characters. Marks are letters here: without them other words would be the same.

Inside of the index the letters are private-use characters, which every tokenizer takes for
letters; as marks some would part words. Texts bring none of those in.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = 0xE000

# Vowels that stand before their consonant, and signs that put the next letter below the last one.
_LEADING = "\u0e40-\u0e44\u0ec0-\u0ec4"
_STACKING = "\u1039\u17d2"
# Vowels and marks that belong to the letter before them.
_FOLLOWING = (
    "\u0e30-\u0e3a\u0e45\u0e47-\u0e4e\u0eb0-\u0ebd\u0ec8-\u0ece"
    "\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074"
    "\u1082-\u108d\u108f\u109a-\u109d\u17b6-\u17d3\u17dd"
)
_LETTERS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ece\u0edc-\u0edf"
    "\u1000-\u103f\u1050-\u108f\u109a-\u109d\u1780-\u17b3\u17b6-\u17d3\u17d7\u17dc\u17dd"
)
_IS_LETTER = re.compile(f"[{_LETTERS}]")


def _hidden(chars: str) -> str:
    return "".join(char if char == "-" else chr(ord(char) + _HIDDEN) for char in chars)


HIDDEN = _hidden(_LETTERS)
"""The letters inside of the index, as a part of a set in a pattern."""
# Whether two letters belong together is seen from them alone.
_JOINED = f"(?<=[{_hidden(_LEADING + _STACKING)}])[{HIDDEN}]|[{_hidden(_FOLLOWING)}]"
CLUSTER = f"[{HIDDEN}](?:{_JOINED})*"
"""A pattern for one cluster."""
_CLUSTER = re.compile(CLUSTER)
_IS_JOINED = re.compile(f"(?<=[{HIDDEN}])(?:{_JOINED})")


def letters(char: str) -> str | None:
    """Return a letter of these scripts, taken apart where it is two; ``None`` for any other."""
    return unicodedata.normalize("NFKD", char) if _IS_LETTER.match(char) else None


def hidden(char: str) -> str:
    """Return a letter of these scripts as it is inside of the index, any other as it is."""
    return chr(ord(char) + _HIDDEN) if _IS_LETTER.match(char) else char


def parted(text: str) -> str:
    """Return a text of the index with its clusters apart from each other."""
    return text if text.isascii() else _CLUSTER.sub(r" \g<0> ", text)


def is_inside(text: str, place: int) -> bool:
    """Tell whether a cluster that has begun before ``place`` in a folded text goes on there."""
    return _IS_JOINED.match(text, place) is not None


def is_cluster(word: str) -> bool:
    """Tell whether a word of the index is a cluster."""
    return _CLUSTER.match(word) is not None
