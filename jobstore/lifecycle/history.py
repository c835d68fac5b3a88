"""The history of a posting: who changed what, when and why, and what the posting was then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from jobstore.derived.joining import ABOUT
from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.kept import Row
from jobstore.engines.protocol import Engine
from jobstore.engines.revisions import previous_from_json
from jobstore.engines.rows import opening_from
from jobstore.errors import Fault, InvalidQuery, JobNotFound, StoreCorrupt
from jobstore.lifecycle.completing import needed
from jobstore.lifecycle.replay import Line, Revised, State, replay
from jobstore.moments import in_utc, iso
from jobstore.postings import Postings, check_id
from jobstore.records import HistoryEntry, Job, Pruned, Status

T = TypeVar("T")

# What a statement history_of gives: see sql/*/history.sql.
_POSTING, _REVISION, _EVENT = range(3)
# What prune goes through, and a key before all others.
_NO_ID = bytes(16)
_OLD: tuple[tuple[str, Row], ...] = (
    ("revisions", (_NO_ID, 0)),
    ("events", (_NO_ID, -(2**62), b"")),
    ("deletions", (_NO_ID, -(2**62))),
    ("runs", ("", "", -(2**62), "")),
)
# Rows that are removed in one transaction, and how long it may take.
_AT_ONCE, _SECONDS = 512, 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Versions and events that are worked out before the event loop may do something else.
_ON_LOOP = 128
# Others may write between the two reads; how often that is tried again.
_TRIES = 20


class History(Postings):
    """What a store tells of the life of a posting."""

    _engine: Engine

    async def history(self, id: UUID | str) -> list[HistoryEntry]:
        """Return everything that happened to a posting, newest first.

        Also that it was deleted, when it is gone. Empty for an id that the store never had, and
        what ``prune`` has removed is missing.
        """
        with self._watch("history") as watch:
            life = await self._life(check_id(id))
            entries = await _spared(life, life.entries)
            watch.rows = len(entries)
            return entries

    async def stream_run(self, run: str) -> AsyncIterator[tuple[UUID, HistoryEntry]]:
        """Yield the postings that a run closed or opened again, each with the entry that says so.

        ``run`` is the run's name (:class:`~jobstore.RunReport`). In the order of ids, a few hundred
        at a time. It reads the whole history; what ``prune`` has removed is missing.
        """
        after: Row = (bytes(16), 0)
        while True:
            with self._watch("stream_run") as watch:
                rows = await self._engine.rows("revisions_of_run", *after, f'"{run}"', _AT_ONCE)
                watch.rows = len(rows)
            for id, version, at, text in rows:
                revised = Revised(version, from_micros(at), previous_from_json(text))
                before = revised.previous.get("status")
                if before is not None and revised.about.get("run") == run:
                    kind = "closed" if before == Status.OPEN else "reopened"
                    entry = HistoryEntry(
                        kind=kind,
                        at=revised.at,
                        version=version,
                        actor=revised.about.get("actor"),
                        run=run,
                        reason=revised.about.get("reason"),
                    )
                    yield UUID(bytes=bytes(id)), entry
            if len(rows) < _AT_ONCE:
                return
            after = bytes(rows[-1][0]), rows[-1][1]

    async def get(
        self, id: UUID | str, *, version: int | None = None, at: datetime | None = None
    ) -> Job:
        """Return the posting with this id, as it is; or as it was.

        ``version``: at that version. ``at`` (an aware datetime): as the store had it then. When it
        was seen is no part of a version: ``first_seen_at`` and ``last_seen_at`` are those of today.
        A posting that was joined to another one is found, for a time before that, as it was under
        its own key. Raises JobNotFound, also for what was pruned; InvalidQuery for both at once.
        """
        if version is None and at is None:
            return await super().get(id)
        with self._watch("get") as watch:
            at = _checked(version, at)
            wanted = check_id(id)
            life = await self._life(wanted)

            def found() -> State | None:
                if (line := life.line()) is None:
                    return None
                return line.version(version) if version else line.at(at, wanted) if at else None

            state = await _spared(life, found)
            if state is None:
                raise JobNotFound(_absent(id, version, at, known=life.job is not None))
            watch.rows = 1
            return state.job

    async def prune(self, older_than: timedelta, *, dry_run: bool = False) -> Pruned:
        """Forget the history from before ``older_than`` ago; postings stay as they are.

        The last runs of each scope stay as well, whose order and numbers the next run goes by.
        ``dry_run`` only counts it. It is removed in transactions of 512, so that no other writer
        waits long; interrupted, the rest stays. Raises InvalidQuery for no positive age, and what
        :meth:`upsert` raises.
        """
        if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
            raise InvalidQuery([Fault("older_than", "must be a timedelta above 0")])
        with self._watch("prune") as watch:
            self._before_write()
            now = self._clock()
            before = to_micros(now - min(older_than, now - _EPOCH))
            counts = [
                await self._forget(what, start, before, dry_run=dry_run) for what, start in _OLD
            ]
            watch.rows = sum(counts)
            return Pruned(*counts)

    async def _forget(self, what: str, after: Row, before: int, *, dry_run: bool) -> int:
        number = 0
        while keys := await self._engine.rows(f"old_{what}", *after, before, _AT_ONCE):
            after = keys[-1]
            if what == "runs":
                for scope in {key[:2] for key in keys}:
                    kept = await needed(self._engine, *scope)
                    keys = [key for key in keys if key not in kept]
            if keys and not dry_run:
                async with self._engine.transaction(_SECONDS) as unit:
                    await unit.change(f"forget_{what}", keys)
            number += len(keys)
        return number

    async def _life(self, id: UUID) -> _Life:
        """Return what is stored of the life of a posting, as of one moment."""
        for _ in range(_TRIES):
            rows = await self._engine.rows("history_of", *[id.bytes] * 4)
            (job,) = await self._engine.get_many([id])
            versions = [row[1] for row in rows if row[0] == _POSTING]
            if versions == ([] if job is None else [job.version]):
                return _Life(job, rows)
        raise StoreCorrupt("The index of ids lacks a row, or names another; run 'jobstore doctor'.")


class _Life(NamedTuple):
    """What is stored of the life of a posting, and of itself, if it is there."""

    job: Job | None
    rows: list[Row]

    def line(self) -> Line | None:
        """Return the states of the posting, if it is there."""
        if self.job is None:
            return None
        (of_posting,) = (row for row in self.rows if row[0] == _POSTING)
        revisions = sorted((row for row in self.rows if row[0] == _REVISION), reverse=True)
        opening = opening_from((of_posting[2], *of_posting[5:]))
        return replay(self.job, opening, [_revised(row) for row in revisions])

    def entries(self) -> list[HistoryEntry]:
        """Return everything that happened, newest first."""
        line = self.line()
        entries = [*_told(line)] if line else []
        events = [_event(row) for row in self.rows if row[0] == _EVENT]
        # Engines give events of the same time in different orders.
        entries += sorted(events, key=_what, reverse=True)
        # Sorting is stable: what happened at the same time stays in its order.
        return sorted(entries, key=_when, reverse=True)


async def _spared(life: _Life, work: Callable[[], T]) -> T:
    """Return what ``work`` makes of a life; on a thread, if the event loop should not wait."""
    return work() if len(life.rows) <= _ON_LOOP else await asyncio.to_thread(work)


async def reason_of_closing(engine: Engine, id: bytes) -> str | None:
    """Return why a posting was closed the last time; None where nobody said, or that was pruned."""
    rows = [row for row in await engine.rows("history_of", *[id] * 4) if row[0] == _REVISION]
    for row in sorted(rows, reverse=True):
        revised = _revised(row)
        if "status" in revised.previous:
            reason: str | None = revised.about.get("reason")
            return reason
    return None


def _revised(row: Row) -> Revised:
    return Revised(row[1], from_micros(row[2]), previous_from_json(row[4]))


def _event(row: Row) -> HistoryEntry:
    _, _, at, kind, text, actor, run = row
    detail: dict[str, Any] = json.loads(text)
    return HistoryEntry(kind=kind, at=from_micros(at), actor=actor, run=run, detail=detail)


def _told(line: Line) -> Iterable[HistoryEntry]:
    for state in line.every():
        if state.revised is not None:
            yield _changed(state, state.revised)
        elif state.at is not None:
            opening = state.opening
            yield HistoryEntry(
                kind="opened",
                at=state.at,
                version=state.job.version or None,
                actor=opening and opening.actor,
                run=opening and opening.run,
            )


def _changed(state: State, revised: Revised) -> HistoryEntry:
    about = revised.about
    changes = {
        name: (value, getattr(state.job, name))
        for name, value in revised.previous.items()
        if name != ABOUT
    }
    kind = "changed"
    if "joined" in about or "source" in changes or "source_job_id" in changes:
        kind = "joined"
    elif "status" in changes:
        kind = "closed" if changes["status"][1] is Status.CLOSED else "reopened"
    return HistoryEntry(
        kind=kind,
        at=revised.at,
        version=revised.version,
        actor=about.get("actor"),
        run=about.get("run"),
        reason=about.get("reason"),
        changes=changes,
    )


def _when(entry: HistoryEntry) -> tuple[datetime, int]:
    assert entry.at is not None
    return entry.at, entry.version or 0


def _what(event: HistoryEntry) -> tuple[str, int, str]:
    # Refusals are counted, so their numbers tell which one was first.
    return event.kind, event.detail.get("number", 0), json.dumps(event.detail, sort_keys=True)


def _checked(version: int | None, at: datetime | None) -> datetime | None:
    """Return ``at`` in UTC. Raises InvalidQuery."""
    if version is not None and at is not None:
        raise InvalidQuery([Fault("version", "must not be given together with at")])
    if version is not None and (
        isinstance(version, bool) or not isinstance(version, int) or version < 1
    ):
        raise InvalidQuery([Fault("version", "must be a whole number from 1 on")])
    try:
        return None if at is None else in_utc(at)
    except ValueError as error:
        raise InvalidQuery([Fault("at", str(error))]) from None


def _absent(id: UUID | str, version: int | None, at: datetime | None, *, known: bool) -> str:
    if not known:
        return f"No posting has the id {id}."
    if version is not None:
        return f"The posting {id} has no version {version}, or it was pruned."
    assert at is not None
    return f"The posting {id} was not stored at {iso(at)}, or that was pruned."
