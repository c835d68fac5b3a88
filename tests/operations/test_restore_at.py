"""Stores come back as they were at any second, from backups and the log."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobstore import BackupError
from jobstore.engines import log_of
from jobstore.engines.log import Mark
from jobstore.operations import archiving
from jobstore.operations.archiving import retention, segments
from jobstore.operations.archiving.finding import Archived
from jobstore.operations.archiving.restoring import told
from jobstore.operations.backup import last_restore_test
from jobstore.operations.backup.catalog import open_places, read_catalog
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.restoring import Restored
from jobstore.settings import sqlite_url
from tests.contract.cli.commands import answer, run, said, shown
from tests.fixtures.checks import check_file
from tests.operations.archives import History
from tests.operations.backups import (
    content,
    leftovers,
    manifest_of,
    new_keys,
    rewrite,
    settings_for,
)

KEY = f"jobstore-key-{'5' * 64}"


@pytest.fixture(scope="module")
def told_once(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A history of two generations, shipped to the store's folder and to a place."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "far").mkdir()
    history = History(settings_for(folder, places=[str(folder / "far")]))
    history.begin()
    history.write("zero")
    history.back_up("first")
    history.moment("first backup")
    for number in range(3):
        history.write(number, name="three")
        history.ship(places=(0, 1))
    history.back_up("second")
    history.write(3, 4, name="end of the first")
    history.write("last of the first")
    history.ship(places=(0, 1))
    history.disturb()
    history.write("between", name="between")
    history.ship(places=(0, 1))
    history.back_up("third")
    history.moment("begin of the second")
    history.write(5, name="end")
    history.write("last")
    history.ship(places=(0, 1))
    return history


@pytest.fixture
def history(told_once: History, tmp_path: Path) -> History:
    """The same, for a test of its own, after the machine with the store was lost."""
    settings = settings_for(tmp_path, places=[str(tmp_path / "far")])
    shutil.copytree(told_once.settings.backups_folder, settings.backups_folder)
    shutil.copytree(told_once.path.parent / "far", tmp_path / "far")
    return replace(told_once, settings=settings)


def back(history: History, second: int | None, target: Path, **options: Any) -> Restored:
    return archiving.restore_at(history.settings, second, to=sqlite_url(target), **options)


def objects(history: History, *places: int) -> list[Path]:
    """The objects of the log in places, by their number in the settings."""
    folders = [Path(open_places(history.settings)[each].name) for each in places or (0, 1)]
    return sorted(file for each in folders for file in (each / segments.FOLDER).iterdir())


def spoil(file: Path) -> None:
    """Change the last byte of an object."""
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def named(history: History, reason: str) -> Manifest:
    """The backup that was made for that reason."""
    (found,) = [
        each.manifest
        for each in read_catalog(history.settings).backups
        if each.manifest.reason == reason
    ]
    return found


def test_every_second_that_the_log_has_comes_back(history: History, tmp_path: Path) -> None:
    assert [named(history, each).log is not None for each in ("first", "second", "third")] == [
        *(True, True, True)
    ]
    wanted = {
        second: state
        for second, state in history.states.items()
        if history.moments["first backup"] <= second <= history.moments["end of the first"]
        or history.moments["begin of the second"] <= second <= history.moments["end"]
    }
    assert len(wanted) == 7
    for second, expected in wanted.items():
        target = tmp_path / f"{second}.db"
        done = back(history, second, target)
        assert done.as_of == datetime.fromtimestamp(second, UTC)
        assert (done.faults, done.warnings, done.saved) == ((), (), None)
        assert content(target) == expected
        check_file(target)
        with closing(sqlite3.connect(target)) as conn:
            assert conn.execute("SELECT count(*) FROM posting").fetchone() == (done.postings,)
    newest = back(history, None, tmp_path / "latest.db")
    assert content(tmp_path / "latest.db") == history.states[max(history.states)]
    assert newest.backup == named(history, "third").name
    assert newest.as_of is not None
    assert newest.as_of.timestamp() <= time.time()
    assert leftovers(tmp_path, history.settings.backups_folder) == []


@pytest.mark.parametrize("left", [0, 1])
def test_one_place_is_enough(history: History, tmp_path: Path, left: int) -> None:
    for file in objects(history, 1 - left):
        file.unlink()
    second = history.moments["end of the first"]
    back(history, second, tmp_path / "then.db")
    assert content(tmp_path / "then.db") == history.states[second]


def test_a_copy_that_is_not_good_is_told_and_another_is_taken(
    history: History, tmp_path: Path
) -> None:
    for file in objects(history, 0)[:2]:
        spoil(file)
    objects(history, 1)[2].unlink()
    faults = []
    for second in (history.moments["three"], history.moments["end"]):
        faults += back(history, second, tmp_path / f"{second}.db").faults
        assert content(tmp_path / f"{second}.db") == history.states[second]
    assert any("damaged" in each or "differs" in each for each in faults)


def test_what_lies_behind_a_piece_that_is_good_nowhere_begins_with_the_next_backup(
    history: History, tmp_path: Path
) -> None:
    # The second of the three objects between the first backup and the second one.
    generation = named(history, "first").log
    assert generation is not None
    files = [each for each in objects(history) if generation.generation in each.name]
    second_ones = [each for each in files if each.name == sorted({f.name for f in files})[1]]
    for file in second_ones:
        spoil(file)
    with pytest.raises(BackupError, match="is damaged.*nearest moments that can be had") as raised:
        back(history, history.moments["three"], tmp_path / "not.db")
    assert not (tmp_path / "not.db").exists()
    assert told(history.moments["first backup"] + 1)[:10] in str(raised.value)
    end = history.moments["end of the first"]
    assert content_at(history, end, tmp_path) == history.states[end]
    first = history.moments["first backup"]
    assert content_at(history, first, tmp_path) == history.states[first]


def content_at(history: History, second: int, folder: Path) -> Any:
    target = folder / f"at-{second}.db"
    back(history, second, target)
    return content(target)


def test_a_moment_that_cannot_be_had_is_told_with_those_that_can(
    history: History, tmp_path: Path
) -> None:
    def refusal(second: int | None) -> str:
        with pytest.raises(BackupError) as raised:
            back(history, second, tmp_path / "not.db")
        assert not (tmp_path / "not.db").exists()
        return str(raised.value)

    first = history.moments["first backup"]
    before = refusal(first - 3600)
    assert f"The log does not reach {told(first - 3600)}" in before
    assert "(after it)" in before
    assert "(before it)" not in before
    between = refusal(history.moments["between"])
    assert "(before it)" in between
    assert "(after it)" in between
    after = refusal(int(time.time()))
    assert "--at latest gives the newest there is" in after
    assert "(after it)" not in after
    assert "is in the future" in refusal(int(time.time()) + 3600)
    # Each that is named can be had.
    for text in (before, between, after):
        for word in re.findall(r"(20\S+Z) \((?:before|after) it", text):
            target = tmp_path / f"{time.monotonic_ns()}.db"
            back(history, int(datetime.fromisoformat(word).timestamp()), target)
            assert target.exists()


def test_without_any_log_it_is_the_newest_backup_until_then(
    migrated_url: str, tmp_path: Path
) -> None:
    history = History(settings_for(tmp_path))
    made = history.back_up()
    second = history.write("later")
    done = back(history, second, tmp_path / "then.db")
    assert (done.backup, done.as_of) == (made.name, None)
    assert done.warnings[0].startswith("No log of the store was kept")
    with pytest.raises(BackupError, match="no backup old enough, and no log was kept"):
        back(history, second - 3600, tmp_path / "not.db")
    assert made.log is None
    assert b'"log"' not in manifest_of(history.settings, made).read_bytes()


def test_the_newest_is_a_backup_where_archiving_ended_before_it(
    history: History, tmp_path: Path
) -> None:
    third = named(history, "third")
    later = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    for place in open_places(history.settings):
        file = Path(place.name) / f"{third.name}.json"
        without = {k: v for k, v in json.loads(file.read_text()).items() if k != "log"}
        file.write_text(json.dumps(without | {"created_at": later}))
    done = back(history, None, tmp_path / "newest.db")
    assert (done.backup, done.as_of) == (third.name, None)
    assert any("No log of the store was kept then" in each for each in done.warnings)


def test_a_part_of_the_log_without_its_backup_is_told(history: History, tmp_path: Path) -> None:
    third = named(history, "third")
    for place in open_places(history.settings):
        (Path(place.name) / f"{third.name}.json").unlink()
    done = back(history, None, tmp_path / "newest.db")
    assert done.backup == named(history, "second").name
    assert any("so it cannot be used" in each for each in done.warnings)


def test_the_spool_of_this_machine_is_as_good_as_a_place(tmp_path: Path) -> None:
    history = History(settings_for(tmp_path))
    history.begin()
    history.write("zero")
    history.back_up()
    history.moment("begin")
    history.write(1)
    history.ship()
    second = history.write(2)
    history.write(3)
    # Nothing was shipped of the last two, and nothing is written since.
    assert content_at(history, second, tmp_path) == history.states[second]
    time.sleep(1.1)
    now = int(time.time())
    assert content_at(history, now, tmp_path) == history.states[max(history.states)]
    # The store is lost, and its spool is not.
    for file in tmp_path.glob("jobs.db*"):
        if file.is_file():
            file.unlink()
    done = archiving.restore_at(history.settings, None)
    assert content(history.path) == history.states[max(history.states)]
    assert done.path == history.path


def test_damage_in_the_spool_is_told_and_what_was_shipped_is_taken(tmp_path: Path) -> None:
    history = History(settings_for(tmp_path))
    history.begin()
    history.write("zero")
    history.back_up()
    second = history.write(1)
    history.ship()
    history.write(2)
    history.ship()
    history.write(3)
    kept = log_of(history.settings.store.address).kept(history.settings.store.address)
    assert kept is not None
    spoilt = kept.segments[-2]
    data = bytearray(spoilt.path.read_bytes())
    data[len(data) // 2] ^= 1
    spoilt.path.write_bytes(data)
    done = back(history, second, tmp_path / "then.db")
    assert content(tmp_path / "then.db") == history.states[second]
    done = back(history, None, tmp_path / "newest.db")
    assert content(tmp_path / "newest.db") == history.states[max(history.states)]
    assert len(done.faults) == 1


def test_what_the_agent_releases_during_a_restore_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far").mkdir()
    history = History(settings_for(tmp_path, places=[str(tmp_path / "far")]))
    history.begin()
    history.write("zero")
    history.back_up()
    history.write(1)
    history.ship(places=(0, 1))
    second = history.write(2)
    history.ship(places=(0, 1))
    history.write(3)
    url = history.settings.store.address
    unpacked = Archived._unpacked

    def released_first(self: Archived, copy: Any, folder: Path) -> list[Path]:
        kept = log_of(url).kept(url)
        assert kept is not None
        if len(kept.segments) > 1:
            last = kept.segments[-2]
            log_of(url).release(url, Mark(last.generation, last.number))
        return unpacked(self, copy, folder)

    monkeypatch.setattr(Archived, "_unpacked", released_first)
    done = back(history, second, tmp_path / "then.db")
    assert content(tmp_path / "then.db") == history.states[second]
    assert done.faults == ()


def test_a_store_is_put_back_in_its_place_after_a_backup_of_it(tmp_path: Path) -> None:
    history = History(settings_for(tmp_path))
    history.begin()
    history.write("zero")
    history.back_up()
    second = history.write("good")
    history.write("bad")
    done = archiving.restore_at(history.settings, second, replace=True)
    assert content(history.path) == history.states[second]
    assert done.saved is not None
    # What was replaced can be had as well, and the log goes on with a generation of its own.
    mark = log_of(history.settings.store.address).capture(history.settings.store.address)
    (first, *_) = [e for e in read_catalog(history.settings).backups if e.manifest.log]
    assert first.manifest.log is not None
    assert mark.generation != first.manifest.log.generation


def test_where_a_clock_was_set_back_the_later_time_is_meant(
    history: History, tmp_path: Path
) -> None:
    third, second = named(history, "third"), named(history, "second")
    assert second.log is not None
    # By its own clock the first generation went on for an hour, and had its backup later.
    for place in open_places(history.settings):
        created = (third.created_at + timedelta(seconds=0.1)).isoformat()
        rewrite(Path(place.name) / f"{second.name}.json", created_at=created)
        folder = Path(place.name) / segments.FOLDER
        last = max(each for each in folder.iterdir() if second.log.generation in each.name)
        header, _, payload = last.read_bytes().partition(b"\n")
        changed = json.loads(header) | {"captured_at": time.time() + 3600}
        last.write_bytes(json.dumps(changed).encode() + b"\n" + payload)
    end = history.moments["end"]
    done = back(history, end, tmp_path / "then.db")
    assert done.backup == third.name
    assert content(tmp_path / "then.db") == history.states[end]
    assert any("twice" in each for each in done.warnings)


def test_joined_objects_give_the_same(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_MOST", 1)
    monkeypatch.setattr(retention, "_LEFT", 1)
    # Whose they are is known from the store, which is there.
    back(history, None, history.path)
    before = len(objects(history))
    for done in archiving.tidy_all(history.settings):
        assert done.error is None
        assert done.joined
    assert len(objects(history)) < before
    for name in ("three", "end of the first", "end"):
        second = history.moments[name]
        assert content_at(history, second, tmp_path) == history.states[second]


def test_what_is_not_signed_or_encrypted_is_refused_as_backups_are(
    history: History, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path / "keys")
    strict = settings_for(
        tmp_path,
        places=[str(tmp_path / "far")],
        key=KEY,
        recipients=[keys.public],
        identity_file=keys.file,
    )
    wary = replace(history, settings=strict)
    second = history.moments["three"]
    with pytest.raises(BackupError, match="--accept unsigned"):
        back(wary, second, tmp_path / "not.db")
    with pytest.raises(BackupError, match="--accept unencrypted"):
        back(wary, second, tmp_path / "not.db", accept=["unsigned"])
    assert not (tmp_path / "not.db").exists()
    done = back(wary, second, tmp_path / "then.db", accept=["unsigned", "unencrypted"])
    assert content(tmp_path / "then.db") == history.states[second]
    assert done.faults == ()


def test_a_signed_and_encrypted_log_comes_back_with_its_keys_alone(tmp_path: Path) -> None:
    keys = new_keys(tmp_path / "keys")
    history = History(settings_for(tmp_path, key=KEY, recipients=[keys.public]))
    history.begin()
    history.write("zero")
    history.back_up()
    second = history.write(1)
    history.write(2)
    history.ship()
    lost = tmp_path / "lost"
    lost.mkdir()
    shutil.move(history.settings.backups_folder, lost / "backups")
    without = settings_for(lost, folder=lost / "backups", key=KEY, recipients=[keys.public])
    with pytest.raises(BackupError, match="identity"):
        back(replace(history, settings=without), None, tmp_path / "not.db")
    sealed = settings_for(
        lost, folder=lost / "backups", key=KEY, recipients=[keys.public], identity_file=keys.file
    )
    back(replace(history, settings=sealed), second, tmp_path / "then.db")
    assert content(tmp_path / "then.db") == history.states[second]
    forged = [*(lost / "backups" / segments.FOLDER).iterdir()]
    header, _, payload = forged[-1].read_bytes().partition(b"\n")
    changed = json.dumps(json.loads(header) | {"stamp": 1}).encode()
    forged[-1].write_bytes(changed + b"\n" + payload)
    with pytest.raises(BackupError, match="signed with another key, or changed"):
        back(replace(history, settings=sealed), second, tmp_path / "not.db")


def test_the_command(history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSTORE_URL", history.url)
    monkeypatch.setenv("JOBSTORE_BACKUP__PLACES", json.dumps([str(tmp_path / "far")]))
    second = history.moments["three"]
    moment = told(second)
    fraction = moment.replace("Z", ".75")
    result = run("restore", "--to", str(tmp_path / "then.db"), "--at", fraction)
    assert result.exit_code == 0
    assert f"{moment} is taken" in said(result)
    assert f"4 postings as of {moment[:10]} {moment[11:19]} UTC" in shown(result)
    assert "and the log" in shown(result)
    assert content(tmp_path / "then.db") == history.states[second]
    newest = answer("restore", "--to", str(tmp_path / "newest.db"), "--at", "latest")
    assert newest["backup"] == named(history, "third").name
    assert newest["as_of"] >= moment
    ago = int(time.time()) - second
    again = answer("restore", "--to", str(tmp_path / "ago.db"), "--at", f"{ago} seconds ago")
    # The command begins later than it was asked for.
    late = datetime.fromisoformat(again["as_of"]) - datetime.fromisoformat(moment)
    assert timedelta(0) <= late < timedelta(seconds=60)
    for text in ("yesterday", "10 minutes", "2026-13-01", "0001-01-01", "9 fortnights ago"):
        wrong = run("restore", "--to", str(tmp_path / "no.db"), "--at", text)
        assert wrong.exit_code == 2
        assert "--at" in said(wrong)
    refused = run("restore", "--to", str(tmp_path / "no.db"), "--at", "2 days ago")
    assert refused.exit_code == 1
    assert "nearest moments that can be had" in said(refused)
    assert not (tmp_path / "no.db").exists()


@pytest.fixture
def alive(tmp_path: Path) -> History:
    """A history of a store that is there."""
    history = History(settings_for(tmp_path))
    history.begin()
    history.write("zero")
    history.back_up()
    history.moment("begin")
    for number in range(2):
        history.write(number)
        history.ship()
    return history


def test_a_drill_compares_with_the_store(alive: History, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is so new that a moment of leeway would hide it.
    monkeypatch.setattr("jobstore.operations.archiving.drills._LEEWAY", 0)
    done = archiving.drill(alive.settings)
    assert (done.test.error, done.test.ok, done.test.faults) == (None, True, ())
    assert done.compared
    assert done.recovery_seconds
    assert last_restore_test(alive.settings) == done.test
    assert leftovers(alive.settings.backups_folder) == []
    chosen = archiving.drill(alive.settings, second=alive.moments["begin"])
    assert (chosen.test.postings, chosen.compared) == (1, 1)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE posting SET version = 2 WHERE source_job_id = 'zero'", "1 postings otherwise"),
        ("UPDATE posting SET source_job_id = 'x', id = randomblob(16) WHERE version = 1", "lacks"),
    ],
)
def test_a_drill_sees_what_is_not_as_it_was(
    alive: History, statement: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.operations.archiving.drills._LEEWAY", 0)
    second = alive.moments["begin"]
    with closing(sqlite3.connect(alive.path)) as conn:
        conn.execute(statement)
        conn.commit()
    done = archiving.drill(alive.settings, second=second)
    assert done.test.error is not None
    assert fault in done.test.error
    assert last_restore_test(alive.settings) == done.test


def test_the_drill_as_a_command(alive: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSTORE_URL", alive.url)
    result = run("drill")
    assert (result.exit_code, said(result)) == (0, "")
    assert "all as it has to be" in shown(result)
    at = told(alive.moments["begin"])
    assert answer("drill", "--at", at)["test"]["postings"] == 1
    assert run("drill", "--at", "latest").exit_code == 2
    failed = run("drill", "--at", "3 days ago")
    assert failed.exit_code == 1
    assert "nearest moments" in said(failed)


def test_the_weekly_restore_test_drills_too(alive: History) -> None:
    from jobstore.operations.schedule import run_due

    (ran,) = run_due(alive.settings, only=["restore-test"], force=True)
    assert ran.outcome == "done"
    assert "as of 20" in ran.detail
