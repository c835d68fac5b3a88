"""Programs with a library before them that makes their system calls fail, or their clock jump.

The libraries are C (``faulty_calls.c``, ``shifted_clock.c``), compiled into the
folder of the round that needs them.
"""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.torture.rounds import CannotRun


def library(name: str, folder: Path) -> Path:
    """Compile ``NAME.c`` into a folder, where it is not yet, and return the library.

    Raises CannotRun without a C compiler.
    """
    made = folder / f"{name}.so"
    if made.exists():
        return made
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise CannotRun("there is no C compiler (cc)")
    source = Path(__file__).with_name(f"{name}.c")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(made), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotRun(f"{name}.c cannot be compiled: {(done.stderr.splitlines() or ['?'])[0]}")
    return made


class Number:
    """Eight bytes in a file, which the library of another process maps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, value: int) -> None:
        """Write the number in place."""
        # Not truncated first: a process that has the file mapped would be killed.
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(file, struct.pack("l", value))
        os.close(file)

    def get(self) -> int:
        """Return the number."""
        found: int = struct.unpack("l", self.path.read_bytes())[0]
        return found


@dataclass(frozen=True)
class Fault:
    """What goes wrong, before which call: see ``faulty_calls.c``."""

    calls: str
    what: str = "kill"
    at: int = 0
    times: int = 1
    error: str = "EIO"

    def __str__(self) -> str:
        many = (
            "" if self.times == 1 else ", and all after it" if self.times < 0 else f" x{self.times}"
        )
        failing = f" with {self.error}" if self.what == "fail" else ""
        return f"{self.what}{failing} at {self.calls} {self.at}{many}"

    def environment(self, below: Path, counter: Path) -> dict[str, str]:
        """Return the environment of a program to which this happens, on files in a folder."""
        return {
            "LD_PRELOAD": str(library("faulty_calls", counter.parent)),
            "FAULT_CALLS": self.calls,
            "FAULT_BELOW": str(below.resolve()),
            "FAULT_COUNTER": str(counter),
            "FAULT_AT": str(self.at),
            "FAULT_TIMES": str(self.times),
            "FAULT_DO": self.what,
            "FAULT_ERRNO": str(getattr(errno, self.error)),
        }
