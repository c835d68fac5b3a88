"""What there is of a store's log, in all places and in the spool beside the store.

Pieces are looked for by their numbers; any copy will do, and where one is not good the next is
tried. Nothing is changed here, and nothing is replayed.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from jobstore.engines import log_of
from jobstore.engines.log import Kept, Segment
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations.archiving import segments
from jobstore.operations.archiving.segments import FOLDER, Name
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.places import FolderPlace, Place
from jobstore.operations.backup.trust import Doubt
from jobstore.scratch import make_folder
from jobstore.settings.sections import Settings

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

    def is_gone(self) -> bool:
        """Tell whether it was released or joined since it was listed, which is no fault."""
        if self.segment is not None:
            return not self.segment.path.is_file()
        with suppress(JobStoreError):
            if self.place is not None and self.name is not None:
                return self.name.file not in self.place.sizes()
        return False


class _Fetched(NamedTuple):
    paths: list[Path]
    copy: _Copy


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
        self._kept: Kept | None = None
        self._until: dict[_Copy, float] = {}
        # Copies that are not good, and numbers that no copy gives any more.
        self._bad: set[_Copy] = set()
        self._missing: set[tuple[str, int]] = set()
        self._reading: _Copy | None = None
        self.faults: tuple[str, ...] = ()
        self.broken: list[str] = []
        self._look()

    def _look(self) -> None:
        """List what there is; what a machine has taken in the meantime is another's now."""
        found: dict[str, list[_Copy]] = {}
        faults: list[str] = []
        # The spool first: what goes from there is in a place by then.
        self._kept = self._look_at_spool(faults)
        for each in () if self._kept is None else self._kept.segments:
            copy = _Copy(each.number, each.number, None, None, each)
            self._until[copy] = each.captured_at
            found.setdefault(each.generation, []).append(copy)
        for place in open_places(self._settings):
            for name in self._listed(place, faults):
                copy = _Copy(name.first, name.last, place.below(FOLDER), name, None)
                found.setdefault(name.generation, []).append(copy)
        self._copies, self.faults = found, tuple(faults)

    def _look_at_spool(self, faults: list[str]) -> Kept | None:
        url = self._settings.store.address
        log = log_of(url)
        try:
            # A store that is lost may have left its spool.
            with suppress(JobStoreError):
                if log.kept(url) is not None:
                    log.capture(url)
            return log.kept(url)
        except JobStoreError as error:
            faults.append(str(error))
            return None

    def _listed(self, place: Place, faults: list[str]) -> list[Name]:
        try:
            names, wrong = objects_in(self._settings, place)
        except JobStoreError as error:
            faults.append(str(error))
            return []
        faults += wrong
        return names

    def __bool__(self) -> bool:
        return bool(self._copies)

    def reach(self, manifest: Manifest) -> Reach:
        """Return how far the log leads on from a backup, by what is listed and not broken."""
        at = manifest.log_place
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

    def ends(self, known: Collection[str]) -> list[float]:
        """Return the Unix times that other generations than the known ones lead to, at least."""
        found = []
        for generation, copies in self._copies.items():
            last = max(copies, key=lambda each: each.last)
            if generation not in known and self._is_own(last):
                found.append(self._known_until(last))
        return found

    def _is_own(self, copy: _Copy) -> bool:
        """Tell whether a copy is of this store; several may lie together."""
        if copy.place is None or copy.name is None:
            return True
        with suppress(JobStoreError):
            return segments.header(copy.place, copy.name).store == self._store
        return False

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
            each
            for each in self._copies.get(generation, ())
            if each.first <= number <= each.last and each not in self._bad
        ]
        return sorted(found, key=lambda each: -each.last)

    def _known_until(self, copy: _Copy) -> float:
        """Return the moment up to which a copy has everything, at least; 0 if it cannot be read."""
        if copy not in self._until and copy.place is not None and copy.name is not None:
            self._until[copy] = 0.0
            with suppress(JobStoreError):
                self._until[copy] = segments.header(copy.place, copy.name).captured_at
        return self._until.get(copy, 0.0)

    def pieces(
        self, manifest: Manifest, scratch: Path, found: Found
    ) -> Generator[Path, None, None]:
        """Yield the pieces after a backup, one file after the other, until none leads on.

        Each file is gone when the next is asked for. ``found`` tells how far it was.
        """
        at = manifest.log_place
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
                    self._reading = fetched.copy
                    for path in fetched.paths:
                        yield path
                        if path.parent == folder or folder in path.parents:
                            path.unlink(missing_ok=True)
                    number = fetched.copy.last + 1
                    found.last = fetched.copy.last
                    found.until = max(found.until, self._known_until(fetched.copy))
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def distrust(self, fault: str) -> bool:
        """Take no more from the copy that was given last; False where it was known to be bad.

        For what only shows when pieces are replayed, such as damage to one in the spool.
        """
        copy = self._reading
        if copy is None or copy in self._bad:
            return False
        self._bad.add(copy)
        if not copy.is_gone():
            self.broken.append(fault)
        return True

    def _starts(self, generation: str, number: int) -> Iterator[int]:
        for copy in self._path(generation, number - 1):
            yield number
            number = copy.last + 1

    def _fetch(self, generation: str, number: int, folder: Path) -> _Fetched | None:
        """Return pieces that begin with a number, of the first copy that is good."""
        tried: dict[_Copy, str] = {}
        # What was shipped, joined or released since it was listed is found at the second look.
        for again in (False, True):
            if again:
                self._look()
            for copy in self._of(generation, number):
                if copy in tried:
                    continue
                try:
                    paths = self._unpacked(copy, folder / f"{number}-{len(tried)}")
                except JobStoreError as error:
                    tried[copy] = str(error)
                    continue
                # The agent goes on beside a restore: what it took away is good elsewhere.
                self.broken += [text for each, text in tried.items() if not each.is_gone()]
                return _Fetched(paths, copy)
        self.broken += tried.values()
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
        )


class Found:
    """How far the pieces that were given led: the last number, and until when all is known."""

    def __init__(self, last: int, until: float) -> None:
        self.last = last
        self.until = until


def objects_in(settings: Settings, place: Place) -> tuple[list[Name], list[str]]:
    """Return the objects of the log in a place, and what is wrong with others.

    A place to which nothing was shipped yet has none. Raises BackupError when it cannot be reached.
    """
    below = place.below(FOLDER)
    if isinstance(below, FolderPlace) and not below.folder.exists():
        if below.folder.parent != settings.backups_folder:
            # A disk that is not mounted is no place.
            place.sizes()
        return [], []
    return segments.listing(below)
