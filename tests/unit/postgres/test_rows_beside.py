"""What is written beside a posting that another program deletes meanwhile."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

import jobstore
from jobstore import JobNotFound
from tests.fixtures.postings import posting
from tests.fixtures.writers import until_somebody_waits


@pytest.mark.parametrize("written", ["apply", "set_application", "gone", "confirm_duplicate"])
async def test_what_is_noted_of_a_posting_that_is_deleted_meanwhile_is_not_left(
    database: str, written: str
) -> None:
    async with jobstore.connect(database) as store, jobstore.connect(database) as other:
        id, near = [(await store.upsert(posting(n, title=f"Job {n}"))).id for n in range(2)]
        if written == "set_application":
            await store.apply(id)
        noting = {
            "apply": lambda: store.apply(id),
            "set_application": lambda: store.set_application(id, note="x"),
            "gone": lambda: store.gone(id, http_status=418),
            "confirm_duplicate": lambda: store.confirm_duplicate(id, near),
        }[written]
        async with other.transaction() as unit:
            await unit.delete(id)
            waiting = asyncio.create_task(noting())
            await until_somebody_waits(database)
        with pytest.raises(JobNotFound):
            await waiting
    with psycopg.connect(database) as conn:
        for table in ("application", "event", "verdict"):
            left = f"SELECT 1 FROM {table} AS t WHERE t.id = %s"
            assert conn.execute(left, (id,)).fetchall() == []
