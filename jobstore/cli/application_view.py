"""Applications as a board: what stands under each state, and what is due when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.output import counted, plain, table, words
from jobstore.records import ApplicationState

if TYPE_CHECKING:
    from jobstore.records import Application

_STYLES = {
    ApplicationState.OFFERED: "bold green",
    ApplicationState.ACCEPTED: "bold green",
    ApplicationState.INTERVIEWING: "bold cyan",
    ApplicationState.APPLIED: "bold cyan",
    ApplicationState.SAVED: "bold",
}


def board(applications: Sequence[Application]) -> RenderableType:
    """Return all applications, under a heading for each state."""
    if not applications:
        return Text("No application.")
    return Group(*_parts(applications))


def _parts(applications: Sequence[Application]) -> Iterator[RenderableType]:
    for state in ApplicationState:
        found = [each for each in applications if each.state is state]
        if found:
            head = f"{words(state).capitalize()}  {len(found):,}"
            yield Text(head, style=_STYLES.get(state, "bold dim"))
            yield table(["", ""], [(f"{each.stages[-1].at.date()}", _said(each)) for each in found])
            yield Text()
    yield Text(counted(len(applications), "application"))


def _said(application: Application) -> Text:
    text = Text(plain(application.title), style="bold")
    text.append(f"\n{plain(application.company)}", "not bold")
    if application.posting_closed_at is not None:
        text.append(f"  posting closed {application.posting_closed_at.date()}", "not bold yellow")
    if application.due_at is not None:
        text.append(f"  due {application.due_at:%Y-%m-%d %H:%M} UTC", "not bold magenta")
    for contact in application.contacts:
        mail = f" <{plain(contact.email)}>" if contact.email else ""
        text.append(f"\nwith {plain(contact.name)}{mail}", "not bold")
    if application.notes:
        text.append(f"\n{plain(application.notes[-1].text)}", "not bold dim")
    return text.append(f"\n{application.job_id}", "not bold dim")
