"""Stores come back as they were: as new ones, by time, by name, or in the place of one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from jobstore import (
    BackupError,
    JobNotFound,
    JobStoreError,
    StorageFull,
    StoreBusy,
    StoreUnavailable,
    job_id,
    migrating,
    scratch,
)
from jobstore import files as made_files
from jobstore.engines.archive import Loss
from jobstore.engines.sqlite.upkeep import exchange
from jobstore.operations import backup
from jobstore.operations.backup import creation
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.restoring import restore
from jobstore.operations.maintenance import examine
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.fixtures.checks import check_file
from tests.fixtures.postings import posting
from tests.operations.backups import (
    content,
    data_of,
    flip,
    leftovers,
    make,
    manifest_of,
    octets,
    rewrite,
    settings_for,
)
from tests.operations.damaging import fill, overwrite_page, tamper

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


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "deep" / "er" / "new.db"


def change(path: Path) -> None:
    """Let the store move on."""
    asyncio.run(store_one(path))


async def store_one(path: Path, number: int | str = "later") -> None:
    """Store one posting more."""
    async with jobstore.connect(sqlite_url(path)) as store:
        await store.upsert(posting(number))


def test_a_new_store_is_what_was_backed_up_and_can_be_used(
    settings: Settings, path: Path, new: Path
) -> None:
    manifest = make(settings)
    expected = content(path)
    change(path)
    before = octets(path)

    done = restore(settings, to=sqlite_url(new))

    assert (done.backup, done.created_at) == (manifest.name, manifest.created_at)
    assert (done.place, done.path) == (str(settings.backups_folder), new)
    assert (done.postings, done.saved, done.failures, done.advice) == (40, None, {}, None)
    assert done.seconds > 0
    assert content(new) == expected != content(path)
    assert octets(path) == before
    assert new.stat().st_mode & 0o777 == 0o600
    assert new.stat().st_nlink == 1
    assert [each.name for each in new.parent.iterdir()] == [new.name]
    check_file(new)
    change(new)
    assert len(content(new)) == len(expected) + 1


def test_a_store_that_is_lost_comes_back_under_its_own_name(settings: Settings, path: Path) -> None:
    expected = content(path)
    make(settings)
    path.unlink()
    with pytest.raises(BackupError, match="There is no store"):
        make(settings)

    assert restore(settings).path == path

    assert content(path) == expected
    # It is the same store: its backups go on, its cursors hold.
    assert make(settings).store == read_catalog(settings).backups[1].manifest.store


def aged(settings: Settings, *days: int) -> dict[int, str]:
    """Make backups of so many days ago, each with one posting more than the one before."""
    names = {}
    for number, each in enumerate(days):
        asyncio.run(store_one(settings.store.address.path, number))
        manifest = make(settings)
        moment = datetime(2026, 3, 31, 12, tzinfo=UTC) - timedelta(days=each)
        rewrite(manifest_of(settings, manifest), created_at=moment.isoformat())
        names[each] = manifest.name
    return names


def test_the_newest_not_after_a_time_is_meant(settings: Settings, tmp_path: Path) -> None:
    names = aged(settings, 3, 2, 1)

    def at(day: int, hour: int = 0, zone: int = 0) -> str:
        moment = datetime(2026, 3, day, hour, tzinfo=UTC) + timedelta(hours=zone)
        target = tmp_path / f"{day}-{hour}-{zone}.db"
        return restore(settings, to=sqlite_url(target), at=moment).backup

    assert at(28, 12) == names[3]
    assert at(29, 11) == names[3]
    assert at(29, 12) == names[2]
    assert at(31) == names[1]
    with pytest.raises(BackupError, match="no backup old enough"):
        at(28, 11)
    target = sqlite_url(tmp_path / "newest.db")
    assert restore(settings, to=target).backup == names[1]


def test_a_backup_by_name_or_by_its_file_wherever_that_is(
    settings: Settings, tmp_path: Path
) -> None:
    first = make(settings)
    make(settings)
    by_name = restore(settings, name=first.name, to=sqlite_url(tmp_path / "1.db"))
    assert by_name.backup == first.name
    with pytest.raises(BackupError, match="no backup called other; see 'jobstore backup list'"):
        restore(settings, name="other", to=sqlite_url(tmp_path / "2.db"))

    elsewhere = tmp_path / "stick"
    elsewhere.mkdir()
    for file in (data_of(settings, first), manifest_of(settings, first)):
        file.rename(elsewhere / file.name)
    nowhere = settings_for(tmp_path, folder=tmp_path / "none")
    for number, file in enumerate(sorted(elsewhere.iterdir())):
        target = tmp_path / f"from-{number}.db"
        done = restore(nowhere, name=str(file), to=sqlite_url(target))
        assert (done.backup, done.place) == (first.name, str(elsewhere))
        assert content(target) == content(tmp_path / "1.db")
    (elsewhere / f"{first.name}.json").unlink()
    with pytest.raises(BackupError, match=f"no backup called {first.name}"):
        restore(nowhere, name=str(elsewhere / first.file), to=sqlite_url(tmp_path / "3.db"))
    assert not (tmp_path / "3.db").exists()


def test_with_those_of_several_stores_one_has_to_be_named(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    made = {}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        settings = settings_for(tmp_path / name, folder=shared)
        migrating.up(settings.store.url)
        made[name] = make(settings)
    (tmp_path / "two" / "jobs.db").unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    stranger = settings_for(elsewhere, folder=shared)
    with pytest.raises(BackupError, match="several stores lie together; name one"):
        restore(stranger)
    assert restore(stranger, name=made["two"].name).backup == made["two"].name
    # This machine knows which store it made backups of.
    make(settings_for(tmp_path / "one", folder=shared))
    assert restore(settings).backup == made["two"].name


@pytest.mark.parametrize("end", ["", "-wal", "-journal"])
def test_what_is_there_is_not_overwritten(settings: Settings, tmp_path: Path, end: str) -> None:
    make(settings)
    there = tmp_path / f"new.db{end}"
    there.write_bytes(b"something")
    with pytest.raises(BackupError, match=f"{there} exists and was not touched; .*--replace"):
        restore(settings, to=sqlite_url(tmp_path / "new.db"))
    assert there.read_bytes() == b"something"
    assert not (end and (tmp_path / "new.db").exists())


def test_a_store_that_appears_meanwhile_is_not_overwritten(
    settings: Settings, tmp_path: Path
) -> None:
    make(settings)
    target = tmp_path / "new.db"

    def progress(step: str, done: int, total: int) -> None:
        target.write_bytes(b"faster")

    with pytest.raises(BackupError, match="exists and was not touched"):
        restore(settings, progress, to=sqlite_url(target))
    assert target.read_bytes() == b"faster"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "hard link"])
def test_what_is_no_file_of_its_own_is_not_replaced(
    settings: Settings, path: Path, tmp_path: Path, kind: str
) -> None:
    make(settings)
    other = tmp_path / "other.db"
    if kind == "folder":
        other.mkdir()
    elif kind == "pipe":
        os.mkfifo(other)
    elif kind == "loop":
        other.symlink_to(other)
    else:
        os.link(path, other)
    before, files = octets(path), sorted(tmp_path.iterdir())

    with pytest.raises(BackupError, match="not a file|hard links"):
        restore(settings, to=sqlite_url(other), replace=True)

    assert octets(path) == before
    assert sorted(tmp_path.iterdir()) == files


def test_the_store_is_refused_without_replace(settings: Settings, path: Path) -> None:
    make(settings)
    change(path)
    before = octets(path)
    with pytest.raises(BackupError, match=f"{path} exists and was not touched"):
        restore(settings)
    with pytest.raises(StoreUnavailable):
        restore(settings, to="postgres://there")
    assert octets(path) == before


@pytest.mark.parametrize("left_open", [False, True], ids=["closed", "killed"])
def test_replacing_keeps_what_was_there_as_a_backup(
    settings: Settings, path: Path, tmp_path: Path, left_open: bool
) -> None:
    (tmp_path / "far").mkdir()
    gone = str(tmp_path / "gone")
    settings = settings_for(tmp_path, places=[str(tmp_path / "far"), gone])
    old, expected = make(settings), content(path)
    if left_open:
        # What a killed process left in the WAL was acknowledged, too.
        pid = os.fork()
        if pid == 0:
            asyncio.run(store_one_and_die(path))
        os.waitpid(pid, 0)
        assert Path(f"{path}-wal").stat().st_size > 0
    else:
        change(path)
    path.chmod(0o640)

    done = restore(settings, replace=True)

    assert (done.backup, done.path, [*done.failures]) == (old.name, path, [gone])
    assert content(path) == expected
    assert path.stat().st_mode & 0o777 == 0o640
    assert not Path(f"{path}-wal").exists()
    check_file(path)
    newest = read_catalog(settings_for(tmp_path)).backups[0].manifest
    assert (newest.name, newest.reason, newest.postings) == (done.saved, "before a restore", 41)
    assert (tmp_path / "far" / newest.file).exists()
    assert leftovers(tmp_path, settings.backups_folder) == []
    # And back again: nothing is ever lost.
    again = restore(settings, name=done.saved, replace=True)
    assert again.postings == 41
    assert len(content(path)) == len(expected) + 1
    change(path)


async def store_one_and_die(path: Path) -> None:
    """Store one posting, and end without closing anything."""
    async with jobstore.connect(sqlite_url(path)) as store:
        await store.upsert(posting("later"))
        os._exit(0)


def test_a_link_to_the_store_stays_one(settings: Settings, path: Path, tmp_path: Path) -> None:
    make(settings)
    expected = content(path)
    change(path)
    link = tmp_path / "link.db"
    link.symlink_to(path)
    done = restore(settings, to=sqlite_url(link), replace=True)
    assert (done.path, link.is_symlink()) == (path, True)
    assert content(path) == expected


async def test_programs_that_have_the_store_open_go_on_with_what_is_restored(
    settings: Settings, path: Path
) -> None:
    await backup.in_thread(partial(backup.create, settings))
    async with (
        jobstore.connect(settings.store.url) as store,
        jobstore.connect(settings.store.url) as other,
    ):
        await store.upsert(posting("later"))
        assert await other.count() == 41
        first = await store.search(limit=10)

        done = await backup.in_thread(partial(backup.restore, settings, replace=True))

        assert done.loss == Loss(added=1)
        assert await other.count() == await store.count() == 40
        with pytest.raises(JobNotFound):
            await store.get(job_id("board", "later"))
        await other.upsert(posting("after"))
        async with store.transaction() as tx:
            await tx.upsert(posting("and after"))
            assert await store.count() == 41
        assert await other.count() == 42
        # The next page is of the new store.
        assert first.next_cursor is not None
        assert len((await store.search(limit=50, cursor=first.next_cursor)).items) == 31
    check_file(path)
    assert exchange.asides(path) == []
    assert leftovers(path.parent, settings.backups_folder) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_PATIENCE", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_who_reads_an_old_state_for_long_is_named_and_nothing_is_changed(
    settings: Settings, path: Path
) -> None:
    made = await backup.in_thread(partial(backup.create, settings))
    async with jobstore.connect(settings.store.url) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM postings").fetchone()
            await store.upsert(posting("later"))
            with pytest.raises(StoreBusy, match=f"Process {os.getpid()} reads .*as it was"):
                await backup.in_thread(partial(backup.restore, settings, replace=True))
            assert reader.execute("SELECT count(*) FROM posting").fetchone() == (40,)
            reader.execute("COMMIT")
        assert await store.count() == 41
        await store.upsert(posting("after"))
        assert [each.name for each in backup.read_catalog(settings).backups] == [made.name]
        assert leftovers(path.parent, settings.backups_folder) == []
        done = await backup.in_thread(partial(backup.restore, settings, replace=True))
        assert done.loss == Loss(added=2)
        assert await store.count() == 40


async def test_a_read_that_has_begun_ends_on_what_it_began_with(
    settings: Settings, path: Path
) -> None:
    await backup.in_thread(partial(backup.create, settings))
    await store_one(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM postings").fetchone()
        # Nothing is in the WAL, so nobody has to wait for this one.
        done = await backup.in_thread(partial(backup.restore, settings, replace=True))
        assert reader.execute("SELECT count(*) FROM posting").fetchone() == (41,)
        reader.execute("COMMIT")
    assert (done.loss, len(content(path))) == (Loss(added=1), len(content(path)))
    async with jobstore.connect(settings.store.url) as store:
        assert await store.count() == 40


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_store_with_pages_of_another_size_is_replaced_too(
    settings: Settings, path: Path, mode: str
) -> None:
    make(settings)
    expected = content(path)
    tamper(path, "PRAGMA journal_mode = DELETE", "PRAGMA page_size = 8192", "VACUUM")
    tamper(path, f"PRAGMA journal_mode = {mode}")
    change(path) if mode == "WAL" else None

    done = restore(settings, replace=True)

    assert content(path) == expected
    check_file(path)
    change(path)
    assert restore(settings, name=done.saved, replace=True).postings == (
        41 if mode == "WAL" else 40
    )
    check_file(path)


async def test_a_hundred_writers_lose_nothing_while_the_store_is_restored_again_and_again(
    settings: Settings, path: Path, tmp_path: Path
) -> None:
    acknowledged: set[str] = set()
    news, stop = asyncio.Condition(), asyncio.Event()

    async def write(store: jobstore.JobStore, writer: int) -> None:
        number = 0
        while not stop.is_set():
            name = f"w{writer}-{number}"
            await store.upsert(posting(name))
            async with news:
                acknowledged.add(name)
                news.notify_all()
            number += 1

    async def keys(url: str) -> set[str]:
        async with jobstore.connect(url) as store:
            return {job.source_job_id async for job in store.stream()}

    async def more(writes: int = 100) -> set[str]:
        """Wait until so many writes more were acknowledged, and return all."""
        enough = len(acknowledged) + writes
        async with news:
            await news.wait_for(lambda: len(acknowledged) >= enough)
        return {*acknowledged}

    older = await backup.in_thread(partial(backup.create, settings))
    saved = []
    # Two holders of the store, as two processes would be.
    async with (
        jobstore.connect(settings.store.url) as one,
        jobstore.connect(settings.store.url) as two,
        asyncio.TaskGroup() as writers,
    ):
        try:
            for each in range(100):
                writers.create_task(write((one, two)[each % 2], each))
            for _ in range(3):
                await more()
                done = await backup.in_thread(
                    partial(backup.restore, settings, name=older.name, replace=True)
                )
                saved.append(str(done.saved))
                assert done.loss is not None
                assert done.loss.added >= 100
            await more()
        finally:
            stop.set()

    found = await keys(settings.store.url)
    for number, name in enumerate(saved):
        url = sqlite_url(tmp_path / f"{number}.db")
        await backup.in_thread(partial(backup.restore, settings, name=name, to=url))
        found |= await keys(url)
    assert acknowledged <= found
    check_file(path)
    assert exchange.asides(path) == []
    assert leftovers(path.parent, settings.backups_folder) == []


# Wants to store something, and tells what became of it.
WAITING = """
import asyncio, sys
import jobstore

async def main():
    print("begins", flush=True)
    try:
        async with jobstore.connect(sys.argv[1]) as store:
            await store.upsert({
                "source": "board", "source_job_id": "meanwhile", "title": "x", "company": "y",
            })
    except jobstore.JobStoreError as error:
        print("refused", type(error).__name__)
    else:
        print("stored")

asyncio.run(main())
"""


async def test_who_comes_while_a_store_is_replaced_writes_to_the_restored_one_or_not_at_all(
    settings: Settings, path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    await backup.in_thread(partial(backup.create, settings))
    await store_one(path)
    waiting: list[Popen[str]] = []

    def progress(step: str, done: int, total: int) -> None:
        if step == "compress" and not waiting:
            waiting.append(start_python(WAITING, settings.store.url))
            assert waiting[0].stdout
            assert waiting[0].stdout.readline() == "begins\n"
            time.sleep(0.2)

    done = await backup.in_thread(partial(backup.restore, settings, replace=True), progress)

    output, _ = await asyncio.to_thread(waiting[0].communicate, None, 60)
    async with jobstore.connect(settings.store.url) as store:
        # Who opened what is no longer there finds no database in it, and nothing is lost.
        assert output in ("stored\n", "refused StoreCorrupt\n")
        assert await store.count() == (41 if output == "stored\n" else 40)
    check_file(path)
    saved = read_catalog(settings).backups[0]
    assert (saved.name, saved.manifest.postings) == (done.saved, 41)


def test_a_disk_without_room_for_the_backup_of_what_is_there_is_refused_first(
    settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(settings)
    change(path)
    before = octets(path)
    monkeypatch.setattr(creation, "_PACKED", 1e9)
    with pytest.raises(StorageFull, match="this needs .* Nothing was changed"):
        restore(settings, name=made.name, replace=True)
    assert octets(path) == before
    assert exchange.asides(path) == []
    assert leftovers(path.parent, settings.backups_folder) == []


def test_what_could_not_be_saved_afterwards_stays_and_is_named(
    settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(settings)
    change(path)
    before = content(path)

    def full(*arguments: object, **options: object) -> None:
        raise StorageFull("No space is left.")

    with monkeypatch.context() as patch:
        patch.setattr(creation, "pack", full)
        done = restore(settings, name=made.name, replace=True)

    (aside,) = exchange.asides(path)
    assert (done.saved, done.loss) == (str(aside), Loss(added=1))
    assert "What was there could not be backed up: No space is left." in done.warnings
    assert len(content(path)) == len(before) - 1
    told = f"jobstore backup create --store {sqlite_url(aside)}"
    (found,) = (each for each in examine(sqlite_url(path)) if each.name == "set aside")
    assert told in found.output
    # The next one tells of it, and leaves it alone.
    assert told in " ".join(restore(settings, name=made.name, replace=True).warnings)
    assert content(aside) == before
    # It can be made a backup, as is said, and restored from there.
    kept = settings.model_copy(
        update={"store": settings.store.model_copy(update={"url": sqlite_url(aside)})}
    )
    again = backup.create(kept).manifest.name
    new = path.with_name("again.db")
    restore(kept, name=again, to=sqlite_url(new))
    assert content(new) == before


def test_what_cannot_be_saved_stops_the_replacing(
    settings: Settings, path: Path, tmp_path: Path
) -> None:
    old = make(settings)
    change(path)
    before = content(path)
    blocked = settings_for(tmp_path, folder=tmp_path / "file" / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(JobStoreError, match="file"):
        restore(blocked, name=str(data_of(settings, old)), replace=True)
    assert content(path) == before
    check_file(path)
    change(path)


@pytest.mark.parametrize("damage", ["page", "header", "empty"])
def test_a_damaged_store_is_set_aside_and_replaced(
    settings: Settings, path: Path, damage: str
) -> None:
    make(settings)
    expected = content(path)
    if damage == "page":
        overwrite_page(path, "posting_text")
    elif damage == "header":
        path.write_bytes(b"no database" * 1000)
    else:
        path.write_bytes(b"")
    before = path.read_bytes()

    done = restore(settings, replace=True)

    assert done.saved is not None
    aside = Path(done.saved)
    assert aside.name.startswith("jobs.db.replaced-")
    if damage == "header":
        assert aside.read_bytes() == before
    assert aside.exists()
    assert content(path) == expected
    check_file(path)
    change(path)


class OneMoment(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> OneMoment:
        """Return always the same."""
        return cls(2026, 3, 1, tzinfo=tz)


def test_what_was_set_aside_is_never_overwritten(
    settings: Settings, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(settings)
    monkeypatch.setattr(exchange, "datetime", OneMoment)
    # Of the first, only what lay beside it is left.
    beside = path.with_name("jobs.db.replaced-20260301T000000Z-wal")
    beside.write_bytes(b"first")
    saved = []
    for lost in (b"second", b"third"):
        path.write_bytes(lost * 1000)
        saved.append(Path(str(restore(settings, replace=True).saved)))
    assert beside.read_bytes() == b"first"
    assert [each.read_bytes()[:6] for each in saved] == [b"second", b"thirdt"]
    assert [each.name[-3:] for each in saved] == ["Z-2", "Z-3"]


def test_folders_that_are_made_are_safely_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []
    monkeypatch.setattr(made_files, "synchronise", kept.append)
    scratch.make_folder(tmp_path / "new" / "er")
    assert kept == [tmp_path, tmp_path / "new"]
    scratch.make_folder(tmp_path / "new" / "er")
    assert len(kept) == 2


def test_another_programs_database_is_never_replaced(settings: Settings, tmp_path: Path) -> None:
    make(settings)
    other = tmp_path / "other.db"
    tamper(other, "CREATE TABLE theirs (x)")
    before = octets(other)
    with pytest.raises(BackupError, match="another program, and was not touched"):
        restore(settings, to=sqlite_url(other), replace=True)
    assert octets(other) == before


def test_what_lies_beside_an_absent_store_does_not_become_part_of_it(
    settings: Settings, path: Path
) -> None:
    make(settings)
    expected = content(path)
    wal = Path(f"{path}-wal")
    path.unlink()
    wal.write_bytes(b"of something else")
    done = restore(settings, replace=True)
    assert done.saved is None
    assert content(path) == expected
    assert not wal.exists() or wal.read_bytes() == b""
    (kept,) = path.parent.glob("jobs.db.replaced-*-wal")
    assert kept.read_bytes() == b"of something else"


def test_an_older_schema_comes_back_as_it_was_and_what_is_left_to_do_is_told(
    store_url: str, tmp_path: Path
) -> None:
    migrating.up(store_url, "0002")
    settings = settings_for(tmp_path)
    make(settings)
    target = sqlite_url(tmp_path / "new.db")
    done = restore(settings, to=target)
    assert "migrate up" in str(done.advice)
    migrating.up(target)
    change(tmp_path / "new.db")


def test_a_damaged_newest_backup_is_not_passed_over_in_silence(
    settings: Settings, tmp_path: Path
) -> None:
    older, newest = make(settings), make(settings)
    flip(data_of(settings, newest))
    done = restore(settings, to=sqlite_url(tmp_path / "new.db"))
    assert done.backup == older.name
    (told,) = done.faults
    assert f"Backup {newest.name} in {settings.backups_folder} is not what was stored" in told
    with pytest.raises(BackupError, match="checksum differs"):
        restore(settings, name=newest.name, to=sqlite_url(tmp_path / "other.db"))


async def test_a_restore_that_nobody_waits_for_ends_and_leaves_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    await backup.in_thread(partial(backup.create, settings))
    reached, given_up = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def progress(step: str, done: int, total: int) -> None:
        loop.call_soon_threadsafe(reached.set)
        assert given_up.wait(60)

    new = tmp_path / "new.db"
    restoring = asyncio.ensure_future(
        backup.in_thread(partial(backup.restore, settings, to=sqlite_url(new)), progress)
    )
    await reached.wait()
    restoring.cancel()
    # The coroutine is told of it first.
    await asyncio.sleep(0)
    given_up.set()
    with pytest.raises(asyncio.CancelledError):
        await restoring
    assert not new.exists()
    assert leftovers(tmp_path) == []
