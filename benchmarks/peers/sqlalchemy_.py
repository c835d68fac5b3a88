"""SQLAlchemy 2, twice: the ORM as job agents use it, and async Core on aiosqlite.

- ORM: mapped class, a Session a call, LIKE searches, select-then-update upserts. It is
  synchronous, so with many callers each call runs in a thread, writes one at a time;
- Core: prepared select() and insert().on_conflict_do_update(), ``begin()`` a write, a pool
  of connections on aiosqlite; writes one at a time, else they time out on SQLite's lock.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, and_, bindparam, create_engine, event, or_, select, text
from sqlalchemy import func as fn
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session, load_only

from benchmarks.peers import schema, sql


def _prepare(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in schema.PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


class Orm:
    """The usual job agent's store."""

    name = "SQLAlchemy ORM"

    async def open(self, path: Path) -> None:
        """Open the database at ``path``."""
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _prepare)
        self._lock = asyncio.Lock()
        metadata = MetaData()
        mapped = Table("jobs", metadata, autoload_with=self._engine)
        base: Any = type("Base", (DeclarativeBase,), {"metadata": metadata})
        self._job: Any = type("Job", (base,), {"__table__": mapped})
        listed = [name for name in schema.COLUMNS if name != "description"]
        self._summary = load_only(*(getattr(self._job, name) for name in listed))

    async def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _read(self, statement: Any) -> Any:
        with Session(self._engine) as session:
            return session.scalars(statement).all()

    def _newest(self, *conditions: Any) -> Any:
        job = self._job
        query = select(job).where(*conditions).order_by(job.posted_at.desc()).limit(20)
        return asyncio.to_thread(self._read, query.options(self._summary))

    async def get(self, *, id: int) -> Any:
        """Return one posting by its id."""

        def read() -> Any:
            with Session(self._engine) as session:
                return session.get(self._job, id)

        return await asyncio.to_thread(read)

    async def find(self, *, source: str, source_job_id: str) -> Any:
        """Return one posting by its key."""
        job = self._job
        query = select(job).where(job.source == source, job.source_job_id == source_job_id)
        return await asyncio.to_thread(self._read, query)

    async def count(self) -> Any:
        """Count all postings."""
        return await asyncio.to_thread(self._read, select(fn.count()).select_from(self._job))

    async def title(self, *, one: str, two: str) -> Any:
        """Search words of titles."""
        return await self._newest(self._job.title.like(one), self._job.title.like(two))

    async def company(self, *, company: str) -> Any:
        """Search companies."""
        return await self._newest(self._job.company.like(f"%{company}%"))

    async def recent(self, *, since: str) -> Any:
        """Return the newest postings."""
        return await self._newest(self._job.posted_at >= since)

    async def statistics(self) -> Any:
        """Group and count."""

        def read() -> Any:
            with Session(self._engine) as session:
                return [session.execute(text(each)).all() for each in sql.STATISTICS]

        return await asyncio.to_thread(read)

    async def complex(self, **values: Any) -> Any:
        """Search words with filters."""
        return await self._newest(*_complex(self._job, values))

    async def upsert(self, row: dict[str, Any]) -> None:
        """Store one posting durably."""
        job = self._job
        query = select(job).where(
            job.source == row["source"], job.source_job_id == row["source_job_id"]
        )

        def write() -> None:
            with Session(self._engine) as session, session.begin():
                stored = session.scalars(query).one_or_none()
                if stored is None:
                    session.add(job(**row))
                else:
                    for name, value in row.items():
                        setattr(stored, name, value)

        async with self._lock:
            await asyncio.to_thread(write)


def _complex(job: Any, values: dict[str, Any]) -> list[Any]:
    word = values["word"]
    anywhere = (column.like(word) for column in (job.title, job.company, job.location))
    return [
        or_(*anywhere, job.description.like(word)),
        and_(job.location == values["location"], job.workplace == values["workplace"]),
        job.yearly_max >= values["salary"],
        job.status == values["status"],
    ]


class Core:
    """SQLAlchemy's async Core."""

    name = "SQLAlchemy Core"

    async def open(self, path: Path) -> None:
        """Open the database at ``path``, and prepare the statements."""
        self._engine: AsyncEngine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        event.listen(self._engine.sync_engine, "connect", _prepare)
        self._lock = asyncio.Lock()
        async with self._engine.connect() as conn:
            jobs = await conn.run_sync(lambda sync: Table("jobs", MetaData(), autoload_with=sync))
        column = jobs.c
        summary = select(*(each for each in column if each.name != "description"))
        newest = summary.order_by(column.posted_at.desc()).limit(20)
        names = ("word", "location", "workplace", "salary", "status")
        self._get = select(jobs).where(column.id == bindparam("id"))
        self._find = select(jobs).where(*(column[name] == bindparam(name) for name in schema.KEY))
        self._count = select(fn.count()).select_from(jobs)
        self._title = newest.where(
            column.title.like(bindparam("one")), column.title.like(bindparam("two"))
        )
        self._company = newest.where(column.company.like(bindparam("company")))
        self._recent = newest.where(column.posted_at >= bindparam("since"))
        self._complex = newest.where(*_complex(column, {name: bindparam(name) for name in names}))
        self._statistics = [text(each) for each in sql.STATISTICS]
        values = insert(jobs)
        self._upsert = values.on_conflict_do_update(
            index_elements=schema.KEY,
            set_={name: values.excluded[name] for name in schema.COLUMNS if name not in schema.KEY},
        )

    async def close(self) -> None:
        """Close the database."""
        await self._engine.dispose()

    async def _read(self, statement: Any, values: dict[str, Any]) -> Any:
        async with self._engine.connect() as conn:
            return (await conn.execute(statement, values)).all()

    async def get(self, **values: Any) -> Any:
        """Return one posting by its id."""
        return await self._read(self._get, values)

    async def find(self, **values: Any) -> Any:
        """Return one posting by its key."""
        return await self._read(self._find, values)

    async def count(self) -> Any:
        """Count all postings."""
        return await self._read(self._count, {})

    async def title(self, **values: Any) -> Any:
        """Search words of titles."""
        return await self._read(self._title, values)

    async def company(self, **values: Any) -> Any:
        """Search companies."""
        return await self._read(self._company, values)

    async def recent(self, **values: Any) -> Any:
        """Return the newest postings."""
        return await self._read(self._recent, values)

    async def statistics(self) -> Any:
        """Group and count."""
        async with self._engine.connect() as conn:
            return [(await conn.execute(each)).all() for each in self._statistics]

    async def complex(self, **values: Any) -> Any:
        """Search words with filters."""
        return await self._read(self._complex, values)

    async def upsert(self, row: dict[str, Any]) -> None:
        """Store one posting durably."""
        async with self._lock, self._engine.begin() as conn:
            await conn.execute(self._upsert, row)


class SearchableCore(Core):
    """Core on a table whose words are indexed as well, by triggers: the store's writes do that."""

    name = "Core with full text"

    async def open(self, path: Path) -> None:
        """Open the database at ``path``, and index what is in it."""
        await super().open(path)
        async with self._engine.begin() as conn:
            for statement in _WORDS:
                await conn.execute(text(statement))


_SEARCHED = "title, company, location, skills, description"
_NEW, _OLD = (
    ", ".join(f"{row}.{name}" for name in ("id", *_SEARCHED.split(", "))) for row in ("new", "old")
)
_REMOVE = f"INSERT INTO words (words, rowid, {_SEARCHED}) VALUES ('delete', {_OLD});"
_ADD = f"INSERT INTO words (rowid, {_SEARCHED}) VALUES ({_NEW});"
_WORDS = (
    f"CREATE VIRTUAL TABLE words USING fts5 ({_SEARCHED}, content = 'jobs', content_rowid = 'id')",
    "INSERT INTO words (words) VALUES ('rebuild')",
    f"CREATE TRIGGER words_add AFTER INSERT ON jobs BEGIN {_ADD} END",
    f"CREATE TRIGGER words_replace AFTER UPDATE ON jobs BEGIN {_REMOVE} {_ADD} END",
)
