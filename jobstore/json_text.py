"""JSON text that can be shown on a terminal. Nothing here knows what the JSON means."""

from __future__ import annotations

import re

# Delete and the C1 controls, which JSON allows as they are and terminals may obey (ECMA-48).
# The C0 controls are always escaped (RFC 8259, section 7).
_CONTROLS = re.compile("[\x7f-\x9f]")


def escaped(text: str) -> str:
    r"""Return the JSON ``text`` with every control character in it as ``\u00XX``.

    It is the same JSON: such characters stand only inside of strings.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
