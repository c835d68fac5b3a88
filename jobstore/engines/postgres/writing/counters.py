"""The exact counts that writers keep, and the statistics that are read from them.

A transaction appends what it adds to table ``counter_delta``, so that two never wait for each other
for a count. Whoever has appended much adds it all up into table ``counter``, in a transaction of
its own; readers add up both. Quartiles of salaries are kept when that is done, and found anew by
readers for the currencies to which something is to be added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from jobstore.derived.counters import (
    BUCKET,
    CURRENCY,
    MOST_SOURCES,
    TOP,
    last_days,
    quartile_buckets,
    quartiles,
)
from jobstore.derived.statistics import assembled
from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.rows import sound
from jobstore.records import Statistics

_SQL = named_statements.load("postgres")


async def total(conn: Session) -> int:
    """Return the number of postings."""
    found = await (await conn.execute(_SQL["counted_total"])).fetchone()
    assert found is not None
    return int(found[0])


async def statistics(conn: Session, now: datetime) -> Statistics:
    """Return the statistics as of ``now``; ``conn`` sees one state of the store throughout."""
    days = last_days(now.date())
    bound = {"since": days[0][1], "sources": MOST_SOURCES, "top": TOP}
    async with conn.pipeline():
        shown = await conn.execute(_SQL["shown_counters"], bound)
        changed = await conn.execute(_SQL["pending_currencies"])
        bounds = await conn.execute(_SQL["applicant_bounds"])
    counted = [row async for row in shown]
    pending = {currency async for (currency,) in changed}
    if pending:
        counted = [row for row in counted if row[0] != "quartiles" or row[1] not in pending]
        for currency, found in (await _quartiles(conn, pending)).items():
            if found is not None:
                counted.append(("quartiles", currency, *found))
    smallest, largest = await anext(aiter(bounds))
    return sound(assembled)(counted, days, lambda: (smallest, largest))


async def roll_up(conn: Session) -> bool:
    """Add up what transactions have appended; False if another program is just doing so.

    Runs in a transaction of its caller.
    """
    free = await (await conn.execute(_SQL["turn_to_roll_up"])).fetchone()
    assert free is not None
    if not free[0]:
        return False
    changed = await (await conn.execute(_SQL["roll_up"])).fetchall()
    # What is appended meanwhile is counted too here, and seen anew by whoever reads.
    for currency, found in (await _quartiles(conn, {row[0] for row in changed})).items():
        if found is None:
            await conn.execute(_SQL["drop_quartiles"], (currency,))
        else:
            await conn.execute(_SQL["write_quartiles"], (currency, *found))
    return True


async def _quartiles(
    conn: Session, currencies: Collection[str]
) -> dict[str, tuple[str, int] | None]:
    """Return the quartiles of some currencies, by two statements however many there are."""
    buckets = await _beginning(conn, "salary_bucket", currencies, CURRENCY)
    needed = {bucket for each in buckets.values() for bucket, _ in quartile_buckets(each)}
    salaries = await _beginning(conn, "salary", needed, BUCKET)
    return {each: quartiles(buckets[each], salaries.__getitem__) for each in sorted(currencies)}


async def _beginning(
    conn: Session, kind: str, starts: Collection[str], length: int
) -> defaultdict[str, list[tuple[str, int]]]:
    """Return counts in the order of their values, by the ``length`` characters these begin with."""
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    if starts:
        bound = {"kind": kind, "starts": sorted(starts)}
        async for value, amount in await conn.execute(_SQL["counters_beginning"], bound):
            found[value[:length]].append((value, amount))
    return found
