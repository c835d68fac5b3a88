"""How well a store is, over HTTP, for a load balancer: 200 while it works, 503 when not.

Run it as ``python examples/health_over_http.py --port 8080``, and ask for ``/health``. The answer
is kept for some seconds, so that many who ask cost no more than one.
"""

from __future__ import annotations

import argparse
import asyncio
import json

import jobstore


class Health:
    """Answers every request with how the store is."""

    def __init__(self, store: jobstore.JobStore, keep: float = 5.0) -> None:
        self.store = store
        self.keep = keep
        self._asked_at = float("-inf")
        self._report = jobstore.HealthReport([])
        self._turn = asyncio.Lock()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        async with self._turn:
            now = asyncio.get_running_loop().time()
            if now - self._asked_at > self.keep:
                self._report = await self.store.health()
                self._asked_at = asyncio.get_running_loop().time()
        status = "503 Service Unavailable" if self._report.verdict == "fail" else "200 OK"
        body = json.dumps(self._report.to_json()).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/health+json\r\n"
        head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


async def main(url: str, port: int) -> None:
    async with (
        jobstore.connect(url) as store,
        await asyncio.start_server(Health(store), "127.0.0.1", port) as server,
    ):
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", default="sqlite:///jobs.db", help="URL of the store")
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    asyncio.run(main(options.store, options.port))
