"""How messages name what was given."""

from __future__ import annotations

from decimal import Decimal

# A boolean is a number to Python.
_IN_WORDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    ((int, float, Decimal), "a number"),
    (dict, "an object"),
    (list, "a list"),
    (type(None), "null"),
)


def shorten(text: str) -> str:
    """Return at most 40 characters of ``text``, printable ones only."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:41])
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def kind(value: object) -> str:
    """Return the name of a value's type as a message may show it."""
    return shorten(type(value).__name__)


def in_words(value: object) -> str:
    """Return what a value is, as a message says it also to those who sent it as JSON."""
    for types, words in _IN_WORDS:
        if isinstance(value, types):
            return words
    return kind(value)
