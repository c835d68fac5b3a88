"""How postings are closed: a few at a time; and what closes them without a run: that they are told
to be gone, or past their time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from jobstore.derived.micros import to_micros
from jobstore.engines.freshness import at_least
from jobstore.engines.kept import EVENT
from jobstore.engines.protocol import Engine, Position
from jobstore.errors import Fault, InvalidQuery, JobNotFound, JobStoreError
from jobstore.postings import Postings, check_id
from jobstore.records import Origin, SearchQuery, Status
from jobstore.search.criteria import check_query

GONE = frozenset({404, 410})
"""Answers that close a posting at once."""
NOT_ABOUT_IT = frozenset({403, 429})
"""Answers below 500 that say nothing of a posting: they are about who asks."""
REFUSALS = 3
"""How many other answers from 400 to 499 close a posting, if it is not seen between them."""
REFUSED = "refused"
"""The kind of event of one of these."""

EXPIRED = "expired"
"""The reason of a closing since ``expires_at`` has passed."""

# Postings that are closed in one transaction, seconds that one may take, and postings that are
# read at a time.
_CLOSED, _SECONDS, _SCAN = 32, 30.0, 256

T = TypeVar("T")


class Closing(Postings):
    """What closes postings beside runs of scrapers."""

    _engine: Engine

    async def gone(self, id: UUID | str, *, http_status: int = 410) -> bool:
        """Tell what a posting's page answered; return whether that closed the posting.

        404 and 410 close it at once; any other status from 400 to 499 when it is the third since
        the posting was last seen; 403, 429 and all others never do. Raises JobNotFound,
        InvalidQuery for what is no status (100 to 599), and what :meth:`upsert` raises.
        """
        with self._watch("gone") as watch:
            self._before_write()
            wanted = check_id(id)
            if isinstance(http_status, bool) or http_status not in range(100, 600):
                raise InvalidQuery([Fault("http_status", "must be a whole number, 100 to 599")])
            async with self._engine.transaction(_SECONDS) as unit:
                # Locked, so that nobody deletes it before what is written stands.
                (job,) = await unit.get_many([wanted])
                if job is None:
                    raise JobNotFound(f"No posting has the id {id}.")
                if job.status is Status.CLOSED or http_status not in range(400, 500):
                    return False
                if http_status in NOT_ABOUT_IT:
                    return False
                if http_status not in GONE:
                    seen = to_micros(job.last_seen_at)
                    before = await unit.rows("events_since", wanted.bytes, REFUSED, seen)
                    number = 1 + max((json.loads(row[1])["number"] for row in before), default=0)
                    # The number makes it another event than one of the same moment.
                    detail = json.dumps({"http_status": http_status, "number": number})
                    at = max(to_micros(self._clock()), seen + 1)
                    event = (wanted.bytes, at, REFUSED, detail, self._origin.actor, None)
                    await unit.put(EVENT, [event])
                    if number < REFUSALS:
                        return False
                origin = self._origin._replace(reason=f"HTTP {http_status}")
                closed = await unit.set_status(wanted, Status.CLOSED, job.last_seen_at, origin)
            watch.rows = int(closed)
            return closed

    async def close_expired(self) -> int:
        """Close what is open though its ``expires_at`` has passed; return how many that were.

        In transactions of a few postings, so that no other writer waits long; interrupted, the rest
        stays open until the next time. Raises what :meth:`upsert` raises.
        """
        with self._watch("close_expired") as watch:
            self._before_write()
            now = self._clock()
            criteria = check_query(SearchQuery(status=Status.OPEN, expired=True)).at(now)
            origin = self._origin._replace(reason=EXPIRED)
            position: Position | None = None
            # What was written before, a standby may not have yet.
            with at_least(str(self._engine.url), await self._engine.position()):
                while True:
                    rows, position = await self._engine.scan_columns(
                        criteria, ("id",), limit=_SCAN, after=position
                    )
                    ids = [id for (id,) in rows]
                    closed = await close(self._engine, ids, origin, at=now, expired_at=now)
                    watch.rows += len(closed)
                    if position is None:
                        return watch.rows


async def close(
    engine: Engine,
    ids: Sequence[bytes],
    origin: Origin,
    *,
    at: datetime,
    unless_seen_after: datetime | None = None,
    expired_at: datetime | None = None,
) -> list[bytes]:
    """Close postings that were not seen after a time, or have expired at one, whatever is written
    meanwhile; return those that were open."""
    given = (Status.CLOSED, unless_seen_after, origin, at, expired_at)
    closed: list[bytes] = []
    for some in pieces(ids, _CLOSED):
        wanted = [UUID(bytes=id) for id in some]
        answers = await engine.set_statuses(wanted, *given)
        for id, answer in zip(some, answers, strict=True):
            if isinstance(answer, JobStoreError):
                raise answer
            if answer:
                closed.append(id)
    return closed


def pieces(values: Sequence[T], size: int) -> Iterator[list[T]]:
    """Yield values, so many at a time."""
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some
