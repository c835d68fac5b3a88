"""The commands about applications: begin one, move it on, and see how all of them stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.filters import since
from jobstore.cli.output import plain, words
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.records import Application
    from jobstore.store import JobStore

_MAIL = re.compile(r"(?P<name>.*?)\s*<(?P<email>[^<>]+)>")


@takes_call
def apply(
    call: Call,
    key: Annotated[str, typer.Argument(metavar="ID", help="The posting's id (a UUID).")],
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATE",
            help="How it stands now. Without: applied; one that was sent stays as it is.",
        ),
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="What is to be remembered.")
    ] = None,
    contact: Annotated[
        list[str] | None,
        typer.Option(
            "--contact",
            metavar="NAME",
            help="Who is at the other side, such as 'Ada <ada@acme.example>'; those given take the "
            "place of all. Repeatable.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="When that was, such as 2025-10-31; now without."
        ),
    ] = None,
    due: Annotated[
        str | None,
        typer.Option("--due", metavar="TIME", help="When something is to be done next; or none."),
    ] = None,
    seen: Annotated[
        bool, typer.Option("--seen", help="Only say that you know that the posting closed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Begin another one, though there is one already.")
    ] = False,
) -> None:
    """Note that you apply for a posting, and what becomes of it.

    States: saved, applied, interviewing, offered, accepted, rejected, withdrawn, declined,
    no_response. A second application is refused: to the same posting, to the same address, and
    within 90 days to a duplicate, or to the same company and title.

    JSON: the application.
    """
    id = read_id(key)
    more: dict[str, Any] = {
        "at": at and since(at),
        "note": note,
        "contacts": [_contact(each) for each in contact] if contact else None,
    }
    is_told = bool(note or contact or due)
    if due:
        more["due_at"] = None if due == "none" else since(due)

    async def work(store: JobStore) -> tuple[Application, str]:
        from jobstore.lifecycle.applying import check_states
        from jobstore.lifecycle.stages import BEGINNINGS

        wanted = check_states(state)[0] if state else None
        latest = await store.applications(job_id=id, limit=1)
        is_saved = bool(latest) and latest[0].state == "saved"
        begins = force or not latest or (is_saved and wanted in (None, *BEGINNINGS))
        # Who says nothing is told that there is one.
        if not seen and (begins or (wanted is None and not is_told)):
            begun = await store.apply(id, state=wanted or "applied", force=force, **more)
            return begun, _stage(begun)
        done = await store.set_application(id, state=wanted, **more)
        # What was only noted has not moved on.
        return done, _stage(done) if wanted else f"Noted, {words(done.state)}"

    done, stage = call.run(work)
    call.report(done, f"{stage}: {plain(done.title)}, {plain(done.company)}")


def _stage(application: Application) -> str:
    return words(application.state).capitalize()


@takes_call
def applications(
    call: Call,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", metavar="STATE", help="Only those in this state. Repeatable."),
    ] = None,
    closed: Annotated[
        bool,
        typer.Option(
            "--closed",
            help="Only those whose postings closed since anything was noted; see apply --seen.",
        ),
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most N.")
    ] = 100,
) -> None:
    """Show your applications by how they stand, those that changed last first.

    JSON: {"applications"}, a list of them, with their stages, notes, contacts and times.
    """

    async def work(store: JobStore) -> list[Application]:
        listed = store.closed_applications if closed else store.applications
        return await listed(state or None, limit=limit)

    found = call.run(work)

    def view() -> RenderableType:
        from jobstore.cli.application_view import board

        return board(found, limit)

    call.give({"applications": found}, view)


def _contact(text: str) -> dict[str, str]:
    found = _MAIL.fullmatch(text.strip())
    return {"name": text} if found is None else {k: v for k, v in found.groupdict().items() if v}
