"""Batches of writes: what is stored is read at once, and what is planned is written at the end."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from jobstore import JobStore, Outcome, StoreCorrupt, UpsertResult, job_id
from jobstore.engines.sqlite.writing import changes
from tests.fixtures.postings import posting
from tests.unit.sqlite.library import NOW, library, store
from tests.unit.sqlite.library import posting as checked


def test_what_is_stored_for_a_batch_is_read_by_one_statement() -> None:
    postings = [checked(f"Engineer {number}") for number in range(20)]
    ids = [job_id(each.source, each.source_job_id) for each in postings]
    with closing(library()) as conn:
        store(conn, postings)
        statements: list[str] = []
        conn.set_trace_callback(statements.append)

        writes = changes.PostingWrites(conn, NOW, ids)
        found = [changes.upsert(writes, each).outcome for each in postings]

        assert found == [Outcome.UNCHANGED] * 20
        assert len(statements) == 1
        writes.finish()


async def test_a_row_that_cannot_be_read_fails_alone(store: JobStore, tmp_path: Path) -> None:
    for number in range(10):
        await store.upsert(posting(number))
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as conn:
        key = posting(4)
        conn.execute(
            "UPDATE posting SET title = CAST(x'ff' AS TEXT) WHERE source_job_id = ?",
            (key["source_job_id"],),
        )
        assert conn.total_changes == 1
        conn.commit()

    found = await asyncio.gather(
        *(store.upsert(posting(number)) for number in range(12)), return_exceptions=True
    )

    assert isinstance(found[4], StoreCorrupt)
    rest = [each.outcome for each in found if isinstance(each, UpsertResult)]
    assert rest == [Outcome.UNCHANGED] * 9 + [Outcome.INSERTED] * 2
