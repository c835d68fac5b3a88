"""The exact counts that writers keep, and the statistics that are read from them.

A transaction appends what it adds to table ``counter_delta``, so that two never wait for each other
for a count. Whoever has appended much adds it all up into table ``counter``, in a transaction of
its own; readers add up both. Quartiles of salaries are kept when that is done, and found anew by
readers for the currencies to which something is to be added.
"""

from __future__ import annotations

from datetime import datetime

from jobstore.derived.counters import (
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
_AFTER_DIGITS = "g"


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
        for currency in pending:
            if (found := await _quartiles(conn, currency)) is not None:
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
    for (currency,) in sorted(changed):
        # What is appended meanwhile is counted too here, and seen anew by whoever reads.
        if (found := await _quartiles(conn, currency)) is None:
            await conn.execute(_SQL["drop_quartiles"], (currency,))
        else:
            await conn.execute(_SQL["write_quartiles"], (currency, *found))
    return True


async def _quartiles(conn: Session, currency: str) -> tuple[str, int] | None:
    buckets = await _between(conn, "salary_bucket", currency)
    needed = {bucket for bucket, _ in quartile_buckets(buckets)}
    salaries = {bucket: await _between(conn, "salary", bucket) for bucket in needed}
    return quartiles(buckets, salaries.__getitem__)


async def _between(conn: Session, kind: str, start: str) -> list[tuple[str, int]]:
    """Return the counters whose values begin with a text, in order."""
    bound = {"kind": kind, "start": start, "end": start + _AFTER_DIGITS}
    return [
        (value, amount)
        async for value, amount in await conn.execute(_SQL["counters_between"], bound)
    ]
