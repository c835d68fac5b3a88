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
from jobstore.moments import for_people

if TYPE_CHECKING:
    from jobstore.engines.backend import Count
    from jobstore.engines.schema import Renewal
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

    Others go on writing while an index is built.
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
    from jobstore.errors import BackupError, JobStoreError, SchemaMismatch
    from jobstore.operations import backup

    try:
        saved = backup.create(settings, reason=reason, replicate=False).name
    except (JobStoreError, OSError) as error:
        advice = "To lose that for good, add --without-backup."
        if isinstance(error, SchemaMismatch):
            # What a server has is backed up by its schema of today alone.
            up, down = (settings.command("migrate", each) for each in ("up", "down"))
            advice = (
                f"A backup is made where all is taken back at once: {up}, then {down} --to ID, "
                f"with the last migration to keep. {advice}"
            )
        raise BackupError(
            f"Nothing was taken back, as no backup can be made of {values}: {error} {advice}"
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
    pending, edited, skipped, missing and newer. And "renewal", null or how far the index is built:
    {"form", "stage", "done", "total", "waiting", "switched_at", "written"}.
    """
    from jobstore import migrating

    url = call.settings.store.url
    states, renewal = migrating.status(url), migrating.renewal(url)
    rows = [
        (each.id, each.state, for_people(each.applied_at) if each.applied_at else "")
        for each in states
    ]
    answer = {"migrations": states, "renewal": renewal and renewal._asdict()}
    shown = table(["migration", "state", "applied (UTC)"], rows)
    call.give(answer, lambda: f"{shown}\n{_told(call, renewal)}" if renewal else shown)


@app.command()
@takes_call
def finish(call: Call, yes: YesOption = False) -> None:
    """Take away what only programs of the version before use, when none of them runs any more.

    Those that still run get SchemaMismatch from then on; asks first. Without it, a day after an
    index was built, jobstore agent does it. JSON: {"finished"}, a list of migrations.
    """
    from jobstore import migrating

    url = call.settings.store.url
    migrating.check_schema(url)
    confirm("Programs of the version before will be stopped. Go on?", yes=yes)
    with call.steps() as progress:
        done = migrating.finish(url, progress=progress)
    lines = [f"Finished {id}." for id in done]
    call.report({"finished": done}, "\n".join(lines) or "Nothing to do.")


def _told(call: Call, renewal: Renewal) -> str:
    """Say how far the index is built, and what is to be done."""
    waiting = f"{renewal.waiting:,} changes by others are still to be brought in"
    if renewal.stage == "kept":
        command = call.settings.command("migrate", "finish")
        return (
            f"The new index is in use; programs of the version before may go on ({waiting}). When "
            f"none of them runs any more: {command}"
        )
    command = call.settings.command("migrate", "up")
    return (
        f"The new index is being built: {renewal.done:,} of {renewal.total:,} postings "
        f"({waiting}). Where nothing builds it, go on with: {command}"
    )


@app.command()
@takes_call
def roles(
    call: Call,
    owner: Annotated[
        str,
        typer.Option(metavar="NAME", help="Who migrates; by default who owns the tables already."),
    ] = "",
    writer: Annotated[
        str, typer.Option(metavar="NAME", help="Who reads and changes postings.")
    ] = "jobstore_writer",
    reader: Annotated[
        str, typer.Option(metavar="NAME", help="Who reads postings.")
    ] = "jobstore_reader",
    dry_run: DryRunOption = False,
) -> None:
    """Make the roles of a PostgreSQL server, each with no more rights than it needs.

    Rights on a store that are there are set anew; passwords are not touched: roles that are made
    have none. JSON: {"owner", "writer", "reader", "sql"}, the last a list of statements.
    """
    from jobstore import migrating

    wanted = migrating.Roles(owner, writer, reader)
    found, statements = migrating.roles(call.settings.store.url, wanted, dry_run=dry_run)
    answer = {**found._asdict(), "sql": statements}
    if dry_run:
        return call.give(answer, "".join(f"{each};\n" for each in statements))
    return call.report(
        answer,
        f"{found.owner} migrates, {found.writer} writes, {found.reader} reads. A role without a "
        f"password gets one in psql: \\password {found.writer}",
    )


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
