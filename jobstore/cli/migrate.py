"""``jobstore migrate``: the schema of a store, for operators.

Talks to people and programs; what a migration is and does is in :mod:`jobstore.migrating`,
which is imported when a command runs, so that ``--help`` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.common import (
    STORE_DEFAULT,
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    confirm,
    operating,
)
from jobstore.cli.output import complain, console, print_json, say

if TYPE_CHECKING:
    from jobstore.engines.backend import Count
    from jobstore.migrating import Step
    from jobstore.settings.sections import Settings

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
    from jobstore import migrating

    _report(migrating.up(store, to, dry_run=dry_run), dry_run, json, quiet)


@app.command()
def down(
    to: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The last migration to keep; 0 keeps none."),
    ] = None,
    dry_run: DryRunOption = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    without_backup: Annotated[
        bool,
        typer.Option("--without-backup", help="Make no backup of what is lost."),
    ] = False,
    store: StoreOption = STORE_DEFAULT,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Take back the last migration, or all after the one that --to names.

    Asks first when that removes data, and backs the store up before anything is lost; where no
    backup can be made, nothing is taken back. JSON: as for up, and "saved": the backup, or null.
    """
    from jobstore import migrating

    steps = migrating.down(store, to, dry_run=True)
    if dry_run:
        return _report(steps, dry_run, json, quiet, saved=None)
    losing = ", ".join(step.id for step in steps if step.loses_data)
    if losing:
        after = "" if without_backup else ", after a backup"
        confirm(f"Taking back {losing} removes data{after}. Go on?", yes=yes)
    if not losing or without_backup:
        return _report(migrating.down(store, to), dry_run, json, quiet, saved=None)
    # The settings may name another store; the one that is taken back has to be backed up.
    with operating(str(store), config) as settings:
        saving = _Saving(settings, steps, quiet=quiet or json)
        steps = migrating.down(store, to, look=saving)
        failures = saving.copy_elsewhere()
    _report(steps, dry_run, json, quiet, saved=saving.saved)
    for failure in failures:
        complain(failure)
    if failures:
        raise typer.Exit(1)
    return None


class _Saving:
    """Backs the store up before the first of ``steps`` is taken back, if they lose anything.

    Nobody else can write from then until the last step, so all that is lost is in the backup.
    """

    def __init__(self, settings: Settings, steps: list[Step], *, quiet: bool) -> None:
        self._settings = settings
        self._steps = steps
        self._quiet = quiet
        self._looked = False
        self.saved: str | None = None

    def __call__(self, count: Count, step: Step) -> None:
        from jobstore.errors import BackupError, JobStoreError
        from jobstore.operations.deployment.conditions import values_of
        from jobstore.operations.deployment.replacing import save

        if self._looked:
            return
        self._looked = True
        if not (values := values_of(count, self._steps)):
            return
        try:
            self.saved = save(self._settings, f"before taking back {step.id}")
        except (JobStoreError, OSError) as error:
            raise BackupError(
                f"Nothing was taken back, as no backup can be made of {values}: {error} "
                "To lose that for good, add --without-backup."
            ) from error
        again = self._settings.command("restore", self.saved, "--replace")
        say(
            f"What is lost ({values}) is kept as {self.saved} in {self._settings.backups_folder}; "
            f"to have it again: {again}",
            quiet=self._quiet,
        )

    def copy_elsewhere(self) -> list[str]:
        """Give each other place a copy of the backup; returns what went wrong."""
        from jobstore.operations.deployment.replacing import copy_elsewhere

        if self.saved is None:
            return []
        return [*copy_elsewhere(self._settings, self.saved).failures.values()]


@app.command()
def status(store: StoreOption = STORE_DEFAULT, json: JsonOption = False) -> None:
    """Show which migrations are applied.

    JSON: {"migrations"}, a list of {"id", "state", "applied_at"}; the states are applied,
    pending, edited, skipped, missing and newer.
    """
    from jobstore import migrating

    states = migrating.status(store)
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
    from jobstore import migrating

    migrating.verify(store)
    if json:
        return print_json({"ok": True})
    return say("The schema is up to date, and as its migrations made it.", quiet=quiet)


def _report(steps: list[Step], dry_run: bool, json: bool, quiet: bool, **more: Any) -> None:
    if json:
        return print_json({"steps": steps} | more)
    for step in steps:
        if dry_run:
            print(f"-- {step.direction}: {step.id}\n{step.sql.rstrip()}\n")
        else:
            done = "Applied" if step.direction == "up" else "Took back"
            say(f"{done} {step.id}.", quiet=quiet)
    if not steps:
        say("Nothing to do.", quiet=quiet)
    return None
