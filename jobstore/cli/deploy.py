"""Commands that deploy a store, show what was deployed when, and return to it.

Talks to people and programs; what a deployment checks and does is in
:mod:`jobstore.operations.deployment`, which is imported when a command runs.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.backup import AcceptOption, IdentityOption, with_identity
from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import CreateOption, YesOption, announce, ask, confirm, is_to_be_made
from jobstore.cli.output import complain, console, fail_if, plain, say, table

if TYPE_CHECKING:
    from jobstore.checks import Check
    from jobstore.operations.deployment import Deployment, Loss, Plan, Values
    from jobstore.settings.loading import Loaded
    from jobstore.settings.sections import Settings

app = typer.Typer(no_args_is_help=True)

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}


class Environment(StrEnum):
    """The environments there are."""

    development = "development"
    staging = "staging"
    production = "production"


@takes_call
def deploy(
    call: Call,
    environment: Annotated[
        Environment, typer.Option("--environment", "-e", help="What the store is for.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the machine and tell what would be done."),
    ] = False,
    no_rollback: Annotated[
        bool,
        typer.Option("--no-rollback", help="Leave a failed deployment as it is."),
    ] = False,
    create: CreateOption = False,
    identity: IdentityOption = None,
) -> None:
    """Bring a store to this version of jobstore, check it in four phases, and write a report.

    Without --config and JOBSTORE_CONFIG, deploy/ENVIRONMENT/config.yaml is read if it is there.
    Others may go on writing to the store. The first check that fails ends the deployment: what was
    before is put back, and the exit code is 1. --identity names the key for an encrypted backup, in
    case that takes one. Deploying again is harmless. The default store, which nobody named, is made
    after a question, or with --create.

    JSON: the report: {"number", "go", "environment", "phases", "error", ...}; with --dry-run
    {"go", "migrations", "backup", "sample_data", "phases"}.
    """
    from jobstore.operations import deployment
    from jobstore.operations.logs import Logs

    loaded = _load(environment, call)
    announce(loaded.settings, quiet=call.silent)
    settings, told = with_identity(loaded.settings, identity), _Lines(quiet=call.silent)
    if dry_run:
        return _show_plan(call, deployment.plan(settings, files=loaded.files, told=told))
    is_to_be_made(loaded, create=create)
    with Logs(settings) as logs:
        done = deployment.deploy(
            settings,
            run_id=logs.run_id,
            files=loaded.files,
            told=told,
            keep_failed=no_rollback,
            agree=_may_be_lost,
        )
    return _conclude(
        call,
        settings,
        done,
        f"Deployment {done.number}: go, in {done.seconds:.1f} s. To return to it later: "
        + settings.command("rollback", "--to", str(done.number)),
    )


@takes_call
def rollback(
    call: Call,
    to: Annotated[
        int, typer.Option("--to", metavar="DEPLOYMENT", min=1, help="The number of a deployment.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be lost.")
    ] = False,
    yes: YesOption = False,
    identity: IdentityOption = None,
    accept: AcceptOption = [],  # noqa: B006 - typer copies it
) -> None:
    """Return the schema and the data of a store to what an earlier deployment left.

    Tells what would be lost, and asks. What is there is backed up first. To take back the schema
    alone and keep every posting, use: jobstore migrate down --to ID.

    JSON: the report, as deploy gives it; with --dry-run {"to", "loss": {"added", "changed",
    "seen", "removed", "beside"}}.
    """
    from jobstore.operations import deployment
    from jobstore.operations.logs import Logs

    settings = with_identity(call.settings, identity)
    accepted: list[deployment.Doubt] = [each.value for each in accept]
    if dry_run:
        loss = deployment.loss_of(settings, to, accepted)
        return call.give({"to": to, "loss": loss}, _lost(to, loss))

    def agree(loss: Loss) -> None:
        call.say(_lost(to, loss))
        if loss:
            confirm("Go on?", yes=yes)

    with Logs(settings) as logs:
        done = deployment.roll_back(
            settings,
            to,
            run_id=logs.run_id,
            agree=agree,
            told=_Lines(quiet=call.silent),
            accept=accepted,
        )
    saved = f" What was there is kept as {done.saved}." if done.saved else ""
    version = deployment.Book(settings).one(to).versions["jobstore"]
    return _conclude(
        call,
        settings,
        done,
        f"The store is again what deployment {to} left; it goes with jobstore {version}.{saved}",
    )


@app.command("list")
@takes_call
def list_(call: Call) -> None:
    """List the deployments and rollbacks of a store, the latest first.

    JSON: {"deployments"}, each as deploy gives it.
    """
    from jobstore.operations.deployment import Book

    found = Book(call.settings).all()
    rows = [
        (
            str(each.number),
            each.kind if each.to is None else f"{each.kind} to {each.to}",
            each.environment,
            _standing(each),
            f"{each.started_at:%Y-%m-%d %H:%M}",
            each.after.newest[:4] if each.after else "",
            f"{each.after.postings:,}" if each.after else "",
        )
        for each in found
    ]
    columns = ["", "what", "environment", "how", "began (UTC)", "schema", "postings"]
    call.give(
        {"deployments": [each.to_json() for each in found]},
        lambda: table(columns, rows, right=["postings"]) if rows else "Nothing was deployed yet.",
    )


@app.command()
@takes_call
def show(
    call: Call,
    number: Annotated[
        int | None, typer.Argument(metavar="DEPLOYMENT", help="Its number; the latest without it.")
    ] = None,
) -> None:
    """Show the report of a deployment or a rollback.

    JSON: as deploy gives it.
    """
    from jobstore.operations.deployment import Book, markdown

    book = Book(call.settings)
    found = book.latest() if number is None else book.one(number)
    if found is None:
        return fail_if(["Nothing was deployed yet."])
    return call.give(found.to_json(), markdown(found))


def _standing(found: Deployment) -> str:
    """Say how a deployment stands; one that was killed still says of itself that it is running."""
    import psutil

    # Display only: who is at work on a store is decided by a lock.
    gone = found.status == "running" and not psutil.pid_exists(found.pid)
    return "broken off" if gone else found.status.value


class _Lines:
    """Shows each check as it ends, a line for each, below the name of its phase."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._phase = ""

    def __call__(self, phase: str, check: Check) -> None:
        from rich.text import Text

        from jobstore.operations.deployment.gates import shown, wanted

        if self._quiet:
            return
        if phase != self._phase:
            self._phase = phase
            say(phase.capitalize())
        line = Text("  ").append(f"{check.verdict.value:<5}", style=_STYLES[check.verdict])
        measured = plain(shown(check))
        limit = f" ({wanted(check)})" if check.bound else ""
        line.append(f"{check.name:<18}{measured}{limit}, {check.seconds:.2f} s")
        console(sys.stderr).print(line, soft_wrap=True)
        if check.advice and check.verdict == "warn":
            say(f"       {check.advice}")


def _load(environment: Environment, call: Call) -> Loaded:
    """Return the settings for an environment; they must not name another one than the flag."""
    from jobstore.errors import Fault, InvalidSettings
    from jobstore.settings.loading import load

    given, config, loaded = {"store.url": call.store}, call.config, call.loaded
    usual = Path("deploy") / environment / "config.yaml"
    if config is None and not any(each.name != ".env" for each in loaded.files) and usual.is_file():
        config = str(usual)
        loaded = load(config, flags=given)
    origin = loaded.origins["environment"]
    if origin.kind == "default":
        return load(config, flags={**given, "environment": environment.value})
    if loaded.settings.environment != environment:
        said = f"is {loaded.settings.environment} ({origin.where}), and --environment {environment}"
        raise InvalidSettings([Fault("environment", said)])
    return loaded


def _may_be_lost(loss: Loss | Values) -> bool:
    if not sys.stdin.isatty():
        return False
    say(f"Putting back what was before would lose {loss}.")
    return ask("May that be lost? A backup keeps it.")


def _lost(to: int, loss: Loss) -> str:
    if not loss:
        return f"Nothing was written since deployment {to}; nothing would be lost."
    return f"A return to deployment {to} loses {loss}."


def _conclude(call: Call, settings: Settings, done: Deployment, good: str) -> None:
    from jobstore.operations.deployment import Book

    if done.continues is not None:
        call.say(f"Deployment {done.continues} had been interrupted; this one went on.")
    if done.error is not None:
        complain(f"{done.kind.capitalize()} {done.number} failed: {done.error}")
        if done.advice:
            say(f"What to do: {done.advice}")
    for line in done.undone:
        say(f"Put back: {line}")
    for line in done.left:
        say(f"Not put back: {line}")
    report = f"Report: {Book(settings).report(done.number)}"
    call.report(done.to_json(), f"{report}\n{good}" if done.go else report)
    if not done.go:
        raise typer.Exit(1)


def _show_plan(call: Call, plan: Plan) -> None:
    from jobstore.operations.deployment.gates import shown

    backup = "a backup" if plan.backup else "no backup, as there is nothing to back up"
    steps = ", ".join(plan.migrations) or "none"
    samples = "stored" if plan.sample_data else "none"
    told = f"It would make {backup}; migrations: {steps}; sample postings: {samples}."
    if plan.go or call.json:
        call.report(plan, told)
    if not plan.go:
        check = plan.phases[-1].gates[-1]
        complain(f"{check.name}: {shown(check)}")
        if check.advice:
            say(f"What to do: {check.advice}")
        raise typer.Exit(1)
