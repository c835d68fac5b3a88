"""The agent: does what is due as long as it runs, and archives the store meanwhile.

Two threads: one works, the other watches, so that neither a long backup nor a place that hangs
keeps health from being looked at and alerts from being told. The archiver beside them has threads
of its own, and none of them waits for it, but for a few seconds at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.schedule.running import Clock, Ran, run_due, upcoming
from jobstore.operations.schedule.tasks import tasks_of

if TYPE_CHECKING:
    from jobstore.operations.archiving import Archiver
    from jobstore.settings.sections import Settings

_log = logs.get("schedule")

# Seconds between two looks at the clock, which may have been set meanwhile.
_LONGEST_WAIT = 30.0
_SHORTEST_WAIT = 0.1
# Seconds until the main thread sees a signal that another one was given.
_GLANCE = 0.5


class Agent:
    """Does what is due from :meth:`start` until :meth:`stop`.

    ``told`` hears of each task that ended, ``failing`` of what keeps tasks from being begun and of
    places that do not get the log; both are called on threads of the agent. ``clock`` gives the
    Unix time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        told: Callable[[Ran], object],
        failing: Callable[[str], object],
        clock: Clock = time.time,
    ) -> None:
        self._settings = settings
        self._told = told
        self._failing = failing
        self._clock = clock
        self._stopping = Event()
        tasks = tasks_of(settings)
        self._threads = [
            Thread(
                target=self._attend,
                args=([each.name for each in tasks if each.watches is watching],),
                name="jobstore-watching" if watching else "jobstore-working",
            )
            for watching in (True, False)
        ]
        self._archiver = _archiver(settings, failing)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()
        if self._archiver is not None:
            self._archiver.start()

    def wait(self) -> None:
        """Wait until it was stopped and the tasks that ran have ended."""
        for thread in self._threads:
            # A signal may reach a thread of a task; it is handled only when this one wakes up.
            while thread.is_alive():
                thread.join(_GLANCE)

    def stop(self) -> None:
        """Begin no further task, wait for those that run, and bring the end of the log away.

        A place that hangs delays this by some seconds only.
        """
        self._stopping.set()
        self.wait()
        if self._archiver is not None:
            self._archiver.stop()

    def _attend(self, names: list[str]) -> None:
        trouble = ""
        while not self._stopping.is_set():
            wait = _LONGEST_WAIT
            try:
                run_due(
                    self._settings,
                    only=names,
                    clock=self._clock,
                    stop=self._stopping,
                    told=self._tell,
                )
                wait = self._until_due(names)
                trouble = ""
            except Exception as error:
                # A full disk, say: it may be over when it is tried again.
                known = isinstance(error, JobStoreError)
                told = str(error) if known else f"unexpected {type(error).__name__}"
                if told != trouble:
                    trouble = told
                    _log.error("nothing that is due can be done", error=told)
                    self._failing(told)
            self._stopping.wait(wait)

    def _tell(self, ran: Ran) -> None:
        # What others do is of no interest every time that they are asked.
        if ran.outcome != "busy":
            self._told(ran)

    def _until_due(self, names: list[str]) -> float:
        now = self._clock()
        found = upcoming(self._settings, only=names, clock=lambda: now)
        # What is due and was not done is another's work now.
        times = [each.next_at.timestamp() - now for each in found if not each.due]
        return max(_SHORTEST_WAIT, min([_LONGEST_WAIT, *times]))


def _archiver(settings: Settings, told: Callable[[str], object]) -> Archiver | None:
    """Return what archives the store, where the settings want it and its engine can."""
    url = settings.store.address
    if not settings.archive.enabled or Capability.LOG not in backend_of(url).capabilities:
        return None
    from jobstore.operations.archiving import Archiver

    return Archiver(settings, told=told)
