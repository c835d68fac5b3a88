"""The command that tells a store what a posting's page answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from jobstore.store import JobStore


@takes_call
def gone(
    call: Call,
    key: Annotated[str, typer.Argument(metavar="ID", help="The posting's id (a UUID).")],
    http_status: Annotated[
        int,
        typer.Option("--http-status", metavar="N", help="What its page answered, 100 to 599."),
    ] = 410,
) -> None:
    """Tell what a posting's page answered; close the posting if that means that it is gone.

    404 and 410 close it at once. Any other status from 400 to 499 closes it at the third time since
    it was last seen. 403, 429 and all others never do. Whether it was closed or not, the exit code
    is 0.

    JSON: {"closed", "status"}: whether this closed it, and how it is now.
    """
    id = read_id(key)

    async def work(store: JobStore) -> tuple[bool, str]:
        closed = await store.gone(id, http_status=http_status)
        return closed, str((await store.get(id)).status)

    closed, status = call.run(work)
    stays = "It was closed already." if status == "closed" else _why_open(http_status)
    told = f"Closed it: HTTP {http_status}." if closed else stays
    call.report({"closed": closed, "status": status}, told)


def _why_open(http_status: int) -> str:
    if 400 <= http_status < 500 and http_status not in (403, 429):
        return (
            f"It stays open: HTTP {http_status} may pass. The third such answer since it was last "
            "seen closes it."
        )
    return f"It stays open: HTTP {http_status} does not say that it is gone."
