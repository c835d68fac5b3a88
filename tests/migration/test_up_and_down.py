"""The schema comes and goes as a whole, and rows that can stay, stay."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from jobstore import migrating
from jobstore.engines.sqlite import files, schema
from jobstore.errors import MigrationError, SchemaMismatch, StoreBusy, StoreUnavailable
from jobstore.migrating import State
from jobstore.settings import sqlite_url
from tests.fixtures.migrations import FOLDER, IDS, NEWEST


def _open(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def _objects(path: Path) -> dict[str, str]:
    with _open(path) as connection:
        return schema.objects(connection)


def _ids(steps: list[migrating.Step]) -> list[str]:
    return [step.id for step in steps]


def _applied(url: str) -> list[str]:
    return [each.id for each in migrating.status(url) if each.state is State.APPLIED]


def test_up_applies_each_migration_once(store_url: str) -> None:
    assert _ids(migrating.up(store_url)) == IDS
    assert migrating.up(store_url) == []
    assert _applied(store_url) == IDS


def test_up_down_up_gives_the_same_schema(store_url: str, path: Path) -> None:
    migrating.up(store_url)
    first = _objects(path)
    assert "posting" in first
    assert _ids(migrating.down(store_url, "0")) == IDS[::-1]
    assert _objects(path) == {}
    migrating.up(store_url)
    assert _objects(path) == first


def test_each_step_down_restores_the_schema_before_it(store_url: str, path: Path) -> None:
    states = []
    for id in IDS:
        migrating.up(store_url, id)
        states.append(_objects(path))
    for number in range(len(IDS) - 1, 0, -1):
        assert _ids(migrating.down(store_url)) == [IDS[number]]
        assert _objects(path) == states[number - 1]


def test_a_rollback_keeps_the_postings(migrated_url: str, path: Path) -> None:
    with _open(path) as connection:
        connection.execute(
            "INSERT INTO posting (id, listed_at, listed_tie, version, status, source, "
            "source_job_id, title, company, first_seen_at, last_seen_at, updated_at) "
            "VALUES (randomblob(16), 1, 0, 1, 'open', 'board', '1', 'Cook', 'Acme', 1, 1, 1)"
        )
    migrating.down(migrated_url, "0001")
    with _open(path) as connection:
        assert connection.execute("SELECT title FROM posting").fetchall() == [("Cook",)]
    migrating.up(migrated_url)
    with _open(path) as connection:
        assert connection.execute("SELECT title FROM postings").fetchall() == [("Cook",)]


@pytest.mark.parametrize("name", ["0002", "2", IDS[1]])
def test_up_stops_at_the_migration_that_is_named(store_url: str, name: str) -> None:
    assert _ids(migrating.up(store_url, name)) == IDS[:2]
    assert migrating.up(store_url, "1") == []
    assert _applied(store_url) == IDS[:2]


def test_down_keeps_the_migration_that_is_named(migrated_url: str) -> None:
    assert _ids(migrating.down(migrated_url, IDS[0])) == IDS[:0:-1]
    assert migrating.down(migrated_url, IDS[1]) == []
    assert _applied(migrated_url) == IDS[:1]


def test_down_takes_several_steps(migrated_url: str) -> None:
    assert _ids(migrating.down(migrated_url, steps=2)) == IDS[:-3:-1]
    with pytest.raises(MigrationError, match="at least 1"):
        migrating.down(migrated_url, steps=0)


def test_down_on_an_empty_store_does_nothing(store_url: str) -> None:
    migrating.up(store_url)
    migrating.down(store_url, "0")
    assert migrating.down(store_url) == []


@pytest.mark.parametrize("name", ["0999", "postings", "", "-1"])
def test_an_unknown_name_is_refused(store_url: str, name: str) -> None:
    with pytest.raises(MigrationError, match="no such migration; there are: 0001"):
        migrating.up(store_url, name)
    with pytest.raises(MigrationError, match="no such migration"):
        migrating.down(store_url, f"99{name}")


@pytest.mark.parametrize("name", ["", " ", "-0", "0 ", "0x0", "\u0660"])
def test_nothing_but_zeros_means_none(migrated_url: str, name: str) -> None:
    for dry_run in (True, False):
        with pytest.raises(MigrationError, match="no such migration"):
            migrating.down(migrated_url, name, dry_run=dry_run)
    assert _applied(migrated_url) == IDS
    assert _ids(migrating.down(migrated_url, "000")) == IDS[::-1]


def test_a_dry_run_tells_the_sql_and_makes_nothing(store_url: str, path: Path) -> None:
    steps = migrating.up(store_url, dry_run=True)
    assert _ids(steps) == IDS
    assert "CREATE TABLE posting (" in steps[0].sql
    assert not path.exists()
    migrating.up(store_url)
    before = path.read_bytes()
    assert migrating.up(store_url, dry_run=True) == []
    steps = migrating.down(store_url, dry_run=True)
    assert _ids(steps) == [NEWEST]
    assert steps[0].sql == (FOLDER / f"{NEWEST}.rollback.sql").read_text(encoding="utf-8")
    assert path.read_bytes() == before


def test_what_loses_data_is_known(migrated_url: str) -> None:
    losses = {step.id[:4]: step.loses_data for step in migrating.down(migrated_url, "0")}
    assert losses == {
        "0019": False,
        "0018": False,
        "0017": True,
        "0016": True,
        "0015": True,
        "0014": True,
        "0013": True,
        "0012": False,
        "0011": True,
        "0010": False,
        "0009": True,
        "0008": True,
        "0007": False,
        "0006": True,
        "0005": True,
        "0004": True,
        "0003": False,
        "0002": True,
        "0001": True,
    }


def test_a_comment_loses_no_data() -> None:
    step = migrating.Step("0001.x", "down", "-- DROP TABLE posting\nDROP VIEW postings;")
    assert not step.loses_data


@pytest.mark.parametrize("copied", [True, False])
def test_a_table_that_steps_aside_is_lost_unless_its_rows_are_taken_over(copied: bool) -> None:
    copy = "INSERT INTO a SELECT x FROM b;" if copied else ""
    sql = f"ALTER TABLE a RENAME TO b; CREATE TABLE a (x); {copy} DROP TABLE b;"
    assert migrating.Step("0001.x", "up", sql).removed == ([] if copied else ["b"])


def test_status_tells_when(store_url: str) -> None:
    assert {each.state for each in migrating.status(store_url)} == {State.PENDING}
    migrating.up(store_url, "0001")
    states = migrating.status(store_url)
    assert [each.state for each in states] == [State.APPLIED, *[State.PENDING] * (len(IDS) - 1)]
    assert states[0].applied_at is not None
    assert states[0].applied_at.tzinfo is not None
    assert states[1].applied_at is None


def test_new_files_and_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "jobs.db"
    migrating.up(sqlite_url(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_existing_files_keep_their_mode(tmp_path: Path, path: Path, store_url: str) -> None:
    path.touch()
    path.chmod(0o640)
    migrating.up(store_url)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["with space.db", "100%.db", "a?b#c.db", "[ab]*.db", "ÄÖ求人.db"])
def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    url = sqlite_url(tmp_path / name)
    migrating.up(url)
    migrating.check_schema(url)
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}.lock"}


def test_the_store_is_in_wal_mode(migrated_url: str, path: Path) -> None:
    with _open(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_log_names_no_user_and_no_host(migrated_url: str, path: Path) -> None:
    with _open(path) as connection:
        logged = connection.execute(
            "SELECT DISTINCT operation, username, hostname FROM _yoyo_log"
        ).fetchall()
    assert logged == [("apply", None, None)]


def test_migrating_prints_nothing(store_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    migrating.up(store_url)
    migrating.down(store_url, "0")
    assert capfd.readouterr() == ("", "")


def test_no_adapter_for_dates_is_registered(store_url: str) -> None:
    adapters, converters = dict(sqlite3.adapters), dict(sqlite3.converters)
    migrating.up(store_url)
    assert dict(sqlite3.adapters) == adapters
    assert dict(sqlite3.converters) == converters


async def test_migrating_from_a_coroutine(store_url: str) -> None:
    with pytest.raises(SchemaMismatch):
        await migrating.check_schema_async(store_url)
    assert _ids(await migrating.up_async(store_url)) == IDS
    await migrating.check_schema_async(store_url)


def test_taking_back_from_nothing_makes_nothing(store_url: str, path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no database file"):
        migrating.down(store_url)
    assert not path.exists()
    assert not path.with_name("jobs.db.lock").exists()


def test_whoever_reads_an_empty_file_is_waited_for(
    store_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()
    with _open(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with pytest.raises(StoreBusy):
            migrating.up(store_url, timeout=0.05)

        def attempts(_timeout: float) -> Iterator[None]:
            yield
            reader.execute("ROLLBACK")
            yield

        monkeypatch.setattr(files, "attempts", attempts)
        assert _ids(migrating.up(store_url, timeout=0.05)) == IDS
