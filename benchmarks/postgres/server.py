"""The server that is measured: a local one of its own, durable, or the one that a URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

import jobstore
from benchmarks import generator
from benchmarks.draws import Draws, Row
from benchmarks.running import say
from jobstore.resources import migrations_folder
from tests.fixtures.postgres import URL, PostgresServer, start

SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
}
"""Everything else is as PostgreSQL comes: a commit waits for the disk."""

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


async def migrated(server: PostgresServer) -> str:
    """Return the URL of an empty store."""
    url = server.create()
    async with jobstore.connect(url, migrate=True):
        return url


async def filled(url: str, size: int) -> None:
    """Store so many generated postings, and let the server look at them."""
    say(f"storing {size:,} postings")
    async with jobstore.connect(url, clock=lambda: generator.NOW) as store:
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
