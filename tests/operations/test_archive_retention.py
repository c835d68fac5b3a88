"""The log in a place: small objects are joined, old ones go, and nobody's else is touched."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyrage
import pytest

from jobstore.engines import archive_of
from jobstore.engines.log import Segment
from jobstore.operations.archiving import retention, segments
from jobstore.operations.archiving.retention import Tidied, backups_in_use, tidy
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.manifest import Manifest, parse_manifest
from jobstore.operations.backup.places import FolderPlace
from jobstore.scratch import make_folder
from jobstore.settings.sections import Settings
from tests.operations.archives import path_from
from tests.operations.backups import make, manifest_of, new_keys, rewrite, settings_for

DAY = 86_400.0
OLD, NEW = "a" * 16, "b" * 16


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


class Log:
    """Objects of a log in the store's folder, made of noise."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder = settings.backups_folder / segments.FOLDER
        self.noise = random.Random("log")
        make_folder(self.folder)
        address = settings.store.address
        self.store = archive_of(address).identity(address)
        self.pieces: dict[int, bytes] = {}

    def add(
        self, generation: str, first: int, last: int | None = None, *, days: float = 0, **said: Any
    ) -> str:
        """Add an object with these pieces, which are so many days old."""
        made = []
        for number in range(first, (last or first) + 1):
            piece = self.folder.parent / f"{number}.piece"
            self.pieces[number] = self.noise.randbytes(50)
            piece.write_bytes(self.pieces[number])
            moment = time.time() - days * DAY
            made.append(Segment(generation, number, piece, 50, moment, int(moment)))
        file = segments.name_of("jobs", generation, first, last or first)
        target = self.folder.parent / file
        options = {"section": self.settings.backup, "store": self.store, **said}
        segments.pack(made, target, **options)
        target.rename(self.folder / file)
        for each in made:
            each.path.unlink()
        return file

    @property
    def names(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir())

    def read(self, scratch: Path) -> bytes:
        """Return all pieces that lead on from the beginning."""
        place = FolderPlace(self.folder)
        found = b""
        for name in path_from(segments.listing(place)[0], NEW, 0):
            scratch.mkdir(exist_ok=True)
            files = segments.unpack(
                place, name, scratch, section=self.settings.backup, store=self.store, identities=()
            )
            found += b"".join(each.read_bytes() for each in files)
        return found


@pytest.fixture
def log(settings: Settings) -> Log:
    return Log(settings)


def spoil(file: Path) -> None:
    """Change the last byte of an object."""
    data = file.read_bytes()
    file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some objects are many."""
    monkeypatch.setattr(retention, "_MOST", 12)
    monkeypatch.setattr(retention, "_LEFT", 2)
    monkeypatch.setattr(retention, "_PIECES", 5)


def tidied(settings: Settings, **options: Any) -> Tidied:
    return tidy(settings, open_places(settings)[0], **options)


def stands(
    settings: Settings, generation: str, segment: int, *, days: float, order: int = 1
) -> Manifest:
    """Make a backup of so many days ago that stands there in the log."""
    made = make(settings)
    moment = datetime.fromtimestamp(time.time() - days * DAY, UTC)
    place = {"generation": generation, "order": order, "segment": segment, "through": segment}
    rewrite(manifest_of(settings, made), created_at=moment.isoformat(), log={**place, "second": 0})
    return parse_manifest(manifest_of(settings, made).read_bytes(), made.name)


def numbers(log: Log, generation: str = NEW) -> list[tuple[int, int]]:
    """The first and the last piece of each object of a generation."""
    found = [segments.parse_name(each) for each in log.names]
    return [(each.first, each.last) for each in found if each and each.generation == generation]


@pytest.mark.usefixtures("few")
def test_many_small_objects_become_few_and_lose_nothing(
    settings: Settings, log: Log, tmp_path: Path
) -> None:
    for number in range(1, 14):
        log.add(NEW, number)
    whole = b"".join(log.pieces.values())

    done = tidied(settings)

    assert (done.joined, done.removed, done.error) == (10, (), None)
    assert numbers(log) == [(1, 5), (6, 10), (11, 11), (12, 12), (13, 13)]
    assert log.read(tmp_path / "read") == whole
    # There is nothing left to do, and what was joined is not small any more.
    assert tidied(settings) == Tidied(done.place)
    for number in range(14, 24):
        log.add(NEW, number)
    assert tidied(settings).error is None
    assert numbers(log)[:4] == [(1, 5), (6, 10), (11, 15), (16, 20)]


@pytest.mark.usefixtures("few")
def test_what_does_not_follow_is_not_joined_and_few_stay_as_they_are(
    settings: Settings, log: Log
) -> None:
    for number in (*range(1, 4), *range(5, 14), 15, 16):
        log.add(NEW, number)
    for number in range(1, 5):
        log.add(OLD, number)
    assert tidied(settings).error is None
    assert numbers(log) == [(1, 3), (5, 9), (10, 13), (15, 15), (16, 16)]
    assert len(numbers(log, OLD)) == 4


@pytest.mark.usefixtures("few")
def test_signed_and_encrypted_objects_are_joined_without_any_secret(
    settings: Settings, tmp_path: Path
) -> None:
    keys = new_keys(tmp_path / "keys")
    signing = f"jobstore-key-{'5' * 64}"
    sealed = settings_for(tmp_path, key=signing, recipients=[keys.public])
    log = Log(sealed)
    for number in range(1, 14):
        log.add(NEW, number)
    # Who joins has no key at all.
    assert tidied(settings).joined == 10
    (name, *_) = segments.listing(FolderPlace(log.folder))[0]
    (tmp_path / "read").mkdir()
    identity = pyrage.x25519.Identity.from_str(keys.file.read_text().split()[-1])
    files = segments.unpack(
        FolderPlace(log.folder),
        name,
        tmp_path / "read",
        section=sealed.backup,
        store=log.store,
        identities=[identity],
    )
    read = [each.read_bytes() for each in files]
    assert read == [log.pieces[number] for number in range(1, 6)]


@pytest.mark.usefixtures("few")
def test_what_is_damaged_is_told_and_left_as_it_is(settings: Settings, log: Log) -> None:
    names = [log.add(NEW, number) for number in range(1, 14)]
    spoil(log.folder / names[2])
    done = tidied(settings)
    assert done.error is not None
    assert "is damaged" in done.error
    assert numbers(log)[:3] == [(1, 2), (3, 3), (4, 5)]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_that_was_interrupted_before_it_removed_anything_is_ended(
    settings: Settings, log: Log, damaged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 14):
        log.add(NEW, number)

    def killed(place: FolderPlace, file: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(FolderPlace, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            tidied(settings)
    assert (1, 5) in numbers(log)
    if damaged:
        spoil(log.folder / segments.name_of("jobs", NEW, 1, 5))
    done = tidied(settings)
    if damaged:
        # The small ones are all that is good.
        assert done.error is not None
        assert {(number, number) for number in range(1, 6)} <= {*numbers(log)}
    else:
        assert numbers(log)[0] == (1, 5)
        assert (2, 2) not in numbers(log)


def test_what_is_past_its_time_goes_and_what_seconds_need_stays(
    settings: Settings, log: Log
) -> None:
    log.add(OLD, 1, 3, days=9)
    log.add(OLD, 4, days=4)
    for number, days in ((1, 3.9), (2, 3), (3, 2.5), (4, 1), (5, 0)):
        log.add(NEW, number, days=days)
    stands(settings, OLD, 2, days=9, order=1)
    stands(settings, NEW, 1, days=3.5, order=2)
    base = stands(settings, NEW, 2, days=2.2, order=2)
    stands(settings, NEW, 4, days=0.5, order=2)
    before = log.names
    would = tidied(settings, dry_run=True)
    assert log.names == before

    done = tidied(settings)

    assert done.error is None
    assert done.removed == would.removed
    assert numbers(log) == [(3, 3), (4, 4), (5, 5)]
    assert numbers(log, OLD) == []
    assert base.name in backups_in_use(settings)


def test_the_first_backup_of_a_generation_is_needed_and_so_is_all_after_it(
    settings: Settings, log: Log
) -> None:
    log.add(OLD, 1, days=3)
    log.add(OLD, 2, days=1.5)
    log.add(NEW, 1, days=1)
    first = stands(settings, OLD, 1, days=2.5, order=1)
    second = stands(settings, NEW, 0, days=1.2, order=2)
    later = stands(settings, NEW, 1, days=0.2, order=2)
    assert tidied(settings).error is None
    assert (numbers(log, OLD), numbers(log)) == ([(2, 2)], [(1, 1)])
    assert backups_in_use(settings) == {first.name, second.name}
    assert later.name not in backups_in_use(settings)


def test_a_store_that_nobody_writes_to_keeps_the_end_of_its_log(
    settings: Settings, log: Log
) -> None:
    for number in range(1, 4):
        log.add(NEW, number, days=30)
    stands(settings, NEW, 3, days=20)
    stands(settings, NEW, 3, days=0.1)
    assert tidied(settings).error is None
    assert numbers(log) == [(3, 3)]


def test_what_has_no_backup_here_stays_for_its_time(settings: Settings, log: Log) -> None:
    log.add(OLD, 1, days=3)
    log.add(NEW, 1, days=3)
    log.add(NEW, 2, days=1)
    assert tidied(settings).removed == (segments.name_of("jobs", OLD, 1, 1),)
    assert numbers(log) == [(1, 1), (2, 2)]


def test_the_log_of_another_store_is_left_alone(settings: Settings, log: Log) -> None:
    log.add(OLD, 1, days=30, store="0123456789abcdef")
    (log.folder / "something.else").write_bytes(b"of somebody")
    assert tidied(settings) == Tidied(str(settings.backups_folder))
    assert len(log.names) == 2


def test_backups_that_are_not_signed_have_no_say(settings: Settings, log: Log) -> None:
    log.add(NEW, 1, days=3)
    log.add(NEW, 2, days=0)
    stands(settings, NEW, 2, days=2.5)
    signing = f"jobstore-key-{'5' * 64}"
    distrusting = settings.model_copy(
        update={
            "backup": settings_for(Path(), key=signing).backup.model_copy(
                update={"folder": settings.backups_folder}
            )
        }
    )
    assert tidied(distrusting).removed == ()
    assert backups_in_use(distrusting) == set()


def test_a_place_without_a_log_has_nothing_to_tidy_and_one_that_is_away_says_so(
    settings: Settings, tmp_path: Path
) -> None:
    assert tidied(settings) == Tidied(str(settings.backups_folder))
    away = settings_for(tmp_path, places=[str(tmp_path / "away")])
    assert tidy(away, open_places(away)[1]).error is not None
    assert backups_in_use(away) == set()
