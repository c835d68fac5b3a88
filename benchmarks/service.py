"""The service: what HTTP costs over the library's own call, beside Datasette, and under load.

``python -m benchmarks service`` starts ``jobstore serve`` and ``datasette serve`` on one SQLite
file, and asks both with the same client, in turns. Then 200 clients search while 50 write, over
HTTP and by the library, and 10,000 clients connect and say nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import psutil

import jobstore
from benchmarks import report
from benchmarks.databases import Database, database, working_copy
from benchmarks.gates import Gate
from benchmarks.running import say
from jobstore import JobPosting, JobStore, SearchQuery
from jobstore.service.answers.searching import FIELDS

AT_LEAST = 2.0
"""What Datasette's requests a second are multiplied by, at least."""
SLOWEST_MS = 50.0
"""What p99 of a search may be under load, on a machine that has nothing else to do."""

_SECONDS = 2.0
_CONNECTIONS = 8
_SEARCHING, _WRITING = 200, 50
# Seconds of load, and between two requests of a client: nobody reads faster.
_LOAD = 10.0
_PAUSE = 2.0
_SILENT = 10_000
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
    body = json.dumps(_posting(number)).encode()
    head = f"PUT /v1/postings/load/{number} HTTP/1.1\r\n{_HEAD}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _posting(number: int) -> dict[str, Any]:
    return {"title": f"Engineer {number}", "company": "Acme", "description": "Data. " * 100}


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


async def _rate(server: Server, requests: Sequence[bytes], seconds: float) -> dict[str, float]:
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

    await asyncio.gather(*(one(7 * each) for each in range(_CONNECTIONS)))
    count, took = len(told.seconds), time.perf_counter() - started
    return {
        "per_second": count / took,
        "cpu_ms": 1000 * (server.cpu() - before) / count,
        "p50_ms": told.ms(0.5),
    }


async def _library(call: Callable[[int], Awaitable[Any]], seconds: float) -> dict[str, float]:
    """The same, by the library in this process."""
    started, cpu, count = time.perf_counter(), time.process_time(), 0

    async def one(number: int) -> None:
        nonlocal count
        while time.perf_counter() - started < seconds:
            number += 1
            await call(number)
            count += 1

    await asyncio.gather(*(one(7 * each) for each in range(_CONNECTIONS)))
    took = time.perf_counter() - started
    return {"per_second": count / took, "cpu_ms": 1000 * (time.process_time() - cpu) / count}


async def _beside(
    served: Server, datasette: Server, copy: Database, rounds: int
) -> dict[str, dict[str, float]]:
    """Ask for pages and postings, in turns."""
    async with jobstore.connect(copy.url) as store:
        page = await store.search(SearchQuery(), limit=100)
        ids = [each.id for each in page.items]
        words = sorted({word.lower() for each in page.items for word in each.title.split()})
        words = [each for each in words if each.isascii() and each.isalpha() and len(each) > 2]
        name = copy.path.stem
        # Its own search gives a page and the total, as ours does; ours has excerpts too.
        fields = ",".join(each for each in FIELDS if each != "snippet")
        plain = {"fields": fields}
        # What a hand can write for it: the same page and total, by our index, without excerpts.
        sql = (
            "select p.*, (select count(*) from (select 1 from text_index where text_index match :w "
            "limit 1001)) as total from text_index w join posting p on p.place = 34359738368 - "
            "w.rowid where w.text_index match :w order by w.rowid limit 20"
        )
        table, by_hand = (
            f"/{name}/posting.json?_size=20&_shape=objects",
            f"/{name}.json?_shape=objects",
        )
        asked = {
            "search": [get(f"/v1/postings?{urlencode({'text': each})}") for each in words],
            "search without excerpts": [
                get(f"/v1/postings?{urlencode({'text': each, **plain})}") for each in words
            ],
            "get": [get(f"/v1/postings/{each}") for each in ids],
        }
        theirs = {
            "search": [get(f"{table}&{urlencode({'_search': each})}") for each in words],
            "search without excerpts": [
                get(f"{by_hand}&{urlencode({'sql': sql, 'w': each})}") for each in words
            ],
            "get": [get(f"/{name}/posting/{each}.json") for each in await _places(datasette, name)],
        }
        own: dict[str, Callable[[int], Awaitable[Any]]] = {
            "search": lambda number: store.search(SearchQuery(text=words[number % len(words)])),
            "search without excerpts": lambda number: store.search(
                SearchQuery(text=words[number % len(words)]), snippets=False
            ),
            "get": lambda number: store.get(ids[number % len(ids)]),
        }
        if await _has_mcp(served):
            asked["search over MCP"] = [_call(each) for each in words]
            theirs["search over MCP"] = theirs["search"]
            own["search over MCP"] = own["search"]
        found: dict[str, dict[str, list[float]]] = {}
        for _ in range(rounds):
            for each in asked:
                turns = found.setdefault(each, {})
                for who, one in (
                    ("jobstore", await _rate(served, asked[each], _SECONDS)),
                    ("datasette", await _rate(datasette, theirs[each], _SECONDS)),
                    ("library", await _library(own[each], _SECONDS)),
                ):
                    for figure, value in one.items():
                        turns.setdefault(f"{who} {figure}", []).append(value)
    told = {
        each: {name: median(turn) for name, turn in turns.items()} for each, turns in found.items()
    }
    for figures in told.values():
        figures["against datasette"] = (
            figures["jobstore per_second"] / figures["datasette per_second"]
        )
        figures["cpu against datasette"] = figures["datasette cpu_ms"] / figures["jobstore cpu_ms"]
        figures["cpu over the library"] = figures["jobstore cpu_ms"] / figures["library cpu_ms"]
    return told


async def _places(datasette: Server, name: str) -> list[int]:
    sql = urlencode({"sql": "select place from posting limit 100", "_shape": "arrayfirst"})
    async with Client(datasette.port) as client:
        _, _, body = await client.ask(get(f"/{name}.json?{sql}"))
    found: list[int] = json.loads(body)
    return found


async def _has_mcp(served: Server) -> bool:
    async with Client(served.port) as client:
        status, _, _ = await client.ask(_call("engineer"))
    return status == 200


def _call(words: str) -> bytes:
    """Return a search as MCP's tool takes it."""
    call = {"name": "search_jobs", "arguments": {"query": words}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()
    accepts = "application/json, text/event-stream"
    head = f"POST /mcp HTTP/1.1\r\n{_HEAD}Content-Type: application/json\r\nAccept: {accepts}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


Asking = Callable[[], Awaitable[tuple[int, bytes]]]


async def _under_load(
    searching: Sequence[Asking], writing: Sequence[Asking], seconds: float
) -> tuple[Told, Told]:
    """Let clients ask with pauses; those are no part of what is measured."""
    searches, writes = Told(), Told()
    started = time.perf_counter()
    drawn = random.Random(1)

    async def one(ask: Asking, told: Told, first: float) -> None:
        await asyncio.sleep(first)
        while time.perf_counter() - started < seconds:
            asked_at = time.perf_counter()
            status, head = await ask()
            told.add(time.perf_counter() - asked_at, status, head)
            await asyncio.sleep(_PAUSE)

    await asyncio.gather(
        *(one(each, searches, drawn.random() * _PAUSE) for each in searching),
        *(one(each, writes, drawn.random() * _PAUSE) for each in writing),
    )
    return searches, writes


async def _load(served: Server, copy: Database) -> dict[str, Any]:
    """200 clients search and 50 write, over HTTP, and then by the library alone."""
    numbers = iter(range(10**9))
    words = ("engineer", "data", "senior", "manager", "python")

    def over_http(client: Client, request: Callable[[], bytes]) -> Asking:
        async def ask() -> tuple[int, bytes]:
            status, head, _ = await client.ask(request())
            return status, head

        return ask

    def search() -> bytes:
        return get(f"/v1/postings?text={words[next(numbers) % len(words)]}")

    async with AsyncClients(served.port, _SEARCHING + _WRITING) as clients:
        asking = [over_http(each, search) for each in clients[:_SEARCHING]]
        writing = [over_http(each, lambda: put(next(numbers))) for each in clients[_SEARCHING:]]
        # What is made at first is no growth.
        await _under_load(asking, writing, _LOAD / 2)
        before = served.memory()
        searches, writes = await _under_load(asking, writing, _LOAD)
        after = served.memory()
    async with jobstore.connect(copy.url) as store:
        own = [_by_library(store, words, numbers, write=False)] * _SEARCHING
        own_writing = [_by_library(store, words, numbers, write=True)] * _WRITING
        own_searches, own_writes = await _under_load(own, own_writing, _LOAD)
    statuses: dict[int, int] = {}
    for told in (searches, writes):
        for status, count in told.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    figures: dict[str, Any] = {
        f"{what} {share}": told.ms(float(share[1:]) / 100)
        for what, told in (
            ("searches", searches),
            ("writes", writes),
            ("library searches", own_searches),
            ("library writes", own_writes),
        )
        for share in ("p50", "p99")
    }
    figures["statuses"] = statuses
    figures["without Retry-After"] = searches.unasked + writes.unasked
    figures["memory MiB"] = [round(each / 1024**2, 1) for each in (before, after)]
    return figures


def _by_library(
    store: JobStore, words: Sequence[str], numbers: Iterator[int], *, write: bool
) -> Asking:
    async def ask() -> tuple[int, bytes]:
        number = next(numbers)
        if write:
            await store.upsert(
                JobPosting(source="load", source_job_id=str(number), **_posting(number))
            )
        else:
            await store.search(SearchQuery(text=words[number % len(words)]), limit=20)
        return 200, b""

    return ask


class AsyncClients:
    """Many connections that are kept."""

    def __init__(self, port: int, count: int) -> None:
        self._clients = [Client(port) for _ in range(count)]

    async def __aenter__(self) -> list[Client]:
        for each in self._clients:
            await each.__aenter__()
        return self._clients

    async def __aexit__(self, *error: object) -> None:
        for each in self._clients:
            await each.__aexit__()


async def _silent(served: Server) -> dict[str, Any]:
    """Ask while thousands are connected and say nothing."""
    request = get("/v1/postings?text=engineer")
    before = await _rate(served, [request], _SECONDS)
    hold = (
        "import resource, socket, sys\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))\n"
        f"many = min({_SILENT}, hard - 100)\n"
        f"held = [socket.create_connection(('127.0.0.1', {served.port})) for _ in range(many)]\n"
        "print(many, flush=True)\n"
        "sys.stdin.read()\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", hold),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    many = int(await process.stdout.readline())
    beside = await _rate(served, [request], _SECONDS)
    process.stdin.close()
    await process.wait()
    return {
        "silent": many,
        "per_second": [round(each["per_second"]) for each in (before, beside)],
        "p50_ms": [round(each["p50_ms"], 1) for each in (before, beside)],
    }


def run(scale: int, rounds: int) -> dict[str, Any]:
    """Measure everything; returns plain numbers."""
    results: dict[str, Any] = {"scale": scale, "machine": report.machine()}
    with working_copy(database(scale)) as copy, ExitStack() as stack:
        # Datasette searches tables that have an index of its kind; descriptions are in none.
        with closing(sqlite3.connect(copy.path)) as own:
            own.executescript(
                "CREATE VIRTUAL TABLE posting_fts USING fts5(title, company, location, "
                "content='posting', content_rowid='place');"
                "INSERT INTO posting_fts(posting_fts) VALUES ('rebuild');"
            )
        served = stack.enter_context(
            program(
                *("jobstore", "serve", "--quiet", "--store", copy.url, "--port", "{port}"),
                JOBSTORE_SERVICE__ANONYMOUS="write",
                JOBSTORE_SERVICE__HEADER_SECONDS="600",
            )
        )
        # Guessing what to count costs it half a second a page.
        settings = ("--setting", "suggest_facets", "off")
        with program(
            *("datasette", "serve", str(copy.path), "--port", "{port}", *settings)
        ) as datasette:
            say("search and get, beside Datasette and the library")
            results["beside"] = asyncio.run(_beside(served, datasette, copy, rounds))
        say("200 search while 50 write")
        results["load"] = asyncio.run(_load(served, copy))
        say("10,000 say nothing")
        results["silent"] = asyncio.run(_silent(served))
    results["machine"]["load"] = [round(each, 2) for each in os.getloadavg()]
    return results


def gates(results: dict[str, Any]) -> list[Gate]:
    """Return what was promised, and what came of it."""
    load = results["load"]
    found = [
        Gate(
            f"{each}: requests a second against Datasette",
            figures["against datasette"],
            AT_LEAST if each in ("search", "get") else 1.0,
            at_least=True,
            kind="promise" if each in ("search", "get") else "goal",
        )
        for each, figures in results["beside"].items()
    ]
    allowed = (200, 201, 429, 503)
    strange = sum(count for status, count in load["statuses"].items() if status not in allowed)
    before, after = load["memory MiB"]
    return [
        *found,
        Gate("answers under load that are errors", strange, 0, kind="promise"),
        Gate("429 and 503 without Retry-After", load["without Retry-After"], 0, kind="promise"),
        Gate("memory after the load, to that before", after / before, 1.1, kind="promise"),
        # Others that work on the machine are felt by both.
        Gate("p99 of searches under load, ms", load["searches p99"], SLOWEST_MS),
    ]


def show(results: dict[str, Any]) -> None:
    """Print the figures."""
    print(json.dumps(results, indent=1))


def keep(results: dict[str, Any]) -> Path:
    """Write them down."""
    return report.write(results, f"service-{results['scale']}")
