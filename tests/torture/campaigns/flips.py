"""Bits that flip in a store's files: noticed by ``doctor``, or without any consequence.

A store may say that it is damaged. It may not give another answer than before while ``doctor
--full --verify`` finds it well.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jobstore
from jobstore import JobStoreError, SearchQuery
from jobstore.operations.maintenance import examine
from jobstore.settings import sqlite_url
from jobstore.verdicts import Verdict
from tests.torture.acknowledged import all_of, made
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.commands import OLD, Place
from tests.torture.rounds import Outcome, Round

_NOW = datetime(2026, 2, 1, tzinfo=UTC)
# Values that a flip may meet, beside any byte of the database and of the WAL.
_VALUES = {
    "revisions": "SELECT previous FROM revision",
    "texts": "SELECT description FROM posting_text",
    "titles": "SELECT title FROM posting",
}
_FILES = {"database": "jobs.db", "WAL": "jobs.db-wal"}


async def _answers(path: Path) -> list[Any]:
    """Return all that a store says, by every way of asking."""
    async with jobstore.connect(sqlite_url(path), clock=lambda: _NOW) as store:
        jobs = [job async for job in store.stream()]
        said: list[Any] = [sorted(map(asdict, jobs), key=lambda job: job["source_job_id"])]
        said += [await store.revisions(job.id) for job in jobs]
        said += [await store.find(job.source, job.source_job_id) for job in jobs]
        said += [await store.count(), asdict(await store.statistics())]
        for text in (None, "engineer", "words", "edition -berlin", '"words of"'):
            for sort in ("newest", "salary", "applicants"):
                asked = SearchQuery(text=text, sort=sort)
                page = await store.search(asked, limit=100, facets=["company", "skills"])
                said.append(asdict(page) | {"next_cursor": None})
        return said


def _findings(path: Path) -> set[tuple[str, str]]:
    try:
        found = examine(sqlite_url(path), full=True, verify=True)
        return {(each.name, each.verdict) for each in found if each.verdict is not Verdict.PASS}
    except JobStoreError as error:
        return {(type(error).__name__, "")}


def _copy(source: Path, target: Path) -> Path:
    target.mkdir()
    for name in _FILES.values():
        if (source / name).exists():
            shutil.copy(source / name, target)
    return target / "jobs.db"


def _died(place: Place) -> Path:
    """Return the folder of a store whose process died: much of it is in the WAL alone."""
    died = place.beside / "died"

    async def write() -> None:
        async with jobstore.connect(sqlite_url(place.store)) as store:
            for key in OLD[:30]:
                await store.upsert(made(key, 3))
            _copy(place.folder, died)

    place.load(all_of(OLD, 1))
    place.load(all_of(OLD, 2))
    asyncio.run(write())
    return died


def _where(folder: Path, what: str, choices: random.Random) -> tuple[Path, int]:
    """Return a file and the place of a byte in it."""
    if what in _FILES:
        file = folder / _FILES[what]
        return file, choices.randrange(file.stat().st_size)
    with closing(sqlite3.connect(f"file:{folder / 'jobs.db'}?immutable=1", uri=True)) as conn:
        values = [value.encode() for (value,) in conn.execute(_VALUES[what]) if value]
    content = (folder / "jobs.db").read_bytes()
    # A long one goes on in another page.
    value = choices.choice([each for each in values if each[:200] in content])
    return folder / "jobs.db", content.index(value[:200]) + choices.randrange(min(200, len(value)))


def flip(round: Round, flips: int = 20) -> Outcome:
    """Flip single bits, and compare what the store says to what it said."""
    outcome = Outcome()
    choices = round.choices
    place = place_in(round)
    sound = _died(place)
    expected = asyncio.run(_answers(_copy(sound, place.beside / "expected")))
    usual = _findings(_copy(sound, place.beside / "usual"))
    for number in range(flips):
        what = choices.choice([*_FILES, *_VALUES])
        here = place.beside / f"flip{number}"
        path = _copy(sound, here)
        file, at = _where(here, what, choices)
        content = bytearray(file.read_bytes())
        content[at] ^= 1 << choices.randrange(8)
        file.write_bytes(content)
        noticed = _findings(_copy(here, here / "examined")) - usual
        try:
            same = asyncio.run(_answers(path)) == expected
        except JobStoreError:
            # It says so by itself.
            same = True
        except Exception as error:
            same = True
            outcome.fault("untyped", f"a bit of {what}, byte {at}: {type(error).__name__}: {error}")
        outcome.acknowledged += 1
        if not same and not noticed:
            kind = "lost" if what == "WAL" else "wrong"
            outcome.fault(kind, f"a bit of {what}, byte {at}: other answers, and doctor is content")
        shutil.rmtree(here)
    return outcome
