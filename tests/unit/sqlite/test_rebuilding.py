"""What is rebuilt from postings equals what the writer kept, however it was damaged."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore import InvalidPosting, JobPosting
from jobstore.engines.rows import DamagedRow
from jobstore.engines.sqlite.upkeep import rebuilding
from jobstore.engines.sqlite.upkeep.inspection import inspect_content
from jobstore.engines.sqlite.upkeep.rebuilding import rebuild_counters, rebuild_index
from jobstore.engines.sqlite.writing import changes
from jobstore.intake.validation import check_posting
from jobstore.verdicts import Verdict
from tests.fixtures.postings import full
from tests.property.strategies import postings
from tests.unit.sqlite.library import NOW, find, library, store

# What may happen to the counts, and to the index.
COUNTERS = {
    "lost": "DELETE FROM counter",
    "doubled": "UPDATE counter SET amount = amount * 2",
    "invented": "INSERT INTO counter VALUES ('company', 'nobody', 'Nobody', 3)",
    "one lost": "DELETE FROM counter WHERE kind = 'total'",
}
INDEX = {
    "lost": "INSERT INTO text_index (text_index) VALUES ('delete-all')",
    "invented": "INSERT INTO text_index (rowid, title, body) VALUES (7, 'ghost', '\ue000a')",
    "blocks lost": "DELETE FROM text_index_data WHERE id > 10",
    "blocks of zeros": "UPDATE text_index_data SET block = zeroblob(length(block))",
    "all blocks lost": "DELETE FROM text_index_data",
}


def kept(conn: sqlite3.Connection) -> dict[str, list[Any]]:
    """Everything that follows from the postings."""
    return {
        "counters": conn.execute(
            "SELECT kind, value, amount FROM counter ORDER BY 1, 2"
        ).fetchall(),
        "words": conn.execute(
            "SELECT doc, col, offset, term FROM text_vocabulary ORDER BY 1, 2, 3"
        ).fetchall(),
    }


def taken_in(given: list[dict[str, Any]]) -> list[JobPosting]:
    """Those that a store would take."""
    found = []
    for each in given:
        with suppress(InvalidPosting):
            found.append(check_posting(each))
    return found


def filled(given: list[dict[str, Any]]) -> sqlite3.Connection:
    conn = library()
    for one in taken_in(given):
        with suppress(InvalidPosting):
            store(conn, [one])
        if conn.in_transaction:
            conn.execute("ROLLBACK")
    return conn


def rebuild(conn: sqlite3.Connection) -> tuple[int, int]:
    conn.execute("BEGIN IMMEDIATE")
    result = rebuild_index(conn), rebuild_counters(conn)
    conn.execute("COMMIT")
    return result


@settings(max_examples=40)
@given(
    st.lists(postings(), max_size=8),
    st.sampled_from(sorted(COUNTERS)),
    st.sampled_from(sorted(INDEX)),
)
def test_whatever_was_damaged_is_as_the_writer_kept_it(
    given: list[dict[str, Any]], counters: str, index: str
) -> None:
    with closing(filled(given)) as conn:
        before = kept(conn)
        conn.execute(COUNTERS[counters])
        conn.execute(INDEX[index])

        number = conn.execute("SELECT count(*) FROM posting").fetchone()[0]
        assert rebuild(conn) == (number, number)
        assert kept(conn) == before


@pytest.fixture
def many(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A store of 60 postings in a file, which was changed in the usual ways."""
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as conn:
        with closing(filled([{**full(n), "company": f"C{n % 7}"} for n in range(60)])) as made:
            writes = changes.PostingWrites(made, NOW)
            for job in (check_posting(full(n)) for n in range(0, 60, 9)):
                writes.upsert(job)
            writes.finish()
            made.backup(conn)
        yield conn


def faults(path: Path) -> set[str]:
    findings = [*inspect_content(path, full=True, rows=True)]
    return {each.name for each in findings if each.verdict is Verdict.FAIL}


@pytest.mark.parametrize("damage", COUNTERS.values(), ids=COUNTERS.keys())
def test_damaged_counts_are_found_and_rebuilt(
    many: sqlite3.Connection, tmp_path: Path, damage: str
) -> None:
    before = kept(many)
    many.execute(damage)
    assert faults(tmp_path / "jobs.db") == {"counters"}

    rebuild(many)

    assert faults(tmp_path / "jobs.db") == set()
    assert kept(many) == before


@pytest.mark.parametrize("damage", INDEX.values(), ids=INDEX.keys())
def test_a_damaged_index_is_found_and_rebuilt(
    many: sqlite3.Connection, tmp_path: Path, damage: str
) -> None:
    before = kept(many)
    many.execute(damage)
    assert faults(tmp_path / "jobs.db") & {"index", "words", "pages"}

    rebuild(many)

    assert faults(tmp_path / "jobs.db") == set()
    assert kept(many) == before
    assert find(many, "line two") != []


def test_progress_is_told_by_slices(
    many: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "SLICE", 25)
    told: list[int] = []
    before = kept(many)
    many.execute("BEGIN IMMEDIATE")
    assert rebuild_index(many, told.append) == rebuild_counters(many) == 60
    many.execute("COMMIT")
    assert told == [25, 25, 10]
    assert kept(many) == before


def test_a_posting_that_cannot_be_read_leaves_everything_as_it_was(
    many: sqlite3.Connection,
) -> None:
    many.execute("UPDATE posting SET skills = '[' WHERE source_job_id = '40'")
    before = kept(many)
    for rebuild_part in (rebuild_index, rebuild_counters):
        many.execute("BEGIN IMMEDIATE")
        with pytest.raises(DamagedRow):
            rebuild_part(many)
        many.execute("ROLLBACK")
        assert kept(many) == before


def test_memory_does_not_grow_with_the_store(
    many: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "SLICE", 10)
    text = "word " * 20_000
    many.execute("UPDATE posting_text SET description = ?", (text,))
    tracemalloc.start()
    try:
        rebuild(many)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # All 60 texts would be six megabytes, and their index entries as much again.
    assert most < 4 * 10 * len(text)
