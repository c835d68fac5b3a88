"""Exact counts, kept by the writer, and the statistics that are read from them.

Every write adds what it changes to a :class:`Tally`; the transaction writes the tally once,
before it commits, so counts and rows are never seen apart. Counting never reads postings.
"""

from __future__ import annotations

import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from jobstore.engines.sqlite.lookup import snapshot
from jobstore.engines.sqlite.rows import sound
from jobstore.merge import listed_at
from jobstore.records import (
    ApplicantStatistics,
    FacetCount,
    Job,
    SalaryQuartiles,
    Statistics,
)
from jobstore.statements import catalog
from jobstore.statements.salaries import yearly_range
from jobstore.statements.words import fold

_SQL = catalog.load("sqlite")
TOP = 10
DAYS = 30
LOW_APPLICANTS, MEDIUM_APPLICANTS = 10, 50
_HALF = 2**32

# Salaries are counted by twice the middle of their range. A bucket is the currency and the
# first four digits: 16 buckets in each doubling.
_BUCKET = 3 + 4
_AFTER_DIGITS = "g"

# A counter: kind, value as it is compared, label as it is shown.
Counter = tuple[str, str, str]


def counters_of(job: Job) -> Iterator[tuple[Counter, int]]:
    """Yield the counters that a posting adds to, and by how much."""
    yield ("total", "", ""), 1
    for kind in ("status", "source", "employment_type", "experience_level", "workplace"):
        value = getattr(job, kind)
        if value is not None:
            yield (kind, value, value), 1
    yield ("company", fold(job.company), job.company), 1
    if job.location is not None:
        yield ("location", fold(job.location), job.location), 1
    day = listed_at(job).date().isoformat()
    yield ("day", day, day), 1
    if job.applicant_count is not None:
        # In two halves: a sum of large counts would leave 64 bits.
        high, low = divmod(job.applicant_count, _HALF)
        yield ("applicants", "sum", ""), low
        yield ("applicants", "sum_high", ""), high
        yield ("applicants", _crowd(job.applicant_count), ""), 1
    yearly = yearly_range(job.salary_min, job.salary_max, job.salary_period)
    if yearly is not None and job.salary_currency is not None:
        middle = job.salary_currency + _sortable(yearly[0] + yearly[1])
        yield ("salary", middle, ""), 1
        yield ("salary_bucket", middle[:_BUCKET], ""), 1


def _crowd(applicants: int) -> str:
    if applicants <= LOW_APPLICANTS:
        return "low"
    return "medium" if applicants <= MEDIUM_APPLICANTS else "high"


def _sortable(amount: float) -> str:
    """An amount as 16 digits whose order is that of amounts: an IEEE 754 double that is not
    negative sorts as its bits do, the exponent first."""
    return struct.pack(">d", amount).hex()


def _amount(sortable: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(sortable))[0]
    return value


class Tally:
    """What the writes of one transaction change in the counts."""

    def __init__(self) -> None:
        self._amounts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._labels: dict[tuple[str, str], str] = {}

    def replace(self, old: Job | None, new: Job | None) -> None:
        """Count ``new`` in the place of ``old``; ``None`` stands for no posting."""
        for job, sign in ((old, -1), (new, 1)):
            if job is None:
                continue
            for (kind, value, label), amount in counters_of(job):
                self._amounts[kind, value] += sign * amount
                self._labels.setdefault((kind, value), label)

    def write(self, conn: sqlite3.Connection) -> None:
        """Add everything to the stored counts, and forget it."""
        changed = [
            (kind, value, self._labels[kind, value], amount)
            for (kind, value), amount in self._amounts.items()
            if amount
        ]
        conn.executemany(_SQL["add_to_counter"], changed)
        conn.executemany(_SQL["drop_empty_counter"], [row[:2] for row in changed if row[3] < 0])
        self._amounts.clear()
        self._labels.clear()


def total(conn: sqlite3.Connection) -> int:
    """Return the number of postings."""
    row = conn.execute(_SQL["counted_total"]).fetchone()
    return 0 if row is None else int(row[0])


@sound
def statistics(conn: sqlite3.Connection, now: datetime) -> Statistics:
    """Return the statistics as of ``now``, from one consistent state of the store."""
    with snapshot(conn):
        return Statistics(
            total=total(conn),
            by_status=_amounts(conn, "status"),
            by_source=_amounts(conn, "source"),
            by_employment_type=_amounts(conn, "employment_type"),
            by_experience_level=_amounts(conn, "experience_level"),
            by_workplace=_amounts(conn, "workplace"),
            top_companies=_largest(conn, "company"),
            top_locations=_largest(conn, "location"),
            per_day=_per_day(conn, now),
            salaries=_salaries(conn),
            applicants=_applicants(conn),
        )


def _amounts(conn: sqlite3.Connection, kind: str) -> dict[str, int]:
    rows = conn.execute(_SQL["counters_of_kind"], (kind,)).fetchall()
    return {value: amount for value, _, amount in sorted(rows, key=lambda row: -row[2])}


def _largest(conn: sqlite3.Connection, kind: str) -> list[FacetCount]:
    return [FacetCount(*row) for row in conn.execute(_SQL["largest_counters"], (kind, TOP))]


def _per_day(conn: sqlite3.Connection, now: datetime) -> dict[date, int]:
    today = now.date()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    found = dict(conn.execute(_SQL["counters_since"], ("day", days[0].isoformat())).fetchall())
    return {day: found.get(day.isoformat(), 0) for day in days}


def _salaries(conn: sqlite3.Connection) -> dict[str, SalaryQuartiles]:
    buckets: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for bucket, _, amount in conn.execute(_SQL["counters_of_kind"], ("salary_bucket",)):
        buckets[bucket[:3]].append((bucket, amount))
    return {currency: _quartiles(conn, found) for currency, found in buckets.items()}


def _quartiles(conn: sqlite3.Connection, buckets: list[tuple[str, int]]) -> SalaryQuartiles:
    count = sum(amount for _, amount in buckets)
    found = []
    for quarter in (1, 2, 3):
        rank = -(-quarter * count // 4)  # rounded up
        bucket, rank = _at_rank(buckets, rank)
        inside = conn.execute(_SQL["counters_between"], ("salary", bucket, bucket + _AFTER_DIGITS))
        middle, _ = _at_rank(inside.fetchall(), rank)
        found.append(Decimal(repr(_amount(middle[3:]) / 2)))
    return SalaryQuartiles(count, *found)


def _at_rank(counted: list[tuple[str, int]], rank: int) -> tuple[str, int]:
    """The value at a rank (from 1), and the rank that remains inside of it."""
    for value, amount in counted:
        if rank <= amount:
            return value, rank
        rank -= amount
    raise LookupError("the counts of salaries do not add up")


def _applicants(conn: sqlite3.Connection) -> ApplicantStatistics:
    amounts = _amounts(conn, "applicants")
    low, medium, high = (amounts.get(name, 0) for name in ("low", "medium", "high"))
    count = low + medium + high
    if count == 0:
        return ApplicantStatistics()
    minimum, maximum = conn.execute(_SQL["applicant_bounds"]).fetchone()
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
