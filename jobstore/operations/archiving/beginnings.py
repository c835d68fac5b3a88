"""The backup from which a generation of the log begins: without one its pieces are of no use.

A generation needs it in every place: made at once, tried again when that fails, and brought to a
place that has none, such as one that came back empty.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from jobstore.engines import log_of
from jobstore.engines.log import Kept
from jobstore.errors import BackupError
from jobstore.operations.archiving.couriers import Courier
from jobstore.operations.backup.creation import create, replicate
from jobstore.operations.backup.manifest import LogPlace, Manifest, age_order
from jobstore.operations.backup.places import FolderPlace
from jobstore.progress import Progress
from jobstore.settings.sections import Settings

REASON = "a new beginning of the archive"

# Seconds between two looks at which backups there are, and two tries to bring one to a place.
_BETWEEN_LOOKS = 30.0
_BETWEEN_TRIES = 120.0


class Beginnings:
    """Sees to it that every place has a backup from which the log that is there goes on.

    For one thread at a time, but for :meth:`serve`. ``progress`` may raise to end what is going on.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._generation = ""
        # Those of the present generation, by name, the newest first.
        self._bases: dict[str, LogPlace] = {}
        self._looked = -_BETWEEN_LOOKS
        self._next: dict[str, float] = {}

    def attend(self, kept: Kept, couriers: Sequence[Courier]) -> None:
        """Do what is to be done. Raises what making backups raises."""
        generation, now = kept.mark.generation, time.monotonic()
        if generation != self._generation:
            self._generation, self._bases = generation, {}
            self._looked = -_BETWEEN_LOOKS
        if now - self._looked >= _BETWEEN_LOOKS:
            self._bases = self._found()
            self._looked = now
        if not self._bases or any(self._is_cut_off(each, kept) for each in couriers):
            made = create(self._settings, self._progress, REASON, replicate=False).manifest
            self._bases = self._found()
            if made.name not in self._bases:
                raise BackupError("The log began anew while its backup was made; it is made again.")
        if kept.broken is not None:
            log_of(self._settings.store.address).settled(self._settings.store.address, generation)
        self._replicate(couriers)

    def serve(self, courier: Courier) -> bool:
        """Tell whether its place alone gives back all that was written up to its ``mark``."""
        mark = courier.mark
        if mark is None or mark.generation != self._generation:
            return False
        return any(
            base.through <= mark.segment
            and not courier.lacks(mark.generation, base.segment + 1, mark.segment)
            for name, base in self._bases.items()
            if _has(courier, name)
        )

    def _found(self) -> dict[str, LogPlace]:
        folder = self._settings.backups_folder
        listed = FolderPlace(folder).listing()[0] if folder.exists() else []
        found: list[tuple[Manifest, LogPlace]] = [
            (each, each.log)
            for each in listed
            if each.log is not None and each.log.generation == self._generation
        ]
        found.sort(key=lambda each: age_order(each[0]), reverse=True)
        return {manifest.name: log for manifest, log in found}

    def _is_cut_off(self, courier: Courier, kept: Kept) -> bool:
        """Tell whether a place lacks pieces after the newest backup that are nowhere any more."""
        if courier.mark is None or not courier.looked_back:
            return False
        base = next(iter(self._bases.values()))
        held = [each.number for each in kept.segments if each.generation == self._generation]
        last = min(held, default=kept.mark.segment + 1) - 1
        return courier.lacks(self._generation, base.segment + 1, last)

    def _replicate(self, couriers: Sequence[Courier]) -> None:
        """Bring the newest backup to the places that have none from which their log goes on."""
        now, newest = time.monotonic(), next(iter(self._bases))
        due = [
            each
            for each in couriers
            if not _has(each, newest)
            and self._needs(each)
            and now >= self._next.get(each.name, 0.0)
        ]
        if not due:
            return
        self._next.update((each.name, now + _BETWEEN_TRIES) for each in due)
        # Not to others: one that hangs would keep these waiting.
        names = {each.name for each in due}
        made = replicate(self._settings, newest, self._progress, places=names)
        for each in due:
            if each.name in made.places:
                each.backups = (each.backups or frozenset()) | {newest}

    def _needs(self, courier: Courier) -> bool:
        if courier.backups is None:
            # It was not reached yet.
            return False
        has_one = any(_has(courier, name) for name in self._bases)
        return not has_one or (courier.looked_back and not self.serve(courier))


def _has(courier: Courier, name: str) -> bool:
    return courier.is_own or (courier.backups is not None and name in courier.backups)
