"""What there is of a store's log, in all places and in the spool beside the store.

Pieces are looked for by their numbers; any copy will do, and where one is not good the next is
tried. Nothing is changed here, and nothing is replayed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from jobstore.engines import log_of
from jobstore.engines.log import Kept, Log, Segment
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations.archiving import segments
from jobstore.operations.archiving.segments import Name
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.trust import Doubt
from jobstore.progress import silent
from jobstore.scratch import make_folder
from jobstore.settings.sections import Settings

FOLDER = "archive"
"""Where the log lies in each place."""

# Objects that are fetched at a time, and before they are asked for.
_AT_ONCE = 4
_AHEAD = 6


class Reach(NamedTuple):
    """How far the log leads on from a backup: the last number, and the Unix time.

    Everything that was committed before ``until`` is in a piece up to ``last``. Without
    ``replayable`` the pieces do not lead to the end of the copy itself, so it stands alone.
    """

    last: int
    until: float
    replayable: bool


class _Copy(NamedTuple):
    """Some pieces in one place; ``segment`` instead where they lie in the spool."""

    first: int
    last: int
    place: Place | None
    name: Name | None
    segment: Segment | None


class _Fetched(NamedTuple):
    paths: list[Path]
    last: int
    until: float


class Archived:
    """The log of one store, as far as any place has it.

    ``store`` is its name in manifests; ``accept`` is as for restoring. ``faults`` tells what was
    wrong with places, ``broken`` what was wrong with pieces that were tried.
    """

    def __init__(
        self,
        settings: Settings,
        store: str,
        identities: list[Any],
        accept: Collection[Doubt] = (),
    ) -> None:
        self._settings = settings
        self._store = store
        self._identities = identities
        self._accept = frozenset(accept)
        self._copies: dict[str, list[_Copy]] = {}
        self._until: dict[_Copy, float] = {}
        # Numbers that no copy gives any more.
        self._missing: set[tuple[str, int]] = set()
        self.faults: list[str] = []
        self.broken: list[str] = []
        self._kept = self._look_at_spool()
        for place in open_places(settings):
            self._look_at(place)
        for copies in self._copies.values():
            # Of those that begin alike the longest goes first, then what is nearest.
            copies.sort(key=lambda each: (each.first, -each.last))

    def _look_at_spool(self) -> Kept | None:
        url = self._settings.store.address
        log = log_of(url)
        kept = None
        if log is not None:
            try:
                # A store that is lost may have left its spool.
                with suppress(JobStoreError):
                    if log.kept(url) is not None:
                        log.capture(url)
                kept = log.kept(url)
            except JobStoreError as error:
                self.faults.append(str(error))
        for each in () if kept is None else kept.segments:
            copy = _Copy(each.number, each.number, None, None, each)
            self._until[copy] = each.captured_at
            self._copies.setdefault(each.generation, []).append(copy)
        return kept

    def _look_at(self, place: Place) -> None:
        below = place.below(FOLDER)
        if place.name == str(self._settings.backups_folder):
            # Before the first is shipped there is none.
            folder = self._settings.backups_folder / FOLDER
            if not folder.exists():
                return
        try:
            names, faults = segments.listing(below)
        except JobStoreError as error:
            self.faults.append(str(error))
            return
        self.faults += faults
        for name in names:
            copy = _Copy(name.first, name.last, below, name, None)
            self._copies.setdefault(name.generation, []).append(copy)

    def __bool__(self) -> bool:
        return bool(self._copies)

    def reach(self, manifest: Manifest) -> Reach:
        """Return how far the log leads on from a backup, by what is listed and not broken."""
        at = manifest.log
        if at is None:
            raise ValueError("a backup without a place in the log")
        last, until = at.segment, manifest.created_at.timestamp()
        for copy in self._path(at.generation, at.segment):
            last, final = copy.last, copy
        replayable = last >= at.through
        if replayable and last > at.segment:
            until = max(until, self._known_until(final))
        kept = self._kept
        if (
            replayable
            and kept is not None
            and kept.mark.generation == at.generation
            and last >= kept.mark.segment
        ):
            # Nothing was committed since that is not in a piece.
            until = max(until, kept.looked_at)
        return Reach(last, until, replayable)

    def _path(self, generation: str, after: int) -> Iterator[_Copy]:
        """Yield what leads on from a number without a gap."""
        while copies := self._of(generation, after + 1):
            yield copies[0]
            after = copies[0].last

    def _of(self, generation: str, number: int) -> list[_Copy]:
        """Return the copies that have a piece, those that lead furthest first."""
        if (generation, number) in self._missing:
            return []
        found = [
            each for each in self._copies.get(generation, ()) if each.first <= number <= each.last
        ]
        return sorted(found, key=lambda each: -each.last)

    def _known_until(self, copy: _Copy) -> float:
        """Return the moment up to which a copy has everything, at least; 0 if it cannot be read."""
        if copy not in self._until and copy.place is not None and copy.name is not None:
            self._until[copy] = 0.0
            with suppress(JobStoreError):
                self._until[copy] = segments.headers(copy.place, copy.name).captured_at
        return self._until.get(copy, 0.0)

    def pieces(self, manifest: Manifest, scratch: Path, found: Found) -> Iterator[Path]:
        """Yield the pieces after a backup, one file after the other, until none leads on.

        Each file is gone when the next is asked for. ``found`` tells how far it was.
        """
        at = manifest.log
        if at is None:
            raise ValueError("a backup without a place in the log")
        generation, number = at.generation, at.segment + 1
        folder = scratch / "log"
        make_folder(folder)
        with ThreadPoolExecutor(_AT_ONCE, "jobstore-fetching") as pool:
            ahead: dict[int, Future[_Fetched | None]] = {}
            try:
                while True:
                    starts = self._starts(generation, number)
                    for start in islice(starts, _AHEAD):
                        if start not in ahead:
                            ahead[start] = pool.submit(self._fetch, generation, start, folder)
                    if number not in ahead or (fetched := ahead.pop(number).result()) is None:
                        return
                    for path in fetched.paths:
                        yield path
                        if path.parent == folder or folder in path.parents:
                            path.unlink(missing_ok=True)
                    number = fetched.last + 1
                    found.last, found.until = fetched.last, max(found.until, fetched.until)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _starts(self, generation: str, number: int) -> Iterator[int]:
        for copy in self._path(generation, number - 1):
            yield number
            number = copy.last + 1

    def _fetch(self, generation: str, number: int, folder: Path) -> _Fetched | None:
        """Return pieces that begin with a number, of the first copy that is good."""
        faults = []
        for copy in self._of(generation, number):
            try:
                paths = self._unpacked(copy, folder / str(number))
            except JobStoreError as error:
                where = "the spool" if copy.place is None else copy.place.name
                faults.append(str(error) if where in str(error) else f"{where}: {error}")
                continue
            self.broken += faults
            return _Fetched(paths, copy.last, self._known_until(copy))
        self.broken += faults
        self._missing.add((generation, number))
        return None

    def _unpacked(self, copy: _Copy, folder: Path) -> list[Path]:
        if copy.segment is not None:
            if not copy.segment.path.is_file():
                raise BackupError(f"Piece {copy.first} of the log is gone from the spool.")
            return [copy.segment.path]
        if copy.place is None or copy.name is None:
            raise ValueError("a copy that is nowhere")
        make_folder(folder)
        return segments.unpack(
            copy.place,
            copy.name,
            folder,
            section=self._settings.backup,
            store=self._store,
            identities=self._identities,
            accept=self._accept,
            progress=silent,
        )


class Found:
    """How far the pieces that were given led: the last number, and until when all is known."""

    def __init__(self, last: int, until: float) -> None:
        self.last = last
        self.until = until


def whole_second(until: float) -> int:
    """Return the last whole second up to which everything is known."""
    return math.floor(until)
