"""MCP over standard input and output, for one agent on this machine."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, cast

from mcp.server.stdio import stdio_server

from jobstore.connecting import connect
from jobstore.service.guarding.callers import Scope
from jobstore.service.mcp.server import server
from jobstore.service.mcp.tool import Rights
from jobstore.settings.sections import Settings


async def serve(settings: Settings, *, allow_writes: bool, as_text: bool) -> None:
    """Serve the store until standard input ends.

    ``allow_writes`` and ``as_text`` as of :class:`.tool.Rights`. Raises what
    :func:`jobstore.connect` raises, before anything is answered.
    """
    given = settings.store
    async with connect(given.url, options=given.options, sources=settings.rules) as store:
        rights = Rights(Scope.WRITE, allow_writes, as_text)
        served = server(lambda: store, lambda _: rights)
        lines = cast("Any", _lines())
        async with stdio_server(stdin=lines) as (received, sent):
            await served.run(received, sent, served.create_initialization_options())


async def _lines() -> AsyncIterator[str]:
    """Yield the lines of standard input.

    A thread reads them that nobody waits for: one of asyncio's would keep the process from its end
    at a signal until somebody writes a line more.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue(1)

    def read() -> None:
        put = partial(asyncio.run_coroutine_threadsafe, loop=loop)
        # A file of its own: the interpreter wants that of sys.stdin at its end.
        with os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace") as file:
            for line in file:
                put(lines.put(line)).result()
            put(lines.put(None))

    threading.Thread(target=read, name="standard input", daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line
