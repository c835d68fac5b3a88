"""Applications for postings: begin one, move it on, list them, and tell of postings that closed.

A second application to the same opening is refused: the check and the write are one transaction,
and applications take turns, so that two at once do not miss each other. Each stage is an event of
the posting's history as well.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstore.derived.funnel import LIVE
from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.kept import APPLICATION, EVENT
from jobstore.engines.protocol import Engine, Transacted
from jobstore.errors import DuplicateApplication, Fault, InvalidQuery, JobNotFound
from jobstore.lifecycle.applying import (
    LOOK_ALIKE,
    UNSET,
    Change,
    Marks,
    Unset,
    begun,
    changed,
    check_change,
    check_states,
    from_row,
    marks,
    row_of,
    undone,
)
from jobstore.lifecycle.stages import is_sent
from jobstore.postings import Postings, check_id, check_limit
from jobstore.records import Application, ApplicationState, Contact, Job

# Seconds that a write may take, without the wait for its turn.
_SECONDS = 30.0
# Applications read at a time by stream_applications.
_SCAN = 256
# Before all others in the order of lists.
_FIRST = (2**62, b"\xff" * 16)


class Applications(Postings):
    """What a store knows of applications for its postings."""

    _engine: Engine

    async def apply(
        self,
        id: UUID | str,
        *,
        state: ApplicationState | str = ApplicationState.APPLIED,
        at: datetime | None = None,
        note: str | None = None,
        contacts: Iterable[Contact | Mapping[str, Any]] | None = None,
        due_at: datetime | None = None,
        force: bool = False,
    ) -> Application:
        """Begin an application for a posting, or send the one that was ``saved`` for it.

        ``state``: ``saved``, ``applied`` or ``interviewing``. ``at`` is when that was, by default
        now; repeating a call with the same ``at`` makes no second application, and adds what it
        says beside. ``note`` is what is to be remembered, ``due_at`` when something is to be done
        next; ``contacts`` and ``due_at`` replace those that are there. All times are aware
        datetimes.

        Raises DuplicateApplication where there is one already for the same posting, one that was
        sent to the same address, or one sent less than 90 days before or after ``at`` for a
        duplicate that :meth:`find_duplicates` or a person has found, or for a posting of the same
        company with the same title; ``force=True`` begins another one all the same.
        Raises JobNotFound, InvalidQuery, and what :meth:`upsert` raises.
        """
        with self._watch("apply") as watch:
            self._before_write()
            # What is not given stays; only set_application takes a date away.
            due = UNSET if due_at is None else due_at
            change = self._asked(state, at, note, contacts, due)
            if change.state is None:
                raise InvalidQuery([Fault("state", "must be given")])
            async with self._engine.transaction(_SECONDS) as unit:
                job = await self._tracked(unit, check_id(id))
                mine = marks(job)
                new = begun(job, change, self._clock(), self._origin.actor)
                of_posting = [each for each, _ in await self._of(unit, job.id)]
                for old in of_posting:
                    if any(
                        (each.state, each.at) == (change.state, change.at) for each in old.stages
                    ):
                        return await self._add(unit, old, change, mine)
                saved = [each for each in of_posting if each.state is ApplicationState.SAVED]
                if not force:
                    await self._refuse_second(unit, job.id, change, mine)
                if saved:
                    new = await self._write(unit, saved[0], change, mine)
                elif any(each.id == new.id for each in of_posting):
                    raise InvalidQuery([Fault("at", "is when another application began")])
                else:
                    await self._put(unit, None, new, mine)
            watch.rows = 1
            return new

    async def set_application(
        self,
        id: UUID | str,
        *,
        state: ApplicationState | str | None = None,
        at: datetime | None = None,
        note: str | None = None,
        contacts: Iterable[Contact | Mapping[str, Any]] | None = None,
        due_at: datetime | Unset | None = UNSET,
        force: bool = False,
    ) -> Application:
        """Move the application for a posting to another state, or write something to it.

        Of several for one posting it is the one that began last. Arguments are those of
        :meth:`apply`; what is not given stays, and ``due_at=None`` takes a date away. Called with
        an id alone it says that somebody has looked: :meth:`closed_applications` tells no more of
        what was closed before.

        One that was not sent yet is sent by this as by :meth:`apply`, which raises
        DuplicateApplication where there is another one, unless ``force`` is given. Which states may
        follow each is in docs/lifecycle.md; InvalidQuery names them. Raises JobNotFound where there
        is no application, and what :meth:`upsert` raises.
        """
        with self._watch("set_application") as watch:
            self._before_write()
            change = self._asked(state, at, note, contacts, due_at)
            async with self._engine.transaction(_SECONDS) as unit:
                await self._hold(unit, check_id(id))
                found = await self._of(unit, check_id(id))
                if not found:
                    raise JobNotFound(f"There is no application for the posting {id}.")
                old, known = found[0]
                is_sent_now = change.state is not None and is_sent([change.state])
                if is_sent_now and old.applied_at is None and not force:
                    await self._refuse_second(unit, old.job_id, change, known)
                new = await self._write(unit, old, change, known)
            watch.rows = 1
            return new

    async def undo_application(self, id: UUID | str, *, note: bool = False) -> Application | None:
        """Take back the last stage of the application for a posting, or its last note.

        Of several for one posting it is that of the one that began last. The application is as it
        was before; where it began with that stage, there is none any more, and None is returned.
        The posting's history tells who took back what; of a note it does not tell the text.
        Raises JobNotFound where there is no application, InvalidQuery where it has no note, and
        what :meth:`upsert` raises.
        """
        with self._watch("undo_application") as watch:
            self._before_write()
            async with self._engine.transaction(_SECONDS) as unit:
                await self._hold(unit, check_id(id))
                found = await self._of(unit, check_id(id))
                if not found:
                    raise JobNotFound(f"There is no application for the posting {id}.")
                old, known = found[0]
                new = undone(old, self._clock(), note=note)
                if new is None:
                    await unit.change("forget_application", [(old.job_id.bytes, old.id.bytes)])
                else:
                    await unit.put(APPLICATION, [row_of(new, known)])
                detail = {"application": str(old.id), "state": new and new.state}
                detail["taken_back"] = "note" if note else old.state
                now, actor = to_micros(self._clock()), self._origin.actor
                event = (old.job_id.bytes, now, "application", json.dumps(detail), actor, None)
                await unit.put(EVENT, [event])
            watch.rows = 1
            return new

    async def applications(
        self,
        state: ApplicationState | str | Iterable[ApplicationState | str] | None = None,
        *,
        job_id: UUID | str | None = None,
        limit: int = 100,
        after: Application | None = None,
    ) -> list[Application]:
        """Return applications, those changed last first; of one posting, those begun last first.

        ``state``: only those in a state, or in some. ``limit``: 1 to 1,000; ``after``, the last one
        of a list, goes on behind it. Raises InvalidQuery.
        """
        with self._watch("applications") as watch:
            check_limit(limit)
            states = check_states(state)
            if after is not None and not isinstance(after, Application):
                raise InvalidQuery([Fault("after", "must be the last application of a list")])
            if job_id is not None:
                rows = await self._engine.rows("applications_for", check_id(job_id).bytes)
                found = [from_row(row)[0] for row in rows]
                found = [each for each in found if each.state in states][:limit]
            else:
                start = _FIRST if after is None else (to_micros(after.changed_at), after.id.bytes)
                rows = await self._engine.rows("applications", *start, _listed(states), limit)
                found = [from_row(row)[0] for row in rows]
            watch.rows = len(found)
            return found

    async def stream_applications(self) -> AsyncIterator[Application]:
        """Yield all applications, by the ids of their postings.

        A few hundred are read at a time. One that is changed meanwhile keeps its place in this
        order, so that none is missed, as it may be in pages of :meth:`applications`.
        """
        after = (bytes(16), bytes(16))
        while True:
            with self._watch("stream_applications") as watch:
                rows = await self._engine.rows("every_application", *after, _SCAN)
                watch.rows = len(rows)
            for row in rows:
                yield from_row(row)[0]
            if len(rows) < _SCAN:
                return
            after = bytes(rows[-1][0]), bytes(rows[-1][1])

    async def closed_applications(
        self,
        state: ApplicationState | str | Iterable[ApplicationState | str] | None = None,
        *,
        limit: int = 100,
    ) -> list[Application]:
        """Return applications whose postings were closed since anybody wrote to them.

        Only those of which something may still come: ``saved``, ``applied``, ``interviewing`` and
        ``offered``; of these the ones in ``state``, or in some. The posting that was closed last
        comes first. Whatever is written to one with :meth:`set_application` takes it off the list.
        ``limit``: 1 to 1,000. Raises InvalidQuery.
        """
        with self._watch("closed_applications") as watch:
            check_limit(limit)
            states = [each for each in check_states(state) if each in LIVE]
            rows = await self._engine.rows("closed_applications", _listed(states), limit)
            watch.rows = len(rows)
            return [from_row(row)[0] for row in rows]

    def _asked(self, state: Any, at: Any, note: Any, contacts: Any, due_at: Any) -> Change:
        return check_change(
            state=state, at=at, note=note, contacts=contacts, due_at=due_at, now=self._clock()
        )

    async def _tracked(self, unit: Transacted, id: UUID) -> Job:
        await unit.rows("turn_to_apply")
        (job,) = await unit.get_many([id])
        if job is None:
            raise JobNotFound(f"No posting has the id {id}.")
        return job

    async def _hold(self, unit: Transacted, id: UUID) -> None:
        """Take the turn, and let nobody delete the posting before what is written stands."""
        await unit.rows("turn_to_apply")
        await unit.rows("is_there", id.bytes)

    async def _of(self, unit: Transacted, id: UUID) -> list[tuple[Application, Marks]]:
        return [from_row(row) for row in await unit.rows("applications_for", id.bytes)]

    async def _refuse_second(self, unit: Transacted, id: UUID, change: Change, mine: Marks) -> None:
        """Raise DuplicateApplication where another application is for the same opening."""
        addresses = (mine.address, mine.apply_address)
        around = (to_micros(change.at - LOOK_ALIKE), to_micros(change.at + LOOK_ALIKE))
        if change.state is ApplicationState.SAVED:
            # What is only saved may look like another one.
            addresses, around = (None, None), (0, 0)
        rows = await unit.rows(
            "earlier_applications",
            *(id.bytes, *addresses, *addresses),
            *(id.bytes, *around, mine.look, *around),
        )
        for why, other, application, applied_at in rows:
            # One that was saved, and at most withdrawn then, was never sent.
            if applied_at is not None:
                sent, ids = from_micros(applied_at), (bytes(other), bytes(application))
                posting, earlier = (UUID(bytes=each) for each in ids)
                raise DuplicateApplication(
                    _already(why, sent, posting), posting, earlier, why, sent
                )

    async def _add(
        self, unit: Transacted, old: Application, change: Change, known: Marks
    ) -> Application:
        """Write what is said beside a stage that is there; nothing where that is there as well."""
        beside = replace(change, state=None)
        as_is = changed(old, beside, old.changed_at, self._origin.actor) == old
        return old if as_is else await self._write(unit, old, beside, known)

    async def _write(
        self, unit: Transacted, old: Application, change: Change, known: Marks
    ) -> Application:
        new = changed(old, change, self._clock(), self._origin.actor)
        await self._put(unit, old, new, known)
        return new

    async def _put(
        self, unit: Transacted, old: Application | None, new: Application, known: Marks
    ) -> None:
        await unit.put(APPLICATION, [row_of(new, known)])
        for stage in new.stages[len(old.stages) if old else 0 :]:
            detail = json.dumps({"application": str(new.id), "state": stage.state})
            event = (new.job_id.bytes, to_micros(stage.at), "application", detail, stage.actor)
            await unit.put(EVENT, [(*event, None)])


def _already(why: str, sent: datetime, posting: UUID) -> str:
    within = f"; a second one within {LOOK_ALIKE.days} days is refused"
    which = {
        "posting": "this posting",
        "address": f"the posting {posting}, which has the same address",
        "duplicate": f"the posting {posting}, which is a duplicate of this one{within}",
        "look-alike": f"the posting {posting}, which has the same company and title{within}",
    }[why]
    return f"You applied on {sent:%Y-%m-%d} for {which}. Another one has to be forced."


def _listed(states: Iterable[ApplicationState]) -> str:
    return json.dumps([each.value for each in states])
