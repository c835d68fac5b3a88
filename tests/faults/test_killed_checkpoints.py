"""SIGKILL while the log is written back beside writers: what was acknowledged is there."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

import jobstore
from tests.fixtures.checks import check_file

Start = Callable[..., Popen[str]]

# Others read old states all the time, so that all of it is written back ahead of a checkpoint.
WRITE = """
import asyncio, itertools, sqlite3, sys, threading, time
import jobstore
from jobstore.engines.sqlite.log import ahead, checkpointing

checkpointing._FRAMES, checkpointing._MANY, ahead.FEW = 100, 100, 20

def read(path):
    while True:
        conn = sqlite3.connect(path, isolation_level=None)
        conn.execute("BEGIN")
        conn.execute("SELECT count(*) FROM posting").fetchone()
        time.sleep(0.05)
        conn.close()

async def main(path, round):
    numbers = itertools.count()
    async with jobstore.connect(f"sqlite:///{path}") as store:
        threading.Thread(target=read, args=(path,), daemon=True).start()
        async def write():
            while True:
                number = next(numbers)
                await store.upsert({
                    "source": f"board {round}", "source_job_id": str(number),
                    "title": "Engineer", "company": "Acme", "description": "killed " * 200,
                })
                print(number, flush=True)
        await asyncio.gather(*(write() for _ in range(20)))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""

CHECKPOINT = """
import sys
from pathlib import Path
from jobstore.engines.sqlite.upkeep import tidying

while True:
    tidying.checkpoint(Path(sys.argv[1]), patience=60.0)
"""


@pytest.mark.no_cover
@pytest.mark.slow
async def test_kills_beside_writing_back_lose_nothing_that_was_acknowledged(
    migrated_url: str, tmp_path: Path, start_python: Start
) -> None:
    generator = random.Random(13)
    path = tmp_path / "jobs.db"
    for round in range(4):
        with (
            start_python(WRITE, str(path), str(round)) as writer,
            start_python(CHECKPOINT, str(path)) as other,
        ):
            assert writer.stdout is not None
            told = [writer.stdout.readline() for _ in range(generator.randint(50, 600))]
            for each in generator.sample((writer, other), 2):
                each.kill()
            told += writer.stdout.read().splitlines(keepends=True)
        # What is logged goes to the same pipe.
        numbers = [line.strip() for line in told if line[:-1].isdigit()]
        assert numbers, "the process ended before it was killed"
        async with jobstore.connect(migrated_url) as store:
            for number in numbers:
                assert await store.find(f"board {round}", number) is not None
        check_file(path)
