"""The facets of a posting as words of the full-text index.

A filter that is a word of the same index as the text is answered by the same merge, at the
cost of the rarest word, where a condition on the row would read every match. Pure text here:
what the words are, and which of them a filter asks for.

Each word begins with U+E000, a private-use character that tokenizers keep inside of words and
that :func:`~jobstore.statements.words.index_text` removes from everything else, so no text and
no search of a user ever meets them. Then follows a letter for the field, and

- for whole values, 64 bits of BLAKE2b in base 32, since a word may hold only letters and digits;
- for numbers, the octave (the power of two below) in two digits, and in a second word an
  eighth of it as one digit more. A range is then some eighths at its edges and octaves between.
  Numbers that sort have two words more: a 512th of the octave, and the value itself as above.
"""

from __future__ import annotations

import math
from base64 import b32encode
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from jobstore.records import Job
from jobstore.statements.salaries import yearly_range
from jobstore.statements.words import fold

MARK = "\ue000"

# The fields with a word for each value, and their letters; also the facets that can be counted.
LETTERS = {
    "source": "s",
    "company": "c",
    "location": "l",
    "country": "n",
    "workplace": "w",
    "employment_type": "t",
    "experience_level": "x",
    "industry": "i",
    "status": "o",
    "skills": "k",
    "salary_currency": "u",
}
FACETS = tuple(LETTERS)
# Compared without regard to case and accents; the others are codes of ours.
FOLDED = frozenset(("source", "company", "location", "industry", "skills"))

EVERY = MARK + "a"
"""The word that every posting has."""


# How many grains an octave has, and how many of them are in a bucket of each level. Below the
# last level is EXACT, a bucket for each value.
_GRAINS = 512
_LEVELS = (_GRAINS, _GRAINS // 8, 1)
_PART = _LEVELS[1]
EXACT = len(_LEVELS)


class Scale(NamedTuple):
    """The buckets of a number: octaves from ``first`` to ``last``, each with eight parts, each
    with 64 grains.

    What lies below or above falls into the outermost buckets; equal numbers share a bucket, and
    a larger one never has a lower bucket.
    """

    letter: str
    first: int
    last: int

    def _bucket(self, value: float) -> tuple[int, int]:
        fraction, exponent = math.frexp(value)  # value = fraction * 2**exponent, exactly
        if exponent < self.first or value <= 0:
            return self.first, 0
        if exponent > self.last:
            return self.last, _GRAINS - 1
        return exponent, int(fraction * 2 * _GRAINS) - _GRAINS

    def words(self, value: float) -> tuple[str, str, str, str]:
        """Return the words of a posting with this value, level by level: the octave's, the
        eighth's, the grain's and the value's own."""
        octave, grain = self._bucket(value)
        return (
            self._octave(octave),
            self._part(octave, grain // _PART),
            f"{MARK}{self.letter}{octave:02d}{grain:03d}",
            # Exact, and the same for equal numbers of whichever type.
            _word(self.letter, str(value.as_integer_ratio())),
        )

    def range_words(self, value: float) -> tuple[str, str]:
        """Return the words that ranges ask for: the octave's and the eighth's."""
        return self.words(value)[:2]

    def floor(self, value: float, level: int) -> float:
        """Return a number that divides the bucket of ``value`` at a level, as that of
        :meth:`words`, from all lower ones: it is the least one that may be in it."""
        if level == EXACT:
            return value
        octave, grain = self._bucket(value)
        grain -= grain % _LEVELS[level]
        if (octave, grain) == (self.first, 0):
            return -math.inf
        return math.ldexp(_GRAINS + grain, octave - 1) / _GRAINS

    def _octave(self, octave: int) -> str:
        return f"{MARK}{self.letter}{octave:02d}"

    def _part(self, octave: int, part: int) -> str:
        return f"{MARK}{self.letter}{octave:02d}{part}"

    def missing(self) -> str:
        """Return the word of postings without a value."""
        return f"{MARK}{self.letter}z"

    def reaching(self, low: float | None, high: float | None) -> tuple[str, ...]:
        """Return words of which every value between the inclusive bounds has one.

        Values beside the bounds may have them too: the bounds have to be compared as well.
        """
        bottom = (self.first, 0) if low is None else self._bucket(low)
        top = (self.last, _GRAINS - 1) if high is None else self._bucket(high)
        found = []
        for octave in range(bottom[0], top[0] + 1):
            start = bottom[1] // _PART if octave == bottom[0] else 0
            end = top[1] // _PART if octave == top[0] else 7
            if (start, end) == (0, 7):
                found.append(self._octave(octave))
            else:
                found.extend(self._part(octave, part) for part in range(start, end + 1))
        return tuple(found)


# Amounts a year below 512 and above 2^34 (of any currency) are too rare to tell apart. Counts
# up to 15 have a bucket each.
YEARLY_MIN = Scale("y", 10, 34)
YEARLY_MAX = Scale("z", 10, 34)
APPLICANTS = Scale("p", 0, 20)


@lru_cache(maxsize=65_536)
def _word(letter: str, value: str) -> str:
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return MARK + letter + b32encode(digest)[:13].decode().lower()


def facet_word(field: str, value: str) -> str:
    """Return the word of a field's value; the value is in its comparable form already."""
    return _word(LETTERS[field], value)


@lru_cache(maxsize=65_536)
def _stored_word(field: str, value: str) -> str:
    return facet_word(field, fold(value) if field in FOLDED else value)


def facet_words(job: Job) -> str:
    """Return the text of the index's ``facets`` column for a posting."""
    found = [EVERY]
    for field in FACETS:
        value = getattr(job, field)
        if not value:
            continue
        if field == "skills":
            found.extend(dict.fromkeys(_stored_word(field, skill) for skill in value))
        else:
            found.append(_stored_word(field, value))
    yearly = yearly_range(job.salary_min, job.salary_max, job.salary_period)
    if yearly is None:
        found.append(YEARLY_MAX.missing())
    else:
        found += YEARLY_MIN.range_words(yearly[0])
        found += YEARLY_MAX.words(yearly[1])
    if job.applicant_count is None:
        found.append(APPLICANTS.missing())
    else:
        found += APPLICANTS.words(job.applicant_count)
    return " ".join(found)
