"""A scraper of 100 coroutines that await one store, against a job board made up here.

Run it as ``python examples/asyncio_scraper.py``; it needs no network. The board is an HTTP
server on 127.0.0.1 that behaves as boards do: its pages overlap, some requests fail and work
when they are repeated, a few advertisements are broken. The second visit finds most postings
unchanged, some with more applicants and a new one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import jobstore

POSTINGS = Path(__file__).with_name("postings.jsonl")
COROUTINES = 100
PER_PAGE = 25
TRIES = 5


class FakeBoard:
    """A job board: ``/jobs?page=N`` lists ids, ``/jobs/ID`` gives a posting as JSON."""

    def __init__(self, postings: list[dict[str, Any]], seed: int = 7) -> None:
        self.postings = {posting["source_job_id"]: posting for posting in postings}
        self._chance = random.Random(seed)
        self._refused: set[str] = set()

    async def __aenter__(self) -> FakeBoard:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ", 2)[1].decode()
        status, body = self._respond(path)
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def _respond(self, path: str) -> tuple[int, bytes]:
        # One request in eight fails the first time.
        if path not in self._refused and self._chance.random() < 1 / 8:
            self._refused.add(path)
            return self._chance.choice([429, 500, 503]), b"try again"
        if path.startswith("/jobs?page="):
            start = (int(path.partition("=")[2]) - 1) * PER_PAGE
            # Pages overlap by five, as they do while new postings push the others down.
            listed = list(self.postings)[max(0, start - 5) : start + PER_PAGE]
            return 200, json.dumps(listed).encode()
        posting = self.postings.get(path.removeprefix("/jobs/"))
        return (404, b"gone") if posting is None else (200, json.dumps(posting).encode())


async def fetch(port: int, path: str, counts: Counter[str]) -> Any:
    """Get a page as JSON; repeat what may work the next time, at most four times."""
    for attempt in range(TRIES):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: board\r\n\r\n".encode())
            response = await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
        head, _, body = response.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status == 200:
            return json.loads(body)
        if status == 404:
            return None
        counts["retried"] += 1
        await asyncio.sleep(0.01 * 2**attempt)
    raise ConnectionError(f"{path} failed {TRIES} times")


async def scrape(port: int, store: jobstore.JobStore) -> Counter[str]:
    """Visit the whole board once and store what is found; return what happened how often."""
    counts: Counter[str] = Counter()
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=2 * COROUTINES)

    async def work() -> None:
        while True:
            key = await queue.get()
            try:
                posting = await fetch(port, f"/jobs/{key}", counts)
                # Every worker awaits the same store; it writes what waits together at once.
                result = await store.upsert(posting)
                counts[result.outcome] += 1
                counts["values left out"] += len(result.warnings)
            except jobstore.InvalidPosting as error:
                counts["rejected"] += 1
                print(f"  {key}: {error}", file=sys.stderr)
            except ConnectionError:
                counts["failed"] += 1
            finally:
                queue.task_done()

    workers = [asyncio.create_task(work()) for _ in range(COROUTINES)]
    page = 1
    while keys := await fetch(port, f"/jobs?page={page}", counts):
        for key in keys:
            await queue.put(key)
        page += 1
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return counts


def board_postings() -> list[dict[str, Any]]:
    """The postings that the board has at first: 200 of the made-up ones.

    Three have faults; one of these has no title, without which it cannot be stored.
    """
    with POSTINGS.open(encoding="utf-8") as file:
        postings = [json.loads(line) for line, _ in zip(file, range(200), strict=False)]
    postings = [posting | {"source": "fake-board"} for posting in postings]
    postings[20]["title"] = "  "
    postings[90] |= {"salary_min": 90_000, "salary_max": 60_000, "salary_currency": "EUR"}
    postings[150] |= {"url": "javascript:void(0)", "country": "Atlantis"}
    return postings


async def main(url: str) -> dict[str, Counter[str]]:
    """Scrape the board twice into the store at ``url``."""
    postings = board_postings()
    visits: dict[str, Counter[str]] = {}
    async with FakeBoard(postings) as board, jobstore.connect(url, migrate=True) as store:
        visits["first"] = await scrape(board.port, store)
        # A day later: more people applied to ten of them, and there is a new one.
        for posting in postings[:10]:
            posting["applicant_count"] = posting.get("applicant_count", 0) + 5
        new = postings[10] | {"source_job_id": "brand-new", "title": "Keeper of Bees"}
        board.postings = {"brand-new": new, **board.postings}
        visits["second"] = await scrape(board.port, store)
        for name, counts in visits.items():
            print(f"{name} visit: {', '.join(f'{counts[k]} {k}' for k in sorted(counts))}")
        print(f"the store now holds {await store.count()} postings; bees:")
        for item in (await store.search(jobstore.SearchQuery(text="title:bees"))).items:
            print(f"  {item.title}, {item.company}, {item.location}")
    return visits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", help="URL of the store; a temporary one when left out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(options.store or f"sqlite:///{folder}/jobs.db"))
