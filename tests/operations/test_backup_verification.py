"""Copies that are not what was backed up are found out, and refused wherever they are asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import jobstore
from jobstore import (
    BackupError,
    JobStore,
    Page,
    SchemaMismatch,
    SearchQuery,
    Sort,
    StorageFull,
    StoreBusy,
    migrating,
)
from jobstore.checks import self_test
from jobstore.engines.sqlite import small
from jobstore.locking import FileLock
from jobstore.operations import backup
from jobstore.operations.backup import restore_tests, restoring, state, verification
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.database import reading
from jobstore.progress import silent
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.fixtures.postings import posting
from tests.operations.backups import (
    data_of,
    flip,
    leftovers,
    make,
    manifest_of,
    octets,
    opened,
    repack,
    rewrite,
    settings_for,
)
from tests.operations.damaging import fill, forget_index_entries, overwrite_page, tamper
from tests.operations.deploying import BREAKING, Migrations

Damage = Callable[[Settings, Manifest], object]


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    """The settings of a store with some postings."""
    fill(migrated_url)
    return settings_for(tmp_path)


def refused(
    settings: Settings, name: str | None, match: str, kind: type[Exception] = BackupError
) -> None:
    """See that a backup is restored nowhere, and that trying leaves everything as it was."""
    path = settings.store.address.path
    before = octets(path)
    new = path.with_name("new.db")
    for to, replace in ((sqlite_url(new), False), (None, True)):
        with pytest.raises(kind, match=match):
            restoring.restore(settings, name=name, to=to, replace=replace)
        assert octets(path) == before
    assert not new.exists()
    assert leftovers(path.parent, settings.backups_folder) == []


def test_a_good_backup_is_good(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    settings = settings_for(tmp_path, places=[str(tmp_path / "far")])
    first, second = make(settings), make(settings)
    before = octets(tmp_path / "jobs.db")
    steps: set[str] = set()

    newest = verification.verify(settings, lambda step, done, total: steps.add(step))

    assert [(each.backup, each.ok, each.error) for each in newest] == [
        (second.name, True, None)
    ] * 2
    assert [each.place for each in newest] == [str(settings.backups_folder), str(tmp_path / "far")]
    assert steps == {"read back", "decompress", "check pages", "digest"}
    (one, _) = verification.verify(settings, name=first.name)
    assert one.backup == first.name
    (file,) = verification.verify(settings, name=str(tmp_path / "far" / first.file))
    assert (file.backup, file.place, file.ok) == (first.name, str(tmp_path / "far"), True)
    everything = verification.verify(settings, every=True)
    assert [each.backup for each in everything] == [second.name] * 2 + [first.name] * 2
    assert octets(tmp_path / "jobs.db") == before
    assert leftovers(settings.backups_folder, tmp_path) == []


def cut(settings: Settings, manifest: Manifest) -> None:
    """Take the end of the data off."""
    data = data_of(settings, manifest)
    data.write_bytes(data.read_bytes()[:-900])


def sign(settings: Settings, manifest: Manifest) -> None:
    """Let the manifest say that the data is right as it is."""
    size, sha256 = FolderPlace(settings.backups_folder).measure(manifest.file, silent)
    rewrite(manifest_of(settings, manifest), size=size, sha256=sha256)


def half(settings: Settings, manifest: Manifest) -> None:
    """Leave half a manifest."""
    file = manifest_of(settings, manifest)
    file.write_bytes(file.read_bytes()[:200])


def says(**changes: Any) -> Damage:
    """Change what the manifest says."""
    return lambda settings, manifest: rewrite(manifest_of(settings, manifest), **changes)


def is_text(text: str) -> Damage:
    """Put something else in the place of the manifest."""
    return lambda settings, manifest: manifest_of(settings, manifest).write_text(text)


def holds(*statements: str) -> Damage:
    """Change what is inside, and let size and checksum fit."""
    return lambda settings, manifest: repack(settings, manifest, *statements)


# What is done to a backup, one after the other, and what is said about it.
DAMAGES: dict[str, tuple[str, list[Damage]]] = {
    "a byte changed": ("checksum differs", [lambda s, m: flip(data_of(s, m))]),
    "a byte changed, signed": ("is damaged", [lambda s, m: flip(data_of(s, m)), sign]),
    "cut": ("has the wrong size", [cut]),
    "cut, signed": ("ends too early", [cut, sign]),
    "no data": ("is missing", [lambda s, m: data_of(s, m).unlink()]),
    "no manifest": ("There is no backup", [lambda s, m: manifest_of(s, m).unlink()]),
    "half a manifest": ("The manifest of backup .* is damaged", [half]),
    "no object": ("The manifest of backup .* is damaged", [is_text("[1]")]),
    "without end": ("The manifest of backup .* is damaged", [is_text("[" * 100_000)]),
    "too long": ("The manifest of backup .* is damaged", [is_text('"' + "x" * 1_100_000 + '"')]),
    "a newer form": ("made by a newer jobstore; upgrade", [says(format=2)]),
    "no form": ("The manifest of backup .* is damaged", [says(format=None)]),
    "another name": ("that of another one", [says(name="other")]),
    "a path": ("The manifest of backup .* is damaged", [says(name="../x")]),
    "another checksum": ("checksum differs", [says(sha256="0" * 64)]),
    "another digest": ("holds other digest", [says(digest="0" * 64)]),
    "other counts": ("holds other tables", [says(tables={"posting": 3})]),
    "other migrations": ("holds other migrations", [says(migrations=["0001.postings"])]),
    "another store": ("holds other store", [says(store="of somebody")]),
    "smaller": ("no database of the size", [says(database_size=4096)]),
    "larger": ("no database of the size", [says(database_size=999_999)]),
    "encrypted": ("is missing", [says(encryption="age")]),
    "a row changed": ("holds other digest", [holds("UPDATE posting SET title = 'x'")]),
    "rows less": ("holds other tables", [holds("DELETE FROM revision")]),
    "a table more": ("its migrations did not make", [holds("CREATE TABLE t (x)")]),
    "an odd table": ("its migrations did not make", [holds('CREATE TABLE "t t" (x)')]),
    "no properties": ("damaged inside", [holds("DELETE FROM store_property")]),
    "no schema": ("damaged inside", [holds("DELETE FROM _yoyo_migration")]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_copy_that_was_damaged_or_tampered_with_is_refused(
    settings: Settings, damage: str
) -> None:
    manifest = make(settings)
    match, steps = DAMAGES[damage]
    for step in steps:
        step(settings, manifest)

    refused(settings, manifest.name, match)
    told = [each.error or "" for each in verification.verify(settings, every=True)]
    assert [error for error in told if re.search(match, error)] or damage == "no manifest"
    done = restore_tests.run_restore_test(settings, name=manifest.name)
    assert not done.ok
    assert re.search(match, done.error or "")
    assert backup.last_restore_test(settings) == done
    assert backup.last_restore_test(settings, successful=True) is None


def test_damaged_pages_inside_are_found(settings: Settings, tmp_path: Path) -> None:
    manifest = make(settings)
    with opened(settings, manifest) as plain:
        overwrite_page(plain, "posting_applicants")

    refused(settings, manifest.name, "damaged inside")
    (found,) = verification.verify(settings)
    assert "use another one" in str(found.error)


def test_an_index_that_lost_entries_is_found(settings: Settings, tmp_path: Path) -> None:
    # Reading every page tells nothing of it, so it is found where there is time to compare.
    forget_index_entries(tmp_path / "jobs.db")
    make(settings)
    refused(settings, None, "damaged inside")
    assert not restore_tests.run_restore_test(settings).ok


def test_what_a_newer_jobstore_made_is_kept_but_not_restored(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make(settings)
    with monkeypatch.context() as newer:
        following = Migrations(tmp_path / "migrations")
        name = following.add(*BREAKING)
        following.use(newer.setattr)
        migrating.up(settings.store.url)
        manifest = make(settings)
        migrating.down(settings.store.url, old.migrations[-1])

    # It is what was stored, and so a good copy.
    assert [each.ok for each in verification.verify(settings)] == [True]
    refused(settings, None, f"does not know .{name}.; upgrade", SchemaMismatch)
    done = restore_tests.run_restore_test(settings)
    assert (done.ok, done.backup) == (False, manifest.name)
    assert "upgrade jobstore" in str(done.error)

    tamper(
        tmp_path / "jobs.db", "UPDATE store_property SET value = x'7f' WHERE name = 'derived_form'"
    )
    make(settings)
    refused(settings, None, "written by a newer jobstore; upgrade", SchemaMismatch)


def test_a_good_copy_is_used_where_another_is_not(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    settings = settings_for(tmp_path, places=[str(tmp_path / "far")])
    manifest = make(settings)
    flip(data_of(settings, manifest))

    bad, good = verification.verify(settings)
    assert (bad.place, bad.ok) == (str(settings.backups_folder), False)
    assert (good.place, good.ok) == (str(tmp_path / "far"), True)
    assert restore_tests.run_restore_test(settings).place == good.place
    done = restoring.restore(settings, to=sqlite_url(tmp_path / "other.db"))
    assert done.place == good.place

    flip(tmp_path / "far" / manifest.file)
    refused(settings, None, f"{bad.place}: .*checksum differs.* {good.place}: .*checksum differs")


def test_a_place_without_its_copy_is_told(settings: Settings, tmp_path: Path) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    near.mkdir()
    manifest = make(settings)
    settings = settings_for(tmp_path, places=[str(near), str(far)])

    found = {each.place: each for each in verification.verify(settings)}

    assert found[str(settings.backups_folder)].ok
    assert found[str(near)].error == f"{near} has no copy of {manifest.name}."
    assert "check that the folder is there" in str(found[str(far)].error)
    far.mkdir()
    rewrite(manifest_of(settings, manifest), reason="elsewhere")
    (far / manifest_of(settings, manifest).name).write_bytes(manifest.to_bytes())
    (far / manifest.file).write_bytes(data_of(settings, manifest).read_bytes())
    errors = [str(each.error) for each in verification.verify(settings)]
    assert f"{far}: Backup {manifest.name} differs from the others." in errors


def test_nothing_can_be_verified_before_the_first_backup(settings: Settings) -> None:
    with pytest.raises(BackupError, match="no backup yet"):
        verification.verify(settings)
    assert verification.verify(settings, every=True) == []
    make(settings)
    with pytest.raises(BackupError, match="no backup called other"):
        verification.verify(settings, name="other")


def test_a_disk_without_room_is_told_before_anything_is_unpacked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(settings)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: SimpleNamespace(free=1, total=4 * 2**20)
    )
    (found,) = verification.verify(settings)
    told = r"0\.0 MiB free and this needs 0\.\d MiB; free some space"
    assert re.search(told, str(found.error))
    with pytest.raises(StorageFull, match=r"0\.0 MiB free and this needs 0\.\d MiB"):
        restoring.restore(settings, to=sqlite_url(settings.backups_folder / "new.db"))
    assert "free some space" in str(restore_tests.run_restore_test(settings).error)


def test_a_restore_test_records_what_it_did(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backup.last_restore_test(settings) is None
    failed = restore_tests.run_restore_test(settings)
    assert (failed.ok, failed.backup, failed.place, failed.age_seconds) == (False, None, None, None)
    assert "There is no backup yet" in str(failed.error)

    first, second = make(settings), make(settings)
    before = octets(tmp_path / "jobs.db")
    good = restore_tests.run_restore_test(settings)
    assert (good.ok, good.error, good.backup) == (True, None, second.name)
    assert (good.place, good.postings) == (str(settings.backups_folder), 40)
    assert good.at > second.created_at
    assert good.age_seconds == round((good.at - second.created_at).total_seconds(), 3)
    assert good.seconds > 0
    assert backup.last_restore_test(settings) == good
    assert octets(tmp_path / "jobs.db") == before
    assert leftovers(settings.backups_folder, tmp_path) == []

    flip(data_of(settings, first))
    bad = restore_tests.run_restore_test(settings, name=first.name)
    assert (bad.ok, bad.backup, bad.postings) == (False, first.name, 40)
    assert backup.last_restore_test(settings) == bad
    assert backup.last_restore_test(settings, successful=True) == good
    # The last good one is kept, however many fail after it.
    monkeypatch.setattr(state, "_TESTS_KEPT", 2)
    for _ in range(4):
        state.record_restore_test(settings, bad)
    assert backup.last_restore_test(settings, successful=True) == good
    with reading(settings.operations_db) as kept:
        assert [row[3] for row in kept.rows("restore_tests")] == [False, False, True]


def test_a_restored_store_that_gives_wrong_answers_fails_the_restore_test(
    settings: Settings,
) -> None:
    manifest = make(settings)
    # What is derived is no content; a restore test asks it all the same.
    delete = "INSERT INTO text_index (text_index) VALUES ('delete-all')"
    repack(settings, manifest, "UPDATE counter SET amount = 7", delete)
    assert [each.ok for each in verification.verify(settings)] == [True]
    done = restore_tests.run_restore_test(settings)
    assert not done.ok
    assert "gives wrong answers: count, " in str(done.error)
    assert "statistics" in str(done.error)


def test_counters_that_disagree_fail_the_restore_test(settings: Settings) -> None:
    manifest = make(settings)
    # The total is right, so that nothing but the store's own self-test sees it.
    repack(settings, manifest, "UPDATE counter SET amount = amount + 1 WHERE kind = 'source'")
    assert [each.ok for each in verification.verify(settings)] == [True]
    done = restore_tests.run_restore_test(settings)
    assert not done.ok
    assert "gives wrong answers: counters." in str(done.error)


def test_a_restored_store_goes_through_the_whole_self_test(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(settings)
    monkeypatch.setattr(self_test, "_STEPS", 10)
    done = restore_tests.run_restore_test(settings)
    assert not done.ok
    assert "Only 9 of 10 steps were made" in str(done.error)


def test_a_text_index_that_lost_entries_fails_the_restore_test(settings: Settings) -> None:
    manifest = make(settings)
    # Its structure stays sound, and no digest covers it.
    words = "INSERT INTO text_index (text_index, rowid, title)"
    repack(settings, manifest, f"{words} SELECT 'delete', (1 << 35) - place, title FROM posting")
    assert [each.ok for each in verification.verify(settings)] == [True]
    done = restore_tests.run_restore_test(settings)
    assert not done.ok
    assert "gives wrong answers: search by words." in str(done.error)


@pytest.mark.parametrize("number", [0, 1, 5, 7])
def test_a_small_store_passes_its_restore_test(
    migrated_url: str, tmp_path: Path, number: int
) -> None:
    fill(migrated_url, number)
    settings = settings_for(tmp_path)
    make(settings)
    assert restore_tests.run_restore_test(settings).error is None


def test_wrong_pages_and_a_wrong_order_fail_the_restore_test(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(count_applicants(settings.store.url))
    make(settings)
    assert restore_tests.run_restore_test(settings).ok
    search = JobStore.search

    async def wrong(store: JobStore, query: SearchQuery, **asked: Any) -> Page:
        page = await search(store, query, **asked)
        if "cursor" in asked:
            del page.items[0]
        elif query.sort == Sort.APPLICANTS:
            page.items.reverse()
        return page

    monkeypatch.setattr(JobStore, "search", wrong)
    told = str(restore_tests.run_restore_test(settings).error)
    assert "gives wrong answers: pages, search by applicants." in told


async def count_applicants(url: str) -> None:
    """Store postings that differ in how many applied."""
    async with jobstore.connect(url) as store:
        await store.upsert_many(
            posting(f"of {each}", applicant_count=100 + each) for each in range(9)
        )


def test_the_restored_store_is_opened_with_the_options_of_the_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(settings)
    store = settings.store.model_copy(update={"read_timeout": 77.0})
    given: list[Any] = []

    def watched(url: str, **named: Any) -> Any:
        given.append(named["options"])
        return jobstore.connect(url, **named)

    monkeypatch.setattr(restore_tests, "connect", watched)
    assert restore_tests.run_restore_test(settings.model_copy(update={"store": store})).ok
    assert given == [store.options]
    assert given[0].read_timeout == 77.0


def test_restore_tests_that_end_at_once_are_all_recorded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = restore_tests.run_restore_test(settings)
    with ThreadPoolExecutor(4) as threads:
        for each in [threads.submit(state.record_restore_test, settings, done) for _ in range(8)]:
            each.result()
    with reading(settings.operations_db) as kept:
        assert len(kept.rows("restore_tests")) == 9
    monkeypatch.setattr(small, "_PATIENCE", 0.02)
    with FileLock(settings.operations_db, 0), pytest.raises(StoreBusy):
        state.record_restore_test(settings, done)


def date(settings: Settings, manifest: Manifest, days: float) -> None:
    """Have a backup made so many days from now."""
    moment = datetime.now(UTC) + timedelta(days=days)
    rewrite(manifest_of(settings, manifest), created_at=moment.isoformat())


def test_after_a_clock_was_ahead_the_newest_is_what_was_made_since(
    settings: Settings, tmp_path: Path
) -> None:
    future, real = make(settings), make(settings)
    date(settings, future, 400)
    tested = restore_tests.run_restore_test(settings)
    assert (tested.ok, tested.backup) == (True, real.name)
    state.record_restore_test(
        settings, dataclasses.replace(tested, at=tested.at + timedelta(days=400))
    )

    assert backup.last_restore_test(settings) == tested
    assert backup.last_restore_test(settings, successful=True) == tested
    assert backup.last_backup(settings).manifest == real
    catalog = read_catalog(settings)
    assert [each.name for each in catalog.backups] == [real.name, future.name]
    (told,) = catalog.faults[str(settings.backups_folder)]
    assert f"{future.name} is dated in the future" in told
    warned, good = verification.verify(settings)
    assert (warned.error, good.backup, good.ok) == (told, real.name, True)
    done = restoring.restore(settings, to=sqlite_url(tmp_path / "new.db"))
    assert done.backup == real.name


def test_a_fault_of_an_old_copy_hides_no_lack_of_a_new_one(
    settings: Settings, tmp_path: Path
) -> None:
    far = tmp_path / "far"
    far.mkdir()
    future = make(settings_for(tmp_path, places=[str(far)]))
    date(settings, future, 400)
    (far / f"{future.name}.json").write_bytes(manifest_of(settings, future).read_bytes())
    newest = make(settings)
    found = verification.verify(settings_for(tmp_path, places=[str(far)]))
    assert f"{far} has no copy of {newest.name}." in [each.error for each in found]


def test_a_backup_of_the_future_is_better_than_none(settings: Settings, tmp_path: Path) -> None:
    only = make(settings)
    date(settings, only, 1)
    assert restore_tests.run_restore_test(settings).backup == only.name
    assert getattr(backup.last_backup(settings).manifest, "name", None) == only.name
    # Clocks of several machines differ a little.
    date(settings, only, 4 / 24 / 60)
    assert read_catalog(settings).faults == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"created_at": "0001-01-01T00:00:00+23:00"},
        {"created_at": "9999-12-31T23:59:59-23:00"},
        {"database_size": 10**30},
    ],
    ids=["before all dates", "after all dates", "no size"],
)
def test_figures_that_nothing_can_be_reckoned_with_are_damage(
    settings: Settings, wrong: dict[str, Any]
) -> None:
    spoilt, good = make(settings), make(settings)
    rewrite(manifest_of(settings, spoilt), **wrong)
    catalog = read_catalog(settings)
    assert [each.name for each in catalog.backups] == [good.name]
    (told,) = catalog.faults[str(settings.backups_folder)]
    assert f"manifest of backup {spoilt.name} is damaged" in told
