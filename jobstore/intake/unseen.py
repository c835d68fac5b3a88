"""Characters of a text that nobody sees, and controls."""

from __future__ import annotations

import re

# Controls but tab and line breaks, soft hyphens, what has no width, directions of writing, halves
# of characters, and line ends that are none to most programs.
ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]"
)
# Joiners stay between these: emoji and letters of scripts that need them.
_JOINED = re.compile("[^\x00-\u058f\u2000-\u218f\u2c00-\u2fff\ufeff-\uffff]")
# C1 characters are Windows-1252 that was taken for Latin-1, as HTML takes them too.
_SHOWN = {chr(code): bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
_SHOWN |= dict.fromkeys("\x0b\x0c\u2028\u2029", "\n")


def without_unseen(text: str) -> str:
    """Return a text without the characters that nobody sees."""
    return ODD.sub(_shown, text)


def _shown(odd: re.Match[str]) -> str:
    char, text = odd[0], odd.string
    if char in "\u200c\u200d" and _JOINED.match(text, odd.end()) and odd.start():
        return char if _JOINED.match(text, odd.start() - 1) else ""
    return _SHOWN.get(char, "")
