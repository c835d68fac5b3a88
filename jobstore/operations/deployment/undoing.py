"""Putting back what was before a deployment that failed, without losing what others wrote since.

Migrations are taken back, which keeps every posting; not where what only they have a place for
would be lost. A backup is only returned to when that is not enough. Nothing that was written since
is given up, unless the operator agrees.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from jobstore import migrating
from jobstore.checks.running import reason
from jobstore.engines import archive_of, backend_of, in_files, upkeep_of
from jobstore.engines.archive import Loss
from jobstore.engines.backend import Condition, Count
from jobstore.engines.schema import up_command
from jobstore.errors import BackupError, JobStoreError, MigrationError
from jobstore.operations import logs
from jobstore.operations.backup import create, replicate
from jobstore.operations.backup.restoring import put_in_place, unpacked
from jobstore.operations.deployment.records import Deployment
from jobstore.operations.deployment.samples import remove_samples
from jobstore.settings import StoreURL
from jobstore.settings.sections import Settings

_log = logs.get("deployment")


@dataclass(frozen=True, slots=True)
class Values:
    """What taking back migrations would lose, counted by ``table.column``, or rows by table."""

    counts: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return ", ".join(
            f"{number:,} {'values' if '.' in name else 'rows'} of {name}"
            for name, number in self.counts.items()
        )


def values_of(url: StoreURL, count: Count, steps: Iterable[migrating.Step]) -> Values:
    """Return what stands where only the migrations ``steps`` have a place for it.

    What is derived from postings is no loss.
    """
    names = sorted(
        {name for step in steps for name in step.removed} - backend_of(url).schema.derived
    )
    counts = {name: count(name) for name in names}
    return Values({name: number for name, number in counts.items() if number})


Agree = Callable[[Loss | Values], bool]
"""Is asked before something is lost, and told what; returns whether that may be."""


def nothing_may_be_lost(loss: Loss | Values) -> bool:
    """Agree to nothing."""
    return False


def return_schema(url: StoreURL, newest: str) -> None:
    """Take back migrations after ``newest`` where a backup that was put in place has them.

    A backup in a file of the store's own engine has the schema of its time. One of a database on a
    server is in the form of another engine, and was put into the newest tables.
    """
    if not in_files(url) and upkeep_of(url).condition(url).newest > newest:
        migrating.down(url, to=newest)


def put_back(settings: Settings, deployment: Deployment, agree: Agree) -> None:
    """Put back what was before ``deployment``; what was done, and what was not, is written in it.

    Raises nothing that the store or the disk is the cause of.
    """
    if deployment.before is None:
        deployment.undone.append("Nothing had been changed.")
        return
    work = _Undoing(settings, deployment, deployment.before, agree)
    steps = (work.take_out_samples, work.take_back_migrations, work.restore, work.copy_elsewhere)
    for step in steps:
        try:
            step()
        except (JobStoreError, OSError) as error:
            _log.error("a step of putting back failed", error=error)
            deployment.left.append(reason(error))
    if not deployment.undone and not deployment.left:
        deployment.undone.append("Nothing had been changed.")
    for done in deployment.undone:
        _log.warning("put back", detail=done)
    for left in deployment.left:
        _log.error("not put back", detail=left)


class _Undoing:
    def __init__(
        self, settings: Settings, deployment: Deployment, before: Condition, agree: Agree
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._before = before
        self._agree = agree
        self._url = settings.store.address
        self._archive, self._upkeep = archive_of(self._url), upkeep_of(self._url)
        self._stays = False
        self._reason = f"before undoing deployment {deployment.number}"

    def _done(self, what: str) -> None:
        self._deployment.undone.append(what)

    def take_out_samples(self) -> None:
        if self._deployment.samples and self._upkeep.condition(self._url).migrations:
            removed = asyncio.run(remove_samples(self._settings))
            self._done(f"Took out {removed:,} sample postings.")

    def take_back_migrations(self) -> None:
        if not self._before.migrations:
            return self._take_away()
        now = self._upkeep.condition(self._url)
        if now.migrations == self._before.migrations:
            return None
        if self._before.newest < backend_of(self._url).schema.renewed_since < now.newest:
            # What was before would search an empty index, and not know it.
            return None
        steps = migrating.down(self._url, to=self._before.newest, dry_run=True)
        values = values_of(self._url, partial(self._upkeep.count, self._url), steps)
        agreed = bool(values) and self._agree(values)
        # A backup does not have it either.
        self._stays = bool(values) and not agreed
        for _ in steps:
            self._take_back(agreed)
        return None

    def _take_back(self, agreed: bool) -> None:
        """Take the last migration back; what others wrote only by agreement, and after a backup."""
        lost = ""

        def look(count: Count, steps: Sequence[migrating.Step]) -> None:
            nonlocal lost
            if not (values := values_of(self._url, count, steps)):
                return
            if not agreed:
                self._stays = True
                down = self._settings.command("migrate", "down", "--to", self._before.newest)
                raise MigrationError(
                    f"Taking back {steps[0].id} would lose {values}, so it stays; to do that, "
                    f"after a backup, run: {down}"
                )
            if self._deployment.saved is None:
                saved = create(self._settings, reason=self._reason, replicate=False)
                self._deployment.saved = saved.name
            lost = f"; lost: {values}, which the backup {self._deployment.saved} holds"

        for step in migrating.down(self._url, look=look):
            self._done(f"Took back {step.id}{lost}; every posting stayed.")

    def _take_away(self) -> None:
        """Leave nothing where nothing was, unless somebody wrote there meanwhile."""
        now, before = self._upkeep.condition(self._url), self._before
        if not now.migrations and now.exists <= before.exists:
            return
        if postings := self._archive.remove(self._url, leave_file=before.exists):
            self._stays = True
            self._deployment.left.append(
                f"The store was made by this deployment, but {postings:,} postings were written to "
                "it meanwhile, so it stays."
            )
        else:
            self._done("Took away the store that was made; there was no posting in it.")

    def restore(self) -> None:
        """Return to the backup, where taking back migrations was not enough."""
        before, backup = self._before, self._deployment.backup
        now = self._upkeep.condition(self._url)
        if self._stays or now.schema == before.schema:
            return
        left = self._deployment.left
        if backup is None:
            left.append("There is no backup to return to.")
            return
        try:
            with unpacked(self._settings, backup) as earlier:
                loss = self._archive.compare(self._url, earlier)
                if not loss or self._agree(loss):
                    known = None if loss else earlier
                    done = put_in_place(self._settings, earlier, self._reason, known=known)
                    return_schema(self._url, before.newest)
                    self._done(f"Returned to the backup {backup}; lost: {done.loss}.")
                    self._deployment.saved = done.saved
                    return
        except BackupError as error:
            why = str(error)
        else:
            why = f"To return to the backup would lose {loss}."
            if now.migrations == before.migrations and now.derived_form < before.derived_form:
                left.append(
                    "What follows from postings has to be written anew, by the jobstore from "
                    f"before; that loses nothing: {up_command(self._url)}"
                )
                return
        again = self._settings.command("restore", backup, "--replace")
        left.append(
            f"{why} The schema is not that from before; to return to the backup, run: {again}"
        )

    def copy_elsewhere(self) -> None:
        """Give each place a copy of what was saved; nobody waits for that any more."""
        if self._deployment.saved:
            made = replicate(self._settings, self._deployment.saved)
            self._deployment.left += made.failures.values()
