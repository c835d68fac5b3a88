"""Giving a store back as it was at any second: a backup, and the log replayed onto it.

Nothing is touched but a scratch folder beside the target, until all of it is there and checked;
then it is put in its place as every restored store is, by
:func:`jobstore.operations.backup.restoring.give_back`. So a kill or a power cut at any step leaves
what was there, or the restored store.

A *moment* T is a whole Unix second. What was acknowledged before T is there, nothing that began at
T or later is. It can be had where a backup from before T leads to T by a chain of pieces without a
gap; the end of a chain is the moment at which its last piece was taken.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from jobstore.engines import instead_of_log, log_of
from jobstore.errors import BackupError, JobStoreError, SchemaMismatch
from jobstore.moments import iso
from jobstore.operations.archiving.finding import Archived, Found, Reach
from jobstore.operations.backup.catalog import Backup, Choice, choose
from jobstore.operations.backup.restoring import Restored, give_back
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.backup.verification import Opened, open_chosen
from jobstore.operations.times import moment_of
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL
from jobstore.settings.sections import Settings


def restore_at(
    settings: Settings,
    second: int | None,
    progress: Progress = silent,
    *,
    to: str | StoreURL | None = None,
    replace: bool = False,
    accept: Collection[Doubt] = (),
) -> Restored:
    """Restore the store as it was at a second, or at the newest moment that any place has.

    ``second`` is a Unix time; ``None`` means the newest. The rest, and what is raised, is as for
    :func:`jobstore.operations.backup.restoring.restore`; BackupError also says which moments can
    be had where this one cannot. Where no log was kept, the newest backup until then is
    restored, which ``warnings`` tells. Blocks.
    """

    def make(scratch: Path) -> Opened:
        return open_at(settings, second, scratch, progress, accept)

    return give_back(settings, make, progress, to=to, replace=replace)


def open_at(
    settings: Settings,
    second: int | None,
    scratch: Path,
    progress: Progress = silent,
    accept: Collection[Doubt] = (),
) -> Opened:
    """Make the store as it was at a second in a scratch folder, and check it.

    Arguments and errors are as for :func:`restore_at`.
    """
    if second is not None and second > time.time():
        raise BackupError(
            f"{told(second)} is in the future; say --at latest for the newest moment there is."
        )
    choice = choose(settings, accept=accept)
    logged = [each for each in choice.backups if each.manifest.log is not None]
    if not logged:
        return _without_log(settings, choice, second, scratch, progress)
    archived = Archived(settings, logged[0].manifest.store, choice.identities, accept)
    # Generations follow each other whatever the clock said.
    logged.sort(key=lambda each: each.manifest.log_place.order, reverse=True)
    faults: list[str] = []
    for backup in [*_newer(choice, archived, logged, second), *logged]:
        if not _may_do(archived, backup, second):
            continue
        only = dataclasses.replace(choice, backups=(backup,), latest=second is None)
        try:
            opened = _replayed(settings, only, archived, second, scratch, progress)
        except SchemaMismatch:
            raise
        except JobStoreError as error:
            faults += [text for text in archived.broken if text not in faults]
            faults.append(str(error))
            continue
        faults += [text for text in archived.broken if text not in faults]
        warnings = [*opened.warnings, *archived.faults]
        if second is not None and (earlier := _others(logged, archived, backup, second)):
            warnings.append(earlier)
        if second is None:
            warnings += _beyond(archived, logged, opened)
        return opened._replace(faults=(*faults, *opened.faults), warnings=tuple(warnings))
    reasons = [*faults, _nearest(choice, archived, logged, second)]
    raise BackupError(" ".join([*choice.warnings, *archived.faults, *filter(None, reasons)]))


def moments(settings: Settings, accept: Collection[Doubt] = ()) -> list[Stretch]:
    """Return which moments can be had, by what is listed in all places; the oldest first.

    Raises BackupError as :func:`restore_at` does where there is no backup.
    """
    choice = choose(settings, accept=accept)
    logged = [each for each in choice.backups if each.manifest.log is not None]
    if not logged:
        return []
    archived = Archived(settings, logged[0].manifest.store, choice.identities, accept)
    return _stretches(archived, logged)


class Stretch(NamedTuple):
    """Moments that can be had from one generation: the first and the last whole Unix second."""

    first: int
    last: int


def _newer(
    choice: Choice, archived: Archived, logged: list[Backup], second: int | None
) -> list[Backup]:
    """Return the backups without a log that are newer than all that the log leads to."""
    if second is not None:
        return []
    end = archived.reach(logged[0].manifest).until
    return [
        each
        for each in choice.backups
        if each.manifest.log is None and each.manifest.created_at.timestamp() > end
    ]


def _beyond(archived: Archived, logged: list[Backup], opened: Opened) -> list[str]:
    """Tell of a part of the log that is newer than what was restored, and has no backup."""
    end = 0.0 if opened.as_of is None else opened.as_of.timestamp()
    known = {each.manifest.log_place.generation for each in logged}
    return [
        f"The log also leads to {told(until)}, but the backup that this part begins with is at "
        "no place that can be reached, so it cannot be used."
        for until in archived.ends(known)
        if opened.as_of is not None and until > end
    ]


def _may_do(archived: Archived, backup: Backup, second: int | None) -> bool:
    if second is None:
        return True
    manifest = backup.manifest
    if manifest.created_at.timestamp() > second or manifest.log_place.second >= second:
        return False
    reach = archived.reach(manifest)
    return reach.replayable and reach.until >= second


def _replayed(
    settings: Settings,
    choice: Choice,
    archived: Archived,
    second: int | None,
    scratch: Path,
    progress: Progress,
) -> Opened:
    """Return the only backup of a choice with the log replayed onto it, checked."""
    while True:
        opened = open_chosen(choice, scratch, progress)
        try:
            return _replay(settings, choice, opened, archived, second, scratch, progress)
        except _Unusable as error:
            opened.database.unlink()
            # With another copy of the piece at which it ended, if there is one.
            if not archived.distrust(str(error)):
                raise
        except BaseException:
            opened.database.unlink(missing_ok=True)
            raise


class _Unusable(BackupError):
    """A piece that was good by its checksum cannot be replayed."""


def _replay(
    settings: Settings,
    choice: Choice,
    opened: Opened,
    archived: Archived,
    second: int | None,
    scratch: Path,
    progress: Progress,
) -> Opened:
    log = log_of(settings.store.address)
    if opened.backup.manifest.log is None:
        # It is newer than the end of the log.
        return opened._replace(warnings=(*opened.warnings, _alone(opened, None)))
    manifest = opened.backup.manifest
    place = manifest.log_place
    reach = archived.reach(manifest)
    found = Found(place.segment, manifest.created_at.timestamp())
    if not reach.replayable or reach.last == place.segment:
        # Nothing came after it, or nothing that leads to the end of the copy itself.
        until = reach.until if reach.replayable else found.until
        return opened._replace(as_of=moment_of(until if second is None else second))
    with closing(archived.pieces(manifest, scratch, found)) as pieces:
        try:
            done = log.replay(
                opened.database,
                pieces,
                generation=place.generation,
                after=place.segment,
                until=second,
                progress=progress,
            )
        except BackupError as error:
            raise _Unusable(str(error)) from error
    reached = second is not None and done.complete
    if not reached and found.last < reach.last:
        # A piece that was listed is not good: the rest of the log begins with a later backup.
        reach = archived.reach(manifest)
    if found.last < place.through and not reached:
        raise BackupError(
            f"The log of {manifest.name} breaks off before the end of the backup itself."
        )
    if second is not None and not reached and max(found.until, reach.until) < second:
        raise BackupError(
            f"The log that leads on from {manifest.name} breaks off at {told(found.until)}."
        )
    until = max(found.until, reach.until) if second is None else second
    return _checked(choice, opened, progress)._replace(as_of=moment_of(until))


def _checked(choice: Choice, opened: Opened, progress: Progress) -> Opened:
    """Check a database after replaying, as every restored one is."""
    manifest, database = opened.backup.manifest, opened.database
    if (newer := choice.archive.newer(database)) is not None:
        raise SchemaMismatch(f"The store of that moment {newer}; upgrade jobstore.")
    own = "foreign" not in choice.trust.accept
    try:
        content = choice.archive.read(database, progress, thorough=True, own=own)
        if content.store != manifest.store:
            raise BackupError("It is another store.")
    except JobStoreError as error:
        raise BackupError(
            f"Backup {manifest.name} with the log replayed onto it is not sound. ({error})"
        ) from error
    return opened._replace(postings=content.tables.get("posting", 0))


def _without_log(
    settings: Settings, choice: Choice, second: int | None, scratch: Path, progress: Progress
) -> Opened:
    instead = instead_of_log(settings.store.address)
    fitting = tuple(
        each
        for each in choice.backups
        if second is None or each.manifest.created_at.timestamp() <= second
    )
    if not fitting:
        oldest = min(each.manifest.created_at for each in choice.backups)
        raise BackupError(
            f"There is no backup old enough, and no log was kept; the oldest is of "
            f"{told(math.ceil(oldest.timestamp()))}.{'' if instead is None else f' {instead}'}"
        )
    only = dataclasses.replace(choice, backups=fitting, latest=second is None)
    opened = open_chosen(only, scratch, progress)
    return opened._replace(warnings=(*opened.warnings, _alone(opened, second, instead)))


def _alone(opened: Opened, second: int | None, instead: str | None = None) -> str:
    when = "there is" if second is None else "until then"
    hint = " (see archive in the settings)" if instead is None else ""
    alone = (
        f"No log of the store was kept then{hint}, so this is the newest backup {when}, of "
        f"{told(opened.backup.manifest.created_at.timestamp())}."
    )
    return alone if instead is None else f"{alone} {instead}"


def _others(logged: list[Backup], archived: Archived, taken: Backup, second: int) -> str | None:
    """Tell where an earlier generation reaches the moment as well: a clock was set back."""
    generation = taken.manifest.log_place.generation
    for each in logged:
        if each.manifest.log_place.generation != generation and _may_do(archived, each, second):
            return (
                f"The clock came by {told(second)} twice, since it was set back; this is the "
                "later time."
            )
    return None


def _stretches(archived: Archived, logged: list[Backup]) -> list[Stretch]:
    """Return the moments that can be had, the oldest first; each generation may have several."""
    found: set[Stretch] = set()
    for each in logged:
        manifest = each.manifest
        reach: Reach = archived.reach(manifest)
        first = max(math.ceil(manifest.created_at.timestamp()), manifest.log_place.second + 1)
        if reach.replayable and math.floor(reach.until) >= first:
            found.add(Stretch(first, math.floor(reach.until)))
    joined: list[Stretch] = []
    for first, last in sorted(found):
        if joined and first <= joined[-1].last:
            joined[-1] = Stretch(joined[-1].first, max(last, joined[-1].last))
        else:
            joined.append(Stretch(first, last))
    return joined


def _nearest(
    choice: Choice, archived: Archived, logged: list[Backup], second: int | None
) -> str | None:
    """Say which moments near one that cannot be had can be."""
    if second is None:
        return None
    stretches = _stretches(archived, logged)
    before = [min(each.last, second - 1) for each in stretches if each.first < second]
    after = [each.first for each in stretches if each.first > second]
    parts = [f"The log does not reach {told(second)}"]
    near = []
    if before:
        near.append(f"{told(max(before))} (before it)")
    if after:
        near.append(f"{told(min(after))} (after it)")
    if near:
        parts.append(f"the nearest moments that can be had: {', '.join(near)}")
    if not after:
        parts.append("--at latest gives the newest there is")
    if not before:
        older = [each for each in choice.backups if each.manifest.created_at.timestamp() <= second]
        if older:
            parts.append(f"the newest backup until then is {older[0].name}, by its name")
    return "; ".join(parts) + "."


def told(second: float) -> str:
    """Return a Unix time as people and ``--at`` read it."""
    return iso(moment_of(math.floor(second)))
