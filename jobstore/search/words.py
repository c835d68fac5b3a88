"""What counts as a word: the one rewriting that texts and queries both pass through.

Pure functions on text; no SQL and no engine. Tokenizers break on ``C++`` and differ in how
they fold accents, so both sides are made plain here first, and any engine then finds the same.

The rule is full case folding without accents (Unicode's ``toCasefold`` of the compatibility
decomposition, without combining marks). It departs from that where searching is the better for
it: letters with a stroke lose it, kana keep their voicing, scripts without spaces keep their marks,
symbols and superscript digits are not taken apart (``Java™`` is no ``javatm``), and Indian vowel
signs that are characters of their own, but no combining marks, end a word.

Stored index entries are removed by naming the words they were made of. So the result must not
change between Python versions: whether a character is known goes by Unicode 3.2, whose tables
every Python carries, and by a list of what came later until Unicode 14, which is Python 3.11's.
How a known character folds and decomposes never changes. A change of these rules needs a
migration that indexes everything anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from unicodedata import ucd_3_2_0

from jobstore.search import clusters

# Sets of most characters are told by those that are not in them: to compile them takes Python
# a hundredth of the time, and every program does that when it starts.
_FOREIGN = re.compile("[^\x00-\x7f]+")
# Outside of ASCII, index_text() leaves only characters of words.
_W = r"[^\x00-/:-@\[-`{-\x7f]"
_WORD = re.compile(f"{_W}+")

# Letters whose stroke or ligature is no combining mark, so that Unicode does not decompose them.
_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe"}
)
# index_text() has folded all letters but these.
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
# Letters and marks between Unicode 3.2 and 14 that fold to another character or to none, with
# what lies between them. Beyond the basic plane only those with case.
_LATER = re.compile(
    "["
    "\u023a-\u0376\u037f\u03cf-\u052e\u05a2-\u05c7\u0610-\u065f\u07eb-\u07f3\u07fd-\u082d"
    "\u0859-\u085b\u0898-\u08ff\u09fe\u0c3c\u0cbc\u0d3b\u0d3c\u0eba\u103a-\u108d\u10c7\u10cd"
    "\u10fc\u135d-\u135f\u13f8-\u13fd\u1715\u17dd\u1939-\u193b\u1a17\u1a18\u1a60-\u1a7c\u1a7f"
    "\u1ab0-\u1ace\u1b34-\u1b44\u1b6b-\u1b73\u1baa-\u1bf3\u1c37\u1c80-\u1c88\u1c90-\u1cba"
    "\u1cbd-\u1cbf\u1cd0-\u1cf1\u1cf4-\u1cf9\u1d2c-\u1efe\u2090-\u209c\u20eb-\u20f0\u213c\u2184"
    "\u2c00-\u2cf2\u2d6f\u2d7f\u2de0-\u2dff\ua640-\ua6f1\ua722-\ua7c9\ua7d0\ua7d6-\ua7d8"
    "\ua7f2-\ua82c\ua8c4\ua8e0-\ua953\ua9b3-\ua9c0\uaab0-\uaac1\uaaf6\uab5c-\uab69\uab70-\uabed"
    "\ufa2e-\ufa6d"
    "\ufa70-\ufad9\ufe24-\ufe2f\U00010426\U00010427\U000104b0-\U000104d3\U00010570-\U0001057a"
    "\U0001057c-\U0001058a\U0001058c-\U00010592\U00010594\U00010595\U00010c80-\U00010cb2"
    "\U000118a0-\U000118bf\U00016e40-\U00016e5f\U0001e900-\U0001e94a"
    "]"
)
# Variation selectors: they say how a character looks, though their class is not that of marks.
_SELECTORS = re.compile("[\u034f\u180b-\u180d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Halfwidth kana have a mark of voicing behind them; in full width both are one character.
_VOICINGS = "\u3099\u309a"
VOICED = "[\u3041-\u30ff\uff66-\uff9d][\uff9e\uff9f]"
_VOICED = re.compile(VOICED)
# Scripts written without spaces whose characters are words, and Korean, whose particles are
# attached to the word.
_SINGLE = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
UNSPACED = re.compile(f"[{_SINGLE}{clusters.HIDDEN}]")
ALONE = f"[{_SINGLE}]|{clusters.CLUSTER}"
"""A pattern for a word of a folded text that ends without a space: a character or a cluster."""
# What came after Unicode 3.2 and is part of no word: blocks of symbols, what SQLite's tokenizer
# separates words at, with what lies between, and two that are no characters. All else is letters.
_SYMBOLS = re.compile(
    "["
    "\u2000-\u2bff\u2e00-\u2e7f\ufe00-\ufe6f\U0001f000-\U0001faff\U000e0000-\U000e0fff"
    "\ufffe\uffff"
    "\u058f\u0600-\u0604\u0606-\u060f\u07f6-\u07f9\u0830-\u083e\u085e\u0900\u093a-\u0957"
    "\u09fb\u0a01-\u0a03\u0a51\u0a75\u0ae2\u0ae3\u0af0\u0af1\u0b44\u0b62\u0b63\u0bf3-\u0bfa"
    "\u0c62\u0c63\u0c7f\u0ce2\u0ce3\u0d44\u0d62\u0d63\u0d79\u0f8d-\u0f8f\u0fce-\u0fda"
    "\u109e\u109f\u1360\u1390-\u1399\u1400\u1920-\u192b\u1930-\u1938\u1940\u1944\u1945"
    "\u19b0-\u19c0\u19c8\u19c9\u19de-\u19ff\u1a19-\u1a1b\u1a1e\u1a1f\u1a55-\u1a5e"
    "\u1aa0-\u1aa6\u1aa8-\u1aad\u1b00-\u1b04\u1b5a-\u1b7c\u1b80-\u1b82\u1ba1-\u1ba9"
    "\u1bfc-\u1bff\u1c24-\u1c36\u1c3b-\u1c3f\u1c7e\u1c7f\u1cc0-\u1cc7\u1cf2\u1cf3"
    "\u2cf9-\u2cfc\u2cfe\u2cff\u2d70\u31c0-\u31e3\u321d\u321e\u3244-\u3247\u3250-\u32cf"
    "\u3377-\u33ff\u4dc0-\u4dff\ua4fe\ua4ff\ua60d-\ua60f\ua6f2-\ua6f7\ua700-\ua716"
    "\ua720\ua721\ua836-\ua839\ua874-\ua877\ua880\ua881\ua8b4-\ua8c3\ua8ce\ua8cf\ua95f"
    "\ua980-\ua983\ua9c1-\ua9cd\ua9de\ua9df\uaa29-\uaa36\uaa43\uaa4c\uaa4d\uaa5c-\uaa5f"
    "\uaa77-\uaa79\uaa7b\uaade\uaadf\uaaeb-\uaaf1\uaaf5\ufbb2-\ufbc1\ufdfd"
    "\U00010100-\U00010102\U00010137-\U0001013f\U00010179-\U00010189\U00010190-\U0001019b"
    "\U000101d0-\U000101fd\U0001039f\U000103d0\U00010857\U0001091f\U0001093f"
    "\U00010a01-\U00010a03\U00010a05\U00010a06\U00010a0c-\U00010a0f\U00010a38-\U00010a3a"
    "\U00010a3f\U00010a50-\U00010a58\U00010a7f\U00010b39-\U00010b3f\U00011000-\U00011002"
    "\U00011038-\U0001104d\U00011080-\U00011082\U000110b0-\U000110c1\U00011100-\U00011102"
    "\U00011127-\U00011134\U00011140-\U00011143\U00011180-\U00011182\U000111b3-\U000111c0"
    "\U000111c5-\U000111c8\U000116ab-\U000116b7\U00012470-\U00012473\U00016f51-\U00016f7e"
    "\U00016f8f-\U00016f92\U0001d129\U0001d200-\U0001d245\U0001d300-\U0001d356"
    "\U0001eef0\U0001eef1"
    "]"
)

# Names of programming tools that end or begin with a symbol become words of letters. Each
# pattern starts with its symbol, which is what makes the search for it fast.
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
)


def fold_letter(char: str) -> str | None:
    """Return a character without case, accent and width; ``None`` if it is part of no word.

    Most give one character, some several (ß) and invisible ones (a soft hyphen) none.
    """
    if (found := clusters.letters(char)) is not None:
        return found
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0).lower()
    if _SELECTORS.match(char):
        return ""
    category = _category(char)
    if category == "Cn":
        return None if _SYMBOLS.match(char) else char
    folded = char.casefold()
    # One Greek mark is a letter when it is folded.
    if category == "Mn" and folded != char:
        category = "L"
    elif category == "Cf" or char == "\xad" or _is_mark(char):
        return ""
    if category[0] == "L" or category in ("Nd", "Nl"):
        parts = unicodedata.normalize("NFKD", folded)
        plain = "".join(c for c in parts if not _is_mark(c) or c in _VOICINGS).casefold()
        found = unicodedata.normalize("NFC", plain).translate(_STROKES)
        return "".join("" if _is_mark(c) else c if _is_letter(c) else " " for c in found)
    return char if category[0] == "N" else None


def _category(char: str) -> str:
    """Return the category of a character, ``Cn`` if it is not known here."""
    category = ucd_3_2_0.category(char)
    return unicodedata.category(char) if category == "Cn" and _LATER.match(char) else category


def _is_mark(char: str) -> bool:
    # A few Tibetan vowel signs are two marks in one.
    first = unicodedata.normalize("NFD", char)[0]
    return unicodedata.combining(first) > 0 and _category(first) != "Cn"


def _is_letter(char: str) -> bool:
    category = _category(char)
    return category[0] in "LN" or (category == "Cn" and not _SYMBOLS.match(char))


def full_width(text: str) -> str:
    """Return a text with each halfwidth kana and its mark of voicing as one character."""
    if "\uff9e" in text or "\uff9f" in text:
        return _VOICED.sub(lambda pair: unicodedata.normalize("NFKC", pair[0]), text)
    return text


def is_unspaced(char: str) -> bool:
    """Whether a character of a folded text is of a script that is written without spaces."""
    return char >= "\u3005" and UNSPACED.match(char) is not None


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
    return " " if folded is None else "".join(map(clusters.hidden, folded))


def _indexed(char: str) -> str:
    # A letter of a cluster does not stand alone.
    return "".join(
        f" {c} " if is_unspaced(c) and not clusters.is_cluster(c) else c for c in separated(char)
    )


def _compared(char: str) -> str:
    folded = fold_letter(char)
    if folded is None:
        # A few symbols have case, such as letters in circles.
        return char if _category(char) == "Cn" else char.casefold()
    return folded


def _indexed_run(run: re.Match[str]) -> str:
    return clusters.parted(full_width(run[0]).translate(_INDEXED))


_INDEXED = CharacterTable(_indexed)
_COMPARED = CharacterTable(_compared)


def index_text(text: str) -> str:
    """Return ``text`` as it is handed to a full-text index and, in a query, looked up there.

    ``C++``, ``C#``, ``.NET`` and their like become ``Cplusplus``, ``Csharp`` and ``dotnet``;
    letters outside of ASCII lose accents, case and width; Chinese, Japanese and Korean characters
    become words of one character, and Thai and its like words of one cluster
    (:mod:`jobstore.search.clusters`), so that any part of a compound is found as a phrase. No
    private-use character of the text is left, which is how the words that engines put beside them
    for facets stay out of reach. Letters of ASCII keep their case.
    """
    if not text.isascii():
        text = _FOREIGN.sub(_indexed_run, text)
    lower = text.lower()
    for symbol, pattern, name in _NAMES:
        if symbol in lower:
            text = pattern.sub(name, text)
    return text


def words(text: str) -> list[str]:
    """Return the words of a text as the index holds them, in their order."""
    return indexed_words(index_text(text))


def indexed_words(indexed: str) -> list[str]:
    """Return the words of what :func:`index_text` has made of a text, in their order."""
    # All but letters of ASCII are folded already.
    return _WORD.findall(indexed.lower() if indexed.isascii() else indexed.translate(_LOWER))


def fold(text: str) -> str:
    """Return the key by which whole values are compared: case, accents, width and the amount
    of white space do not matter, punctuation does."""
    if not text.isascii():
        text = full_width(text).translate(_COMPARED)
        return " ".join(text.translate(_LOWER).split())
    return " ".join(text.lower().split())
