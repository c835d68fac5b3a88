"""Backups and restores that are killed, run out of disk, or meet damage: the store is untouched."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import BackupError, StorageFull, StoreCorrupt
from jobstore.engines.sqlite.upkeep import copying, exchange
from jobstore.operations import backup
from jobstore.operations.backup import creation, restore_tests, verification
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.backup.restoring import restore
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.fixtures.checks import check_file
from tests.fixtures.disks import SmallDisk
from tests.fixtures.postings import posting
from tests.operations.backups import content, leftovers, make, octets, settings_for
from tests.operations.damaging import fill, overwrite_page

# Nothing else runs here when a test forks.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    """The settings of a store with some postings."""
    fill(migrated_url)
    return settings_for(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def change(path: Path) -> None:
    """Let the store move on."""

    async def store_one() -> None:
        async with jobstore.connect(sqlite_url(path)) as store:
            await store.upsert(posting("later"))

    asyncio.run(store_one())


# Disks that are full.


def swell(url: str, size: int) -> None:
    """Store a posting that nothing compresses."""

    async def storing() -> None:
        async with jobstore.connect(url, migrate=True) as store:
            await store.upsert(posting("large", description=secrets.token_hex(size // 2)))

    asyncio.run(storing())


def test_a_disk_that_is_full_is_noticed_before_anything_is_copied(
    settings: Settings, path: Path, small_disk: SmallDisk, tmp_path: Path
) -> None:
    folder = small_disk.folder / "backups"
    settings = settings_for(tmp_path, folder=folder)
    small_disk.burden(4 * 1024 * 1024 - 64 * 1024)
    before = octets(path)
    with pytest.raises(StorageFull, match=r"0\.1 MiB free and this needs .* Nothing was changed"):
        make(settings)
    assert octets(path) == before
    assert read_catalog(settings).backups == ()
    assert leftovers(folder) == []
    attempt = backup.last_backup(settings).attempt
    assert attempt is not None
    assert "free some space" in str(attempt.error)
    small_disk.relieve()
    make(settings)


def fills_up(disk: SmallDisk, during: str) -> Callable[[str, int, int], None]:
    """Take all room that is left when a step begins."""

    def progress(step: str, done: int, total: int) -> None:
        ballast = disk.folder / "ballast"
        if step == during and not ballast.exists():
            status = os.statvfs(disk.folder)
            with ballast.open("wb") as file:
                file.write(bytes(status.f_bavail * status.f_frsize))

    return progress


@pytest.mark.parametrize("step", ["copy pages", "compress"])
def test_a_disk_that_fills_up_during_a_backup(
    settings: Settings,
    path: Path,
    small_disk: SmallDisk,
    tmp_path: Path,
    step: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copying, "_STEP", 5)
    settings = settings_for(tmp_path, folder=small_disk.folder / "backups")
    swell(settings.store.url, 200_000)
    before = octets(path)
    with pytest.raises(StorageFull, match=f"No space is left in {small_disk.folder}"):
        creation.create(settings, fills_up(small_disk, step))
    assert octets(path) == before
    assert read_catalog(settings).backups == ()
    assert leftovers(settings.backups_folder) == []
    small_disk.relieve()
    assert make(settings).postings == 41


def test_a_place_that_is_full_costs_the_others_nothing(
    settings: Settings, small_disk: SmallDisk, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, places=[str(small_disk.folder)])
    make(settings)
    made = creation.create(settings, fills_up(small_disk, "copy"))
    assert made.places == (str(settings.backups_folder),)
    assert "No space is left in" in made.failures[str(small_disk.folder)]
    assert leftovers(small_disk.folder) == []
    small_disk.relieve()
    assert creation.create(settings).failures == {}


@pytest.mark.parametrize("step", ["before", "decompress"])
def test_a_disk_that_is_full_during_a_restore(
    settings: Settings, path: Path, small_disk: SmallDisk, step: str
) -> None:
    make(settings)
    before = octets(path)
    new = small_disk.folder / "new.db"
    if step == "before":
        small_disk.burden(4 * 1024 * 1024 - 64 * 1024)
    with pytest.raises(StorageFull, match="Nothing was changed"):
        restore(settings, fills_up(small_disk, step), to=sqlite_url(new))
    assert not new.exists()
    assert leftovers(small_disk.folder) == []
    assert octets(path) == before
    small_disk.relieve()
    assert restore(settings, to=sqlite_url(new)).postings == 40


@pytest.mark.parametrize("step", ["decompress", "digest", "compress"])
def test_a_disk_that_is_full_while_a_store_is_replaced(
    small_disk: SmallDisk, tmp_path: Path, step: str
) -> None:
    path = small_disk.folder / "jobs.db"
    settings = settings_for(small_disk.folder)
    swell(settings.store.url, 100_000)
    make(settings)
    restored = content(path)
    change(path)
    expected, before = content(path), octets(path)

    if step != "compress":
        with pytest.raises(StorageFull, match="Nothing was changed"):
            restore(settings, fills_up(small_disk, step), replace=True)
        assert octets(path) == before
    else:
        # It needs no room any more until what was there is backed up.
        done = restore(settings, fills_up(small_disk, step), replace=True)
        (aside,) = exchange.asides(path)
        assert done.saved == str(aside)
        assert "could not be backed up: No space is left" in " ".join(done.warnings)
        assert (content(aside), content(path)) == (expected, restored)
    assert leftovers(small_disk.folder, settings.backups_folder) == []
    small_disk.relieve()
    check_file(path)
    change(path)
    done = restore(settings, replace=True)
    assert (done.postings, done.saved is None) == (1, False)


def test_a_disk_that_takes_nothing(
    settings: Settings, path: Path, small_disk: SmallDisk, tmp_path: Path
) -> None:
    make(settings)
    before = octets(path)
    small_disk.read_only()
    with pytest.raises(BackupError, match="Cannot work in .*Read-only file system"):
        restore(settings, to=sqlite_url(small_disk.folder / "new.db"))
    elsewhere = settings_for(tmp_path, folder=small_disk.folder / "backups")
    with pytest.raises(BackupError, match="Cannot work in .*Read-only file system"):
        make(elsewhere)
    assert octets(path) == before
    small_disk.writable()
    make(elsewhere)


# Processes that are killed.


def die(*_: Any) -> Any:
    """Be killed, as by the kernel when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(work: Callable[..., Any]) -> Callable[..., Any]:
    """Do something, and be killed."""
    return lambda *arguments: (work(*arguments), die())


def manifests(write: Callable[..., None]) -> Callable[..., None]:
    """Write files, and be killed instead of writing a manifest."""
    return lambda place, file, data: die() if file.endswith(".json") else write(place, file, data)


# Where it happens when it is not at the beginning of a step: what is replaced, and by what.
MOMENTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "manifest": (FolderPlace, "write", manifests(FolderPlace.write)),
    "marker": (FolderPlace, "delete", die),
    "link": (os, "link", die),
    "linked": (os, "link", after(os.link)),
    "exchange": (exchange, "_forget_log", die),
    "exchanged": (exchange, "_forget_log", after(exchange._forget_log)),
}


def killed(work: Callable[..., object], moment: str) -> None:
    """Run ``work(progress)`` in a process of its own that is killed at a moment."""
    child = os.fork()
    if child == 0:
        try:
            if moment in MOMENTS:
                setattr(*MOMENTS[moment])
            work(lambda step, done, total: die() if step == moment else None)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@pytest.mark.parametrize(
    "moment", ["copy pages", "digest", "compress", "read back", "copy", "manifest", "marker"]
)
def test_a_backup_that_is_killed_is_none_and_the_next_one_leaves_nothing_of_it(
    settings: Settings, path: Path, tmp_path: Path, moment: str
) -> None:
    far = tmp_path / "far"
    far.mkdir()
    settings = settings_for(tmp_path, places=[str(far)])
    first = make(settings)
    before = octets(path)

    killed(lambda progress: creation.create(settings, progress), moment)

    assert octets(path) == before
    folders = (settings.backups_folder, far)
    assert leftovers(*folders)
    catalog = read_catalog(settings)
    assert catalog.faults == {}
    assert catalog.backups[-1].name == first.name
    # What there is besides is whole.
    whole = [each.name for each in catalog.backups]
    assert len(whole) == (2 if moment in ("copy", "marker") else 1)
    assert restore_tests.run_restore_test(settings).ok
    second = make(settings)
    assert leftovers(*folders) == []
    for folder in folders:
        kept = {each.name for each in read_catalog(settings).backups if str(folder) in each.places}
        files = {each.name.partition(".")[0] for each in folder.glob("jobs-*")}
        assert files == kept >= {first.name, second.name}
    assert [each for each in verification.verify(settings, name=second.name) if not each.ok] == []


@pytest.mark.parametrize("moment", ["read back", "decompress", "digest", "link", "linked"])
def test_a_restore_that_is_killed_leaves_no_store_or_a_whole_one(
    settings: Settings, path: Path, tmp_path: Path, moment: str
) -> None:
    make(settings)
    expected = content(path)
    for file in tmp_path.glob("jobs.db*"):
        file.unlink()

    killed(lambda progress: restore(settings, progress), moment)

    assert leftovers(tmp_path)
    assert path.exists() is (moment == "linked")
    if path.exists():
        with pytest.raises(BackupError, match="exists and was not touched"):
            restore(settings)
    else:
        restore(settings)
    assert leftovers(tmp_path) == []
    assert content(path) == expected
    check_file(path)
    change(path)


@pytest.mark.parametrize(
    "moment",
    ["decompress", "link", "linked", "exchange", "exchanged", "compress", "manifest", "marker"],
)
def test_a_replacing_that_is_killed_leaves_the_old_store_or_the_restored_one(
    settings: Settings, path: Path, tmp_path: Path, moment: str
) -> None:
    old = make(settings)
    restored = content(path)
    change(path)
    there = content(path)

    killed(lambda progress: restore(settings, progress, replace=True), moment)

    assert leftovers(tmp_path)
    check_file(path)
    replaced = moment not in ("decompress", "link", "linked")
    assert content(path) == (restored if replaced else there)
    # What was there is never lost: it is still there, or it is set aside until it is a backup.
    asides = exchange.asides(path)
    assert [content(each) for each in asides] == ([there] if replaced else [])
    # Others go on with what is there.
    change(path)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    # It is repeated as it was given, and does not bring back what it was to replace.
    done = restore(settings, replace=True)
    assert done.backup == old.name
    assert [str(each) in " ".join(done.warnings) for each in asides] == [True] * len(asides)
    assert exchange.asides(path) == asides
    assert leftovers(tmp_path, settings.backups_folder) == []
    assert content(path) == restored
    assert restore(settings, name=done.saved, replace=True).postings == 41
    check_file(path)


# Damage in the store itself.


def test_a_damaged_page_of_the_store_makes_no_backup_and_costs_no_earlier_one(
    settings: Settings, path: Path
) -> None:
    good = make(settings)
    expected = content(path)
    # An index: every row can be read, and yet it is damaged.
    overwrite_page(path, "posting_applicants")
    before = octets(path)
    with pytest.raises(StoreCorrupt, match="doctor"):
        make(settings)
    assert octets(path) == before
    assert [each.name for each in read_catalog(settings).backups] == [good.name]
    assert leftovers(settings.backups_folder) == []
    attempt: Any = backup.last_backup(settings).attempt
    assert (attempt.backup, attempt.store) == (None, good.store)
    assert "damaged" in attempt.error

    done = restore(settings, replace=True)

    # It could not be backed up, so its file is kept.
    assert done.saved is not None
    assert Path(done.saved).stat().st_size == len(before[""])
    assert content(path) == expected
    check_file(path)
    make(settings)


def test_a_store_whose_disk_cannot_be_read_makes_no_backup(settings: Settings, path: Path) -> None:
    make(settings)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    before = octets(path)
    with pytest.raises(StoreCorrupt):
        make(settings)
    assert octets(path) == before
    assert len(read_catalog(settings).backups) == 1
