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
from jobstore.operations.backup.manifest import Manifest, age_order
from jobstore.operations.backup.places import FolderPlace
from jobstore.progress import Progress
from jobstore.settings.sections import Settings

REASON = "a new beginning of the archive"

# Seconds between two looks at which backups there are, and two tries to bring one to a place.
_BETWEEN_LOOKS = 30.0
_BETWEEN_TRIES = 120.0


class Beginnings:
    """Sees to it that every place has a backup from which the log that is there goes on.

    For one thread at a time. ``based`` has the places where the present generation has one;
    ``progress`` may raise to end what is going on.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._generation = ""
        self._base: Manifest | None = None
        self._looked = -_BETWEEN_LOOKS
        self._next: dict[str, float] = {}
        self.based: frozenset[str] = frozenset()

    def attend(self, kept: Kept, couriers: Sequence[Courier]) -> None:
        """Do what is to be done. Raises what making backups raises."""
        generation, now = kept.mark.generation, time.monotonic()
        if generation != self._generation:
            self._generation, self._base, self.based = generation, None, frozenset()
            self._looked = -_BETWEEN_LOOKS
        if now - self._looked >= _BETWEEN_LOOKS:
            self._looked = now
            self._base = self._newest()
        if self._base is None or any(self._is_cut_off(each, kept) for each in couriers):
            made = create(self._settings, self._progress, REASON, replicate=False).manifest
            self._base = made if _generation_of(made) == generation else None
        if self._base is None:
            raise BackupError("The log began anew while its backup was made; it is made again.")
        if kept.broken is not None:
            log_of(self._settings.store.address).settled(self._settings.store.address, generation)
        self._replicate(self._base, couriers)

    def _newest(self) -> Manifest | None:
        folder = self._settings.backups_folder
        listed = FolderPlace(folder).listing()[0] if folder.exists() else []
        found = [each for each in listed if _generation_of(each) == self._generation]
        return max(found, key=age_order, default=None)

    def _is_cut_off(self, courier: Courier, kept: Kept) -> bool:
        """Tell whether a place lacks pieces after the backup that are nowhere any more."""
        base = self._base
        if base is None or base.log is None or courier.mark is None or not courier.looked_back:
            return False
        held = [each.number for each in kept.segments if each.generation == self._generation]
        last = min(held, default=kept.mark.segment + 1) - 1
        return courier.lacks(self._generation, base.log.segment + 1, last)

    def _replicate(self, base: Manifest, couriers: Sequence[Courier]) -> None:
        based, lacking = set(), []
        for each in couriers:
            if each.is_own or (each.backups is not None and base.name in each.backups):
                based.add(each.name)
            elif each.backups is not None:
                lacking.append(each)
        self.based = frozenset(based)
        now = time.monotonic()
        due = [each for each in lacking if now >= self._next.get(each.name, 0.0)]
        if not due:
            return
        self._next.update((each.name, now + _BETWEEN_TRIES) for each in due)
        # Not to others: one that hangs would keep these waiting.
        names = {each.name for each in due}
        made = replicate(self._settings, base.name, self._progress, places=names)
        for each in due:
            if each.name in made.places:
                each.backups = (each.backups or frozenset()) | {base.name}
                self.based |= {each.name}


def _generation_of(manifest: Manifest) -> str | None:
    return None if manifest.log is None else manifest.log.generation
