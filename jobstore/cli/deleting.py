"""The command that deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from jobstore.cli.common import (
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    confirm,
    load_settings,
    with_store,
)
from jobstore.cli.output import complain, counted, print_json, say
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from jobstore.store import JobStore


def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of postings (UUIDs).")],
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Delete postings with everything kept about them, after asking.

    A posting that is not there is named, and the exit code is 1 then; the others are deleted.
    Answering no gives 1 as well; without a terminal to ask on, --yes is needed, or else the
    exit code is 2.

    JSON: {"deleted", "missing"}, a number and a list of ids.
    """
    wanted = list(dict.fromkeys(map(read_id, ids)))
    confirm(f"Delete {counted(len(wanted), 'posting')} for good?", yes=yes)

    async def work(opened: JobStore) -> list[UUID]:
        return [id for id in wanted if not await opened.delete(id)]

    missing = with_store(load_settings(store, config, quiet=quiet or json), work)
    deleted = len(wanted) - len(missing)
    if json:
        print_json({"deleted": deleted, "missing": missing})
    else:
        say(f"Deleted {counted(deleted, 'posting')}.", quiet=quiet)
    if missing:
        complain(f"Not in the store: {', '.join(map(str, missing))}")
        raise typer.Exit(1)
