"""Postings of a PostgreSQL store that share a tie: what is carried of their order of listing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from jobstore.derived.digests import seen_digest
from jobstore.engines.postgres.writing import changes
from jobstore.engines.postgres.writing.batch import Stored
from jobstore.records import job_id
from tests.engines.copies import copied, everything, opened
from tests.engines.harness import POSTGRES, SQLITE
from tests.fixtures.postings import posting


@pytest.fixture
def source(tmp_path: Path) -> Iterator[str]:
    url = POSTGRES.new_url(tmp_path)
    yield url
    POSTGRES.check(url)
    POSTGRES.forget(url)


def _list(url: str, ties: list[int]) -> None:
    """Give the postings, in the order of their ids, these ties, as transactions at once may."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT p.id, p.first_seen_at, p.last_seen_at, p.listed_at FROM posting AS p "
            "ORDER BY p.id"
        ).fetchall()
        for (id, first, last, at), tie in zip(rows, ties, strict=True):
            conn.execute(
                "UPDATE posting SET listed_tie = %s, seen_digest = %s WHERE id = %s",
                (tie, seen_digest(id.bytes, first, last, at, tie), id),
            )


async def _assert_copied(source: str, target: str) -> None:
    async with opened(source) as one, opened(target) as other:
        assert await everything(one) == await everything(other)
    await asyncio.to_thread(SQLITE.check, target)


async def test_postings_that_share_a_tie_keep_their_order(source: str, tmp_path: Path) -> None:
    target = SQLITE.new_url(tmp_path)
    async with opened(source) as store:
        await store.upsert_many(posting(n) | {"posted_at": "2026-01-02"} for n in range(8))
    await asyncio.to_thread(_list, source, [0, 1, 1, 1, 2, 7, 7, 3])
    assert (await copied(source, target)).carried == 8
    await _assert_copied(source, target)
    assert (await copied(source, target)).carried == 0

    # One of another transaction at once appears between them.
    async with opened(source) as store:
        await store.upsert(posting("more") | {"posted_at": "2026-01-02"})
    await asyncio.to_thread(_list, source, [0, 1, 1, 1, 1, 2, 7, 7, 3])
    await copied(source, target)
    await _assert_copied(source, target)

    async with opened(source) as store:
        for job in [job async for job in store.stream()][2::3]:
            await store.delete(job.id)
    await copied(source, target)
    await _assert_copied(source, target)
    assert (await copied(source, target)).carried == 0


async def test_what_was_stored_anew_before_it_is_replaced_is_counted_as_replaced(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, source = source, SQLITE.new_url(tmp_path)
    async with opened(source) as store:
        await store.upsert_many(posting(n) for n in range(4))
    await copied(source, target)
    async with opened(source) as store:
        await store.upsert_many(posting(n) | {"title": "Another"} for n in range(3))
        await store.delete(job_id("board", "3"))

    async def found_none(*_: object) -> Stored:
        # As where each of them was removed and stored anew while the lock was waited for.
        return Stored(())

    monkeypatch.setattr(changes, "lock", found_none)
    await copied(source, target)
    async with opened(source) as one, opened(target) as other:
        assert await everything(one) == await everything(other)
    # The counts are those of what is there.
    await asyncio.to_thread(POSTGRES.check, target)


async def test_a_database_that_shared_ties_is_replaced(source: str, tmp_path: Path) -> None:
    other = SQLITE.new_url(tmp_path)
    async with opened(source) as store:
        await store.upsert_many(posting(n) | {"posted_at": "2026-01-02"} for n in range(6))
    await asyncio.to_thread(_list, source, [0, 0, 0, 1, 1, 1])
    async with opened(other) as store:
        await store.upsert_many(posting(n) | {"posted_at": "2026-01-02"} for n in range(3, 9))
    done = await copied(other, source, replace=True)
    assert done.postings == 6
    await _assert_copied(source, other)
