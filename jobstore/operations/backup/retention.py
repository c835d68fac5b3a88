"""Which backups stay: by generations, and never without a good one.

The newest backup of each of the latest days, weeks and months that have one stays (in UTC, weeks
as in ISO 8601), and everything of the 24 hours before the newest, so that a second backup of a
day does not take the first away at once. The backups of each store count for themselves, also
where several lie together. Those that a wrong clock dated in the future stay until then, and do not
count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from jobstore.errors import BackupError, JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.creation import working_alone
from jobstore.operations.backup.manifest import Manifest, age_order, ahead
from jobstore.operations.backup.places import Place, open_places
from jobstore.operations.backup.scratch import Progress, silent
from jobstore.settings.sections import BackupSection, Settings

_log = logs.get("backup")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed from one place, or would be, and what stays; ``error`` if it failed."""

    place: str
    removed: tuple[str, ...] = field(default=())
    kept: tuple[str, ...] = field(default=())
    error: str | None = None


def prune(
    settings: Settings,
    progress: Progress = silent,
    *,
    keep: Collection[str] = (),
    dry_run: bool = False,
) -> list[Pruned]:
    """Remove the backups that no generation needs, from every place; blocks.

    ``keep`` names backups that stay in any case. Before anything is removed, the newest backup
    that stays is read; when it is damaged, the newest good one stays as well, and where there is
    none nothing is removed. A place that fails is told and stops no other.

    Raises StoreBusy while another process makes or removes backups.
    """
    with working_alone(settings):
        return [
            _prune(place, settings.backup, progress, keep, dry_run)
            for place in open_places(settings)
        ]


def _prune(
    place: Place,
    section: BackupSection,
    progress: Progress,
    keep: Collection[str],
    dry_run: bool,
) -> Pruned:
    removed: list[str] = []
    kept: list[str] = []
    try:
        found = sorted(place.listing()[0], key=_store)
        for _, group in groupby(found, key=_store):
            listed = sorted(group, key=age_order, reverse=True)
            backups = [each for each in listed if not ahead(each.created_at)]
            kept += [each.name for each in listed if each not in backups]
            staying = generations(backups, section.daily, section.weekly, section.monthly)
            staying |= {each.name for each in backups} & {*keep}
            if len(staying) < len(backups):
                staying |= {_newest_good(place, backups, staying, progress)}
            for each in backups:
                (kept if each.name in staying else removed).append(each.name)
                if each.name not in staying and not dry_run:
                    place.remove(each)
                    _log.info("a backup was removed", backup=each.name, place=place.name)
    except JobStoreError as error:
        _log.error("backups could not be removed", place=place.name, error=str(error))
        return Pruned(place.name, tuple(removed), tuple(kept), str(error))
    return Pruned(place.name, tuple(removed), tuple(kept))


def generations(backups: Iterable[Manifest], daily: int, weekly: int, monthly: int) -> set[str]:
    """Return the names of the backups that stay; ``backups`` are of one store, newest first."""
    listed = list(backups)
    periods: list[tuple[int, Callable[[datetime], Any]]] = [
        (daily, datetime.date),
        (weekly, lambda moment: moment.isocalendar()[:2]),
        (monthly, lambda moment: (moment.year, moment.month)),
    ]
    day = timedelta(days=1)
    staying = {each.name for each in listed if listed[0].created_at - each.created_at < day}
    for number, period in periods:
        newest: dict[Any, str] = {}
        for each in listed:
            newest.setdefault(period(each.created_at.astimezone(UTC)), each.name)
        staying |= {*list(newest.values())[:number]}
    return staying


def _newest_good(
    place: Place, backups: list[Manifest], staying: set[str], progress: Progress
) -> str:
    """Return the newest of what stays that is as it was stored, else of all."""
    for each in [one for one in backups if one.name in staying] + backups:
        if place.measure(each.file, progress) == (each.size, each.sha256):
            return each.name
    raise BackupError(f"{place.name} has no backup that is good, so nothing was removed there.")


def _store(manifest: Manifest) -> str:
    return manifest.store
