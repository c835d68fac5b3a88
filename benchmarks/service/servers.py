"""Programs that listen, and how fast they answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from benchmarks.service.asking import Client, Told

SECONDS = 2.0
"""How long each turn takes."""
CONNECTIONS = 8
"""How many ask at once."""


@dataclass(slots=True)
class Server:
    """A program that listens, and the processes that answer for it."""

    port: int
    process: subprocess.Popen[bytes]

    def answering(self) -> list[psutil.Process]:
        """Return the processes."""
        own = psutil.Process(self.process.pid)
        return own.children() or [own]

    def cpu(self) -> float:
        """Return the seconds of processor time that they used."""
        return sum(sum(each.cpu_times()[:2]) for each in self.answering())

    def memory(self) -> int:
        """Return the bytes of memory that are their own."""
        return sum(each.memory_full_info().uss for each in self.answering())


@contextmanager
def program(*command: str, **more: str) -> Iterator[Server]:
    """Run a server; ``{port}`` in its command is a free one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [each.format(port=port) for each in command]
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        env={**os.environ, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 120
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{command[0]} does not listen") from None
                time.sleep(0.1)
        yield Server(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


async def rate(
    server: Server, requests: Sequence[bytes], seconds: float = SECONDS
) -> dict[str, float]:
    """Ask as fast as is answered on a few connections."""
    told = Told()
    before, started = server.cpu(), time.perf_counter()

    async def one(number: int) -> None:
        async with Client(server.port) as client:
            while time.perf_counter() - started < seconds:
                number = (number + 1) % len(requests)
                asked_at = time.perf_counter()
                status, head, body = await client.ask(requests[number])
                told.add(time.perf_counter() - asked_at, status, head)
                if status != 200 or len(body) < 100:
                    raise RuntimeError(f"{requests[number]!r} was answered {head!r} {body[:200]!r}")

    await asyncio.gather(*(one(7 * each) for each in range(CONNECTIONS)))
    count, took = len(told.seconds), time.perf_counter() - started
    return {
        "per_second": count / took,
        "cpu_ms": 1000 * (server.cpu() - before) / count,
        "p50_ms": told.ms(0.5),
    }
