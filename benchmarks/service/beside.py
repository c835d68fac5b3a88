"""Search and get over HTTP and MCP, beside Datasette on the same file and the library itself."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any
from urllib.parse import urlencode

import jobstore
from benchmarks.databases import Database
from benchmarks.service.asking import Client, call_tool, get
from benchmarks.service.servers import CONNECTIONS, SECONDS, Server, rate
from jobstore import SearchQuery
from jobstore.service.answers.searching import FIELDS


async def _library(
    call: Callable[[int], Awaitable[Any]], seconds: float = SECONDS
) -> dict[str, float]:
    """The same, by the library in this process."""
    started, cpu, count = time.perf_counter(), time.process_time(), 0

    async def one(number: int) -> None:
        nonlocal count
        while time.perf_counter() - started < seconds:
            number += 1
            await call(number)
            count += 1

    await asyncio.gather(*(one(7 * each) for each in range(CONNECTIONS)))
    took = time.perf_counter() - started
    return {"per_second": count / took, "cpu_ms": 1000 * (time.process_time() - cpu) / count}


async def beside(
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
            asked["search over MCP"] = [call_tool(each) for each in words]
            theirs["search over MCP"] = theirs["search"]
            own["search over MCP"] = own["search"]
        found: dict[str, dict[str, list[float]]] = {}
        for _ in range(rounds):
            for each in asked:
                turns = found.setdefault(each, {})
                for who, one in (
                    ("jobstore", await rate(served, asked[each])),
                    ("datasette", await rate(datasette, theirs[each])),
                    ("library", await _library(own[each])),
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
        status, _, _ = await client.ask(call_tool("engineer"))
    return status == 200
