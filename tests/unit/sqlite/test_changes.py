"""Batches of writes: what is stored is read at once, and what is planned is written at the end."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobstore import JobPosting, JobStore, Outcome, StoreCorrupt, UpsertResult, job_id
from jobstore.engines import named_statements
from jobstore.engines.rows import job_from_row
from jobstore.engines.sqlite.upkeep.verification import verify_rows
from jobstore.engines.sqlite.writing import changes
from jobstore.verdicts import Verdict
from tests.fixtures.postings import posting
from tests.unit.sqlite.library import NOW, library, store
from tests.unit.sqlite.library import posting as checked

SQL = named_statements.load("sqlite")
KEY = job_id("board", "1")


def test_what_is_stored_for_a_batch_is_read_by_one_statement() -> None:
    postings = [checked(f"Engineer {number}") for number in range(20)]
    ids = [job_id(each.source, each.source_job_id) for each in postings]
    with closing(library()) as conn:
        store(conn, postings)
        statements: list[str] = []
        conn.set_trace_callback(statements.append)

        writes = changes.PostingWrites(conn, NOW, ids)
        found = [writes.upsert(each).outcome for each in postings]

        assert found == [Outcome.UNCHANGED] * 20
        # ... after a look whether an index is built anew, which costs the same for any batch.
        assert [each for each in statements if "FROM renewal " not in each] == statements[:1]
        assert len(statements) == 2
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


ONE = checked("Engineer", source_job_id="1")
EARLIER, LATER, LATEST = (NOW + timedelta(days=days) for days in (-9, 2, 3))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param([replace(ONE, last_seen_at=LATER)], id="seen"),
        pytest.param(
            [replace(ONE, last_seen_at=LATER), replace(ONE, title="Other", last_seen_at=LATEST)],
            id="seen, then changed",
        ),
        pytest.param([replace(ONE, first_seen_at=EARLIER)], id="seen earlier: listed anew"),
        pytest.param(
            [replace(ONE, title="Other"), replace(ONE, first_seen_at=EARLIER, title="Other")],
            id="changed, then listed anew",
        ),
    ],
)
def test_what_a_batch_does_to_one_posting_is_stored_in_its_order(given: list[JobPosting]) -> None:
    with closing(library()) as conn:
        store(conn, [ONE])
        writes = changes.PostingWrites(conn, NOW + timedelta(days=1), [KEY])
        for each in given:
            writes.upsert(each)
        planned = writes.changes[-1].after
        writes.finish()

        row = conn.execute(SQL["posting_by_id"], (KEY.bytes,)).fetchone()
        assert planned is not None
        assert job_from_row(row) == planned.job
        assert {each.verdict for each in verify_rows(conn)} == {Verdict.PASS}
