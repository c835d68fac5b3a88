"""Ways that take SQL as text: plain aiosqlite, aiosql on aiosqlite, and ``databases``.

- aiosqlite: one connection, ``execute_fetchall`` (one hop a query), BEGIN IMMEDIATE and COMMIT
  under a lock for a write;
- aiosql: the same connection and texts, through its queries;
- databases: its own connections, on aiosqlite too; one write at a time under a lock, since its
  connections do not wait for each other.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiosql
import aiosqlite
from databases import Database

from benchmarks.peers import schema, sql


class Aiosqlite:
    """Plain aiosqlite."""

    name = "aiosqlite"

    async def open(self, path: Path) -> None:
        """Open the database at ``path``."""
        self._conn = await aiosqlite.connect(path, isolation_level=None)
        self._conn.row_factory = aiosqlite.Row
        self._lock = asyncio.Lock()
        for pragma in schema.PRAGMAS:
            await self._conn.execute(pragma)

    async def close(self) -> None:
        """Close the database."""
        await self._conn.close()

    async def get(self, **values: Any) -> Any:
        """Return one posting by its id."""
        return await self._conn.execute_fetchall(sql.GET, values)

    async def find(self, **values: Any) -> Any:
        """Return one posting by its key."""
        return await self._conn.execute_fetchall(sql.FIND, values)

    async def count(self) -> Any:
        """Count all postings."""
        return await self._conn.execute_fetchall(sql.COUNT)

    async def title(self, **values: Any) -> Any:
        """Search words of titles."""
        return await self._conn.execute_fetchall(sql.TITLE, values)

    async def company(self, **values: Any) -> Any:
        """Search companies."""
        return await self._conn.execute_fetchall(sql.COMPANY, values)

    async def recent(self, **values: Any) -> Any:
        """Return the newest postings."""
        return await self._conn.execute_fetchall(sql.RECENT, values)

    async def statistics(self) -> Any:
        """Group and count."""
        return [await self._conn.execute_fetchall(text) for text in sql.STATISTICS]

    async def complex(self, **values: Any) -> Any:
        """Search words with filters."""
        return await self._conn.execute_fetchall(sql.COMPLEX, values)

    async def upsert(self, row: dict[str, Any]) -> None:
        """Store one posting durably."""
        async with self._lock:
            await self._conn.execute("BEGIN IMMEDIATE")
            await self._conn.execute_fetchall(sql.UPSERT, row)
            await self._conn.execute("COMMIT")


# The last sign tells aiosql what to return: ^ one row, $ one value, ! nothing.
_QUERIES = {
    "get^": sql.GET,
    "find^": sql.FIND,
    "count$": sql.COUNT,
    "title": sql.TITLE,
    "company": sql.COMPANY,
    "recent": sql.RECENT,
    "complex": sql.COMPLEX,
    "upsert!": sql.UPSERT,
    **{f"statistics_{number}": text for number, text in enumerate(sql.STATISTICS)},
}


class Aiosql(Aiosqlite):
    """aiosql on aiosqlite."""

    name = "aiosql"

    async def open(self, path: Path) -> None:
        """Open the database at ``path``."""
        await super().open(path)
        texts = (f"-- name: {name}\n{text.strip()};\n" for name, text in _QUERIES.items())
        self._queries: Any = aiosql.from_str(
            "\n".join(texts), "aiosqlite", mandatory_parameters=False
        )

    async def get(self, **values: Any) -> Any:
        """Return one posting by its id."""
        return await self._queries.get(self._conn, **values)

    async def find(self, **values: Any) -> Any:
        """Return one posting by its key."""
        return await self._queries.find(self._conn, **values)

    async def count(self) -> Any:
        """Count all postings."""
        return await self._queries.count(self._conn)

    async def title(self, **values: Any) -> Any:
        """Search words of titles."""
        return [row async for row in self._queries.title(self._conn, **values)]

    async def company(self, **values: Any) -> Any:
        """Search companies."""
        return [row async for row in self._queries.company(self._conn, **values)]

    async def recent(self, **values: Any) -> Any:
        """Return the newest postings."""
        return [row async for row in self._queries.recent(self._conn, **values)]

    async def statistics(self) -> Any:
        """Group and count."""
        return [
            [row async for row in getattr(self._queries, f"statistics_{number}")(self._conn)]
            for number in range(len(sql.STATISTICS))
        ]

    async def complex(self, **values: Any) -> Any:
        """Search words with filters."""
        return [row async for row in self._queries.complex(self._conn, **values)]

    async def upsert(self, row: dict[str, Any]) -> None:
        """Store one posting durably."""
        async with self._lock:
            await self._conn.execute("BEGIN IMMEDIATE")
            await self._queries.upsert(self._conn, **row)
            await self._conn.execute("COMMIT")


class Databases:
    """The package ``databases`` on aiosqlite."""

    name = "databases"

    async def open(self, path: Path) -> None:
        """Open the database at ``path``."""
        self._database = Database(f"sqlite+aiosqlite:///{path}")
        self._lock = asyncio.Lock()
        await self._database.connect()

    async def close(self) -> None:
        """Close the database."""
        await self._database.disconnect()

    async def get(self, **values: Any) -> Any:
        """Return one posting by its id."""
        return await self._database.fetch_one(sql.GET, values)

    async def find(self, **values: Any) -> Any:
        """Return one posting by its key."""
        return await self._database.fetch_one(sql.FIND, values)

    async def count(self) -> Any:
        """Count all postings."""
        return await self._database.fetch_val(sql.COUNT)

    async def title(self, **values: Any) -> Any:
        """Search words of titles."""
        return await self._database.fetch_all(sql.TITLE, values)

    async def company(self, **values: Any) -> Any:
        """Search companies."""
        return await self._database.fetch_all(sql.COMPANY, values)

    async def recent(self, **values: Any) -> Any:
        """Return the newest postings."""
        return await self._database.fetch_all(sql.RECENT, values)

    async def statistics(self) -> Any:
        """Group and count."""
        return [await self._database.fetch_all(text) for text in sql.STATISTICS]

    async def complex(self, **values: Any) -> Any:
        """Search words with filters."""
        return await self._database.fetch_all(sql.COMPLEX, values)

    async def upsert(self, row: dict[str, Any]) -> None:
        """Store one posting durably."""
        # Its default of SQLite's synchronous is FULL, and WAL is kept in the file.
        async with self._lock, self._database.transaction():
            await self._database.execute(sql.UPSERT, row)
