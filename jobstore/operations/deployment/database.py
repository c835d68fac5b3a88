"""The second phase: a backup of what is there, the migrations, and whether the result is sound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from jobstore import migrating
from jobstore.checks import Check, Verdict
from jobstore.engines import upkeep_of
from jobstore.operations.backup import Backup, create
from jobstore.operations.deployment.gates import Gate
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
        self._upkeep = upkeep_of(self._url)

    def checks(self) -> Iterator[Gate]:
        """Return the checks, in order."""
        yield Gate("plan", self._plan)
        yield Gate("backup", self._backup)
        yield Gate("migrations", self._migrate)
        yield Gate("schema", self._schema)
        yield Gate("integrity", self._integrity)
        yield Gate("indexes", self._indexes)
        yield Gate("sample data", self._samples)

    def _plan(self) -> Check:
        now = self._upkeep.condition(self._url)
        # Raises for a store that is newer than this jobstore, or whose migrations were edited.
        steps = [each.id for each in migrating.up(self._url, dry_run=True)]
        self._deployment.before = self._deployment.before or now
        self._keep(self._deployment)
        return Check(Verdict.PASS, f"{now}; to apply: {', '.join(steps) or 'nothing'}")

    def _backup(self) -> Check:
        if not self._upkeep.condition(self._url).migrations:
            return Check(Verdict.PASS, "nothing to back up")
        made = create(self._settings, reason=f"before deployment {self._deployment.number}")
        # That of a killed one was made before its migrations; it stays the one to return to.
        self._deployment.backup = self._deployment.backup or made.name
        self._keep(self._deployment)
        return backed_up(made)

    def _migrate(self) -> Check:
        steps = migrating.up(self._url)
        self._deployment.applied = [each.id for each in steps]
        newest = self._upkeep.condition(self._url).newest
        told = f"{len(steps)} applied, now at {newest}"
        renewal = migrating.renewal(self._url)
        if renewal is not None and renewal.stage == "kept":
            told += (
                f"; when no program from before runs: {self._settings.command('migrate', 'finish')}"
            )
        return Check(Verdict.PASS, told, limit=migrating.status(self._url)[-1].id)

    def _schema(self) -> Check:
        migrating.verify(self._url)
        return Check(Verdict.PASS, "as its migrations make it")

    def _integrity(self) -> Check:
        # The words come after the pages, and are not looked at: that takes a copy of the store.
        found = next(self._upkeep.inspect_content(self._url, full=True, rows=False))
        if found.verdict is Verdict.PASS:
            return Check(Verdict.PASS, found.output, limit="no fault")
        advice = "Run: jobstore doctor --repair; or restore a backup."
        return Check(Verdict.FAIL, found.output, advice=advice, limit="no fault")

    def _indexes(self) -> Check:
        plans = self._upkeep.plans(self._url)
        lacking = [name for name, by_index in plans.items() if not by_index]
        target = f"{len(plans)} main statements by index"
        if not lacking:
            return Check(Verdict.PASS, f"{len(plans)} by index", limit=target)
        advice = "Run: jobstore migrate verify; an index is missing, or is not used."
        told = f"not by index: {', '.join(lacking)}"
        return Check(Verdict.FAIL, told, advice=advice, limit=target)

    def _samples(self) -> Check:
        if not self._settings.deployment.sample_data:
            return Check(Verdict.PASS, "not asked for")
        if (before := self._deployment.before) is not None and before.postings:
            return Check(Verdict.PASS, "not needed: the store has postings")
        # Before any is stored: from now on there may be some to be taken out again.
        self._deployment.samples = 1
        self._keep(self._deployment)
        self._deployment.samples = asyncio.run(store_samples(self._settings))
        self._keep(self._deployment)
        return Check(Verdict.PASS, self._deployment.samples, "postings")


def backed_up(made: Backup) -> Check:
    """Return the check of a backup that was made; a place that got no copy of it is a warning."""
    told = f"{made.name}: {made.manifest.postings:,} postings, in {', '.join(made.places)}"
    verdict = Verdict.WARN if made.failures else Verdict.PASS
    advice = " ".join(made.failures.values())
    return Check(verdict, told, advice=advice, limit="in every place")
