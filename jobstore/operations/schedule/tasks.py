"""The tasks there are: when each is due by the settings, and what doing it means.

Each returns how it went, or raises what kept it from being done; then it is tried again before
its next time. What the work consists of is decided in the packages below, which are imported
when it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from jobstore.engines import in_files, upkeep_of
from jobstore.moments import iso
from jobstore.operations.times import Rhythm
from jobstore.settings.kinds import zone_of

if TYPE_CHECKING:
    from jobstore.checks import HealthReport
    from jobstore.settings.sections import Settings

# Seconds to wait for those who write to the store.
_PATIENCE = 10.0


class Result(NamedTuple):
    """How a task went, in words: ``done``, ``failed`` or ``skipped``.

    What failed so is settled all the same: doing it again at once would not help.
    """

    detail: str
    outcome: str = "done"


class Occasion:
    """What the tasks of one run share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def health(self) -> HealthReport:
        """How well the store is, looked at once."""
        from jobstore.operations.health import examine

        return examine(self.settings)


@dataclass(frozen=True, slots=True)
class Task:
    """Something that is done again and again, by one process at a time.

    Tasks with the same ``lock`` exclude each other. One that ``watches`` must not wait for work.
    """

    name: str
    about: str
    rhythm: Rhythm
    work: Callable[[Occasion], Result]
    lock: str = ""
    watches: bool = False


NAMES = (
    *("backup", "verify", "restore-test", "prune"),
    *("expire", "checkpoint", "optimize", "health", "alerts"),
)
"""What the tasks are called, in the order in which they are done."""


def tasks_of(settings: Settings) -> list[Task]:
    """Return the tasks as ``settings`` want them, in the order of NAMES."""
    given = settings.schedule
    zone = zone_of(given.timezone)

    def every(day: int = 0, **span: float) -> Rhythm:
        # From the backup on, so that what looks at backups finds the day's.
        return Rhythm.of(timedelta(**span), given.backup_at, zone, day)

    weekly = every(_SUNDAY, days=7)
    sampling = every(minutes=given.sample_minutes)
    verifying = every(hours=given.verify_hours)
    # Nothing is verified that is about to be removed, or while a newer one is being made.
    alone = "backups"
    # What takes a moment, and is harmless when there is nothing to do, has a fixed rhythm.
    return [
        Task("backup", "back up, to every place", every(days=1), _backup, alone),
        Task("verify", "check every copy of the backup", verifying, _verify, alone),
        Task("restore-test", "test a restore of it, and of a second", weekly, _restore_test, alone),
        Task("prune", "remove backups past their time", every(days=1), _prune, alone),
        Task("expire", "close postings past their time", every(hours=1), _expire),
        Task("checkpoint", "write the WAL back", every(hours=1), _checkpoint),
        Task("optimize", "what keeps queries fast", every(days=1), _optimize),
        Task("health", "look how well the store is", sampling, _health, watches=True),
        Task("alerts", "evaluate alerts, notify of them", sampling, _alerts, watches=True),
    ]


# Where weekly work disturbs least.
_SUNDAY = 6


def _backup(occasion: Occasion) -> Result:
    from jobstore.operations import backup

    made = backup.create(occasion.settings, reason="schedule")
    size = f"{made.manifest.size / 1024**2:,.1f} MiB"
    told = f"{made.name}: {_counted(made.manifest.postings, 'posting')}, {size}"
    if made.failures:
        return Result(f"{told}; {' '.join(made.failures.values())}", "failed")
    return Result(f"{told}, in {_counted(len(made.places), 'place')}")


def _verify(occasion: Occasion) -> Result:
    from jobstore.operations import backup

    if sealed := _sealed(occasion.settings):
        return sealed
    copies = backup.verify(occasion.settings)
    errors = [each.error for each in copies if each.error is not None]
    if errors:
        return Result(" ".join(errors), "failed")
    return Result(f"{copies[0].backup}: {_counted(len(copies), 'good cop', 'y', 'ies')}")


def _restore_test(occasion: Occasion) -> Result:
    from jobstore.errors import BackupError
    from jobstore.operations import archiving, backup

    if sealed := _sealed(occasion.settings):
        return sealed
    done = backup.run_restore_test(occasion.settings)
    if done.error is not None:
        raise BackupError(done.error)
    told = f"{done.backup}: {_counted(done.postings or 0, 'posting')} back in {done.seconds:.1f} s"
    faults = [*done.faults]
    if occasion.settings.archive.enabled and archiving.moments(occasion.settings):
        drilled = archiving.drill(occasion.settings)
        if drilled.test.error is not None:
            raise BackupError(drilled.test.error)
        as_of = drilled.second and iso(drilled.second, "seconds")
        told += f"; as of {as_of} in {drilled.recovery_seconds:.1f} s"
        faults += drilled.test.faults
    if faults:
        return Result(f"{told}; {' '.join(faults)}", "failed")
    return Result(told)


def _sealed(settings: Settings) -> Result | None:
    """Say so where the newest backup can only be opened elsewhere, as it should be."""
    from jobstore.operations import backup

    newest = backup.last_backup(settings).manifest
    if newest is None or newest.encryption is None or settings.backup.identity_file:
        return None
    return Result("the backup is encrypted and its key is elsewhere; do it there", "skipped")


def _prune(occasion: Occasion) -> Result:
    from jobstore.operations import archiving, backup, deployment

    settings = occasion.settings
    keep = {*deployment.backups_in_use(settings), *archiving.backups_in_use(settings)}
    places = backup.prune(settings, keep=keep)
    logs = archiving.tidy_all(settings)
    found = [*(each.error for each in places), *(each.error for each in logs)]
    errors = [each for each in found if each is not None]
    if errors:
        return Result(" ".join(errors), "failed")
    removed = sum(len(each.removed) for each in places)
    told = f"{_counted(removed, 'cop', 'y', 'ies')} removed"
    if pieces := sum(len(each.removed) for each in logs):
        told += f", {_counted(pieces, 'piece')} of the log"
    return Result(told)


def _expire(occasion: Occasion) -> Result:
    import asyncio

    import jobstore

    store = occasion.settings.store

    async def close() -> int:
        async with jobstore.connect(store.url, options=store.options, sources={}) as opened:
            return await opened.close_expired()

    return Result(f"{_counted(asyncio.run(close()), 'posting')} closed")


def _checkpoint(occasion: Occasion) -> Result:
    url = occasion.settings.store.address
    if not in_files(url):
        return Result("its server does this itself", "skipped")
    if upkeep_of(url).checkpoint(url, patience=_PATIENCE):
        return Result("the WAL is empty")
    return Result("written back as far as those who read allow")


def _optimize(occasion: Occasion) -> Result:
    from jobstore import migrating

    url = occasion.settings.store.address
    finished = migrating.tend(url, timeout=_PATIENCE)
    done = upkeep_of(url).optimize(url, patience=_PATIENCE)
    told = "optimised" if done else "optimised; the index is merged further next time"
    if finished:
        told += f"; programs from before {finished[-1]} may no longer go on"
    return Result(told)


def _health(occasion: Occasion) -> Result:
    report = occasion.health
    wanting = [each.name for each in report.checks if each.verdict != "pass"]
    return Result(report.verdict.value + (f": {', '.join(wanting)}" if wanting else ""))


def _alerts(occasion: Occasion) -> Result:
    from jobstore.operations import alerts

    settings = occasion.settings
    facts = alerts.gather(settings, occasion.health)
    checked = alerts.check(settings, facts)
    firing = [each.rule for each in checked.standings if each.firing]
    missed = [each for each in checked.deliveries if each.error is not None]
    told = [_counted(len(checked.deliveries) - len(missed), "notification") + " delivered"]
    if missed:
        told.append(f"{len(missed):,} kept for later")
    return Result(f"{', '.join(firing) or 'none'} firing; {', '.join(told)}")


def _counted(number: int, word: str, one: str = "", more: str = "s") -> str:
    return f"{number:,} {word}{one if number == 1 else more}"
