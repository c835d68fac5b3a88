"""Bringing the log to places: all of them, whatever happens to one, and to whoever brings it."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import BackupError, StoreBusy, StoreUnavailable
from jobstore.engines import log_of
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.operations.archiving import (
    Archiver,
    archiving,
    couriers,
    reached,
    restore_at,
    segments,
    ship,
    shipping,
    standing,
    switch_off,
)
from jobstore.operations.archiving.segments import Name, listing
from jobstore.operations.backup import creation
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.backup.trust import new_key
from jobstore.operations.health.archive import archive_lag
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from jobstore.verdicts import Verdict
from tests.fixtures.postings import posting
from tests.operations.archives import path_from
from tests.operations.backups import content, leftovers, new_keys
from tests.operations.buckets import ObjectServer, answering, object_server

pytestmark = pytest.mark.usefixtures("migrated_url")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, "one", "two")


def settings_of(folder: Path, *places: str, **sections: Any) -> Settings:
    """Settings of a store whose log goes to folders beside it, or to object stores."""
    named = [each if "://" in each else str(folder / each) for each in places]
    for each in named:
        if "://" not in each:
            Path(each).mkdir(exist_ok=True)
    backup = {"places": named, **sections.pop("backup", {})}
    given = {"store": {"url": sqlite_url(folder / "jobs.db")}, "backup": backup, **sections}
    return Settings.model_validate(given)


def write(settings: Settings, *numbers: int | str) -> None:
    async def storing() -> None:
        async with jobstore.connect(settings.store.url) as store:
            await store.upsert_many(posting(each) for each in numbers)

    asyncio.run(storing())


def objects(place: Path | str) -> list[Name]:
    return listing(FolderPlace(Path(place) / segments.FOLDER))[0]


def restored(settings: Settings, *, place: Path, folder: Path) -> list[tuple[Any, ...]]:
    """Return what one place gives back, on a machine that has nothing else."""
    folder.mkdir(exist_ok=True)
    elsewhere = Settings.model_validate(
        {
            "store": {"url": sqlite_url(folder / "jobs.db")},
            "backup": {**settings.backup.model_dump(exclude_unset=True), "places": [str(place)]},
        }
    )
    restore_at(elsewhere, None)
    return content(folder / "jobs.db")


def until(found: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until something is so, which takes a moment."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def has_all(settings: Settings) -> bool:
    """Capture, and tell whether every place has it."""
    url = settings.store.address
    mark = log_of(url).capture(url)
    found = standing(settings)
    assert found is not None
    return all((each.generation, each.segment) == mark for each in found.places)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done once a minute is done at once."""
    monkeypatch.setattr(couriers, "_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(shipping, "_BEFORE_AGAIN", 0.05)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Archiver]]:
    """Start archivers that write at once how they stand, and are stopped after the test."""
    monkeypatch.setattr(shipping.standings, "BETWEEN", 0.0)
    # They end when everything is brought, however slow the machine is just now.
    monkeypatch.setattr(shipping, "_LAST", 60.0)
    started: list[Archiver] = []

    def start(settings: Settings, told: Callable[[str], object] | None = None) -> Archiver:
        archiver = Archiver(settings, told=told)
        started.append(archiver)
        archiver.start()
        return archiver

    yield start
    for each in started:
        each.stop(60)


# Once


def test_every_place_gets_the_log_and_a_backup_to_begin_from(
    settings: Settings, tmp_path: Path
) -> None:
    write(settings, 1)
    ship(settings)
    write(settings, 2, 3)
    found = ship(settings)
    write(settings, 4)
    found = ship(settings)
    assert all((e.generation, e.segment) == (found.generation, found.segment) for e in found.places)
    assert not any(each.fault for each in found.places)
    for place in ("one", "two"):
        assert restored(settings, place=tmp_path / place, folder=tmp_path / f"r-{place}") == (
            content(tmp_path / "jobs.db")
        )
    assert not leftovers(settings.state_folder, tmp_path / "one" / "archive", tmp_path / "one")


def test_the_log_is_encrypted_and_signed_as_backups_are(tmp_path: Path) -> None:
    keys = new_keys(tmp_path / "age.key")
    secret = {"recipients": [keys.public], "key": new_key(), "identity_file": keys.file}
    settings = settings_of(tmp_path, "one", backup=secret)
    ship(settings)
    write(settings, "made-up-secret-word")
    ship(settings)
    for each in objects(tmp_path / "one"):
        data = (tmp_path / "one" / "archive" / each.file).read_bytes()
        shipped, _ = segments.parse_header(data)
        assert shipped.signature is not None
        assert shipped.encryption == "age"
        assert b"made-up-secret-word" not in data
    assert restored(settings, place=tmp_path / "one", folder=tmp_path / "r") == content(
        tmp_path / "jobs.db"
    )


def test_the_spool_forgets_what_every_place_has(settings: Settings) -> None:
    for number in range(4):
        write(settings, number)
        ship(settings)
    kept = log_of(settings.store.address).kept(settings.store.address)
    assert kept is not None
    assert [each.number for each in kept.segments] == [kept.mark.segment]


def test_what_a_place_lacks_that_is_away_stays_in_the_spool(
    settings: Settings, tmp_path: Path
) -> None:
    ship(settings)
    (tmp_path / "two").rename(tmp_path / "away")
    for number in range(4):
        write(settings, number)
        found = ship(settings)
    own, one, two = found.places
    assert (own.fault, one.fault) == (None, None)
    assert two.fault is not None
    assert "there is no such folder" in two.fault
    assert two.since is not None
    assert (one.segment, two.segment or 0) == (found.segment, 0)
    kept = log_of(settings.store.address).kept(settings.store.address)
    assert kept is not None
    assert len(kept.segments) == found.segment


def test_a_place_that_was_away_catches_up_in_one_object(settings: Settings, tmp_path: Path) -> None:
    ship(settings)
    (tmp_path / "two").rename(tmp_path / "away")
    for number in range(5):
        write(settings, number)
        ship(settings)
    (tmp_path / "away").rename(tmp_path / "two")
    found = ship(settings)
    assert [(each.first, each.last) for each in objects(tmp_path / "two")] == [(1, found.segment)]
    assert len(objects(tmp_path / "one")) == 5
    assert restored(settings, place=tmp_path / "two", folder=tmp_path / "r") == content(
        tmp_path / "jobs.db"
    )


def test_much_that_is_caught_up_goes_in_several_objects(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(settings)
    (tmp_path / "two").rename(tmp_path / "away")
    for number in range(5):
        write(settings, number)
        ship(settings)
    (tmp_path / "away").rename(tmp_path / "two")
    kept = log_of(settings.store.address).kept(settings.store.address)
    assert kept is not None
    most = kept.segments[0].octets + kept.segments[1].octets
    monkeypatch.setattr(couriers, "MOST_OCTETS", most)
    found = ship(settings)
    names = objects(tmp_path / "two")
    assert 1 < len(names) < 5
    assert path_from(names, found.generation, 0)[-1].last == found.segment


def test_a_place_that_comes_back_empty_gets_everything_again(
    settings: Settings, tmp_path: Path
) -> None:
    for number in range(4):
        write(settings, number)
        ship(settings)
    shutil.rmtree(tmp_path / "two")
    (tmp_path / "two").mkdir()
    write(settings, 5)
    found = ship(settings)
    assert path_from(objects(tmp_path / "two"), found.generation, 0)[-1].last == found.segment
    assert restored(settings, place=tmp_path / "two", folder=tmp_path / "r") == content(
        tmp_path / "jobs.db"
    )


def test_where_pieces_are_gone_everywhere_the_log_gets_a_new_backup_to_begin_from(
    settings: Settings, tmp_path: Path
) -> None:
    for number in range(4):
        write(settings, number)
        found = ship(settings)
    own = settings.backups_folder
    before = {each.name for each in own.glob("*.json")}
    for place in (own, tmp_path / "one", tmp_path / "two"):
        for name in objects(place)[:-1]:
            (place / "archive" / name.file).unlink()
    write(settings, 5)
    found = ship(settings)
    made = {each.name for each in own.glob("*.json")} - before
    assert len(made) == 1
    for name_of_place in ("one", "two"):
        place = tmp_path / name_of_place
        assert made <= {each.name for each in place.glob("*.json")}
        assert restored(settings, place=place, folder=tmp_path / f"r-{name_of_place}") == (
            content(tmp_path / "jobs.db")
        )
    assert not any(each.fault for each in found.places)


def test_a_log_that_had_to_begin_anew_gets_its_backup_and_the_old_one_is_brought_too(
    settings: Settings, tmp_path: Path
) -> None:
    write(settings, 1)
    first = ship(settings)
    write(settings, 2)
    url = settings.store.address
    log_of(url).capture(url)
    # Another program writes to the file itself, and checkpoints.
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as conn:
        conn.execute("UPDATE posting SET company = 'Other' WHERE source_job_id = '1'")
        conn.commit()
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    write(settings, 3)
    found = ship(settings)
    assert found.generation != first.generation
    assert found.broken is None
    assert {each.generation for each in objects(tmp_path / "one")} >= {first.generation}
    for place in ("one", "two"):
        assert restored(settings, place=tmp_path / place, folder=tmp_path / f"r-{place}") == (
            content(tmp_path / "jobs.db")
        )


def test_that_no_backup_can_be_made_is_told_and_tried_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(creation, "pack", refuse)
        found = ship(settings)
    assert found.fault is not None
    assert "No backup that the log can begin from" in found.fault
    assert ship(settings).fault is None


def test_a_full_disk_of_one_place_costs_the_others_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(settings)
    write(settings, 1)
    real = FolderPlace.upload

    def full(self: FolderPlace, file: str, source: Path, progress: Any) -> None:
        if self.folder == tmp_path / "one" / "archive":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, file, source, progress)

    with monkeypatch.context() as patched:
        patched.setattr(FolderPlace, "upload", full)
        own, one, two = ship(settings).places
    assert one.fault is not None
    assert "No space left" in one.fault
    assert (own.fault, two.fault) == (None, None)
    assert own.segment == two.segment == 1
    assert not ship(settings).places[1].fault


def test_it_is_said_where_there_is_no_store_or_no_log(tmp_path: Path) -> None:
    nowhere = Settings.model_validate({"store": {"url": sqlite_url(tmp_path / "none.db")}})
    with pytest.raises(StoreUnavailable):
        ship(nowhere)
    assert standing(nowhere) is None


# What lies in a place may be anything


def test_rubbish_in_a_place_is_told_and_harms_nothing(settings: Settings, tmp_path: Path) -> None:
    first = ship(settings)
    folder = tmp_path / "one" / "archive"
    folder.mkdir(exist_ok=True)
    ahead = segments.name_of("jobs", first.generation, 1, 9_999_999_999)
    fake = segments.name_of("jobs", first.generation, 1, 1)
    (folder / "x.log").write_text("nothing")
    (folder / ahead).write_text("nothing")
    (folder / fake).write_text("nothing")
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe.log")
    (folder / segments.name_of("jobs", "f" * 16, 1, 1)).symlink_to("/etc/passwd")
    write(settings, 1)
    found = ship(settings)
    place = next(each for each in found.places if each.place == str(tmp_path / "one"))
    assert place.segment == found.segment
    told = " ".join(place.warnings)
    assert "x.log is no part of a log" in told
    assert "pieces that there are not yet" in told
    assert f"{fake}: The header of a part of the log is damaged" in told
    assert segments.parse_header((folder / fake).read_bytes())[0].generation == first.generation


def test_what_another_key_signed_does_not_count_as_brought(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "one", backup={"key": new_key()})
    ship(settings)
    write(settings, 1)
    found = ship(settings)
    (name,) = objects(tmp_path / "one")
    file = tmp_path / "one" / "archive" / name.file
    unsigned = settings_of(tmp_path, "one")
    kept = log_of(settings.store.address).kept(settings.store.address)
    assert kept is not None
    file.unlink()
    segments.pack(kept.segments, file, section=unsigned.backup, store="0" * 16)
    found = ship(settings)
    assert segments.parse_header(file.read_bytes())[0].signature is not None
    assert any("holds something else" in each for each in found.places[1].warnings)


# As long as it runs


def test_an_archiver_brings_what_every_process_writes(
    settings: Settings, tmp_path: Path, running: Callable[..., Archiver]
) -> None:
    archiver = running(settings)
    until(lambda: standing(settings) is not None)
    write(settings, *range(50))
    until(lambda: has_all(settings))
    write(settings, 50)
    assert archiver.stop(60)
    # What was acknowledged before the end is brought by it.
    for place in ("one", "two"):
        assert restored(settings, place=tmp_path / place, folder=tmp_path / f"r-{place}") == (
            content(tmp_path / "jobs.db")
        )


async def test_a_program_archives_its_own_store(settings: Settings, tmp_path: Path) -> None:
    async with jobstore.connect(settings.store.url) as store, archiving(settings):
        await store.upsert_many(posting(each) for each in range(10))
    found = await asyncio.to_thread(standing, settings)
    assert found is not None
    assert all(each.segment == found.segment for each in found.places)


@pytest.mark.usefixtures("quick")
def test_a_second_archiver_stands_by_says_so_and_takes_over(
    settings: Settings, running: Callable[..., Archiver]
) -> None:
    first = running(settings)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    told: list[str] = []
    second = running(settings, told.append)
    until(lambda: told)
    assert told == ["Another archiver of this store is at work. This one stands by."]
    until(lambda: (found := standing(settings)) is not None and found.second == os.getpid())
    with pytest.raises(StoreBusy, match="Another archiver"):
        ship(settings)
    assert first.stop(60)
    write(settings, 1)
    until(lambda: has_all(settings))
    assert not second.ended


@pytest.mark.usefixtures("quick")
def test_another_machine_at_the_same_place_is_noticed(
    settings: Settings, tmp_path: Path, running: Callable[..., Archiver]
) -> None:
    running(settings)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    until(lambda: has_all(settings))
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "jobs.db", tmp_path / "copy" / "jobs.db")
    other = Settings.model_validate(
        {
            "store": {"url": sqlite_url(tmp_path / "copy" / "jobs.db")},
            "backup": {"places": [str(tmp_path / "two")]},
        }
    )
    numbers = count()

    def noticed() -> bool:
        write(other, f"other {next(numbers)}")
        ship(other)
        found = standing(settings)
        return found is not None and [each.foreign for each in found.places] == [False, False, True]

    until(noticed)


@pytest.mark.usefixtures("quick")
def test_an_archiver_ends_when_archiving_is_switched_off(
    settings: Settings, running: Callable[..., Archiver], tmp_path: Path
) -> None:
    told: list[str] = []
    archiver = running(settings, told.append)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    switch_off(settings)
    assert archiver.wait(60)
    assert told[-1] == "Archiving of this store was switched off; the archiver ends."
    assert standing(settings) is None
    assert not (tmp_path / "jobs.db-spool").exists()
    # Nobody waits for it or keeps anything from now on.
    write(settings, 1)
    assert standing(settings) is None


@pytest.mark.usefixtures("quick")
def test_a_spool_that_somebody_removed_is_told_and_begins_anew(
    settings: Settings,
    running: Callable[..., Archiver],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shipping, "_BEFORE_AGAIN", 0.05)
    told: list[str] = []
    running(settings, told.append)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    with Spool(tmp_path / "jobs.db").lock(60):
        # Nothing is added to it meanwhile.
        shutil.rmtree(tmp_path / "jobs.db-spool")
    until(lambda: any("jobs.db-spool was removed; the log begins anew" in each for each in told))
    until(lambda: standing(settings) is not None)
    write(settings, 1)
    until(lambda: has_all(settings))


def test_a_record_that_cannot_be_read_keeps_no_archiver_from_beginning(
    settings: Settings, tmp_path: Path
) -> None:
    ship(settings)
    (tmp_path / "jobs.db-spool" / "state").write_text("{")
    ship(settings)
    assert has_all(settings)


@pytest.mark.usefixtures("quick")
def test_a_record_that_is_made_anew_has_writes_wait_again(
    settings: Settings, running: Callable[..., Archiver], tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, "one", archive={"wait": True})
    running(settings)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    (tmp_path / "jobs.db-spool" / "state").write_text("{")

    def waits() -> bool:
        with suppress(StoreUnavailable):
            return (found := standing(settings)) is not None and found.wait
        return False

    until(waits)


def test_that_a_spool_was_removed_is_no_good_health(settings: Settings, tmp_path: Path) -> None:
    ship(settings)
    assert archive_lag(settings).verdict is Verdict.PASS
    shutil.rmtree(tmp_path / "jobs.db-spool")
    assert archive_lag(settings).verdict is not Verdict.PASS
    ship(settings)
    assert archive_lag(settings).verdict is Verdict.PASS
    switch_off(settings)
    assert archive_lag(settings).verdict is Verdict.PASS


def test_what_was_not_there_yet_is_archived_once_it_is(
    tmp_path: Path, running: Callable[..., Archiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "_BEFORE_AGAIN", 0.05)
    told: list[str] = []
    (tmp_path / "jobs.db").rename(tmp_path / "later.db")
    settings = settings_of(tmp_path, "one")
    running(settings, told.append)
    until(lambda: told)
    (tmp_path / "later.db").rename(tmp_path / "jobs.db")
    until(lambda: standing(settings) is not None)
    write(settings, 1)
    until(lambda: has_all(settings))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def in_bucket(address: str) -> dict[str, dict[str, str]]:
    return {
        "s3://silent/x": {
            "endpoint": address, "allow_http": "true", "region": "eu-central-1",
            "access_key_id": "of-a-test", "secret_access_key": "of-a-test",
        }
    }  # fmt: skip


def test_a_place_that_hangs_delays_neither_the_others_nor_the_end(
    tmp_path: Path, silent_server: str, running: Callable[..., Archiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(shipping, "_LAST", 0.5)
    options = {"place_options": in_bucket(silent_server)}
    settings = settings_of(tmp_path, "s3://silent/x", "one", backup=options)
    archiver = running(settings)
    until(lambda: standing(settings) is not None)
    for number in range(3):
        write(settings, number)

        def brought() -> bool:
            found = standing(settings)
            url = settings.store.address
            mark = log_of(url).capture(url)
            assert found is not None
            _, silent, one = found.places
            return (one.generation, one.segment) == mark and silent.segment is None

        until(brought)
    archiver.stop(60)
    assert archiver.ended
    assert restored(settings_of(tmp_path, "one"), place=tmp_path / "one",
                    folder=tmp_path / "r") == content(tmp_path / "jobs.db")  # fmt: skip


def test_a_place_that_refuses_is_told_and_tried_again(
    tmp_path: Path, running: Callable[..., Archiver]
) -> None:
    told: list[str] = []
    with answering(403) as address:
        options = {"place_options": in_bucket(address)}
        settings = settings_of(tmp_path, "s3://silent/x", backup=options)
        running(settings, told.append)
        until(lambda: any("s3://silent/x" in each and "access was denied" in each for each in told))
        until(lambda: standing(settings) is not None)
    found = standing(settings)
    assert found is not None
    assert found.places[0].fault is None


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


def test_object_stores_get_the_log_and_give_it_back(
    server: ObjectServer, tmp_path: Path, running: Callable[..., Archiver]
) -> None:
    server.make("of-the-log")
    address = "s3://of-the-log/deep/er"
    options = {"place_options": {address: server.options()}}
    settings = settings_of(tmp_path, address, backup=options)
    archiver = running(settings)
    until(lambda: standing(settings) is not None)
    for number in range(3):
        write(settings, number)
        until(lambda: has_all(settings))
    assert archiver.stop(60)
    keys = server.keys("of-the-log")
    assert any(each.startswith("deep/er/archive/jobs-") for each in keys)
    (tmp_path / "r").mkdir()
    elsewhere = settings_of(tmp_path / "r", address, backup=options)
    restore_at(elsewhere, None)
    assert content(tmp_path / "r" / "jobs.db") == content(tmp_path / "jobs.db")


# Limits, and clocks


def test_many_pieces_wait_for_no_place_that_is_away(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "_MOST_PIECES", 3)
    ship(settings)
    (tmp_path / "two").rename(tmp_path / "away")
    for number in range(6):
        write(settings, number)
        ship(settings)
    kept = log_of(settings.store.address).kept(settings.store.address)
    assert kept is not None
    assert len(kept.segments) <= 4
    (tmp_path / "away").rename(tmp_path / "two")
    found = ship(settings)
    assert path_from(objects(tmp_path / "two"), found.generation, 0)[-1].last == found.segment
    assert restored(settings, place=tmp_path / "two", folder=tmp_path / "r") == content(
        tmp_path / "jobs.db"
    )


def test_more_than_half_of_the_room_waits_for_no_place_that_is_away(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "one", "two", archive={"limit_mib": 1})
    ship(settings)
    (tmp_path / "two").rename(tmp_path / "away")
    first = standing(settings)
    assert first is not None
    for number in range(30):
        write(settings, *(f"{number} {each}" for each in range(20)))
        found = ship(settings)
    assert found.generation == first.generation
    assert found.octets < found.limit
    (tmp_path / "away").rename(tmp_path / "two")
    found = ship(settings)
    # What the spool had to forget comes from the folder of the store's own backups.
    assert path_from(objects(tmp_path / "two"), found.generation, 0)[-1].last == found.segment
    assert restored(settings, place=tmp_path / "two", folder=tmp_path / "r") == content(
        tmp_path / "jobs.db"
    )


def test_a_wrong_clock_of_the_archiver_changes_nothing_but_what_is_told(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(settings)
    real = time.time
    for shift in (-86_400 * 400, 86_400 * 400, 0):
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda shift=shift: real() + shift)
            write(settings, f"at {shift}")
            ship(settings)
    assert restored(settings, place=tmp_path / "two", folder=tmp_path / "r") == content(
        tmp_path / "jobs.db"
    )


def test_what_stands_in_the_file_of_how_it_stands_does_not_matter(settings: Settings) -> None:
    ship(settings)
    file = settings.state_folder / "archive.json"
    for rubbish in (b"", b"[]", b"{", b'{"places": 1}', b'{"places": [1]}', b"\xff", b"[" * 9999):
        file.write_bytes(rubbish)
        found = standing(settings)
        assert found is not None
        assert [each.until for each in found.places] == [None] * 3
    assert ship(settings).lag is not None


def test_threads_of_an_archiver_end_with_it(
    settings: Settings, running: Callable[..., Archiver]
) -> None:
    before = {*threading.enumerate()}
    archiver = running(settings)
    until(lambda: standing(settings) is not None)
    assert archiver.stop(60)
    until(lambda: {*threading.enumerate()} <= before)


def test_what_cannot_be_read_from_a_place_is_an_error_of_ours(settings: Settings) -> None:
    with pytest.raises(BackupError):
        segments.header(
            FolderPlace(settings.backups_folder), Name("jobs", "f" * 16, 1, 1, "none.log")
        )
