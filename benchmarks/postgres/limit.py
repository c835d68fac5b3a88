"""The limit: the very statements that a call of the store runs, on a bare psycopg connection.

Each call is run once, and its statements are noted with what is bound to them. They are then run
again, all rows fetched and thrown away: no records, no snippets, no checks, no turns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg.cursor_async import AsyncCursor

from jobstore.engines.postgres.connection import connect, filled
from jobstore.settings import EngineOptions, parse_store_url

Statement = tuple[Any, Any, bool | None]
"""What is run, what is bound, and whether it is prepared; ``None``: after some repetitions."""


async def bare(url: str) -> AsyncConnection[Any]:
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

    AsyncCursor.execute = execute  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        AsyncCursor.execute = run  # type: ignore[method-assign]


async def replay(conn: AsyncConnection[Any], statements: list[Statement]) -> None:
    """Run statements again, and fetch everything they return."""
    for query, bound, prepare in statements:
        cursor = await conn.execute(query, bound, prepare=prepare)
        if cursor.description is not None:
            await cursor.fetchall()
