"""Saved searches: what is new of each, at least once, and not again once it is acknowledged.

A search keeps the time up to which postings were looked through in the order in which they changed
last, and each match that was acknowledged. The time follows at some distance (:data:`LOOK_BACK`),
since what is stored later may be stamped earlier: by another clock, or by a transaction that took
long. What lies between is looked through again, and left out where it was acknowledged.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.freshness import at_least
from jobstore.engines.kept import SAVED_SEARCH, SEEN_MATCH
from jobstore.engines.protocol import Engine
from jobstore.errors import Fault, InvalidQuery
from jobstore.lifecycle.saving import from_text, to_text
from jobstore.postings import MAX_LIMIT, Postings
from jobstore.records import Job, NewMatches, SavedSearch, SearchQuery
from jobstore.search.criteria import Criteria, check_query

LOOK_BACK = timedelta(minutes=5)
"""So much may clocks of writers differ, beside the time that open transactions take."""

_AT_ONCE = 512
_SECONDS = 60.0
_LAST_ID = b"\xff" * 16
_NAME = re.compile(r"\S(.{0,98}\S)?")

Place = tuple[int, bytes]


class Searches(Postings):
    """What a store knows of saved searches."""

    _engine: Engine

    async def save_search(
        self, name: str, query: SearchQuery | None = None, *, since: datetime | None = None
    ) -> SavedSearch:
        """Save a search under a name; one of that name gets the new query.

        All that matches is new at first, or only what changed after ``since`` (an aware datetime).
        What was acknowledged under the name stays so. Saving the same again changes nothing.
        ``name``: one line of at most 100 characters. Raises InvalidQuery, and what :meth:`upsert`
        raises.
        """
        with self._watch("save_search"):
            self._before_write()
            _check_name(name)
            if since is not None and (not isinstance(since, datetime) or since.utcoffset() is None):
                raise InvalidQuery([Fault("since", "must be an aware datetime")])
            text, mark = to_text(query), 0 if since is None else to_micros(since)
            async with self._engine.transaction(_SECONDS) as unit:
                stored = await unit.rows("search_to_mark", name)
                if stored and stored[0][0] == text and since is None:
                    mark = stored[0][1]
                else:
                    await unit.put(SAVED_SEARCH, [(name, text, mark)])
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
            # In short transactions, so that no other writer waits.
            while keys := await self._engine.rows("matches_of", name, _AT_ONCE):
                async with self._engine.transaction(_SECONDS) as unit:
                    await unit.change("forget_matches", keys)
            watch.rows = len(found)
            return bool(found)

    async def new_matches(self, name: str, *, limit: int = 100) -> NewMatches:
        """Return postings that match a saved search and were not acknowledged, oldest change first.

        Nothing is written: until :meth:`acknowledge` is called with what this returns, also when
        there is nothing in it, the same comes again. So each match comes at least once, whatever
        is killed between, and never after it was acknowledged. The time that this takes grows with
        the number of postings that changed since. ``limit``: 1 to 1,000. Raises InvalidQuery.
        """
        with self._watch("new_matches") as watch:
            _check_name(name)
            if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
                raise InvalidQuery([Fault("limit", f"must be a whole number, 1 to {MAX_LIMIT:,}")])
            stored = await self._engine.rows("search_to_read", name)
            if not stored:
                raise InvalidQuery([Fault("name", "is no saved search")])
            text, mark = stored[0]
            criteria = check_query(from_text(text)).at(self._clock())
            # Before anything is read: what is stored later is looked for again.
            until = await self._settled()
            with await self._reads(until > mark):
                found, last = await self._unseen(name, criteria, mark, limit)
            watch.rows = len(found)
            return NewMatches(name, tuple(found), text, max(mark, min(last, until)))

    async def acknowledge(self, name: str, matches: NewMatches) -> None:
        """Say that new matches are dealt with: they never come again under this name.

        Doing it again changes nothing. Raises InvalidQuery for what :meth:`new_matches` did not
        return for the name, or where the search is not there any more, and what :meth:`upsert`
        raises.
        """
        with self._watch("acknowledge") as watch:
            self._before_write()
            if not isinstance(matches, NewMatches) or matches.name != name:
                raise InvalidQuery([Fault("matches", "must be what new_matches(name) returned")])
            now = to_micros(self._clock())
            # In the order in which writers lock them.
            ids = sorted(job.id.bytes for job in matches)
            async with self._engine.transaction(_SECONDS) as unit:
                stored = await unit.rows("search_to_mark", name)
                if not stored:
                    raise InvalidQuery([Fault("name", "is no saved search")])
                # What was deleted meanwhile is not written down.
                there = [id for id in ids if await unit.rows("is_there", id)]
                await unit.put(SEEN_MATCH, [(id, name, now) for id in there])
                text, mark = stored[0]
                # Another query has more to be looked through.
                if text == matches.query and mark < matches.looked_until:
                    await unit.put(SAVED_SEARCH, [(name, text, matches.looked_until)])
            watch.rows = len(ids)

    async def _reads(self, all_there: bool) -> AbstractContextManager[None]:
        """Return a block whose reads see everything stored until now, if that matters."""
        if not all_there:
            return nullcontext()
        return at_least(str(self._engine.url), await self._engine.position())

    async def _unseen(
        self, name: str, criteria: Criteria, mark: int, limit: int
    ) -> tuple[list[Job], int]:
        """Return matches that changed since a time and were not acknowledged, and a time before
        which there is none besides."""
        found: list[Job] = []
        place: Place = (mark - 1, _LAST_ID)
        while len(found) < limit:
            changed = await self._engine.rows("changed_since", *place, _AT_ONCE)
            if not changed:
                return found, place[0]
            end: Place = (changed[-1][0], bytes(changed[-1][1]))
            found += await self._matching(name, criteria, place, end)
            place = end
        # There may be more of the same time.
        return found[:limit], to_micros(found[limit - 1].updated_at)

    async def _settled(self) -> int:
        """Return the time before which nothing is stored any more."""
        until = to_micros(self._clock())
        ((oldest,),) = await self._engine.rows("oldest_writer")
        if oldest is not None:
            until = min(until, oldest)
        return until - LOOK_BACK // timedelta(microseconds=1)

    async def _matching(self, name: str, criteria: Criteria, after: Place, end: Place) -> list[Job]:
        """Return the matches between two places that were not acknowledged, in their order."""
        between = replace(criteria, changed=(*after, *end))
        jobs, _ = await self._engine.scan(between, limit=_AT_ONCE, after=None)
        if not jobs:
            return []
        rows = await self._engine.rows("seen_between", name, *after, *end)
        seen = {UUID(bytes=bytes(id)) for (id,) in rows}
        new = [job for job in jobs if job.id not in seen]
        return sorted(new, key=lambda job: (job.updated_at, job.id.bytes))


def _saved(name: str, text: str, mark: int) -> SavedSearch:
    return SavedSearch(name, from_text(text), from_micros(mark))


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not name.isprintable():
        raise InvalidQuery([Fault("name", "must be one line of at most 100 characters")])
