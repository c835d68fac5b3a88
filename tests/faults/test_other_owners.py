"""A store that is used where it was not opened: on another event loop, in a forked process."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from jobstore import Outcome, StoreBusy, StoreClosed
from jobstore.locking import FileLock
from tests.engines.harness import Harness
from tests.fixtures.postings import posting

Start = Callable[..., Popen[str]]


async def test_another_event_loop_neither_uses_nor_closes_the_store(each_url: str) -> None:
    store = await jobstore.connect(each_url)

    async def elsewhere() -> None:
        for call in (
            *(store.upsert(posting(1)), store.search(), store.count()),
            *(store.health(), store.close()),
        ):
            with pytest.raises(StoreClosed, match="another event loop"):
                await call

    await asyncio.to_thread(asyncio.run, elsewhere())

    assert (await store.upsert(posting(1))).outcome is Outcome.INSERTED
    assert (await store.health()).checks
    await store.close()
    await store.close()


FORKED = """
import asyncio, gc, os, sys, warnings
warnings.simplefilter("ignore")
warnings.filterwarnings("always", "a JobStore was not closed")
import jobstore

def posting(number):
    return {"source": "board", "source_job_id": str(number), "title": "x", "company": "y"}

async def refused(store):
    for call in (store.upsert(posting(2)), store.count(), store.health(), store.close()):
        try:
            await call
        except jobstore.StoreClosed as error:
            assert "forked" in str(error), error
        else:
            raise AssertionError("it was let in")

def log():
    if not sys.argv[1].startswith("sqlite:"):
        return None
    with open(sys.argv[1].removeprefix("sqlite:///") + "-wal", "rb") as file:
        return file.read()

run = asyncio.new_event_loop().run_until_complete
store = run(jobstore.connect(sys.argv[1]).__aenter__())
run(store.upsert(posting(1)))
block = store.transaction()
tx = run(block.__aenter__())
run(tx.upsert(posting(3)))
before = log()
forked = os.fork()
if not forked:
    asyncio.run(refused(store))
    # As a coroutine that goes on after it has forked.
    try:
        refused(store).send(None)
    except StopIteration:
        pass
    del store, tx, block
    gc.collect()
    # The usual exit, with all that it cleans up.
    sys.exit(7)
_, status = os.waitpid(forked, 0)
assert os.waitstatus_to_exitcode(status) == 7, status
assert log() == before
run(tx.upsert(posting(4)))
run(block.__aexit__(None, None, None))
assert run(store.count()) == 3
run(store.close())
print("fine")
"""


async def test_a_forked_process_leaves_the_store_to_its_parent(
    each_url: str, each_engine: Harness, start_python: Start
) -> None:
    with start_python(FORKED, each_url) as process:
        output, _ = process.communicate(timeout=60)

    assert output == "fine\n"
    assert process.returncode == 0
    async with jobstore.connect(each_url) as store:
        assert await store.count() == 3
    each_engine.check(each_url)


def test_a_forked_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock, other = (FileLock(tmp_path / "a.db", timeout=0) for _ in range(2))
    told, tell = os.pipe()
    lock.acquire()
    child = os.fork()
    if not child:
        # The copy is no use to it, and letting go of it changes nothing for the parent.
        try:
            lock.release()
            os.close(tell)
            os.read(told, 1)
        finally:
            os._exit(0)
    os.close(told)
    try:
        with pytest.raises(StoreBusy):
            other.acquire()
        lock.release()
        with other:
            pass
    finally:
        os.close(tell)
        os.waitpid(child, 0)


def test_a_descriptor_that_another_process_has_inherited_does_not_keep_the_lock(
    tmp_path: Path,
) -> None:
    lock, other = (FileLock(tmp_path / "a.db", timeout=0) for _ in range(2))
    opened: list[int] = []
    take = fcntl.flock

    def copied(descriptor: int, operation: int) -> None:
        if not opened:
            # A child of a program in C shares what is open like this copy does.
            opened.append(os.dup(descriptor))
        take(descriptor, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", copied)
        lock.acquire()
    lock.release()
    with other:
        pass
    os.close(opened[0])
