"""Takes inputs in a process of its own, which may hang, blow up or die, and counts what came."""

from __future__ import annotations

import contextlib
import json
import math
import mmap
import os
import random
import resource
import select
import shutil
import signal
import struct
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from tests.fuzz.targets import Target, opened

# Bytes of memory and seconds that one input may take. Both are far above what any needs.
MEMORY = 2 * 2**30
PATIENCE = 30


@dataclass(frozen=True)
class Finding:
    """An input, by its number, and what it did."""

    target: str
    seed: str
    number: int
    what: str


class _Hangs(BaseException):
    """An input takes too long; no handler of exceptions catches it."""


Open = Callable[[Path], AbstractContextManager[Mapping[str, Target]]]


@dataclass(frozen=True)
class Limit:
    """When it is enough: a moment of the monotonic clock, or so many inputs."""

    moment: float = math.inf
    inputs: float = math.inf
    patience: int = PATIENCE

    def reached(self, taken: int) -> bool:
        """Tell whether it is enough."""
        return taken >= self.inputs or time.monotonic() >= self.moment


def run(target: str, seed: str, limit: Limit, targets: Open = opened) -> tuple[int, list[Finding]]:
    """Take inputs until the limit, from the one with the number 0 on.

    Returns how many were taken, and what was found: exceptions that are no error of jobstore's,
    inputs that take more than the limit's patience or MEMORY bytes, and processes that died.
    """
    taken = 0
    findings: list[Finding] = []
    while True:
        done, found = _process(target, seed, taken, limit, targets)
        taken += done
        findings += found
        # A process that found something is over; another one goes on behind that input.
        if not found or limit.reached(taken):
            return taken, findings


def _process(
    target: str, seed: str, first: int, limit: Limit, targets: Open
) -> tuple[int, list[Finding]]:
    folder = Path(tempfile.mkdtemp(prefix="jobstore-fuzz-"))
    # The number of the input that is being taken, for the case that the process tells nothing.
    current = mmap.mmap(-1, 8)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _take_until(target, seed, first, limit, targets, folder, current, writing)
    os.close(writing)
    told = os.read(reading, 65536) if _ends(reading, current, limit.patience) else None
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(reading)
    shutil.rmtree(folder, ignore_errors=True)
    number = struct.unpack("q", current[:])[0]
    silence = "hangs" if told is None else f"the process died ({status})"
    what = json.loads(told) if told else silence
    found = [Finding(target, seed, number, what)] if what else []
    return number - first + 1, found


def _ends(pipe: int, current: mmap.mmap, patience: int) -> bool:
    """Wait for the process; it hangs when it stays with an input that no alarm can end."""
    before = b""
    while not select.select([pipe], [], [], 4 * patience)[0]:
        if current[:] == before:
            return False
        before = current[:]
    return True


def _take_until(
    target: str,
    seed: str,
    first: int,
    limit: Limit,
    targets: Open,
    folder: Path,
    current: mmap.mmap,
    pipe: int,
) -> None:
    what = ""
    number = first
    try:
        signal.signal(signal.SIGALRM, _hangs)
        with targets(folder) as all_targets:
            chosen = all_targets[target]
            # Beside what the process has reserved already: libraries of a test run reserve a lot.
            most = psutil.Process().memory_info().vms + MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            while True:
                current[:] = struct.pack("q", number)
                signal.alarm(limit.patience)
                try:
                    chosen.take(chosen.make(random.Random(f"{seed}:{target}:{number}")))
                except (Exception, _Hangs) as error:
                    what = _told(error)
                    break
                finally:
                    signal.alarm(0)
                if limit.reached(number + 1):
                    break
                number += 1
    except BaseException as error:
        what = what or _told(error)
    os.write(pipe, json.dumps(what).encode())
    os._exit(0)


def _hangs(signal: int, frame: FrameType | None) -> None:
    raise _Hangs("takes too long")


def _told(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace else ""
    return f"{type(error).__name__}{where}: {error}"[:500]
