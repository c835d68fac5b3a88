"""Examining a store in a process of its own, for commands that must end.

Not even SIGKILL ends a process while the kernel waits for a disk on its behalf. So another
process waits, and is left behind when it must be; whoever asked, and whoever waits for that one
to end, goes on.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NoReturn

from jobstore.checks import HealthReport
from jobstore.operations.health.examining import check_components, examine, patience, unanswered

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

# Seconds that the other process may take to begin and to pass its report on.
_PASSING_ON = 2.0


def examine_apart(settings: Settings, *, only: Collection[str] = ()) -> HealthReport:
    """Do what :func:`.examine` does, so that this process can end whatever hangs.

    Forks, so it is for programs without threads. Raises InvalidQuery for a component that there
    is not.
    """
    check_components(only)
    reading, writing = Pipe(duplex=False)
    child = os.fork()
    if not child:  # pragma: no cover - the child ends without saying what was covered
        _answer(writing, settings, only)
    writing.close()
    report = unanswered()
    # The end of the pipe is not waited for: a process that hangs keeps it open.
    with reading, suppress(EOFError, OSError):
        if reading.poll(patience(settings) + _PASSING_ON):
            report = reading.recv()
    with suppress(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
    return report


def _answer(  # pragma: no cover - see above
    writing: Connection, settings: Settings, only: Collection[str]
) -> NoReturn:
    """Examine, pass the report on, and end without any clean-up that could hang."""
    try:
        # Whoever reads what the caller prints shall not wait for this process.
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        writing.send(examine(settings, only=only))
    finally:
        os._exit(0)
