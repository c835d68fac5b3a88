"""What is counted for a posting, what a batch of writes adds to the counts, and the rules by which
statistics follow from them.

Pure: an engine keeps the counts and reads them.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from jobstore.derived.salaries import YearlyRange
from jobstore.records import ApplicantStatistics, Job
from jobstore.search.words import fold

# How many of the most frequent values are shown, of sources too, and how many of the last days.
TOP = 10
MOST_SOURCES = 50
DAYS = 30
LOW_APPLICANTS, MEDIUM_APPLICANTS = 10, 50

# A sum of applicants is kept in two halves: with large counts it would not fit into 64 bits.
_HALF = 2**32

# Salaries are counted by twice the middle of their range, behind the currency. A bucket is the
# currency and the first four digits: 16 buckets in each doubling.
CURRENCY = 3
BUCKET = CURRENCY + 4

# Kinds whose values are compared folded, and shown as some posting spelled them.
SPELLED = frozenset(("company", "location"))

# A counter: kind, value as it is compared, label as it is shown.
Counter = tuple[str, str, str]
# Values of one kind with their counts, in the order of the values.
Counted = Sequence[tuple[str, int]]


def counters_of(
    job: Job, listed_at: datetime, yearly: YearlyRange | None
) -> Iterator[tuple[Counter, int]]:
    """Yield the counters that a posting adds to, and by how much."""
    yield ("total", "", ""), 1
    for kind in ("status", "source", "employment_type", "experience_level", "workplace"):
        value = getattr(job, kind)
        if value is not None:
            yield (kind, value, value), 1
    yield ("company", fold(job.company), job.company), 1
    if len(job.locations) == 1:
        text = job.locations[0].text
        yield ("location", fold(text), text), 1
    else:
        texts = {fold(place.text): place.text for place in reversed(job.locations)}
        for value, text in texts.items():
            yield ("location", value, text), 1
    day = listed_at.date().isoformat()
    yield ("day", day, day), 1
    if job.applicant_count is not None:
        high, low = divmod(job.applicant_count, _HALF)
        yield ("applicants", "sum", ""), low
        yield ("applicants", "sum_high", ""), high
        yield ("applicants", _crowd(job.applicant_count), ""), 1
    if yearly is not None and job.salary_currency is not None:
        middle = job.salary_currency + sortable(yearly[0] + yearly[1])
        yield ("salary", middle, ""), 1
        yield ("salary_bucket", middle[:BUCKET], ""), 1


def _crowd(applicants: int) -> str:
    if applicants <= LOW_APPLICANTS:
        return "low"
    return "medium" if applicants <= MEDIUM_APPLICANTS else "high"


class Tally:
    """What the writes of one transaction add to the counts: amounts and labels, by kind and
    value."""

    def __init__(self) -> None:
        self.amounts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.labels: dict[tuple[str, str], str] = {}

    def add(self, counters: Iterable[tuple[Counter, int]], times: int = 1) -> None:
        """Count a posting; with ``times`` -1, take it out of the counts."""
        for (kind, value, label), amount in counters:
            self.amounts[kind, value] += times * amount
            self.labels.setdefault((kind, value), label)

    def changed(self) -> list[tuple[str, str, str, int]]:
        """Return kind, value, label and the amount to add, where there is any."""
        return [
            (kind, value, self.labels[kind, value], amount)
            for (kind, value), amount in self.amounts.items()
            if amount
        ]


def sortable(amount: float) -> str:
    """Return an amount as 16 digits whose order is that of amounts: an IEEE 754 double that is
    not negative sorts as its bits do, the exponent first."""
    return struct.pack(">d", amount).hex()


def amount_of(digits: str) -> float:
    """Return the amount that :func:`sortable` made the digits of."""
    value: float = struct.unpack(">d", bytes.fromhex(digits))[0]
    return value


def quartiles(buckets: Counted, salaries: Callable[[str], Counted]) -> tuple[str, int] | None:
    """Return the quartiles of a currency, as three decimals in one text, and how many salaries
    there are; ``None`` where there are none.

    ``buckets`` are all of the currency's; ``salaries(bucket)`` reads those inside of one. A
    quartile is the salary at the nearest rank. Raises LookupError where counts do not add up.
    """
    found = []
    for bucket, rank in quartile_buckets(buckets):
        middle, _ = _at_rank(salaries(bucket), rank)
        found.append(repr(amount_of(middle[CURRENCY:]) / 2))
    return (" ".join(found), sum(amount for _, amount in buckets)) if found else None


def quartile_buckets(buckets: Counted) -> list[tuple[str, int]]:
    """Return the bucket that each quartile is in, and which of its salaries it is (from 1);
    nothing where there are no salaries."""
    count = sum(amount for _, amount in buckets)
    if count == 0:
        return []
    return [_at_rank(buckets, -(-quarter * count // 4)) for quarter in (1, 2, 3)]  # rounded up


def _at_rank(counted: Counted, rank: int) -> tuple[str, int]:
    """Return the value at a rank (from 1), and which of the postings with that value it is."""
    for value, amount in counted:
        if rank <= amount:
            return value, rank
        rank -= amount
    raise LookupError("the counts of salaries do not add up")


def applicant_statistics(
    amounts: dict[str, int], bounds: Callable[[], tuple[int, int]]
) -> ApplicantStatistics:
    """Return the statistics of the counters of kind ``applicants``; ``bounds()`` reads the
    smallest and the largest count."""
    low, medium, high = (amounts.get(name, 0) for name in ("low", "medium", "high"))
    count = low + medium + high
    if count == 0:
        return ApplicantStatistics()
    minimum, maximum = bounds()
    whole = amounts.get("sum_high", 0) * _HALF + amounts.get("sum", 0)
    return ApplicantStatistics(
        count=count,
        average=whole / count,
        minimum=minimum,
        maximum=maximum,
        low=low,
        medium=medium,
        high=high,
    )


@lru_cache(maxsize=4)
def last_days(today: date) -> tuple[tuple[date, str], ...]:
    """Return the days that statistics show, oldest first, each with its counter's value."""
    days = (today - timedelta(days=back) for back in range(DAYS - 1, -1, -1))
    return tuple((day, day.isoformat()) for day in days)
