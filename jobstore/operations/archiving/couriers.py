"""Bringing the log to one place: what the place has, what it lacks, and how that gets there.

What a place has is read from its listing, at the start and now and then, and remembered as runs of
numbers; nothing else has to survive. Pieces that it lacks are taken from the spool, in one object
where they follow each other, so a place that was away for long catches up in few large ones. What
the spool has no more is taken from the folder of the store's own backups, as it lies there. An
object gets its name when it is whole, so one that was not finished is not there; brought twice, it
replaces itself. When this is done, and for which places, is decided in
:mod:`jobstore.operations.archiving.shipping`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from jobstore.engines.log import Kept, Mark, Segment
from jobstore.errors import BackupError
from jobstore.files import create
from jobstore.operations.archiving.packer import Packer
from jobstore.operations.archiving.runs import Runs
from jobstore.operations.archiving.segments import (
    FOLDER,
    Name,
    Shipped,
    doubt,
    header,
    listing,
    name_of,
)
from jobstore.operations.backup.manifest import SUFFIX
from jobstore.operations.backup.places import FolderPlace, Place
from jobstore.progress import silent
from jobstore.scratch import disk_errors, make_folder, scratch_folder, sweep
from jobstore.settings.sections import Settings

MOST_OCTETS = 64 * 1024**2
"""Bytes that are brought in one object, more or less."""

# Bytes that go in one request; a larger object goes in parts.
_ONE_REQUEST = 4 * 1024**2
# Seconds between two looks at what a place has.
_BETWEEN_LOOKS = 60.0
# Seconds for which it is told that another archiver was noticed.
_REMEMBERED = 600.0
_DAY = 86_400.0


class Courier:
    """Brings the log of a store to one place; for one thread at a time.

    ``packer`` packs its pieces, ``place`` is where backups are, ``own`` the folder that they are
    made in, ``None`` where that is the place itself. What others read is set as a whole: ``mark``
    is how far the place has the log without a gap in what is kept, ``until`` the Unix time before
    which every write is there, both ``None`` where that is not known yet; ``backups`` are the names
    of the backups there; ``looked_back`` is whether it was brought what the own folder had;
    ``faults`` says what is wrong with objects there.
    """

    def __init__(
        self, settings: Settings, place: Place, own: FolderPlace | None, packer: Packer
    ) -> None:
        self.name = place.name
        self.mark: Mark | None = None
        self.until: float | None = None
        self.backups: frozenset[str] | None = None
        self.looked_back = False
        self.faults: tuple[str, ...] = ()
        self._packer = packer
        self._settings = settings
        self._backups = place
        self._place = place.below(FOLDER)
        self._own = None if own is None else own.below(FOLDER)
        self._stem = settings.store.address.path.stem
        self._has: dict[str, Runs] = {}
        self._looked: float | None = None
        # Generations that grow there by our doing; the last pieces of others at the last look, and
        # when one of these had grown; the objects that this courier brought.
        self._ours: set[str] = set()
        self._others: dict[str, int] | None = None
        self._grew: float | None = None
        self._brought: set[str] = set()

    @property
    def is_own(self) -> bool:
        """Whether this is the folder that backups are made in."""
        return self._own is None

    @property
    def foreign(self) -> bool:
        """Whether another archiver of this store was noticed at the place lately."""
        return self._grew is not None and time.monotonic() - self._grew < _REMEMBERED

    def lacks(self, generation: str, first: int, last: int) -> bool:
        """Tell whether the place lacks one of these pieces, as far as is known."""
        return not self._runs(generation).cover(first, last)

    def forget(self) -> None:
        """Look anew at what the place has, when it can be reached again."""
        self._looked, self.looked_back = None, False

    def bring(
        self, kept: Kept, *, going: Callable[[], bool], arrived: Callable[[], None] = lambda: None
    ) -> None:
        """Bring what the place lacks of what is kept; then of what the own folder has.

        Ends early when ``going`` says so. ``arrived`` is called after each object. Raises
        BackupError when the place cannot be reached or refuses, and StorageFull.
        """
        self._ours.update(each.generation for each in kept.segments)
        self._ours.add(kept.mark.generation)
        looked = self._look_if_due(kept)
        self._reckon(kept)
        for pieces in self._lacking(kept):
            if not going():
                return
            self._put_pieces(pieces)
            self._reckon(kept)
            arrived()
        if looked and self._own is not None:
            for names in self._older(self._own, kept):
                if not going():
                    return
                self._put_copies(self._own, names)
        self.looked_back = True

    def _runs(self, generation: str) -> Runs:
        return self._has.setdefault(generation, Runs())

    def _reckon(self, kept: Kept) -> None:
        """Say how far the place has what is kept."""
        before: Segment | None = None
        for each in kept.segments:
            if not self._runs(each.generation).cover(each.number, each.number):
                break
            before = each
        else:
            self.mark, self.until = kept.mark, kept.looked_at
            return
        if before is not None:
            self.mark, self.until = Mark(before.generation, before.number), before.captured_at

    def _lacking(self, kept: Kept) -> Iterator[list[Segment]]:
        """Yield the pieces that the place lacks, joined where they follow each other."""
        found: list[Segment] = []
        octets = 0
        for each in kept.segments:
            if self._runs(each.generation).cover(each.number, each.number):
                continue
            follows = found and (found[-1].generation, found[-1].number + 1) == (
                each.generation,
                each.number,
            )
            if found and (not follows or octets + each.octets > MOST_OCTETS):
                yield found
                found, octets = [], 0
            found.append(each)
            octets += each.octets
        if found:
            yield found

    def _put_pieces(self, pieces: list[Segment]) -> None:
        first, last = pieces[0], pieces[-1]
        file = name_of(self._stem, first.generation, first.number, last.number)
        with self._scratch() as scratch:
            self._packer.pack(pieces, scratch / file)
            self._put(scratch / file)
        self._brought.add(file)
        self._runs(first.generation).add(first.number, last.number)

    def _put(self, file: Path) -> None:
        if isinstance(self._place, FolderPlace) or file.stat().st_size > _ONE_REQUEST:
            self._place.upload(file.name, file, silent)
        else:
            self._place.write(file.name, file.read_bytes())

    def _scratch(self) -> AbstractContextManager[Path]:
        """Return a scratch folder: in the own folder, where a rename is all that it takes there."""
        if isinstance(self._place, FolderPlace) and self.is_own:
            return scratch_folder(self._place.folder)
        make_folder(self._settings.state_folder)
        return scratch_folder(self._settings.state_folder)

    def _look_if_due(self, kept: Kept) -> bool:
        now = time.monotonic()
        if self._looked is not None and now - self._looked < _BETWEEN_LOOKS:
            return False
        self._make()
        names, faults = listing(self._place)
        ends = {each.generation: each.number for each in kept.segments}
        ends[kept.mark.generation] = kept.mark.segment
        begins = {each.generation: each.number for each in reversed(kept.segments)}
        has: dict[str, Runs] = {}
        for name in names:
            told = self._fault(name, begins.get(name.generation), ends.get(name.generation))
            if told is None:
                has.setdefault(name.generation, Runs()).add(name.first, name.last)
            else:
                faults.append(told)
        self._notice_others(names, now)
        files = self._backups.sizes()
        self.backups = frozenset(
            each.removesuffix(SUFFIX) for each in files if each.endswith(SUFFIX)
        )
        self._brought &= {each.file for each in names}
        self._has, self.faults, self._looked = has, tuple(faults), now
        return True

    def _make(self) -> None:
        """Have the folder for the log where it is missing, in a place that is there."""
        if not isinstance(self._place, FolderPlace):
            return
        folder = self._place.folder
        with disk_errors(folder.parent):
            if not self.is_own and not folder.parent.is_dir():
                raise FileNotFoundError(2, "there is no such folder")
            make_folder(folder)
            # What was left by one that was killed.
            sweep(folder)

    def _fault(self, name: Name, begin: int | None, end: int | None) -> str | None:
        """Say why an object is not taken for what its name says; ``None`` where it is.

        Only those are looked into whose pieces could still be brought, and that others put there.
        """
        if end is not None and name.last > end:
            return (
                f"{name.file} says that it has pieces that there are not yet; remove it, and see "
                "who else writes there."
            )
        if begin is None or name.last < begin or name.file in self._brought:
            return None
        try:
            shipped = header(self._place, name)
        except BackupError as error:
            return f"{name.file}: {error}"
        if not self._is_ours(shipped, name):
            return f"{name.file} holds something else than its name says; it is brought anew."
        return doubt(shipped, self._settings.backup)

    def _is_ours(self, shipped: Shipped, name: Name) -> bool:
        said = (shipped.store, shipped.generation, shipped.first)
        whole = shipped.last < name.last or name.size == len(shipped.to_line()) + shipped.size
        return said == (self._packer.store, name.generation, name.first) and whole

    def _notice_others(self, names: Iterable[Name], now: float) -> None:
        """Notice generations of this store that grow there, and not by our doing."""
        newest: dict[str, Name] = {}
        for name in names:
            known = newest.get(name.generation)
            if name.generation not in self._ours and (known is None or name.last > known.last):
                newest[name.generation] = name
        before, self._others = self._others, {each: name.last for each, name in newest.items()}
        if before is None:
            return
        for generation, name in newest.items():
            if name.last > before.get(generation, 0) and self._of_our_store(name):
                self._grew = now

    def _of_our_store(self, name: Name) -> bool:
        try:
            shipped = header(self._place, name)
        except BackupError:
            return False
        return shipped.store == self._packer.store and doubt(shipped, self._settings.backup) is None

    def _older(self, own: Place, kept: Kept) -> Iterator[list[Name]]:
        """Yield objects of the own folder that the place lacks, joined where they follow."""
        spooled = {(each.generation, each.number) for each in kept.segments}
        oldest = time.time() - self._settings.archive.keep_days * _DAY
        found: list[Name] = []
        for name in listing(own)[0] if self._own_is_there() else []:
            runs = self._runs(name.generation)
            if runs.cover(name.first, name.last) or (name.generation, name.first) in spooled:
                continue
            if header(own, name).captured_at < oldest:
                continue
            follows = found and (found[-1].generation, found[-1].last + 1) == (
                name.generation,
                name.first,
            )
            octets = sum(each.size for each in found)
            if found and (not follows or octets + name.size > MOST_OCTETS):
                yield found
                found = []
            found.append(name)
        if found:
            yield found

    def _own_is_there(self) -> bool:
        return isinstance(self._own, FolderPlace) and self._own.folder.is_dir()

    def _put_copies(self, own: Place, names: list[Name]) -> None:
        first, last = names[0], names[-1]
        self._ours.add(first.generation)
        file = name_of(self._stem, first.generation, first.first, last.last)
        with self._scratch() as scratch:
            target = scratch / file
            with disk_errors(scratch), create(target) as stream:
                for each in names:
                    for block in own.blocks(each.file, "copy", silent):
                        stream.write(block)
            self._put(target)
        self._brought.add(file)
        self._runs(first.generation).add(first.first, last.last)
