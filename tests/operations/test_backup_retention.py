"""Backups stay by retention, a good one always, and what goes goes wholly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore import StoreBusy, migrating
from jobstore.operations.backup import creation
from jobstore.operations.backup.catalog import read_catalog
from jobstore.operations.backup.manifest import BEFORE_RESTORE, FORMAT, Manifest
from jobstore.operations.backup.places import FolderPlace
from jobstore.operations.backup.retention import prune, retained
from jobstore.settings.sections import Settings
from tests.operations.backups import data_of, flip, leftovers, make, manifest_of, settings_for


def described(name: str, moment: datetime) -> Manifest:
    """Return a manifest that was made at a moment; nothing else of it matters."""
    return Manifest(
        format=FORMAT,
        name=name,
        created_at=moment,
        reason="",
        jobstore="",
        store="",
        migrations=(),
        tables={},
        digest="0" * 64,
        database_size=0,
        compression="zstd",
        encryption=None,
        size=0,
        sha256="0" * 64,
    )


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def staying(moments: list[datetime], daily: int, weekly: int, monthly: int) -> set[datetime]:
    """Say plainly what stays: walk through the periods, backwards."""
    stays = {each for each in moments if max(moments) - each < timedelta(hours=24)}
    for number, period in (
        (daily, lambda moment: moment.date()),
        (weekly, lambda moment: week_of(moment.date())),
        (monthly, lambda moment: moment.date().replace(day=1)),
    ):
        periods = sorted({period(each) for each in moments}, reverse=True)
        for one in periods[:number]:
            stays.add(max(each for each in moments if period(each) == one))
    return stays


@given(
    st.lists(
        st.integers(0, 500 * 24 * 60).map(
            lambda minutes: datetime(2025, 11, 20, tzinfo=UTC) + timedelta(minutes=minutes)
        ),
        min_size=1,
        max_size=60,
        unique=True,
    ),
    st.integers(1, 9),
    st.integers(0, 6),
    st.integers(0, 14),
)
def test_what_stays_is_what_a_plain_model_says(
    moments: list[datetime], daily: int, weekly: int, monthly: int
) -> None:
    listed = [described(each.isoformat()[:16].replace(":", "-"), each) for each in moments]
    listed.sort(key=lambda each: each.created_at, reverse=True)

    names = retained(listed, daily, weekly, monthly)

    stays = {each.created_at for each in listed if each.name in names}
    assert stays == staying(moments, daily, weekly, monthly)
    # Doing it again takes nothing more, and the newest always stays.
    kept = [each for each in listed if each.name in names]
    assert retained(kept, daily, weekly, monthly) == names
    assert listed[0].name in names


def test_a_year_of_daily_backups_leaves_days_weeks_and_months() -> None:
    newest = datetime(2026, 12, 31, 2, 30, tzinfo=UTC)
    listed = [described(f"{n}", newest - timedelta(days=n)) for n in range(400)]
    names = retained(listed, 7, 4, 12)
    days = sorted(f"{each.created_at:%m-%d}" for each in listed if each.name in names)
    assert days == [
        *("01-31", "02-28", "03-31", "04-30", "05-31", "06-30"),
        *("07-31", "08-31", "09-30", "10-31", "11-30"),
        *("12-13", "12-20", "12-25", "12-26", "12-27", "12-28", "12-29", "12-30", "12-31"),
    ]


def test_days_are_those_of_utc_wherever_a_backup_was_made() -> None:
    zone = "2026-03-02T01:00:00+02:00"
    before = described("before", datetime(2026, 3, 1, 22, tzinfo=UTC))
    same = described("same", datetime.fromisoformat(zone))
    newest = described("newest", datetime(2026, 3, 9, tzinfo=UTC))
    assert retained([newest, same, before], 9, 0, 0) == {"newest", "same"}


def test_what_a_restore_replaced_takes_the_place_of_no_other() -> None:
    newest = described("newest", datetime(2026, 3, 9, tzinfo=UTC))
    replaced = described("replaced", datetime(2026, 3, 2, 12, tzinfo=UTC))
    replaced = replaced.model_copy(update={"reason": BEFORE_RESTORE})
    same = described("same", datetime(2026, 3, 2, 3, tzinfo=UTC))
    assert retained([newest, replaced, same], 9, 4, 12) == {"newest", "same"}


@pytest.fixture
def settings(migrated_url: str, tmp_path: Path) -> Settings:
    (tmp_path / "far").mkdir()
    return settings_for(tmp_path, places=[str(tmp_path / "far")], daily=2, weekly=0, monthly=0)


def aged(settings: Settings, *days: int) -> list[Manifest]:
    """Make backups of so many days ago."""
    made = []
    for each in days:
        manifest = make(settings)
        moment = datetime(2026, 3, 31, 12, tzinfo=UTC) - timedelta(days=each)
        older = manifest.model_copy(update={"created_at": moment})
        for folder in folders(settings):
            (folder / manifest_of(settings, manifest).name).write_bytes(older.to_bytes())
        made.append(older)
    return made


def folders(settings: Settings) -> list[Path]:
    return [settings.backups_folder, *(Path(each) for each in settings.backup.places)]


def names(folder: Path) -> set[str]:
    """Return which backups a folder has files of."""
    return {each.name.partition(".")[0] for each in folder.glob("jobs-*")}


def test_every_place_is_pruned_alike_and_dry_runs_remove_nothing(settings: Settings) -> None:
    made = [each.name for each in aged(settings, 3, 2, 1, 0)]

    planned = prune(settings, dry_run=True)

    assert [names(folder) for folder in folders(settings)] == [{*made}] * 2
    done = prune(settings)
    assert done == planned
    assert [each.place for each in done] == [str(folder) for folder in folders(settings)]
    for each in done:
        assert (each.removed, each.kept) == ((made[1], made[0]), (made[3], made[2]))
        assert each.error is None
    assert [names(folder) for folder in folders(settings)] == [{*made[2:]}] * 2
    assert leftovers(*folders(settings)) == []
    assert all(each.removed == () for each in prune(settings))


def test_what_is_named_stays_in_any_case(settings: Settings) -> None:
    made = [each.name for each in aged(settings, 3, 2, 1, 0)]
    prune(settings, keep=[made[0], "unknown"])
    assert names(settings.backups_folder) == {made[0], *made[2:]}


def test_the_newest_good_one_stays_where_newer_ones_are_damaged(
    settings: Settings, tmp_path: Path
) -> None:
    made = aged(settings, 3, 2, 1, 0)
    for each in made[2:]:
        flip(data_of(settings, each))
    own, far = prune(settings)
    assert {*own.kept} == {each.name for each in made[1:]}
    assert {*far.kept} == {each.name for each in made[2:]}
    for each in made[1:2]:
        flip(data_of(settings, each))
    aged(settings, 4)
    newest = aged(settings, -1)[0]
    flip(data_of(settings, newest))
    own, _ = prune(settings)
    assert own.error is None
    assert len(own.removed) == 2


def test_where_none_is_good_nothing_is_removed(settings: Settings) -> None:
    made = aged(settings, 2, 1, 0)
    for each in made:
        flip(data_of(settings, each))
    own, far = prune(settings)
    assert "no backup that is good, so nothing was removed" in str(own.error)
    assert names(settings.backups_folder) == {each.name for each in made}
    assert far.error is None
    assert len(far.removed) == 1


def test_a_place_that_cannot_be_reached_stops_no_other(settings: Settings, tmp_path: Path) -> None:
    made = aged(settings, 2, 1, 0)
    (tmp_path / "far").rename(tmp_path / "unmounted")
    own, far = prune(settings)
    assert (own.removed, own.error) == ((made[0].name,), None)
    assert (far.removed, far.kept) == ((), ())
    assert "check that the folder is there" in str(far.error)


def test_each_store_keeps_its_own_where_several_lie_together(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "two").mkdir()
    other = settings_for(tmp_path / "two", folder=settings.backups_folder)
    migrating.up(other.store.url)
    theirs = make(other).name
    made = [each.name for each in aged(settings, 3, 2, 1)]
    (settings.backups_folder / "jobs-notes.txt").write_text("of somebody")
    prune(settings)
    assert names(settings.backups_folder) == {theirs, *made[1:], "jobs-notes"}


def test_what_a_killed_process_left_is_swept_and_what_is_others_is_not(
    settings: Settings, tmp_path: Path
) -> None:
    made = make(settings)
    far = tmp_path / "far"
    place = FolderPlace(far)
    # Killed while it stored, while it removed, and when it had stored all but the marker.
    for name, data, manifest in (("a", True, False), ("b", False, False), ("c", True, True)):
        each = made.model_copy(update={"name": name})
        place.write(f"{name}.unfinished", each.to_bytes())
        if data:
            place.write(each.file, (far / made.file).read_bytes())
        if manifest:
            place.write(f"{name}.json", each.to_bytes())
    foreign = made.model_copy(update={"name": "d", "store": "of somebody else"})
    place.write("d.unfinished", foreign.to_bytes())
    place.write(foreign.file, b"theirs")
    place.write("e.unfinished", b"nothing that could be read")
    assert {each.name for each in read_catalog(settings).backups} == {made.name, "c"}

    make(settings)

    kept = {each.name for each in far.iterdir() if not each.name.startswith("jobs-")}
    assert kept == {"c.json", "c.db.zst", "d.unfinished", "d.db.zst", "e.unfinished"}


def test_pruning_waits_for_a_backup_that_is_being_made(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creation, "_PATIENCE", 0.05)
    with creation.working_alone(settings), pytest.raises(StoreBusy, match="try again later"):
        prune(settings)


def test_a_backup_of_the_future_stays_and_takes_no_other_ones_place(settings: Settings) -> None:
    now = (datetime.now(UTC) - datetime(2026, 3, 31, 12, tzinfo=UTC)).days
    made = [each.name for each in aged(settings, 3 - now, 2 - now, 1 - now, -400 - now)]
    for each in prune(settings):
        assert (each.removed, {*each.kept}) == ((made[0],), {*made[1:]})
    assert names(settings.backups_folder) == {*made[1:]}
    for each in made[1:3]:
        for folder in folders(settings):
            for file in folder.glob(f"{each}*"):
                file.unlink()
    assert [each.kept for each in prune(settings)] == [(made[3],)] * 2
