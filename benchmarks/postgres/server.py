"""The server that is measured: a local one of its own, durable, or the one that a URL names.

What is filled there is kept, under a name that tells its size and a hash of what decides its
content: on a server that a URL names the next run finds it. Whoever writes to it takes a copy.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

import jobstore
from benchmarks import generator
from benchmarks.databases import REPOSITORY
from benchmarks.draws import Draws, Row
from benchmarks.running import say
from jobstore.resources import migrations_folder
from tests.fixtures.postgres import URL, PostgresServer, name_of, new_name, start

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
}
"""Everything else is as PostgreSQL comes: a commit waits for the disk."""

# What decides the content of a database beside the migrations.
_SOURCES = (
    "benchmarks/generator.py",
    "benchmarks/vocabulary.py",
    "benchmarks/postgres/alchemy.py",
    "jobstore/search/words.py",
    "jobstore/derived/facet_words.py",
    "jobstore/engines/postgres/search/vectors.py",
)

_COLUMNS = ", ".join(name for name in Row._fields)


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Give a server; one that was started for this ends with the block."""
    url, stop = (os.environ[URL], None) if os.environ.get(URL) else start(SETTINGS)
    server = PostgresServer(url)
    try:
        yield server
    finally:
        server.close()
        if stop is not None:
            stop()


def kept_name(kind: str, size: int) -> str:
    """Return the name of the database that is kept, of what is in it and of how much."""
    digest = hashlib.sha256()
    migrations = sorted(migrations_folder("postgres").glob("*.sql"))
    for path in [*migrations, *(REPOSITORY / name for name in _SOURCES)]:
        # Comments of SQL decide nothing.
        lines = path.read_text(encoding="utf-8").splitlines()
        digest.update("\n".join(each.partition("--")[0].strip() for each in lines).encode())
    return f"jobstore_bench_{kind}_{size}_{digest.hexdigest()[:12]}"


async def kept(
    server: PostgresServer, kind: str, size: int, fill: Callable[[str], Awaitable[None]]
) -> str:
    """Return the URL of the database of that kind and size, which ``fill`` made once, by its URL.

    Those that were made of something else are removed.
    """
    name = kept_name(kind, size)
    with psycopg.connect(server.url, autocommit=True) as conn:
        known = f"jobstore_bench_{kind}_{size}_"
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        found = [row[0] for row in conn.execute(query, (known,))]
        if name not in found:
            for old in found:
                server.drop(server.url_of(old))
            url = server.create()
            await fill(url)
            # Whatever is only filled in part has another name, and is removed at the end.
            _run(conn, "ALTER DATABASE {} RENAME TO {}", name_of(url), name)
    return server.url_of(name)


@contextmanager
def working_copy(server: PostgresServer, url: str) -> Iterator[str]:
    """Give the URL of a copy to write to, and remove it afterwards; nobody may use the original."""
    name = new_name("jobstore_copy")
    with psycopg.connect(server.url, autocommit=True) as conn:
        # Otherwise each page of it would go through the log.
        by_files = " STRATEGY file_copy" if conn.info.server_version >= 15_00_00 else ""
        _run(conn, "CREATE DATABASE {} TEMPLATE {}" + by_files, name, name_of(url))
    try:
        yield server.url_of(name)
    finally:
        server.drop(server.url_of(name))


def _run(conn: psycopg.Connection[Any], statement: str, *names: str) -> None:
    conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


async def migrated(server: PostgresServer) -> str:
    """Return the URL of an empty store."""
    url = server.create()
    async with jobstore.connect(url, migrate=True):
        return url


async def filled(url: str, size: int) -> None:
    """Store so many generated postings, and let the server look at them."""
    say(f"storing {size:,} postings")
    async with jobstore.connect(url, migrate=True, clock=lambda: generator.NOW) as store:
        report = await store.upsert_many(generator.postings(size))
    if report.inserted != size:
        raise RuntimeError(f"of {size} postings {report.inserted} were stored: {report}")
    settle(url)


def settle(url: str) -> None:
    """Let the server know what is stored, and write it to its files."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")


def version() -> str:
    """Return the last migration, which the figures belong to."""
    return max(path.stem for path in migrations_folder("postgres").glob("*.sql"))


class ServerDraws(Draws):
    """The parameters of all operations, drawn from a store on the server."""

    def _row(self, conn: Any) -> Row:
        found = None
        while found is None:
            found = conn.execute(
                f"SELECT {_COLUMNS} FROM posting AS p WHERE id >= %s ORDER BY id LIMIT 1",
                (UUID(bytes=self._chance.randbytes(16)),),
            ).fetchone()
        return Row(*found)
