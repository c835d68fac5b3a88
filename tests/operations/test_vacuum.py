"""``jobstore vacuum`` gives space back, and disturbs nobody who writes."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import jobstore
from jobstore import SearchQuery, StorageFull, StoreBusy, StoreCorrupt, StoreUnavailable, migrating
from jobstore.cli.main import app
from jobstore.engines.sqlite.upkeep import exchange, tidying, vacuuming
from jobstore.locking import FileLock
from jobstore.settings import sqlite_url
from tests.fixtures.checks import check_file
from tests.fixtures.disks import SmallDisk
from tests.fixtures.postings import posting
from tests.operations import backups
from tests.operations.damaging import overwrite_page, tamper


def grown(url: str, number: int = 120, kept: int = 10) -> None:
    """Store postings, and delete most of them."""

    async def grow() -> None:
        async with jobstore.connect(url) as store:
            await store.upsert_many(
                posting(each, description=f"text {each} " * 300) for each in range(number)
            )
            for each in range(kept, number):
                await store.delete(jobstore.job_id("board", str(each)))

    asyncio.run(grow())


@pytest.fixture
def file(migrated_url: str, tmp_path: Path) -> Path:
    """The file of a store most of which was deleted."""
    grown(migrated_url)
    return tmp_path / "jobs.db"


def vacuum(file: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["vacuum", "--store", sqlite_url(file), *options])


def test_space_is_given_back_and_nothing_else_changes(file: Path) -> None:
    before = file.stat().st_size

    result = vacuum(file, "--json")

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["before"] == before
    assert report["after"] == file.stat().st_size < before / 2
    assert report["waiting"] is False
    check_file(file)


def test_people_are_told_before_and_after(file: Path) -> None:
    result = vacuum(file)
    assert result.exit_code == 0
    assert " before, " in result.stdout
    assert "others who write go on meanwhile" in result.stderr
    assert "others who write wait meanwhile" in vacuum(file, "--stop-writers").stderr
    assert vacuum(file, "--quiet").output == ""


def test_optimising_merges_the_index(file: Path) -> None:
    def segments() -> int:
        with closing(sqlite3.connect(file)) as conn:
            return len(conn.execute("SELECT DISTINCT segid FROM text_index_idx").fetchall())

    grown(sqlite_url(file), 300, 250)
    assert segments() > 1
    vacuuming.vacuum(file)
    assert segments() == 1
    check_file(file)


# What stands in each field of a posting that is deleted, and nowhere else. They share no
# beginning, since the index keeps only what a word has more than the one before it.
CANARIES = {
    "title": "aqzvwkjx",
    "company": "bxqjzkvw",
    "location": "cvwqxzjk",
    "industry": "dkqjxwzv",
    "description": "eqvzkxjw",
    "salary_text": "fjqwvxzk",
    "company_size": "gwqkvjzx",
    "url": "https://hzqjkwvx.example/",
    "skills": ["iqxwkzjv", "jzvqkwxj"],
    "attributes": {"kqwzxvjk": "lxvqjzwk"},
}
SOUGHT = re.findall("[a-l][jkqvwxz]{7}", json.dumps(CANARIES))


def canaries_in(*files: Path) -> list[str]:
    """Return which of the words, but for their first letter, stand in the bytes of files."""
    octets = b"".join(each.read_bytes() for each in files).lower()
    return [word for word in SOUGHT if word[1:].encode() in octets]


async def store_and_delete(url: str) -> None:
    """Let postings with the words come, change and go, among others that stay."""
    marked = [posting(f"marked {each}", **CANARIES) for each in range(3)]
    async with jobstore.connect(url) as store:
        await store.upsert_many(posting(each, description=f"text {each}") for each in range(200))
        for one in marked:
            await store.upsert(one)
            await store.upsert_many(posting(f"{one['source_job_id']}-{n}") for n in range(50))
        await store.upsert({**marked[0], "title": "Cook", "description": "Another text."})
        for one in marked:
            await store.delete(jobstore.job_id("board", one["source_job_id"]))
        await store.upsert(posting("last"))


def test_nothing_of_a_deleted_posting_is_left_in_a_byte(migrated_url: str, tmp_path: Path) -> None:
    asyncio.run(store_and_delete(migrated_url))
    file = tmp_path / "jobs.db"
    assert canaries_in(file) != []

    result = vacuum(file)

    assert result.exit_code == 0, result.stderr
    assert len(SOUGHT) == 12
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert file in files
    assert canaries_in(*files) == []
    settings = backups.settings_for(tmp_path)
    with backups.opened(settings, backups.make(settings)) as copy:
        assert canaries_in(copy) == []
    check_file(file)


def test_what_is_deleted_is_gone_from_the_store_even_beside_one_who_reads(
    migrated_url: str, tmp_path: Path
) -> None:
    asyncio.run(store_and_delete(migrated_url))
    file = tmp_path / "jobs.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM posting").fetchone()
        assert json.loads(vacuum(file, "--json").stdout)["waiting"]
        files = [each for each in tmp_path.rglob("*") if each.is_file()]
        assert file in files
        assert canaries_in(*files) == []
        reader.execute("COMMIT")
    assert not json.loads(vacuum(file, "--json").stdout)["waiting"]


@pytest.mark.parametrize(
    "step", ["check the pages", "copy the content", "merge the index", "write the file anew"]
)
def test_ctrl_c_between_two_steps_loses_nothing(file: Path, step: str) -> None:
    def interrupt(now: str, done: int, total: int) -> None:
        if now == step and (done or step != "merge the index"):
            raise KeyboardInterrupt

    grown(sqlite_url(file), 300, 250)
    with pytest.raises(KeyboardInterrupt):
        vacuuming.vacuum(file, progress=interrupt)
    check_file(file)
    assert vacuuming.vacuum(file).after < file.stat().st_size + 1
    check_file(file)


def test_ctrl_c_ends_the_writing_of_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def interrupt() -> None:
        if steps[-1] == "write the file anew":
            raise KeyboardInterrupt

    before = file.stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(vacuuming, "_STEPS_BETWEEN_LOOKS", 10)
        patch.setattr(vacuuming, "_look", interrupt)
        with pytest.raises(KeyboardInterrupt):
            vacuuming.vacuum(file, progress=lambda step, *_: steps.append(step))
    check_file(file)
    assert vacuuming.vacuum(file).after < before / 2


def test_the_steps_are_told(file: Path) -> None:
    told: list[str] = []
    vacuuming.vacuum(file, progress=lambda step, done, total: told.append(step))
    assert list(dict.fromkeys(told)) == [
        "check the pages",
        "copy the content",
        "merge the index",
        "write the file anew",
    ]


def test_a_store_that_is_written_to_is_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_PATIENCE", 0.05)
    before = file.stat().st_size
    with FileLock(file, 0), pytest.raises(StoreBusy):
        vacuuming.vacuum(file, patience=0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            vacuuming.vacuum(file, patience=0.05)
    assert file.stat().st_size == before


def test_one_who_reads_goes_on_and_the_space_waits_for_him(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM posting").fetchone()

        result = vacuum(file)

        assert result.exit_code == 0
        assert "Somebody still has the old file open" in result.stderr
        assert reader.execute("SELECT count(*) FROM posting").fetchone() == (10,)
        reader.execute("COMMIT")
    check_file(file)


def test_one_who_reads_what_was_there_before_a_write_is_waited_for(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_PATIENCE", 0.05)
    before = file.stat().st_size
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM posting").fetchone()
        grown(sqlite_url(file), 20)
        with pytest.raises(StoreBusy, match="reads the store as it was"):
            vacuuming.vacuum(file)
        reader.execute("COMMIT")
    check_file(file)
    assert vacuuming.vacuum(file).after < before / 2


def test_those_who_write_all_the_time_are_not_stopped_unless_that_is_asked_for(file: Path) -> None:
    before = file.stat().st_size
    stored: list[str] = []

    async def store_one() -> None:
        async with jobstore.connect(sqlite_url(file)) as store:
            await store.upsert(posting(f"meanwhile {len(stored)}"))

    def write(step: str, done: int, total: int) -> None:
        if step == "write the file anew":
            asyncio.run(store_one())
            stored.append(step)

    with pytest.raises(StoreBusy, match="Others wrote .*--stop-writers"):
        vacuuming.vacuum(file, progress=write)
    assert len(stored) == 3

    def wait(step: str, done: int, total: int) -> None:
        with pytest.raises(StoreBusy), FileLock(file, 0):
            raise AssertionError("somebody could write")

    assert vacuuming.vacuum(file, stop_writers=True, progress=wait).after < before / 2
    check_file(file)


async def test_an_open_store_goes_on_after_it(file: Path) -> None:
    async with jobstore.connect(sqlite_url(file)) as store:
        await asyncio.to_thread(vacuuming.vacuum, file)
        await store.upsert(posting("after", description="text"))
        assert await store.count() == await store.count(SearchQuery(text="text")) == 11
    check_file(file)


def test_a_disk_without_room_is_refused_first_and_survives_it(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = small_disk.folder / "jobs.db"
    migrating.up(sqlite_url(file))
    grown(sqlite_url(file), 160, 120)
    used = sum(each.stat().st_size for each in small_disk.folder.iterdir())
    small_disk.burden(4 * 2**20 - used - 200_000)

    with pytest.raises(StorageFull, match="this needs"):
        vacuuming.vacuum(file)
    # The disk may also fill up between the look and the work.
    monkeypatch.setattr(vacuuming, "require_space", lambda *_: None)
    with pytest.raises(StorageFull):
        vacuuming.vacuum(file)

    check_file(file)
    small_disk.relieve()
    assert vacuuming.vacuum(file).after < used


def test_what_is_no_sound_store_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        vacuuming.vacuum(tmp_path / "absent.db")
    other = tmp_path / "other.db"
    tamper(other, "CREATE TABLE t (x)")
    with pytest.raises(StoreCorrupt, match="another program"):
        vacuuming.vacuum(other)
    overwrite_page(file, "posting_text")
    before = file.read_bytes()
    with pytest.raises(StoreCorrupt):
        vacuuming.vacuum(file)
    assert file.read_bytes() == before


def test_sqlite_may_renew_its_statistics(file: Path) -> None:
    tidying.optimize(file)
    check_file(file)
    migrating.verify(sqlite_url(file))
