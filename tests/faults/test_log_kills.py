"""Processes that write while another keeps the log, and is killed, frozen or starved at every step.

Whatever was acknowledged before the last capture can be replayed, or the generation has ended with
a reason: never a gap that nobody noticed.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from jobstore.engines.log import Mark
from jobstore.engines.sqlite.log import capturing
from tests.fixtures.disks import SmallDisk
from tests.fixtures.logs import Plain, read

Start = Callable[..., Popen[str]]

pytestmark = pytest.mark.no_cover

# Writes rows, tells each once it is committed, and writes the log back now and then, as writers do.
WRITER = """
import itertools, random, sqlite3, sys
from jobstore.engines.sqlite.log import checkpointing, stamps
from jobstore.locking import FileLock

path, name, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
conn = sqlite3.connect(path, isolation_level=None, timeout=120)
conn.execute("PRAGMA wal_autocheckpoint = 0")
pace = checkpointing.Pace(path)
checkpointing._FRAMES = 40
pace._next = 40
for number in range(rounds):
    with FileLock(path, 300):
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("INSERT INTO row VALUES (?, hex(randomblob(3000)))", (name + number,))
        stamps.stamp(conn)
        conn.execute("COMMIT")
        pace.write_back(conn)
    print(name + number, flush=True)
checkpointing.dispose(conn, path)
print("done", flush=True)
"""

# Keeps the log until it kills itself before the n-th call of what it is told.
CAPTURER = """
import os, signal, sys, time
from jobstore.engines import log_of
from jobstore.settings import parse_store_url

url, call, number, kind = sys.argv[1:]
url, calls = parse_store_url(url), 0

def watched(event, args):
    global calls
    if event == call:
        calls += 1
        if calls == int(number):
            os.kill(os.getpid(), getattr(signal, kind))

fsync = os.fsync
def flush(descriptor):
    watched("fsync", ())
    fsync(descriptor)
os.fsync = flush
sys.addaudithook(watched)
print("started", flush=True)
for _ in range(2000):
    log_of(url).capture(url)
    time.sleep(0.002)
"""


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    return Plain(tmp_path / "jobs.db", start=int(time.time()))


def told(process: Popen[str]) -> list[int]:
    output, _ = process.communicate(timeout=300)
    lines = output.splitlines()
    assert lines[-1] == "done", output
    # What is logged goes to the same pipe.
    return [int(each) for each in lines if each.isdigit()]


def check(plain: Plain, copy: Path, mark: Mark, acknowledged: list[int]) -> None:
    """All of it can be replayed; where the log has ended, it was told why."""
    end = plain.capture()
    if end.generation != mark.generation:
        assert plain.broken
        mark, copy = end, plain.copy(copy.with_name("later"))
        plain.insert()
        plain.capture()
    plain.replay(copy, mark)
    assert {number for number, _ in read(copy)} >= set(acknowledged)


@pytest.mark.parametrize("call", ["fsync", "os.rename", "open", "os.remove"])
@pytest.mark.parametrize("number", [2, 3, 5, 9])
def test_a_capturer_is_killed_at_any_step(
    plain: Plain, start_python: Start, tmp_path: Path, call: str, number: int
) -> None:
    mark, copy = plain.start(), plain.copy(tmp_path / "copy")
    capturer = start_python(CAPTURER, str(plain.url), call, str(number), "SIGKILL")
    writers = [start_python(WRITER, str(plain.path), str(name), "60") for name in (10000, 20000)]
    acknowledged = [each for writer in writers for each in told(writer)]
    capturer.kill()
    capturer.communicate(timeout=60)
    assert len(acknowledged) == 120
    assert plain.capture().generation == mark.generation
    check(plain, copy, mark, acknowledged)


@pytest.mark.parametrize("call", ["fsync", "os.rename"])
def test_a_frozen_capturer_stops_no_writer(
    plain: Plain, start_python: Start, tmp_path: Path, call: str
) -> None:
    mark, copy = plain.start(), plain.copy(tmp_path / "copy")
    plain.insert()
    capturer = start_python(CAPTURER, str(plain.url), call, "1", "SIGSTOP")
    assert capturer.stdout is not None
    assert capturer.stdout.readline() == "started\n"
    status = Path(f"/proc/{capturer.pid}/stat")
    while status.read_text().rpartition(")")[2].split()[0] != "T":
        time.sleep(0.01)
    acknowledged = told(start_python(WRITER, str(plain.path), "10000", "60"))
    assert len(acknowledged) == 60
    # Nothing was written back meanwhile, so that nothing is lost to the log.
    capturer.send_signal(signal.SIGCONT)
    capturer.kill()
    capturer.communicate(timeout=60)
    assert plain.capture().generation == mark.generation
    check(plain, copy, mark, acknowledged)


def test_a_log_that_grows_beyond_the_limit_is_written_back_without_a_frozen_capturer(
    plain: Plain, start_python: Start, tmp_path: Path
) -> None:
    mark, copy = plain.start(limit=100_000), plain.copy(tmp_path / "copy")
    with plain.spool_lock():
        acknowledged = told(start_python(WRITER, str(plain.path), "10000", "80"))
    end = plain.capture()
    assert end.generation != mark.generation
    check(plain, copy, mark, acknowledged)


def test_a_spool_that_fills_the_disk_gives_way_to_writers(small_disk: SmallDisk) -> None:
    plain = Plain(small_disk.folder / "jobs.db")
    plain.insert(length=10)
    plain.start()
    reasons = set()
    for number in range(100):
        # Every one of them is stored, whatever became of the log: 6 MB on a disk of 4.
        plain.write([f"UPDATE row SET text = {number} || hex(randomblob(30000))"])
        plain.capture()
        plain.checkpoint()
        reasons.add(plain.broken)
    assert reasons - {None} == {capturing.FULL}
    plain.conn.close()


@pytest.mark.parametrize("number", range(1, 76, 11))
def test_a_writer_is_killed_while_it_writes_the_log_back(
    plain: Plain, start_python: Start, tmp_path: Path, number: int
) -> None:
    mark, copy = plain.start(), plain.copy(tmp_path / "copy")
    dying = """
import os, signal, sys
calls, last = 0, int(sys.argv[4])
def watched(event, args):
    global calls
    if event in ("os.rename", "os.utime", "os.listdir", "os.scandir") or event == "open":
        calls += "spool" in str(args[0])
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watched)
"""
    writer = start_python(dying + WRITER, str(plain.path), "10000", "60", str(number))
    output, _ = writer.communicate(timeout=300)
    acknowledged = [int(each) for each in output.split() if each.isdigit()]
    assert acknowledged
    assert writer.returncode == -signal.SIGKILL
    check(plain, copy, mark, acknowledged)
