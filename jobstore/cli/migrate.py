"""``jobstore migrate``: the schema of a store, for operators.

Talks to people and programs; what a migration is and does is in :mod:`jobstore.migrating`,
which is imported when a command runs, so that ``--help`` is quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import YesOption, confirm
from jobstore.cli.output import fail_if, table

if TYPE_CHECKING:
    from jobstore.engines.backend import Count
    from jobstore.migrating import Step
    from jobstore.operations.deployment.undoing import Values
    from jobstore.settings.sections import Settings

app = typer.Typer(no_args_is_help=True)

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the SQL on standard output; change nothing.")
]


@app.command()
@takes_call
def up(
    call: Call,
    to: Annotated[
        str | None, typer.Option(metavar="ID", help="The last migration to apply.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Apply what is not applied yet; makes the store if there is none.

    JSON: {"steps"}, a list of {"id", "direction", "sql"}.
    """
    from jobstore import migrating

    url = call.settings.store.url
    with call.steps() as progress:
        steps = migrating.up(url, to, dry_run=dry_run, progress=progress)
    _report(call, steps, dry_run)


@app.command()
@takes_call
def down(
    call: Call,
    to: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The last migration to keep; 0 keeps none."),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    without_backup: Annotated[
        bool,
        typer.Option("--without-backup", help="Make no backup of what is lost."),
    ] = False,
) -> None:
    """Take back the last migration, or all after the one that --to names.

    Asks first when that removes data, and backs the store up before anything is lost; where no
    backup can be made, nothing is taken back. JSON: as for up, and "saved": the backup, or null.
    """
    from jobstore import migrating

    url = call.settings.store.url
    steps = migrating.down(url, to, dry_run=True)
    if dry_run:
        return _report(call, steps, dry_run, saved=None)
    losing = ", ".join(step.id for step in steps if step.loses_data)
    if losing:
        after = "" if without_backup else ", after a backup"
        confirm(f"Taking back {losing} removes data{after}. Go on?", yes=yes)
    if not losing or without_backup:
        return _report(call, migrating.down(url, to), dry_run, saved=None)
    from jobstore.operations import backup
    from jobstore.operations.deployment.undoing import values_of

    saved: str | None = None
    with call.operating() as settings:

        def look(count: Count, steps: Sequence[Step]) -> None:
            nonlocal saved
            if values := values_of(settings.store.address, count, steps):
                saved = _save(call, settings, values, f"before taking back {steps[0].id}")

        steps = migrating.down(url, to, look=look)
        failures = backup.replicate(settings, saved).failures if saved else {}
    _report(call, steps, dry_run, saved=saved)
    return fail_if(failures.values())


def _save(call: Call, settings: Settings, values: Values, reason: str) -> str:
    """Back up what is lost to the store's own folder, and return the backup's name."""
    from jobstore.errors import BackupError, JobStoreError
    from jobstore.operations import backup

    try:
        saved = backup.create(settings, reason=reason, replicate=False).name
    except (JobStoreError, OSError) as error:
        raise BackupError(
            f"Nothing was taken back, as no backup can be made of {values}: {error} "
            "To lose that for good, add --without-backup."
        ) from error
    again = settings.command("restore", saved, "--replace")
    call.say(
        f"What is lost ({values}) is kept as {saved} in {settings.backups_folder}; "
        f"to have it again: {again}"
    )
    return saved


@app.command()
@takes_call
def status(call: Call) -> None:
    """Show which migrations are applied.

    JSON: {"migrations"}, a list of {"id", "state", "applied_at"}; the states are applied,
    pending, edited, skipped, missing and newer.
    """
    from jobstore import migrating

    states = migrating.status(call.settings.store.url)
    rows = [
        (each.id, each.state, f"{each.applied_at:%Y-%m-%d %H:%M:%S}" if each.applied_at else "")
        for each in states
    ]
    call.give({"migrations": states}, lambda: table(["migration", "state", "applied (UTC)"], rows))


@app.command()
@takes_call
def verify(call: Call) -> None:
    """Check that the schema is exactly what this version's migrations make.

    JSON: {"ok"}, always true; otherwise the exit code is 1.
    """
    from jobstore import migrating

    migrating.verify(call.settings.store.url)
    call.report({"ok": True}, "The schema is up to date, and as its migrations made it.")


def _report(call: Call, steps: list[Step], dry_run: bool, **more: Any) -> None:
    answer = {"steps": steps} | more
    if dry_run and steps:
        sql = [f"-- {step.direction}: {step.id}\n{step.sql.rstrip()}\n" for step in steps]
        return call.give(answer, "\n".join(sql))
    done = {"up": "Applied", "down": "Took back"}
    lines = [f"{done[step.direction]} {step.id}." for step in steps]
    return call.report(answer, "\n".join(lines) or "Nothing to do.")
