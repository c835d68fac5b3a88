"""A return to an earlier deployment: its schema and its data, and what that costs, told before."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import BackupError, EngineOptions, InvalidQuery, StoreBusy, StoreCorrupt, migrating
from jobstore.engines.backend import Condition
from jobstore.engines.sqlite.upkeep import exchange, replacing
from jobstore.errors import StoreUnavailable
from jobstore.locking import FileLock
from jobstore.operations import backup
from jobstore.operations.backup import creation
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.deployment import (
    Book,
    Loss,
    Status,
    backups_in_use,
    loss_of,
    markdown,
    records,
    roll_back,
)
from jobstore.settings.sections import Settings
from tests.fixtures.checks import check_file
from tests.fixtures.migrations import next_id
from tests.fixtures.postings import full, posting
from tests.operations.damaging import overwrite_page
from tests.operations.deploying import (
    COLUMN,
    Migrations,
    content,
    deployed,
    gates,
    rewrite_record,
    rolled_back,
    settings_for,
    spoil_alerts,
)

pytestmark = pytest.mark.usefixtures("few_calls")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


async def _change(url: str) -> None:
    async with jobstore.connect(url) as store:
        # Two are new, one changed, one is seen again, one is gone.
        await store.upsert_many([full("new"), full("newer"), posting(1, title="Changed"), full(2)])
        await store.delete(jobstore.job_id("board", "3"))


@pytest.fixture
def first(settings: Settings, migrated_url: str, path: Path) -> dict[str, Any]:
    """Deployment 1 of a store with ten postings, which changed since; what it had left."""

    async def fill() -> None:
        async with jobstore.connect(migrated_url) as store:
            await store.upsert_many(full(number) for number in range(10))

    asyncio.run(fill())
    assert deployed(settings).go
    found = content(path)
    asyncio.run(_change(migrated_url))
    return found


CHANGED = Loss(added=2, changed=1, seen=1, removed=1)


def test_schema_and_data_are_again_what_the_deployment_left(
    settings: Settings,
    first: dict[str, Any],
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    following = Migrations(tmp_path / "migrations")
    following.use(monkeypatch.setattr)
    name = following.add(*COLUMN)
    assert deployed(settings).applied == [name]
    latest = content(path)
    told: list[Loss] = []

    done = roll_back(settings, 1, run_id="test", agree=told.append)

    assert (done.go, done.kind, done.to, done.number) == (True, "rollback", 1, 3)
    assert told == [CHANGED]
    assert done.loss == CHANGED
    assert content(path) == first
    assert migrating.status(settings.store.url)[-1].state == "pending"
    check_file(path)
    # What was there is whole in the backup.
    assert done.saved is not None
    other = tmp_path / "saved.db"
    backup.restore(settings, name=done.saved, to=jobstore.settings.sqlite_url(other))
    assert content(other) == latest
    page = Book(settings).report(3).read_text()
    assert page == markdown(done)
    assert "2 added, 1 changed, 1 seen again, 1 deleted (they come back)" in page
    # And it can be deployed again.
    again = deployed(settings)
    assert (again.applied, again.go) == ([name], True)
    assert asyncio.run(_count(settings.store.url)) == 10
    assert {*backups_in_use(settings)} >= {done.snapshot, again.snapshot}


async def _count(url: str) -> int:
    async with jobstore.connect(url) as store:
        return await store.count()


def test_what_would_be_lost_is_told_without_a_change(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    before = content(path)
    files = sorted(path.parent.rglob("*"))

    assert loss_of(settings, 1) == CHANGED

    assert content(path) == before
    assert sorted(path.parent.rglob("*")) == files


def test_whoever_does_not_agree_changes_nothing(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    before = content(path)

    def no(loss: Loss) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roll_back(settings, 1, run_id="test", agree=no)
    assert content(path) == before
    assert len(Book(settings).all()) == 1
    assert deployed(settings).continues is None


def test_a_rollback_can_be_taken_back_by_going_to_what_was_deployed_later(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    assert deployed(settings).number == 2
    later = content(path)
    rolled_back(settings, 1)

    done = rolled_back(settings, 2)

    assert content(path) == later
    assert done.loss == Loss(added=1, changed=1, seen=1, removed=2)
    # The rollback itself left something to return to, too.
    assert rolled_back(settings, 3).go
    assert content(path) == first


def test_a_store_that_is_gone_comes_back(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    assert loss_of(settings, 1) == Loss()

    done = rolled_back(settings, 1)

    assert (done.go, done.saved, done.before) == (True, None, Condition())
    assert content(path) == first


def test_a_store_without_tables_comes_back(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    migrating.down(settings.store.url, to="0")

    assert rolled_back(settings, 1).go
    assert content(path) == first


def test_what_cannot_be_returned_to_is_refused(
    settings: Settings, first: dict[str, Any], path: Path, tmp_path: Path
) -> None:
    before = content(path)
    with pytest.raises(InvalidQuery, match="there is no 7; there are: 1"):
        rolled_back(settings, 7)
    assert not deployed(settings_for(tmp_path, deployment={"min_free_mib": 1_000_000})).go
    with pytest.raises(BackupError, match="Deployment 2 failed, and left nothing to return to"):
        rolled_back(settings, 2)
    for file in settings.backups_folder.glob("*.zst"):
        file.write_bytes(b"tampered")
    with pytest.raises(BackupError):
        rolled_back(settings, 1)
    for file in settings.backups_folder.glob("*Z-*"):
        file.unlink()
    with pytest.raises(BackupError, match="There is no backup called"):
        rolled_back(settings, 1)
    assert content(path) == before


def test_a_backup_from_before_there_was_a_key_is_accepted_when_told(
    settings: Settings, first: dict[str, Any], path: Path, tmp_path: Path
) -> None:
    signing = settings_for(tmp_path, backup={"key": backup.new_key()})
    with pytest.raises(BackupError, match="--accept unsigned"):
        loss_of(signing, 1)
    assert loss_of(signing, 1, ["unsigned"]) == CHANGED
    done = roll_back(signing, 1, run_id="test", agree=lambda loss: None, accept=["unsigned"])
    assert (done.go, content(path)) == (True, first)


def test_numbers_go_on_after_reports_whose_records_are_gone(settings: Settings) -> None:
    assert deployed(settings).number == 1
    settings.operations_db.unlink()
    assert deployed(settings).number == 2
    assert [each.name for each in sorted(settings.deployments_folder.glob("*.md"))] == [
        "0001.md", "0002.md"
    ]  # fmt: skip


def test_a_deployment_that_failed_late_is_not_returned_to(
    settings: Settings, first: dict[str, Any], path: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    following = Migrations(tmp_path / "migrations")
    following.use(monkeypatch.setattr)
    following.add(*COLUMN)
    spoil_alerts(settings)
    failed = deployed(settings)
    assert failed.snapshot is not None
    assert not failed.go
    assert "to return to this" not in markdown(failed)
    before = content(path)

    with pytest.raises(BackupError, match="Deployment 2 failed, and left nothing to return to"):
        rolled_back(settings, 2)
    assert content(path) == before


def _with_another_schema(settings: Settings) -> None:
    """Let the record of deployment 1 tell of a schema that its backup has not."""

    def change(told: dict[str, Any]) -> dict[str, Any]:
        told["after"]["migrations"].append(next_id("lost"))
        return told

    rewrite_record(settings, 1, change)


def test_a_rollback_whose_result_is_not_as_it_should_be_is_put_back(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    _with_another_schema(settings)
    before = content(path)

    done = rolled_back(settings, 1)

    assert (done.go, done.left, done.loss) == (False, [], None)
    assert gates(done) == {"data": "pass", "schema": "fail"}
    assert f"jobstore restore {done.saved} --replace" in (done.advice or "")
    assert done.undone == ["The store is again what it was before; nothing is lost."]
    assert content(path) == before
    check_file(path)


def test_a_failed_rollback_is_not_put_back_over_what_others_wrote_since(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    _with_another_schema(settings)

    def told(phase: str, gate: Any) -> None:
        if gate.name == "data":
            asyncio.run(_store(settings.store.url, full("just now")))

    done = roll_back(settings, 1, run_id="test", agree=lambda loss: None, told=told)

    (left,) = done.left
    assert "would lose what was written meanwhile: postings written since then: 1 added" in left
    assert left.endswith(f"jobstore restore {done.saved} --replace")
    assert asyncio.run(_count(settings.store.url)) == 11


async def _store(url: str, given: dict[str, Any]) -> None:
    async with jobstore.connect(url, options=EngineOptions(busy_timeout=1)) as store:
        await store.upsert(given)


def test_writers_do_not_wait_for_places_that_are_slow(
    settings: Settings,
    first: dict[str, Any],
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    several = settings_for(tmp_path, backup={"places": [str(elsewhere)]})
    put, written = FolderPlace.put, list[str]()

    def slow(place: FolderPlace, manifest: Any, *arguments: Any) -> None:
        if "elsewhere" in place.name:
            # It takes until a writer got through.
            key = f"while {manifest.name} is copied"
            asyncio.run(_store(settings.store.url, full(key)))
            written.append(manifest.name)
        put(place, manifest, *arguments)

    monkeypatch.setattr(FolderPlace, "put", slow)
    done = rolled_back(several, 1)

    assert (done.go, gates(done)["copies"]) == (True, "pass")
    assert written == [done.saved]
    assert asyncio.run(_count(settings.store.url)) == 11
    assert (elsewhere / f"{done.saved}.json").exists()


def test_a_store_that_is_too_damaged_to_be_compared_is_left_alone(
    settings: Settings, first: dict[str, Any], path: Path
) -> None:
    overwrite_page(path, "posting")
    damaged = path.read_bytes()

    with pytest.raises(StoreCorrupt, match=r"jobstore restore jobs-\S+ --replace"):
        rolled_back(settings, 1)
    assert path.read_bytes() == damaged


def test_writers_that_do_not_let_go_are_not_overrun(
    settings: Settings, first: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(path)
    monkeypatch.setattr(replacing, "_PATIENCE", 0.05)
    monkeypatch.setattr(exchange, "_PATIENCE", 0.05)
    with FileLock(path, 1):
        done = rolled_back(settings, 1)
    assert (done.status, done.go) == (Status.FAILED, False)
    assert gates(done) == {"data": "fail"}
    # Another program writes without the lock.
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        done = rolled_back(settings, 1)
        assert not done.go
        assert "busy" in (done.error or "")
        conn.execute("ROLLBACK")
    assert content(path) == before
    assert StoreBusy.__name__ not in (done.error or "")


def test_a_record_that_somebody_spoilt_is_named(settings: Settings) -> None:
    assert deployed(settings).go
    rewrite_record(settings, 1, lambda told: {})
    with pytest.raises(StoreUnavailable, match=r"Deployment 1 in .*operations\.db is damaged"):
        Book(settings).one(1)


def test_a_clock_that_is_set_back_changes_nothing(
    settings: Settings, first: dict[str, Any], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now - timedelta(days=400)

    monkeypatch.setattr(records, "datetime", Earlier)
    monkeypatch.setattr(creation, "datetime", Earlier)
    later = content(path)

    assert deployed(settings).go

    two, one = Book(settings).all()
    assert (two.number, one.number) == (2, 1)
    assert two.started_at < one.started_at
    done = rolled_back(settings, 1)
    assert (done.number, done.loss) == (3, CHANGED)
    assert content(path) == first
    assert rolled_back(settings, 2).go
    assert content(path) == later
    assert backups_in_use(settings) >= {one.snapshot, two.snapshot, done.saved}
