"""Who an open store belongs to: the event loop and the process that opened it."""

from __future__ import annotations

import asyncio
import os

from jobstore.errors import StoreClosed


class Owner:
    """The running event loop and this process."""

    __slots__ = ("loop", "process")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.process = os.getpid()

    def check(self) -> None:
        """Raise StoreClosed on another loop, where waiting for an answer would never end, and in
        a process that was forked since, which must not touch what it has inherited."""
        # First, since asyncio knows of no running loop in a process that was forked by one.
        if os.getpid() != self.process:
            raise StoreClosed(
                "The store was opened by the process that this one was forked from, and stays "
                "open there; start workers with 'spawn' and open the store in each."
            )
        if asyncio.get_running_loop() is not self.loop:
            raise StoreClosed("The store was opened on another event loop; open it on this one.")
