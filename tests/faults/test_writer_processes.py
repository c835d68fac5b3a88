"""Several processes on one file: locks, crashes, and the end of the interpreter."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from jobstore import StoreBusy
from tests.unit.sqlite.plain import make_database, open_plain, put, rows, tally

Start = Callable[..., Popen[str]]

WRITES = """
import asyncio, sys
from pathlib import Path
from tests.unit.sqlite.plain import open_plain, put

async def main():
    async with open_plain(Path(sys.argv[1])) as writer:
        async def one(number):
            await writer.submit(put, f"{sys.argv[2]}-{number}", number)
            print(f"{sys.argv[2]}-{number}", flush=True)
        print("ready", flush=True)
        for start in range(0, int(sys.argv[3]), 25):
            await asyncio.gather(*(one(number) for number in range(start, start + 25)))

asyncio.run(main())
"""


def test_four_processes_lose_nothing_and_write_nothing_twice(
    tmp_path: Path, start_python: Start
) -> None:
    path = make_database(tmp_path / "plain.db")
    processes = [start_python(WRITES, str(path), str(name), "500") for name in range(4)]
    outputs = [process.communicate(timeout=200)[0] for process in processes]
    for name, output in enumerate(outputs):
        expected = {f"{name}-{number}" for number in range(500)} | {"ready"}
        assert set(output.split()) == expected
    assert len(rows(path)) == 2000
    assert tally(path) == 2000
    assert intact(path)


def test_every_acknowledged_write_survives_a_kill(tmp_path: Path, start_python: Start) -> None:
    path = make_database(tmp_path / "plain.db")
    for attempt in range(5):
        with start_python(WRITES, str(path), str(attempt), "1000000") as process:
            assert process.stdout is not None
            told = [process.stdout.readline().strip() for _ in range(200 + 137 * attempt)]
            process.kill()
            # What it still said before it died counts as well; its last line may be torn.
            told += process.stdout.read().split("\n")[:-1]
        found = rows(path)
        assert set(told) - {"ready"} <= found.keys()
        assert tally(path) == len(found)
        assert intact(path)


async def test_another_program_that_keeps_the_file_locked(tmp_path: Path) -> None:
    path = make_database(tmp_path / "plain.db")
    other = sqlite3.connect(path, isolation_level=None)
    async with open_plain(path, busy_timeout=0.1) as writer:
        other.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(writer.submit(put, str(number), 1) for number in range(5)), return_exceptions=True
        )
        assert [type(each) for each in results] == [StoreBusy] * 5
        assert not any(
            "locked (" in str(each) or "database is locked" in str(each) for each in results
        )
        with pytest.raises(StoreBusy):
            async with writer.exclusive(30):
                raise AssertionError("it was let in")
        other.execute("ROLLBACK")
    async with open_plain(path) as writer:
        assert await writer.submit(put, "later", 1) == 1
    other.close()
    assert rows(path) == {"later": 1}


async def test_a_lock_that_is_let_go_in_time_is_not_noticed(tmp_path: Path) -> None:
    path = make_database(tmp_path / "plain.db")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with open_plain(path) as writer:
        write = asyncio.create_task(writer.submit(put, "a", 1))
        await asyncio.sleep(0.1)
        assert not write.done()
        other.execute("ROLLBACK")
        assert await write == 1
    other.close()


FORGOTTEN = """
import asyncio, sys
from pathlib import Path
from jobstore.engines.sqlite.connection import open_writer
from jobstore.locking import FileLock
from jobstore.engines.sqlite.readers import ReaderPool
from jobstore.engines.sqlite.writing.writer import StoreWriter
from tests.unit.sqlite.plain import Tally, options, put

path = Path(sys.argv[1])
kept = []

def endless(conn):
    conn.execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                 "SELECT count(*) FROM n").fetchall()

def slow(batch):
    put(batch, "unacknowledged", 1)
    endless(batch.conn)

async def main():
    session = await open_writer(path, options())
    writer = StoreWriter(session, options(), FileLock(path, 30), Tally)
    pool = await ReaderPool(path, options()).open()
    kept.extend((writer, pool))
    await writer.submit(put, "acknowledged", 1)
    if sys.argv[2] == "busy":
        kept.append(asyncio.create_task(writer.submit(slow)))
        kept.append(asyncio.create_task(pool.read(endless)))
        await asyncio.sleep(0.1)
    print("before", flush=True)
    raise KeyError("the program's own error")

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_an_unclosed_store_does_not_hold_up_the_exit(
    tmp_path: Path, start_python: Start, state: str
) -> None:
    path = make_database(tmp_path / "plain.db")
    with start_python(FORGOTTEN, str(path), state) as process:
        # A thread that the interpreter waits for would keep it here for ever.
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    before, *rest = output.splitlines()
    assert before == "before"
    assert rest[-1] == 'KeyError: "the program\'s own error"'
    # Its own traceback is all there is: no other exception, no warning.
    assert sum("Traceback" in line for line in rest) == 1
    assert "Warning" not in output
    assert rows(path) == {"acknowledged": 1}


def intact(path: Path) -> bool:
    conn = sqlite3.connect(path)
    try:
        return bool(conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    finally:
        conn.close()
