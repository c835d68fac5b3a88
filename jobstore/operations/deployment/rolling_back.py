"""Returning to an earlier deployment: its schema and its data, as it left them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobstore.checks import Check, Verdict
from jobstore.checks.running import reason
from jobstore.engines import archive_of, upkeep_of
from jobstore.engines.archive import Loss
from jobstore.errors import BackupError, JobStoreError, StoreCorrupt
from jobstore.operations import logs
from jobstore.operations.backup import replicate
from jobstore.operations.backup.restoring import put_in_place, unpacked
from jobstore.operations.backup.trust import Doubt
from jobstore.operations.deployment.database import backed_up
from jobstore.operations.deployment.deploying import ended
from jobstore.operations.deployment.gates import Gate, Told, run_phase, silent
from jobstore.operations.deployment.records import Book, Deployment
from jobstore.operations.deployment.undoing import return_schema
from jobstore.settings.sections import Settings

_log = logs.get("deployment")


def loss_of(settings: Settings, to: int, accept: Collection[Doubt] = ()) -> Loss:
    """Return what a return to deployment ``to`` would lose; changes nothing.

    Raises what :func:`roll_back` raises.
    """
    with _unpacked(settings, to, accept) as (_, _, loss):
        return loss


def roll_back(
    settings: Settings,
    to: int,
    *,
    run_id: str,
    agree: Callable[[Loss], object],
    told: Told = silent,
    accept: Collection[Doubt] = (),
) -> Deployment:
    """Make the store what deployment ``to`` left, schema and data; blocks.

    ``agree`` is told before what would be lost; what it raises ends the rollback before anything
    was changed. What is there is backed up first. Others may have the store open: what they got
    acknowledged until then is in that backup. ``told`` hears of each step; ``accept`` is as for a
    restore.

    Returns how it went: see ``go``, ``loss`` and ``saved``. Raises InvalidQuery when there is no
    such deployment, BackupError when its data cannot be had any more, StoreCorrupt when the store
    is too damaged to be compared, StoreBusy when another deployment or rollback runs.
    """
    book = Book(settings)
    with book.turn(), _unpacked(settings, to, accept) as (target, earlier, expected):
        agree(expected)
        deployment = book.begin("rollback", run_id, environment=target.environment, to=to)
        _log.info("a rollback began", number=deployment.number, to=to)
        with ended(book, deployment, lambda: _undo(settings, deployment, accept)):
            checks = _checks(settings, book, deployment, target, earlier, expected)
            run_phase("rollback", checks, deployment.phases, told)
            url = settings.store.address
            deployment.after = upkeep_of(url).condition(url)
    return deployment


@contextmanager
def _unpacked(
    settings: Settings, to: int, accept: Collection[Doubt]
) -> Iterator[tuple[Deployment, Path, Loss]]:
    """Give a deployment, the database that it left, and what the store has that this has not."""
    target = Book(settings).one(to)
    # One that failed was put back, and what it left may be a schema that it did not keep.
    if not target.go or target.snapshot is None:
        raise BackupError(
            f"Deployment {to} {target.status}, and left nothing to return to; see 'jobstore "
            "deployments list'."
        )
    url = settings.store.address
    with unpacked(settings, target.snapshot, accept) as earlier:
        try:
            loss = archive_of(url).compare(url, earlier)
        except StoreCorrupt as error:
            again = settings.command("restore", target.snapshot, "--replace")
            raise StoreCorrupt(
                "The store is too damaged to be compared with what it was; put the backup in its "
                f"place: {again}"
            ) from error
        yield target, earlier, loss


def _checks(
    settings: Settings,
    book: Book,
    deployment: Deployment,
    target: Deployment,
    earlier: Path,
    expected: Loss,
) -> Iterator[Gate]:
    url = settings.store.address
    upkeep = upkeep_of(url)

    def data() -> Check:
        deployment.before = upkeep.condition(url)
        why = f"before the return to deployment {target.number}"
        done = put_in_place(settings, earlier, why)
        deployment.loss, deployment.saved = done.loss, done.saved
        deployment.snapshot = target.snapshot
        book.keep(deployment)
        told, wanted = f"lost: {deployment.loss}", f"as told before: {expected}"
        if done.aside is None:
            return Check(Verdict.PASS, told, limit=wanted)
        return Check(Verdict.WARN, told, advice=done.fault or "", limit=wanted)

    def schema() -> Check:
        wanted = target.after
        if wanted is not None:
            return_schema(url, wanted.newest)
        found = upkeep.condition(url)
        newest = found.newest if wanted is None else wanted.newest
        return judged(found.newest == newest, found.newest, newest)

    def integrity() -> Check:
        (found,) = upkeep.inspect_content(url, full=False, rows=False)
        return judged(found.verdict is Verdict.PASS, found.output, "no fault")

    def judged(good: bool, found: str, wanted: str) -> Check:
        if good:
            return Check(Verdict.PASS, found, limit=wanted)
        advice = f"If it is not put back below: {_by_hand(settings, deployment)}"
        return Check(Verdict.FAIL, found, advice=advice, limit=wanted)

    def copies() -> Check:
        """Give the other places what was there before; nobody waits for that any more."""
        if deployment.saved is None:
            return Check(Verdict.PASS, "nothing was saved")
        return backed_up(replicate(settings, deployment.saved))

    yield Gate("data", data)
    yield Gate("schema", schema)
    yield Gate("integrity", integrity)
    yield Gate("copies", copies)


def _undo(settings: Settings, deployment: Deployment, accept: Collection[Doubt]) -> None:
    """Return to what was there before, unless somebody has written to the store since."""
    if deployment.saved is None:
        # It may have been interrupted after the exchange.
        asides = archive_of(settings.store.address).asides(settings.store.address)
        deployment.left += asides.values()
        return
    why = f"before undoing rollback {deployment.number}"
    try:
        with (
            unpacked(settings, deployment.saved) as saved,
            unpacked(settings, str(deployment.snapshot), accept) as earlier,
        ):
            put_in_place(settings, saved, why, known=earlier)
        url = settings.store.address
        deployment.after = upkeep_of(url).condition(url)
    except (JobStoreError, OSError) as error:
        deployment.left.append(f"{reason(error)} {_by_hand(settings, deployment)}")
    else:
        deployment.undone.append("The store is again what it was before; nothing is lost.")
        deployment.loss = None


def _by_hand(settings: Settings, deployment: Deployment) -> str:
    again = settings.command("restore", str(deployment.saved), "--replace")
    return f"To return to what was there, run: {again}"
