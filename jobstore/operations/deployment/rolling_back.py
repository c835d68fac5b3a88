"""Returning to an earlier deployment: its schema and its data, as it left them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from jobstore.checks import Check, Verdict
from jobstore.checks.running import reason
from jobstore.engines import backend_of
from jobstore.engines.backend import Loss
from jobstore.errors import BackupError, JobStoreError, StoreCorrupt
from jobstore.operations import logs
from jobstore.operations.backup import restore
from jobstore.operations.backup.scratch import make_folder, scratch_folder
from jobstore.operations.deployment.conditions import compare, read_condition
from jobstore.operations.deployment.database import backed_up
from jobstore.operations.deployment.deploying import ended
from jobstore.operations.deployment.gates import Course, Gate, Told, measured, silent
from jobstore.operations.deployment.records import Book, Deployment
from jobstore.operations.deployment.replacing import copy_elsewhere, replace, unpacked
from jobstore.settings.sections import Settings

_log = logs.get("deployment")


def loss_of(settings: Settings, to: int) -> Loss:
    """Return what a return to deployment ``to`` would lose; changes nothing.

    Raises what :func:`roll_back` raises.
    """
    earlier_one = _target(Book(settings), to)
    path = settings.store.address.path
    make_folder(path.parent)
    with scratch_folder(path.parent) as scratch:
        return _compare(settings, earlier_one, _unpack(settings, earlier_one, scratch))


def roll_back(
    settings: Settings,
    to: int,
    *,
    run_id: str,
    agree: Callable[[Loss], object],
    told: Told = silent,
    files: tuple[Path, ...] = (),
) -> Deployment:
    """Make the store what deployment ``to`` left, schema and data; blocks.

    ``agree`` is told before what would be lost; what it raises ends the rollback before anything
    was changed. What is there is backed up first. Others may have the store open: what they got
    acknowledged until then is in that backup. ``told`` hears of each step.

    Returns how it went: see ``go``, ``loss`` and ``saved``. Raises InvalidQuery when there is no
    such deployment, BackupError when its data cannot be had any more, StoreCorrupt when the store
    is too damaged to be compared, StoreBusy when another deployment or rollback runs.
    """
    book = Book(settings)
    with book.turn():
        earlier_one = _target(book, to)
        path = settings.store.address.path
        make_folder(path.parent)
        with scratch_folder(path.parent) as scratch:
            earlier = _unpack(settings, earlier_one, scratch)
            expected = _compare(settings, earlier_one, earlier)
            agree(expected)
            deployment = book.begin(
                "rollback", run_id, environment=earlier_one.environment, files=files, to=to
            )
            _log.info("a rollback began", number=deployment.number, to=to)
            with ended(book, deployment, lambda: _undo(settings, deployment, earlier, scratch)):
                steps = _Steps(settings, deployment, earlier_one, earlier, book.keep)
                Course(deployment.phases, told).run("rollback", steps.checks(expected))
                deployment.after = read_condition(settings.store.address)
    return deployment


def _target(book: Book, to: int) -> Deployment:
    found = book.one(to)
    # One that failed was put back, and what it left may be a schema that it did not keep.
    if not found.go or found.snapshot is None:
        raise BackupError(
            f"Deployment {to} {found.status}, and left nothing to return to; see 'jobstore "
            "deployments list'."
        )
    return found


def _unpack(settings: Settings, earlier_one: Deployment, scratch: Path) -> Path:
    assert earlier_one.snapshot is not None
    return unpacked(settings, earlier_one.snapshot, scratch)


def _compare(settings: Settings, earlier_one: Deployment, earlier: Path) -> Loss:
    path = settings.store.address.path
    if not path.exists():
        return Loss()
    try:
        return compare(settings.store.address, earlier)
    except StoreCorrupt as error:
        again = settings.command("restore", str(earlier_one.snapshot), "--replace")
        raise StoreCorrupt(
            "The store is too damaged to be compared with what it was; put the backup in its "
            f"place: {again}"
        ) from error


def _undo(settings: Settings, deployment: Deployment, earlier: Path, scratch: Path) -> None:
    """Return to what was there before, unless somebody has written to the store since."""
    if deployment.saved is None:
        return
    try:
        folder = scratch / "saved"
        make_folder(folder)
        saved = unpacked(settings, deployment.saved, folder)
        replace(
            settings,
            saved,
            agreed=False,
            reason=f"before undoing rollback {deployment.number}",
            known=earlier,
        )
        deployment.after = read_condition(settings.store.address)
    except (JobStoreError, OSError, sqlite3.Error) as error:
        deployment.left.append(f"{reason(error)} {_by_hand(settings, deployment)}")
    else:
        deployment.undone.append("The store is again what it was before; nothing is lost.")
        deployment.loss = None


def _by_hand(settings: Settings, deployment: Deployment) -> str:
    again = settings.command("restore", str(deployment.saved), "--replace")
    return f"To return to what was there, run: {again}"


class _Steps:
    def __init__(
        self,
        settings: Settings,
        deployment: Deployment,
        earlier_one: Deployment,
        earlier: Path,
        keep: Callable[[Deployment], None],
    ) -> None:
        self._keep = keep
        self._settings = settings
        self._deployment = deployment
        self._earlier_one = earlier_one
        self._earlier = earlier
        self._path = settings.store.address.path

    def checks(self, expected: Loss) -> Iterator[Gate]:
        yield Gate("data", partial(self._replace, expected))
        yield Gate("schema", self._schema)
        yield Gate("integrity", self._integrity)
        yield Gate("copies", self._copy)

    def _replace(self, expected: Loss) -> Check:
        deployment = self._deployment
        deployment.before = read_condition(self._settings.store.address)
        if deployment.before.migrations:
            why = f"before the return to deployment {self._earlier_one.number}"
            done = replace(self._settings, self._earlier, agreed=True, reason=why)
            deployment.loss, deployment.saved = done.loss, done.saved
            self._keep(deployment)
        else:
            # There is nothing to be lost, and perhaps no store.
            self._path.unlink(missing_ok=True)
            asyncio.run(restore(self._settings, self._earlier_one.snapshot, accept=["foreign"]))
            deployment.loss = Loss()
        deployment.snapshot = self._earlier_one.snapshot
        return measured(f"lost: {deployment.loss}", f"as told before: {expected}")

    def _schema(self) -> Check:
        found, wanted = read_condition(self._settings.store.address), self._earlier_one.after
        newest = found.newest if wanted is None else wanted.newest
        return self._judged(found.newest == newest, found.newest, newest)

    def _integrity(self) -> Check:
        url = self._settings.store.address
        (found,) = backend_of(url).upkeep.inspect_content(url, full=False, rows=False)
        return self._judged(found.verdict is Verdict.PASS, found.output, "no fault")

    def _judged(self, good: bool, found: str, target: str) -> Check:
        if good:
            return measured(found, target)
        advice = "If it is not put back below: " + _by_hand(self._settings, self._deployment)
        return measured(found, target, verdict=Verdict.FAIL, advice=advice)

    def _copy(self) -> Check:
        """Give the other places what was there before; nobody waits for that any more."""
        if self._deployment.saved is None:
            return measured("nothing was saved")
        return backed_up(copy_elsewhere(self._settings, self._deployment.saved))
