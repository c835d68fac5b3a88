"""Transactions that reach the end of their time while a statement works, and what comes after."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import jobstore
from jobstore import EngineOptions, JobStore, JobStoreError, StoreTimeout, job_id
from jobstore.settings import sqlite_url
from tests.torture.acknowledged import SOURCE, Told, all_of, compare, doctor, made, stored
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.commands import OLD
from tests.torture.rounds import Outcome, Round

# So long that the index is at work for most of the time.
_TEXT = "words that take a while to be indexed " * 1400
_TRIES = 30


async def _expire(store: JobStore, timeout: float) -> bool:
    """Work in a transaction until its time is over; tell whether that was the end of it."""
    try:
        async with store.transaction(timeout=timeout) as tx:
            for number in range(1000):
                change = {"description": f"{number} {_TEXT}"}
                await tx.update(job_id(SOURCE, OLD[number % len(OLD)]), change)
    except StoreTimeout:
        return True
    return False


def _others_may_write(path: Path) -> bool:
    """Tell whether another program gets the lock of SQLite."""
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as conn:
        try:
            conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        conn.execute("ROLLBACK")
    return True


async def _work(path: Path, round: Round, outcome: Outcome) -> Told:
    told = stored(all_of(OLD, 1))
    choices = round.choices
    options = EngineOptions(busy_timeout=20, read_timeout=20)
    async with jobstore.connect(sqlite_url(path), options=options) as store:
        for attempt in range(1, _TRIES + 1):
            key = f"innocent-{attempt}"
            # An innocent writer at the same time.
            expiring = asyncio.create_task(_expire(store, choices.uniform(0.005, 0.03)))
            await asyncio.sleep(0)
            try:
                await store.upsert(made(key, 1))
                told.last[key] = 1
                outcome.acknowledged += 1
            except JobStoreError as error:
                outcome.fault("wrong", f"an innocent writer gets {type(error).__name__}")
            if not await expiring:
                outcome.fault("wrong", "a transaction did not end with its time")
            if not await asyncio.to_thread(_others_may_write, path):
                outcome.fault("hung", f"after {attempt} transactions nobody else can write")
                break
    return told


def expire(round: Round) -> Outcome:
    """Let transactions expire at any moment, beside an innocent writer."""
    outcome = Outcome()
    place = place_in(round)
    place.load(all_of(OLD, 1))
    told = asyncio.run(_work(place.store, round, outcome))
    doctor(place.store, outcome)
    compare(place.store, told, outcome)
    return outcome
