"""Backups are made while writers go on, hold one state of the store, and are kept in places."""

from __future__ import annotations

import asyncio
import hashlib
import io
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import zstandard

import jobstore
from jobstore import (
    BackupError,
    JobStore,
    SchemaMismatch,
    StoreBusy,
    StoreCorrupt,
    StoreUnavailable,
    migrating,
)
from jobstore.engines.sqlite.upkeep import copying
from jobstore.locking import FileLock
from jobstore.operations import backup
from jobstore.operations.backup import creation
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.places import FolderPlace
from jobstore.progress import Progress
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.fixtures.checks import check_file
from tests.fixtures.postings import posting
from tests.operations.backups import content, data_of, flip, leftovers, make, octets, settings_for
from tests.operations.damaging import fill, overwrite_page, tamper


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    """The settings of a store with some postings."""
    fill(migrated_url)
    return settings_for(tmp_path)


def test_a_backup_holds_what_the_store_holds_and_its_manifest_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    before = octets(tmp_path / "jobs.db")

    manifest = make(settings, "a reason")

    assert octets(tmp_path / "jobs.db") == before
    packed = data_of(settings, manifest).read_bytes()
    assert (manifest.size, manifest.sha256) == (len(packed), hashlib.sha256(packed).hexdigest())
    plain = tmp_path / "plain.db"
    plain.write_bytes(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read())
    assert manifest.database_size == plain.stat().st_size
    assert content(plain) == content(tmp_path / "jobs.db")
    assert manifest.migrations[0] == "0001.postings"
    assert manifest.tables["posting"] == manifest.postings == 40
    assert manifest.tables["revision"] == 14
    assert (manifest.reason, manifest.encryption) == ("a reason", None)
    check_file(plain)


def test_nobody_else_can_read_what_a_backup_leaves(settings: Settings) -> None:
    make(settings)
    modes = {each.name: each.stat().st_mode & 0o777 for each in settings.backups_folder.iterdir()}
    assert {*modes.values()} == {0o600}
    assert len(modes) == 3
    assert settings.backups_folder.stat().st_mode & 0o777 == 0o700


def test_the_digest_depends_on_every_value_and_on_no_place(
    settings: Settings, tmp_path: Path
) -> None:
    first = make(settings)

    async def move() -> None:
        """Move a posting there and back, so that rows lie elsewhere."""
        async with jobstore.connect(settings.store.url) as store:
            early = await store.upsert(posting("early", posted_at="2020-01-01"))
            await store.delete(early.id)

    asyncio.run(move())
    # That it was removed is a part of what is kept.
    tamper(tmp_path / "jobs.db", "DELETE FROM deletion")
    tamper(tmp_path / "jobs.db", "VACUUM")
    second = make(settings)
    assert second.name != first.name
    assert second.digest == first.digest
    for statement in (
        "UPDATE posting SET title = 'x' WHERE source_job_id = '7'",
        "UPDATE posting_text SET description = NULL WHERE place = (SELECT max(place) FROM posting)",
        "DELETE FROM revision WHERE id = (SELECT min(id) FROM revision)",
        "UPDATE posting SET applicant_count = '12' WHERE source_job_id = '8'",
        "UPDATE posting SET version = 9 WHERE source_job_id = '9'",
    ):
        tamper(tmp_path / "jobs.db", statement)
    third = make(settings)
    assert third.digest != first.digest


class Writers:
    """A hundred coroutines that write all the time, each in an order of its own."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._stopped = False
        self.acknowledged: Counter[str] = Counter()
        self.total = 0
        self._counted = threading.Condition()

    async def run(self) -> None:
        """Write until :meth:`stop`."""
        await asyncio.gather(
            *(self._single(f"s{number}") for number in range(80)),
            *(self._pair(f"p{number}") for number in range(20)),
        )

    def stop(self) -> None:
        self._stopped = True

    def more(self, number: int) -> None:
        """Block another thread until so many more writes are acknowledged."""
        goal = self.total + number
        with self._counted:
            assert self._counted.wait_for(lambda: self.total >= goal, 30)

    def _count(self, name: str, number: int) -> None:
        self.acknowledged[name] = number
        with self._counted:
            self.total += 1
            self._counted.notify_all()

    async def _single(self, name: str) -> None:
        number = 0
        while not self._stopped:
            number += 1
            await self._store.upsert(posting(f"{name}-{number}", company=name))
            self._count(name, number)

    async def _pair(self, name: str) -> None:
        """Change two postings together: neither is ever seen without the other."""
        number = 0
        while not self._stopped:
            number += 1
            async with self._store.transaction() as tx:
                for side in "ab":
                    await tx.upsert(posting(f"{name}-{side}", applicant_count=number))
            self._count(name, number)


async def test_a_backup_while_a_hundred_coroutines_write(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path)
    monkeypatch.setattr(copying, "_STEP", 10)
    before: Counter[str] = Counter()
    steps = 0
    async with jobstore.connect(migrated_url) as store:
        writers = Writers(store)

        def progress(step: str, done: int, total: int) -> None:
            """Let the copy wait for writers, again and again."""
            nonlocal steps
            if step == "copy pages" and (steps := steps + 1) <= 5:
                writers.more(150)

        writing = asyncio.ensure_future(writers.run())
        await asyncio.to_thread(writers.more, 400)
        before = Counter(writers.acknowledged)
        made = await backup.in_thread(partial(backup.create, settings), progress)
        after = Counter(writers.acknowledged)
        writers.stop()
        await writing
        end = await store.count()

    assert steps >= 5
    assert after.total() - before.total() >= 750
    await backup.in_thread(
        partial(backup.restore, settings, name=made.name, to=sqlite_url(tmp_path / "restored.db"))
    )
    check_file(tmp_path / "restored.db")
    async with jobstore.connect(sqlite_url(tmp_path / "restored.db")) as restored:
        kept: Counter[str] = Counter()
        async for job in restored.stream():
            name, number = job.source_job_id.split("-")
            if name.startswith("s"):
                # One moment: nothing is there without all that the same writer wrote before.
                kept[name] += 1
                assert int(number) <= after[name]
            else:
                assert job.applicant_count is not None
                assert kept.setdefault(name, job.applicant_count) == job.applicant_count
        assert all(kept[name] >= number for name, number in before.items())
        for name in (name for name in kept if name.startswith("s")):
            assert await restored.find("board", f"{name}-{kept[name]}") is not None
        assert await restored.count() == made.manifest.postings < end
    # None of them lost anything either.
    async with jobstore.connect(migrated_url) as store:
        assert await store.count() == end
    check_file(tmp_path / "jobs.db")


def test_copies_are_kept_in_every_place_and_one_that_fails_costs_the_others_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    near, far, gone = (tmp_path / name for name in ("near", "far", "not mounted"))
    near.mkdir()
    far.mkdir()
    places = [str(near), str(gone), str(far)]
    settings = settings_for(tmp_path, places=places)

    made = creation.create(settings)

    assert made.places == (str(settings.backups_folder), str(near), str(far))
    assert [*made.failures] == [str(gone)]
    assert "Cannot work in" in made.failures[str(gone)]
    assert not gone.exists()
    for place in (near, far):
        assert {each.name for each in place.iterdir()} == {
            f"{made.name}.json",
            made.manifest.file,
        }
        assert (place / made.manifest.file).stat().st_mode & 0o777 == 0o600
    told = backup.last_backup(settings).attempt
    assert told is not None
    assert (told.backup, told.failures) == (made.name, made.failures)


async def test_a_backup_is_copied_to_the_places_later_where_that_is_asked_for(
    settings: Settings, tmp_path: Path
) -> None:
    near, gone = tmp_path / "near", tmp_path / "not mounted"
    near.mkdir()
    settings = settings_for(tmp_path, places=[str(near), str(gone)])

    made = await backup.in_thread(partial(backup.create, settings, replicate=False))

    assert (made.places, made.failures) == ((str(settings.backups_folder),), {})
    assert [*near.iterdir()] == []
    spread = await backup.in_thread(partial(backup.replicate, settings, made.name))
    assert spread.manifest == made.manifest
    assert spread.places == (str(settings.backups_folder), str(near))
    assert [*spread.failures] == [str(gone)]
    told = backup.last_backup(settings).attempt
    assert told is not None
    assert (told.backup, told.failures) == (made.name, spread.failures)
    # A copy that is there is not written anew.
    state = (near / made.manifest.file).stat()
    gone.mkdir()
    latest = await backup.in_thread(partial(backup.create, settings))
    spread = await backup.in_thread(partial(backup.replicate, settings, made.name))
    assert spread.places == (str(settings.backups_folder), str(near), str(gone))
    assert (near / made.manifest.file).stat().st_ino == state.st_ino
    told = backup.last_backup(settings).attempt
    assert told is not None
    assert told.backup == latest.name
    with pytest.raises(BackupError):
        await backup.in_thread(partial(backup.replicate, settings, "unknown"))


def test_a_place_is_one_place_however_often_and_however_deep_it_is_named(
    settings: Settings, tmp_path: Path
) -> None:
    own, above = settings.backups_folder, settings.backups_folder.parent
    link = tmp_path / "link"
    link.symlink_to(own)
    places = [str(above), str(own), str(link), f"{above}/../{above.name}", str(above)]

    made = creation.create(settings_for(tmp_path, places=places))

    assert made.places == (str(own), str(above))
    # The copy of one was not moved into the other.
    for place in (own, above):
        assert (place / made.manifest.file).is_file()
        assert (place / f"{made.name}.json").is_file()


class Forgetful(FolderPlace):
    """A place that keeps something else than it was given."""

    def upload(self, file: str, source: Path, progress: Progress) -> None:
        """Keep it, with one byte changed."""
        super().upload(file, source, progress)
        flip(self.folder / file)


def test_what_a_place_does_not_give_back_is_no_backup(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far").mkdir()
    monkeypatch.setattr(
        creation,
        "open_places",
        lambda settings: [FolderPlace(settings.backups_folder), Forgetful(tmp_path / "far")],
    )

    made = creation.create(settings)

    assert "does not give back" in made.failures[str(tmp_path / "far")]
    assert [*(tmp_path / "far").iterdir()] == []


def test_what_cannot_be_read_is_refused_and_told(migrated_url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    absent = settings_for(tmp_path / "other")
    with pytest.raises(BackupError, match="no store"):
        make(absent)
    attempt = backup.last_backup(absent).attempt
    assert attempt is not None
    assert attempt.backup is None
    assert "no store" in str(attempt.error)

    tamper(tmp_path / "other" / "jobs.db", "CREATE TABLE t (x)")
    with pytest.raises(StoreCorrupt, match="another program"):
        make(absent)
    (tmp_path / "other" / "jobs.db").unlink()
    (tmp_path / "other" / "jobs.db").touch()
    with pytest.raises(SchemaMismatch, match="migrate up"):
        make(absent)
    (tmp_path / "other" / "jobs.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreCorrupt):
        make(absent)

    settings = settings_for(tmp_path)
    fill(migrated_url)
    good = make(settings)
    overwrite_page(tmp_path / "jobs.db", "posting_text")
    before = octets(tmp_path / "jobs.db")
    with pytest.raises(StoreCorrupt):
        make(settings)
    assert octets(tmp_path / "jobs.db") == before
    last = backup.last_backup(settings)
    assert last.created_at == good.created_at
    assert last.attempt is not None
    assert last.attempt.error
    assert leftovers(settings.backups_folder) == []
    assert (tmp_path / "other").exists()


def test_another_programs_tables_are_no_content_of_ours(settings: Settings, tmp_path: Path) -> None:
    tamper(tmp_path / "jobs.db", 'CREATE TABLE "odd name" (x)')
    with pytest.raises(StoreCorrupt, match="did not make"):
        make(settings)
    tamper(tmp_path / "jobs.db", 'DROP TABLE "odd name"')
    tamper(tmp_path / "jobs.db", "DELETE FROM store_property WHERE name = 'cursor_key'")
    with pytest.raises(StoreCorrupt, match="damaged"):
        make(settings)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(creation, "_PATIENCE", 0.05)
    monkeypatch.setattr(copying, "_PATIENCE", 0.05)
    return


@pytest.mark.usefixtures("impatient")
def test_two_at_once_are_kept_apart(settings: Settings) -> None:
    with creation.working_alone(settings), pytest.raises(StoreBusy, match="backups"):
        make(settings)
    make(settings)


@pytest.mark.usefixtures("impatient")
def test_a_store_that_another_program_locks_is_waited_for_and_then_left(
    settings: Settings, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy):
            make(settings)
        other.execute("ROLLBACK")
    make(settings)


def test_a_store_that_somebody_writes_to_without_end_is_copied_all_the_same(
    settings: Settings, tmp_path: Path
) -> None:
    with (
        FileLock(tmp_path / "jobs.db", 0),
        closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM posting")
        assert make(settings).postings == 40
        other.execute("ROLLBACK")


def test_a_store_behind_in_its_schema_is_backed_up_as_it_is(store_url: str, tmp_path: Path) -> None:
    migrating.up(store_url, "0002")
    manifest = make(settings_for(tmp_path))
    assert manifest.migrations == ("0001.postings", "0002.revisions")


async def test_a_backup_that_nobody_waits_for_ends_and_leaves_nothing(settings: Settings) -> None:
    reached, given_up = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def progress(step: str, done: int, total: int) -> None:
        loop.call_soon_threadsafe(reached.set)
        assert given_up.wait(60)

    making = asyncio.ensure_future(backup.in_thread(partial(backup.create, settings), progress))
    await reached.wait()
    making.cancel()
    # The coroutine is told of it first.
    await asyncio.sleep(0)
    given_up.set()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert [each.name for each in settings.backups_folder.iterdir()] == ["backups.lock"]
    assert backup.last_backup(settings).attempt is None
    assert (await backup.in_thread(partial(backup.create, settings))).manifest.postings == 40


def test_each_store_is_told_its_own_last_backup_where_several_lie_together(
    migrated_url: str, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    (tmp_path / "two").mkdir()
    one = settings_for(tmp_path, folder=shared)
    two = settings_for(tmp_path / "two", folder=shared)
    migrating.up(two.store.url)
    first, second = make(one), make(two)
    (tmp_path / "jobs.db").unlink()
    with pytest.raises(BackupError, match="no store"):
        make(one)

    for settings, manifest in ((one, first), (two, second)):
        assert backup.last_backup(settings).manifest == manifest
    two.operations_db.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreUnavailable, match=r"operations\.db is damaged"):
        backup.last_backup(two)


def test_a_backup_that_cannot_be_recorded_is_one_all_the_same(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(tmp_path, folder=tmp_path / "elsewhere")
    settings.state_folder.touch()

    made = creation.create(settings, replicate=False)

    assert [each.name for each in read_catalog(settings).backups] == [made.name]
    assert "could not be recorded" in caplog.text
    assert creation.replicate(settings, made.name).manifest == made.manifest
    (tmp_path / "jobs.db").unlink()
    with pytest.raises(BackupError, match="no store"):
        make(settings)


def test_a_folder_that_cannot_be_made_is_told(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((BackupError, StoreUnavailable), match="file"):
        make(settings_for(tmp_path, folder=tmp_path / "file" / "folder"))
