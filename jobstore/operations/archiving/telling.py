"""What an archiver tells: people as it happens, and the file of how it stands now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from threading import Lock

from jobstore.engines.log import Mark
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.archiving import standing
from jobstore.operations.archiving.carriers import words
from jobstore.operations.archiving.standing import PlaceStanding, Written
from jobstore.settings.sections import Settings

_log = logs.get("archive")


class Teller:
    """Tells each fault once, while it lasts; for any number of threads.

    ``told`` hears of it in words.
    """

    def __init__(self, settings: Settings, told: Callable[[str], object] | None) -> None:
        self._settings = settings
        self._told = told
        self._lock = Lock()
        self._started_at = time.time()
        self._faults: dict[str, str | None] = {}
        self._due = 0.0

    def fault(self, what: str, fault: str | None) -> None:
        """Tell a fault of ``what`` when it is new; it stands until there is none (``None``)."""
        with self._lock:
            if fault == self._faults.get(what):
                return
            self._faults = {**self._faults, what: fault}
            self._due = 0.0
        if fault is not None:
            self.say(fault)

    def place(self, place: str, fault: str | None) -> None:
        """Tell that a place is away, or back."""
        self._due = 0.0
        self.say(f"{place} gets the log again." if fault is None else fault)

    def say(self, text: str) -> None:
        """Tell something."""
        _log.warning("the archiver says", error=text)
        if self._told is not None:
            self._told(text)

    def write(
        self,
        mark: Mark,
        store: str,
        places: Iterable[PlaceStanding],
        *,
        at_once: bool = False,
        ended: bool = False,
    ) -> None:
        """Write down how archiving stands, if that is due, or something has changed.

        ``ended``: nobody archives any more.
        """
        now = time.monotonic()
        if now < self._due and not at_once:
            return
        self._due = now + standing.BETWEEN
        written = Written(
            at=time.time(),
            process=None if ended else os.getpid(),
            started_at=self._started_at,
            store=store,
            generation=mark.generation,
            segment=mark.segment,
            fault=" ".join(each for each in self._faults.values() if each is not None) or None,
            places=tuple(places),
        )
        try:
            standing.write(self._settings, written)
        except (OSError, JobStoreError) as error:
            _log.error("how archiving stands could not be written down", error=words(error))
