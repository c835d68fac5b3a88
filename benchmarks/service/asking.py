"""One HTTP client for all that is asked, what it asks, and what it saw."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any

_HEAD = "Host: 127.0.0.1\r\n"


@dataclass(slots=True)
class Told:
    """What a client saw: seconds of each answer, and how many had each status."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    unasked: int = 0
    """Answers with 503 or 429 that do not say when to ask again."""

    def add(self, seconds: float, status: int, head: bytes) -> None:
        """Take an answer."""
        self.seconds.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status in (429, 503) and b"retry-after:" not in head.lower():
            self.unasked += 1

    def ms(self, share: float) -> float:
        """Return a percentile in milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._writer.close()

    async def ask(self, request: bytes) -> tuple[int, bytes, bytes]:
        """Send a request; return the status, the head and the body of its answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        low = head.lower()
        if (found := re.search(rb"content-length: (\d+)", low)) is not None:
            body = await self._reader.readexactly(int(found[1]))
        else:
            body = b""
            while size := int(await self._reader.readline(), 16):
                body += await self._reader.readexactly(size)
                await self._reader.readexactly(2)
            await self._reader.readexactly(2)
        return int(head[9:12]), head, body


def get(path: str) -> bytes:
    """Return a request."""
    return f"GET {path} HTTP/1.1\r\n{_HEAD}\r\n".encode()


def put(number: int) -> bytes:
    """Return a request that stores a posting."""
    body = json.dumps(posting(number)).encode()
    head = f"PUT /v1/postings/load/{number} HTTP/1.1\r\n{_HEAD}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def posting(number: int) -> dict[str, Any]:
    return {"title": f"Engineer {number}", "company": "Acme", "description": "Data. " * 100}


def call_tool(words: str) -> bytes:
    """Return a search as MCP's tool takes it."""
    call = {"name": "search_jobs", "arguments": {"query": words}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    accepts = "application/json, text/event-stream"
    head = f"POST /mcp HTTP/1.1\r\n{_HEAD}Content-Type: application/json\r\nAccept: {accepts}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
