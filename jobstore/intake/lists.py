"""Lists that stand in one text: with commas between the items, or as JSON and Python write them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from html import unescape
from typing import Any

from jobstore.intake import wording
from jobstore.intake.plain_values import plain

LONGEST = 50_000
"""More characters than these are no list that anybody wrote."""

_SEPARATORS = ("\n", "|", ";", "•", "·")
# A comma in brackets is part of the item: AWS (S3, EC2).
_ITEM = re.compile(r"(?:[^,(]+|\([^()]*\)|\()+")


def is_list(value: Any) -> bool:
    """Tell whether a text stands in brackets, as lists of JSON and Python do."""
    return (
        isinstance(value, str)
        and value.lstrip()[:1] in ("[", "(", "{")
        and (value.rstrip()[-1:] in ("]", ")", "}"))
    )


def items(value: Any) -> list[Any]:
    """Return the items of a list, of a list's text in JSON or Python, or of a text with commas.

    Raises ValueError for what is neither, and for a text that is too long.
    """
    if isinstance(value, list):
        return list(map(plain, value))
    if isinstance(value, Mapping) or not isinstance(value, str):
        raise ValueError(f"must be a list of texts, not {wording.in_words(value)}")
    if len(value) > LONGEST:
        raise ValueError(f"must have at most {LONGEST:,} characters as a list")
    text = unescape(value).strip()
    if is_list(text) and (listed := written_list(text)) is not None:
        return listed
    for separator in _SEPARATORS:
        if separator in text:
            return _stripped(text.split(separator))
    return _stripped(_ITEM.findall(text))


def written_list(text: str) -> list[Any] | None:
    """Return the items of a list's text in JSON, Python or numpy; ``None`` if it is none."""
    # numpy writes no commas, and Python would join ['a' 'b'] to one text.
    if re.search(r"'\s+'|\"\s+\"", text):
        return [one or other for one, other in re.findall(r"'([^']*)'|\"([^\"]*)\"", text)]
    for parse in (json.loads, _literal):
        try:
            found = parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(found, list | tuple | set):
            return [plain(item) for item in found]
    # A list without quotes: [SQL, Python]
    return _stripped(_ITEM.findall(text[1:-1])) if text[0] == "[" else None


def _literal(text: str) -> Any:
    with warnings.catch_warnings():
        # Of escapes that Python does not know; they are none of the user's code.
        warnings.simplefilter("ignore")
        return ast.literal_eval(text)


def _stripped(parts: list[str]) -> list[Any]:
    return [part.strip(" \t\r\n\"'") for part in parts]
