"""Examining a store that is not open, so that the answer comes whatever hangs.

Everything runs on an event loop of its own, on a thread that is left behind when it must be.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from jobstore.checks import Check, HealthLimits, HealthReport, Probe, Verdict, run
from jobstore.checks.probes import STORE_COMPONENTS, of_database, of_machine, of_store
from jobstore.checks.running import limited, reason
from jobstore.connecting import connect
from jobstore.errors import Fault, InvalidQuery
from jobstore.files import there
from jobstore.operations import logs
from jobstore.operations.health.permissions import permissions_of
from jobstore.operations.health.probes import probes_of
from jobstore.operations.health.programs import programs_of
from jobstore.store import JobStore
from jobstore.threads import apart_once, loop_apart

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

COMPONENTS = (
    *STORE_COMPONENTS,
    *("queue", "server", "disk", "wal", "schema", "library", "memory", "files", "permissions"),
    *("backup", "restore-test", "archive", "alerts"),
)
"""What can be asked for one by one."""

# Stages that follow each other at worst: opening, three measurements, the rest, closing, logging.
_STAGES = 8

LEVELS = {Verdict.PASS: "info", Verdict.WARN: "warning", Verdict.FAIL: "error"}
"""How logs call verdicts."""


def limits_of(settings: Settings) -> HealthLimits:
    """Return the limits of the settings, for :meth:`jobstore.JobStore.health`."""
    given = {**settings.thresholds.model_dump(), **settings.health.model_dump()}
    return HealthLimits(
        **{each.name: given[each.name] for each in fields(HealthLimits) if each.name in given}
    )


def examine(settings: Settings, *, only: Collection[str] = ()) -> HealthReport:
    """Look how well the store of ``settings`` is; blocks, and always returns.

    ``only`` names the components to look at (see COMPONENTS), by default all. What was found
    goes into the health log.

    Raises InvalidQuery for a component that there is not.
    """
    check_components(only)
    wanted = frozenset(only or COMPONENTS)
    look = partial(_examine, settings, limits_of(settings), wanted)
    try:
        return loop_apart(look, patience(settings))
    except TimeoutError:
        return unanswered()


def check_components(only: Collection[str]) -> None:
    """Raise InvalidQuery for a component that there is not."""
    if not set(only) <= set(COMPONENTS):
        raise InvalidQuery([Fault("only", f"must be one of {', '.join(COMPONENTS)}")])


def patience(settings: Settings) -> float:
    """Return the seconds after which an examination must have ended."""
    return _STAGES * settings.health.timeout + 1


def unanswered() -> HealthReport:
    """Return the report of an examination that did not end."""
    return HealthReport([_unreachable("The examination itself does not answer.")])


async def _examine(
    settings: Settings, limits: HealthLimits, wanted: frozenset[str]
) -> HealthReport:
    beside = [
        *of_database(settings.store.address, limits),
        *programs_of(settings, limits),
        permissions_of(settings),
        *of_machine(),
        *probes_of(settings),
    ]
    checks = await _ask_store(settings, limits, wanted) if wanted & {*STORE_COMPONENTS} else []
    checks += await run(_wanted(beside, wanted), limits.timeout, _now)
    with suppress(Exception):
        log = partial(_log, settings, checks)
        await limited(apart_once(("log", settings.logs_folder), log), limits.timeout)
    return HealthReport([
        replace(each, output=settings.hint(each.output), advice=settings.hint(each.advice))
        for each in checks
    ])  # fmt: skip


async def _ask_store(
    settings: Settings, limits: HealthLimits, wanted: frozenset[str]
) -> list[Check]:
    folder, options = settings.store.address.path.parent, settings.store.options
    # What waits longer than a check may take is of no use to it.
    impatient = replace(
        options,
        busy_timeout=min(options.busy_timeout, limits.timeout),
        read_timeout=min(options.read_timeout, limits.timeout),
    )
    try:
        # A store that is opened on a disk that hangs leaves several threads behind, each time.
        await limited(apart_once(("store", folder), partial(_keep, folder)), limits.timeout)
        store: JobStore = await limited(
            connect(settings.store.url, options=impatient), limits.timeout
        )
    except Exception as error:
        return [_unreachable(reason(error))]
    try:
        return await run(_wanted(of_store(store.engine, limits), wanted), limits.timeout, _now)
    finally:
        with suppress(Exception):
            await limited(store.close(), limits.timeout)


def _log(settings: Settings, checks: list[Check]) -> None:
    if not settings.state_folder.parent.is_dir():
        # A store that is not there gets no folder by being looked for.
        return
    # A disk that hangs shall do so here: a logger that hangs keeps the program from ending.
    _keep(there(settings.logs_folder))
    logger = logs.get("health")
    for each in checks:
        log = getattr(logger, LEVELS[each.verdict])
        log(
            "health check",
            check=each.name,
            verdict=each.verdict.value,
            observed=each.observed,
            unit=each.unit,
            output=each.explanation or None,
        )


def _keep(folder: Path) -> None:
    """Have a disk take something; a full or a read-only one is no concern of ours."""
    with suppress(OSError), TemporaryFile(dir=folder) as file:
        file.write(b"health")


def _wanted(probes: list[Probe], wanted: frozenset[str]) -> list[Probe]:
    return [each for each in probes if each.component in wanted]


def _unreachable(why: str) -> Check:
    return Check(Verdict.FAIL, output=why, name="store:responseTime", time=_now())


def _now() -> datetime:
    return datetime.now(UTC)
