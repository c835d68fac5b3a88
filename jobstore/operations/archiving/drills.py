"""Drills: whether any second can really be had, and how long that takes.

The store is restored to a random second of the last day into a scratch folder, examined and asked
there, and compared with the live one, which is only read: whatever stands there unchanged since
before that second has to be there to the bit, and nothing that was written later. How it went is
kept as a restore test, since that is what it is.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from jobstore.engines import archive_of, is_there, log_of, upkeep_of
from jobstore.errors import BackupError, JobStoreError
from jobstore.operations import logs
from jobstore.operations.archiving.restoring import Stretch, moments, open_at, told
from jobstore.operations.backup.restore_tests import ask
from jobstore.operations.backup.state import RestoreTest, record_restore_test
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.backup.verification import Opened
from jobstore.operations.maintenance import examine
from jobstore.operations.times import moment_of
from jobstore.progress import Progress, silent
from jobstore.scratch import disk_errors, make_folder, scratch_folder
from jobstore.settings import StoreURL
from jobstore.settings.sections import Settings
from jobstore.verdicts import Verdict

_log = logs.get("archive")

_DAY = 86_400
# The time in a row is taken a moment after its transaction began, and a clock may be set back by
# a little; one of several operations may take this long by default.
_LEEWAY = 3
_LONGEST = 30


@dataclass(frozen=True, slots=True)
class Drill:
    """How a drill went; ``test`` is what is kept of it.

    ``second`` is the moment that the store was restored to, ``recovery_seconds`` how long that took
    until it could have been opened, and ``compared`` how many postings of the live store had to be
    there to the bit; ``None`` where it did not come so far, or where they could not be compared.
    """

    test: RestoreTest
    second: datetime | None
    recovery_seconds: float | None
    compared: int | None


def drill(
    settings: Settings,
    progress: Progress = silent,
    *,
    second: int | None = None,
    accept: Collection[Doubt] = (),
) -> Drill:
    """Restore to a second, a random one of the last day without it, and compare; blocks.

    Raises BackupError where no second of the last day can be had, so that there is nothing to
    test, and what prevents the result from being kept.
    """
    # This raises where there can be no log.
    log_of(settings.store.address)
    at, started = datetime.now(UTC), time.monotonic()
    stretches = moments(settings, accept)
    if second is None:
        second = _random(stretches)
    opened: Opened | None = None
    recovery = compared = error = None
    folder = settings.backups_folder
    make_folder(folder)
    try:
        with disk_errors(folder), scratch_folder(folder) as scratch:
            opened = open_at(settings, second, scratch, progress, accept)
            recovery = round(time.monotonic() - started, 3)
            compared = _compare(settings, opened, second)
            _examine(settings, archive_of(settings.store.address).url(opened.database), opened)
    except JobStoreError as failure:
        error = str(failure)
    newest = stretches[-1].last if stretches else None
    test = RestoreTest(
        at=at,
        backup=None if opened is None else opened.backup.name,
        place=None if opened is None else opened.place,
        ok=error is None,
        error=error,
        seconds=round(time.monotonic() - started, 3),
        age_seconds=None if newest is None else max(0.0, round(at.timestamp() - newest, 3)),
        postings=None if opened is None else _postings(opened),
        faults=() if opened is None else opened.faults,
    )
    record_restore_test(settings, test)
    if error is None:
        _log.info("a drill went well", second=told(second), seconds=recovery, compared=compared)
    else:
        _log.error("a drill failed", second=told(second), error=error)
    return Drill(test, moment_of(second), recovery, compared)


def _postings(opened: Opened) -> int:
    return opened.backup.manifest.postings if opened.postings is None else opened.postings


def _random(stretches: list[Stretch]) -> int:
    """Return a second of the last day that can be had, each as likely as any other."""
    begin = int(time.time()) - _DAY
    recent = [
        Stretch(max(each.first, begin), each.last) for each in stretches if each.last >= begin
    ]
    if not recent:
        raise BackupError(
            "No second of the last day can be had; see 'jobstore archive status' for why."
        )
    lengths = [each.last - each.first + 1 for each in recent]
    # Chance guards no secret here.
    (chosen,) = random.choices(recent, lengths)  # nosec B311
    return random.randint(chosen.first, chosen.last)  # nosec B311


def _compare(settings: Settings, opened: Opened, second: int) -> int | None:
    """Compare with the live store; returns how many postings had to be there to the bit."""
    url = settings.store.address
    archive = archive_of(url)
    if not is_there(url):
        return None
    copy = archive.url(opened.database)
    if upkeep_of(url).condition(url).schema != upkeep_of(copy).condition(copy).schema:
        # A migration wrote every row anew.
        return None
    found = archive.compare_moment(
        url, opened.database, before=second - _LEEWAY, after=second + _LONGEST + _LEEWAY
    )
    faults = {
        "lacks {:,} postings that the store has since before": found.missing,
        "has {:,} postings otherwise than the store, which has them unchanged": found.other,
        "has {:,} postings that were written later": found.later,
    }
    wrong = [text.format(number) for text, number in faults.items() if number]
    if wrong:
        raise BackupError(f"The store as of {told(second)} {'; it '.join(wrong)}.")
    return found.compared


def _examine(settings: Settings, restored: StoreURL, opened: Opened) -> None:
    """Raise unless a restored store is sound, and gives right answers."""
    ask(settings, restored, opened.backup.name, _postings(opened))
    wrong = [
        f"{each.name}: {each.output}"
        for each in examine(restored, full=True, verify=True)
        if each.verdict is Verdict.FAIL
    ]
    if wrong:
        raise BackupError(f"The restored store is not sound: {'; '.join(wrong)}.")
