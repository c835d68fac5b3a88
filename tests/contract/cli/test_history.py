"""``jobstore history``, ``prune`` and ``delete --purge``: what is shown, and what is left where."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

import jobstore
from jobstore.settings import sqlite_url
from tests.contract.cli.commands import answer, lines, posting, run, said, shown
from tests.engines.harness import POSTGRES
from tests.fixtures.clock import Clock

ID = str(jobstore.job_id("board", "1"))
LONG = "We bake bread every morning, and on Sundays we bake cakes for all of the town. "
WORDS = ("quokkabread", "wombatcake", "numbatoven")


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
    assert "0 earlier versions" in shown(run("prune", "--older-than", "10d"))
    assert run("prune", "--older-than", "soon").exit_code == 2
    assert run("prune").exit_code == 2


def in_files(path: Path) -> bytes:
    return b"".join(each.read_bytes().lower() for each in path.parent.glob(f"{path.name}*"))


def test_purge_leaves_no_word_of_a_posting_in_the_files(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    gone = str(jobstore.job_id("board", "2"))
    assert all(word.encode() in in_files(path) for word in WORDS)
    result = run("delete", gone, "--purge", "--yes")
    assert result.exit_code == 0, result.stderr
    assert not any(word.encode() in in_files(path) for word in WORDS)
    assert b"head baker" in in_files(path)
    assert [each["kind"] for each in answer("history", gone)["history"]] == ["deleted"]
    assert run("doctor", "--full").exit_code == 0


def test_purge_leaves_no_row_of_a_posting_on_a_server(tmp_path: Path) -> None:
    url = POSTGRES.new_url(tmp_path)
    try:
        rows = lines(*(posting(n, title=f"{WORDS[0]} {n}") for n in range(50)))
        assert answer("import", "-", "--store", url, stdin=rows)["inserted"] == 50
        with psycopg.connect(url) as conn:
            size = "SELECT pg_relation_size('posting'), pg_relation_filenode('posting')"
            before = conn.execute(size).fetchone()
        result = run("delete", "--source", "board", "--purge", "--yes", "--store", url)
        assert result.exit_code == 0, result.stderr
        with psycopg.connect(url) as conn:
            after = conn.execute(size).fetchone()
        assert before is not None
        assert after is not None
        # The table is in a new file, in which nothing is.
        assert (after[0], after[1] != before[1]) == (0, True)
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
