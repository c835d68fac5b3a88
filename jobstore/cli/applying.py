"""The commands about applications: begin one, move it on, and see how all of them stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.filters import since, until
from jobstore.cli.output import plain, words
from jobstore.cli.searching import read_id

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

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
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back the last state, such as one typed wrongly.")
    ] = False,
    undo_note: Annotated[
        bool, typer.Option("--undo-note", help="Take back the last note.")
    ] = False,
) -> None:
    """Note that you apply for a posting, and what becomes of it.

    States: saved, applied, interviewing, offered, accepted, rejected, withdrawn, declined,
    no_response. What is saved is sent by an id alone, or --state applied; a note, a contact or a
    date alone sends nothing. A second application is refused: to the same posting, to the same
    address, and within 90 days to a duplicate, or to the same company and title.

    JSON: the application; null where --undo took back its only state.
    """
    id = read_id(key)
    if undo or undo_note:
        if (undo and undo_note) or seen or force or any((state, note, contact, at, due)):
            raise typer.BadParameter("goes with nothing else", param_hint="--undo")
        left = call.run(lambda store: store.undo_application(id, note=undo_note))
        told = "there is no application for this posting any more"
        if left is not None:
            told = f"{words(left.state)}: {plain(left.title)}, {plain(left.company)}"
        call.report(left, f"Taken back; {told}" if left is None else f"Taken back, {told}")
        return
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
        # Who only notes something sends nothing.
        sends = is_saved and wanted in (BEGINNINGS if is_told else (None, *BEGINNINGS))
        # Who says nothing is told that there is one.
        if not seen and (force or not latest or sends or (wanted is None and not is_told)):
            begun = await _begun(store, id, state=wanted or "applied", force=force, **more)
            return begun, _stage(begun)
        done = await store.set_application(id, state=wanted, **more)
        # What was only noted has not moved on.
        return done, _stage(done) if wanted else f"Noted, {words(done.state)}"

    done, stage = call.run(work)
    call.report(done, f"{stage}: {plain(done.title)}, {plain(done.company)}")


async def _begun(store: JobStore, id: UUID, **given: Any) -> Application:
    from jobstore.errors import DuplicateApplication

    try:
        return await store.apply(id, **given)
    except DuplicateApplication as error:
        if error.job_id is not None:
            job = await store.get(error.job_id)
            told = f"It was: {plain(job.title)}, {plain(job.company)}."
            error.args = (f"{error} {told} Use --force if another one is meant.",)
        raise


def _stage(application: Application) -> str:
    return words(application.state).capitalize()


@takes_call
def applications(
    call: Call,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A posting's id: all that is known of those for it."),
    ] = None,
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
    text: Annotated[
        str | None,
        typer.Option(
            "--text", metavar="TEXT", help="Only those with this in title, company or a note."
        ),
    ] = None,
    due: Annotated[
        str | None,
        typer.Option("--due", metavar="TIME", help="Only those with something to do until then."),
    ] = None,
    by_due: Annotated[
        bool, typer.Option("--by-due", help="In the order of what is to be done next.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most N.")
    ] = 100,
) -> None:
    """Show your applications by how they stand, those that changed last first.

    With an ID, the stages, notes and contacts of those for a posting.

    JSON: {"applications"}, a list of them, with their stages, notes, contacts and times.
    """
    id = read_id(key) if key is not None else None
    if id is not None and (closed or text or due or by_due):
        raise typer.BadParameter("goes with --state alone", param_hint="ID")
    last = until(due) if due else None
    is_searched = bool(text or due or by_due)

    async def work(store: JobStore) -> list[Application]:
        if id is not None:
            return await store.applications(state or None, job_id=id, limit=limit)
        most = 1000 if is_searched else limit
        if closed or not is_searched:
            listed = store.closed_applications if closed else store.applications
            found = await listed(state or None, limit=most)
        else:
            from jobstore.lifecycle.applying import check_states

            states = check_states(state or None)
            found = [each async for each in store.stream_applications() if each.state in states]
            found.sort(key=lambda each: (each.changed_at, each.id), reverse=True)
        return [each for each in found if _is_wanted(each, text, last)] if is_searched else found

    found = call.run(work)
    if by_due:
        # What has no date comes last.
        found.sort(key=lambda each: (each.due_at is None, each.due_at or each.changed_at))
    found = found[:limit]

    def view() -> RenderableType:
        from jobstore.cli.application_view import board, by_date, whole

        if id is not None:
            return whole(found)
        return by_date(found, limit) if by_due else board(found, limit)

    call.give({"applications": found}, view)


def _is_wanted(each: Application, text: str | None, until: datetime | None) -> bool:
    from jobstore.search.words import fold

    if until is not None and (each.due_at is None or each.due_at > until):
        return False
    told = (each.title, each.company, *(note.text for note in each.notes))
    return text is None or any(fold(text) in fold(one) for one in told)


def _contact(text: str) -> dict[str, str]:
    found = _MAIL.fullmatch(text.strip())
    return {"name": text} if found is None else {k: v for k, v in found.groupdict().items() if v}
