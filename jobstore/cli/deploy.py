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

from jobstore.cli.backup import IdentityOption, with_identity
from jobstore.cli.common import (
    ConfigOption,
    CreateOption,
    JsonOption,
    QuietOption,
    StoreOption,
    announce,
    confirm,
    is_to_be_made,
    load_settings,
)
from jobstore.cli.output import complain, console, plain, print_json, say

if TYPE_CHECKING:
    from jobstore.operations.deployment import Deployment, Gate, Loss, Plan, Values
    from jobstore.settings.loading import Loaded

app = typer.Typer(no_args_is_help=True)

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red"}


class Environment(StrEnum):
    """The environments there are."""

    development = "development"
    staging = "staging"
    production = "production"


def deploy(
    environment: Annotated[
        Environment, typer.Option("--environment", "-e", help="What the store is for.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", metavar="", help="Check the machine and tell what would be done."
        ),
    ] = False,
    no_rollback: Annotated[
        bool,
        typer.Option("--no-rollback", metavar="", help="Leave a failed deployment as it is."),
    ] = False,
    create: CreateOption = False,
    identity: IdentityOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Bring a store to this version of jobstore, check it in four phases, and write a report.

    Without --config and JOBSTORE_CONFIG, deploy/ENVIRONMENT/config.yaml is read if it is there.
    Others may go on writing to the store. The first check that fails ends it; then what was
    before is put back, and the exit code is 1; --identity names the key that opens the backup,
    should it be needed and encrypted. Deploying again is harmless. The default store, which nobody
    named, is made after a question, or with --create.

    JSON: the report: {"number", "go", "environment", "phases", "error", ...}; with --dry-run
    {"go", "migrations", "backup", "sample_data", "phases"}.
    """
    from jobstore.operations import deployment
    from jobstore.operations.logs import Logs

    loaded = _load(environment, store, config)
    announce(loaded.settings, quiet=quiet or json)
    settings, told = with_identity(loaded.settings, identity), _Lines(quiet=quiet or json)
    if dry_run:
        return _show_plan(deployment.plan(settings, files=loaded.files, told=told), json, quiet)
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
    _conclude(done, deployment.Book(settings).report(done.number), json, quiet)
    if done.go:
        say(
            f"Deployment {done.number}: go, in {done.seconds:.1f} s. To return to it later: "
            + settings.command("rollback", "--to", str(done.number)),
            quiet=quiet or json,
        )
        return None
    raise typer.Exit(1)


def rollback(
    to: Annotated[
        int, typer.Option("--to", metavar="DEPLOYMENT", min=1, help="The number of a deployment.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Only tell what would be lost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
    identity: IdentityOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Return the schema and the data of a store to what an earlier deployment left.

    Tells before what would be lost, and asks. What is there is backed up first. To take back
    the schema alone and keep every posting, use: jobstore migrate down --to ID.

    JSON: the report, as deploy gives it; with --dry-run {"to", "loss": {"added", "changed",
    "seen", "removed"}}.
    """
    from jobstore.operations import deployment
    from jobstore.operations.logs import Logs

    settings = with_identity(load_settings(store, config, quiet=quiet or json), identity)
    if dry_run:
        loss = deployment.loss_of(settings, to)
        if json:
            print_json({"to": to, "loss": loss})
        return say(_lost(to, loss), quiet=quiet or json)

    def agree(loss: Loss) -> None:
        say(_lost(to, loss), quiet=quiet or json)
        if loss:
            confirm("Go on?", yes=yes)

    with Logs(settings) as logs:
        done = deployment.roll_back(
            settings, to, run_id=logs.run_id, agree=agree, told=_Lines(quiet=quiet or json)
        )
    _conclude(done, deployment.Book(settings).report(done.number), json, quiet)
    if not done.go:
        raise typer.Exit(1)
    saved = f" What was there is kept as {done.saved}." if done.saved else ""
    version = deployment.Book(settings).one(to).versions["jobstore"]
    return say(
        f"The store is again what deployment {to} left; it goes with jobstore {version}.{saved}",
        quiet=quiet or json,
    )


@app.command("list")
def list_(store: StoreOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the deployments and rollbacks of a store, the latest first.

    JSON: {"deployments"}, each as deploy gives it.
    """
    from jobstore.operations.deployment import Book

    settings = load_settings(store, config, quiet=json)
    found = Book(settings).all()
    if json:
        return print_json({"deployments": [each.to_json() for each in found]})
    if not found:
        return say("Nothing was deployed yet.")
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "what", "environment", "how", "began (UTC)", "schema", "postings"):
        table.add_column(name, no_wrap=True)
    for each in found:
        after = each.after
        table.add_row(
            str(each.number),
            each.kind if each.to is None else f"{each.kind} to {each.to}",
            plain(each.environment),
            each.status.value,
            f"{each.started_at:%Y-%m-%d %H:%M}",
            plain(after.newest[:4]) if after else "",
            f"{after.postings:,}" if after else "",
        )
    return console().print(table)


@app.command()
def show(
    number: Annotated[
        int | None, typer.Argument(metavar="DEPLOYMENT", help="Its number; the latest without it.")
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the report of a deployment or a rollback.

    JSON: as deploy gives it.
    """
    from jobstore.operations.deployment import Book, markdown

    settings = load_settings(store, config, quiet=json)
    book = Book(settings)
    found = book.latest() if number is None else book.one(number)
    if found is None:
        complain("Nothing was deployed yet.")
        raise typer.Exit(1)
    if json:
        return print_json(found.to_json())
    return say(markdown(found))


class _Lines:
    """Shows each check as it ends, a line for each, below the name of its phase."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._phase = ""

    def __call__(self, phase: str, gate: Gate) -> None:
        from rich.text import Text

        from jobstore.operations.deployment.gates import shown, wanted

        if self._quiet:
            return
        if phase != self._phase:
            self._phase = phase
            say(phase.capitalize())
        line = Text("  ").append(f"{gate.verdict.value:<5}", style=_STYLES[gate.verdict])
        measured = plain(shown(gate.measured, gate.unit))
        limit = f" ({wanted(gate)})" if gate.bound else ""
        line.append(f"{gate.name:<18}{measured}{limit}, {gate.seconds:.2f} s")
        console().print(line, soft_wrap=True)
        if gate.advice and gate.verdict == "warn":
            say(f"       {gate.advice}")


def _load(environment: Environment, store: str | None, config: str | None) -> Loaded:
    """Return the settings for an environment; what they say of it has to agree with the flag."""
    from jobstore.errors import Fault, InvalidSettings
    from jobstore.settings.loading import load

    given = {"store.url": store}
    loaded = load(config, flags=given)
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
    return typer.confirm("May that be lost? A backup keeps it.", err=True)


def _lost(to: int, loss: Loss) -> str:
    if not loss:
        return f"Nothing was written since deployment {to}; nothing would be lost."
    return f"A return to deployment {to} loses {loss}."


def _conclude(done: Deployment, report: Path, json: bool, quiet: bool) -> None:
    if json:
        print_json(done.to_json())
    if done.continues is not None:
        say(f"Deployment {done.continues} had been interrupted; this one went on.", quiet=quiet)
    if done.error is not None:
        complain(f"{done.kind.capitalize()} {done.number} failed: {done.error}")
        if done.advice:
            say(f"What to do: {done.advice}")
    for line in done.undone:
        say(f"Put back: {line}")
    for line in done.left:
        say(f"Not put back: {line}")
    say(f"Report: {report}", quiet=quiet or json)


def _show_plan(plan: Plan, json: bool, quiet: bool) -> None:
    from jobstore.operations.deployment.gates import shown

    if json:
        print_json(plan.to_json())
    if plan.go:
        backup = "a backup" if plan.backup else "no backup, as there is nothing to back up"
        steps = ", ".join(plan.migrations) or "none"
        samples = "stored" if plan.sample_data else "none"
        say(f"It would make {backup}; migrations: {steps}; sample postings: {samples}.",
            quiet=quiet or json)  # fmt: skip
    else:
        gate = plan.phases[-1].gates[-1]
        complain(f"{gate.name}: {shown(gate.measured, gate.unit)}")
        if gate.advice:
            say(f"What to do: {gate.advice}")
        raise typer.Exit(1)
