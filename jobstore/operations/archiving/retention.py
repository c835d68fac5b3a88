"""How long the log is kept, and in how many objects.

*Joining*: a place gets a small object each second. When it has many, those that follow each other
are joined to larger ones. That takes neither a key nor work, since an object may have several
parts: joining is writing them end to end. What was joined is removed once the joined object was
read back and is good; until then both are there, which harms nobody, as the next run sees.

*Pruning*: any second of the last ``archive.keep_days`` can be had. So of each generation that
reaches into that time its last backup from before it stays, or its first one, and the pieces
after that backup; of what ended before nothing stays but what backups keep for their own sake.
Where a place has no backup of a generation, its pieces stay for as long, since another may have it.

Both may be done by several processes at a time, and be interrupted anywhere: every object is
written wholly or not at all, and an object is removed only when others hold its pieces, or nobody
needs them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jobstore.errors import BackupError, JobStoreError
from jobstore.files import create
from jobstore.operations import logs
from jobstore.operations.archiving import segments
from jobstore.operations.archiving.segments import FOLDER, Name
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.manifest import LogPlace, Manifest
from jobstore.operations.backup.packing import Measured
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.trust import Trust
from jobstore.progress import silent
from jobstore.scratch import disk_errors, make_folder, require_space, scratch_folder
from jobstore.settings.sections import Settings

_log = logs.get("archive")

# So many small objects are joined, and so many of the newest stay as they are.
_MOST = 600
_LEFT = 60
# An object is small unless it has that many pieces or bytes; a joined one has about that many.
_PIECES = 300
_OCTETS = 64 * 1024**2

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was done in one place: objects that were joined, and removed; ``error`` if it failed."""

    place: str
    joined: int = 0
    removed: tuple[str, ...] = ()
    error: str | None = None


def tidy(settings: Settings, place: Place, *, dry_run: bool = False) -> Tidied:
    """Join what is small in a place, and remove what is past its time; blocks.

    ``place`` is one of :func:`jobstore.operations.backup.catalog.open_places`. Never raises a
    JobStoreError: what failed is in the result, and done the next time. With ``dry_run`` only
    what would be removed for its age is told.
    """
    joined: list[str] = []
    removed: list[str] = []
    error = None
    try:
        below = place.below(FOLDER)
        if place.name == str(settings.backups_folder):
            folder = settings.backups_folder / FOLDER
            if not folder.exists():
                return Tidied(place.name)
        names, _ = segments.listing(below)
        manifests = _signed(settings, place.listing()[0])
        for name in _past(settings, below, names, manifests):
            if not dry_run:
                below.delete(name.file)
            removed.append(name.file)
        left = [each for each in names if each.file not in removed]
        if not dry_run:
            for run in _runs(left):
                joined += _join(settings, below, run)
    except JobStoreError as failure:
        error = str(failure)
        _log.error("the log could not be tidied", place=place.name, error=error)
    if removed:
        _log.info("the log was pruned", place=place.name, objects=len(removed))
    return Tidied(place.name, len(joined), tuple(removed), error)


def backups_in_use(settings: Settings) -> set[str]:
    """Return the names of the backups that the seconds of ``archive.keep_days`` begin with.

    A place that cannot be reached has nothing removed by those who ask, so it counts not.
    """
    found: set[str] = set()
    for place in open_places(settings):
        try:
            manifests = _signed(settings, place.listing()[0])
        except JobStoreError:
            continue
        found |= {each.name for each in _bases(settings, manifests).values()}
    return found


def _signed(settings: Settings, manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return those that stand in a log and are believed, so that nobody else's have a say."""
    trust = Trust(settings)
    return [each for each in manifests if each.log and trust.signed(each) is not False]


def _bases(settings: Settings, manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """Return by generation the backup that the seconds to be had begin with."""
    begin = time.time() - settings.archive.keep_days * _DAY
    found: dict[str, Manifest] = {}
    for each in sorted(manifests, key=lambda one: one.created_at):
        generation = _place(each).generation
        if generation not in found or each.created_at.timestamp() <= begin:
            found[generation] = each
    return found


def _place(manifest: Manifest) -> LogPlace:
    if manifest.log is None:
        raise ValueError("a backup without a place in the log")
    return manifest.log


def _past(
    settings: Settings, below: Place, names: list[Name], manifests: list[Manifest]
) -> list[Name]:
    """Return the objects that are past their time."""
    begin = time.time() - settings.archive.keep_days * _DAY
    bases = _bases(settings, manifests)
    found: list[Name] = []
    for generation, group in groupby(names, key=lambda each: each.generation):
        listed = [*group]
        base = bases.get(generation)
        # The newest of a generation says when it ended, or was last written to.
        newest = max(listed, key=lambda each: each.last)
        if segments.header(below, newest).captured_at < begin and not (
            base is not None and _lives(bases, generation, base)
        ):
            found += listed
        elif base is not None and base.created_at.timestamp() <= begin:
            found += [each for each in listed if each.last <= _place(base).segment]
    return found


def _lives(bases: dict[str, Manifest], generation: str, base: Manifest) -> bool:
    """Tell whether a generation is the newest: it goes on, however long nothing was written."""
    return all(_place(each).order <= _place(base).order for each in bases.values())


def _runs(names: list[Name]) -> list[list[Name]]:
    """Return the objects to be joined, each list to one: they follow each other, oldest first.

    Those that are in a larger one already are in a list with it.
    """
    found: list[list[Name]] = []
    for _, group in groupby(names, key=lambda each: each.generation):
        listed = [*group]
        for outer in listed:
            inside = [each for each in listed if each != outer and _within(each, outer)]
            if inside:
                found.append([outer, *inside])
        covered = {each for run in found for each in run}
        small = [each for each in listed if each not in covered and _is_small(each)]
        if len(small) > _MOST:
            found += _consecutive(small[:-_LEFT])
    return found


def _within(inner: Name, outer: Name) -> bool:
    return outer.first <= inner.first and inner.last <= outer.last


def _is_small(name: Name) -> bool:
    return name.last - name.first + 1 < _PIECES and name.size < _OCTETS // 2


def _consecutive(names: list[Name]) -> list[list[Name]]:
    found: list[list[Name]] = []
    pieces = octets = 0
    for each in names:
        number = each.last - each.first + 1
        follows = bool(found) and found[-1][-1].last + 1 == each.first
        if not follows or pieces >= _PIECES or octets + each.size > _OCTETS:
            found.append([])
            pieces = octets = 0
        found[-1].append(each)
        pieces += number
        octets += each.size
    return [run for run in found if len(run) > 1]


def _join(settings: Settings, below: Place, run: list[Name]) -> list[str]:
    """Join the objects of a run to one, and remove them; returns the names of what went."""
    first = run[0]
    outer = first if _within(run[1], first) else None
    folder = settings.backups_folder
    make_folder(folder)
    with disk_errors(folder), scratch_folder(folder) as scratch:
        if outer is None:
            outer = _joined(below, run, scratch)
            inside = run
        else:
            # A run that was interrupted had written it.
            inside = run[1:]
            _check(below, outer, scratch)
    for each in inside:
        below.delete(each.file)
    return [each.file for each in inside]


def _joined(below: Place, run: list[Name], scratch: Path) -> Name:
    """Write the objects of a run to one; it was read back when this returns."""
    file = segments.name_of(run[0].stem, run[0].generation, run[0].first, run[-1].last)
    whole = scratch / "joined"
    measured = Measured()
    require_space(scratch, sum(each.size for each in run))
    with create(whole) as stream:
        for each in run:
            for block in below.blocks(each.file, "join", silent, each.size):
                stream.write(block)
                measured.add(block)
    name = Name(run[0].stem, run[0].generation, run[0].first, run[-1].last, file, measured.size)
    # What is damaged is not joined: another place may have it, and its name stays to be told.
    _require_whole(whole, name)
    below.upload(file, whole, silent)
    if below.measure(file, silent, measured.size) != measured.packed():
        raise BackupError(f"{below.name} does not give back what was stored there ({file}).")
    return name


def _check(below: Place, name: Name, scratch: Path) -> None:
    folder = scratch / "looked-at"
    make_folder(folder)
    stored, _ = below.download(name.file, folder, silent, name.size)
    _require_whole(stored, name)
    stored.unlink() if stored.parent == folder else None


def _require_whole(file: Path, name: Name) -> None:
    """Raise BackupError unless every part of an object is what its header says."""
    import hashlib

    for shipped, start in segments.parts_of(file, name):
        digest = hashlib.sha256()
        left = shipped.size
        with file.open("rb") as stream:
            stream.seek(start)
            while left and (block := stream.read(min(left, 1024**2))):
                digest.update(block)
                left -= len(block)
        if left or digest.hexdigest() != shipped.sha256:
            raise BackupError(f"{shipped.what} is damaged; use another copy.")
