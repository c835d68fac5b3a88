"""Texts of postings as words, and how much of one is in another.

Words are those of the search index, so that any script has them. A board that lost the line breaks
of a text has glued words together ("teamAssist"); they are parted before a capital letter.

The signature is MinHash by one permutation (Li, Owen and Zhang, NIPS 2012), whose empty places are
filled from the next one (Shrivastava and Li, ICML 2014), with 8 bits kept of each place (Li and
König, WWW 2010).

datasketch would bring numpy and scipy for these twenty lines.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Sequence
from zlib import crc32

from rapidfuzz.distance import Hamming

from jobstore.search.words import UNSPACED, words

SHINGLE = 4
"""Words in a shingle."""
RUN = 16
"""Octets in a run of letters: another word changes as many of them as it changes of shingles."""
LONGEST = 200_000
"""Characters of a text that are read: as many as intake takes."""
PLACES = 64
"""Places of a signature."""

_EMPTY = 0xFFFFFFFF
_UNSPACED_WEIGHT = 3
# Runs that begin with one of a third of all octets, wherever they stand: of one passage both texts
# have the same ones, and a third of the work tells as much.
_FIRST = re.escape(bytes(range(0, 256, 3)))
_RUNS = re.compile(b"(?s)(?=([%s].{%d}))" % (_FIRST, RUN - 1))
# Python's own notation, in which some scrapers store texts.
_ESCAPED = re.compile(r"\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})")
# UTF-8 that was read as Windows-1252: "fÃ¼r", "itâ€™s".
_MISREAD = re.compile(
    "[\u00c2-\u00f4][\u0080-\u00bf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152"
    "\u017d\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]{1,3}"
)
_GLUED = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
# Numbers of a list, which boards add and lose.
_LISTED = re.compile(r"^[ \t]*\d{1,2}[.)](?=\s|$)", re.MULTILINE)
# Entities that lost their ampersand.
_BROKEN = re.compile(
    r"\b(?:bull|nbsp|hellip|[mn]dash|[lr]dquo);?(?![a-z])|(?<=[A-Za-z])rsquo;?(?=[a-z]?\b)"
)
# What LinkedIn shows below each text; scrapers take it along.
_BELOW = re.compile(r"\bSeniority level\b.{1,80}?\bEmployment type\b.{1,400}\Z", re.DOTALL)
_LONGEST_BELOW = 600


def text_words(text: str | None) -> list[str]:
    """Return the words of a posting's text, in their order; beyond what intake takes of a text it
    is not read."""
    if not text:
        return []
    text = text[:LONGEST]
    if "\\" in text:
        text = _ESCAPED.sub(" ", text)
    text = _MISREAD.sub(_reread, text)
    text = _BROKEN.sub(" ", _LISTED.sub(" ", text))
    end = max(0, len(text) - _LONGEST_BELOW)
    return words(_GLUED.sub(" ", text[:end] + _BELOW.sub("", text[end:])))


def _reread(found: re.Match[str]) -> str:
    octets = b"".join(
        each.encode("cp1252", "ignore") or each.encode("latin-1", "ignore") for each in found[0]
    )
    # "S\u00e3o" is as it should be.
    return octets.decode("utf-8", "ignore") or found[0]


def shingles(found: Sequence[str]) -> set[int]:
    """Return the hashes of all runs of four words; of all words, where they are fewer."""
    joined = [" ".join(found[at : at + SHINGLE]) for at in range(len(found) - SHINGLE + 1)]
    return {crc32(each.encode("utf-8", "surrogatepass")) for each in joined or found}


def minima(hashes: set[int]) -> array[int]:
    """Return the least hash at each place of a signature; nothing for a text without words."""
    least = array("L", [_EMPTY]) * PLACES
    for each in hashes:
        place = each % PLACES
        if each < least[place]:
            least[place] = each
    if not hashes:
        return array("L")
    if _EMPTY in least:
        given = list(least)
        for place in range(PLACES):
            step = 0
            while given[(place + step) % PLACES] == _EMPTY:
                step += 1
            # How far away it was is part of the value, or all empty places would agree.
            least[place] = (given[(place + step) % PLACES] + step * 0x9E3779B1) % _EMPTY
    return least


def signature(least: array[int]) -> bytes:
    """Return 8 bits of each least hash: what is stored to estimate how alike two texts are."""
    return bytes((each >> 6) * 0x9E3779B1 >> 24 & 0xFF for each in least)


def resemblance(left: bytes, right: bytes) -> float:
    """Return the estimated share of shingles that two texts have in common, from 0 to 1.

    The standard error of the estimate is at most 0.0625.
    """
    if not left or not right:
        return 0.0
    equal = Hamming.similarity(left, right) / PLACES
    # One place in 256 agrees by chance.
    return max(0.0, (equal - 1 / 256) / (1 - 1 / 256))


def letters(found: Sequence[str]) -> bytes:
    """Return a text's letters and digits.

    Scrapers lose what parts two words, such as a line break or an apostrophe: that changes nothing
    here.
    """
    return "".join(found).encode("utf-8", "surrogatepass")


def size(found: Sequence[str]) -> int:
    """Return the letters and digits of a text: how much it says.

    A character of a script without spaces says as much as three letters of others.
    """
    text = "".join(found)
    unspaced = 0 if text.isascii() else len(UNSPACED.findall(text))
    return len(text) + (_UNSPACED_WEIGHT - 1) * unspaced


def runs(text: bytes) -> list[bytes]:
    """Return the runs of 16 octets by which texts are compared, in their order.

    Of a script without spaces a run has fewer letters, as its words have.
    """
    return _RUNS.findall(text) or [text]


def containment(short: Sequence[bytes], long: Collection[bytes]) -> float:
    """Return the share of the shorter text's runs that are among those of the longer one."""
    return sum(map(long.__contains__, short)) / len(short)
