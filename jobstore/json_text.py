"""JSON text that can be shown on a terminal, or stand in a page; what it means is not known."""

from __future__ import annotations

import re

# Delete and the C1 controls, which JSON allows as they are and terminals may obey (ECMA-48), and
# what reorders text (Unicode TR 9). The C0 controls are always escaped (RFC 8259, section 7).
_CONTROLS = re.compile("[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# What may end a script element, or begin a comment in one (HTML, 4.12.1.3).
_MARKUP = str.maketrans({sign: f"\\u{ord(sign):04x}" for sign in "<>&"})


def escaped(text: str) -> str:
    r"""Return the JSON ``text`` with every control character in it as ``\uXXXX``.

    It is the same JSON: such characters stand only inside of strings.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def embeddable(text: str) -> str:
    r"""Return the JSON ``text`` so that it can stand in a ``<script>`` element as it is.

    It is the same JSON, with ``<``, ``>`` and ``&`` as ``\u003c`` and so on.
    """
    return escaped(text).translate(_MARKUP)
