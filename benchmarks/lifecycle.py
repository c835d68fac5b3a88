"""What it costs a store that its postings have lived: versions, groups, and who looks for them.

``python -m benchmarks lifecycle``. The same postings are in two stores, see :mod:`.living`; each
call is made on both, one right after the other, and what fails a run is a ratio between them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import jobstore
from benchmarks import Misuse, bare, following, generator, living, report
from benchmarks.databases import database, working_copy
from benchmarks.draws import Draws
from benchmarks.gates import Gate, Results
from benchmarks.measuring import Timings, at_once, quiet
from benchmarks.operations import Operation, reading_operations
from benchmarks.running import say
from jobstore.records import JobPosting, Page, SearchQuery
from jobstore.store import JobStore

PARTS = ("reads", "upserts", "follower", "beside")
ENGINES = ("sqlite", "postgres")
KINDS = ("plain", "lived")
GROUPS = "first page of what has lived, without and with groups"

READ_MOST = 1.2
"""A read of the store that has lived may take so much of the other's time: the widest margin that
the baseline has."""
UPSERT_MOST = 1.1
FOLLOWER_MOST = 5.0
"""Milliseconds of processor time that one posting may take."""
BESIDE_MOST = 1.05

_CALLS, _LEAST, _SECONDS = 60, 20, 1.5
_PER_ROUND = 512
_BESIDE_ROUNDS = 3
"""Times as many rounds beside a search: what is looked for is small."""


@dataclass(slots=True)
class _Place:
    """An engine, with the stores that are kept and copies of them."""

    stack: AsyncExitStack
    server: Any = None

    async def url(self, kind: str, scale: int) -> str:
        """Return the store of a kind, which is made once."""
        if self.server is None:
            return database(scale, kind).url
        from benchmarks.postgres.server import kept

        return await kept(self.server, kind, scale, partial(_fill, kind=kind, scale=scale))

    async def copy(self, kind: str, scale: int) -> str:
        """Return a copy to write to."""
        if self.server is None:
            return self.stack.enter_context(working_copy(database(scale, kind))).url
        from benchmarks.postgres.server import working_copy as server_copy

        url = await self.url(kind, scale)
        return self.stack.enter_context(server_copy(self.server, url))

    async def draws(self, kind: str, scale: int) -> Draws:
        """Return the questions, drawn from a store that is kept."""
        if self.server is None:
            with closing(bare.connect(database(scale, kind).path)) as conn:
                return Draws(conn)
        import psycopg

        from benchmarks.postgres.server import ServerDraws

        with psycopg.connect(await self.url(kind, scale)) as conn:
            return ServerDraws(conn)

    def spent(self) -> float:
        """Return the seconds of processor time of this process, and of the server's."""
        server = 0.0 if self.server is None else _server_seconds(self.server.url)
        return time.process_time() + server


def run(scale: int, rounds: int, engine: str, parts: Sequence[str] = PARTS) -> dict[str, Any]:
    """Measure ``parts`` at ``scale`` postings; returns plain numbers."""
    if unknown := set(parts).difference(PARTS):
        raise Misuse(
            f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}"
        )
    return asyncio.run(_run(scale, rounds, engine, parts))


async def _run(scale: int, rounds: int, engine: str, parts: Sequence[str]) -> dict[str, Any]:
    results: dict[str, Any] = {"scale": scale, "engine": engine, "machine": report.machine()}
    async with _place(engine) as place:
        if "reads" in parts:
            results["lived_reads"] = await _reads(place, scale, rounds)
        if "upserts" in parts:
            urls = {kind: await place.copy(kind, scale) for kind in KINDS}
            results["upserts"] = await _upserts(urls, scale, rounds)
        if "follower" in parts:
            say("the search for duplicates")
            url = await place.copy("plain", scale)
            async with jobstore.connect(url, clock=living.now) as store:
                results["follower"] = await following.costs(store, place.spent, 2 * scale)
        if "beside" in parts:
            results["beside"] = await _beside(await place.copy("plain", scale), scale, rounds)
    results["load_after"] = report.machine()["load"]
    return results


@asynccontextmanager
async def _place(engine: str) -> AsyncIterator[_Place]:
    async with AsyncExitStack() as stack:
        place = _Place(stack)
        if engine == "postgres":
            # Imported here: it needs a driver and a server.
            from benchmarks.postgres.server import running

            place.server = stack.enter_context(running())
        yield place


async def _fill(url: str, kind: str, scale: int) -> None:
    from benchmarks.postgres.server import settle

    say(f"storing {scale:,} postings ({kind})")
    async with jobstore.connect(url, migrate=True, clock=lambda: generator.NOW) as store:
        if kind == "lived":
            await living.fill(store, scale)
        else:
            await store.upsert_many(living.postings(scale))
    settle(url)


def _server_seconds(url: str) -> float:
    """Return the processor time of a server's processes that are there."""
    import psutil
    import psycopg

    with psycopg.connect(url) as conn:
        row = conn.execute("SHOW data_directory").fetchone()
    assert row is not None
    pid = int((Path(row[0]) / "postmaster.pid").read_text().split()[0])
    return sum(
        sum(each.cpu_times()[:2]) for each in psutil.Process(pid).children() if each.is_running()
    )


async def _reads(place: _Place, scale: int, rounds: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        stores: list[JobStore] = []
        every: list[list[Operation]] = []
        for kind in KINDS:
            url = await place.url(kind, scale)
            connecting = jobstore.connect(url, clock=lambda: generator.NOW)
            stores.append(await stack.enter_async_context(connecting))
            every.append(await reading_operations(await place.draws(kind, scale), stores[-1]))
        compared = [(stores, each) for each in zip(*every, strict=True)]
        # And what the groups alone cost a page: of the store that has lived, without and with them.
        one = stores[-1]
        compared.append(([one, one], _with_groups(await place.draws(KINDS[-1], scale))))
        found = {}
        for of, operations in compared:
            if not all(each.calls for each in operations):
                continue
            say(operations[0].name)
            timed = (Timings(), Timings())
            for number in range(rounds):
                await _round(of, operations, timed, number)
            ratios = [b / a for a, b in zip(timed[0].all, timed[1].all, strict=True)]
            found[operations[0].name] = {
                **{kind: each.summary() for kind, each in zip(KINDS, timed, strict=True)},
                "ratio": round(median(ratios), 3),
            }
        return found


def _with_groups(draws: Draws) -> tuple[Operation, Operation]:
    """Return the search for a first page that shows each duplicate, and the usual one."""
    queries = draws.words()
    both = ([replace(each, collapse_duplicates=False) for each in queries], queries)
    one, other = (Operation(GROUPS, [partial(_search, query) for query in each]) for each in both)
    return one, other


async def _search(query: SearchQuery, store: JobStore) -> Page:
    return await store.search(query)


async def _round(
    stores: Sequence[JobStore],
    operations: Sequence[Operation],
    timed: Sequence[Timings],
    number: int,
) -> None:
    """Make the same calls on both stores, which take turns in going first."""
    # A cursor belongs to its store, so each has calls of its own.
    both = [*zip(*(each.calls for each in operations), strict=False)]
    start = number * _CALLS % len(both)
    found: tuple[list[float], ...] = ([], [])
    clock = time.perf_counter
    for store, call in zip(stores, both[start], strict=True):
        await call(store)
    with quiet():
        until = clock() + _SECONDS
        for count, calls in enumerate(islice(cycle(both), start, start + _CALLS)):
            if count >= _LEAST and clock() > until:
                break
            for turn in (count % 2, 1 - count % 2):
                started = clock()
                await calls[turn](stores[turn])
                found[turn].append(clock() - started)
    for timings, durations in zip(timed, found, strict=True):
        timings.rounds.append(durations)


async def _upserts(urls: dict[str, str], scale: int, rounds: int) -> dict[str, Any]:
    """Measure 100 coroutines that upsert: what is new, what has changed, and that again."""
    say("upserts")
    times: dict[str, dict[str, list[tuple[float, float]]]] = {
        name: {kind: [] for kind in KINDS} for name in ("new", "changed", "unchanged")
    }
    number = min(_PER_ROUND, scale // (rounds + 1))
    known = living.postings(scale)
    async with AsyncExitStack() as stack:
        stores = {}
        for kind, url in urls.items():
            connecting = jobstore.connect(url, clock=living.now)
            stores[kind] = await stack.enter_async_context(connecting)
        for turn in range(rounds + 1):
            changed = [earlier_again(each) for each in islice(known, number)]
            for name, given in (
                ("new", [*generator.fresh(number, first=2 * scale + turn * number)]),
                ("changed", changed),
                ("unchanged", changed),
            ):
                for kind in KINDS[:: -1 if turn % 2 else 1]:
                    calls = [partial(stores[kind].upsert, JobPosting(**each)) for each in given]
                    with quiet():
                        spent, started = time.process_time(), time.perf_counter()
                        await at_once(calls, Timings())
                        passed = time.perf_counter() - started
                        spent = time.process_time() - spent
                    # The first turn warms up.
                    if turn:
                        times[name][kind].append((passed, spent))
    return {name: _compared(number, found) for name, found in times.items()}


def _compared(number: int, found: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    """Return rates and ratios of rounds of ``number`` upserts: their seconds, and those of the
    processor."""
    walls, busy = ({kind: [each[at] for each in found[kind]] for kind in KINDS} for at in (0, 1))
    return {
        **{f"{kind}_per_second": round(number / median(walls[kind])) for kind in KINDS},
        "ratio": round(median(_quotients(walls)), 3),
        "processor": round(median(_quotients(busy)), 3),
    }


def earlier_again(posting: dict[str, Any]) -> dict[str, Any]:
    """Return a posting with a title that it never had; who saw it is seeing it now."""
    changed = posting | {"title": f"{posting['title']} (again)"}
    return {name: value for name, value in changed.items() if not name.endswith("_seen_at")}


def _quotients(found: dict[str, list[float]]) -> list[float]:
    return [b / a for a, b in zip(found["plain"], found["lived"], strict=True)]


async def _beside(url: str, scale: int, rounds: int) -> dict[str, Any]:
    found = {}
    rounds *= _BESIDE_ROUNDS
    async with jobstore.connect(url, clock=living.now) as store, following.elsewhere(url) as other:
        for number, (name, searching) in enumerate(
            {"another process": other, "the same process": following.Here(store)}.items(), 3
        ):
            say(f"upserts beside a search in {name}")
            first = number * 10 * scale
            found[name] = await following.beside(store, searching, first, rounds, time.process_time)
    return found


def gates(results: Results) -> list[Gate]:
    """Return what the store is held to."""
    size = f"{results['scale']:,}"
    found = []
    for name, each in results.get("lived_reads", {}).items():
        label = f"{name} at {size}" if name == GROUPS else f"{name} at {size}, lived"
        found.append(Gate(label, each["ratio"], READ_MOST, kind="baseline"))
    for name, each in results.get("upserts", {}).items():
        label = f"upserts, {name}, processor time, lived"
        found.append(Gate(label, each["processor"], UPSERT_MOST, kind="baseline"))
    if follower := results.get("follower"):
        for name, figure, kind in (
            ("all of them", follower["all"], "baseline"),
            ("in pieces, p99", follower["in pieces"]["p99"], "baseline"),
            ("one at a time, p99", follower["one at a time"]["p99"], "goal"),
        ):
            label = f"a posting's search for duplicates, {name}, ms"
            found.append(Gate(label, figure, FOLLOWER_MOST, kind=kind))
    for name, each in results.get("beside", {}).items():
        kind = "baseline" if name == "another process" else "goal"
        label = f"upserts beside a search in {name}, slower"
        found.append(Gate(label, each["slower"], BESIDE_MOST, kind=kind))
    return found


def show(results: Results) -> None:
    """Print the figures of a run, as one table."""
    rows: list[tuple[str, ...]] = []
    for name, each in results.get("lived_reads", {}).items():
        times = (f"{each[kind][at]:.3f}" for kind in KINDS for at in ("p50", "p99"))
        rows.append((f"{name}, ms", *times, f"{each['ratio']:.2f}"))
    for name, each in results.get("upserts", {}).items():
        plain, lived = (f"{each[f'{kind}_per_second']:,.0f}" for kind in KINDS)
        ratio = f"{each['ratio']:.2f}"
        rows.append((f"upserts a second, {name}", plain, "", lived, "", ratio))
        rows.append((f"  their processor time, {name}", "", "", "", "", f"{each['processor']:.2f}"))
    for name in ("in pieces", "one at a time"):
        if follower := results.get("follower"):
            found = follower[name]
            figures = (f"{found['p50']:.2f}", f"{found['p99']:.2f}", "", "")
            label = f"search for duplicates, {name}, ms"
            rows.append((label, *figures, f"worst {found['max']:.2f}"))
    for name, each in results.get("beside", {}).items():
        alone, rate = f"{each['per_second_alone']:,.0f}", f"{each['per_second']:,.0f}"
        label = f"upserts a second, a search in {name}"
        rows.append((label, alone, "", rate, "", f"{each['slower']:.2f}"))
        rows.append(("  their processor time", "", "", "", "", f"{each['processor']:.2f}"))
    report.show_rows(
        f"{results['scale']:,} postings on {results['engine']}, just arrived and after they lived",
        ("", "plain p50", "p99", "lived p50", "p99", "ratio"),
        rows,
    )
