"""Calls that are cancelled at any moment: each is done or not, and the store goes on."""

from __future__ import annotations

import asyncio
import random

import jobstore
from jobstore import EngineOptions, JobStore, SearchQuery
from jobstore.settings import sqlite_url
from tests.torture.acknowledged import Log, judge, made, read_log
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.commands import WRITING
from tests.torture.rounds import Outcome, Round
from tests.torture.writing import Writer

_STEPS = 60
_WRITERS = 12


async def _read(store: JobStore) -> None:
    await store.search(SearchQuery(text="engineer words"), facets=["company"])
    async for _ in store.stream():
        pass


async def _cancel_some(store: JobStore, writers: list[Writer], choices: random.Random) -> int:
    """Begin a call of each writer and some reads; cancel some at a moment; count those."""
    tasks = [asyncio.create_task(each.write(store)) for each in writers]
    tasks += [asyncio.create_task(_read(store)) for _ in range(3)]
    for _ in range(choices.choice((0, 1, 2, 3, 5, 8, 20))):
        await asyncio.sleep(0)
    if choices.random() < 0.5:
        await asyncio.sleep(choices.random() * 0.004)
    for task in choices.sample(tasks, choices.randint(1, len(tasks))):
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return sum(isinstance(result, asyncio.CancelledError) for result in results)


async def _work(url: str, log: Log, round: Round, outcome: Outcome) -> None:
    choices = round.choices
    writers = [Writer(log, f"c{number}", f"{round.seed}:{number}") for number in range(_WRITERS)]
    cancelled = 0
    async with jobstore.connect(url, options=EngineOptions(busy_timeout=20)) as store:
        for _ in range(_STEPS):
            cancelled += await _cancel_some(store, writers, choices)
        # Nobody holds it up, and nothing of the others is in this one's transaction.
        await store.upsert(made("after", 1))
    if not cancelled:
        outcome.fault("wrong", "nothing was cancelled in time")


def cancel(round: Round) -> Outcome:
    """Cancel calls that write and that read."""
    outcome = Outcome()
    place = place_in(round)
    WRITING.prepare(place)
    log = Log(place.beside / "log")
    asyncio.run(_work(sqlite_url(place.store), log, round, outcome))
    log.tried({"after": 1})
    log.done({"after": 1})
    log.close()
    told = read_log(place.beside / "log")
    judge(place.store, told, outcome, usual={"OutcomeUnknown", "JobNotFound"})
    return outcome
