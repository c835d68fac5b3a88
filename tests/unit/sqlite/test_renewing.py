"""What is written down of others' changes while an index is built, and what goes in pieces."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import jobstore
from jobstore import SchemaMismatch, migrating
from jobstore.engines.rows import JOB_COLUMNS
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.upkeep import leftovers, renewal
from jobstore.engines.sqlite.writing import renewing
from tests.fixtures.postings import full, posting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
async def conn(migrated_url: str, path: Path) -> Iterator[sqlite3.Connection]:
    """A store with a posting that states everything, all of it known to a renewal."""
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(full())
        await store.upsert(posting(2))
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE store_property SET value = x'00' WHERE name = 'derived_form'")
        conn.execute("BEGIN")
        assert renewal._begin(conn)
        conn.execute("COMMIT")
        conn.execute("UPDATE renewal SET place = ?", (renewing.EVERYTHING,))
        yield conn


CHANGES = {
    "content": "UPDATE posting SET title = 'Other' WHERE source_job_id = '1'",
    "place": "UPDATE posting SET place = place + 1 WHERE source_job_id = '1'",
    "first sighting": "UPDATE posting SET first_seen_at = 1 WHERE source_job_id = '1'",
    "text": "UPDATE posting_text SET description = 'x' WHERE attributes IS NOT NULL",
    "no posting": "DELETE FROM posting WHERE source_job_id = '1'",
    "no text": "DELETE FROM posting_text WHERE attributes IS NOT NULL",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_a_posting_said_is_written_down_before_it_changes(
    conn: sqlite3.Connection, change: str
) -> None:
    row = conn.execute(
        f"SELECT {', '.join(JOB_COLUMNS)} FROM posting NATURAL JOIN posting_text "
        "WHERE source_job_id = '1'"
    ).fetchone()
    (place,) = conn.execute("SELECT place FROM posting WHERE source_job_id = '1'").fetchone()
    conn.execute(change)
    # The first change counts: that is what the index knows.
    conn.execute("UPDATE posting SET title = 'Another' WHERE source_job_id = '1'")
    ((id, known_at, was),) = conn.execute("SELECT id, place, was FROM renewal_change")
    assert (id, *json.loads(was)) == row
    assert known_at == place


async def test_sightings_and_what_is_not_built_yet_are_not_written_down(
    conn: sqlite3.Connection,
) -> None:
    conn.execute("UPDATE posting SET last_seen_at = last_seen_at + 1, seen_digest = NULL")
    conn.execute("UPDATE posting SET digest = NULL")
    conn.execute("UPDATE posting_text SET plain = 'x'")
    conn.execute("UPDATE renewal SET place = ?", (renewing.NOTHING,))
    conn.execute("UPDATE posting SET title = 'Other'")
    conn.execute("DELETE FROM posting WHERE source_job_id = '2'")
    assert conn.execute("SELECT count(*) FROM renewal_change").fetchone() == (0,)


async def test_a_posting_that_moves_into_what_is_built_is_not_known_there(
    conn: sqlite3.Connection,
) -> None:
    ((last,),) = conn.execute("SELECT max(place) FROM posting")
    conn.execute("UPDATE renewal SET place = ?", (last + 1,))
    conn.execute("UPDATE posting SET place = place + 5 WHERE place = ?", (last,))
    assert conn.execute("SELECT place, was FROM renewal_change").fetchall() == [(None, None)]


async def test_an_index_goes_in_pieces(migrated_url: str, path: Path) -> None:
    async with jobstore.connect(migrated_url) as store:
        for turn in range(5):
            await store.upsert_many(
                posting(f"{turn} {n}", description=f"word{turn}{n} " * 50) for n in range(40)
            )
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        before = schema.objects(conn)
        settings = conn.execute("SELECT * FROM text_index_config").fetchall()
        leftovers.replace(conn, renewal.INDEX)
        assert conn.execute("SELECT * FROM text_index_config").fetchall() == settings
        assert schema.objects(conn) == before
        assert conn.execute("SELECT count(*) FROM text_vocabulary").fetchone() == (0,)
        steps = 0
        while (removed := leftovers.remove_some(conn, 5)) is not None:
            assert removed <= 5
            steps += 1
        assert steps > 3
        assert leftovers.names(conn) == []
        assert schema.objects(conn) == before
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_program_that_may_not_go_on_writes_nothing(migrated_url: str, path: Path) -> None:
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(posting(1))
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            conn.execute("UPDATE store_property SET value = ? WHERE name = ?", (b"9", "compatible"))
        for write in (store.upsert(posting(1)), store.delete(jobstore.job_id("board", "1"))):
            with pytest.raises(SchemaMismatch, match="Upgrade jobstore and start this program"):
                await write
        assert await store.count() == 1


async def test_a_build_that_is_interrupted_keeps_what_is_built(
    migrated_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_FIRST", 8)
    monkeypatch.setattr(renewal, "_LARGEST", 8)
    async with jobstore.connect(migrated_url) as store:
        await store.upsert_many(posting(n) for n in range(40))
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE store_property SET value = x'00' WHERE name = 'derived_form'")

    def interrupt(step: str, done: int, total: int) -> None:
        if done >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrating.up(migrated_url, progress=interrupt)

    found = migrating.renewal(migrated_url)
    assert found is not None
    assert (found.stage, found.done, found.total) == ("postings", 16, 40)
    told: list[int] = []
    migrating.up(migrated_url, progress=lambda step, done, total: told.append(done))
    assert told[0] == 16
    assert migrating.renewal(migrated_url) is None
    migrating.check_schema(migrated_url)
