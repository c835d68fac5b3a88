"""Paths into a row: the name of a column, keys with dots between them, or JMESPath.

Only finding a value lives here; what becomes of it does not. A path that is keys alone is compiled
to look-ups; JMESPath (https://jmespath.org/specification.html) is loaded when a path needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobstore.intake.wording import shorten

# What no name of a column or key holds, unless the path is more than keys.
_SYNTAX = re.compile(r"[\[\]{}()|&!=<>*@?'\"`,\\]")
_QUOTED = re.compile(r'"([^"\\]+)"')


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path: ``get(row)`` is its value, or ``None``.

    ``keys`` are its keys where it is nothing else, and ``None`` for JMESPath; ``mark`` stands for
    them in a set of what was taken: the name of a column, or several keys.
    """

    text: str
    keys: tuple[str, ...] | None
    get: Callable[[Mapping[str, Any]], Any]

    @property
    def mark(self) -> str | tuple[str, ...] | None:
        return self.keys[0] if self.keys is not None and len(self.keys) == 1 else self.keys


def compile_path(text: str) -> Path:
    """Compile a path. A name with dots or other signs stands in double quotes: ``"Pay (USD)"``.

    A row that has the whole text as a key gives that key's value. Raises ValueError, with the
    position of the fault, for what is no path.
    """
    text = text.strip()
    if quoted := _QUOTED.fullmatch(text):
        return column(quoted[1])
    if not text:
        raise ValueError("a path may not be empty")
    if _SYNTAX.search(text):
        return Path(text, None, _search(text))
    keys = tuple(text.split("."))
    if len(keys) == 1 or "" in keys:
        return column(text)
    return Path(text, keys, _dotted(text, keys))


def column(name: str) -> Path:
    """Return the path that is the name of a column or key, whatever signs are in it."""

    def get(row: Mapping[str, Any]) -> Any:
        return row.get(name)

    return Path(name, (name,), get)


_QUOTE = 'a name with such signs stands in double quotes: "Pay (USD)"'


def _check_functions(node: Any, text: str) -> None:
    """Find functions that do not exist, which JMESPath only does with a row."""
    from jmespath.functions import Functions

    if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
        position = text.find(node["value"]) + 1
        raise ValueError(
            f"{text!r} is no path: there is no function {node['value']!r} (character {position}); "
            f"{_QUOTE}"
        )
    for child in node["children"]:
        if isinstance(child, dict):
            _check_functions(child, text)


def _dotted(text: str, keys: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
    def get(row: Mapping[str, Any]) -> Any:
        value: Any = row
        for key in keys:
            if not isinstance(value, Mapping):
                return None
            value = value.get(key)
            if value is None:
                # A table may have a column with dots in its name.
                return row.get(text)
        return value

    return get


def _search(text: str) -> Callable[[Mapping[str, Any]], Any]:
    compiled = expression(text)

    def get(row: Mapping[str, Any]) -> Any:
        return row[text] if text in row else compiled(row)

    return get


def expression(text: str) -> Callable[[Any], Any]:
    """Compile JMESPath. Its result is ``None`` where the row is not as the expression expects.

    Raises ValueError, with the position of the fault, for what is no JMESPath.
    """
    import jmespath
    from jmespath.exceptions import (
        JMESPathError,
        ParseError,
    )

    try:
        parsed = jmespath.compile(text)
        _check_functions(parsed.parsed, text)
    except RecursionError:
        raise ValueError(f"'{shorten(text)}' is no path: it is nested too deeply") from None
    except ParseError as error:
        token = error.token_value
        fault = "it ends too early" if token is None else f"{token!r} is not expected there"
        raise ValueError(
            f"{text!r} is no path: at character {error.lex_position + 1}, {fault}; {_QUOTE}"
        ) from None
    except JMESPathError as error:
        position = getattr(error, "lexer_position", None)
        where = "" if position is None else f" at character {position + 1}"
        raise ValueError(f"{text!r} is no path{where}: {error}".splitlines()[0]) from None

    def get(row: Any) -> Any:
        try:
            return parsed.search(row)
        except JMESPathError:
            return None

    return get
