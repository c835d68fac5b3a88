"""What sources write where they state nothing: ``None``, ``nan``, ``-1``, ``#`` and their like.

One rule for every format and every program. Nothing here is reported: nothing was said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from jobstore.records import WHITE_SPACE

# What programs write for an empty value, in any case and with spaces around it.
_PROGRAMS = """
    -1 -1.0 - -- --- – — ― − _ # ? . .. ... … / [] {} () [null] (null) <null> <none> <na> null
    nil none nan -nan nat n/a n.a. n.a #n/a #na #value! #ref! #null! na undefined \\n
"""
_EMPTY = frozenset(_PROGRAMS.split())
# What people write for it.
_UNSTATED = frozenset(
    (
        "not applicable",
        "not available",
        "not disclosed",
        "not given",
        "not provided",
        "not specified",
        "not stated",
        "undisclosed",
        "unknown",
        "unspecified",
        "keine angabe",
        "k.a.",
        "k. a.",
        "k/a",
        "non renseigné",
        "non spécifié",
        "no especificado",
        "no indicado",
        "não informado",
        "non specificato",
        "niet opgegeven",
        "nie podano",
        "не указано",
    )
)
_LONGEST = max(map(len, _UNSTATED)) + 4
# The first characters of all of them, so that most texts are told apart by one look.
FIRST_CHARACTERS = frozenset(
    first for text in _EMPTY | _UNSTATED for first in (text[0], text[0].upper())
) | frozenset(("", *WHITE_SPACE))
# Years that stand for "never" and for an empty date.
_NEVER = re.compile(r"(?:9999|000[01])\b|\d{1,2}[./-]\d{1,2}[./-]9999\b")
TIMES = frozenset(("posted_at", "expires_at", "first_seen_at", "last_seen_at", "closed_at"))


def states_nothing(name: str, value: Any) -> bool:
    """Tell whether ``value`` of the field ``name`` stands for "not stated"."""
    if isinstance(value, str):
        if value[:1] in FIRST_CHARACTERS:
            return (len(value) <= _LONGEST or value.isspace()) and _is_sign(name, value)
        return name in TIMES and _NEVER.match(value) is not None
    if isinstance(value, float | int | Decimal):
        return value == -1 and not isinstance(value, bool)
    return name in TIMES and isinstance(value, date) and value.year in (1, 9999)


def is_empty(value: Any) -> bool:
    """Tell whether a cell of a table holds what programs write for an empty one.

    Whatever field it is for, and so without ``NA``, which may be a country.
    """
    return (
        isinstance(value, str)
        and value[:1] in FIRST_CHARACTERS
        and len(value) <= _LONGEST
        and (text := value.strip(WHITE_SPACE).casefold()) != "na"
        and text in _EMPTY
    )


def _is_sign(name: str, value: str) -> bool:
    text = " ".join(value.strip(WHITE_SPACE).casefold().split())
    if not text:
        return True
    if name == "country" and text == "na":  # Namibia
        return False
    # A title is what it says; only what programs write is none.
    return text in _EMPTY or (name != "title" and text in _UNSTATED)


def without_salary(values: Mapping[str, Any]) -> list[str]:
    """Return the ends of the salary that state nothing: 0 to 0, or 0 below the other end.

    ``values`` holds the ends as they were read.
    """
    low, high = values.get("salary_min"), values.get("salary_max")
    if high is not None and high == 0:
        return ["salary_max"] if low else ["salary_min", "salary_max"]
    return ["salary_min"] if high is None and low is not None and low == 0 else []
