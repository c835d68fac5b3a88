"""The loader of named statements, and the statements themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobstore import resources
from jobstore.engines import named_statements
from tests.unit.sqlite.library import library


@pytest.fixture
def sql_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the statements of an engine named ``toy``."""

    def files(_: str) -> list[Path]:
        return sorted(tmp_path.glob("*.sql"))

    monkeypatch.setattr(named_statements, "sql_files", files)
    named_statements.load.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    named_statements.load.cache_clear()


def test_statements_are_found_by_name(sql_folder: Path) -> None:
    (sql_folder / "a.sql").write_text(
        "-- Head of the file.\n\n-- name: one\n-- Why it is so.\nSELECT 1;\n\n"
        "-- name: two\nSELECT\n    -- inside\n    2;\n"
    )
    (sql_folder / "b.sql").write_text("-- name: three\nSELECT 3")
    assert dict(named_statements.load("toy")) == {
        "one": "SELECT 1;",
        "two": "SELECT\n    2;",
        "three": "SELECT 3",
    }


def test_what_statements_have_in_common_is_written_once(sql_folder: Path) -> None:
    (sql_folder / "a.sql").write_text(
        "-- part: columns\na,\n-- Why.\nb\n\n-- name: one\nSELECT {columns} FROM x\n"
        "-- name: two\nSELECT {columns}, c FROM x\n"
    )
    assert dict(named_statements.load("toy")) == {
        "one": "SELECT a,\nb FROM x",
        "two": "SELECT a,\nb, c FROM x",
    }
    (sql_folder / "b.sql").write_text("-- name: three\nSELECT {columns}")
    named_statements.load.cache_clear()
    with pytest.raises(KeyError, match="columns"):
        named_statements.load("toy")


def test_a_name_is_given_once(sql_folder: Path) -> None:
    (sql_folder / "a.sql").write_text("-- name: one\nSELECT 1")
    (sql_folder / "b.sql").write_text("-- name: one\nSELECT 2")
    with pytest.raises(ValueError, match=r"two statements are named one; one is in b\.sql"):
        named_statements.load("toy")


def test_nobody_can_change_a_statement() -> None:
    with pytest.raises(TypeError):
        named_statements.load("sqlite")["words_from"] = ""


def test_an_engine_without_statements_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        named_statements.load("nosuchengine")
    assert resources.sql_files("sqlite")


def test_every_statement_fits_the_schema() -> None:
    conn = library()
    # What compares a store with an earlier state of it asks for that as well.
    conn.execute("ATTACH ':memory:' AS earlier")
    conn.execute("CREATE TABLE earlier.posting AS SELECT * FROM main.posting")
    for name, sql in named_statements.load("sqlite").items():
        names = re.findall(r":(\w+)", sql)
        # EXPLAIN prepares a statement without running it; what is bound does not matter.
        bound = dict.fromkeys(names) if names else (None,) * sql.count("?")
        assert conn.execute(f"EXPLAIN {sql}", bound).fetchall(), name
    conn.close()
