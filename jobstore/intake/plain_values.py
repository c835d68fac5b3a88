"""Values of programs as plain Python: of numpy, pandas, enums, decimals and sets.

They are told by what they look like, so that neither numpy nor pandas is imported here. Nothing
is known of fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

from jobstore.intake.coercion import MAX_JSON_BITS, MAX_JSON_DEPTH

# Values of these types are plain already.
PLAIN = frozenset((str, int, bool, type(None), dict, list, date, datetime))
_HOLDING = (dict, list, tuple, set, frozenset, Mapping)
_MISSING = frozenset(("NAType", "NaTType"))
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def plain(value: Any) -> Any:
    """Return a value as text, number, time, list or dict of Python; ``None`` for NaN and its like.

    What is of no such kind is returned as it is.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind.__name__ in _MISSING:
        return None
    if isinstance(value, Enum):
        if isinstance(value, StrEnum):
            return value
        return value.value if isinstance(value.value, str) else value.name
    if kind.__name__ == "datetime64":  # numpy's, whose tolist() may give nanoseconds
        return plain(value.astype("datetime64[us]").tolist())
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        value = value.tolist()
        return value if type(value) is kind else plain(value)
    if isinstance(value, datetime):
        # Of the exact type, even where a subclass such as pandas.Timestamp came in.
        return datetime.combine(value.date(), value.timetz())
    if isinstance(value, float):
        return float(value) if value == value else None
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    if isinstance(value, set | frozenset):
        # The order of a set differs from process to process; a stored list must not.
        return sorted(map(plain, value), key=str)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | bytearray):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def number_of_values(value: Any, most: int) -> int:
    """Return how many values a value holds, at every depth; itself is none of them.

    Counting stops above ``most``, so that it takes no longer for a value that holds more.
    """
    number, found = 0, [value] if isinstance(value, _HOLDING) else []
    while found and number <= most:
        each = found.pop()
        held = each.values() if isinstance(each, Mapping) else each
        number += len(held)
        if number <= most:
            found += [item for item in held if isinstance(item, _HOLDING)]
    return number


def json_value(value: Any, depth: int = MAX_JSON_DEPTH) -> Any:
    """Return any value as JSON that :func:`jobstore.intake.coercion.json_object` takes.

    Times become ISO 8601 text, keys text, numbers without a JSON form text. What is nested deeper
    than ``depth`` becomes text as well. Other objects become their ``str``.
    """
    value = plain(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= MAX_JSON_BITS else hex(value)
    if isinstance(value, float):
        return value if abs(value) != float("inf") else str(value)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict | list) and not depth:
        return _text(json.dumps(value, ensure_ascii=False, default=str))
    if isinstance(value, dict):
        return {_key(key): json_value(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [json_value(item, depth - 1) for item in value]
    return _text(str(value))


def clean(text: str) -> str:
    """Return ``text`` without control characters but line breaks and tabs, and without surrogates.

    Two surrogates that make a character together become it.
    """
    return text if text.isprintable() else _CONTROLS.sub("", _text(text))


def _text(text: str) -> str:
    """Return ``text`` as JSON may hold it: all of it but NUL and lone surrogates."""
    text = str.__str__(text).replace("\0", "")
    if _SURROGATES.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return text


def _key(key: Any) -> str:
    return _text(key) if isinstance(key, str) else str(json_value(key, 0))


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        return str(value)
    if value == (whole := value.to_integral_value()) and value.adjusted() < 300:
        return int(whole)
    short = float(value)
    return short if Decimal(repr(short)) == value else str(value)
