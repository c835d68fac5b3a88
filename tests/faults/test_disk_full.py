"""A disk without room: what was acknowledged stays, the rest is told, and it goes on after."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

import jobstore
from jobstore import (
    JobStore,
    JobStoreError,
    Outcome,
    OutcomeUnknown,
    SearchQuery,
    StorageFull,
    StoreUnavailable,
    UpsertReport,
    job_id,
)
from jobstore.settings import sqlite_url
from tests.fixtures.checks import check_file
from tests.fixtures.disks import SmallDisk
from tests.fixtures.postings import posting

TEXT = "filling the disk " * 600


def large(number: int | str) -> dict[str, Any]:
    return posting(number, description=TEXT, company=f"C{number}")


@pytest.fixture
def disk(small_disk: SmallDisk) -> SmallDisk:
    """A small disk, a quarter of which can be freed."""
    small_disk.burden(1_000_000)
    return small_disk


async def fill(store: JobStore, writers: int = 8) -> tuple[set[str], list[JobStoreError]]:
    """Write until the disk is full; return the acknowledged keys and the errors."""
    there: set[str] = set()
    errors: list[JobStoreError] = []

    async def write(name: int) -> None:
        for number in range(200):
            try:
                await store.upsert(large(f"{writers}-{name}-{number}"))
            except JobStoreError as error:
                errors.append(error)
                return
            there.add(f"{writers}-{name}-{number}")

    await asyncio.gather(*(write(name) for name in range(writers)))
    return there, errors


async def test_single_writes_on_a_full_disk(disk: SmallDisk) -> None:
    path = disk.folder / "jobs.db"
    async with jobstore.connect(sqlite_url(path), migrate=True) as store:
        there, errors = await fill(store)

        assert {type(error) for error in errors} == {StorageFull}
        assert all("free" in str(error).lower() for error in errors)
        assert there
        # It can be read as before, and holds what was acknowledged and nothing else.
        jobs = [job async for job in store.stream()]
        assert {job.source_job_id for job in jobs} == there
        assert await store.count() == await store.count(SearchQuery(text="disk")) == len(there)
        # What no longer holds eight may still hold one.
        alone, (error,) = await fill(store, writers=1)
        there |= alone
        assert type(error) is StorageFull
        assert await store.count() == len(there)
        # Room again: nothing has to be opened anew.
        disk.relieve()
        assert (await store.upsert(large("more"))).outcome is Outcome.INSERTED
        assert (await store.statistics()).total == len(there) + 1
    check_file(path)


async def test_a_bulk_load_on_a_full_disk(disk: SmallDisk) -> None:
    path = disk.folder / "jobs.db"
    told: list[int] = []

    def progress(report: UpsertReport) -> None:
        told.append(report.inserted)

    async with jobstore.connect(sqlite_url(path), migrate=True) as store:
        small = [posting(number, description="small " * 50) for number in range(512)]
        many = [large(number) for number in range(512, 1536)]
        with pytest.raises(StorageFull):
            await store.upsert_many(small + many, progress=progress)

        assert await store.count() == max(told) == 512
        disk.relieve()
        report = await store.upsert_many(small[:100] + many[:20])
        assert (report.inserted, report.unchanged) == (20, 100)
    check_file(path)


async def test_a_transaction_on_a_full_disk_leaves_nothing(disk: SmallDisk) -> None:
    path = disk.folder / "jobs.db"

    async def work(store: JobStore) -> None:
        async with store.transaction() as tx:
            for number in range(1000):
                await tx.upsert(large(number))

    async with jobstore.connect(sqlite_url(path), migrate=True) as store:
        await store.upsert(large("before"))
        with pytest.raises(StoreUnavailable):
            await work(store)

        assert await store.count() == 1
        assert (await store.get(job_id("board", "before"))).description == TEXT.strip()
        disk.relieve()
        await store.upsert(large("after"))
    check_file(path)


async def test_a_store_that_has_no_room_to_begin_with(small_disk: SmallDisk) -> None:
    small_disk.burden(4 * 2**20 - 8192)
    url = sqlite_url(small_disk.folder / "jobs.db")

    with pytest.raises(StoreUnavailable) as caught:
        await jobstore.connect(url, migrate=True)

    assert "space" in str(caught.value) or "disk" in str(caught.value)
    small_disk.relieve()
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert(posting())
    check_file(small_disk.folder / "jobs.db")


LIMITED = """
import asyncio, json, resource, signal, sys
import jobstore

# A file that may not grow: for those who cannot mount a small disk.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

async def main():
    there, unknown, errors = [], [], []
    async with jobstore.connect(sys.argv[1]) as store:
        for number in range(1000):
            try:
                await store.upsert({
                    "source": "board", "source_job_id": str(number), "title": "x", "company": "y",
                    "description": f"{number} filling the file " * 600,
                })
            except jobstore.OutcomeUnknown as error:
                unknown.append(str(number))
                errors.append(type(error).__name__)
            except jobstore.JobStoreError as error:
                errors.append(type(error).__name__)
            else:
                there.append(str(number))
            if len(errors) > 3:
                break
        count = await store.count()
    print(json.dumps([there, unknown, errors, count]))

asyncio.run(main())
"""


async def test_a_file_that_may_not_grow(
    migrated_url: str, tmp_path: Path, start_python: Callable[..., Popen[str]]
) -> None:
    process = start_python(LIMITED, migrated_url)
    output, _ = await asyncio.to_thread(process.communicate, None, 120)
    there, unknown, errors, count = json.loads(output)

    kinds = {each.__name__ for each in (StorageFull, StoreUnavailable, OutcomeUnknown)}
    assert len(errors) == 4
    assert set(errors) <= kinds
    assert len(there) <= count <= len(there) + len(unknown)
    async with jobstore.connect(migrated_url) as store:
        keys = {job.source_job_id async for job in store.stream()}
        assert set(there) <= keys <= {*there, *unknown}
        # Elsewhere it may grow; the store goes on.
        assert (await store.upsert(large("after"))).outcome is Outcome.INSERTED
    check_file(tmp_path / "jobs.db")


def test_an_import_by_the_command_on_a_full_disk_goes_on_when_there_is_room(
    disk: SmallDisk, tmp_path: Path
) -> None:
    url = sqlite_url(disk.folder / "jobs.db")
    file = tmp_path / "postings.jsonl"
    small = [posting(number, description="small " * 50) for number in range(600)]
    postings = small + [large(number) for number in range(600, 1400)]
    file.write_text("".join(json.dumps(each) + "\n" for each in postings), encoding="utf-8")

    def bring_in() -> subprocess.CompletedProcess[str]:
        command = ["import", str(file), "--format", "jsonl", "--json", "--store", url]
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "jobstore", *command],
            capture_output=True,
            text=True,
            timeout=120,
        )

    refused = bring_in()
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "space" in refused.stderr.lower()
    stored = json.loads(refused.stdout)["inserted"]
    with closing(sqlite3.connect(disk.folder / "jobs.db")) as conn:
        assert conn.execute("SELECT count(*) FROM posting").fetchone() == (stored,)
    assert stored >= 512
    check_file(disk.folder / "jobs.db")

    # What was stored is known again; nothing has to be repaired first.
    file.write_text("".join(json.dumps(each) + "\n" for each in small), encoding="utf-8")
    disk.relieve()
    again = bring_in()
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert (report["inserted"] + report["unchanged"], report["rejected"]) == (600, 0)
    assert report["unchanged"] >= 512
    check_file(disk.folder / "jobs.db")
