"""A process that writes to a store in every way there is, and keeps a log of what it was told.

``python -m tests.torture.writing STORE LOG NAME SEED`` writes with some coroutines, each to keys of
its own; ``--writes N`` ends it after so many tries, ``--adding`` lets it only add, and with
``--visits`` it opens and closes the store again and again as well. Errors of jobstore are logged,
and it goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from pathlib import Path

import jobstore
from jobstore import EngineOptions, JobStore, JobStoreError, job_id
from jobstore.settings import sqlite_url
from tests.torture.acknowledged import ABSENT, SOURCE, TWIN, Log, all_of, made

COROUTINES = 8
KEYS = 5
# Seconds between two visits, at the most.
_AWAY = 0.6


class Writer:
    """One coroutine with its keys."""

    def __init__(self, log: Log, name: str, seed: str) -> None:
        self._log = log
        self._name = name
        self._choices = random.Random(seed)
        self._edition = 0

    async def write(self, store: JobStore, *, adding: bool = False) -> None:
        """Write something, and log what came of it."""
        self._edition += 1
        edition = self._edition
        kinds = ["upsert", "many", "together"] + ([] if adding else ["update", "delete"])
        weights = [6, 2, 2, 2, 1][: len(kinds)]
        (kind,) = self._choices.choices(kinds, weights)
        keys = [f"{self._name}-{number}" for number in range(KEYS)]
        key = self._choices.choice(keys)
        editions = {key: edition}
        if kind == "many":
            editions = all_of(keys, edition)
        elif kind == "together":
            pair = f"{self._name}-pair"
            editions = {pair: edition, pair + TWIN: edition}
        elif kind == "delete":
            editions = {key: ABSENT}
        self._log.tried(editions)
        try:
            await self._do(store, kind, editions)
        except (Exception, asyncio.CancelledError) as error:
            self._tell(editions, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._log.done(editions)

    def _tell(self, editions: dict[str, int], error: BaseException) -> None:
        # A task that was cancelled does not know what became of its write.
        unknown = isinstance(error, asyncio.CancelledError)
        self._log.error(editions, jobstore.OutcomeUnknown() if unknown else error)

    async def _do(self, store: JobStore, kind: str, editions: dict[str, int]) -> None:
        postings = [made(key, edition) for key, edition in editions.items()]
        key = next(iter(editions))
        if kind == "many":
            await store.upsert_many(postings)
        elif kind == "together":
            async with store.transaction() as tx:
                for posting in postings:
                    await tx.upsert(posting)
        elif kind == "delete":
            await store.delete(job_id(SOURCE, key))
        elif kind == "update":
            changes = {n: v for n, v in postings[0].items() if not n.startswith("source")}
            await store.update(job_id(SOURCE, key), changes)
        else:
            await store.upsert(postings[0])


async def write(arguments: argparse.Namespace) -> None:
    """Open the store and write to it."""
    log = Log(arguments.log)
    options = EngineOptions(synchronous=arguments.synchronous, busy_timeout=arguments.busy_timeout)
    writers = [
        Writer(log, f"{arguments.name}{number}", f"{arguments.seed}:{number}")
        for number in range(COROUTINES)
    ]
    url = sqlite_url(arguments.store)
    if arguments.visits:
        choices = random.Random(arguments.seed)
        while True:
            try:
                async with jobstore.connect(url, options=options) as store:
                    await asyncio.gather(*(each.write(store, adding=True) for each in writers))
            except JobStoreError:
                # A store that is being replaced is there again at once.
                pass
            await asyncio.sleep(choices.random() * _AWAY)
    left = arguments.writes

    async def one(writer: Writer) -> None:
        nonlocal left
        while left != 0:
            left -= 1
            await writer.write(store, adding=arguments.adding)

    try:
        async with jobstore.connect(url, options=options) as store:
            await asyncio.gather(*map(one, writers))
    except JobStoreError as error:
        # Opening and closing may fail as well.
        log.error({}, error)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("log", type=Path)
    parser.add_argument("name")
    parser.add_argument("seed")
    parser.add_argument("--writes", type=int, default=-1)
    parser.add_argument("--adding", action="store_true")
    parser.add_argument("--visits", action="store_true")
    parser.add_argument("--busy-timeout", type=float, default=30)
    parser.add_argument("--synchronous", choices=["full", "normal"], default="full")
    asyncio.run(write(parser.parse_args()))


if __name__ == "__main__":
    main()
