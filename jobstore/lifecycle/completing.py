"""The end of a run: what it missed is counted, and what was missed long enough is closed.

What that is, :mod:`.misses` decides; here it is read and written, in pieces, so that no other
writer waits long. Killed at any step, a run leaves what the next run of its scope takes over: only
the last write makes it one that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeVar

from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.freshness import at_least
from jobstore.engines.kept import SCRAPE_RUN, Row, sealed
from jobstore.engines.protocol import Engine, Position, Transacted, Unit
from jobstore.errors import OutcomeUnknown
from jobstore.lifecycle.closing import EXPIRED, close, pieces
from jobstore.lifecycle.misses import (
    MEDIAN_OF,
    Decision,
    Earlier,
    Seen,
    Standing,
    decide,
    saw_enough,
)
from jobstore.lifecycle.scopes import criteria_of
from jobstore.records import Origin, RunReport, Status
from jobstore.settings import SourceRules

T = TypeVar("T")

MISSED = "missed by its runs"
"""The reason of a closing by absence."""

# Rows of a transaction, and seconds that one may take.
_ROWS, _SECONDS = 128, 60.0
# Runs of a scope that are looked at, and postings that are read at a time.
_RUNS, _SCAN = 64, 1024
_STANDING = ("id", "source", "last_seen_at", "expires_at")
_NO_ID = bytes(16)
_TRIES = 3
_AT = ("started_at", "ended_at")
_NAMES = tuple(each.name for each in fields(RunReport))
_STATE, _NUMBER = map(SCRAPE_RUN.columns.index, ("state", "number"))
_OVERTAKEN = "Another run of its scope took its place while it ended."
_EARLY = "Its time had not come when a later run of its scope ended; it counts nothing any more."


class _Overtaken(Exception):
    """Another run of the scope ends as well, and has taken over."""


def report_from(row: Row) -> RunReport:
    """Return a run as it is stored."""
    found = dict(zip(SCRAPE_RUN.columns, row, strict=True))
    given = {name: found[name] for name in _NAMES}
    given |= {name: from_micros(given[name]) for name in _AT}
    given |= {"scope": given["scope"] or None, "whole": bool(given["whole"])}
    return RunReport(**given)


def row_of(report: RunReport, number: int) -> Row:
    """Return a run as it is to be stored."""
    given: dict[str, Any] = {name: getattr(report, name) for name in _NAMES}
    given |= {name: to_micros(given[name]) for name in _AT}
    given |= {"scope": report.scope or "", "whole": int(report.whole), "number": number}
    return tuple(given[name] for name in SCRAPE_RUN.columns)


async def record(engine: Engine, report: RunReport) -> None:
    """Write down how a run ended that counts nothing."""

    async def work(unit: Transacted) -> None:
        await unit.put(SCRAPE_RUN, [row_of(report, 0)])

    await _stored(engine, work)


async def needed(engine: Engine, source: str, scope: str) -> set[Row]:
    """Return the keys of those runs that the next one of a scope has to know: the last that
    counted, and as many as a guard compares with."""
    rows = await _that_count(engine, source, scope)
    kept: set[Row] = set()
    for each in ("complete", "guarded"):
        last = [row for row in rows if row[_STATE] == each][:MEDIAN_OF]
        kept.update(SCRAPE_RUN.key_of((*row, b"")) for row in last)
    return kept


async def _that_count(unit: Unit, source: str, scope: str) -> list[Row]:
    """Return the last runs of a scope that the next one goes by, newest first."""
    found = await unit.rows("runs_that_count", source, scope, _RUNS)
    if len(found) < _RUNS:
        return found
    # Behind many that no guard believed stand those that counted.
    complete = await unit.rows("complete_runs", source, scope, MEDIAN_OF)
    return found + [row for row in complete if row not in found]


@dataclass(slots=True)
class Completion:
    """A run that has come to its end, and what it saw."""

    engine: Engine
    report: RunReport
    seen: Seen
    dated: dict[bytes, int]
    """When postings that it saw expire, as far as they said so."""
    rules: SourceRules
    now: datetime | None = None
    """The time, for a run that is of now: what is behind it has not been yet."""

    async def run(self) -> RunReport:
        """Do all of it, and return the report. Raises what writing raises."""
        earlier = await self._claim()
        if earlier is None:
            verdict = "A run of its scope with a later time was there before; it counts nothing."
            late = replace(self.report, state="late", verdict=verdict)
            await record(self.engine, late)
            return late
        # What its runs wrote before, a standby may not have yet.
        with at_least(str(self.engine.url), await self.engine.position()):
            standings = [each async for each in self._standings()]
        at = to_micros(self.report.ended_at)
        began = to_micros(self.report.started_at)
        about = {"whole": self.report.whole, "by_source": self.report.scope is None}
        # Of many postings it takes longer than others on the event loop should wait.
        made = await asyncio.to_thread(
            decide, standings, self.seen, earlier, self.rules, began=began, at=at, **about
        )
        if made.state == "complete":
            known = {each.id for each in standings}
            new = (id for id in self.seen.stored if id not in known)
            made.expire += [id for id in new if self.dated.get(id, at + 1) <= at]
        self.report = replace(
            self.report, verdict=made.verdict, open_before=made.open_before, missed=made.missed
        )
        try:
            return await self._write(made)
        except _Overtaken:
            return replace(self.report, state="broken", verdict=_OVERTAKEN)

    async def _claim(self) -> Earlier | None:
        """Say that this run ends now, in place of those that were killed at it."""
        return await _stored(self.engine, self._claimed)

    async def _claimed(self, unit: Transacted) -> Earlier | None:
        ours = self.report
        found = await _that_count(unit, ours.source, ours.scope or "")
        before: list[RunReport] = []
        counted: list[Row] = []
        aside: list[Row] = []
        for row in found:
            run = report_from(row)
            if run.run == ours.run:
                continue
            if run.state == "completing":
                aside.append(row_of(replace(run, state="broken"), row[_NUMBER]))
            elif self.now is not None and run.ended_at > self.now:
                # A clock was ahead, or a time was given by mistake: without this, none would count
                # until then.
                aside.append(row_of(replace(run, state="late", verdict=_EARLY), row[_NUMBER]))
            elif run.ended_at > ours.ended_at:
                return None
            elif run.ended_at == ours.ended_at:
                # The same run again: it may have been told that it failed.
                aside.append(row_of(replace(run, state="repeated"), row[_NUMBER]))
            else:
                before.append(run)
                counted.append(row)
        so_far = max((row[_NUMBER] for row in counted), default=0)
        claimed = replace(ours, state="completing", verdict="It has not come to its end.")
        await unit.put(SCRAPE_RUN, [*aside, row_of(claimed, so_far)])
        at = next((run.ended_at for run in before if run.state == "complete"), None)
        return Earlier(
            so_far,
            None if at is None else to_micros(at),
            [run.seen for run in before],
            [run.whole for run in before],
            [
                run.seen
                for run in before
                if saw_enough(run.open_before - run.missed, run.open_before, self.rules)
            ],
        )

    async def _standings(self) -> AsyncIterator[Standing]:
        """Yield what belongs to the scope: what its runs saw, and what is open and matches it."""
        source, scope = self.report.source, self.report.scope or ""
        known, after = set(), _NO_ID
        while rows := await self.engine.rows("members_of_scope", source, scope, after, _SCAN):
            for id, missed_from, of, status, seen_at, expires_at in rows:
                known.add(id)
                is_open = status == Status.OPEN and of == source
                yield Standing(id, missed_from, True, is_open, seen_at, expires_at)
            after = rows[-1][0]
        if (criteria := criteria_of(source, scope)) is None:
            return
        position: Position | None = None
        while True:
            rows, position = await self.engine.scan_columns(
                criteria, _STANDING, limit=_SCAN, after=position
            )
            for id, of, seen_at, expires_at in rows:
                # Sources are found whatever their case.
                if of == source and id not in known:
                    known.add(id)
                    yield Standing(id, None, False, True, seen_at, expires_at)
            if position is None:
                return

    async def _write(self, made: Decision) -> RunReport:
        source, scope = self.report.source, self.report.scope or ""
        # In one order, so that two who hold postings until their ends seldom wait for each other.
        for some in pieces(sorted(made.put, key=itemgetter(0)), _ROWS):
            rows = [sealed((source, scope, id, missed_from)) for id, missed_from in some]
            changes = [(*row[:2], row[3], row[4], row[2]) for row in rows]
            await self._change("put_member", changes)
        at = self.report.ended_at
        closed = await self._close(made.close, MISSED, at - self.rules.close_after)
        expired = await self._close(made.expire, EXPIRED, at, expired_at=at)
        # Counters start anew when they are opened again.
        for gone in pieces([*made.forget, *closed, *expired], _ROWS):
            await self._change("forget_member", [(source, scope, id) for id in gone])
        done = replace(self.report, state=made.state, closed=len(closed), expired=len(expired))

        async def last(unit: Transacted) -> None:
            await self._hold(unit)
            await unit.put(SCRAPE_RUN, [row_of(done, made.number)])

        await _stored(self.engine, last)
        return done

    async def _change(self, statement: str, rows: Sequence[Row]) -> None:
        async def work(unit: Transacted) -> None:
            await self._hold(unit)
            await unit.change(statement, rows)

        await _stored(self.engine, work)

    async def _hold(self, unit: Transacted) -> None:
        """Make sure that no other run of the scope has taken over, and none does meanwhile."""
        ours = self.report
        key = SCRAPE_RUN.key_of((*row_of(ours, 0), b""))
        await unit.change("hold_run", [key])
        found = await unit.rows("runs_that_count", ours.source, ours.scope or "", _RUNS)
        states = {SCRAPE_RUN.key_of((*row, b"")): row[_STATE] for row in found}
        ending = [each for each, state in states.items() if state == "completing"]
        # Of two that began to end at the same moment, the later one does. One that counts already
        # was stored, though nobody could tell.
        if states.get(key) in (None, "completing") and key != max(ending, default=None):
            raise _Overtaken

    async def _close(
        self,
        ids: Sequence[bytes],
        reason: str,
        unless_after: datetime,
        expired_at: datetime | None = None,
    ) -> list[bytes]:
        origin = Origin(self.report.actor, self.report.run, reason)
        at = self.report.ended_at
        given = {"unless_seen_after": unless_after, "expired_at": expired_at}
        return await close(self.engine, ids, origin, at=at, **given)


async def _stored(engine: Engine, work: Callable[[Transacted], Coroutine[Any, Any, T]]) -> T:
    """Run a transaction that may be run again: until it is known to be stored."""
    for tries in range(_TRIES, 0, -1):
        try:
            async with engine.transaction(_SECONDS) as unit:
                return await work(unit)
        except OutcomeUnknown:
            if tries == 1:
                raise
    raise AssertionError
