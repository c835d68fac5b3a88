"""``jobstore history``, ``prune`` and ``delete --purge``: what is shown, and what is left where."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

import jobstore
from jobstore.settings import sqlite_url
from tests.contract.cli.commands import answer, posting, run, said, shown
from tests.engines.harness import POSTGRES
from tests.fixtures.clock import Clock

ID = str(jobstore.job_id("board", "1"))
GONE = str(jobstore.job_id("board", "2"))
LONG = "We bake bread every morning, and on Sundays we bake cakes for all of the town. "
WORDS = ("quokkabread", "wombatcake", "numbatoven", "bilbybakers", "potorooclerk")


@pytest.fixture
def url(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with a posting that has changed, which JOBSTORE_URL names."""
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    asyncio.run(_fill(migrated_url))
    return migrated_url


async def _fill(url: str) -> None:
    clock = Clock(datetime.now(UTC) - timedelta(days=100))
    async with jobstore.connect(url, clock=clock, actor="anna") as store:
        await store.upsert(posting(1, description=LONG * 3, attributes={"a": 1, "b": 2}))
        await store.upsert(posting(2, title=f"{WORDS[0]} {WORDS[1]}", description=WORDS[2] * 50))
        clock.advance(days=50)
        await store.update(
            ID,
            {
                "title": "Head baker",
                "description": LONG * 2 + LONG.replace("Sundays", "Fridays"),
                "attributes": {"a": 1, "b": 3},
            },
        )
        clock.advance(days=49)
        await store.update(ID, {"status": "closed"})


def test_history_shows_what_changed_and_the_words_of_long_texts_that_differ(url: str) -> None:
    text = shown(run("history", ID))
    assert re.search(r"closed version 3 by anna.*changed version 2 by anna.*opened version 1", text)
    assert "status: open -> closed" in text
    assert "title: Engineer 1 -> Head baker" in text
    assert "attributes.b: 2 -> 3" in text
    assert "attributes.a" not in text
    assert "... every morning, and on [-Sundays-] [+Fridays+] we bake cakes for ..." in text
    assert "We bake" not in text


def test_history_is_json_as_well_and_stays_when_a_posting_is_deleted(url: str) -> None:
    closed, changed, opened = answer("history", ID)["history"]
    assert closed["changes"] == {"status": ["open", "closed"]}
    assert (changed["kind"], changed["version"], changed["actor"]) == ("changed", 2, "anna")
    assert changed["changes"]["title"] == ["Engineer 1", "Head baker"]
    assert opened["changes"] == {}

    assert answer("delete", ID, "--yes")["deleted"] == 1
    (gone,) = answer("history", ID)["history"]
    assert (gone["kind"], gone["changes"]) == ("deleted", {})
    assert "deleted" in shown(run("history", ID))
    unknown = run("history", str(jobstore.job_id("board", "77")))
    assert unknown.exit_code == 1
    assert "none had" in said(unknown)


def test_prune_says_what_it_will_remove_and_asks(url: str) -> None:
    assert answer("prune", "--older-than", "10d", "--dry-run")["versions"] == 1
    refused = run("prune", "--older-than", "10d")
    assert refused.exit_code == 2
    assert "1 earlier version" in said(refused)
    assert "--yes" in said(refused)
    assert len(answer("history", ID)["history"]) == 3
    done = run("prune", "--older-than", "10d", "--yes")
    assert "Removed 1 earlier version" in shown(done)
    assert len(answer("history", ID)["history"]) == 1
    assert "nothing is removed" in shown(run("prune", "--older-than", "10d"))
    assert run("prune", "--older-than", "soon").exit_code == 2
    assert run("prune").exit_code == 2


def in_files(path: Path) -> bytes:
    return b"".join(each.read_bytes().lower() for each in path.parent.glob(f"{path.name}*"))


async def _live(url: str) -> None:
    """Let a posting take part in all that a store keeps of postings, and delete nothing yet."""
    text = " ".join(f"{word} {number}" for number in range(40) for word in WORDS)
    twin = {"title": f"{WORDS[0]} {WORDS[1]}", "company": WORDS[3], "location": "Lowell, MA"}
    async with jobstore.connect(url, actor="anna") as store:
        rows = [posting(2, description=text, **twin)]
        rows += [posting(3, source="other", description=text, **twin), posting(4)]
        for _ in range(2):
            async with store.scrape_run("board", scope="page") as run:
                await run.upsert_many(rows[::2])
                run.complete()
        await store.upsert(rows[1])
        await store.find_duplicates()
        assert len(await store.duplicates(GONE)) == 1
        await store.confirm_duplicate(GONE, jobstore.job_id("other", "3"))
        await store.apply(GONE, note=f"ask the {WORDS[4]}")
        await store.save_search("all", jobstore.SearchQuery())
        await store.acknowledge("all", await store.new_matches("all"))
        assert not await store.gone(GONE, http_status=451)
        await store.update(GONE, {"title": WORDS[0]})


def test_purge_leaves_no_word_of_a_posting_in_the_files(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    asyncio.run(_live(url))
    assert all(word.encode() in in_files(path) for word in WORDS)
    twin = str(jobstore.job_id("other", "3"))
    result = run("delete", GONE, twin, "--purge", "--yes")
    assert result.exit_code == 0, result.stderr
    assert [word for word in WORDS if word.encode() in in_files(path)] == []
    assert b"head baker" in in_files(path)
    assert [each["kind"] for each in answer("history", GONE)["history"]] == ["deleted"]
    # What stays is that they were deleted: of either id there is but that one row.
    with closing(sqlite3.connect(path)) as conn:
        names = conn.execute("SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE TABLE%'")
        left = rows_with(
            conn, [name for (name,) in names.fetchall()], [UUID(GONE).bytes, UUID(twin).bytes]
        )
    assert left == {"deletion": 2}
    assert run("doctor", "--full").exit_code == 0


def rows_with(conn: Any, tables: list[str], ids: list[bytes]) -> dict[str, int]:
    """Count the rows, by table, in which one of some ids is a value."""
    # How far somebody got is a place in the order of changes, whoever was changed there.
    found = Counter(
        name
        for name in {*tables} - {"follower"}
        for row in conn.execute(f'SELECT * FROM "{name}"').fetchall()
        for value in row
        if (value.bytes if isinstance(value, UUID) else value) in ids
    )
    return dict(found)


def test_purge_leaves_no_row_of_a_posting_on_a_server(tmp_path: Path) -> None:
    url = POSTGRES.new_url(tmp_path)
    try:
        asyncio.run(_fill(url))
        asyncio.run(_live(url))
        twin = str(jobstore.job_id("other", "3"))
        size = "SELECT pg_relation_filenode('posting')"
        with psycopg.connect(url) as conn:
            before = conn.execute(size).fetchone()
        result = run("delete", GONE, twin, "--purge", "--yes", "--store", url)
        assert result.exit_code == 0, result.stderr
        with psycopg.connect(url) as conn:
            # The table is in a new file.
            assert conn.execute(size).fetchone() != before
            names = (
                "SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = "
            )
            schema = "current_schema()::regnamespace"
            tables = [name for (name,) in conn.execute((names + schema).encode()).fetchall()]
            assert rows_with(conn, tables, [UUID(GONE).bytes, UUID(twin).bytes]) == {"deletion": 2}
            for name in tables:
                held = str(conn.execute(f'SELECT * FROM "{name}"'.encode()).fetchall()).lower()
                assert [word for word in WORDS if word in held] == [], name
    finally:
        POSTGRES.forget(url)


def test_the_actor_of_the_settings_writes(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_ACTOR", "the night shift")
    other = sqlite_url(tmp_path / "other.db")
    row = '{"source": "board", "source_job_id": "1", "title": "Baker", "company": "Acme"}\n'
    assert run("import", "-", "--store", other, "--create", stdin=row).exit_code == 0
    (opened,) = answer("history", ID, "--store", other)["history"]
    assert opened["actor"] == "the night shift"
    monkeypatch.setenv("JOBSTORE_ACTOR", "two\nlines")
    assert run("count").exit_code == 2
