"""Applications as a board: what stands under each state, and what is due when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from jobstore.cli.output import counted, plain, table, words
from jobstore.moments import iso
from jobstore.records import ApplicationState

if TYPE_CHECKING:
    from jobstore.records import Application

# Characters that are shown of a note or a name; --json has all.
_MOST = 300
_STYLES = {
    ApplicationState.OFFERED: "bold green",
    ApplicationState.ACCEPTED: "bold green",
    ApplicationState.INTERVIEWING: "bold cyan",
    ApplicationState.APPLIED: "bold cyan",
    ApplicationState.SAVED: "bold",
}


def board(applications: Sequence[Application], limit: int) -> RenderableType:
    """Return applications under a heading for each state; ``limit`` is how many were asked for."""
    if not applications:
        return Text("No application.")
    return Group(*_parts(applications, limit))


def by_date(applications: Sequence[Application], limit: int) -> RenderableType:
    """Return applications in their order, each with its state."""
    rows = [(words(each.state), _said(each)) for each in applications]
    return Group(table(["", ""], rows), Text(), _number(applications, limit))


def whole(applications: Sequence[Application]) -> RenderableType:
    """Return all that is known of the applications for a posting."""
    if not applications:
        return Text("No application for this posting.")
    return Group(*(part for each in applications for part in _all(each)))


def _all(application: Application) -> Iterator[RenderableType]:
    head = Text(_line(application.title), style="bold")
    yield head.append(f"\n{_line(application.company)}\n", "not bold")
    rows = [
        (iso(each.at, "minutes"), f"{words(each.state)}{_by(each.actor)}")
        for each in application.stages
    ]
    if application.posting_closed_at is not None:
        rows.append((iso(application.posting_closed_at, "minutes"), "the posting closed"))
    if application.due_at is not None:
        rows.append((iso(application.due_at, "minutes"), "due"))
    for contact in application.contacts:
        told = (contact.name, contact.role, contact.email, contact.phone)
        rows.append(("with", ", ".join(_line(each) for each in told if each)))
    for note in application.notes:
        text = " ".join(plain(note.text).split())
        rows.append((iso(note.at, "minutes"), f"{text}{_by(note.actor)}"))
    yield table(["", ""], rows)
    yield Text(f"{application.job_id}\n", "dim")


def _by(actor: str | None) -> str:
    return f" (by {_line(actor)})" if actor else ""


def _number(applications: Sequence[Application], limit: int) -> Text:
    more = "; there may be more, see --limit" if len(applications) == limit else ""
    return Text(f"{counted(len(applications), 'application')}{more}")


def _parts(applications: Sequence[Application], limit: int) -> Iterator[RenderableType]:
    for state in ApplicationState:
        found = [each for each in applications if each.state is state]
        if found:
            head = f"{words(state).capitalize()}  {len(found):,}"
            yield Text(head, style=_STYLES.get(state, "bold dim"))
            yield table(["", ""], [(f"{each.stages[-1].at.date()}", _said(each)) for each in found])
            yield Text()
    yield _number(applications, limit)


def _said(application: Application) -> Text:
    text = Text(_line(application.title), style="bold")
    text.append(f"\n{_line(application.company)}", "not bold")
    if application.posting_closed_at is not None:
        text.append(f"  posting closed {application.posting_closed_at.date()}", "not bold yellow")
    if application.due_at is not None:
        text.append(f"  due {iso(application.due_at, 'minutes')}", "not bold magenta")
    for contact in application.contacts:
        mail = f" <{_line(contact.email)}>" if contact.email else ""
        text.append(f"\nwith {_line(contact.name)}{mail}", "not bold")
    if application.notes:
        text.append(f"\n{_line(application.notes[-1].text)}", "not bold dim")
    return text.append(f"\n{application.job_id}", "not bold dim")


def _line(text: str) -> str:
    """Return the beginning of a text in one line: a second one could pass for another row."""
    words = " ".join(plain(text).split())
    return words if len(words) <= _MOST else f"{words[:_MOST]}…"
