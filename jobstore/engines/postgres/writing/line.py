"""Where the writer's work runs: one task after another that no caller owns."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from jobstore.engines.owner import Owner
from jobstore.engines.postgres.errors import translated
from jobstore.engines.postgres.sessions import Sessions
from jobstore.errors import OutcomeUnknown, StoreClosed

Deliver = Callable[[Any, BaseException | None], object]


class Line:
    """Runs what is posted in order; see :class:`jobstore.engines.writing.turns.Line`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._owner = Owner()
        self._loop = self._owner.loop
        self._posted: deque[tuple[Callable[[Sessions], Awaitable[Any]], Deliver]] = deque()
        self._task: asyncio.Task[None] | None = None
        # Whoever happens to be first leaves nothing of its own behind in what runs for all.
        self._context = contextvars.Context()

    def future(self) -> asyncio.Future[Any]:
        """Return a new future of the loop that the store was opened on; else StoreClosed."""
        self._owner.check()
        return self._loop.create_future()

    def post(self, work: Callable[[Sessions], Awaitable[Any]], deliver: Deliver) -> None:
        """Run ``work(sessions)`` when its turn comes, then ``deliver(result, error)``."""
        self._posted.append((work, deliver))
        if self._task is None:
            self._task = self._loop.create_task(self._run(), context=self._context)

    def settle(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        """Give a future its result or its error, in terms of the store, unless it is done."""
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(translated(error))

    async def close(self) -> None:
        """Wait until all that was posted has run."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._posted:
                work, deliver = self._posted.popleft()
                result, failure = None, None
                try:
                    result = await work(self._sessions)
                except asyncio.CancelledError:
                    # The loop ends with the store still open: nobody may wait for ever. What was
                    # at its COMMIT may be stored.
                    deliver(None, OutcomeUnknown())
                    for _, waiting in self._posted:
                        waiting(None, StoreClosed())
                    self._posted.clear()
                    raise
                except BaseException as error:
                    failure = error
                deliver(result, failure)
        finally:
            self._task = None
