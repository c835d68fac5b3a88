"""A re-indexing migration beside programs of the version before, which is this one."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

import jobstore
from benchmarks.next_version import WORD
from jobstore import JobStore, SchemaMismatch, SearchQuery, migrating
from jobstore.engines.sqlite.upkeep import inspection
from jobstore.settings import sqlite_url
from jobstore.verdicts import Verdict
from tests.fixtures.disks import SmallDisk
from tests.fixtures.migrations import UNFINISHED, next_id
from tests.fixtures.next_version import NextVersion
from tests.fixtures.postings import posting
from tests.fixtures.thorough import THOROUGH
from tests.operations.deploying import settings_for

NEXT = next_id("next-index")
COLOURS = ("red", "green", "blue")


class Model:
    """What every search has to find: the titles that were acknowledged, by key."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}

    def found(self, *more: str) -> dict[str, list[str]]:
        """Return the keys that a search for each colour finds, and for each of ``more`` all."""
        colours = {
            colour: sorted(key for key, title in self.titles.items() if colour in title)
            for colour in COLOURS
        }
        return colours | {word: sorted(self.titles) for word in more}


async def _write(store: JobStore, model: Model, chance: random.Random) -> None:
    """Insert, change, move or delete a posting."""
    key = f"{chance.randrange(80)}"
    title = f"{chance.choice(COLOURS)} {chance.choice(COLOURS)} {key}"
    if chance.random() < 0.2 and key in model.titles:
        await store.delete(jobstore.job_id("board", key))
        del model.titles[key]
        return
    day = f"2026-0{chance.randrange(1, 9)}-11T00:00:00Z" if chance.random() < 0.4 else None
    text = f"<p>Room {key}</p>" if chance.random() < 0.5 else None
    stated = {"posted_at": day, "description": text, "salary_min": chance.randrange(1, 9) * 1000}
    await store.upsert(posting(key, title=title, salary_currency="EUR", **stated))
    model.titles[key] = title


async def _filled(url: str, number: int = 60) -> Model:
    model, chance = Model(), random.Random(1)
    async with jobstore.connect(url, migrate=True) as store:
        for _ in range(number):
            await _write(store, model, chance)
    return model


async def _found(store: JobStore) -> dict[str, list[str]]:
    """Return what searches of the version before find."""
    pages = {each: await store.search(SearchQuery(text=each), limit=500) for each in COLOURS}
    return {each: sorted(item.source_job_id for item in page.items) for each, page in pages.items()}


def _sound(next_version: NextVersion, url: str, model: Model) -> None:
    """Assert that the next version finds nothing wrong, and all that the model has."""
    looked = next_version("check", url=url, words=[*COLOURS, WORD])
    assert looked["faults"] == []
    assert looked["found"] == model.found(WORD)


@asynccontextmanager
async def _writing(store: JobStore, model: Model) -> AsyncIterator[None]:
    """Let the version before write while the block lasts."""
    ended = False

    async def write(number: int) -> None:
        chance = random.Random(number)
        # Each has keys of its own, so that the model is what was acknowledged last.
        while not ended:
            await _write(store, model, chance)
            await asyncio.sleep(0.001)

    task = asyncio.create_task(write(7))
    try:
        yield
    finally:
        ended = True
        await task


async def test_programs_of_the_version_before_go_on_during_and_after(
    store_url: str, next_version: NextVersion
) -> None:
    model = await _filled(store_url)
    async with jobstore.connect(store_url) as store:
        async with _writing(store, model):
            assert await asyncio.to_thread(next_version, "up", url=store_url, slice=4) is not None
        # In the old index, as it says itself, and after a restart.
        assert await _found(store) == model.found()
        assert {each.verdict for each in inspection.inspect_rows(_path(store_url))} == {
            Verdict.PASS
        }
        migrating.check_schema(store_url)
        migrating.verify(store_url)
        async with jobstore.connect(store_url, migrate=True) as again:
            await again.upsert(posting("late", source="board", title="red"))
        model.titles["late"] = "red"
        assert (await store.statistics()).total == len(model.titles)
    assert next_version("state", url=store_url)["waiting"] > 0
    # What is not drained yet is no fault.
    assert next_version("check", url=store_url, words=[])["faults"] == []

    next_version("tend", url=store_url)

    assert next_version("state", url=store_url)["waiting"] == 0
    _sound(next_version, store_url, model)


async def test_both_versions_write_until_the_transition_is_finished(
    store_url: str, next_version: NextVersion
) -> None:
    model = await _filled(store_url)
    async with jobstore.connect(store_url) as store:
        next_version("up", url=store_url)
        chance = random.Random(3)
        for turn in range(6):
            await _write(store, model, chance)
            # The same posting may wait to be drained, or have moved aside.
            keys = [f"{chance.randrange(80)}" for _ in range(3)]
            titles = [(key, f"{COLOURS[turn % 3]} {key}") for key in keys]
            next_version("write", url=store_url, titles=titles, gone=keys[2:])
            model.titles.update(titles)
            del model.titles[keys[2]]
        next_version("tend", url=store_url)
        _sound(next_version, store_url, model)

        assert next_version("finish", url=store_url) == [*UNFINISHED, NEXT]

        assert next_version("state", url=store_url) is None
        with pytest.raises(SchemaMismatch, match="may no longer write to it; nothing was written"):
            await store.upsert(posting("late"))
        with pytest.raises(SchemaMismatch, match="open the store again"):
            await store.search(SearchQuery(text="red"))
    with pytest.raises(SchemaMismatch, match="migrated by a newer jobstore"):
        migrating.check_schema(store_url)
    assert next_version("finish", url=store_url) == []
    _sound(next_version, store_url, model)
    with closing(sqlite3.connect(_path(store_url))) as conn:
        names = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema")}
    assert not [name for name in names if name.startswith(("leftover", "text_index"))]


@pytest.mark.no_cover
@pytest.mark.parametrize("first", range(5))
async def test_a_build_that_is_killed_at_any_moment_goes_on_from_there(
    store_url: str, next_version: NextVersion, first: int
) -> None:
    """Moments evenly over everything that is done, while the version before writes."""
    moments = 50 if THOROUGH else 20
    path = _path(store_url)
    before = await _filled(store_url)
    base = path.with_name("base.db")
    shutil.copy(path, base)
    everything = next_version("up", url=store_url)["statements"]
    killed = 0
    for moment in range(first, moments, 5):
        for name in ("jobs.db", "jobs.db-wal", "jobs.db-shm"):
            path.with_name(name).unlink(missing_ok=True)
        shutil.copy(base, path)
        model = Model()
        model.titles = dict(before.titles)
        async with jobstore.connect(store_url) as store:
            async with _writing(store, model):
                answer = await asyncio.to_thread(
                    next_version, "up", url=store_url, kill=everything * moment // moments
                )
            killed += answer is None
            await _write(store, model, random.Random(moment))
            next_version("up", url=store_url)
            await _write(store, model, random.Random(-moment))
            # The next version writes as well, now that it may.
            next_version("write", url=store_url, titles=[("mine", f"red {moment}")])
            model.titles["mine"] = "red"
            next_version("tend", url=store_url)
            _sound(next_version, store_url, model)
    assert killed == moments // 5


async def test_two_that_build_at_once_take_turns(
    store_url: str, next_version: NextVersion, next_tree: Path
) -> None:
    model = await _filled(store_url)
    other = NextVersion(next_tree)
    try:
        other.start("up", url=store_url, slice=2)
        mine = next_version("up", url=store_url, slice=2)
        theirs = other.answer()
    finally:
        other.close()
    assert sorted(mine["applied"] + theirs["applied"]) == [NEXT]
    _sound(next_version, store_url, model)


@pytest.mark.parametrize("state", ["half built", "built", "written to", "finished"])
async def test_it_is_taken_back(store_url: str, next_version: NextVersion, state: str) -> None:
    model = await _filled(store_url)
    async with jobstore.connect(store_url) as store:
        half = next_version("up", url=store_url, kill=200 if state == "half built" else -1)
        assert (half is None) == (state == "half built")
        await _write(store, model, random.Random(9))
        if state in ("written to", "finished"):
            next_version("write", url=store_url, titles=[("mine", "red green")])
            model.titles["mine"] = "red green"
        if state == "finished":
            next_version("finish", url=store_url)

        assert next_version("down", url=store_url) == [NEXT]

        if state in ("half built", "built"):
            # The old index is right as it is, and programs of the version before never stopped.
            migrating.check_schema(store_url)
        else:
            with pytest.raises(SchemaMismatch, match="an older form; run: jobstore migrate up"):
                migrating.check_schema(store_url)
            # It is built anew while they write.
            async with _writing(store, model):
                await asyncio.to_thread(migrating.up, store_url)
        assert await _found(store) == model.found()
    migrating.verify(store_url)
    assert {each.verdict for each in inspection.inspect_rows(_path(store_url))} == {Verdict.PASS}
    # And again up.
    next_version("up", url=store_url)
    _sound(next_version, store_url, model)


async def test_who_upgrades_over_two_versions_stops_the_programs_in_between(
    store_url: str, next_version: NextVersion
) -> None:
    model = await _filled(store_url)
    with closing(sqlite3.connect(_path(store_url), isolation_level=None)) as conn:
        # As the version before this one left it: the index of this one was never built.
        conn.execute("UPDATE store_property SET value = X'04' WHERE name = 'derived_form'")
        conn.execute("INSERT INTO text_index (text_index) VALUES ('delete-all')")
    killed = next_version("up", url=store_url, kill=250)
    assert killed is None
    with pytest.raises(SchemaMismatch):
        migrating.check_schema(store_url)

    next_version("up", url=store_url)

    with pytest.raises(SchemaMismatch, match="newer jobstore"):
        migrating.check_schema(store_url)
    assert next_version("state", url=store_url) is None
    _sound(next_version, store_url, model)


async def test_a_store_without_postings_takes_no_build(
    migrated_url: str, next_version: NextVersion
) -> None:
    next_version("up", url=migrated_url)
    assert next_version("state", url=migrated_url) is None
    migrating.check_schema(migrated_url)
    _sound(next_version, migrated_url, Model())


def test_a_new_store_has_nothing_of_the_version_before(
    store_url: str, next_version: NextVersion
) -> None:
    next_version("up", url=store_url)
    with pytest.raises(SchemaMismatch, match="newer jobstore"):
        migrating.check_schema(store_url)
    _sound(next_version, store_url, Model())


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_what_an_older_jobstore_did_not_add_it_does_not_take_back(
    migrated_url: str, next_version: NextVersion
) -> None:
    next_version("up", url=migrated_url)
    assert migrating.up(migrated_url) == []
    with pytest.raises(SchemaMismatch, match="newer jobstore"):
        migrating.down(migrated_url)
    with pytest.raises(SchemaMismatch, match="let that one finish"):
        migrating.finish(migrated_url)
    states: list[Any] = [each.state for each in migrating.status(migrated_url)]
    assert states[-1] == "newer"


async def test_the_daily_upkeep_finishes_a_day_after_the_new_index_is_in_use(
    store_url: str, next_version: NextVersion
) -> None:
    model = await _filled(store_url)
    next_version("up", url=store_url)
    assert next_version("tend", url=store_url) == []
    # The version before leaves that to the one that made it.
    assert migrating.tend(store_url) == []
    with closing(sqlite3.connect(_path(store_url), isolation_level=None)) as conn:
        conn.execute("UPDATE renewal SET switched_at = switched_at - 24 * 3600")
    assert migrating.tend(store_url) == []

    assert next_version("tend", url=store_url) == [*UNFINISHED, NEXT]

    _sound(next_version, store_url, model)
    with pytest.raises(SchemaMismatch):
        migrating.check_schema(store_url)


async def test_a_full_disk_keeps_what_is_built(
    small_disk: SmallDisk, next_version: NextVersion
) -> None:
    url = sqlite_url(small_disk.folder / "jobs.db")
    model = await _filled(url)
    free = os.statvfs(small_disk.folder)
    small_disk.burden(free.f_bavail * free.f_frsize - 80_000)
    with pytest.raises(AssertionError, match="StorageFull"):
        next_version("up", url=url, slice=4)
    found = next_version("state", url=url)
    assert found is None or found["stage"] != "kept"
    small_disk.relieve()
    async with jobstore.connect(url) as store:
        await _write(store, model, random.Random(2))
    next_version("up", url=url)
    _sound(next_version, url, model)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_deployment_stops_nobody(
    store_url: str, next_version: NextVersion, tmp_path: Path, fails: bool
) -> None:
    model = await _filled(store_url)
    sections = settings_for(tmp_path).model_dump(mode="json", exclude_unset=True)
    if fails:
        sections["thresholds"]["get_ms"] = 0.001
    async with jobstore.connect(store_url) as store:
        async with _writing(store, model):
            done = await asyncio.to_thread(next_version, "deploy", **sections)
        assert await _found(store) == model.found()
    assert done["go"] is not fails
    # Started again, the version before goes on either way.
    migrating.check_schema(store_url)
    if fails:
        assert done["undone"] == [f"Took back {NEXT}; every posting stayed."]
        assert done["left"] == []
        assert {each.verdict for each in inspection.inspect_rows(_path(store_url))} == {
            Verdict.PASS
        }
    else:
        next_version("tend", url=store_url)
        _sound(next_version, store_url, model)
