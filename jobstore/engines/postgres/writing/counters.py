"""The exact counts that writers keep, and the statistics that are read from them.

A transaction appends what it adds to table ``counter_delta``, so that two never wait for each other
for a count. Whoever has appended much adds it all up into table ``counter``, in a transaction of
its own; readers add up both. Quartiles of salaries are kept when that is done, and found anew by
readers for the currencies to which something is to be added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Generator
from datetime import datetime
from typing import Any, TypeVar

import psycopg

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
from jobstore.engines.steps import awaited, taken
from jobstore.records import Statistics

_SQL = named_statements.load("postgres")

T = TypeVar("T")
Asked = tuple[str, Any]
Asking = Generator[Asked, Any, T]
"""Names statements and what they bind, gets the rows of each, and returns what comes of them:
whoever runs them may wait or block."""


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
        applications = await conn.execute(_SQL["application_counts"])
    counted = [row async for row in shown]
    pending = {currency async for (currency,) in changed}
    if pending:
        counted = [row for row in counted if row[0] != "quartiles" or row[1] not in pending]
        for currency, found in (await answered(conn, _quartiles(pending))).items():
            if found is not None:
                counted.append(("quartiles", currency, *found))
    smallest, largest = await anext(aiter(bounds))
    tracked = [row async for row in applications]
    return sound(assembled)(counted, days, lambda: (smallest, largest), tracked)


def rolled_up() -> Asking[bool]:
    """Say what adds up what transactions have appended; False if another program is just doing so.

    Runs in a transaction of its caller: :func:`answered`, or :func:`answered_blocking`.
    """
    ((free,),) = yield "turn_to_roll_up", None
    if not free:
        return False
    changed = yield "roll_up", None
    # What is appended meanwhile is counted too here, and seen anew by whoever reads.
    for currency, found in (yield from _quartiles({row[0] for row in changed})).items():
        if found is None:
            yield "drop_quartiles", (currency,)
        else:
            yield "write_quartiles", (currency, *found)
    return True


async def answered(conn: Session, asking: Asking[T]) -> T:
    """Run the statements that are asked for, one after another; return what comes of them."""

    async def ask(asked: Asked) -> Any:
        name, bound = asked
        found = await conn.execute(_SQL[name], bound)
        return await found.fetchall() if found.description else ()

    return await awaited(asking, ask)


def answered_blocking(conn: psycopg.Connection[tuple[Any, ...]], asking: Asking[T]) -> T:
    """Do as :func:`answered`, on a connection that blocks."""

    def ask(asked: Asked) -> Any:
        name, bound = asked
        found = conn.execute(_SQL[name], bound)
        return found.fetchall() if found.description else ()

    return taken(asking, ask)


def _quartiles(currencies: Collection[str]) -> Asking[dict[str, tuple[str, int] | None]]:
    """Find the quartiles of some currencies, by two statements however many there are."""
    buckets = yield from _beginning("salary_bucket", currencies, CURRENCY)
    needed = {bucket for each in buckets.values() for bucket, _ in quartile_buckets(each)}
    salaries = yield from _beginning("salary", needed, BUCKET)
    return {each: quartiles(buckets[each], salaries.__getitem__) for each in sorted(currencies)}


def _beginning(
    kind: str, starts: Collection[str], length: int
) -> Asking[defaultdict[str, list[tuple[str, int]]]]:
    """Find counts in the order of their values, by the ``length`` characters these begin with."""
    found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    if starts:
        rows = yield "counters_beginning", {"kind": kind, "starts": sorted(starts)}
        for value, amount in rows:
            found[value[:length]].append((value, amount))
    return found
