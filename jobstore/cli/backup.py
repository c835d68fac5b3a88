"""``jobstore backup``: making backups, and proving that they are good.

Talks to people and programs; the work is in :mod:`jobstore.operations.backup`, which is imported
when a command runs.
"""

from __future__ import annotations

import asyncio
import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore import files
from jobstore.cli.common import (
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    operating,
)
from jobstore.cli.output import complain, console, counted, plain, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobstore.operations.backup import Backup, Catalog, Drill, Pruned, Verified
    from jobstore.settings.sections import Settings

app = typer.Typer(no_args_is_help=True)

# What --json tells of a manifest.
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
    """What is restored although it would be refused; see ``Doubt``."""

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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the key.")],
) -> None:
    """Make a key that signs backups, in a file for this account alone.

    Where the settings have it, backups that it did not sign are refused. The key is not shown.
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
def create(
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the backup.")
    ] = "manual",
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Back the store up, while others go on writing, and copy that to every place.

    The exit code is 1 when a place got no copy; the others have theirs.

    JSON: {"name", "created_at", "reason", "postings", "migrations", "encryption", "size",
    "database_size", "sha256", "digest", "signed", "places", "failures"}; sizes are bytes, and
    signed is null where the settings have no key.
    """
    from jobstore.cli.progress import Steps
    from jobstore.operations import backup

    with (
        operating(store, config, quiet=quiet or json) as settings,
        Steps(quiet=quiet or json) as steps,
    ):
        made = asyncio.run(backup.create_backup(settings, progress=steps, reason=reason))
    if json:
        print_json(_fields(made))
    say(
        f"{made.name}: {counted(made.manifest.postings, 'posting')}, "
        f"{size(made.manifest.size)}, kept in {', '.join(made.places)}.",
        quiet=quiet or json,
    )
    for error in made.failures.values():
        complain(error)
    if made.failures:
        raise typer.Exit(1)


@app.command("list")
def list_(store: StoreOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the backups in all places, newest first; names have the time, in UTC.

    The exit code is 1 when a place cannot be reached, or a copy is not whole or dated in the
    future.

    JSON: {"backups": [...], "faults": {PLACE: [...]}}, each backup as create gives it.
    """
    from jobstore.operations import backup

    with operating(store, config, quiet=json) as settings:
        catalog = asyncio.run(backup.list_backups(settings))
    if json:
        backups = [_fields(each) for each in catalog.backups]
        print_json({"backups": backups, "faults": catalog.faults})
    else:
        _show(catalog)
    for faults in catalog.faults.values():
        for fault in faults:
            complain(fault)
    if catalog.faults:
        raise typer.Exit(1)


@app.command()
def verify(
    name: NameArgument = None,
    every: Annotated[
        bool, typer.Option("--all", metavar="", help="Check every backup, not only one.")
    ] = False,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore", metavar="", help="Test a restore: into a scratch folder, then ask it."
        ),
    ] = False,
    identity: IdentityOption = None,
    accept: AcceptOption = [],  # noqa: B006 - typer copies it
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Open every copy of a backup and check all that it holds; with --restore, restore one.

    Reads, decrypts and unpacks each copy, and checks its pages, its row counts and its digest.
    Where no copy of the newest is good, those of the one before it are looked at as well, and so
    on. The exit code is 1 when a copy is not good, when a place cannot be reached or lacks its
    copy, or when there is none.

    --restore takes the first good copy, brings its schema up to date in a scratch folder and asks
    the restored store. How that went and how long it took is kept for health and alerts. The exit
    code is 1 when it failed, or when a copy or a newer backup had to be passed over.

    JSON: {"ok", "copies": [{"backup", "place", "error", "seconds", "ok"}]}; with --restore {"at",
    "backup", "place", "ok", "error", "seconds", "age_seconds", "postings", "faults"}.
    """
    from jobstore.cli.progress import Steps
    from jobstore.operations import backup

    if every and (name or restore):
        raise typer.BadParameter("--all goes neither with a name nor with --restore")
    with (
        operating(store, config, quiet=quiet or json) as found,
        Steps(quiet=quiet or json) as steps,
    ):
        settings = with_identity(found, identity)
        if restore:
            tested = asyncio.run(
                backup.drill(settings, name, accept=[each.value for each in accept], progress=steps)
            )
        else:
            copies = asyncio.run(
                backup.verify_backup(
                    settings,
                    name,
                    every=every,
                    accept=[each.value for each in accept],
                    progress=steps,
                )
            )
    if restore:
        return _tell_test(tested, json, quiet)
    return _tell_copies(copies, json, quiet)


def _tell_copies(copies: Sequence[Verified], json: bool, quiet: bool) -> None:
    good = bool(copies) and all(each.ok for each in copies)
    if json:
        told = [dataclasses.asdict(each) | {"ok": each.ok} for each in copies]
        print_json({"ok": good, "copies": told})
    for each in copies:
        if each.error is None:
            say(f"{each.backup} in {each.place} is good.", quiet=quiet or json)
        else:
            complain(each.error)
    if not copies:
        complain("There is no backup to verify.")
    if not good:
        raise typer.Exit(1)


def _tell_test(done: Drill, json: bool, quiet: bool) -> None:
    if json:
        print_json(done)
    if done.error is not None:
        complain(done.error)
        raise typer.Exit(1)
    say(
        f"{done.backup} gives the store back: {counted(done.postings or 0, 'posting')}, "
        f"restored, checked and asked in {done.seconds:.1f} s; the backup was "
        f"{(done.age_seconds or 0) / 3600:.1f} hours old.",
        quiet=quiet or json,
    )
    for fault in done.faults:
        complain(fault)
    if done.faults:
        raise typer.Exit(1)


@app.command()
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="Tell what would go; remove nothing.")
    ] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove the backups that no generation needs: days, weeks, months, as configured.

    The newest good one always stays, and so do those of the latest deployments and rollbacks.
    The exit code is 1 when a place failed.

    JSON: {"places": [{"place", "removed", "kept", "error"}]}.
    """
    from jobstore.cli.progress import Steps
    from jobstore.operations import backup, deployment

    with (
        operating(store, config, quiet=quiet or json) as settings,
        Steps(quiet=quiet or json) as steps,
    ):
        keep = deployment.backups_in_use(settings)
        places = asyncio.run(backup.prune(settings, keep=keep, dry_run=dry_run, progress=steps))
    if json:
        print_json({"places": places})
    for each in places:
        _tell(each, dry_run, quiet or json)
    if any(each.error for each in places):
        raise typer.Exit(1)


def size(octets: int) -> str:
    """Return a size for people."""
    return f"{octets / 1024**2:,.1f} MiB"


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


def _show(catalog: Catalog) -> None:
    from rich.table import Table
    from rich.text import Text

    places = list(dict.fromkeys(place for each in catalog.backups for place in each.places))
    encrypted = any(each.manifest.encryption for each in catalog.backups)
    keyed = any(each.signed is not None for each in catalog.backups)
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    columns = [*(["key"] if encrypted else []), *(["signed"] if keyed else [])]
    for name in ("backup", "postings", "size", "in", *columns):
        table.add_column(name, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for each in catalog.backups:
        manifest = each.manifest
        table.add_row(
            manifest.name,
            f"{manifest.postings:,}",
            size(manifest.size),
            " ".join(str(places.index(place) + 1) for place in each.places),
            *([manifest.encryption or "none"] if encrypted else []),
            *(["yes" if each.signed else "no"] if keyed else []),
            Text(plain(manifest.reason)),
        )
    if catalog.backups:
        console().print(table)
    else:
        say("There is no backup.")
    for number, place in enumerate(places, 1):
        say(f"{number}: {place}")


def _tell(pruned: Pruned, dry_run: bool, quiet: bool) -> None:
    if pruned.error is not None:
        complain(pruned.error)
    done = "would go" if dry_run else "removed"
    said = f"{counted(len(pruned.removed), 'backup')} {done}, {len(pruned.kept):,} kept"
    say(f"{pruned.place}: {said}.", quiet=quiet)
    for name in pruned.removed:
        say(f"  {name}", quiet=quiet)
