"""That requests were answered: counted, and told in a log in which nothing of what they said is.

Neither holds an answer up: lines are put aside, and written many at a time by a thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

from jobstore.events import Event, Observer
from jobstore.operations import logs
from jobstore.service.guarding.callers import Caller
from jobstore.service.tracing import route_of

_log = logs.get("service")

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Seconds until lines are written, and how many may wait: the disk may be slow.
_PAUSE = 0.5
_MOST = 20_000


class Telling:
    """Tells of each request that was answered.

    ``log``: whether it has a line in access.log. ``observer`` is told of it as of an operation
    that is called ``METHOD ROUTE STATUS``, such as ``GET /v1/postings 2xx``.
    """

    def __init__(self, *, log: bool, observer: Observer | None = None) -> None:
        self._log = log
        self._observer = observer
        self._names: dict[tuple[str, str, int], str] = {}
        self._lines: list[dict[str, Any]] = []
        self._lost = 0
        self._due: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None

    def __call__(
        self,
        scope: MutableMapping[str, Any],
        id: str,
        caller: Caller | None,
        status: int | None,
        seconds: float,
    ) -> None:
        """Tell of one; ``status`` is ``None`` where the client went before it was answered."""
        method = scope["method"] if scope["method"] in _METHODS else "?"
        route = route_of(scope) or "-"
        if self._observer is not None:
            key = (method, route, (status or 0) // 100)
            if (name := self._names.get(key)) is None:
                name = f"{method} {route} {key[2]}xx" if status else f"{method} {route} none"
                self._names[key] = name
            self._observer(Event(name, seconds, 1))
        if not self._log:
            return
        if len(self._lines) >= _MOST:
            self._lost += 1
            return
        self._lines.append(
            {
                "at": time.time(),
                "event": "answered",
                "request": id,
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "caller": caller and caller.name,
            }
        )
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(_PAUSE, self._write)

    def _write(self) -> None:
        self._due = None
        if self._writing is not None and not self._writing.done():
            # A slow disk: what comes meanwhile waits with the rest.
            self._due = asyncio.get_running_loop().call_later(_PAUSE, self._write)
            return
        lines, self._lines = self._lines, []
        if self._lost:
            _log.warning("requests have no line in the log", count=self._lost)
            self._lost = 0
        if lines:
            self._writing = asyncio.get_running_loop().run_in_executor(
                None, logs.many, "access", lines
            )

    async def close(self) -> None:
        """Write what waits."""
        if self._due is not None:
            self._due.cancel()
        if self._writing is not None:
            await self._writing
        self._write()
        if self._writing is not None:
            await self._writing
