"""When the log goes to which place: once, or by an archiver that goes on until it is stopped.

An archiver keeps what was committed (capture), every ``archive.every`` seconds at the latest, and
has a thread for each place, so that one that is away or hangs costs the others nothing. Another
thread makes the backup from which a new generation begins, another one joins and removes what is
old. None of these threads is waited for without end, and nothing has to be finished by them: what
was not brought is in the spool, and is brought by who comes next. The order of things, for one
piece:

1. It is captured: safely on disk in the spool, whole.
2. It is at a place, whole: the object got its name. Killed before that, nothing is there.
3. ``log.shipped`` is told, where writes wait for a place.
4. Every place has it: ``log.release`` lets the spool forget it, but for the last one.

One archiver works at a time; it holds a lock in the spool. Another one says so, stands by, and
takes over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from jobstore.engines import archive_of, log_of
from jobstore.engines.log import Kept, Mark
from jobstore.errors import BackupError, JobStoreError, StoreBusy, StoreUnavailable
from jobstore.locking import FileLock
from jobstore.operations import logs
from jobstore.operations.archiving import reached
from jobstore.operations.archiving import standing as standings
from jobstore.operations.archiving.beginnings import Beginnings
from jobstore.operations.archiving.carriers import Carrier, words
from jobstore.operations.archiving.couriers import Courier
from jobstore.operations.archiving.packer import Packer
from jobstore.operations.archiving.retention import tidy
from jobstore.operations.archiving.standing import Standing
from jobstore.operations.archiving.telling import Teller
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.places import FolderPlace
from jobstore.scratch import sweep

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

_log = logs.get("archive")

# Seconds between two looks at the spool where writes wait for a place.
_GLANCE = 0.015
# Seconds between two tries to begin, to become the archiver, and to make a backup.
_BEFORE_AGAIN = 5.0
# Seconds between two times of joining and removing.
_BETWEEN_TIDYING = 300.0
# Seconds that the end waits for the last pieces to be brought, and for threads to see it.
_LAST = 5.0
_MIB = 1024**2


class _Stopped(Exception):
    """The archiver ends; so does what it was doing."""


class SwitchedOff(Exception):
    """The log is kept no more."""


def ship(settings: Settings) -> Standing:
    """Keep what was committed, bring it to every place, and return how that stands; blocks.

    The log is kept from now on where it was not. A place that fails is told in the result and
    costs the others nothing. Raises StoreBusy while an archiver works, StoreUnavailable where
    there is no store, or an engine without a log, and StorageFull.
    """
    archiver = Archiver(settings)
    with archiver.alone():
        archiver.once()
    found = standings.standing(settings)
    if found is None:
        raise BackupError("Archiving was switched off meanwhile; see 'jobstore archive status'.")
    return found


class Archiver:
    """Keeps the log and brings it to every place, from :meth:`start` until :meth:`stop`.

    ``told`` hears in words what should be known: that another one is at work, that a place is
    away or back; it is called on threads of the archiver.
    """

    def __init__(self, settings: Settings, *, told: Callable[[str], object] | None = None) -> None:
        self._settings = settings
        self._teller = Teller(settings, told)
        self._url = settings.store.address
        self._log = log_of(self._url)
        self._stopping = Event()
        self._ended = Event()
        self._kept: Kept | None = None
        self._begun = False
        self._couriers: list[Carrier] = []
        self._packer = Packer(settings, "")
        self._beginnings = Beginnings(settings, self._progress)
        self._shipped: Mark | None = None
        self._shipping = Lock()
        self._thread = Thread(target=self._run, name="jobstore-archiving", daemon=True)

    def start(self) -> None:
        """Begin; what keeps it from beginning is told, and tried again."""
        self._thread.start()

    def stop(self, seconds: float = 2 * _LAST) -> bool:
        """Keep and bring what there is yet, and end; False if that took too long and is left.

        Waits ``seconds`` at most, whatever hangs. Nothing is lost by what is left.
        """
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def ended(self) -> bool:
        """Whether it has ended: it was stopped, or archiving was switched off."""
        return self._ended.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it has ended, ``seconds`` at most, and return whether it has."""
        return self._ended.wait(seconds)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only archiver while the block lasts.

        Raises StoreBusy where there is another, and SwitchedOff where the log was kept before and
        is not any more.
        """
        with suppress(JobStoreError):
            # A record that cannot be read is made anew by this.
            self._log.capture(self._url)
        if self._look() is None:
            self._start()
        self._begun = True
        busy = "Another archiver of this store is at work."
        lock = FileLock(self._log.folder(self._url) / "archiver", 0.0, lambda: busy)
        with lock:
            self._ask(self._look())
            yield

    def _start(self) -> None:
        wanted = self._settings.archive
        self._log.start(self._url, limit=wanted.limit_mib * _MIB, wait=wanted.wait)

    def _ask(self, kept: Kept | None) -> None:
        """Have the log kept as the settings say; a record that was made anew does not know them."""
        wanted = self._settings.archive
        # Not without need: it would begin anew what is being switched off at this moment.
        if kept is not None and (kept.limit, kept.wait) != (wanted.limit_mib * _MIB, wanted.wait):
            self._start()

    def _look(self) -> Kept | None:
        """Return what is kept. Raises SwitchedOff where something was before and is not now.

        ``None`` is also what is left where somebody has removed the spool, by mistake.
        """
        kept = self._log.kept(self._url)
        if kept is None and self._begun and not self._log.is_lost(self._url):
            raise SwitchedOff
        return kept

    def once(self) -> None:
        """Keep and bring what there is, and return when every place has it or has failed."""
        self._open_couriers()
        self._bring_once()
        with suppress(JobStoreError):
            self._begin()
            # A backup may need what was committed while it was made.
            self._bring_once()
        self._release()
        self._write(at_once=True)
        self._packer.close()

    def _bring_once(self) -> None:
        self._capture()
        threads = [Thread(target=each.bring_once, daemon=True) for each in self._couriers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    with self.alone():
                        self._teller.fault("beginning", None)
                        self._archive()
                except SwitchedOff:
                    self._teller.say("Archiving of this store was switched off; the archiver ends.")
                    return
                except StoreBusy as error:
                    self._stand_by(str(error))
                except Exception as error:
                    # A full disk, say, or no store yet: it may be over when it is tried again.
                    self._teller.fault("beginning", words(error))
                self._stopping.wait(_BEFORE_AGAIN)
        finally:
            self._ended.set()

    def _stand_by(self, text: str) -> None:
        self._teller.fault("beginning", f"{text} This one stands by.")
        with suppress(OSError, JobStoreError):
            standings.write_second(self._settings, os.getpid(), time.time())

    def _archive(self) -> None:
        """Archive until it is to stop. Raises SwitchedOff."""
        self._open_couriers()
        self._capture()
        for each in self._couriers:
            each.start()
        beside = [
            Thread(target=self._attend, name="jobstore-beginnings", daemon=True),
            Thread(target=self._tidy, name="jobstore-tidying", daemon=True),
        ]
        for thread in beside:
            thread.start()
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                self._capture()
                self._release()
                self._write()
                self._pause(began)
            # What was acknowledged until now shall be everywhere, if that is quick.
            self._capture()
        finally:
            for each in self._couriers:
                each.stop()
            self._await_couriers()
            self._packer.close()
            with suppress(JobStoreError):
                self._release()
            self._write(at_once=True, ended=True)

    def _open_couriers(self) -> None:
        self._packer.close()
        store = archive_of(self._url).identity(self._url)
        self._packer = Packer(self._settings, store)
        sweep(self._settings.state_folder)
        own, *others = open_places(self._settings)
        assert isinstance(own, FolderPlace)
        places = [(own, None), *((each, own) for each in others)]
        before = standings.read(self._settings)
        known = {each.place: each for each in before.places} if before is not None else {}
        self._couriers = []
        for place, beside in places:
            courier = Courier(self._settings, place, beside, self._packer)
            if before is not None and before.store == store and place.name in known:
                # How far it was, should it be away now.
                courier.until = known[place.name].until
            self._couriers.append(
                Carrier(courier, lambda: self._kept, self._arrived, self._teller.place)
            )

    def _capture(self) -> None:
        """Keep what was committed, and wake the couriers; what keeps it from that is told."""
        fault = None
        try:
            self._log.capture(self._url)
        except JobStoreError as error:
            fault = str(error)
        # A fault just now may have been that it is not kept any more.
        kept = self._look()
        if kept is None:
            # The lock in it is gone as well, so it is taken anew.
            raise StoreUnavailable(
                f"{self._log.folder(self._url)} was removed; the log begins anew."
            )
        with suppress(JobStoreError):
            self._ask(kept)
        self._teller.fault("capture", fault)
        self._wake(kept)

    def _wake(self, kept: Kept) -> None:
        self._kept = kept
        for each in self._couriers:
            each.wake.set()

    def _pause(self, began: float) -> None:
        """Wait until it is time to capture again; look for what waits to be shipped meanwhile."""
        every = self._settings.archive.every
        slowest = max((each.seconds for each in self._couriers if each.is_well), default=0.0)
        # A place is behind by the pause and by what bringing takes.
        until = began + max(every / 2, every - slowest)
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            kept = self._kept
            if kept is None or not kept.wait:
                self._stopping.wait(left)
                return
            self._stopping.wait(min(left, _GLANCE))
            found = self._log.kept(self._url)
            if found is not None and found.mark != kept.mark:
                self._wake(found)

    def _arrived(self) -> None:
        """Say that writes may be acknowledged that wait for what was just brought."""
        kept = self._kept
        if kept is None or not kept.wait:
            return
        with self._shipping:
            best = reached.acknowledgeable(kept, self._couriers, self._beginnings)
            if best is None or best == self._shipped:
                return
            try:
                self._log.shipped(self._url, best)
            except JobStoreError as error:
                self._teller.fault("shipped", str(error))
            else:
                self._shipped = best
                self._teller.fault("shipped", None)

    def _release(self) -> None:
        """Let the spool forget what every place has; but for the last piece, which is told by."""
        kept = self._kept
        piece = None if kept is None else reached.forgettable(kept, self._couriers)
        if piece is not None:
            self._log.release(self._url, piece)

    def _attend(self) -> None:
        """See to the backups from which the log goes on, as long as the archiver works."""
        while not self._stopping.is_set():
            pause = 1.0
            try:
                self._begin()
            except (JobStoreError, OSError):
                pause = 6 * _BEFORE_AGAIN
            except _Stopped:
                return
            except Exception:
                _log.exception("making the backup that the log begins from failed unexpectedly")
                pause = 6 * _BEFORE_AGAIN
            self._stopping.wait(pause)

    def _begin(self) -> None:
        kept = self._kept
        if kept is None:
            return
        try:
            self._beginnings.attend(kept, [each.courier for each in self._couriers])
        except StoreBusy:
            # Another backup is made just now, and this one is tried again.
            raise
        except JobStoreError as error:
            self._teller.fault(
                "backup", f"No backup that the log can begin from could be made: {error}"
            )
            raise
        self._teller.fault("backup", None)
        self._arrived()

    def _tidy(self) -> None:
        """Join and remove what is old in each place, as long as the archiver works."""
        while not self._stopping.wait(_BETWEEN_TIDYING):
            for place in open_places(self._settings):
                if self._stopping.is_set():
                    return
                try:
                    tidy(self._settings, place)
                except Exception:
                    _log.exception("tidying up the log failed unexpectedly", place=place.name)

    def _progress(self, step: str, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _await_couriers(self) -> None:
        deadline = time.monotonic() + _LAST
        for each in self._couriers:
            each.join(max(0.0, deadline - time.monotonic()))
        for each in self._couriers:
            each.give_up()

    def _write(self, *, at_once: bool = False, ended: bool = False) -> None:
        """Write down how archiving stands, now and then."""
        if self._kept is not None:
            places = [each.standing for each in self._couriers]
            self._teller.write(
                self._kept.mark, self._packer.store, places, at_once=at_once, ended=ended
            )
