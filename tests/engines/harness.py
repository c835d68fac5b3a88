"""The engines that the contract suite runs for: one entry in ENGINES each."""

from __future__ import annotations

import itertools
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import psycopg

from jobstore import migrating
from jobstore.engines import BACKENDS, register
from jobstore.engines.backend import Capability
from jobstore.engines.postgres.search import lookup as postgres_lookup
from jobstore.engines.sqlite.search import lookup, sorting
from jobstore.engines.sqlite.writing import list_order
from jobstore.settings import parse_store_url, sqlite_url
from tests.engines.memory import MemoryBackend
from tests.fixtures import partitions, postgres
from tests.fixtures.checks import check_database, check_file

Patches = tuple[tuple[Any, str, Any], ...]


class Harness(Protocol):
    """What the suite asks of an engine beside its protocol."""

    scheme: str
    strains: Mapping[str, Patches]
    """What makes the engine do for few postings what it does for many or in need, by name:
    objects, names of their attributes, and values. The answers must stay the same."""

    def new_url(self, folder: Path) -> str:
        """Return the URL of an empty store that is ready to be opened; ``folder`` is free."""

    def check(self, url: str) -> None:
        """Look inside of a closed store, and assert that it is sound."""

    def forget(self, url: str) -> None:
        """Let go of a store outside of ``folder`` that no test needs any more."""


class _SQLite:
    scheme = "sqlite"
    strains: Mapping[str, Patches] = {
        # Places are so scarce that rows that do not move in the order move in the file.
        "crowded": (
            (list_order, "_natural", lambda listed_at: 1),
            (list_order, "_GAP", 1),
        ),
        # What is done for thousands of matches is done for a few.
        "many": ((lookup, "MAX_SORTED", 5), (sorting, "MAX_SORTED", 5)),
    }

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def new_url(self, folder: Path) -> str:
        return self.make(folder / f"store-{next(self._numbers)}.db")

    def make(self, path: Path) -> str:
        """Make an empty store of a file, and return its URL: what ``migrate up`` would do."""
        path.write_bytes(migrated())
        with closing(sqlite3.connect(path)) as conn, conn:
            # Each store signs its cursors with a key of its own, and this one is a copy.
            conn.execute(
                "UPDATE store_property SET value = randomblob(32) WHERE name = 'cursor_key'"
            )
        return sqlite_url(path)

    def check(self, url: str) -> None:
        check_file(parse_store_url(url).path)

    def forget(self, url: str) -> None:
        """Its file goes with the folder."""


@cache
def migrated() -> bytes:
    """Return the file of an empty store: it is migrated once in each process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.db"
        migrating.up(sqlite_url(path))
        return path.read_bytes()


class _Postgres:
    scheme = "postgresql"
    strains: Mapping[str, Patches] = {
        # As if few postings were so many that not all of them are walked through or gathered.
        "many": tuple(
            (postgres_lookup, name, 5) for name in ("WALKED", "GATHERED", "TRIED", "WALKING")
        ),
    }

    def new_url(self, folder: Path) -> str:
        url = postgres.server().create(template=_template())
        with psycopg.connect(url) as conn:
            # Each store signs its cursors with a key of its own, and this one is a copy.
            conn.execute(
                "UPDATE store_property SET value = %s WHERE name = 'cursor_key'",
                (secrets.token_bytes(32),),
            )
        return url

    def check(self, url: str) -> None:
        check_database(url)

    def forget(self, url: str) -> None:
        postgres.server().drop(url)


@cache
def _template() -> str:
    """Return the URL of an empty store, which nobody opens."""
    url = postgres.server().create()
    migrating.up(url)
    if count := os.environ.get(partitions.COUNT):
        partitions.partition(url, int(count))
    return url


class _Memory:
    scheme = "memory"
    strains: Mapping[str, Patches] = {}

    def __init__(self, backend: MemoryBackend) -> None:
        self._backend = backend
        self._numbers = itertools.count(1)

    def new_url(self, folder: Path) -> str:
        return f"memory:store-{next(self._numbers)}"

    def check(self, url: str) -> None:
        database = self._backend.databases[url]
        records = database.records.values()
        assert not database.turn.locked()
        assert all(id == each.job.id for id, each in database.records.items())
        assert len({each.listed for each in records}) == len(records)
        for each in records:
            versions = [revision.version for revision in each.history]
            assert versions == list(range(each.job.version, 1, -1))

    def forget(self, url: str) -> None:
        self._backend.databases.pop(url, None)


_BACKEND = MemoryBackend()
register(_BACKEND)

SQLITE = _SQLite()
POSTGRES: Harness = _Postgres()
MEMORY: Harness = _Memory(_BACKEND)
ENGINES: tuple[Harness, ...] = (SQLITE, POSTGRES, MEMORY)


def capabilities(engine: Harness) -> frozenset[Capability]:
    """Return what the engine has of what not every engine has."""
    return BACKENDS[engine.scheme].capabilities
