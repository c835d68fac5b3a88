"""Retention: which backups stay, and never without a good one.

The newest backup of each of the latest days, weeks and months that have one stays (in UTC, weeks
as in ISO 8601), and everything of the 24 hours before the newest, so that a second backup of a
day does not take the first away at once. What a restore replaced stands for no day, week or
month, since a restore takes it by its name only. The backups of each store count for themselves,
also where several lie together; and so do those that the key signed, so that nothing which
somebody put beside them takes their place. Those that a wrong clock dated in the future stay until
then, and do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.creation import working_alone
from jobstore.operations.backup.manifest import Manifest, age_order, ahead
from jobstore.operations.backup.places import Place
from jobstore.operations.backup.trust import Trust
from jobstore.progress import Progress, silent
from jobstore.settings.sections import BackupSection, Settings

_log = logs.get("backup")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed from one place, or would be, and what stays; ``error`` if it failed."""

    place: str
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    error: str | None = None


def prune(
    settings: Settings,
    progress: Progress = silent,
    *,
    keep: Collection[str] = (),
    dry_run: bool = False,
) -> list[Pruned]:
    """Remove the backups that retention does not keep, from every place; blocks.

    ``keep`` names backups that stay in any case. Before anything is removed, the newest backup
    that stays is read; when it is damaged, the newest good one stays as well, and where there is
    none nothing is removed. A place that fails is told and stops no other.

    Raises StoreBusy while another process makes or removes backups.
    """
    with working_alone(settings):
        trust = Trust(settings)
        return [
            _prune(place, settings.backup, trust, progress, keep, dry_run)
            for place in open_places(settings)
        ]


def _prune(
    place: Place,
    section: BackupSection,
    trust: Trust,
    progress: Progress,
    keep: Collection[str],
    dry_run: bool,
) -> Pruned:
    removed: list[str] = []
    kept: list[str] = []
    errors: list[str] = []

    def kind(manifest: Manifest) -> tuple[str, bool]:
        return manifest.store, bool(trust.signed(manifest))

    try:
        found = sorted(place.listing()[0], key=kind)
    except JobStoreError as error:
        found, errors = [], [str(error)]
    for _, group in groupby(found, key=kind):
        listed = sorted(group, key=age_order, reverse=True)
        backups = [each for each in listed if not ahead(each.created_at)]
        kept += [each.name for each in listed if each not in backups]
        staying = retained(backups, section.daily, section.weekly, section.monthly)
        # The newest by its counter may have an earlier time.
        newest = max(listed, key=trust.order).name
        staying |= {each.name for each in backups} & {*keep, newest}
        if len(staying) < len(backups):
            good = _newest_good(place, backups, staying, progress)
            if good is None:
                errors.append(f"{place.name} has no backup that is good, so nothing was removed.")
                continue
            staying.add(good)
        for each in backups:
            if each.name in staying:
                kept.append(each.name)
                continue
            try:
                if not dry_run:
                    place.remove(each)
                    _log.info("a backup was removed", backup=each.name, place=place.name)
                removed.append(each.name)
            except JobStoreError as error:
                errors.append(str(error))
    if errors:
        _log.error("backups could not be removed", place=place.name, error=" ".join(errors))
    return Pruned(place.name, tuple(removed), tuple(kept), " ".join(errors) or None)


def retained(backups: Iterable[Manifest], daily: int, weekly: int, monthly: int) -> set[str]:
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
            if not each.replaced:
                newest.setdefault(period(each.created_at.astimezone(UTC)), each.name)
        staying |= {*list(newest.values())[:number]}
    return staying


def _newest_good(
    place: Place, backups: list[Manifest], staying: set[str], progress: Progress
) -> str | None:
    """Return the newest of what stays that is as it was stored, else of all."""
    for each in [one for one in backups if one.name in staying] + backups:
        with suppress(JobStoreError):
            if place.measure(each.file, progress, each.size) == (each.size, each.sha256):
                return each.name
    return None
