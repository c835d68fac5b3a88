"""How large an answer may be for an agent, and how it becomes no larger; what may be in it.

Tokens are counted as a tokenizer counts at most: 3.5 bytes of JSON each.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from jobstore.intake.unseen import without_unseen
from jobstore.moments import iso

T = TypeVar("T")

BYTES_A_TOKEN = 3.5
MOST_TOKENS = 8000
"""What an answer has at most, in tokens."""
MOST_BYTES = int(MOST_TOKENS * BYTES_A_TOKEN) - 500
"""The same in bytes, without what the protocol puts around it."""

_LINE = 300
# Code points that what people see as one character has at most, but for what is made to have more.
_CLUSTER = 32
# A joiner with what is beside it, what has a tone of skin, and two letters of flags.
_WITHIN = re.compile(
    "\u200d.|.[\u200c\u200d\U0001f3fb-\U0001f3ff]|[\U0001f1e6-\U0001f1ff]{2}", re.DOTALL
)
# Alphabets without shapes: tags and what else has no meaning in their plane, and variation
# selectors (Unicode, section 23.4) behind another one, of which each can stand for a byte.
_TAGS = re.compile(
    "[\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    "|(?<=[\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Writes a plain value as JSON without blanks."""


def size(value: Any) -> int:
    """Return how many bytes a plain value has as JSON."""
    return len(encoded(value).encode("utf-8", "replace"))


def plain(value: Any) -> Any:
    """Return records and plain values as JSON has them.

    Without what is not stated, and without characters that nobody sees.
    """
    kind = value.__class__
    if kind is str:
        return seen(value)
    if value is None or kind in (int, float, bool):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return _stated((str(name), plain(each)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return iso(value)
    if is_dataclass(value):
        return _stated((each.name, plain(getattr(value, each.name))) for each in fields(value))
    return str(value)


def _stated(members: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: each for name, each in members if each not in (None, "", [], {})}


def seen(text: str) -> str:
    """Return a text without characters that nobody sees, but which models read."""
    return text if text.isascii() else _TAGS.sub("", without_unseen(text))


def line(text: str | None, most: int = _LINE) -> str | None:
    """Return a text of at most ``most`` characters; one that is cut ends with an ellipsis."""
    return text if text is None or len(text) <= most else f"{text[: _end(text, 0, most - 1)]}…"


def short(value: Any, most: int = _LINE) -> Any:
    """Return a plain value whose texts have at most ``most`` characters."""
    if isinstance(value, str):
        return line(value, most)
    if isinstance(value, dict):
        return {str(short(name, most)): short(each, most) for name, each in value.items()}
    if isinstance(value, list):
        return [short(each, most) for each in value]
    return value


def within(items: Iterable[T], most: int) -> list[T]:
    """Return the first items, which have at most ``most`` bytes in all."""
    kept = []
    for item in items:
        most -= size(item) + 1
        if most < 0:
            break
        kept.append(item)
    return kept


def piece(text: str, offset: int, length: int, most: int) -> str:
    """Return ``length`` characters of a text, or fewer that have at most ``most`` bytes as JSON."""
    part = text[offset : offset + length]
    while part and (bytes_ := size(part)) > most:
        # Never by more than what is surely too much, and by one at least.
        part = part[: min(len(part) - 1, int(len(part) * most / bytes_) + 1)]
    return text[offset : _end(text, offset, offset + len(part))]


def _end(text: str, start: int, most: int) -> int:
    """Return where a part of a text ends, at ``most`` or shortly before.

    It is not within what people see as one character, as far as that has no more code points than
    any has. That is a simple form of Unicode TR 29: marks, joiners, tones of skin and the two
    letters of a flag stay with what is before them.
    """
    for end in range(most, max(start, most - _CLUSTER), -1):
        if (
            not _WITHIN.match(text, end - 1)
            and unicodedata.category(text[end : end + 1] or " ")[0] != "M"
        ):
            return end
    return most
