"""Finding the words of a search in an original text, to show where they stand.

Pure functions on text. What search finds by the index is found here by the same folding, and a
text is cut into the same words: those that :func:`~jobstore.search.words.words` gives, in
whichever spelling. The work grows with the text and the phrase, never with their product, since
both come from strangers. It is done with ``str.find`` and a look at the neighbours, which is faster
than compiling a pattern for each search.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, repeat

from jobstore.search.clusters import is_inside
from jobstore.search.words import (
    ALONE,
    UNSPACED,
    VOICED,
    CharacterTable,
    full_width,
    is_unspaced,
    separated,
)

_FOREIGN = re.compile("[^\x00-\x7f]+")
_SEPARATED = CharacterTable(lambda char: char if char < "\x80" else separated(char))
# What becomes a character of its own when a text is folded.
_PIECE = re.compile(f"{VOICED}|.", re.DOTALL)

# What words are made of in a folded text, as in an index: letters and digits that stand
# together, single characters and clusters of scripts without spaces, and names with symbols.
_LETTER = rf"(?:[0-9a-z]|(?!{UNSPACED.pattern})[^\x00-\x7f])"
# A group is never repeated possessively: Python up to 3.11.4 then ends it too early. Nothing is
# tried twice all the same, since no character begins two of its parts.
_LETTERS = re.compile(rf"(?:[0-9a-z]++|(?!{UNSPACED.pattern})[^\x00-\x7f])*")
_ENDS = rf"(?!{_LETTER}|\+\+)"
_NET = rf"\.net{_ENDS}(?:(?<!{_LETTER}\.net)|(?<=asp\.net)|(?<=ado\.net)|(?<=vb\.net))"
_WORD = rf"[a-z]\#|{ALONE}|(?:{_NET}|{_LETTERS.pattern[:-1]}+)(?:(?<=[a-z])\+\+)?"
# The ends of names, which are no words by themselves.
_INSIDE = rf"net{_ENDS}(?:(?<=\.net)(?<!{_LETTER}\.net)|(?<=asp\.net)|(?<=ado\.net)|(?<=vb\.net))"
# Where fewer than one in so many characters are foreign, each of these is folded by itself.
_FEW = 8
_GAP = re.compile(r"[\x00-\-/:-`{-\x7f]*+")
_SKIPPED = 8
# What mostly follows a word.
_SPACE = (" ", "", ",", "\n")


# Compiling these takes 0.03 s, and only who searches needs them.
_compiled = lru_cache(re.compile)


class Effort:
    """How many words may still be looked at; ``left`` is below zero when it was too many.

    ``_SKIPPED`` characters between words count as much as a word.
    """

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


def fold_in_place(text: str) -> tuple[str, list[int] | None]:
    """Return a text folded for :func:`find_phrase`, and the position in ``text`` of each of its
    characters; ``None`` instead of positions when none has moved."""
    if text.isascii():
        return text.lower(), None
    wide = full_width(text)
    if foreign(text) * _FEW > len(text):
        result = wide.translate(_SEPARATED).lower()
        in_place = all(len(_SEPARATED[ord(char)]) == 1 for char in set(wide))
    else:
        in_place = True

        def folded(run: re.Match[str]) -> str:
            nonlocal in_place
            in_place = in_place and all(len(_SEPARATED[ord(char)]) == 1 for char in set(run[0]))
            return run[0].translate(_SEPARATED)

        result = _FOREIGN.sub(folded, wide).lower()
    if in_place and len(wide) == len(text):
        return result, None
    if len(wide) == len(text):
        starts: Iterable[int] = range(len(text))
        sizes: Iterable[int] = map(len, map(_SEPARATED.__getitem__, map(ord, wide)))
    else:
        found = list(_PIECE.finditer(text))
        starts = (piece.start() for piece in found)
        sizes = (len(full_width(piece[0]).translate(_SEPARATED)) for piece in found)
    return result, list(chain.from_iterable(map(repeat, starts, sizes)))


def foreign(text: str) -> int:
    """Return how much of a text is not ASCII: one to three for each such character."""
    return len(text.encode("utf-8", "surrogatepass")) - len(text)


def find_phrase(
    folded: str, words: tuple[str, ...], prefix: bool, effort: Effort, start: int = 0
) -> tuple[int, int] | None:
    """Return where a phrase of folded words first stands in a text from :func:`fold_in_place`.

    Looks from ``start`` on, which is not inside of a word, and returns start and end. With
    ``prefix`` the last word may go on. ``None`` as well when more words would have to be looked
    at than ``effort`` has left; it is made less by those that were.
    """
    if has_one_form(words, prefix):
        return find_word(folded, words[0], effort, start)
    return _find_words(folded, words, prefix, effort, start)


def has_one_form(words: tuple[str, ...], prefix: bool) -> bool:
    """Tell whether a phrase is the common case: one whole word with one spelling."""
    return len(words) == 1 and not prefix and len(_spellings(words[0])) == 1


def find_word(folded: str, word: str, effort: Effort, start: int = 0) -> tuple[int, int] | None:
    """Do what :func:`find_phrase` does for the common case of :func:`has_one_form`."""
    while (begin := folded.find(word, start)) >= 0:
        effort.left -= 1
        if effort.left < 0:
            return None
        end = begin + len(word)
        if begin and folded[begin - 1] != " " and _is_inside(folded, begin):
            start = _after(folded, begin)
            continue
        if folded[end : end + 1] in _SPACE:
            return begin, end
        found = _compiled(_WORD).match(folded, begin)
        start = found.end() if found else begin + 1
        if start == end:
            return begin, end
    return None


def _find_words(
    folded: str, words: tuple[str, ...], prefix: bool, effort: Effort, start: int
) -> tuple[int, int] | None:
    """Find any phrase, word by word instead of character by character, after Knuth, Morris and
    Pratt, "Fast Pattern Matching in Strings" (1977)."""
    forms = _spellings(words[0])
    following = [-1] * len(forms)
    last = len(words) - 1
    # Where each of the words begins that were matched so far.
    begins: deque[int] = deque()
    borders: list[int] | None = None
    while True:
        effort.left -= 1
        if effort.left < 0:
            return None
        if begins:
            found = _compiled(_WORD).search(folded, _end(_GAP, folded, start))
            effort.left -= ((found.start() if found else len(folded)) - start) // _SKIPPED
            if found is None:
                return None
        else:
            begin = _next(folded, forms, following, start)
            if begin < 0:
                return None
            if begin and _is_inside(folded, begin):
                start = _after(folded, begin)
                continue
            found = _compiled(_WORD).match(folded, begin)
            if found is None:
                start = begin + 1
                continue
        start = found.end()
        word = found[0] if found[0].isalnum() else _plain(found[0])
        while True:
            number = len(begins)
            if word == words[number] or (
                prefix and number == last and word.startswith(words[last])
            ):
                begins.append(found.start())
                if number == last:
                    return begins[0], start
                break
            if not begins:
                break
            if borders is None:
                borders = _borders(words)
            for _ in range(number - borders[number]):
                begins.popleft()


def _next(folded: str, forms: tuple[str, ...], following: list[int], start: int) -> int:
    """Return where one of the ``forms`` stands next, or -1; ``following`` remembers the next place
    of each, so that a rare one is looked for once."""
    if len(forms) == 1:
        return folded.find(forms[0], start)
    for number, place in enumerate(following):
        if place < start:
            found = folded.find(forms[number], start)
            following[number] = found if found >= 0 else len(folded)
    nearest = min(following)
    return nearest if nearest < len(folded) else -1


def _is_inside(folded: str, begin: int) -> bool:
    """Tell whether what begins there is the end of another word, as short ones mostly are."""
    before = folded[begin - 1]
    if before == ".":
        return _compiled(_INSIDE).match(folded, begin) is not None
    if is_unspaced(folded[begin]):
        return is_inside(folded, begin)
    return folded[begin] != "." and _is_joined(before)


def _after(folded: str, begin: int) -> int:
    """Return where the word ends that a position lies in."""
    return max(begin + 1, _end(_LETTERS, folded, begin))


def _end(pattern: re.Pattern[str], folded: str, begin: int) -> int:
    found = pattern.match(folded, begin)
    return found.end() if found else begin


def _is_joined(char: str) -> bool:
    """Tell whether a character makes one word with the letters beside it."""
    return char.isalnum() if char < "\x80" else not is_unspaced(char)


def _plain(word: str) -> str:
    """Return a word that may be spelled with symbols as the index spells it."""
    if word[0] == ".":
        word = f"dot{word[1:]}"
    return word.replace("++", "plusplus").replace("#", "sharp")


@lru_cache(maxsize=256)
def _borders(words: tuple[str, ...]) -> list[int]:
    """Return, for each beginning of a phrase, how many of its first words are its last words
    too: the table of Knuth, Morris and Pratt."""
    borders = [0, 0]
    for number, word in enumerate(words[1:], start=1):
        size = borders[number]
        while size and words[size] != word:
            size = borders[size]
        borders.append(size + (words[size] == word))
    return borders


@lru_cache(maxsize=1024)
def _spellings(word: str) -> tuple[str, ...]:
    """Return the ways in which a text may spell a folded ``word``, lower case, itself first."""
    for ending, symbol in (("plusplus", "++"), ("sharp", "#")):
        stem = word.removesuffix(ending)
        if stem and stem != word and (ending != "sharp" or len(stem) == 1):
            return word, stem + symbol
    return (word, ".net") if word == "dotnet" else (word,)
