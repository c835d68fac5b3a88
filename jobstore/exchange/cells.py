"""Single values as sources write them: times, numbers, flags, links and lists.

Pure functions. What cannot be translated is handed on as it is, so that the store's intake
names it as a fault.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urljoin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.[a-z]{2,}(:\d+)?([/?#]\S*)?", re.IGNORECASE)
_TRUE = {"true", "1", "1.0", "yes"}
_FALSE = {"false", "0", "0.0", "no"}


def from_epoch(value: Any, unit: str) -> Any:
    """Return the time that is ``value`` ``"seconds"`` or ``"milliseconds"`` after 1970 in UTC.

    Numbers and numeric text are taken; anything else is handed on as it is.
    """
    # Whole numbers may be written as floats: 1713397508000.0
    number = whole(value)
    if isinstance(number, bool) or not isinstance(number, int):
        return value
    try:
        return _EPOCH + timedelta(**{unit: number})
    except OverflowError:
        return value


def whole(value: Any) -> Any:
    """Return ``12`` for ``"12.0"`` and ``12.0``; anything that is no whole number as it is."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str | float | Decimal):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return value
        # The bound comes first: 1e999999999 as an integer would fill the memory.
        if number.is_finite() and -(2**63) <= number < 2**63 and number == int(number):
            return int(number)
    return value


def number(value: Any) -> Any:
    """Return numeric text as the JSON number it stands for; anything else as it is."""
    found = whole(value)
    if isinstance(found, str):
        try:
            return float(found) if Decimal(found).is_finite() else value
        except InvalidOperation:
            return value
    return found


def flag(value: Any) -> bool | None:
    """Return what a boolean, a 0/1 or their text says; ``None`` for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def link(value: Any, base: Any = None) -> Any:
    """Return an address as an absolute URL.

    ``www.example.com/x`` becomes ``https://www.example.com/x``; ``/x`` is resolved against
    ``base``. Anything else is handed on as it is.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("/") and isinstance(base, str):
        try:
            return urljoin(base, text)
        except ValueError:
            return value
    return f"https://{text}" if _HOST.fullmatch(text) else value


def listed(value: Any) -> Any:
    """Return a list as it is, and text as the list of its parts between commas."""
    if isinstance(value, str):
        return [part for part in (part.strip() for part in value.split(",")) if part]
    return value


def digest(parts: Iterable[Any]) -> str:
    """Return a short name for what has no id of its own, the same wherever it is computed.

    The first 128 bits of SHA-256 over the parts, white space and case aside.
    """
    folded = "\x1f".join(" ".join(str(part or "").split()).casefold() for part in parts)
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def stated(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that say something: not ``None``, not NaN, not blank, not empty."""
    found = {}
    for key, value in mapping.items():
        # Most values are text, and this runs for each of each row.
        if value.__class__ is str:
            if value and not value.isspace():
                found[key] = value
        elif value is not None and not _empty(value):
            found[key] = value
    return found


def _empty(value: Any) -> bool:
    if isinstance(value, list | dict | tuple | set | str):
        return not value or (isinstance(value, str) and value.isspace())
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NAType", "NaTType")
