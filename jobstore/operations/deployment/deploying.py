"""A deployment from its beginning to its end: four phases, and what becomes of a failure.

What each phase checks and changes is in its own module; here is only their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from jobstore import migrating, resources
from jobstore.checks.running import reason
from jobstore.engines import archive_of, backend_of, in_files, is_there, upkeep_of
from jobstore.engines.scripts import read_scripts
from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.deployment import environment
from jobstore.operations.deployment.database import DatabasePhase
from jobstore.operations.deployment.gates import Phase, Stopped, Told, run_phase, silent
from jobstore.operations.deployment.records import Book, Deployment, Status
from jobstore.operations.deployment.undoing import Agree, nothing_may_be_lost, put_back
from jobstore.operations.deployment.validation import ValidationPhase
from jobstore.operations.deployment.watching import WatchingPhase
from jobstore.settings.sections import Settings

_log = logs.get("deployment")


@dataclass(slots=True)
class Plan:
    """What a deployment would do: how the first phase went, and what would follow."""

    phases: list[Phase] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)
    backup: bool = False
    sample_data: bool = False
    go: bool = False


def plan(settings: Settings, *, files: tuple[Path, ...] = (), told: Told = silent) -> Plan:
    """Check the environment and say what a deployment would do; changes nothing.

    Raises what reading the store, or the records of earlier deployments, raises.
    """
    found, url = Plan(), settings.store.address
    is_there(url)
    Book(settings).all()
    with suppress(Stopped):
        gates = environment.checks(settings, files, dry_run=True)
        run_phase("environment", gates, found.phases, told)
        now = upkeep_of(url).condition(url)
        if not in_files(url) or url.path.parent.is_dir():
            steps = migrating.up(url, dry_run=True)
            found.migrations = [each.id for each in steps]
        else:
            scripts = read_scripts(resources.migrations_folder(backend_of(url).schema.migrations))
            found.migrations = [each.id for each in scripts]
        found.backup = bool(now.migrations)
        found.sample_data = settings.deployment.sample_data and not now.postings
        found.go = True
    return found


def deploy(
    settings: Settings,
    *,
    run_id: str,
    files: tuple[Path, ...] = (),
    told: Told = silent,
    keep_failed: bool = False,
    agree: Agree = nothing_may_be_lost,
) -> Deployment:
    """Bring the store of ``settings`` to this jobstore, check everything, and keep a report.

    Blocks. ``files`` are those that the settings came from, ``told`` hears of each check. A
    deployment that fails puts back what was before, unless ``keep_failed``; ``agree`` is asked
    before something would be lost by that. Others may go on writing to the store: what they got
    acknowledged stays.

    Returns how it went: see ``go``, ``error`` and ``advice``. Raises StoreBusy when another
    deployment or rollback of the store runs, and what keeps a record from being written.
    """
    book = Book(settings)
    with book.turn():
        deployment = book.begin("deployment", run_id, environment=settings.environment, files=files)
        _log.info("a deployment began", number=deployment.number, environment=settings.environment)
        with ended(book, deployment, lambda: _undo(settings, deployment, keep_failed, agree)):
            _run(settings, book, deployment, told)
    return deployment


def _run(settings: Settings, book: Book, deployment: Deployment, told: Told) -> None:
    run = partial(run_phase, phases=deployment.phases, told=told)
    run("environment", environment.checks(settings, tuple(map(Path, deployment.settings))))
    run("database", DatabasePhase(settings, deployment, book.keep).checks())
    url = settings.store.address
    with (
        archive_of(url).scratch(url) as scratch,
        closing(ValidationPhase(settings, scratch).checks()) as gates,
    ):
        run("validation", gates)
    run("monitoring", WatchingPhase(settings, deployment, book.keep).checks())
    deployment.after = upkeep_of(url).condition(url)


def _undo(settings: Settings, deployment: Deployment, keep_failed: bool, agree: Agree) -> None:
    before, url = deployment.before, settings.store.address
    if not keep_failed:
        put_back(settings, deployment, agree)
    with suppress(JobStoreError):
        deployment.after = upkeep_of(url).condition(url)
    if keep_failed and before is not None:
        command = ""
        if before.migrations and deployment.after and deployment.after.schema != before.schema:
            down = settings.command("migrate", "down", "--to", before.newest)
            command = f" To take the migrations back: {down}"
        deployment.left.append(f"Everything was left as it is, as asked.{command}")


@contextmanager
def ended(book: Book, deployment: Deployment, undo: Callable[[], None]) -> Iterator[None]:
    """See to it that a deployment ends one way or the other, and that its report is written.

    What fails in the block is undone and told in the deployment, not raised; an interruption by
    Ctrl-C is undone as well, and raised.
    """
    started = time.monotonic()
    try:
        yield
        # Whether the report can be written belongs to it.
        _end(book, deployment, Status.SUCCEEDED, started)
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        deployment.error = "Interrupted." if interrupted else reason(error)
        if isinstance(error, Stopped):
            deployment.error, deployment.advice = str(error), error.check.advice or None
        deployment.status = Status.RUNNING
        undo()
        try:
            _end(book, deployment, Status.FAILED, started)
        except JobStoreError as unwritten:
            # It counts as interrupted then, which the next one sees to.
            deployment.status = Status.FAILED
            deployment.left.append(f"The report could not be written: {unwritten}")
        if not isinstance(error, Stopped | JobStoreError | OSError):
            raise


def _end(book: Book, deployment: Deployment, status: Status, started: float) -> None:
    deployment.status = status
    deployment.seconds = round(time.monotonic() - started, 3)
    book.keep(deployment)
    log = _log.info if deployment.go else _log.error
    log(
        f"a {deployment.kind} ended",
        number=deployment.number,
        outcome=status.value,
        seconds=deployment.seconds,
        error=deployment.error,
    )
