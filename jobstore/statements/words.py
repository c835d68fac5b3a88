"""What counts as a word: the one rewriting that texts and queries both pass through.

Pure functions on text; no SQL and no engine. Tokenizers break on ``C++`` and differ in how
they fold accents, so both sides are made plain here first, and any engine then finds the same.

Stored index entries are removed by naming the words they were made of. So the result must not
change between Python versions: Unicode 3.2's tables are used, which every Python carries, and
a change of these rules needs a migration that indexes everything anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unicodedata import ucd_3_2_0 as unicode

_FOREIGN = re.compile("[\x80-\U0010ffff]+")
# Beyond ASCII, index_text() leaves no other characters than those of words.
_WORD_CHARACTERS = r"0-9A-Za-z\x80-\U0010ffff"
_WORD = re.compile(f"[{_WORD_CHARACTERS}]+")

# Letters whose stroke or ligature is no combining mark, so that Unicode does not decompose them.
_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
)
# Other letters are folded by now, or left to the index.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_MARKS = re.compile("[\u0300-\u036f]+")
# Scripts written without spaces, and Korean, whose particles are attached to the word.
_UNSPACED = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Blocks of symbols that got characters after Unicode 3.2; everywhere else new ones are letters.
_SYMBOLS = re.compile(
    "[\u2000-\u2bff\u2e00-\u2e7f\ufe00-\ufe6f\U0001f000-\U0001faff\U000e0000-\U000e0fff]"
)

# Names of programming tools that end or begin with a symbol become words of letters. Each
# pattern starts with its symbol, which is what makes the search for it fast.
_W = f"[{_WORD_CHARACTERS}]"
_NAMES = (
    ("++", re.compile(r"\+\+(?<=[A-Za-z]\+\+)"), "plusplus "),
    ("#", re.compile(rf"#(?<=[A-Za-z]#)(?<!{_W}[A-Za-z]#)"), "sharp "),
    (
        ".net",
        re.compile(
            rf"\.net(?:(?<!{_W}\.net)|(?<=asp\.net)|(?<=ado\.net)|(?<=vb\.net))(?!{_W})",
            re.IGNORECASE,
        ),
        " dotnet",
    ),
    (".js", re.compile(rf"\.js(?<=[A-Za-z0-9]\.js)(?!{_W})", re.IGNORECASE), "js"),
)


def fold_letter(char: str) -> str | None:
    """Return a character without case, accent and width; ``None`` if it is part of no word.

    Most give one character, some several (ß) and invisible ones (a soft hyphen) none.
    """
    if _UNSPACED.match(char):
        return char
    category = unicode.category(char)
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0).lower()
    if category == "Cn":
        return None if _SYMBOLS.match(char) else char
    if category == "Cf" or char == "\xad" or "\u0300" <= char <= "\u036f":
        return ""
    if category == "Co" or category[0] not in "LN":
        return None
    if category[0] == "L" or category in ("Nd", "Nl"):
        char = _MARKS.sub("", unicode.normalize("NFKD", char.casefold())).casefold()
        char = unicode.normalize("NFC", char).translate(_STROKES)
        return "".join(c if unicode.category(c)[0] in "LN" else " " for c in char)
    return char


def is_unspaced(char: str) -> bool:
    """Whether a character is a word by itself, of a script that is written without spaces."""
    return char >= "\u3005" and _UNSPACED.match(char) is not None


class CharacterTable(dict[int, str]):
    """A table for str.translate that fills itself with what it is asked for."""

    def __init__(self, entry: Callable[[str], str]) -> None:
        self._entry = entry

    def __missing__(self, codepoint: int) -> str:
        value = self[codepoint] = self._entry(chr(codepoint))
        return value


def separated(char: str) -> str:
    """Return a character as :func:`fold_letter` does, a space where that is part of no word."""
    folded = fold_letter(char)
    return " " if folded is None else folded


def _indexed(char: str) -> str:
    folded = separated(char)
    return f" {folded} " if _UNSPACED.match(folded) else folded


def _compared(char: str) -> str:
    folded = fold_letter(char)
    return char if folded is None else folded


_INDEXED = CharacterTable(_indexed)
_COMPARED = CharacterTable(_compared)


def index_text(text: str) -> str:
    """Return ``text`` as it is handed to a full-text index and, in a query, looked up there.

    ``C++``, ``C#``, ``.NET``, ``Node.js`` and their like become ``Cplusplus``, ``Csharp``,
    ``dotnet`` and ``Nodejs``; letters outside of ASCII lose accents, case and width; Chinese,
    Japanese and Korean characters become words of one character, so that any part of a
    compound is found as a phrase. No private-use character is left, which is how the words of
    :mod:`jobstore.statements.facets` stay out of reach. Letters of ASCII keep their case.
    """
    if not text.isascii():
        text = _FOREIGN.sub(lambda run: run[0].translate(_INDEXED), text)
    lower = text.lower()
    for symbol, pattern, name in _NAMES:
        if symbol in lower:
            text = pattern.sub(name, text)
    return text


def words(text: str) -> list[str]:
    """Return the words of a text as the index holds them, in their order."""
    return _WORD.findall(index_text(text).translate(_LOWER))


def fold(text: str) -> str:
    """Return the key by which whole values are compared: case, accents, width and the amount
    of white space do not matter, punctuation does."""
    if not text.isascii():
        text = text.translate(_COMPARED)
        return " ".join(text.translate(_LOWER).split())
    return " ".join(text.lower().split())
