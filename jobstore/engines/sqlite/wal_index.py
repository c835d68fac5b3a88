"""How much of the write-ahead log waits to be written back, and for whom it waits.

SQLite keeps that in the shared memory beside a database
(https://sqlite.org/walformat.html#the_wal_index_file_format): how many frames there are, how many
were written back, and up to which frame each reader sees. Nothing is written here.
"""

from __future__ import annotations

import subprocess  # nosec B404
import sys
from contextlib import suppress
from pathlib import Path
from struct import Struct

from jobstore.engines.backend import HeldLog
from jobstore.engines.sqlite.wal import FRAME, locks

# In the byte order of the machine: the size of a page, frames, frames that were written back,
# and up to which frame readers see; then the first byte that these readers lock.
_INDEX = Struct("=14xHI76xI5I")
_FIRST_READER = 123

# Closing a file takes from a process all locks that it has on it, those of its connections too
# (https://sqlite.org/howtocorrupt.html, section 2.2). So another process reads it.
_READ = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read(int(sys.argv[2])))"
_PATIENCE = 5.0


def held(path: Path) -> HeldLog:
    """Return what of the WAL of the database at ``path`` is not written back, and who reads it.

    Raises OSError when it cannot be found out.
    """
    path = path.resolve()
    memory = Path(f"{path}-shm")
    if not memory.exists():
        return HeldLog(0, [])
    index = _read(memory)
    if len(index) < _INDEX.size:
        return HeldLog(0, [])
    page, frames, written, *marks = _INDEX.unpack(index)
    # Reader 0 sees the database alone, and keeps everything from being written to it.
    marks[0] = 0
    length = (65536 if page == 1 else page) + FRAME.size
    try:
        taken = locks(memory.stat().st_ino)
    except OSError:
        return HeldLog((frames - written) * length, _users(path))
    reading = {
        (marks[at], process)
        for process, first, last in taken
        for at in range(len(marks))
        if first <= _FIRST_READER + at <= last and marks[at] < frames
    }
    oldest = min((mark for mark, _ in reading), default=0)
    pids = sorted(process for mark, process in reading if mark == oldest)
    return HeldLog((frames - written) * length, pids)


def _read(memory: Path) -> bytes:
    command = [sys.executable, "-I", "-S", "-c", _READ, str(memory), str(_INDEX.size)]
    try:
        # Only the store's path comes from outside.
        done = subprocess.run(  # nosec B603
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE, check=True
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"cannot read {memory}") from error
    return done.stdout


def _users(path: Path) -> list[int]:
    """Return the processes that have the database open, of those that this account may see."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if any(each.path == str(path) for each in process.open_files()):
                found.append(process.pid)
    return found
