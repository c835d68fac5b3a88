"""The second phase: a backup of what is there, the migrations, and whether the result is sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from jobstore import migrating
from jobstore.checks import Verdict
from jobstore.engines import backend_of
from jobstore.operations.backup import Backup, create
from jobstore.operations.deployment.conditions import read_condition
from jobstore.operations.deployment.gates import Check, Measured
from jobstore.operations.deployment.records import Deployment
from jobstore.operations.deployment.samples import store_samples
from jobstore.settings.sections import Settings


class DatabasePhase:
    """The checks of the phase; what they change is written into ``deployment`` beforehand.

    ``keep`` makes that lasting, so that a deployment that is killed leaves word of it. One that
    goes on from a killed one knows already what was before that one, and keeps it.
    """

    def __init__(
        self,
        settings: Settings,
        deployment: Deployment,
        keep: Callable[[Deployment], None],
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._keep = keep
        self._url = settings.store.address
        self._upkeep = backend_of(self._url).upkeep

    def checks(self) -> Iterator[Check]:
        """Return the checks, in order."""
        yield Check("plan", self._plan)
        yield Check("backup", self._backup)
        yield Check("migrations", self._migrate)
        yield Check("schema", self._schema)
        yield Check("integrity", self._integrity)
        yield Check("indexes", self._indexes)
        yield Check("sample data", self._samples)

    def _plan(self) -> Measured:
        now = read_condition(self._url)
        # Raises for a store that is newer than this jobstore, or whose migrations were edited.
        steps = [each.id for each in migrating.up(self._url, dry_run=True)]
        self._deployment.before = self._deployment.before or now
        self._keep(self._deployment)
        there = f"{now.postings:,} postings, schema {now.newest}" if now.exists else "no store"
        return Measured(f"{there}; to apply: {', '.join(steps) or 'nothing'}")

    def _backup(self) -> Measured:
        if not read_condition(self._url).migrations:
            return Measured("nothing to back up")
        made = create(self._settings, reason=f"before deployment {self._deployment.number}")
        # That of a killed one was made before its migrations; it stays the one to return to.
        self._deployment.backup = self._deployment.backup or made.name
        self._keep(self._deployment)
        return backed_up(made)

    def _migrate(self) -> Measured:
        steps = migrating.up(self._url)
        self._deployment.applied = [each.id for each in steps]
        newest = read_condition(self._url).newest
        told = f"{len(steps)} applied, now at {newest}"
        return Measured(told, migrating.status(self._url)[-1].id)

    def _schema(self) -> Measured:
        migrating.verify(self._url)
        return Measured("as its migrations make it", "as its migrations make it")

    def _integrity(self) -> Measured:
        # The words come after the pages, and are not looked at: that takes a writer's lock.
        found = next(self._upkeep.inspect_content(self._url, full=True, rows=False))
        if found.verdict == "ok":
            return Measured(found.detail, "no fault")
        advice = "Run: jobstore doctor --repair; or restore a backup."
        return Measured(found.detail, "no fault", verdict=Verdict.FAIL, advice=advice)

    def _indexes(self) -> Measured:
        plans = self._upkeep.plans(self._url)
        lacking = [name for name, by_index in plans.items() if not by_index]
        target = f"{len(plans)} main statements by index"
        if not lacking:
            return Measured(f"{len(plans)} by index", target)
        advice = "Run: jobstore migrate verify; an index is missing, or is not used."
        told = f"not by index: {', '.join(lacking)}"
        return Measured(told, target, verdict=Verdict.FAIL, advice=advice)

    def _samples(self) -> Measured:
        if not self._settings.deployment.sample_data:
            return Measured("not asked for")
        if (before := self._deployment.before) is not None and before.postings:
            return Measured("not needed: the store has postings")
        # Before any is stored: from now on there may be some to be taken out again.
        self._deployment.samples = 1
        self._keep(self._deployment)
        self._deployment.samples = asyncio.run(store_samples(self._settings))
        self._keep(self._deployment)
        return Measured(self._deployment.samples, "all sample postings", "postings")


def backed_up(made: Backup) -> Measured:
    """Judge a backup that was made; a place that got no copy of it is a warning."""
    told = f"{made.name}: {made.manifest.postings:,} postings, in {', '.join(made.places)}"
    if not made.failures:
        return Measured(told, "in every place")
    advice = " ".join(made.failures.values())
    return Measured(told, "in every place", verdict=Verdict.WARN, advice=advice)
