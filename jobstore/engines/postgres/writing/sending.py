"""How what was planned reaches the server: part after part, of which each is worked out while the
server writes the one before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple, TypeVar

from jobstore.engines.postgres.connection import Session
from jobstore.engines.postgres.writing import changes
from jobstore.engines.postgres.writing.batch import Batch, Stored, gathered, wanted
from jobstore.engines.postgres.writing.planning import Planned
from jobstore.engines.postgres.writing.proof import Evidence

T = TypeVar("T")

# So many operations are worked out on the event loop; more go to a thread meanwhile.
_FEW = 8
# Postings that are worked out at a time while the server writes those before.
_PART = 32


class Sender:
    """Writes what was planned, for all transactions of a process."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def write(
        self,
        conn: Session,
        planned: Planned,
        stored: Stored,
        now: datetime,
        evidence: Evidence,
        finish: Callable[[], Awaitable[None]],
    ) -> None:
        """Write what was planned, and ``finish`` together with the last part of it.

        ``evidence`` takes in what will be there.
        """
        number, found = await changes.read(conn, wanted(planned.changes, stored), evidence.number)
        evidence.transaction = conn.history, number
        size, deletions = len(planned.changes), planned.deletions
        parts = gathered(planned.changes, stored, found, now, size=_PART, deletions=deletions)

        def following() -> _Part:
            batch = next(parts)
            return _Part(batch, changes.prepared(batch))

        part = await self.apart(size, following)
        while not part.batch.is_last:
            evidence.add(part.batch)
            working = asyncio.ensure_future(self.apart(size, following))
            try:
                async with conn.pipeline():
                    await changes.write(conn, *part)
            finally:
                # The thread is not left alone with what nobody waits for.
                await asyncio.wait([working])
            part = working.result()
        evidence.add(part.batch)
        async with conn.pipeline():
            await changes.write(conn, *part)
            await finish()

    async def apart(self, size: int, work: Callable[[], T]) -> T:
        """Run what needs no server, on a thread where it would hold up the event loop."""
        if size <= _FEW:
            return work()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "jobstore-postgres")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Let go of the thread."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)


class _Part(NamedTuple):
    """Rows that are written together, and their texts."""

    batch: Batch
    texts: dict[str, list[str]]
