"""Too many open files: it is said as that, nothing is lost, and the store goes on afterwards."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

import pytest

CODE = """
import asyncio, os, resource, sys
import jobstore
from jobstore.engines.sqlite.connection import open_reader
from jobstore.settings import EngineOptions, parse_store_url

def posting(number):
    return {"source": "board", "source_job_id": str(number), "title": "x", "company": "y"}

async def told(call):
    try:
        await call
    except jobstore.StoreUnavailable as error:
        assert "Too many files are open" in str(error) and "ulimit -n" in str(error), error
        assert type(error) is jobstore.StoreUnavailable, error
    else:
        raise AssertionError("it was done")

async def main():
    free = int(sys.argv[2])
    path = parse_store_url(sys.argv[1]).path
    async with jobstore.connect(sys.argv[1]) as store:
        await store.upsert(posting(1))
        highest = os.open(os.devnull, os.O_RDONLY)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(64, highest + 1), hard))
        filling = []
        try:
            while True:
                filling.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        for _ in range(free):
            os.close(filling.pop())
        await told(open_reader(path, EngineOptions()))
        if not free:
            # The lock file cannot be opened.
            await told(store.upsert(posting(2)))
            assert (await store.search()).total == 1
        for each in filling:
            os.close(each)
        await store.upsert(posting(3))
        assert await store.count() == 2
    print("fine")

asyncio.run(main())
"""


@pytest.mark.parametrize("free", ["0", "1"])
def test_too_many_open_files_are_said_as_that(
    migrated_url: str, start_python: Callable[..., Popen[str]], free: str
) -> None:
    with start_python(CODE, migrated_url, free) as process:
        output, _ = process.communicate(timeout=60)

    assert output == "fine\n"
    assert process.returncode == 0
