"""``jobstore backup``: making backups, and proving that they are good.

Talks to people and programs; the work is in :mod:`jobstore.operations.backup`, which is imported
when a command runs.
"""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore import files
from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import complain, counted, fail_if, say, size, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from jobstore.operations.backup import Backup, Catalog, Doubt, Pruned, RestoreTest, Verified
    from jobstore.settings.sections import Settings

app = typer.Typer(no_args_is_help=True)

# The fields of a manifest that --json gives.
_TOLD = (
    *("name", "created_at", "reason", "postings", "migrations", "encryption"),
    *("size", "database_size", "sha256", "digest"),
)

NameArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="BACKUP",
        help="A backup's name, or the path of its file; the newest without it.",
        show_default=False,
    ),
]
IdentityOption = Annotated[
    Path | None,
    typer.Option("--identity", metavar="FILE", help="The age key file that opens the backup."),
]


class Accepted(StrEnum):
    """Reasons for refusing a backup that the caller accepts; see ``Doubt``."""

    UNSIGNED = "unsigned"
    UNENCRYPTED = "unencrypted"
    OLDER = "older"
    FOREIGN = "foreign"


AcceptOption = Annotated[
    list[Accepted],
    typer.Option(
        "--accept",
        metavar="WHAT",
        help="Take one that would be refused as unsigned, unencrypted, older than the newest "
        "seen, or foreign (with tables, views or triggers of others); repeatable.",
        show_default=False,
    ),
]


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file for the key.")],
) -> None:
    """Make a key that signs backups, in a file for this account alone.

    Once the settings have the key, backups that it did not sign are refused. It is not shown.
    """
    import shlex

    from jobstore.operations import backup

    try:
        with files.create(file) as stream:
            stream.write(f"{backup.new_key()}\n".encode("ascii"))
        files.synchronise(file)
    except OSError as error:
        complain(f"{file} cannot be made ({error.strerror}); name another file.")
        raise typer.Exit(1) from None
    say(
        f"{file} has a new key. Have it signed with from now on, by .env or the environment:\n"
        f'  export JOBSTORE_BACKUP__KEY="$(cat {shlex.quote(str(file))})"\n'
        "Where a key is set already, give both, the new one first: what the old one signed stays "
        "believed.\nKeep a copy where the secret age key is, and none where backups go."
    )


@app.command()
@takes_call
def create(
    call: Call,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the backup.")
    ] = "manual",
) -> None:
    """Back the store up, while others go on writing, and copy that to every place.

    The exit code is 1 when a place got no copy; the others have theirs.

    JSON: {"name", "created_at", "reason", "postings", "migrations", "encryption", "size",
    "database_size", "sha256", "digest", "signed", "places", "failures"}; sizes are bytes, and
    signed is null where the settings have no key.
    """
    from jobstore.operations import backup

    with call.operating() as settings, call.steps() as steps:
        made = backup.create(settings, steps, reason)
    call.report(
        _fields(made),
        f"{made.name}: {counted(made.manifest.postings, 'posting')}, "
        f"{size(made.manifest.size)}, kept in {', '.join(made.places)}.",
    )
    fail_if(made.failures.values())


@app.command("list")
@takes_call
def list_(call: Call) -> None:
    """List the backups in all places, newest first; names have the time, in UTC.

    The exit code is 1 when a place cannot be reached, or a copy is not whole or dated in the
    future.

    JSON: {"backups": [...], "faults": {PLACE: [...]}}, each backup as create gives it.
    """
    from jobstore.operations import backup

    with call.operating() as settings:
        catalog = backup.read_catalog(settings)
    backups = [_fields(each) for each in catalog.backups]
    call.give({"backups": backups, "faults": catalog.faults}, lambda: _listed(catalog))
    fail_if(fault for faults in catalog.faults.values() for fault in faults)


@app.command()
@takes_call
def verify(
    call: Call,
    name: NameArgument = None,
    every: Annotated[bool, typer.Option("--all", help="Check every backup, not only one.")] = False,
    restore: Annotated[
        bool,
        typer.Option("--restore", help="Test a restore: into a scratch folder, then ask it."),
    ] = False,
    identity: IdentityOption = None,
    accept: AcceptOption = [],  # noqa: B006 - typer copies it
) -> None:
    """Open every copy of a backup and check all that it holds; with --restore, restore one.

    Reads, decrypts and unpacks each copy, and checks its pages, its row counts and its digest.
    Where no copy of the newest backup is good, the copies of the one before it are checked as
    well, and so on. The exit code is 1 when a copy is not good, when a place cannot be reached or
    lacks its copy, or when there is no backup.

    --restore takes the first good copy, restores it into a scratch folder, brings the schema up to
    date, and reads and searches the restored store. The result and the time are kept for health
    and alerts. The exit code is 1 when that failed, or when a copy or a newer backup was not good.

    JSON: {"ok", "copies": [{"backup", "place", "error", "seconds", "ok"}]}; with --restore {"at",
    "backup", "place", "ok", "error", "seconds", "age_seconds", "postings", "faults"}.
    """
    from jobstore.operations import backup

    if every and (name or restore):
        raise typer.BadParameter("--all goes neither with a name nor with --restore")
    with call.operating() as found, call.steps() as steps:
        settings = with_identity(found, identity)
        accepted: list[Doubt] = [each.value for each in accept]
        if restore:
            tested = backup.run_restore_test(settings, steps, name=name, accept=accepted)
        else:
            copies = backup.verify(settings, steps, name=name, every=every, accept=accepted)
    if restore:
        return _tell_test(call, tested)
    return _tell_copies(call, copies)


def _tell_copies(call: Call, copies: Sequence[Verified]) -> None:
    errors = [each.error for each in copies if each.error is not None]
    if not copies:
        errors.append("There is no backup to verify.")
    good = [f"{each.backup} in {each.place} is good." for each in copies if each.error is None]
    told = [dataclasses.asdict(each) | {"ok": each.ok} for each in copies]
    if good or call.json:
        call.report({"ok": not errors, "copies": told}, "\n".join(good))
    fail_if(errors)


def _tell_test(call: Call, done: RestoreTest) -> None:
    if done.error is None or call.json:
        call.report(
            done,
            f"{done.backup} gives the store back: {counted(done.postings or 0, 'posting')}, "
            f"restored, checked and asked in {done.seconds:.1f} s; the backup was "
            f"{(done.age_seconds or 0) / 3600:.1f} hours old.",
        )
    fail_if(done.faults if done.error is None else [done.error])


@app.command()
@takes_call
def prune(
    call: Call,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would go; remove nothing.")
    ] = False,
) -> None:
    """Remove the backups that retention does not keep: days, weeks, months, as configured.

    The newest good one always stays, and so do those of the latest deployments and rollbacks, and
    those that the seconds of archive.keep_days begin with. The log goes that is older than that.
    The exit code is 1 when a place failed.

    JSON: {"places": [{"place", "removed", "kept", "error"}],
    "logs": [{"place", "joined", "removed", "error"}]}; logs has objects of the log, and how many
    were joined to larger ones.
    """
    from jobstore.operations import archiving, backup, deployment

    with call.operating() as settings, call.steps() as steps:
        keep = {*deployment.backups_in_use(settings), *archiving.backups_in_use(settings)}
        places = backup.prune(settings, steps, keep=keep, dry_run=dry_run)
        logs = archiving.tidy_all(settings, dry_run=dry_run)
    done = "would go" if dry_run else "removed"
    lines = [line for each in places for line in _lines(each, done)]
    lines += [
        f"{each.place}: {counted(len(each.removed), 'piece')} of the log {done}."
        for each in logs
        if each.removed
    ]
    call.report({"places": places, "logs": logs}, "\n".join(lines))
    errors = [*(each.error for each in places), *(each.error for each in logs)]
    fail_if(each for each in errors if each is not None)


def with_identity(settings: Settings, identity: Path | None) -> Settings:
    """Return the settings, with the key file that a flag names."""
    if identity is None:
        return settings
    section = settings.backup.model_copy(update={"identity_file": identity})
    return settings.model_copy(update={"backup": section})


def _fields(made: Backup) -> dict[str, Any]:
    manifest = made.manifest
    return {name: getattr(manifest, name) for name in _TOLD} | {
        "signed": made.signed,
        "places": made.places,
        "failures": made.failures,
    }


def _listed(catalog: Catalog) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    if not catalog.backups:
        return "There is no backup."
    places = list(dict.fromkeys(place for each in catalog.backups for place in each.places))
    columns: dict[str, Callable[[Backup], str]] = {
        "backup": lambda each: each.name,
        "postings": lambda each: f"{each.manifest.postings:,}",
        "size": lambda each: size(each.manifest.size),
        "in": lambda each: " ".join(str(places.index(place) + 1) for place in each.places),
    }
    if any(each.manifest.encryption for each in catalog.backups):
        columns["key"] = lambda each: each.manifest.encryption or "none"
    if any(each.signed is not None for each in catalog.backups):
        columns["signed"] = lambda each: "yes" if each.signed else "no"
    columns["reason"] = lambda each: each.manifest.reason
    rows = [[cell(each) for cell in columns.values()] for each in catalog.backups]
    numbered = [Text(f"{number}: {place}") for number, place in enumerate(places, 1)]
    return Group(table([*columns], rows, right=["postings", "size"]), *numbered)


def _lines(pruned: Pruned, done: str) -> list[str]:
    removed = counted(len(pruned.removed), "backup")
    first = f"{pruned.place}: {removed} {done}, {len(pruned.kept):,} kept."
    return [first, *(f"  {name}" for name in pruned.removed)]
