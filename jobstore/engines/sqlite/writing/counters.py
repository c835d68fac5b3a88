"""Exact counts, kept by the writer, and the statistics that are read from them.

Every write adds what it changes to a :class:`Tally`; the transaction writes the tally once,
before it commits, so counts and rows are never seen apart. Counting never reads postings.
Quartiles of salaries are kept as well: the writer finds them anew for the currencies that a
transaction changed, so that reading them costs a row each.
"""

from __future__ import annotations

import sqlite3
import struct
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from jobstore.derived.merge import listed_at
from jobstore.derived.salaries import yearly_range
from jobstore.engines import named_statements
from jobstore.engines.sqlite.rows import sound
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.records import (
    ApplicantStatistics,
    FacetCount,
    Job,
    SalaryQuartiles,
    Statistics,
)
from jobstore.search.words import fold

_SQL = named_statements.load("sqlite")
TOP = 10
DAYS = 30
LOW_APPLICANTS, MEDIUM_APPLICANTS = 10, 50
_HALF = 2**32

# Salaries are counted by twice the middle of their range. A bucket is the currency and the
# first four digits: 16 buckets in each doubling.
_BUCKET = 3 + 4
_AFTER_DIGITS = "g"

# Kinds whose values are compared folded, and shown as some posting spelled them.
SPELLED = frozenset(("company", "location"))

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
        for currency in sorted({value[:3] for kind, value, *_ in changed if kind == "salary"}):
            _write_quartiles(conn, currency)
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
        kinds: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
        for kind, *counted in conn.execute(_SQL["small_counters"]).fetchall():
            kinds[kind].append(tuple(counted))
        return Statistics(
            total=sum(amount for *_, amount in kinds["total"]),
            by_status=_by_amount(kinds["status"]),
            by_source=_by_amount(kinds["source"]),
            by_employment_type=_by_amount(kinds["employment_type"]),
            by_experience_level=_by_amount(kinds["experience_level"]),
            by_workplace=_by_amount(kinds["workplace"]),
            top_companies=_largest(conn, "company"),
            top_locations=_largest(conn, "location"),
            per_day=_per_day(conn, now),
            salaries={
                currency: SalaryQuartiles(count, *map(Decimal, label.split()))
                for currency, label, count in kinds["quartiles"]
            },
            applicants=_applicants(conn, _by_amount(kinds["applicants"])),
        )


def _by_amount(counted: list[tuple[str, str, int]]) -> dict[str, int]:
    ordered = sorted(counted, key=lambda each: -each[2])
    return {value: amount for value, _, amount in ordered}


def _largest(conn: sqlite3.Connection, kind: str) -> list[FacetCount]:
    rows = conn.execute(_SQL["largest_counters"], (kind, TOP)).fetchall()
    return [FacetCount(*row) for row in rows]


def _per_day(conn: sqlite3.Connection, now: datetime) -> dict[date, int]:
    days = _days_until(now.date())
    found = dict(conn.execute(_SQL["counters_since"], ("day", days[0][1])).fetchall())
    return {day: found.get(name, 0) for day, name in days}


@lru_cache(maxsize=4)
def _days_until(today: date) -> tuple[tuple[date, str], ...]:
    days = (today - timedelta(days=back) for back in range(DAYS - 1, -1, -1))
    return tuple((day, day.isoformat()) for day in days)


def _write_quartiles(conn: sqlite3.Connection, currency: str) -> None:
    if (found := _quartiles(conn, currency)) is None:
        conn.execute(_SQL["drop_quartiles"], (currency,))
    else:
        conn.execute(_SQL["write_quartiles"], (currency, *found))


def misplaced_quartiles(conn: sqlite3.Connection) -> Iterator[str]:
    """Name the currencies whose quartiles are not those of the counted salaries."""
    kept = {
        value: (label, amount) for value, label, amount in conn.execute(_SQL["every_quartiles"])
    }
    counted = {value[:3] for (value,) in conn.execute(_SQL["every_salary_bucket"])}
    for currency in sorted(kept.keys() | counted):
        try:
            right = _quartiles(conn, currency) == kept.get(currency)
        except LookupError:
            right = False
        if not right:
            yield f"the quartiles of {currency} are not those of its salaries"


def _quartiles(conn: sqlite3.Connection, currency: str) -> tuple[str, int] | None:
    """Return the three quartiles as decimals in one text, and how many salaries there are."""
    buckets = _between(conn, "salary_bucket", currency)
    count = sum(amount for _, amount in buckets)
    if count == 0:
        return None
    found = []
    for quarter in (1, 2, 3):
        bucket, rank = _at_rank(buckets, -(-quarter * count // 4))  # rounded up
        middle, _ = _at_rank(_between(conn, "salary", bucket), rank)
        found.append(repr(_amount(middle[3:]) / 2))
    return " ".join(found), count


def _between(conn: sqlite3.Connection, kind: str, start: str) -> list[tuple[str, int]]:
    """Return the counters whose values begin so, in order."""
    return conn.execute(_SQL["counters_between"], (kind, start, start + _AFTER_DIGITS)).fetchall()


def _at_rank(counted: list[tuple[str, int]], rank: int) -> tuple[str, int]:
    """The value at a rank (from 1), and the rank that remains inside of it."""
    for value, amount in counted:
        if rank <= amount:
            return value, rank
        rank -= amount
    raise LookupError("the counts of salaries do not add up")


def _applicants(conn: sqlite3.Connection, amounts: dict[str, int]) -> ApplicantStatistics:
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
