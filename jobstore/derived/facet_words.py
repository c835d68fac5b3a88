"""The facets of a posting as words of the full-text index.

A filter that is a word of the same index as the text is answered by the same merge, at the
cost of the rarest word, where a condition on the row would read every match. Pure text here:
what the words are, and which of them a filter asks for.

Each word begins with U+E000, a private-use character that tokenizers keep inside of words and
that :func:`~jobstore.search.words.index_text` removes from everything else, so no text and
no search of a user ever meets them. Then follows a letter for the field, and

- for whole values, 64 bits of BLAKE2b in base 32, since a word may hold only letters and digits,
  and in the same way for the pair of status and workplace;
- for numbers, the bucket (the octave, that is the power of two below, and which eighth of it)
  by its first 2, 5, 6, 7 and 8 bits: a range is then a dozen words at most, and mostly four or
  five, as with the numeric tries of Lucene (Schindler and Diepenbroek, "Generic XML-based
  framework for metadata portals", 2008). Numbers that sort have two words more: a 512th of the
  octave, and the value itself as above;
- for the time at which a posting expires, the days since 1990 in pieces of 4,096, 512, 64, 8 and
  1, and since it sorts, its minute and the time itself.
"""

from __future__ import annotations

import math
from base64 import b32encode
from datetime import date
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import product
from typing import NamedTuple, Protocol

from jobstore.derived.micros import to_micros
from jobstore.derived.places import compared_values
from jobstore.derived.record import Derived
from jobstore.search.criteria import FACETS, FOLDED, Criteria
from jobstore.search.words import fold

MARK = "\ue000"

# The fields with a word for each value, and their letters.
LETTERS = dict(zip(FACETS, "sclnwtxioku", strict=True))
# Those that each place of a posting has values of.
_OF_PLACES = frozenset(("location", "country"))
# Two fields with few values that are often asked for together: one word for each pair of values
# replaces the merge of two long lists.
PAIR = ("status", "workplace")
_PAIR_LETTER = "b"

EVERY = MARK + "a"
"""The word that every posting has."""


# How many grains an octave has, and how many of them are in a bucket of each level that is
# walked. Below the last level is EXACT, a bucket for each value.
_GRAINS = 512
_LEVELS = (_GRAINS, _GRAINS // 8, 1)
_PART = _LEVELS[1]
EXACT = len(_LEVELS)

# Bits of a bucket's number (octave and eighth), and how many first bits of it make words.
_BITS = 8
_OCTAVE_BITS = 5
_PREFIXES = (2, _OCTAVE_BITS, 6, 7, _BITS)
_SIZES = tuple((bits, 1 << (_BITS - bits)) for bits in _PREFIXES)


class Buckets(Protocol):
    """The buckets that a sort walks through, from the highest number down."""

    def words(self, value: float) -> tuple[str, str, str, str]:
        """Return the words of the buckets of a number, level by level, the widest first."""

    def floor(self, value: float, level: int) -> float:
        """Return the least number that may be in the bucket of ``value`` at a level."""

    def missing(self) -> str:
        """Return the word of postings without a number."""


class Scale(NamedTuple):
    """The buckets of a number: octaves from ``first`` to ``last``, each with eight parts, each
    with 64 grains.

    What lies below or above falls into the outermost buckets; equal numbers share a bucket, and
    a larger one never has a lower bucket. There are at most 32 octaves.
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

    def _number(self, value: float) -> int:
        """Return the number of a bucket of eighths, from 0."""
        octave, grain = self._bucket(value)
        return (octave - self.first) * 8 + grain // _PART

    def words(self, value: float) -> tuple[str, str, str, str]:
        """Return the words of the buckets that a sort walks through, level by level: the
        octave's, the eighth's, the grain's and the value's own."""
        octave, grain = self._bucket(value)
        number = self._number(value)
        return (
            self._prefix(number, _OCTAVE_BITS),
            self._prefix(number, _BITS),
            f"{MARK}{self.letter}{octave:02d}{grain:03d}",
            # Exact, and the same for equal numbers of whichever type.
            _word(self.letter, str(value.as_integer_ratio())),
        )

    def range_words(self, value: float) -> tuple[str, ...]:
        """Return the words of a posting that ranges ask for."""
        return _range_words(self.letter, self._number(value))

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

    def _prefix(self, number: int, bits: int) -> str:
        return _prefix(self.letter, number, bits)

    def missing(self) -> str:
        """Return the word of postings without a value."""
        return f"{MARK}{self.letter}z"

    def reaching(self, low: float | None, high: float | None) -> tuple[str, ...]:
        """Return the fewest words of which every value between the inclusive bounds has one.

        Values outside of the bounds may have them too, so the bounds still have to be compared.
        """
        start = 0 if low is None else self._number(low)
        end = (1 << _BITS) if high is None else self._number(high) + 1
        found = []
        while start < end:
            # The largest bucket that begins here and does not pass the end.
            bits = next(bits for bits, size in _SIZES if start % size == 0 and start + size <= end)
            found.append(self._prefix(start, bits))
            start += 1 << (_BITS - bits)
        return tuple(found)


_DAY, _MINUTE = 86_400_000_000, 60_000_000
_FIRST_DAY = (date(1990, 1, 1) - date(1970, 1, 1)).days
_DAY_BITS = 15
# How many first bits of the number of a day make words; the sort walks through two of them.
_DAY_PREFIXES = (3, 6, 9, 12, _DAY_BITS)
_WALKED = (9, _DAY_BITS)


class Calendar(NamedTuple):
    """The buckets of a time in microseconds since 1970: days from 1990 to 2079, together by eights.

    What lies before or after falls into the outermost days. A sort has the soonest first, and
    walks from the highest number down: its numbers are times with their sign turned.
    """

    letter: str

    def range_words(self, time: int) -> tuple[str, ...]:
        """Return the words of a posting that ranges ask for."""
        return tuple(self._prefix(_day(time), bits) for bits in _DAY_PREFIXES)

    def words(self, value: float) -> tuple[str, str, str, str]:
        """Return the words of the buckets that a sort walks through: of 64 days, of the day, of
        the minute, and of the time itself."""
        time = -int(value)
        wide, day = (self._prefix(_day(time), bits) for bits in _WALKED)
        return wide, day, self._exact(f"m{time // _MINUTE}"), self._exact(str(time))

    def floor(self, value: float, level: int) -> float:
        """Return the least number that may be in the bucket of ``value`` at a level."""
        if level == EXACT:
            return value
        time = -int(value)
        if level == len(_WALKED):
            return -(time - time % _MINUTE + _MINUTE) + 1
        size = _DAY_BITS - _WALKED[level]
        following = (_day(time) >> size) + 1
        if following << size == 1 << _DAY_BITS:
            return -math.inf
        return -(_FIRST_DAY + (following << size)) * _DAY + 1

    def missing(self) -> str:
        """Return the word of postings without a time."""
        return f"{MARK}{self.letter}z"

    def until(self, time: int) -> tuple[str, ...]:
        """Return the fewest words of which every time up to this one has one, and no time of a
        later day."""
        return self._up_to(_day(time) + 1)

    def before_day_of(self, time: int) -> tuple[str, ...]:
        """Return the fewest words of all times before the day of this one."""
        return self._up_to(_day(time))

    def _up_to(self, end: int) -> tuple[str, ...]:
        found, start = [], 0
        for bits in _DAY_PREFIXES:
            size = _DAY_BITS - bits
            days = range(start, end >> size << size, 1 << size)
            found += [self._prefix(day, bits) for day in days]
            start = end >> size << size
        return tuple(found)

    def _prefix(self, day: int, bits: int) -> str:
        size = _DAY_BITS - bits
        return f"{MARK}{self.letter}{_DAY_PREFIXES.index(bits)}{day >> size:04x}"

    def _exact(self, text: str) -> str:
        return _word(self.letter, text)


def _day(time: int) -> int:
    return min(max(0, time // _DAY - _FIRST_DAY), (1 << _DAY_BITS) - 1)


def _prefix(letter: str, number: int, bits: int) -> str:
    return f"{MARK}{letter}{bits}{number >> (_BITS - bits):02x}"


@cache
def _range_words(letter: str, number: int) -> tuple[str, ...]:
    return tuple(_prefix(letter, number, bits) for bits in _PREFIXES)


# Amounts a year below 512 and above 2^34 (of any currency) are too rare to tell apart. Counts
# up to 15 have a bucket each.
YEARLY_MIN = Scale("y", 10, 34)
YEARLY_MAX = Scale("z", 10, 34)
APPLICANTS = Scale("p", 0, 20)
EXPIRES = Calendar("e")


@lru_cache(maxsize=65_536)
def _word(letter: str, value: str) -> str:
    digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return MARK + letter + b32encode(digest)[:13].decode().lower()


def facet_word(field: str, value: str) -> str:
    """Return the word of a field's value; the value is in its comparable form already."""
    return _word(LETTERS[field], value)


def pair_word(one: str, other: str) -> str:
    """Return the word of the values that the fields of PAIR have together."""
    return _word(_PAIR_LETTER, f"{one} {other}")


@lru_cache(maxsize=65_536)
def _stored_word(field: str, value: str) -> str:
    return facet_word(field, fold(value) if field in FOLDED else value)


def skill_word(skill: str) -> str:
    """Return the word of a skill that a posting names."""
    return _stored_word("skills", skill)


def facet_words(derived: Derived) -> str:
    """Return the words of a posting's facets but its skills, as one text for the index."""
    job, found = derived.job, [EVERY]
    for field in FACETS:
        if field in _OF_PLACES:
            found += [_stored_word(field, value) for value in compared_values(job, field)]
        elif field != "skills" and (value := getattr(job, field)):
            found.append(_stored_word(field, value))
    if job.workplace is not None:
        found.append(pair_word(job.status, job.workplace))
    if (yearly := derived.yearly) is None:
        found.append(YEARLY_MAX.missing())
    else:
        found += YEARLY_MIN.range_words(yearly[0])
        found += YEARLY_MAX.range_words(yearly[1])
        found += YEARLY_MAX.words(yearly[1])[2:]
    if job.applicant_count is None:
        found.append(APPLICANTS.missing())
    else:
        found += APPLICANTS.range_words(job.applicant_count)
        found += APPLICANTS.words(job.applicant_count)[2:]
    if job.expires_at is None:
        found.append(EXPIRES.missing())
    else:
        time = to_micros(job.expires_at)
        found += EXPIRES.range_words(time)
        found += EXPIRES.words(-time)[2:]
    return " ".join(found)


class Asked(NamedTuple):
    """The facet words that criteria ask for: one of each ``required`` group, none of ``excluded``.

    The words of bounds let a little more through than the bounds do.
    """

    required: list[tuple[str, ...]]
    excluded: tuple[str, ...]


def asked(criteria: Criteria) -> Asked:
    """Return the facet words that criteria ask for; dates of posting have none."""
    groups: list[tuple[str, ...]] = []
    fields = tuple(LETTERS)
    one, other = (getattr(criteria, field) for field in PAIR)
    if one and other:
        groups.append(tuple(pair_word(*pair) for pair in product(one, other)))
        fields = tuple(field for field in fields if field not in PAIR)
    for field in fields:
        if not (values := getattr(criteria, field)):
            continue
        found = tuple(facet_word(field, value) for value in values)
        if field == "skills":
            groups += [(word,) for word in found]
        else:
            groups.append(found)
    if criteria.salary_min is not None:
        groups.append(YEARLY_MAX.reaching(criteria.salary_min, None))
    if criteria.salary_max is not None:
        groups.append(YEARLY_MIN.reaching(None, criteria.salary_max))
    low, high = criteria.applicants_min, criteria.applicants_max
    if low is not None or high is not None:
        groups.append(APPLICANTS.reaching(low, high))
    excluded: tuple[str, ...] = ()
    if criteria.as_of is not None:
        as_of = to_micros(criteria.as_of)
        if criteria.expired:
            groups.append(EXPIRES.until(as_of))
        elif criteria.expired is False:
            # Most postings have not expired, or do not say: what has is the shorter list.
            excluded = EXPIRES.before_day_of(as_of)
    return Asked(groups, excluded)
