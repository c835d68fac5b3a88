"""The connections that read: a bounded number of them, each used by one call at a time.

Which connection comes next is decided here; how one is made is not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from psycopg.pq import TransactionStatus

from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.errors import TOO_MANY, sqlstate

# Seconds that a connection of a reader lives: after a failover, or behind several addresses, they
# spread over the servers again.
_LIFETIME = 3600.0


class Readers:
    """Connections that read, ``most`` at a time, each used by one call; they are made when needed.

    With psycopg's own pool reading a posting by its id takes longer (make bench-postgres measures
    it), and where the server cannot be reached it says only that time is over.
    """

    def __init__(self, connect: Callable[[], Awaitable[Session]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._made = 0
        self._free: list[Session] = []
        self._waiting: deque[asyncio.Future[Session | None]] = deque()
        self._loop = asyncio.get_running_loop()

    async def take(self) -> Session:
        """Return a connection that nobody else has until it is given back.

        Raises psycopg's errors of connecting; where the server has no connection left, only if
        there is no other one to wait for.
        """
        while True:
            while self._free:
                session = self._free.pop()
                if session.is_alive() and self._loop.time() < session.born + _LIFETIME:
                    return session
                self._drop(session)
            if self._made < self._most:
                self._made += 1
                try:
                    return await self._connect()
                except BaseException as error:
                    self._made -= 1
                    # Where the server has none left for us, those that we have come back.
                    if not (self._made and sqlstate(error) == TOO_MANY):
                        self._wake(None)
                        raise
            turn: asyncio.Future[Session | None] = self._loop.create_future()
            self._waiting.append(turn)
            try:
                given = await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    # It came at the very moment; somebody else can use it.
                    self._wake(turn.result())
                raise
            if given is not None:
                return given

    def give(self, session: Session) -> None:
        """Take a connection back. One that is not as it was is closed, and another one made."""
        if session.pgconn.transaction_status == TransactionStatus.IDLE:
            self._wake(session)
        else:
            self._drop(session)
            self._wake(None)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._free:
            self._drop(self._free.pop())

    def _drop(self, session: Session) -> None:
        self._made -= 1
        session.pgconn.finish()

    def _wake(self, session: Session | None) -> None:
        """Give a connection, or the room for one, to who has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(session)
                return
        if session is not None:
            self._free.append(session)
