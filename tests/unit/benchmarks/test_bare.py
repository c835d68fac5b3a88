"""The limit: what is recorded is what the gateway runs."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import jobstore
from benchmarks import bare
from benchmarks.draws import Draws
from benchmarks.operations import reading_operations
from jobstore import JobPosting, SearchQuery
from jobstore.settings import parse_store_url


def test_a_recorder_notes_and_replay_repeats():
    with closing(sqlite3.connect(":memory:")) as conn, closing(sqlite3.connect(":memory:")) as copy:
        recorder = bare.Recorder(conn)
        recorder.execute("CREATE TABLE t (a)")
        recorder.executemany("INSERT INTO t VALUES (?)", ((number,) for number in range(3)))
        statements = recorder.take()
        assert recorder.take() == []
        bare.replay(copy, statements)
        assert copy.execute("SELECT sum(a) FROM t").fetchone() == (3,)


def test_what_is_read_in_part_is_repeated_in_part():
    with closing(sqlite3.connect(":memory:")) as conn:
        recorder = bare.Recorder(conn)
        numbers = "SELECT value FROM json_each('[1, 2, 3, 4]');"
        with closing(recorder.execute(numbers)) as rows:
            assert [next(rows), next(rows)] == [(1,), (2,)]
        ((sql, bound, _),) = recorder.take()
        assert conn.execute(sql, bound).fetchall() == [(1,), (2,)]


async def test_statements_of_a_call_are_recorded(migrated_url):
    async with jobstore.connect(migrated_url) as store:
        stored = await store.upsert(
            JobPosting(source="a", source_job_id="1", title="Data Engineer", company="Acme")
        )
        recording = bare.RecordingStore(parse_store_url(migrated_url).path)
        try:
            found = await recording.statements_of(lambda each: each.get(stored.id))
            assert len(found) == 1
            assert found[0][1] == (stored.id.bytes,)
            query = SearchQuery(text="data")
            searched = await recording.statements_of(lambda each: each.search(query))
            assert any("MATCH" in sql for sql, _, _ in searched)
        finally:
            recording.close()


async def test_every_operation_runs_on_a_small_store(migrated_url):
    from benchmarks.generator import postings

    async with jobstore.connect(migrated_url) as store:
        report = await store.upsert_many(postings(300))
        assert report.inserted == 300
        with closing(bare.connect(parse_store_url(migrated_url).path)) as conn:
            operations = await reading_operations(Draws(conn), store)
        for operation in operations:
            for call in operation.calls[:3]:
                await call(store)
    assert {"get", "complex query", "facets", "no match", "prefix"} <= {
        operation.name for operation in operations if operation.calls
    }
