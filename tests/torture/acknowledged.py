"""The log of what a writer was told, and how a store compares to it.

A posting of the torture is made from its key and its edition alone, so that a row tells which
edition it is, and whether it is wholly that. Edition 0 is a posting that is not there.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jobstore
from jobstore import Job, JobStoreError, SearchQuery
from jobstore.intake.validation import check_posting
from jobstore.operations.maintenance import examine
from jobstore.settings import sqlite_url
from jobstore.verdicts import Verdict
from tests.torture.rounds import Outcome

SOURCE = "torture"
ABSENT = 0
# A key and its twin are only ever written together, in one transaction.
TWIN = "-twin"


def made(key: str, edition: int) -> dict[str, Any]:
    """Return the posting of a key in an edition."""
    mark = f"{key.replace('-', 'x')}e{edition}"
    return {
        "source": SOURCE,
        "source_job_id": key,
        "title": f"Engineer {mark}",
        "company": f"Company {edition % 7}",
        "location": ("Köln", "Berlin", "東京")[edition % 3],
        "workplace": ("onsite", "hybrid", "remote")[edition % 3],
        "description": f"{mark} " + f"words of edition {edition} " * (edition * 13 % 90),
        "skills": ["SQL", f"skill {edition}"],
        "salary_min": edition + 1000,
        "salary_max": edition + 2000,
        "salary_currency": "EUR",
        "salary_period": "month",
        "applicant_count": edition,
        "posted_at": f"2026-01-{edition % 28 + 1:02}T00:00:00Z",
    }


FIELDS = tuple(made("", 1))


def edition_of(job: Job) -> int | None:
    """Return the edition that a stored posting is; ``None`` when it is not wholly one."""
    edition = job.applicant_count or 0
    expected = check_posting(made(job.source_job_id, edition))
    whole = all(getattr(job, name) == getattr(expected, name) for name in FIELDS)
    return edition if whole else None


class Log:
    """What a writer tried and what it was told, line by line, in a file that it appends to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _line(self, *values: object) -> None:
        # One write: a process that is killed leaves whole lines.
        os.write(self._file, json.dumps([*values, time.time()]).encode() + b"\n")

    def tried(self, editions: Mapping[str, int]) -> None:
        """Say that these will be written now."""
        self._line("tried", editions)

    def done(self, editions: Mapping[str, int]) -> None:
        """Say that these were acknowledged."""
        self._line("done", editions)

    def error(self, editions: Mapping[str, int], error: BaseException) -> None:
        """Say what was raised instead."""
        name = type(error).__name__
        if not isinstance(error, JobStoreError):
            self._line("untyped", editions, f"{name}: {error}")
        else:
            known = not isinstance(error, jobstore.OutcomeUnknown | jobstore.StoreTimeout)
            self._line("refused" if known else "unknown", editions, name)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@dataclass
class Told:
    """What a log says: the last acknowledged edition of each key, and what may be there too."""

    last: dict[str, int] = field(default_factory=dict)
    maybe: dict[str, list[int]] = field(default_factory=dict)
    acknowledged: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    untyped: list[str] = field(default_factory=list)

    def allowed(self, key: str) -> set[int]:
        """Return the editions that a key may have."""
        return {self.last.get(key, ABSENT), *self.maybe.get(key, ())}

    def take(self, line: bytes, until: float | None = None) -> None:
        """Read a line of a log; with ``until`` only what was said before that Unix time."""
        kind, editions, *rest = json.loads(line)
        at = rest.pop() if rest and isinstance(rest[-1], float) else 0.0
        if until is not None and at >= until:
            return
        for key, edition in editions.items():
            if kind == "tried":
                self.maybe.setdefault(key, []).append(edition)
            elif kind == "done":
                self.last[key] = edition
                self.maybe[key] = []
            elif kind == "refused":
                self.maybe[key].remove(edition)
        if kind == "done":
            self.acknowledged += 1
        elif kind == "untyped":
            self.untyped += rest
        elif rest:
            self.errors.update(rest)

    def allow_later(self, *paths: Path) -> None:
        """Take it that whatever logs say was tried at any time may be there."""
        for path in filter(Path.exists, paths):
            for line in path.read_bytes().splitlines():
                kind, editions, *_ = json.loads(line)
                for key, edition in editions.items() if kind == "tried" else ():
                    self.maybe.setdefault(key, []).append(edition)


def read_log(*paths: Path, told: Told | None = None, until: float | None = None) -> Told:
    """Return what logs say, on top of ``told``; nothing that stands behind a power cut counts.

    With ``until``, a Unix time, it is what they said before: who was told later that his write is
    there may have it or not, and what was tried later is not there.
    """
    told = told or Told()
    for path in paths:
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            # A torn line is none.
            if line == b"cut\n" or not line.endswith(b"\n"):
                break
            told.take(line, until)
    return told


def stored(editions: Mapping[str, int]) -> Told:
    """Return what is told of a store that holds exactly these."""
    return Told(last=dict(editions))


def doctor(path: Path, outcome: Outcome, when: str = "") -> bool:
    """Count what ``jobstore doctor --full --verify`` finds wrong; return whether all is well."""
    try:
        found = [
            f"{each.name}: {each.output}"
            for each in examine(sqlite_url(path), full=True, verify=True)
            if each.verdict is Verdict.FAIL
        ]
    except JobStoreError as error:
        found = [str(error)]
    for each in found:
        outcome.fault("wrong", f"doctor{when}: {each}")
    return not found


async def read(path: Path) -> dict[str, Job]:
    """Return every posting of a store by its key, as a client reads them."""
    async with jobstore.connect(sqlite_url(path)) as store:
        return {job.source_job_id: job async for job in store.stream()}


def compare(path: Path, told: Told, outcome: Outcome, *, sample: int = 25) -> dict[str, int]:
    """Count what a store lost, and what is wrong in it; return the editions that it holds.

    Each posting is wholly one edition, one that may be there; of some of them the index, the
    history and the reading by key are compared, too.
    """
    return asyncio.run(_compare(path, told, outcome, sample))


def judge(
    path: Path, told: Told, outcome: Outcome, *, usual: Collection[str] | None = None
) -> None:
    """Count what a log tells, and what is wrong with the store that it is of.

    With ``usual``, an error of jobstore's that is none of these is wrong.
    """
    outcome.acknowledged += told.acknowledged
    for error in told.untyped:
        outcome.fault("untyped", error)
    if usual is not None and (others := told.errors.keys() - usual):
        outcome.fault("wrong", f"writers are told {sorted(others)}")
    doctor(path, outcome)
    compare(path, told, outcome)


async def _compare(path: Path, told: Told, outcome: Outcome, sample: int) -> dict[str, int]:
    editions: dict[str, int] = {}
    async with jobstore.connect(sqlite_url(path)) as store:
        jobs = {job.source_job_id: job async for job in store.stream()}
        for key, job in jobs.items():
            edition = edition_of(job)
            if edition is None:
                outcome.fault("wrong", f"{key} is half of edition {job.applicant_count}")
            else:
                editions[key] = edition
        keys = told.last.keys() | told.maybe.keys()
        for key in sorted(keys | editions.keys()):
            found, allowed = editions.get(key, ABSENT), told.allowed(key)
            if found not in allowed and (key in editions or key not in jobs):
                last = told.last.get(key, ABSENT)
                kind = "lost" if found < last else "wrong"
                outcome.fault(kind, f"{key} is edition {found}, and not one of {sorted(allowed)}")
            if key.endswith(TWIN) and found != editions.get(key.removesuffix(TWIN), ABSENT):
                outcome.fault("wrong", f"{key} was stored without its twin")
        if await store.count() != len(jobs):
            outcome.fault("wrong", "the count differs from the postings there are")
        for key in sorted(editions)[:: max(1, len(editions) // sample)]:
            job = jobs[key]
            mark = job.title.removeprefix("Engineer ")
            page = await store.search(SearchQuery(text=mark))
            if [each.id for each in page.items] != [job.id]:
                outcome.fault("wrong", f"a search for {mark} finds {len(page.items)} postings")
            if len(await store.revisions(job.id)) != job.version - 1:
                outcome.fault("wrong", f"{key} lacks revisions")
            if await store.find(SOURCE, key) != job:
                outcome.fault("wrong", f"{key} reads differently by its key")
    return editions


def all_of(keys: Iterable[str], edition: int) -> dict[str, int]:
    """Return the same edition of several keys."""
    return dict.fromkeys(keys, edition)
