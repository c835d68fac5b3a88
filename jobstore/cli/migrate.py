"""``jobstore migrate``: the schema of a store, for operators.

Talks to people and programs; what a migration is and does is in :mod:`jobstore.migrations`,
which is imported when a command runs, so that ``--help`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.common import STORE_DEFAULT, JsonOption, QuietOption, StoreOption, confirm
from jobstore.cli.output import console, print_json, say

if TYPE_CHECKING:
    from jobstore.migrations import Step

app = typer.Typer(no_args_is_help=True)

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the SQL on standard output; change nothing.")
]


@app.command()
def up(
    to: Annotated[
        str | None, typer.Option(metavar="ID", help="The last migration to apply.")
    ] = None,
    dry_run: DryRunOption = False,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Apply what is not applied yet; makes the store if there is none.

    JSON: {"steps"}, a list of {"id", "direction", "sql"}.
    """
    from jobstore import migrations

    _report(migrations.up(store, to, dry_run=dry_run), dry_run, json, quiet)


@app.command()
def down(
    to: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The last migration to keep; 0 keeps none."),
    ] = None,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreOption = STORE_DEFAULT,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Take back the last migration, or all after the one that --to names.

    Asks first when that removes data. JSON: as for up.
    """
    from jobstore import migrations

    steps = migrations.down(store, to, dry_run=True)
    losing = ", ".join(step.id for step in steps if step.loses_data)
    if not dry_run:
        if losing:
            confirm(f"Taking back {losing} removes data. Go on?", yes=yes)
        steps = migrations.down(store, to)
    _report(steps, dry_run, json, quiet)


@app.command()
def status(store: StoreOption = STORE_DEFAULT, json: JsonOption = False) -> None:
    """Show which migrations are applied.

    JSON: {"migrations"}, a list of {"id", "state", "applied_at"}; the states are applied,
    pending, edited, skipped, missing and newer.
    """
    from jobstore import migrations

    states = migrations.status(store)
    if json:
        return print_json({"migrations": states})
    from rich.table import Table

    table = Table("migration", "state", "applied (UTC)", box=None)
    for each in states:
        when = f"{each.applied_at:%Y-%m-%d %H:%M:%S}" if each.applied_at else ""
        table.add_row(each.id, each.state, when)
    return console().print(table)


@app.command()
def verify(
    store: StoreOption = STORE_DEFAULT, json: JsonOption = False, quiet: QuietOption = False
) -> None:
    """Check that the schema is exactly what this version's migrations make.

    JSON: {"ok"}, always true; otherwise the exit code is 1.
    """
    from jobstore import migrations

    migrations.verify(store)
    if json:
        return print_json({"ok": True})
    return say("The schema is up to date, and as its migrations made it.", quiet=quiet)


def _report(steps: list[Step], dry_run: bool, json: bool, quiet: bool) -> None:
    if json:
        return print_json({"steps": steps})
    for step in steps:
        if dry_run:
            print(f"-- {step.direction}: {step.id}\n{step.sql.rstrip()}\n")
        else:
            done = "Applied" if step.direction == "up" else "Took back"
            say(f"{done} {step.id}.", quiet=quiet)
    if not steps:
        say("Nothing to do.", quiet=quiet)
    return None
