"""The thread of one place: brings the log there when it is woken, and tries again what failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from jobstore.engines.log import Kept
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.archiving.couriers import Courier
from jobstore.operations.archiving.standing import PlaceStanding

_log = logs.get("archive")

# Seconds after which what failed is tried again, at first and at most.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
# Seconds after which a place that does not answer is not waited for.
_PATIENCE = 30.0


class Carrier:
    """Has a courier bring what ``kept`` gives, on a thread of its own, which may hang.

    ``arrived`` is called when something was brought, ``told`` with the place's name when it fails
    (and why) or is well again (``None``).
    """

    def __init__(
        self,
        courier: Courier,
        kept: Callable[[], Kept | None],
        arrived: Callable[[], None],
        told: Callable[[str, str | None], None],
    ) -> None:
        self.courier = courier
        self.wake = Event()
        self.seconds = 0.0
        self._kept = kept
        self._arrived = arrived
        self._told = told
        self._stopping = Event()
        self._over = Event()
        self._busy_since: float | None = None
        self._fault: str | None = None
        self._since: float | None = None
        self._thread = Thread(
            target=self._run, name=f"jobstore-archiving-{courier.name[-40:]}", daemon=True
        )

    @property
    def is_well(self) -> bool:
        """Whether the place took what was brought last, and does not hang."""
        busy = self._busy_since
        hangs = busy is not None and time.monotonic() - busy > _PATIENCE
        return self._fault is None and not hangs

    @property
    def standing(self) -> PlaceStanding:
        """How the place stands."""
        courier, mark = self.courier, self.courier.mark
        return PlaceStanding(
            place=courier.name,
            until=courier.until,
            generation=None if mark is None else mark.generation,
            segment=None if mark is None else mark.segment,
            fault=self._fault,
            since=self._since,
            foreign=courier.foreign,
            warnings=courier.faults[:10],
        )

    def start(self) -> None:
        """Begin to bring what there is whenever ``wake`` is set."""
        self._thread.start()

    def stop(self) -> None:
        """Bring what there is once more, and end."""
        self._stopping.set()
        self.wake.set()

    def join(self, seconds: float) -> None:
        """Wait for the end, ``seconds`` at most."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def give_up(self) -> None:
        """Bring nothing more after what is being brought now."""
        self._over.set()

    def bring_once(self) -> None:
        """Bring what there is; what fails is told."""
        kept = self._kept()
        if kept is None:
            return
        started = self._busy_since = time.monotonic()
        fault = None
        try:
            self.courier.bring(kept, going=lambda: not self._over.is_set(), arrived=self._arrived)
            self._arrived()
        except Exception as error:
            if not isinstance(error, JobStoreError | OSError):
                _log.exception("a place failed unexpectedly", place=self.courier.name)
            fault = words(error)
            self.courier.forget()
        self._busy_since = None
        self.seconds = time.monotonic() - started
        before, self._fault = self._fault, fault
        if (fault is None) != (before is None):
            self._since = None if fault is None else time.time()
            self._told(self.courier.name, fault)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self.wake.wait()
            self.wake.clear()
            last = self._stopping.is_set()
            self.bring_once()
            if last:
                return
            if self._fault is None:
                pause = _FIRST_PAUSE
                continue
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            self.wake.set()


def words(error: BaseException) -> str:
    """Say what went wrong."""
    if isinstance(error, JobStoreError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or 'the system refused it'} ({error.filename or 'unknown file'})"
    return f"unexpected {type(error).__name__}"
