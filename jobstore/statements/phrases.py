"""Finding the words of a search in an original text, to show where they stand.

Pure functions on text. What search finds by the index is found here by the same folding and in
any spelling that :func:`~jobstore.statements.words.index_text` gives one word. Plain searching
and a look at the neighbours: compiling a pattern for each search would take longer than that.
"""

from __future__ import annotations

import re
from functools import lru_cache

from jobstore.statements.words import VOICED, CharacterTable, full_width, is_unspaced, separated

_FOREIGN = re.compile("[\x80-\U0010ffff]+")
_SEPARATED = CharacterTable(separated)
# What becomes a character of its own when a text is folded.
_PIECE = re.compile(f"{VOICED}|.", re.DOTALL)


def fold_in_place(text: str) -> tuple[str, list[int] | None]:
    """Return a text folded for :func:`find_phrase`, and where each of its characters stands in
    ``text``; ``None`` for that when every one stands where it was."""
    if text.isascii():
        return text.lower(), None
    in_place = True

    def folded(run: re.Match[str]) -> str:
        nonlocal in_place
        wide = full_width(run[0])
        in_place = in_place and len(wide) == len(run[0])
        in_place = in_place and all(len(_SEPARATED[ord(char)]) == 1 for char in wide)
        return wide.translate(_SEPARATED)

    result = _FOREIGN.sub(folded, text).lower()
    if in_place:
        return result, None
    pieces, places = [], []
    for part in _PIECE.finditer(text):
        char = part[0]
        piece = char if char < "\x80" else full_width(char).translate(_SEPARATED)
        pieces.append(piece)
        places += [part.start()] * len(piece)
    return "".join(pieces).lower(), places


def find_phrase(
    folded: str, words: tuple[str, ...], prefix: bool, start: int = 0
) -> tuple[int, int] | None:
    """Return where a phrase of folded words first stands in a text from :func:`fold_in_place`.

    Looks from ``start`` on and returns start and end. With ``prefix`` the last word may go on.
    """
    forms = _spellings(words[0])
    if len(words) == len(forms) == 1 and not prefix:
        return _find_word(folded, words[0], start)
    while True:
        standing = [place for form in forms if (place := folded.find(form, start)) >= 0]
        if not standing:
            return None
        begin = min(standing)
        start = begin + 1
        if (
            begin
            and words[0].isascii()
            and "a" <= folded[begin - 1] <= "z"
            and folded[begin] != "."
        ):
            # Inside of another word, as short ones mostly are.
            continue
        end = _word_end(folded, begin, words[0], prefix and len(words) == 1)
        for number, word in enumerate(words[1:], start=2):
            if end is None:
                break
            end = _next_word_end(folded, end, word, prefix and number == len(words))
        if end is not None:
            return begin, end


def _find_word(folded: str, word: str, start: int) -> tuple[int, int] | None:
    """Do what find_phrase does, for most of what is searched: one word with one spelling."""
    while (begin := folded.find(word, start)) >= 0:
        end = begin + len(word)
        if is_unspaced(word[0]):
            return begin, end
        following = folded[end : end + 2]
        if not (
            (begin and _is_joined(folded[begin - 1]))
            # C++ and C# are other words than C.
            or following == "++"
            or following[:1] == "#"
            or _is_joined(following[:1])
        ):
            return begin, end
        start = begin + 1
    return None


def _next_word_end(folded: str, place: int, word: str, open_end: bool) -> int | None:
    size = len(folded)
    while place < size and not (folded[place].isalnum() or folded[place] >= "\x80"):
        if folded[place] == "." and (end := _word_end(folded, place, word, open_end)):
            return end
        place += 1
    return _word_end(folded, place, word, open_end)


def _word_end(folded: str, begin: int, word: str, open_end: bool) -> int | None:
    """Where the word that begins at ``begin`` ends; ``None`` if that is another word."""
    for form in _spellings(word):
        if not folded.startswith(form, begin):
            continue
        end = begin + len(form)
        if is_unspaced(form[0]):
            return end
        if begin and form[0] != "." and _is_joined(folded[begin - 1]):
            continue
        following = folded[end : end + 2]
        if open_end:
            while end < len(folded) and _is_joined(folded[end]):
                end += 1
            return end
        # C++ and C# are other words than C.
        other = following == "++" or following[:1] == "#" or _is_joined(following[:1])
        if form[-1] in "+#" or not other:
            return end
    return None


def _is_joined(char: str) -> bool:
    """Whether a character makes one word with the letters beside it."""
    return char.isalnum() if char < "\x80" else not is_unspaced(char)


@lru_cache(maxsize=1024)
def _spellings(word: str) -> tuple[str, ...]:
    """Return the ways in which a text may spell a folded ``word``, lower case, itself first."""
    for ending, symbol in (("plusplus", "++"), ("sharp", "#"), ("js", ".js")):
        stem = word.removesuffix(ending)
        if stem and stem != word and (ending != "sharp" or len(stem) == 1):
            return word, stem + symbol
    return (word, ".net") if word == "dotnet" else (word,)
