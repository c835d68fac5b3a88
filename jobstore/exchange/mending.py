"""JSON as people and pages write it: comments, commas too many, single quotes, lone backslashes.

Only text that is no JSON comes here, and only what it surely means is made of it. The work is
bounded, since reading such text takes long.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

# The longest text that is mended, and how much of a file's is read with json5, which takes some
# six seconds a MiB.
_LONGEST = 1024 * 1024
_SLOWLY = 256 * 1024
_MOST_DIGITS = 4_000

_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_COMMENTS = re.compile(rf"({_STRING})|/\*.*?(?:\*/|\Z)|//[^\n]*|<!--|-->", re.DOTALL)
_COMMAS = re.compile(rf"({_STRING})|,(?=\s*[\]}}])", re.DOTALL)
_ESCAPES = re.compile(r'(\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))|\\')
_TEXTS = re.compile(_STRING, re.DOTALL)
_OTHER = re.compile(r"'|[{,]\s*[A-Za-z_$][\w$]*\s*:")
_AFTER = re.compile(r"[\s;\]}]*")


# Escapes that Python's own texts do not have; it would warn of them.
_FOREIGN = re.compile(r"\\(?![\\'\"abfnrtvxuUN0-7])")


class Mender:
    """Reads what is no JSON, for one file."""

    def __init__(self) -> None:
        self._left = _SLOWLY

    def mended(self, text: str, decoder: json.JSONDecoder) -> Any:
        """Return the value of a text that is no JSON. Raises ValueError if it stays none."""
        if len(text) > _LONGEST:
            raise ValueError("is too long to be mended")
        decoder = json.JSONDecoder(
            strict=decoder.strict,
            parse_constant=decoder.parse_constant,
            parse_float=decoder.parse_float,
            parse_int=_whole,
        )
        plain = _COMMAS.sub(_kept, _COMMENTS.sub(_kept, text)).strip()
        try:
            value, end = decoder.raw_decode(plain)
            if not _AFTER.fullmatch(plain, end):
                raise ValueError("goes on")
            return value
        except (ValueError, RecursionError):
            # As it was found: it may have texts in other quotes.
            text = text.strip().rstrip(",")
            try:
                return _from_python(text)
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                return self._slowly(text)

    def _slowly(self, text: str) -> Any:
        # Only what this helps with: other quotes, and names without quotes.
        bare = _TEXTS.sub('""', text)
        if not _OTHER.search(bare) or not bare.startswith(("{", "[")) or len(text) > self._left:
            raise ValueError("cannot be mended")
        self._left -= len(text)
        # Takes long to import.
        import json5

        try:
            return json5.loads(text, parse_constant=_not_stated, strict=False)
        except (ValueError, RecursionError, TypeError, AttributeError) as error:
            raise ValueError("cannot be mended") from error


def _from_python(text: str) -> Any:
    """Read what Python prints for a dictionary, as many scrapers write it. Raises ValueError."""
    if not text.startswith(("{'", "[{'")) or _FOREIGN.search(text):
        raise ValueError("is nothing that Python printed")
    return json.loads(json.dumps(ast.literal_eval(text)), parse_constant=_not_stated)


def _kept(found: re.Match[str]) -> str:
    text = found[1]
    if text is None:
        return " "
    return _ESCAPES.sub(_escaped, text) if "\\" in text else text


def _escaped(found: re.Match[str]) -> str:
    # A backslash that begins no escape is one; before a single quote, it is none.
    at = found.end()
    return found[1] or ("" if found.string[at : at + 1] == "'" else "\\\\")


def _whole(digits: str) -> int | str:
    # Python refuses longer ones, since reading them takes long; no field is so large.
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _not_stated(_: str) -> None:
    return None
