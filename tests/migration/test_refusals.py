"""What does not belong together is refused, with its own error, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobstore import migrating, resources
from jobstore.errors import (
    MigrationError,
    SchemaMismatch,
    StoreBusy,
    StoreCorrupt,
    StoreUnavailable,
)
from jobstore.locking import FileLock
from jobstore.migrating import State
from jobstore.settings import sqlite_url
from tests.fixtures.migrations import IDS, NEWEST, next_id

Write = Callable[..., None]


@pytest.fixture
def add(folder: Path) -> Write:
    """Add a migration to the copy."""

    def write(id: str, forward: str, back: str = "SELECT 1;") -> None:
        (folder / f"{id}.sql").write_text(forward)
        (folder / f"{id}.rollback.sql").write_text(back)

    return write


def _states(url: str, folder: Path | None = None) -> dict[str, State]:
    return {each.id[:4]: each.state for each in migrating.status(url, folder=folder)}


def _every_way(url: str, folder: Path | None = None) -> list[Callable[[], object]]:
    """All that read or change a schema, dry and in earnest."""
    return [
        lambda: migrating.up(url, folder=folder),
        lambda: migrating.up(url, folder=folder, dry_run=True),
        lambda: migrating.down(url, folder=folder),
        lambda: migrating.down(url, folder=folder, dry_run=True),
        lambda: migrating.check_schema(url, folder=folder),
        lambda: migrating.verify(url, folder=folder),
    ]


def _refused(ways: list[Callable[[], object]], error: type[Exception], match: str) -> None:
    for way in ways:
        with pytest.raises(error, match=match):
            way()


def test_an_edited_migration_is_refused(migrated_url: str, folder: Path) -> None:
    with (folder / "0002.revisions.sql").open("a") as file:
        file.write(" ")
    _refused(_every_way(migrated_url, folder), MigrationError, "0002.revisions was edited")
    assert _states(migrated_url, folder)["0002"] is State.EDITED
    assert set(_states(migrated_url).values()) == {State.APPLIED}


def test_other_line_ends_are_no_edit(migrated_url: str, folder: Path) -> None:
    for script in folder.glob("*.sql"):
        script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    migrating.verify(migrated_url, folder=folder)


def test_a_rollback_may_be_corrected(migrated_url: str, folder: Path) -> None:
    (folder / "0003.readable-view.rollback.sql").write_text("DROP VIEW IF EXISTS postings;")
    assert migrating.down(migrated_url, "2", folder=folder)[-1].id == "0003.readable-view"


def test_a_migration_that_another_tool_marked_is_refused(migrated_url: str, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM _migration_checksum WHERE id LIKE '0001%'")
    _refused(_every_way(migrated_url), MigrationError, "0001.postings was edited")


def test_a_newer_store_is_refused(store_url: str, folder: Path, add: Write) -> None:
    future = next_id("future")
    add(future, "CREATE TABLE future (id INTEGER);", "DROP TABLE future;")
    migrating.up(store_url, folder=folder)
    _refused(_every_way(store_url), SchemaMismatch, f"newer jobstore, to {future}; upgrade")
    assert _states(store_url)[future[:4]] is State.NEWER


def test_a_migration_that_was_skipped_is_refused(migrated_url: str, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0002%'")
    _refused(_every_way(migrated_url), MigrationError, "0002.revisions was never applied")
    assert _states(migrated_url)["0002"] is State.SKIPPED


def test_a_migration_that_was_renamed_is_refused(migrated_url: str, folder: Path) -> None:
    for end in (".sql", ".rollback.sql"):
        (folder / f"0002.revisions{end}").rename(folder / f"0002.changes{end}")
    _refused(_every_way(migrated_url, folder), MigrationError, "0002")
    assert State.MISSING in _states(migrated_url, folder).values()


def test_a_gap_in_the_folder_is_refused(migrated_url: str, folder: Path) -> None:
    for script in folder.glob("0002*"):
        script.unlink()
    _refused(
        _every_way(migrated_url, folder),
        MigrationError,
        "0003.readable-view.sql follows migration 0001, but the next is to be 0002",
    )


def test_two_migrations_of_one_number_are_refused(store_url: str, folder: Path, add: Write) -> None:
    add("0003.another", "SELECT 1;")
    with pytest.raises(MigrationError, match="0003.* the next is to be 0004"):
        migrating.up(store_url, folder=folder)


@pytest.mark.parametrize(
    "name",
    [
        *(next_id("py"), next_id("A.sql"), next_id("a.rollback.txt")),
        *("post-apply.sql", "5.a.sql", "README"),
    ],
)
def test_a_stray_file_is_refused(store_url: str, folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="is not named like 0001.what-it-does.sql"):
        migrating.up(store_url, folder=folder)


def test_a_migration_without_rollback_is_refused(store_url: str, folder: Path) -> None:
    (folder / "0002.revisions.rollback.sql").unlink()
    with pytest.raises(MigrationError, match="0002.revisions has no rollback"):
        migrating.up(store_url, folder=folder)


def test_a_rollback_without_migration_is_refused(store_url: str, folder: Path) -> None:
    name = next_id("a.rollback.sql")
    (folder / name).write_text("SELECT 1;")
    with pytest.raises(MigrationError, match=f"{name} is the rollback of no"):
        migrating.up(store_url, folder=folder)


def test_an_empty_or_missing_folder_is_refused(store_url: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(MigrationError, match="no migrations in"):
        migrating.up(store_url, folder=empty)
    with pytest.raises(MigrationError, match="cannot be read"):
        migrating.up(store_url, folder=tmp_path / "absent")


def test_an_installation_without_migrations_is_refused(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "nowhere")
    with pytest.raises(MigrationError, match="has no migrations for sqlite; reinstall"):
        migrating.up(store_url)


def test_a_database_of_another_program_is_not_touched(store_url: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (body TEXT)")
    before = path.read_bytes()
    _refused(_every_way(store_url), StoreCorrupt, "another program")
    with pytest.raises(StoreCorrupt, match="another program"):
        migrating.status(store_url)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["jobs.db"]


def test_an_empty_database_with_a_foreign_mark_is_refused(store_url: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 1196444487")
    _refused(_every_way(store_url), StoreCorrupt, "another program")


@pytest.mark.parametrize("table", ["_migration_checksum", "_yoyo_migration"])
def test_a_store_without_its_record_is_refused(migrated_url: str, path: Path, table: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"DROP TABLE {table}")
    _refused(_every_way(migrated_url), StoreCorrupt, "lost the record of its migrations")


def test_a_file_that_is_no_database_is_not_touched(store_url: str, path: Path) -> None:
    path.write_text("Dear diary, " * 500)
    before = path.read_bytes()
    _refused(_every_way(store_url), StoreCorrupt, "not a SQLite database")
    assert path.read_bytes() == before


def test_a_damaged_schema_is_told(migrated_url: str, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xff" * 1900
    path.write_bytes(content)
    _refused(_every_way(migrated_url), StoreCorrupt, "damaged")


def test_a_store_that_is_behind_names_the_command(store_url: str) -> None:
    migrating.up(store_url, "0001")
    with pytest.raises(SchemaMismatch, match="lacks 0002.revisions, 0003.readable-view, 0004"):
        migrating.check_schema(store_url)
    migrating.up(store_url, IDS[-2])
    with pytest.raises(SchemaMismatch) as caught:
        migrating.check_schema(store_url)
    assert str(caught.value) == (
        f"The store lacks {NEWEST}; run: jobstore migrate up --store {store_url}"
    )


def test_the_command_is_quoted_for_the_shell(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a b$.db"
    with pytest.raises(SchemaMismatch, match=r"run: jobstore migrate up --store 'sqlite:.*b\$.db'"):
        migrating.check_schema(url)


def test_a_store_that_does_not_exist_is_behind(store_url: str, path: Path) -> None:
    with pytest.raises(SchemaMismatch, match="does not exist yet, or is empty; run: jobstore"):
        migrating.check_schema(store_url)
    assert not path.exists()
    path.touch()
    with pytest.raises(SchemaMismatch, match="does not exist yet, or is empty"):
        migrating.check_schema(store_url)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "absent" / "jobs.db")
    with pytest.raises(StoreUnavailable, match="absent does not exist; .* run: jobstore migrate"):
        migrating.check_schema(url)
    assert not (tmp_path / "absent").exists()


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    url = sqlite_url(tmp_path / "file" / "jobs.db")
    with pytest.raises(StoreUnavailable, match=r"Cannot reach .*jobs.db \("):
        migrating.up(url)
    with pytest.raises(StoreUnavailable):
        migrating.status(url)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    for way in _every_way(sqlite_url(tmp_path)):
        with pytest.raises(StoreUnavailable, match="no database file"):
            way()


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    for way in _every_way(sqlite_url(tmp_path / ("x" * 300))):
        with pytest.raises(StoreUnavailable, match="too long"):
            way()


def test_waiting_for_another_process_is_bounded(store_url: str, path: Path) -> None:
    migrating.up(store_url, "0001")
    with FileLock(path, 1), pytest.raises(StoreBusy):
        migrating.up(store_url, timeout=0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            migrating.up(store_url, timeout=0.05)
    assert migrating.up(store_url, timeout=0.05) != []


def test_a_changed_schema_is_found(migrated_url: str, path: Path) -> None:
    migrating.verify(migrated_url)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE INDEX my_own ON posting (title)")
        migrating.verify(migrated_url)
        connection.execute("DROP INDEX posting_salary")
        connection.execute("DROP VIEW postings")
        connection.execute("CREATE VIEW postings AS SELECT 1 AS id")
    migrating.check_schema(migrated_url)
    with pytest.raises(MigrationError, match="posting_salary is missing, postings was changed"):
        migrating.verify(migrated_url)
