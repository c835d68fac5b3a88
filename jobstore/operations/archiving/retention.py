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

import hashlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from jobstore.engines import archive_of
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations import logs
from jobstore.operations.archiving import segments
from jobstore.operations.archiving.finding import objects_in
from jobstore.operations.archiving.segments import FOLDER, Name, Shipped
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.packing import Measured, blocks_of
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.trust import Trust
from jobstore.progress import silent
from jobstore.scratch import disk_errors, require_space, scratch_folder
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
    faults: list[str] = []
    try:
        names, _ = objects_in(settings, place)
        if not names:
            return Tidied(place.name)
        below = place.below(FOLDER)
        url = settings.store.address
        generations = _generations(below, names, archive_of(url).identity(url))
        past = _past(settings, generations, _signed(settings, place.listing()[0]))
        for name in past:
            if not dry_run:
                below.delete(name.file)
            removed.append(name.file)
        for listed, _ in () if dry_run else generations.values():
            for run in _runs([each for each in listed if each not in past]):
                joined += _join(settings, below, run, faults)
    except JobStoreError as failure:
        faults.append(str(failure))
    if faults:
        _log.error("the log could not be tidied", place=place.name, error=" ".join(faults))
    if removed:
        _log.info("the log was pruned", place=place.name, objects=len(removed))
    return Tidied(place.name, len(joined), tuple(removed), " ".join(faults) or None)


class _Generation(NamedTuple):
    """The objects of a generation, and the header of the newest."""

    names: list[Name]
    newest: Shipped


def _generations(below: Place, names: list[Name], store: str) -> dict[str, _Generation]:
    """Return what a place has of the log of one store; that of others is theirs."""
    found: dict[str, _Generation] = {}
    for generation, group in groupby(names, key=lambda each: each.generation):
        listed = [*group]
        newest = segments.header(below, max(listed, key=lambda each: (each.last, each.first)))
        if newest.store == store:
            found[generation] = _Generation(listed, newest)
    return found


def tidy_all(settings: Settings, *, dry_run: bool = False) -> list[Tidied]:
    """Do what :func:`tidy` does in every place of the settings."""
    return [tidy(settings, place, dry_run=dry_run) for place in open_places(settings)]


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
        generation = each.log_place.generation
        if generation not in found or each.created_at.timestamp() <= begin:
            found[generation] = each
    return found


def _past(
    settings: Settings, generations: dict[str, _Generation], manifests: list[Manifest]
) -> list[Name]:
    """Return the objects that are past their time.

    The newest of a generation stays with any of it: who goes on with it looks where it stands.
    """
    begin = time.time() - settings.archive.keep_days * _DAY
    bases = _bases(settings, manifests)
    order = {generation: base.log_place.order for generation, base in bases.items()}
    latest = max((order[each] for each in generations if each in order), default=None)
    found: list[Name] = []
    for generation, (listed, newest) in generations.items():
        base = bases.get(generation)
        if newest.captured_at < begin and (base is None or order[generation] != latest):
            found += listed
        elif base is not None and base.created_at.timestamp() <= begin:
            found += [
                each
                for each in listed
                if each.last <= base.log_place.segment and each.last < newest.last
            ]
    return found


def _runs(names: list[Name]) -> list[list[Name]]:
    """Return which objects of a generation to join, each list to one; ``names`` are sorted.

    Those that are in a larger one already are in a list with it, behind it.
    """
    found: list[list[Name]] = []
    outer: list[Name] = []
    for each in names:
        if outer and each.last <= outer[0].last:
            outer.append(each)
            continue
        outer = [each]
        found.append(outer)
    found = [run for run in found if len(run) > 1]
    covered = {each for run in found for each in run}
    small = [each for each in names if each not in covered and _is_small(each)]
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


def _join(settings: Settings, below: Place, run: list[Name], faults: list[str]) -> list[str]:
    """Join the objects of a run to one, and remove them; returns the names of what went.

    What is damaged is told and left out: another place may have it whole.
    """
    folder = settings.backups_folder
    gone: list[str] = []
    with disk_errors(folder), scratch_folder(folder) as scratch:
        if _within(run[1], run[0]):
            # A run that was interrupted had written it.
            _fetch(below, run[0], scratch)
            groups = [run[1:]]
        else:
            groups = _joined(below, run, scratch, faults)
        for group in groups:
            for each in group:
                below.delete(each.file)
                gone.append(each.file)
    return gone


def _joined(below: Place, run: list[Name], scratch: Path, faults: list[str]) -> list[list[Name]]:
    """Write what is good of a run, each time as far as it follows; returns what was joined."""
    done: list[list[Name]] = []
    group: list[Name] = []
    whole = scratch / "joined"
    require_space(scratch, sum(each.size for each in run))

    def end() -> None:
        if len(group) > 1:
            _upload(below, group, whole)
            done.append([*group])
        group.clear()
        whole.unlink(missing_ok=True)

    for each in run:
        try:
            stored = _fetch(below, each, scratch)
        except BackupError as error:
            faults.append(str(error))
            end()
            continue
        with whole.open("ab") as stream, stored.open("rb") as source:
            shutil.copyfileobj(source, stream)
        group.append(each)
    end()
    return done


def _upload(below: Place, group: list[Name], whole: Path) -> None:
    """Write a joined object; it was read back when this returns."""
    first, last = group[0], group[-1]
    file = segments.name_of(first.stem, first.generation, first.first, last.last)
    measured = Measured()
    for block in blocks_of(whole, "join", silent):
        measured.add(block)
    below.upload(file, whole, silent)
    if below.measure(file, silent, measured.size) != measured.packed():
        raise BackupError(f"{below.name} does not give back what was stored there ({file}).")


def _fetch(below: Place, name: Name, scratch: Path) -> Path:
    """Return an object as a file. Raises BackupError unless it is whole."""
    stored, _ = below.download(name.file, scratch, silent, name.size)
    _require_whole(stored, name)
    return stored


def _require_whole(file: Path, name: Name) -> None:
    """Raise BackupError unless every part of an object is what its header says."""
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
