"""The command that deletes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import YesOption, confirm
from jobstore.cli.output import counted, fail_if
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from jobstore.store import JobStore


@takes_call
def delete(
    call: Call,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of postings (UUIDs).")],
    yes: YesOption = False,
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

    missing = call.run(work)
    deleted = len(wanted) - len(missing)
    done = {"deleted": deleted, "missing": missing}
    call.report(done, f"Deleted {counted(deleted, 'posting')}.")
    fail_if([f"Not in the store: {', '.join(map(str, missing))}"] if missing else [])
