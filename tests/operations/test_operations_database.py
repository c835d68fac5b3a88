"""The database of operations: its migrations, several who make it at once, and what is told."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from threading import Thread

import pytest

from jobstore import resources
from jobstore.engines import named_statements
from jobstore.engines.scripts import read_scripts
from jobstore.engines.sqlite import schema, small
from jobstore.engines.sqlite.yoyo_backend import Backend
from jobstore.errors import (
    JobStoreError,
    SchemaMismatch,
    StorageFull,
    StoreBusy,
    StoreUnavailable,
)
from jobstore.locking import FileLock
from jobstore.operations.backup.state import counters, last_attempt, last_restore_test
from jobstore.operations.database import reading, writing
from jobstore.operations.deployment import Book
from jobstore.operations.schedule import state
from jobstore.operations.schedule.state import State
from tests.fixtures.cases import each_case
from tests.fixtures.disks import SmallDisk
from tests.operations.deploying import settings_for


def test_one_that_is_just_being_made_is_read_and_written_by_others(tmp_path: Path) -> None:
    failed: list[JobStoreError] = []

    def use(path: Path, number: int) -> None:
        try:
            for _ in range(20):
                state.read(path)
            state.write(path, [State(str(number))])
        except JobStoreError as error:
            failed.append(error)

    for each in range(10):
        path = tmp_path / f"{each}.db"
        path.touch()
        threads = [Thread(target=use, args=(path, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        state.write(path, [])
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(state.read(path)) == 4


def test_one_that_somebody_reads_all_the_time_while_it_is_made_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "operations.db"
    path.touch()
    monkeypatch.setattr(small, "_PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with pytest.raises(StoreBusy, match="keeps the database of operations locked"):
            state.write(path, [])
    state.write(path, [State("backup")])
    assert [*state.read(path)] == ["backup"]


def test_one_that_another_process_writes_to_is_not_taken_for_the_store(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.write(path, [])
    monkeypatch.setattr(small, "_PATIENCE", 0.05)
    with FileLock(path, 0), pytest.raises(StoreBusy, match="keeps the database of operations"):
        state.write(path, [])


def test_a_folder_in_the_place_of_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        state.read(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.ops" / "operations.db"


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the migrations, to be added to or spoilt; ``_scripts`` forgets what it read."""
    copy = tmp_path / "migrations"
    shutil.copytree(resources.migrations_folder("operations"), copy)
    monkeypatch.setattr(resources, "migrations_folder", lambda of: copy)
    small._scripts.cache_clear()
    yield copy
    small._scripts.cache_clear()


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


def test_it_is_made_by_its_migrations_for_its_owner_alone(path: Path) -> None:
    with writing(path):
        pass
    assert path.stat().st_mode & 0o777 == 0o600
    scripts = read_scripts(resources.migrations_folder("operations"))
    with closing(_opened(path)) as conn:
        assert conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        recorded = schema.recorded(conn, 0x4A4F5053)
    assert [(each.id, each.checksum) for each in recorded] == [
        (each.id, each.checksum) for each in scripts
    ]


def test_every_migration_can_be_taken_back() -> None:
    scripts = read_scripts(resources.migrations_folder("operations"))
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        backend = Backend(conn)
        made = []
        for script in scripts:
            made.append(schema.objects(conn))
            with backend.transaction():
                backend.apply(script)
        for script in reversed(scripts):
            with backend.transaction():
                backend.take_back(script)
            assert schema.objects(conn) == made.pop()
        assert conn.execute("PRAGMA application_id").fetchone() == (0,)


@each_case("name", sorted(named_statements.load("operations")))
def test_every_statement_fits_the_schema(name: str, path: Path) -> None:
    with writing(path):
        pass
    sql = named_statements.load("operations")[name]
    names = re.findall(r":(\w+)", sql)
    bound = dict.fromkeys(names) if names else (None,) * sql.count("?")
    with closing(_opened(path)) as conn:
        assert conn.execute(f"EXPLAIN {sql}", bound).fetchall()


def test_one_of_an_older_jobstore_is_brought_up_to_date_and_keeps_what_it_has(
    path: Path, migrations: Path
) -> None:
    state.write(path, [State("backup")])
    number = len([*migrations.glob("*.rollback.sql")]) + 1
    (migrations / f"{number:04}.more.sql").write_text("CREATE TABLE more (x TEXT);")
    (migrations / f"{number:04}.more.rollback.sql").write_text("DROP TABLE more;")
    small._scripts.cache_clear()
    assert [*state.read(path)] == ["backup"]
    with closing(_opened(path)) as conn:
        assert conn.execute("SELECT count(*) FROM more").fetchone() == (0,)


def test_one_of_a_newer_jobstore_is_refused_and_left_alone(path: Path) -> None:
    state.write(path, [])
    with closing(_opened(path)) as conn:
        conn.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc) "
            "VALUES ('x', '9999.later', '2026-01-01')"
        )
    before = path.read_bytes()
    for use in (state.read, lambda path: state.write(path, [State("backup")])):
        with pytest.raises(SchemaMismatch, match="Another version of jobstore .* upgrade"):
            use(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_told_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(_opened(path)) as conn:
        conn.execute("CREATE TABLE accounts (id)")
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable, match="no database of operations; move it away"):
        state.write(path, [])
    assert path.read_bytes() == before


def test_damage_is_told_with_what_is_lost(path: Path) -> None:
    state.write(path, [State("backup")])
    path.write_bytes(b"no database" * 1000)
    for use in (state.read, lambda path: state.write(path, [])):
        with pytest.raises(StoreUnavailable, match=r"operations\.db is damaged.*No posting is in"):
            use(path)


def test_what_a_block_did_that_failed_is_not_kept(path: Path) -> None:
    with suppress(RuntimeError), writing(path) as kept:
        kept.run("put_silence", ("*", "a reason", 1.0, 2.0))
        raise RuntimeError
    with reading(path) as kept:
        assert kept.rows("silences", (10.0, 0.0)) == []


@pytest.mark.parametrize("left", [0, 4096, 49_152, 131_072])
@pytest.mark.parametrize("made", [True, False])
def test_a_full_disk_is_told_as_a_full_disk(small_disk: SmallDisk, left: int, made: bool) -> None:
    path = small_disk.folder / "operations.db"
    if made:
        state.write(path, [State("backup")])
    small_disk.burden(shutil.disk_usage(small_disk.folder).free - left)
    many = [State(f"task-{number}", detail="x" * 1000) for number in range(500)]
    with pytest.raises(StorageFull, match="No space is left"):
        state.write(path, many)
    small_disk.relieve()
    state.write(path, [State("backup")])
    assert "backup" in state.read(path)


def test_the_files_of_an_earlier_jobstore_are_left_alone(path: Path, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert settings.operations_db == path
    old = [path.with_name(f"{name}.db") for name in ("schedule", "alerts", "monitoring")]
    old += [path.with_name(f"{name}.json") for name in ("backups", "drills", "counters")]
    old.append(settings.deployments_folder / "0001.json")
    settings.deployments_folder.mkdir(parents=True)
    for each in old:
        each.write_bytes(b"of an earlier jobstore")
    state.write(path, [State("backup")])
    assert [*state.read(path)] == ["backup"]
    assert (last_attempt(settings), last_restore_test(settings), counters(settings)) == (
        None,
        None,
        {},
    )
    assert Book(settings).all() == []
    assert {each.read_bytes() for each in old} == {b"of an earlier jobstore"}


def test_a_pipe_in_the_place_of_one_is_told_and_waited_for_by_nobody(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    for use in (state.read, lambda path: state.write(path, [])):
        with pytest.raises(StoreUnavailable, match="it is not a plain file; remove it"):
            use(path)


@pytest.mark.parametrize("crashed", [False, True])
def test_one_on_a_disk_that_cannot_be_written_is_read(
    small_disk: SmallDisk, tmp_path: Path, crashed: bool
) -> None:
    path = tmp_path / "operations.db"
    state.write(path, [State("backup")])
    with closing(sqlite3.connect(path)) as conn:
        if crashed:
            # It leaves a WAL, and the index of that.
            conn.execute("UPDATE task SET detail = 'in the WAL'").connection.commit()
        for file in tmp_path.glob("operations.db*"):
            shutil.copy(file, small_disk.folder)
    small_disk.read_only()
    path = small_disk.folder / "operations.db"
    found = state.read(path)["backup"].detail
    with pytest.raises(StoreUnavailable):
        state.write(path, [State("verify")])
    small_disk.writable()
    assert found == ("in the WAL" if crashed else "")
