"""What SQLite's errors become."""

from __future__ import annotations

import sqlite3
import traceback

import pytest

import jobstore
from jobstore.engines.sqlite.errors import concerns_store, primary_code, translated, wrap
from tests.fixtures.cases import each_case


def sqlite_error(name: str, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind("near 'SECRET': SELECT secret FROM place")
    error.sqlite_errorname = name
    return error


@each_case(
    ("name", "expected"),
    [
        ("SQLITE_BUSY", jobstore.StoreBusy),
        ("SQLITE_BUSY_SNAPSHOT", jobstore.StoreBusy),
        ("SQLITE_BUSY_RECOVERY", jobstore.StoreBusy),
        ("SQLITE_LOCKED_SHAREDCACHE", jobstore.StoreBusy),
        ("SQLITE_PROTOCOL", jobstore.StoreBusy),
        ("SQLITE_FULL", jobstore.StorageFull),
        ("SQLITE_IOERR_WRITE", jobstore.StoreUnavailable),
        ("SQLITE_CORRUPT_VTAB", jobstore.StoreCorrupt),
        ("SQLITE_NOTADB", jobstore.StoreCorrupt),
        ("SQLITE_CANTOPEN_ISDIR", jobstore.StoreUnavailable),
        ("SQLITE_READONLY_DBMOVED", jobstore.StoreUnavailable),
        ("SQLITE_PERM", jobstore.StoreUnavailable),
        ("SQLITE_AUTH", jobstore.StoreUnavailable),
        ("SQLITE_NOMEM", jobstore.StoreUnavailable),
        ("SQLITE_NOLFS", jobstore.StoreUnavailable),
        ("SQLITE_INTERRUPT", jobstore.StoreTimeout),
        ("SQLITE_SCHEMA", jobstore.SchemaMismatch),
        ("SQLITE_TOOBIG", jobstore.InvalidPosting),
        ("SQLITE_CONSTRAINT_UNIQUE", jobstore.InvalidPosting),
        ("SQLITE_MISMATCH", jobstore.InvalidPosting),
        ("SQLITE_ERROR", jobstore.JobStoreError),
        ("SQLITE_MISUSE", jobstore.JobStoreError),
    ],
)
def test_each_code_has_a_meaning(name: str, expected: type[jobstore.JobStoreError]) -> None:
    error = sqlite_error(name)
    meaning = wrap(error)
    assert type(meaning) is expected
    assert meaning.__cause__ is error
    assert "secret" not in str(meaning).lower()
    assert "select" not in str(meaning).lower()


def test_a_disk_error_at_commit_leaves_the_outcome_open() -> None:
    assert (
        type(wrap(sqlite_error("SQLITE_IOERR_FSYNC"), committing=True)) is jobstore.OutcomeUnknown
    )
    assert type(wrap(sqlite_error("SQLITE_FULL"), committing=True)) is jobstore.StorageFull


def test_what_a_closed_connection_says() -> None:
    conn = sqlite3.connect(":memory:")
    conn.close()
    with pytest.raises(jobstore.StoreClosed), translated():
        conn.execute("SELECT 1")
    assert type(wrap(ValueError("Connection closed"))) is jobstore.StoreClosed
    assert type(wrap(ValueError("no active connection"))) is jobstore.StoreClosed


@pytest.mark.parametrize("value", [2**63, "\ud800", "x" * 2000])
def test_values_that_cannot_be_bound(value: object) -> None:
    conn = sqlite3.connect(":memory:")
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)
    with pytest.raises(jobstore.InvalidPosting) as caught, translated():
        conn.execute("SELECT ?", (value,))
    assert len(caught.value.faults) == 1
    conn.close()


def test_the_modules_own_refusals_are_translated_too() -> None:
    conn = sqlite3.connect(":memory:")
    with pytest.raises(jobstore.JobStoreError, match="refused a statement"), translated():
        conn.execute("SELECT ?", ())
    conn.close()
    assert type(wrap(sqlite3.DataError("odd"))) is jobstore.InvalidPosting


def test_a_schema_that_was_taken_away_is_named() -> None:
    conn = sqlite3.connect(":memory:")
    for statement in ("SELECT 1 FROM posting", "SELECT title"):
        with pytest.raises(jobstore.SchemaMismatch, match="migrate status"), translated():
            conn.execute(statement)
    conn.close()


def test_a_text_that_cannot_be_decoded_is_not_quoted() -> None:
    conn = sqlite3.connect(":memory:")
    with pytest.raises(jobstore.StoreCorrupt) as caught, translated():
        conn.execute("SELECT CAST(x'736563726574ff' AS TEXT)").fetchone()
    conn.close()
    trace = "".join(traceback.format_exception(caught.value))
    assert "secret" not in trace


def test_other_errors_stay_what_they_are() -> None:
    for error in (ValueError("odd"), KeyError("key"), jobstore.JobNotFound(), MemoryError()):
        assert wrap(error) is error
    with pytest.raises(KeyError), translated():
        raise KeyError("key")


def test_nothing_happens_without_an_error() -> None:
    with translated():
        pass


def test_the_primary_code_of_an_error() -> None:
    assert primary_code(sqlite_error("SQLITE_IOERR_SHORT_READ")) == "IOERR"
    assert primary_code(ValueError()) == ""


def test_which_errors_concern_more_than_one_row() -> None:
    for whole in (jobstore.StorageFull(), jobstore.StoreBusy(), jobstore.OutcomeUnknown()):
        assert concerns_store(whole)
    for single in (jobstore.JobNotFound(), jobstore.InvalidPosting("is wrong"), KeyError()):
        assert not concerns_store(single)
