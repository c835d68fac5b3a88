"""Reading from standbys: when one is asked, and how far it has to be.

A position is a place in the primary's write-ahead log (LSN); a standby that has replayed the log
up to there shows everything that was committed before.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from jobstore.engines import named_statements
from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.readers import Readers
from jobstore.errors import Fault, InvalidQuery, JobStoreError, StoreTimeout

# Seconds for which nobody looks for a standby after none was found.
_AWAY = 5.0
# Seconds that a read waits for a standby that is behind, and between two looks at it.
_CATCHING_UP = 0.25
_BETWEEN = 0.01
_LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")
_SQL = named_statements.load("postgres")


class _Behind(Exception):
    """A standby has not got far enough."""


class Standbys:
    """The connections to standbys, and whether there is one."""

    def __init__(self, readers: Readers) -> None:
        self.readers = readers
        self._away_until = 0.0

    def may_be_asked(self) -> bool:
        """Tell whether a standby is worth a try."""
        return time.monotonic() >= self._away_until

    @contextmanager
    def standing_in(self) -> Iterator[Readers]:
        """Give the readers of standbys; go on after the block where they cannot answer.

        There is none, it was lost, it is behind, or what the primary did undid what was read. What
        is wrong with the question, and its time, is raised.
        """
        try:
            yield self.readers
        except _Behind:
            pass
        except JobStoreError as error:
            if isinstance(error, StoreTimeout) or not isinstance(error.__cause__, psycopg.Error):
                raise
            if not isinstance(error.__cause__, psycopg.errors.SerializationFailure):
                self._away_until = time.monotonic() + _AWAY


def check_position(position: str) -> None:
    """Raise InvalidQuery for a text that is no position."""
    if not _LSN.fullmatch(position):
        raise InvalidQuery([Fault("position", "must be what store.position() gave")])


async def current_position(session: Session) -> str:
    """Return how far the primary's log has got."""
    cursor = await session.execute(_SQL["current_position"])
    ((position,),) = await cursor.fetchall()
    if position is None:
        # A standby does not know what was acknowledged.
        raise psycopg.errors.ReadOnlySqlTransaction
    return str(position)


async def caught_up(session: Session, position: str | None) -> None:
    """Wait shortly until a standby has replayed the log up to ``position``."""
    if position is None:
        return
    end = time.monotonic() + _CATCHING_UP
    while True:
        cursor = await session.execute(_SQL["has_reached"], (position,))
        if await cursor.fetchone() == (True,):
            return
        if time.monotonic() > end:
            raise _Behind
        await asyncio.sleep(_BETWEEN)
