"""A write that is acknowledged only once it is archived."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import jobstore
from jobstore import EngineOptions, InvalidPosting, OutcomeUnknown
from jobstore.engines import log_of
from jobstore.engines.log import Log, Mark
from jobstore.engines.sqlite.log import waiting
from jobstore.locking import attempts
from jobstore.settings import StoreURL, parse_store_url
from tests.fixtures.postings import posting

LIMIT = 1 << 30
PATIENT = EngineOptions(busy_timeout=300)


@pytest.fixture
def url(migrated_url: str) -> StoreURL:
    return parse_store_url(migrated_url)


@pytest.fixture
def log(url: StoreURL) -> Iterator[Log]:
    log = log_of(url)
    log.start(url, limit=LIMIT, wait=True)
    yield log
    log.stop(url)


class Shipper:
    """Ships whenever it is told to go on."""

    def __init__(self, log: Log, url: StoreURL) -> None:
        self.go_on = threading.Event()
        self.marks: list[Mark] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(log, url))
        self._thread.start()

    def _run(self, log: Log, url: StoreURL) -> None:
        while not self._over.wait(0.002):
            if self.go_on.is_set():
                self.marks.append(log.capture(url))
                log.shipped(url, self.marks[-1])

    def end(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.fixture
def shipper(log: Log, url: StoreURL) -> Iterator[Shipper]:
    shipper = Shipper(log, url)
    yield shipper
    shipper.end()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written waits for a place for a moment only; it has all the time to be written."""
    monkeypatch.setattr(waiting, "attempts", lambda _: attempts(0.1))


def segments(log: Log, url: StoreURL) -> int:
    kept = log.kept(url)
    assert kept is not None
    return kept.mark.segment


async def until_kept(log: Log, url: StoreURL, number: int = 1) -> None:
    def wait() -> None:
        while segments(log, url) < number:
            time.sleep(0.005)

    await asyncio.to_thread(wait)


async def test_it_returns_once_it_was_shipped(log: Log, url: StoreURL, shipper: Shipper) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        write = asyncio.create_task(store.upsert(posting()))
        await until_kept(log, url)
        assert not write.done()
        shipper.go_on.set()
        assert (await write).outcome == "inserted"
        kept = log.kept(url)
        assert kept is not None
        assert kept.shipped is not None
        assert kept.shipped.segment >= 1
        async with store.transaction() as transaction:
            await transaction.upsert(posting(2))
        assert segments(log, url) >= 2


@pytest.mark.usefixtures("brief")
async def test_what_no_place_has_is_stored_and_its_outcome_unknown(log: Log, url: StoreURL) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        with pytest.raises(OutcomeUnknown, match="stored on this machine"):
            await store.upsert(posting())
        with pytest.raises(OutcomeUnknown, match="stored on this machine"):
            async with store.transaction() as transaction:
                await transaction.upsert(posting(2))
        assert await store.count() == 2


@pytest.mark.usefixtures("brief")
async def test_each_of_a_group_has_its_own_answer(log: Log, url: StoreURL) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        results = await asyncio.gather(
            *(store.upsert(posting(number)) for number in range(3)),
            store.upsert({"source": "board"}),
            return_exceptions=True,
        )
        assert [type(each) for each in results] == [OutcomeUnknown] * 3 + [InvalidPosting]
        assert len({id(each) for each in results}) == 4


async def test_a_read_does_not_wait(log: Log, url: StoreURL, shipper: Shipper) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        write = asyncio.create_task(store.upsert(posting()))
        await until_kept(log, url)
        assert await store.count() == 1
        shipper.go_on.set()
        await write


async def test_others_write_while_one_waits(log: Log, url: StoreURL, shipper: Shipper) -> None:
    async with (
        jobstore.connect(str(url), options=PATIENT) as one,
        jobstore.connect(str(url), options=PATIENT) as other,
    ):
        writes = [asyncio.create_task(one.upsert(posting()))]
        await until_kept(log, url)
        writes.append(asyncio.create_task(other.upsert(posting(2))))
        await until_kept(log, url, 2)
        assert not any(each.done() for each in writes)
        shipper.go_on.set()
        await asyncio.gather(*writes)


async def test_a_new_generation_is_waited_for(log: Log, url: StoreURL, shipper: Shipper) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        write = asyncio.create_task(store.upsert(posting()))
        await until_kept(log, url)
        kept = log.kept(url)
        assert kept is not None
        kept.segments[0].path.unlink()
        assert log.capture(url).segment == 0
        assert not write.done()
        shipper.go_on.set()
        await write
        assert shipper.marks[-1].generation != kept.mark.generation


async def test_nobody_waits_once_the_log_is_not_kept(url: StoreURL, log: Log) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        write = asyncio.create_task(store.upsert(posting()))
        await until_kept(log, url)
        log.stop(url)
        assert (await write).outcome == "inserted"


async def test_who_gives_up_leaves_the_others_right(
    log: Log, url: StoreURL, shipper: Shipper
) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        write = asyncio.create_task(store.upsert(posting()))
        await until_kept(log, url)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
        later = asyncio.create_task(store.upsert(posting(2)))
        await asyncio.sleep(0)
        shipper.go_on.set()
        await later
        assert await store.count() == 2


async def test_closing_waits_for_what_was_accepted(
    log: Log, url: StoreURL, shipper: Shipper, tmp_path: Path
) -> None:
    async with jobstore.connect(str(url), options=PATIENT) as store:
        write = asyncio.create_task(store.upsert(posting()))
        await until_kept(log, url)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        shipper.go_on.set()
        await closing
        assert (await write).outcome == "inserted"
