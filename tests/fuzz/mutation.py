"""Inputs that nobody would write: damaged copies of good ones, and values of any kind."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

# What parsers stumble over: their own signs, ends of ranges, and letters that are several.
_PIECES = (
    *("", " ", "\0", "\n", "\r\n", "\t", '"', "'", "\\", "/", "*", "-", "(", ")", ":", ",", ";"),
    *("[", "]", "{", "}", "<", ">", "&", "%", "$", "${X}", "=", "#", "!", "|", "`", "~", "^"),
    *("OR", "AND", "NOT", "NEAR(", "title:", "company:", "null", "true", "NaN", "1e999", "-0"),
    *("0", "9223372036854775808", "-1", "0.1", "1e-400", "0x10", "2026-02-30", "9999-12-31"),
    *("2026-01-01T00:00:00+99:00", "C++", "C#", ".NET", "ß", "İ", "ﬁ", "e\u0301", "\u200b"),
    *("\ufeff", "\u202e", "\x1b[31m", "\x9b", "東京", "한", "\U0001f600", "\ue000a", "\ufffd"),
    *("</script>", "<!--", "&#x0;", "data:,", "javascript:", "sqlite:///", "file://", "../../"),
    *("!!python/object:os.system", "*a", "&a [*a]", "---", "? :", "|\n", "<<:"),
)
_SURROGATE = "\ud800"


def damaged(choices: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds with a few bytes changed, doubled, taken out or mixed in."""
    data = bytearray(choices.choice(seeds))
    for _ in range(choices.choice((1, 1, 2, 4, 12))):
        at = choices.randrange(len(data) + 1)
        some = slice(at, at + choices.choice((1, 1, 2, 5, 20, 200)))
        how = choices.randrange(7)
        if how == 0 and at < len(data):
            data[at] ^= 1 << choices.randrange(8)
        elif how == 1:
            del data[some]
        elif how == 2:
            data[at:at] = data[some] * choices.choice((1, 2, 50))
        elif how == 3:
            data[at:at] = choices.choice(_PIECES).encode()
        elif how == 4:
            data[some] = choices.randbytes(choices.randrange(6))
        elif how == 5:
            other = choices.choice(seeds)
            start = choices.randrange(len(other) + 1)
            data[at:at] = other[start : start + choices.choice((3, 30, 300))]
        else:
            del data[at:]
    return bytes(data)


def text(choices: random.Random, words: Sequence[str] = _PIECES) -> str:
    """Return a text of words, of signs that parsers stumble over, or of any characters."""
    many = choices.choice((0, 1, 2, 3, 3, 5, 8, 40))
    parts = []
    for _ in range(many):
        kind = choices.randrange(4)
        if kind < 2:
            parts.append(choices.choice(words))
        elif kind == 2:
            parts.append(choices.choice(_PIECES))
        else:
            parts.append(chr(choices.choice((choices.randrange(128), choices.randrange(0x110000)))))
    joined = choices.choice(("", " ", " ")).join(parts)
    if choices.random() < 0.01:
        joined = (joined or "x") * choices.choice((100, 3000))
    return joined


def value(choices: random.Random, depth: int = 3) -> Any:
    """Return a value of any kind, such as a caller of the library may hand in."""
    kind = choices.randrange(14 if depth else 11)
    if kind < 4:
        return text(choices)
    if kind == 4:
        return choices.choice((0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400))
    if kind == 5:
        return choices.choice((0.0, -0.0, 1e308, 5e-324, float("nan"), float("inf"), 0.1))
    if kind == 6:
        return choices.choice((None, True, False))
    if kind == 7:
        return choices.choice((Decimal("NaN"), Decimal("1e400"), Decimal("-0"), Decimal("sNaN")))
    if kind == 8:
        moments = (datetime.min, datetime.max, datetime.max.replace(tzinfo=UTC), date.max)
        return choices.choice(moments)
    if kind == 9:
        return choices.choice((b"\xff", b"", _SURROGATE, object(), set(), (), 1j))
    if kind == 10:
        return text(choices) + choices.choice(("", _SURROGATE))
    if kind == 11:
        return [value(choices, depth - 1) for _ in range(choices.randrange(4))]
    if kind == 12:
        nested: Any = value(choices, 0)
        for _ in range(choices.choice((5, 40, 3000))):
            nested = choices.choice(([nested], {"a": nested}))
        return nested
    return {text(choices): value(choices, depth - 1) for _ in range(choices.randrange(4))}
