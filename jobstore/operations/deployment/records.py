"""Deployments as they are kept, numbered from 1: in the database of operations, with a report each.

Only keeping and finding them happens here. What is written is there whole or not at all, so
that one which was killed tells how far it had come.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from jobstore.engines import is_there, upkeep_of
from jobstore.engines.archive import Loss
from jobstore.engines.backend import Condition
from jobstore.errors import Fault, InvalidQuery, StoreUnavailable
from jobstore.locking import FileLock
from jobstore.operations.database import reading, writing
from jobstore.operations.deployment.gates import Phase
from jobstore.operations.deployment.report import markdown
from jobstore.scratch import disk_errors, make_folder, write_file
from jobstore.settings.sections import Settings
from jobstore.version import __version__

# Deployments whose backups are kept whatever the retention says.
_KEPT = 5


class Status(StrEnum):
    """How a deployment ended, or that it did not."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Killed; what came after it has seen to that."""


@dataclass(slots=True, kw_only=True)
class Deployment:
    """One deployment, or one return to an earlier one (``kind`` is ``rollback``).

    ``before`` and ``after`` say what stood there; ``backup`` is a backup of the first, and
    ``snapshot`` one of what was deployed, which a rollback returns to. ``applied`` names the
    migrations that were run, ``samples`` is how many made-up postings were stored. ``undone``
    says how the state before was put back after a failure, and ``left`` what was not.
    ``continues`` is the number of one that was killed and that this one goes on from.
    ``to``, ``loss`` and ``saved`` belong to a rollback: where it returned to, what postings
    that cost, and the backup that holds them.
    """

    number: int
    kind: Literal["deployment", "rollback"]
    environment: str
    store: str
    run_id: str
    started_at: datetime
    pid: int
    versions: dict[str, str]
    settings: list[str] = field(default_factory=list)
    status: Status = Status.RUNNING
    seconds: float | None = None
    before: Condition | None = None
    after: Condition | None = None
    backup: str | None = None
    snapshot: str | None = None
    applied: list[str] = field(default_factory=list)
    samples: int = 0
    phases: list[Phase] = field(default_factory=list)
    error: str | None = None
    advice: str | None = None
    undone: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    continues: int | None = None
    to: int | None = None
    loss: Loss | None = None
    saved: str | None = None

    @property
    def go(self) -> bool:
        """Whether it may be used: every gate was passed."""
        return self.status is Status.SUCCEEDED

    def to_json(self) -> dict[str, Any]:
        """Return everything, in JSON's types."""
        told: dict[str, Any] = _KIND.dump_python(self, mode="json")
        return {"number": self.number, "go": self.go} | told


_KIND = TypeAdapter(Deployment)


class Book:
    """The deployments of one store."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.deployments_folder

    def turn(self) -> FileLock:
        """Return the lock that lets nobody else deploy to the store, or roll it back."""
        is_there(self._settings.store.address)
        make_folder(self.folder)
        return FileLock(self.folder / "deployments", 0, self._busy)

    def _busy(self) -> str:
        latest, which = self.latest(), "a deployment or a rollback"
        if latest is not None and latest.status is Status.RUNNING:
            which = f"{latest.kind} {latest.number} (process {latest.pid})"
        return (
            f"Another process is at work on this store: {which}. Wait until it has ended; "
            "nothing was changed."
        )

    def begin(
        self,
        kind: Literal["deployment", "rollback"],
        run_id: str,
        *,
        environment: str,
        files: tuple[Path, ...] = (),
        to: int | None = None,
    ) -> Deployment:
        """Write down that a deployment has begun, and return it; whoever calls has the turn.

        One that was killed is marked as interrupted, and this one goes on from it: what was
        before that one is what a failure puts back.
        """
        url = self._settings.store.address
        known, library = self.all(), upkeep_of(url).library(url)
        killed = next((each for each in known[:1] if each.status is Status.RUNNING), None)
        if killed is not None:
            killed.status = Status.INTERRUPTED
            self.keep(killed)
        deployment = Deployment(
            number=1 + max(self._reported(), *(each.number for each in known[:1]), 0),
            kind=kind,
            environment=environment,
            store=str(url),
            run_id=run_id,
            started_at=datetime.now(UTC),
            pid=os.getpid(),
            versions={
                "jobstore": __version__,
                "python": platform.python_version(),
                library.name: library.version,
            },
            settings=[str(file) for file in files],
            to=to,
        )
        if killed is not None:
            deployment.continues = killed.number
        # A rollback leaves the store as it was, or as it was to be.
        if killed is not None and killed.kind == "deployment":
            deployment.before, deployment.backup = killed.before, killed.backup
            deployment.samples = killed.samples
        self.keep(deployment)
        return deployment

    def keep(self, deployment: Deployment) -> None:
        """Write a deployment down, and its report when it has ended."""
        if deployment.status is not Status.RUNNING:
            with disk_errors(self.folder):
                write_file(self.report(deployment.number), markdown(deployment).encode())
        record = _KIND.dump_json(deployment).decode()
        with writing(self._settings.operations_db) as kept:
            kept.run("put_deployment", (deployment.number, record))

    def all(self) -> list[Deployment]:
        """Return all of them, the latest first. Raises StoreUnavailable for a damaged record."""
        path, found = self._settings.operations_db, []
        with reading(path) as kept:
            rows = kept.rows("deployments")
        for number, record in rows:
            try:
                found.append(_KIND.validate_json(record))
            except ValidationError:
                raise StoreUnavailable(
                    f"Deployment {number} in {path} is damaged, or of another jobstore; move the "
                    "file away, and a new one is made."
                ) from None
        return found

    def latest(self) -> Deployment | None:
        """Return the latest, ``None`` before the first."""
        return next(iter(self.all()), None)

    def one(self, number: int) -> Deployment:
        """Return one by its number. Raises InvalidQuery when there is none."""
        found = {each.number: each for each in self.all()}
        if number not in found:
            known = ", ".join(map(str, found)) or "none yet"
            raise InvalidQuery([Fault("deployment", f"there is no {number}; there are: {known}")])
        return found[number]

    def _reported(self) -> int:
        """Return the highest number of a report, which may be of a database that is gone."""
        return max((int(each.stem) for each in self.folder.glob("[0-9]*.md")), default=0)

    def report(self, number: int) -> Path:
        """Return where the report of one is, for people."""
        return self.folder / f"{number:04}.md"


def backups_in_use(settings: Settings) -> set[str]:
    """Return the backups of the latest deployments and rollbacks, to be kept by prunings.

    They are what rollbacks return to, what was before, and what a rollback would have lost.
    Raises StoreUnavailable when a record cannot be read, as what it needs is not known then.
    """
    known = Book(settings).all()
    names = {each.snapshot for each in [each for each in known if each.go][:_KEPT]}
    for each in known[:_KEPT]:
        names |= {each.backup, each.saved}
    return {name for name in names if name}
