"""What health says of archiving: how far places are behind, and what waits beside the store.

Where archiving was never begun, or was switched off, it says so and has nothing against it.
Where somebody removed what the log was kept in, that is wrong.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobstore.checks import Check, Verdict
from jobstore.engines import backend_of
from jobstore.engines.backend import Capability

if TYPE_CHECKING:
    from jobstore.operations.archiving import PlaceStanding, Standing
    from jobstore.settings.sections import Settings

_OFF = Check(Verdict.PASS, output="off: no log of this store is kept")
_LOST = Check(
    Verdict.FAIL,
    output="the folder in which the log is kept was removed, and nothing is archived",
    advice="run 'jobstore agent', which begins the log anew",
)
_ADVICE = "see 'jobstore archive status'"
_MIB = 1024**2
# Of the room that may wait beside the store, the part above which health warns.
_NEAR = 0.8


def archive_checks(settings: Settings) -> list[Check]:
    """Return the checks of archiving, with their names."""
    looks = {"archive:lag": archive_lag, "archive:spool": archive_spool}
    return [replace(look(settings), name=name) for name, look in looks.items()]


def archive_lag(settings: Settings) -> Check:
    """Return the check of how far places are behind, and of what is wrong with archiving."""
    found = _standing(settings)
    if found is None:
        return _lost_or_off(settings)
    given = settings.archive
    verdict, told = Verdict.PASS, []
    for each in found.places:
        behind, words = _of_place(each, found, given.lag_warn_seconds, given.lag_fail_seconds)
        verdict = max(verdict, behind, key=lambda each: each.rank)
        told += words
    if found.process is None and verdict is not Verdict.PASS:
        told.append("no archiver is at work (jobstore agent)")
    if found.broken is not None:
        told.append(
            f"the log had to begin anew, and has no backup to begin from yet: {found.broken}"
        )
    if found.fault is not None:
        told.append(found.fault)
    if told:
        verdict = max(verdict, Verdict.WARN, key=lambda each: each.rank)
    if settings.environment == "development" and verdict is Verdict.FAIL:
        verdict = Verdict.WARN
    lag = found.lag
    return Check(
        verdict,
        None if lag is None else round(lag, 1),
        "seconds",
        "; ".join(told),
        "" if verdict is Verdict.PASS else _ADVICE,
        limit=given.lag_warn_seconds,
        bound="at most",
    )


def archive_spool(settings: Settings) -> Check:
    """Return the check of what waits beside the store for places that are away."""
    found = _standing(settings)
    if found is None:
        return _OFF
    waiting, limit = found.octets / _MIB, found.limit / _MIB
    near = waiting > _NEAR * limit
    return Check(
        Verdict.WARN if near else Verdict.PASS,
        round(waiting, 1),
        "MiB",
        "the log begins anew when more waits than archive.limit_mib" if near else "",
        _ADVICE if near else "",
        limit=limit,
        bound="at most",
    )


def _lost_or_off(settings: Settings) -> Check:
    url, backend = settings.store.address, backend_of(settings.store.address)
    if Capability.LOG not in backend.capabilities:
        return replace(_OFF, output=backend.instead.get(Capability.LOG, _OFF.output))
    if settings.archive.enabled:
        from jobstore.engines import log_of

        if log_of(url).is_lost(url):
            mild = settings.environment == "development"
            return replace(_LOST, verdict=Verdict.WARN) if mild else _LOST
    return _OFF


def _standing(settings: Settings) -> Standing | None:
    if Capability.LOG not in backend_of(settings.store.address).capabilities:
        return None
    from jobstore.operations.archiving import standing

    return standing(settings)


def _of_place(
    place: PlaceStanding, found: Standing, warn: float, fail: float
) -> tuple[Verdict, list[str]]:
    lag = place.lag(found.at)
    if lag is None and found.started_at is not None:
        # It has had nothing since the archiver began.
        lag = max(0.0, found.at - found.started_at)
    words = []
    if lag is None:
        verdict = Verdict.WARN
        words.append(f"{place.place} has nothing yet")
    else:
        verdict = Verdict.FAIL if lag > fail else Verdict.WARN if lag > warn else Verdict.PASS
        if verdict is not Verdict.PASS:
            reason = "" if place.fault is None else f" ({place.fault})"
            words.append(f"{place.place} is {lag:,.0f} seconds behind{reason}")
    if place.foreign:
        words.append(
            f"another archiver of this store brings its log to {place.place}, too; let only one "
            "machine do so"
        )
    words += [f"{place.place}: {each}" for each in place.warnings[:1]]
    return verdict, words
