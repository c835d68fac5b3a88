"""What is fuzzed: for each target how an input is made, and what takes it in.

An input follows from a number alone, so that it can be made again. Whatever it is, the answer is
a result or an error of jobstore's; everything else is a finding.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import jobstore
from jobstore import JobPosting, JobStore, JobStoreError, SearchQuery
from jobstore.intake.validation import check_changes, check_posting
from jobstore.operations.backup import creation
from jobstore.operations.backup.manifest import parse_manifest
from jobstore.settings import sqlite_url
from jobstore.settings.loading import load
from jobstore.settings.sections import Settings
from tests.fixtures.postings import full
from tests.fuzz.mutation import damaged, text, value
from tests.unit.exchange.inputs import FILES, FORMATS, NAMES, survive

REPOSITORY = Path(__file__).parents[2]
Input = Any


@dataclass(frozen=True)
class Target:
    """Makes inputs from a generator of choices, and takes them in."""

    make: Callable[[random.Random], Input]
    take: Callable[[Input], object]


def _seeds(pattern: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted(REPOSITORY.glob(pattern))]


# Intake: a mapping with any values, in which some of a good posting are left.

_FIELDS = [field.name for field in fields(JobPosting)]


def _posting(choices: random.Random) -> Input:
    given: dict[Any, Any] = full(choices.randrange(9))
    for _ in range(choices.randint(1, 6)):
        name = choices.choice(_FIELDS) if choices.random() < 0.9 else value(choices, 0)
        with contextlib.suppress(TypeError):
            given[name] = value(choices)
    return given


def _take_posting(given: Input) -> None:
    for check in (check_posting, check_changes):
        with contextlib.suppress(JobStoreError):
            check(given)


# Formats: files that are damaged, or whose values are of any kind.


def _file(choices: random.Random) -> Input:
    format = choices.choice(FORMATS)
    if choices.random() < 0.4:
        names = NAMES[choices.choice(sorted(NAMES))].split()
        rows = [
            {choices.choice(names): value(choices) for _ in range(choices.randrange(7))}
            for _ in range(choices.randint(1, 3))
        ]
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            return format, json.dumps(rows, default=str).encode("utf-8", "surrogatepass")
    content = damaged(choices, [each.encode() for each in FILES.values()])
    if choices.random() < 0.1:
        content = damaged(choices, [gzip.compress(content, mtime=0)])
    return format, content


def _take_file(folder: Path, given: Input) -> None:
    format, content = given
    survive(folder / "input", content, format)


# Searches and cursors: against a small store.

_WORDS = ("engineer", "data", '"data engineer"', "eng*", "-line", "title:", "company:Acme", "OR")
_QUERY = [field.name for field in fields(SearchQuery)]


def _search(choices: random.Random) -> Input:
    asked: dict[str, Any] = {"text": text(choices, _WORDS)}
    for _ in range(choices.choice((0, 0, 1, 3))):
        asked[choices.choice(_QUERY)] = value(choices, 1)
    return asked


async def _take_search(store: JobStore, asked: Input) -> None:
    with contextlib.suppress(JobStoreError):
        query = SearchQuery(**asked)
        await store.search(query, limit=5)
        await store.count(query)


def _cursor(cursors: list[str], choices: random.Random) -> Input:
    if choices.random() < 0.1:
        return value(choices, 1)
    return damaged(choices, [each.encode() for each in cursors]).decode("latin-1")


async def _take_cursor(store: JobStore, cursors: list[str], cursor: Input) -> None:
    with contextlib.suppress(JobStoreError):
        await store.search(limit=2, cursor=cursor)
        if cursor is not None and cursor not in cursors:
            raise AssertionError("a cursor that no store made was taken")


# Settings files and manifests.


def _take_settings(folder: Path, content: Input) -> None:
    file = folder / "config.yaml"
    file.write_bytes(content)
    file.chmod(0o600)
    with contextlib.suppress(JobStoreError):
        load(file, environment={}, folder=folder)


def _take_dotenv(folder: Path, content: Input) -> None:
    file = folder / ".env"
    file.write_bytes(content)
    file.chmod(0o600)
    try:
        with contextlib.suppress(JobStoreError):
            load(environment={}, folder=folder)
    finally:
        file.unlink()


def _manifest(good: bytes, choices: random.Random) -> Input:
    if choices.random() < 0.5:
        return damaged(choices, [good])
    read = json.loads(good)
    for _ in range(choices.randint(1, 3)):
        read[choices.choice([*read, "other"])] = value(choices, 2)
    with contextlib.suppress(TypeError, ValueError, RecursionError):
        return json.dumps(read).encode("utf-8", "surrogatepass")
    return damaged(choices, [good])


def _take_manifest(name: str, content: Input) -> None:
    with contextlib.suppress(JobStoreError):
        parse_manifest(content, name)


@contextmanager
def opened(folder: Path) -> Iterator[dict[str, Target]]:
    """Give all targets by their names; files are made in a folder that is there."""
    url = sqlite_url(folder / "jobs.db")
    loop = asyncio.new_event_loop()
    store = loop.run_until_complete(_filled(url))
    try:
        first = loop.run_until_complete(store.search(limit=2)).next_cursor
        cursors = [first or ""]
        made = creation.create(Settings.model_validate({"store": {"url": url}})).manifest
        settings = _seeds("deploy/*/config.yaml")
        variables = _seeds(".env.example")
        yield {
            "intake": Target(_posting, _take_posting),
            "formats": Target(_file, partial(_take_file, folder)),
            "search": Target(
                _search, lambda asked: loop.run_until_complete(_take_search(store, asked))
            ),
            "cursors": Target(
                partial(_cursor, cursors),
                lambda given: loop.run_until_complete(_take_cursor(store, cursors, given)),
            ),
            "settings": Target(
                lambda choices: damaged(choices, settings), partial(_take_settings, folder)
            ),
            "dotenv": Target(
                lambda choices: damaged(choices, variables), partial(_take_dotenv, folder)
            ),
            "manifests": Target(
                partial(_manifest, made.to_bytes()), partial(_take_manifest, made.name)
            ),
        }
    finally:
        loop.run_until_complete(store.close())
        loop.close()


TARGETS = ("intake", "formats", "search", "cursors", "settings", "dotenv", "manifests")


async def _filled(url: str) -> JobStore:
    store = await jobstore.connect(url, migrate=True)
    await store.upsert_many(full(number) for number in range(30))
    return store
