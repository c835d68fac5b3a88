"""A file that is damaged: typed errors, and nothing but the damaged part is lost."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import (
    EngineOptions,
    JobStore,
    JobStoreError,
    MigrationError,
    SchemaMismatch,
    SearchQuery,
    StoreCorrupt,
    StoreUnavailable,
    job_id,
)
from jobstore.engines.sqlite.upkeep.inspection import inspect_rows
from jobstore.verdicts import Verdict
from tests.fixtures.checks import check_file
from tests.fixtures.postings import full, posting

IMPATIENT = EngineOptions(busy_timeout=0.2, read_timeout=20)


async def _in_transaction(store: JobStore, what: dict[str, Any]) -> None:
    async with store.transaction() as tx:
        await tx.upsert(what)


@pytest.fixture
async def filled(migrated_url: str) -> str:
    """The URL of a store with 400 postings, all of them in the database file."""
    async with jobstore.connect(migrated_url) as store:
        await store.upsert_many(
            {**full(number), "description": f"Text {number} " * 60, "company": f"C{number % 9}"}
            for number in range(400)
        )
        for number in range(0, 400, 7):
            await store.update(job_id("board", str(number)), {"title": "Changed"})
    return migrated_url


def _told(error: JobStoreError) -> tuple[type, str]:
    # The error itself would keep alive the cursor that failed, and so the connection.
    return type(error), str(error)


async def _use(store: JobStore, seed: int) -> list[tuple[type, str]]:
    """Use everything that a store has; return what kinds of errors said."""
    one = job_id("board", str(seed))

    async def streamed() -> int:
        return len([job async for job in store.stream(SearchQuery(company="C3"))])

    calls: list[Callable[[], Any]] = [
        lambda: store.get(one),
        lambda: store.get_many([job_id("board", str(number)) for number in range(400)]),
        lambda: store.revisions(job_id("board", "7")),
        lambda: store.search(SearchQuery(text="text changed"), limit=400, facets=("company",)),
        lambda: store.search(SearchQuery(text='"engineer 7*"', sort="relevance")),
        lambda: store.search(SearchQuery(sort="salary", skills="SQL"), limit=400),
        lambda: store.search(SearchQuery(sort="applicants"), limit=400),
        lambda: store.count(SearchQuery(company="c4")),
        lambda: store.statistics(),
        streamed,
        lambda: store.upsert(posting(f"new {seed}", description="text")),
        lambda: store.upsert_many(posting(f"{number}") for number in range(0, 400, 9)),
        lambda: store.update(one, {"title": "Changed", "posted_at": "2026-01-01"}),
        lambda: _in_transaction(store, posting(seed, title="Again")),
        lambda: store.delete(one),
    ]
    errors = []
    for call in calls:
        try:
            await call()
        except JobStoreError as error:
            errors.append(_told(error))
    return errors


# So many pages are damaged in turn.
ROUNDS = 25


def _zeros(page: bytes, generator: random.Random) -> bytes:
    return bytes(len(page))


def _random_bytes(page: bytes, generator: random.Random) -> bytes:
    return generator.randbytes(len(page))


def _some_bytes(page: bytes, generator: random.Random) -> bytes:
    changed = bytearray(page)
    for _ in range(40):
        changed[generator.randrange(len(page))] = generator.randrange(256)
    return bytes(changed)


def _values(page: bytes, generator: random.Random) -> bytes:
    """The structure of the page stays; what is stored makes no sense."""
    for known in (b"open", b"full_time", b'["C++', b"hybrid", b"52000", b'{"id'):
        page = page.replace(known, b"\xff" * len(known))
    return page


@pytest.mark.parametrize("damage", [_zeros, _random_bytes, _some_bytes, _values])
async def test_a_damaged_page_gives_typed_errors_and_the_rest_stays(
    filled: str, tmp_path: Path, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    path = tmp_path / "jobs.db"
    sound = path.read_bytes()
    size = 4096
    generator = random.Random(damage.__name__)
    # All pages that this changes but the first: without that one, the file is no database.
    each = [(start, sound[start : start + size]) for start in range(size, len(sound), size)]
    pages = [(start, page) for start, page in each if damage(page, generator) != page]
    seen: list[tuple[type, str]] = []
    for round in range(ROUNDS):
        start, page = generator.choice(pages)
        path.write_bytes(sound[:start] + damage(page, generator) + sound[start + size :])
        try:
            async with jobstore.connect(filled, options=IMPATIENT) as store:
                seen += await _use(store, round)
        except JobStoreError as error:
            seen.append(_told(error))
        for name in ("jobs.db-wal", "jobs.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)

    assert StoreCorrupt in {kind for kind, _ in seen}
    for kind, message in seen:
        # What is damaged may also look as if it were absent, as if the page were beyond the end
        # of the file, or as if the record of migrations were another one.
        known = issubclass(
            kind, StoreUnavailable | jobstore.JobNotFound | MigrationError | SchemaMismatch
        )
        assert known or "jobstore doctor" in message, (kind, message)
    # Nothing but the damaged page was lost: put back, the store is whole.
    path.write_bytes(sound)
    async with jobstore.connect(filled) as store:
        assert await store.count() == len([job async for job in store.stream()]) == 400
    check_file(path)


async def test_one_row_that_makes_no_sense_fails_alone(filled: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as conn:
        conn.execute("PRAGMA ignore_check_constraints = ON")
        conn.execute("UPDATE posting SET status = 'ajar' WHERE source_job_id = '5'")
        conn.commit()

    async with jobstore.connect(filled) as store:
        broken = job_id("board", "5")
        results = await asyncio.gather(
            *(store.upsert(posting(number)) for number in range(10)), return_exceptions=True
        )
        assert [type(each) is StoreCorrupt for each in results] == [n == 5 for n in range(10)]
        with pytest.raises(StoreCorrupt, match="jobstore doctor"):
            await store.get(broken)
        with pytest.raises(StoreCorrupt, match="jobstore doctor"):
            await store.update(broken, {"title": "x"})
        assert (await store.get(job_id("board", "6"))).version >= 1
        report = await store.statistics()
        assert report.total == 400


def _flipped(value: Any, bit: int) -> Any:
    """Return a stored value with one bit of it flipped: of a text, in the middle."""
    if isinstance(value, int):
        return value ^ (1 << (bit + 5))
    if isinstance(value, float):
        (bits,) = struct.unpack("<q", struct.pack("<d", value))
        return struct.unpack("<d", struct.pack("<q", bits ^ (1 << bit)))[0]
    octets = bytearray(value if isinstance(value, bytes) else value.encode())
    octets[len(octets) // 2] ^= 1 << bit
    return bytes(octets)


def _rows_of(conn: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Return one row, by column."""
    order = "kind DESC, value" if table == "counter" else "1"
    where = " WHERE kind = 'company'" if table == "counter" else ""
    cursor = conn.execute(f"SELECT * FROM {table}{where} ORDER BY {order} LIMIT 1")
    return dict(zip((each[0] for each in cursor.description), cursor.fetchone(), strict=True))


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("posting", ("place",)),
        ("posting_text", ("place",)),
        ("revision", ("id", "version")),
        ("counter", ("kind", "value")),
    ],
)
async def test_a_flipped_bit_in_any_column_is_named(
    migrated_url: str, tmp_path: Path, table: str, keys: tuple[str, ...]
) -> None:
    async with jobstore.connect(migrated_url) as store:
        # The text of a description is stored beside it where it has markup.
        closed = {"status": "closed", "salary_max": "71000.5", "description": "<p>Tea</p> C#"}
        async with store.scrape_run("board") as scraping:
            await scraping.upsert({**full(1), **closed})
        await store.upsert({**full(1), **closed, "title": "Now another"})
    path = tmp_path / "jobs.db"
    check_file(path)
    sound = path.read_bytes()
    with closing(sqlite3.connect(path)) as conn:
        row = _rows_of(conn, table)
        id = conn.execute("SELECT id FROM posting").fetchone()[0].hex()
    assert [column for column, value in row.items() if value is None] == []
    unseen = []
    for column, value in row.items():
        kind = "TEXT" if isinstance(value, str) else ""
        # Bit 5 is the case of a letter, bit 7 makes a text that is no UTF-8.
        for bit in (0, 5, 7):
            damaged = _flipped(value, bit)
            path.write_bytes(sound)
            with closing(sqlite3.connect(path)) as conn:
                conn.execute("PRAGMA ignore_check_constraints = ON")
                chosen = " AND ".join(f"{key} = ?" for key in keys)
                new = "CAST(? AS TEXT)" if kind else "?"
                changed = conn.execute(
                    f"UPDATE {table} SET {column} = {new} WHERE {chosen}",
                    (damaged, *(row[key] for key in keys)),
                )
                assert changed.rowcount == 1
                conn.commit()
            told = [each for each in inspect_rows(path) if each.verdict is Verdict.FAIL]
            details = "; ".join(each.output for each in told)
            names = (id, damaged.hex() if column == "id" else id)
            if table == "counter":
                names = (str(row["kind"]), str(row["value"]))
            if not any(name in details for name in names):
                unseen.append((column, bit))
    # A company is shown as one of its postings spells it, which may be gone.
    assert unseen == ([("label", 5)] if table == "counter" else [])
