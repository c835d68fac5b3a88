"""The limit: the very statements that a call of the store runs, on a bare psycopg connection.

Each call is run once, and its statements are noted with what is bound to them. They are then run
again, all rows fetched and thrown away: no records, no snippets, no checks, no turns.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any
from unittest.mock import patch

from psycopg import AsyncConnection
from psycopg.cursor_async import AsyncCursor
from psycopg_pool import AsyncConnectionPool

from jobstore.engines.postgres.connection import Session, connect, filled
from jobstore.engines.postgres.readers import Readers
from jobstore.settings import EngineOptions, parse_store_url

Statement = tuple[Any, Any, bool | None]
"""What is run, what is bound, and whether it is prepared; ``None``: after some repetitions."""


async def bare(url: str) -> Session:
    """Open a connection that adapts values as the store's do, which is used without the store."""
    return await connect(filled(parse_store_url(url)), EngineOptions(), statement=600, lock=60)


async def statements_of(call: Callable[[], Awaitable[Any]]) -> list[Statement]:
    """Return the statements that ``call`` runs."""
    noted: list[Statement] = []
    with _noting(noted):
        await call()
    return noted


@contextmanager
def _noting(noted: list[Statement]) -> Iterator[None]:
    run = AsyncCursor.execute

    async def execute(
        self: Any, query: Any, params: Any = None, *, prepare: bool | None = None, **rest: Any
    ) -> Any:
        noted.append((query, params, prepare))
        return await run(self, query, params, prepare=prepare, **rest)

    with patch.object(AsyncCursor, "execute", execute):
        yield


async def replay(conn: AsyncConnection[Any], statements: list[Statement]) -> None:
    """Run statements again, and fetch everything they return."""
    for query, bound, prepare in statements:
        cursor = await conn.execute(query, bound, prepare=prepare)
        if cursor.description is not None:
            await cursor.fetchall()


async def pools(url: str, statements: list[Statement], rounds: int) -> dict[str, float]:
    """Return what a look-up takes, in microseconds (p50), by where its connection comes from."""
    at_hand = await bare(url)
    readers = Readers(partial(bare, url), 1)
    pool = AsyncConnectionPool(
        connection_class=Session,
        kwargs={**filled(parse_store_url(url)), "autocommit": True, "context": at_hand},
        min_size=1,
        open=False,
    )

    async def of_readers(statement: Statement) -> None:
        session = await readers.take()
        try:
            await replay(session, [statement])
        finally:
            readers.give(session)

    async def of_pool(statement: Statement) -> None:
        async with pool.connection() as session:
            await replay(session, [statement])

    ways = {
        "a connection at hand": lambda statement: replay(at_hand, [statement]),
        "the store's readers": of_readers,
        "psycopg's pool": of_pool,
    }
    durations: dict[str, list[float]] = {name: [] for name in ways}
    async with pool:
        for _ in range(rounds):
            for statement in statements:
                for name, way in ways.items():
                    started = time.perf_counter()
                    await way(statement)
                    durations[name].append(time.perf_counter() - started)
    readers.close()
    await at_hand.close()
    return {name: round(1e6 * median(each), 1) for name, each in durations.items()}
