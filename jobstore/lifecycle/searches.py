"""Saved searches: what is new of each, at least once, and not again once it is acknowledged.

A search keeps the time up to which postings were looked through in the order in which they changed
last, and each match that was acknowledged. The time follows at some distance
(:mod:`.following`); what lies between is looked through again, and left out where it was
acknowledged, or another posting of its group was.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import urlsafe_b64decode
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.freshness import at_least
from jobstore.engines.kept import SAVED_SEARCH, Row, sealed
from jobstore.engines.protocol import Engine
from jobstore.errors import Fault, InvalidQuery, StoreUnavailable
from jobstore.lifecycle.following import LOOK_BACK, settled
from jobstore.lifecycle.saving import from_text, to_text
from jobstore.moments import in_utc
from jobstore.postings import Postings, check_limit
from jobstore.records import Job, NewMatches, SavedSearch, SearchQuery
from jobstore.search.criteria import check_query

_AT_ONCE = 512
# Matches that one transaction writes down, so that no other writer waits for long.
_PIECE = 64
_SECONDS = 60.0
_LAST_ID = b"\xff" * 16
_NEVER = 2**62
# Bytes of a token: those of 1,000 ids, and of the longest query.
_LONGEST_TOKEN = 16 * 1024 * 1024
_NAME = re.compile(r"\S(.{0,98}\S)?")
_NO_APPLICATION = (
    "cannot be saved: an application changes without its posting, so matches would be missed; "
    "use search() with it, or applications()"
)

Place = tuple[int, bytes]


class Searches(Postings):
    """What a store knows of saved searches."""

    _engine: Engine

    async def save_search(
        self, name: str, query: SearchQuery | None = None, *, since: datetime | None = None
    ) -> SavedSearch:
        """Save a search under a name; one of that name gets the new query.

        All that matches is new at first, or only what changed after ``since`` (an aware datetime
        that is not in the future).
        What was acknowledged under the name stays so. Saving the same again changes nothing.
        ``name``: one line of at most 100 characters. Raises InvalidQuery, also for a query by
        ``application``, which changes without the posting; and what :meth:`upsert` raises.
        """
        with self._watch("save_search"):
            self._before_write()
            _check_name(name)
            try:
                since = None if since is None else in_utc(since)
            except ValueError as error:
                raise InvalidQuery([Fault("since", str(error))]) from None
            if since is not None and not self._is_believed(to_micros(since)):
                raise InvalidQuery([Fault("since", "must not be in the future")])
            if query is not None and query.application:
                raise InvalidQuery([Fault("application", _NO_APPLICATION)])
            text, mark = to_text(query), 0 if since is None else to_micros(since)
            async with self._engine.transaction(_SECONDS) as unit:
                stored = await unit.rows("search_to_mark", name)
                if stored and stored[0][0] == text and since is None:
                    mark = stored[0][1]
                else:
                    await unit.put(SAVED_SEARCH, [(name, text, mark)])
                # A removal that was interrupted has left what was acknowledged before it.
                while not stored and (keys := await unit.rows("matches_of", name, _PIECE)):
                    await unit.change("forget_matches", keys)
            return _saved(name, text, mark)

    async def saved_searches(self) -> list[SavedSearch]:
        """Return all saved searches, in the order of their names."""
        with self._watch("saved_searches") as watch:
            rows = await self._engine.rows("saved_searches")
            watch.rows = len(rows)
            return [_saved(*row) for row in rows]

    async def remove_search(self, name: str) -> bool:
        """Forget a saved search, and which matches of it were acknowledged; False if it is not
        there."""
        with self._watch("remove_search") as watch:
            self._before_write()
            _check_name(name)
            async with self._engine.transaction(_SECONDS) as unit:
                found = await unit.rows("search_to_mark", name)
                await unit.change("forget_search", [(name,)] if found else [])
            # In short transactions, so that no other writer waits; read there, where no standby
            # that is behind hides any.
            more = True
            while more:
                async with self._engine.transaction(_SECONDS) as unit:
                    keys = await unit.rows("matches_of", name, _PIECE)
                    await unit.change("forget_matches", keys)
                more = len(keys) == _PIECE
            watch.rows = len(found)
            return bool(found)

    async def new_matches(self, name: str, *, limit: int = 100) -> NewMatches:
        """Return postings that match a saved search and were not acknowledged, oldest change first.

        Nothing is written: until :meth:`acknowledge` is called with what this returns, also when
        there is nothing in it, the same comes again. So each match comes at least once, whatever
        is killed between, and never after it was acknowledged. Of postings that are known to be
        duplicates one comes, and none once one of them was acknowledged, unless the query says
        ``collapse_duplicates=False``. The time that this takes grows with the number of postings
        that changed since. ``limit``: 1 to 1,000. Raises InvalidQuery.
        """
        with self._watch("new_matches") as watch:
            _check_name(name)
            check_limit(limit)
            # Before anything is read: what is stored later is looked for again.
            until, fresh = await self._stored()
            with fresh:
                stored = await self._engine.rows("search_to_read", name)
                if not stored:
                    raise _unknown(name)
                text, mark = stored[0]
                # A clock was ahead, and nobody knows since when: what was acknowledged stays out.
                mark = mark if self._is_believed(mark) else 0
                found, last = await self._unseen(name, from_text(text), mark, limit)
            watch.rows = len(found)
            return NewMatches(name, tuple(found), text, max(mark, min(last, until)))

    async def acknowledge(self, name: str, matches: NewMatches | str) -> None:
        """Say that new matches are dealt with: they never come again under this name.

        ``matches`` is what :meth:`new_matches` returned, or its ``token``. Doing it again changes
        nothing. Raises InvalidQuery for what :meth:`new_matches` did not
        return for the name, or where the search is not there any more, and what :meth:`upsert`
        raises.
        """
        with self._watch("acknowledge") as watch:
            self._before_write()
            _check_name(name)
            looked_until, query, ids = _acknowledged(name, matches)
            now = to_micros(self._clock())
            pieces = [ids[at : at + _PIECE] for at in range(0, len(ids), _PIECE)] or [[]]
            for number, piece in enumerate(pieces, 1):
                async with self._engine.transaction(_SECONDS) as unit:
                    stored = await unit.rows("search_to_mark", name)
                    if not stored:
                        raise _unknown(name)
                    rows = [sealed((id, name, now)) for id in piece]
                    await unit.change("put_match", [(*row[1:], row[0]) for row in rows])
                    text, mark = stored[0]
                    # Last, so that nothing is passed over where it ends between two pieces.
                    # Another query has more to be looked through.
                    ends = number == len(pieces) and text == query
                    if ends and (mark < looked_until or not self._is_believed(mark)):
                        await unit.put(SAVED_SEARCH, [(name, text, looked_until)])
            watch.rows = len(ids)

    def _is_believed(self, mark: int) -> bool:
        """Tell whether a time may be that of a clock that is right."""
        return mark <= to_micros(self._clock() + LOOK_BACK)

    async def _stored(self) -> tuple[int, AbstractContextManager[None]]:
        """Return up to which time everything is stored, and a block whose reads see all of it."""
        try:
            # This says at once where no primary is, for which a transaction would wait.
            await self._engine.position()
            until = await settled(self._engine, self._clock)
            position = await self._engine.position()
        except StoreUnavailable:
            # Only standbys answer: nothing is known, and nothing passed over.
            return 0, nullcontext()
        return until, at_least(str(self._engine.url), position)

    async def _unseen(
        self, name: str, query: SearchQuery, mark: int, limit: int
    ) -> tuple[list[Job], int]:
        """Return matches that changed since a time and were not acknowledged, and a time before
        which there is none besides."""
        criteria = check_query(query).at(self._clock())
        # By id: one that changes meanwhile is met again further on.
        found: dict[UUID, Job] = {}
        groups: set[bytes] = set()
        place: Place = (mark - 1, _LAST_ID)
        # What is left out for one that comes now is looked at again: that one may be deleted, or
        # told apart, before it is acknowledged.
        held = _NEVER
        while True:
            changed = await self._engine.rows("changed_since", *place, _AT_ONCE)
            if not changed:
                return [*found.values()], min(held, place[0])
            end: Place = (changed[-1][0], bytes(changed[-1][1]))
            between = replace(criteria, changed=(*place, *end))
            jobs, _ = await self._engine.scan(between, limit=_AT_ONCE, after=None)
            known = await self._known(name, jobs) if jobs else {}
            for job in sorted(jobs, key=lambda job: (job.updated_at, job.id.bytes)):
                if job.id in found:
                    continue
                seen, first, together = known[job.id.bytes]
                if not query.collapse_duplicates:
                    first = together = None
                if seen or together:
                    continue
                if first in groups:
                    held = min(held, to_micros(job.updated_at))
                    continue
                found[job.id] = job
                if first is not None:
                    groups.add(first)
                if len(found) == limit:
                    # There may be more of the same time.
                    return [*found.values()], min(held, to_micros(job.updated_at))
            place = end

    async def _known(self, name: str, jobs: list[Job]) -> dict[bytes, Row]:
        """Return of each posting whether it was acknowledged, its group, if it is in one, and
        whether one of that was."""
        ids = b"".join(job.id.bytes for job in jobs)
        return {row[0]: row[1:] for row in await self._engine.rows("seen_of", ids, name)}


def _acknowledged(name: str, matches: object) -> tuple[int, str, list[bytes]]:
    """Return the time, the query and the ids of matches, in the order in which they are locked."""
    if isinstance(matches, NewMatches) and matches.name == name:
        ids = sorted(job.id.bytes for job in matches)
        return matches.looked_until, matches.query, ids
    if isinstance(matches, str):
        with suppress(ValueError, TypeError, AttributeError, zlib.error, RecursionError):
            unpacked = zlib.decompressobj().decompress(urlsafe_b64decode(matches), _LONGEST_TOKEN)
            until, query, hexed = json.loads(unpacked)
            ids = sorted({UUID(hex=each).bytes for each in hexed})
            if isinstance(until, int) and 0 <= until < _NEVER and isinstance(query, str):
                return until, query, ids
    raise InvalidQuery([Fault("matches", "must be what new_matches(name) returned, or its token")])


def _saved(name: str, text: str, mark: int) -> SavedSearch:
    return SavedSearch(name, from_text(text), from_micros(mark))


def _unknown(name: str) -> InvalidQuery:
    return InvalidQuery([Fault("name", f"{name!r} is no saved search")])


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not name.isprintable():
        raise InvalidQuery([Fault("name", "must be one line of at most 100 characters")])
