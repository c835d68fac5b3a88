"""What somebody who may write to a place puts there: it is told, and hides nothing that is good."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jobstore import BackupError, StorageFull, migrating, scratch
from jobstore.engines.sqlite.upkeep.content import fits
from jobstore.operations import backup
from jobstore.operations.backup import creation, places, restore_tests, retention, verification
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.manifest import MOST_OCTETS, Manifest, parse_manifest
from jobstore.operations.backup.packing import unpack
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.backup.restoring import restore
from jobstore.progress import silent
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.operations.backups import (
    data_of,
    flip,
    leftovers,
    make,
    manifest_of,
    repack,
    rewrite,
    settings_for,
)
from tests.operations.damaging import fill, tamper


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    """The settings of a store with some postings."""
    fill(migrated_url)
    return settings_for(tmp_path)


def absurd(settings: Settings, manifest: Manifest) -> None:
    rewrite(manifest_of(settings, manifest), database_size=2**62)


def foreign(settings: Settings, manifest: Manifest) -> None:
    repack(
        settings,
        manifest,
        "CREATE TRIGGER t AFTER INSERT ON _yoyo_log BEGIN DELETE FROM posting; END",
    )


def pipe(settings: Settings, manifest: Manifest) -> None:
    data_of(settings, manifest).unlink()
    os.mkfifo(data_of(settings, manifest))


def no_time(settings: Settings, manifest: Manifest) -> None:
    repack(settings, manifest, "UPDATE _yoyo_migration SET applied_at_utc = x'00'")


@pytest.mark.parametrize(
    "spoil", [absurd, foreign, pipe, no_time, lambda s, m: flip(data_of(s, m))]
)
def test_a_bad_newest_backup_hides_no_good_one(
    settings: Settings, tmp_path: Path, spoil: Callable[[Settings, Manifest], None]
) -> None:
    good, bad = make(settings), make(settings)
    spoil(settings, bad)

    told = verification.verify(settings)
    assert [each.backup for each in told if each.ok] == [good.name]
    assert [each.error for each in told if each.error and bad.name in each.error]
    everything = verification.verify(settings, every=True)
    assert [each.backup for each in everything if each.ok] == [good.name]
    done = restore_tests.run_restore_test(settings)
    assert (done.ok, done.backup) == (True, good.name)
    assert backup.last_restore_test(settings) == done
    restored = restore(settings, to=sqlite_url(tmp_path / "new.db"))
    assert restored.backup == good.name
    assert any(bad.name in fault for fault in (*restored.faults, *restored.warnings))
    assert leftovers(tmp_path, settings.backups_folder) == []
    assert backup.last_backup(settings).manifest is not None
    (pruned,) = retention.prune(settings, keep=[good.name])
    assert good.name in pruned.kept


def test_where_places_differ_over_a_backup_each_of_them_is_tried(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()
    settings = settings_for(tmp_path, places=[str(tmp_path / "near"), str(tmp_path / "far")])
    manifest = make(settings)
    shutil.rmtree(settings.backups_folder)
    rewrite(tmp_path / "near" / f"{manifest.name}.json", digest="0" * 64)

    assert restore(settings, to=sqlite_url(tmp_path / "1.db")).place == str(tmp_path / "far")
    named = restore(settings, name=manifest.name, to=sqlite_url(tmp_path / "2.db"))
    assert named.place == str(tmp_path / "far")
    assert "holds other digest" in " ".join(named.faults)
    told = verification.verify(settings)
    assert [each.place for each in told if each.ok] == [str(tmp_path / "far")]


def plant(path: Path, kind: str) -> None:
    """Put something there that is no plain file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with closing(socket.socket(socket.AF_UNIX)) as listening:
            here = Path.cwd()
            os.chdir(path.parent)
            try:
                listening.bind(path.name)
            finally:
                os.chdir(here)
    elif kind == "link":
        path.symlink_to(path.with_name("elsewhere"))
        path.with_name("elsewhere").write_bytes(b"")
    elif kind == "link to a pipe":
        os.mkfifo(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
    else:
        path.mkdir()


KINDS = ["pipe", "socket", "link", "link to a pipe", "folder"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(120)
def test_what_is_no_file_is_never_waited_for(settings: Settings, tmp_path: Path, kind: str) -> None:
    good = make(settings)
    (tmp_path / "a").mkdir()
    names = [".jobstore-scratch-x", "other.json", "other.unfinished", "other.db.zst"]
    for folder in (settings.backups_folder, tmp_path / "a"):
        for name in names:
            plant(folder / name, kind) if kind != "link to a pipe" else None
            (folder / "elsewhere").unlink(missing_ok=True)
    if kind == "link to a pipe":
        plant(settings.backups_folder / ".jobstore-scratch-x", kind)

    assert restore(settings, to=sqlite_url(tmp_path / "a" / "new.db")).backup == good.name
    assert restore_tests.run_restore_test(settings).ok
    assert [each.ok for each in verification.verify(settings)] == [True]
    made = make(settings)
    assert made.name in [each.name for each in read_catalog(settings).backups]
    retention.prune(settings)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(120)
def test_only_plain_files_are_opened(tmp_path: Path, kind: str) -> None:
    plant(tmp_path / "x", kind)
    for look in (
        lambda: scratch.open_regular(tmp_path / "x"),
        lambda: FolderPlace(tmp_path).read("x"),
        lambda: FolderPlace(tmp_path).measure("x", silent),
    ):
        with pytest.raises(BackupError, match="is not a plain file|Cannot work in"):
            look()
    assert "x" not in FolderPlace(tmp_path).sizes()


def test_a_device_is_no_file() -> None:
    with pytest.raises(BackupError, match="/dev/zero is not a plain file"):
        scratch.open_regular(Path("/dev/zero"))


def bomb(settings: Settings, manifest: Manifest, size: int, *, honest: bool) -> None:
    """Let a backup unpack to so many zeros; what it begins with says so too if it is honest."""
    header = bytearray(100)
    header[:16] = b"SQLite format 3\0"
    header[16:18] = (32768).to_bytes(2)
    pages = size // 32768 if honest else 1
    header[28:32] = pages.to_bytes(4)
    packed = zstandard.ZstdCompressor().compress(bytes(header) + bytes(size - 100))
    data_of(settings, manifest).write_bytes(packed)
    rewrite(
        manifest_of(settings, manifest),
        size=len(packed),
        sha256=hashlib.sha256(packed).hexdigest(),
        database_size=size,
    )


SIZE = 64 * 1024**2


def test_a_bomb_is_stopped_at_its_first_block(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = make(settings)
    bomb(settings, manifest, SIZE, honest=False)
    most = watch_size(monkeypatch, settings.backups_folder)
    (told,) = verification.verify(settings)
    assert "no database of the size that its manifest says" in str(told.error)
    assert most() < 1024**2
    assert leftovers(settings.backups_folder) == []


def watch_size(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[[], int]:
    """Return what tells how large an unpacked database became."""
    sizes = [0]
    check = verification.unpack

    def watched(stored: Path, target: Path, *arguments: Any, **named: Any) -> None:
        try:
            check(stored, target, *arguments, **named)
        finally:
            sizes.append(target.stat().st_size)

    monkeypatch.setattr(verification, "unpack", watched)
    return lambda: max(sizes)


def test_a_bomb_leaves_room_for_the_live_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manifest = make(settings)
    bomb(settings, manifest, SIZE, honest=True)
    most = watch_size(monkeypatch, settings.backups_folder)
    # The disk has room when it begins, and others fill it meanwhile.
    free = iter([SIZE * 3, 80 * 1024**2, 70 * 1024**2])

    def usage(folder: Path) -> SimpleNamespace:
        return SimpleNamespace(free=next(free, 63 * 1024**2), total=2**40)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(StorageFull, match=r"63\.0 MiB free and this needs 64\.0 MiB"):
        restore(settings, to=sqlite_url(tmp_path / "new.db"))
    assert 0 < most() < SIZE // 2
    assert leftovers(settings.backups_folder, tmp_path) == []
    assert not (tmp_path / "new.db").exists()


def test_more_than_was_claimed_is_not_written(settings: Settings, tmp_path: Path) -> None:
    manifest = make(settings)
    plain = zstandard.ZstdDecompressor().decompress(data_of(settings, manifest).read_bytes())
    packed = zstandard.ZstdCompressor().compress(plain + bytes(SIZE))
    data_of(settings, manifest).write_bytes(packed)
    sha256 = hashlib.sha256(packed).hexdigest()
    rewrite(manifest_of(settings, manifest), size=len(packed), sha256=sha256)
    (told,) = verification.verify(settings)
    assert "is longer than it says" in str(told.error)


def test_what_is_changed_between_measuring_and_unpacking_is_noticed(
    settings: Settings, tmp_path: Path
) -> None:
    manifest = make(settings)
    data = data_of(settings, manifest)
    plain = zstandard.ZstdDecompressor().decompress(data.read_bytes())
    data.write_bytes(zstandard.ZstdCompressor(level=1).compress(plain))
    with pytest.raises(BackupError, match="was changed while it was read"):
        unpack(data, tmp_path / "x.db", manifest.promise, fits=fits, identities=[], progress=silent)


def test_a_file_that_grows_is_not_read_for_ever(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(2**40)
    read: list[int] = []
    place = FolderPlace(tmp_path)
    found = place.measure("x", lambda step, done, total: read.append(done), 100)
    assert found.size > 100
    assert len(read) == 1


FOREIGN = {
    "a trigger": ["CREATE TRIGGER t AFTER UPDATE ON posting BEGIN SELECT 1; END"],
    "a trigger on the record": ["CREATE TRIGGER t AFTER INSERT ON _yoyo_log BEGIN SELECT 1; END"],
    "a view": ["CREATE VIEW v AS SELECT 1 AS x"],
    "a table": ["CREATE TABLE t (x)"],
    "a virtual table": ["CREATE VIRTUAL TABLE t USING fts5(x)"],
    "another view": ["DROP VIEW postings", "CREATE VIEW postings AS SELECT 1 AS id"],
    "a column": ["ALTER TABLE posting ADD COLUMN x ANY DEFAULT 1"],
    "a view less": ["DROP VIEW postings"],
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_migrations_did_not_make_is_refused_unless_told(
    settings: Settings, tmp_path: Path, what: str
) -> None:
    tamper(tmp_path / "jobs.db", *FOREIGN[what])
    manifest = make(settings)
    (told,) = verification.verify(settings)
    assert "its migrations did not make, or lacks some; if they are your own" in str(told.error)
    assert not restore_tests.run_restore_test(settings).ok
    new = sqlite_url(tmp_path / "new.db")
    with pytest.raises(BackupError, match="add --accept foreign"):
        restore(settings, to=new)
    assert [each.ok for each in verification.verify(settings, accept=["foreign"])] == [True]
    assert restore(settings, to=new, accept=["foreign"]).backup == manifest.name


def test_an_index_more_and_statistics_are_no_harm(settings: Settings, tmp_path: Path) -> None:
    tamper(tmp_path / "jobs.db", "CREATE INDEX mine ON posting (company)", "ANALYZE")
    make(settings)
    assert [each.ok for each in verification.verify(settings)] == [True]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_older_schema_restores(tmp_path: Path, number: int) -> None:
    settings = settings_for(tmp_path)
    migrating.up(settings.store.url, f"{number:04}")
    there = make(settings)
    migrating.up(settings.store.url)
    migrating.down(settings.store.url, f"{number:04}")
    back = make(settings)
    assert there.migrations == back.migrations
    assert [each.ok for each in verification.verify(settings, every=True)] == [True] * 2


def test_a_backup_that_cannot_be_removed_stops_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make(settings) for _ in range(3)]
    for day, each in enumerate(made, 1):
        rewrite(manifest_of(settings, each), created_at=f"2026-03-{day:02}T12:00:00Z")
    delete = FolderPlace.delete

    def stuck(place: FolderPlace, file: str) -> None:
        if file == made[0].file:
            raise BackupError("it is stuck")
        delete(place, file)

    monkeypatch.setattr(places.FolderPlace, "delete", stuck)
    section = settings.backup.model_copy(update={"daily": 1, "weekly": 0, "monthly": 0})
    (pruned,) = retention.prune(settings.model_copy(update={"backup": section}))
    assert pruned.error == "it is stuck"
    assert pruned.removed == (made[1].name,)


def test_a_reason_is_bounded_and_may_be_no_text(settings: Settings) -> None:
    with pytest.raises(BackupError, match="longer than 1,000 characters"):
        creation.create(settings, reason="x" * 1001)
    assert make(settings, "caf\udce9").reason == "caf?"


def test_names_that_are_none_of_ours_are_left_alone(settings: Settings) -> None:
    make(settings)
    for name in ("a b.json", "\x1b[2J.json", f"{'x' * 220}.json", "..json", "a b.unfinished"):
        (settings.backups_folder / name).write_text("{}")
    assert read_catalog(settings).faults == {}
    make(settings)


def test_a_name_that_is_too_long_for_a_file_is_no_backup(settings: Settings) -> None:
    make(settings)
    with pytest.raises(BackupError, match="no backup called"):
        restore(settings, name="x" * 5000, replace=True)


def whole() -> dict[str, Any]:
    """Return a manifest that is right."""
    return {
        "format": 1,
        "name": "n",
        "created_at": "2026-03-01T12:00:00Z",
        "reason": "manual",
        "jobstore": "1.0",
        "store": "0" * 16,
        "migrations": ["0001.postings"],
        "tables": {"posting": 3},
        "digest": "0" * 64,
        "database_size": 4096,
        "compression": "zstd",
        "encryption": None,
        "size": 100,
        "sha256": "0" * 64,
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def parsed_or_refused(data: bytes) -> None:
    """See that a manifest is refused in words, or is one that everything can be done with."""
    try:
        manifest = parse_manifest(data, "n")
    except BackupError:
        return
    assert manifest.name == "n"
    assert 0 <= manifest.size <= manifest.database_size + manifest.database_size // 64 + 2**20
    assert len(manifest.reason) <= 1000
    assert parse_manifest(manifest.to_bytes(), "n") == manifest


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8")))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    parsed_or_refused(data)


@given(
    st.dictionaries(st.sampled_from([*whole(), "counter", "signature", "more"]), json_values),
    st.sets(st.sampled_from([*whole()]), max_size=2),
)
def test_any_field_of_a_manifest_is_taken_or_refused(
    changes: dict[str, Any], missing: set[str]
) -> None:
    fields = {name: value for name, value in (whole() | changes).items() if name not in missing}
    parsed_or_refused(json.dumps(fields).encode())


@given(st.data())
def test_a_manifest_with_changed_bytes_is_taken_or_refused(data: st.DataObject) -> None:
    text = bytearray(json.dumps(whole()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    parsed_or_refused(bytes(text))


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"size": 2**30},
        {"size": -1},
        {"size": True},
        {"size": 1.5},
        {"size": "100"},
        {"database_size": 2**63},
        {"tables": {"t": 2**64}},
        {"tables": {f"t{n}": 1 for n in range(1001)}},
        {"migrations": ["x" * 201]},
        {"migrations": ["x"] * 1001},
        {"reason": "x" * 1001},
        {"store": "x" * 201},
        {"name": "n\n"},
        {"created_at": 1},
        {"created_at": "2026-03-01T12:00:00"},
        {"counter": -1},
        {"signature": "x"},
        {"compression": "none"},
    ],
)
def test_what_no_backup_can_be_is_refused(change: dict[str, Any]) -> None:
    parse_manifest(json.dumps(whole()).encode(), "n")
    with pytest.raises(BackupError, match="damaged"):
        parse_manifest(json.dumps(whole() | change).encode(), "n")


def test_a_manifest_that_says_two_things_or_too_much_is_refused() -> None:
    text = json.dumps(whole())
    for data in (
        text.replace('{"format"', '{"size": 1, "format"', 1),
        text.replace('"posting": 3', '"posting": 3, "posting": 4'),
        text + " " * MOST_OCTETS,
        text.replace('"manual"', "[" * 100_000 + "]" * 100_000),
        text.replace("100", "1" * 100_000),
        text.replace("100", "1e999"),
        text.replace("100", "NaN"),
    ):
        with pytest.raises(BackupError, match="damaged"):
            parse_manifest(data.encode(), "n")


def test_secret_random_rubbish_in_the_data_is_told(settings: Settings) -> None:
    manifest = make(settings)
    rubbish = secrets.token_bytes(5000)
    data_of(settings, manifest).write_bytes(rubbish)
    sha256 = hashlib.sha256(rubbish).hexdigest()
    rewrite(manifest_of(settings, manifest), size=5000, sha256=sha256)
    (told,) = verification.verify(settings)
    assert "is damaged; use another copy" in str(told.error)


def test_values_that_nothing_expects_inside_are_told(settings: Settings) -> None:
    manifest = make(settings)
    repack(settings, manifest, "UPDATE _yoyo_migration SET applied_at_utc = x'00'")
    (told,) = verification.verify(settings)
    assert manifest.name in str(told.error)
