"""JSON text of records and plain values, which can be shown on a terminal or stand in a page.

What the values mean is not known here.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from json.encoder import encode_basestring as _text
from operator import attrgetter
from typing import Any
from uuid import UUID

from jobstore.moments import iso

# Delete and the C1 controls, which JSON allows as they are and terminals may obey (ECMA-48), what
# ends a line or a paragraph (U+2028, U+2029), where some readers of JSON Lines would end one, and
# what reorders text (Unicode TR 9). The C0 controls are always escaped (RFC 8259, section 7).
_CONTROLS = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# What may end a script element, or begin a comment in one (HTML, 4.12.1.3).
_MARKUP = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&"})


def to_json(value: Any) -> str:
    """Return JSON (RFC 8259) for records, mappings and lists of them.

    Decimals are numbers with all their digits, times ISO 8601 in UTC with ``Z``, ids text.
    """
    return _WRITERS[value.__class__](value)


def _writer(kind: type) -> Callable[[Any], str]:
    """Return what writes values of a type, which is looked for once."""
    if issubclass(kind, str):
        return _text
    if kind is type(None):
        return lambda value: "null"
    if kind is bool:
        return lambda value: "true" if value else "false"
    if issubclass(kind, int):
        return int.__repr__
    if issubclass(kind, Decimal):
        return lambda value: format(value, "f")
    if issubclass(kind, datetime):
        return lambda value: f'"{iso(value)}"'
    if issubclass(kind, UUID | date):
        return lambda value: f'"{value}"'
    if dataclasses.is_dataclass(kind):
        return _of_record(kind)
    if issubclass(kind, Mapping):
        return _of_mapping
    if issubclass(kind, list | tuple):
        return lambda value: f"[{', '.join([_WRITERS[each.__class__](each) for each in value])}]"
    return lambda value: json.dumps(value, ensure_ascii=False)


class _Writers(dict[type, Callable[[Any], str]]):
    """What writes values, by their types; each is looked for once."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        found = self[kind] = _writer(kind)
        return found


_WRITERS = _Writers()


def _of_mapping(value: Mapping[Any, Any]) -> str:
    told = [f"{_text(str(name))}: {_WRITERS[item.__class__](item)}" for name, item in value.items()]
    return f"{{{', '.join(told)}}}"


def _of_record(kind: type) -> Callable[[Any], str]:
    names = [each.name for each in dataclasses.fields(kind)]
    shape = f"{{{', '.join(f'{_text(name)}: %s' for name in names)}}}"
    read = attrgetter(*names, names[0])  # one more, so that it is always a tuple

    def written(value: Any) -> str:
        items = read(value)[:-1]
        # Most values of a page are text or absent, and writing pages is most of answering.
        return shape % tuple(
            ["null" if item is None else _WRITERS[item.__class__](item) for item in items]
        )

    return written


def escaped(text: str) -> str:
    r"""Return the JSON ``text`` with every control character and line end in it as ``\uXXXX``.

    It is the same JSON, and one line wherever it is split: they stand only inside of strings.
    """
    if (text.isascii() and "\x7f" not in text) or text.isprintable():
        # Most texts, at a fraction of the time; no control character is printable.
        return text
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def embeddable(text: str) -> str:
    r"""Return the JSON ``text`` so that it can stand in a ``<script>`` element as it is.

    It is the same JSON, with ``<``, ``>`` and ``&`` as ``\u003c`` and so on.
    """
    return escaped(text).translate(_MARKUP)
