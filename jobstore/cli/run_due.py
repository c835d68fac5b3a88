"""The command that does what is due, for cron and timers, and tells what is due when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import fail_if, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from jobstore.operations.schedule import Ran, Upcoming
    from jobstore.settings.sections import Settings

_STYLES = {"done": "green", "skipped": "yellow", "busy": "dim", "failed": "bold red"}


@takes_call
def run_due(
    call: Call,
    listing: Annotated[
        bool, typer.Option("--list", help="Tell what is due when; do nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Only this task, if it is due: backup, verify, restore-test, prune, expire, "
            "checkpoint, optimize, duplicates, health or alerts; may be repeated.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Do what --only names, whether it is due or not."),
    ] = False,
) -> None:
    """Do what is due: backups and their checks, upkeep, health, alerts.

    Cron or a timer calls it every minute; docs/schedule.md tells how. Each task is done once,
    whoever calls; a missed time is caught up once. The exit code is 1 when a task failed; the
    others are done all the same.

    JSON: {"ok", "tasks": [{"name", "outcome", "detail", "due_at", "seconds"}]}, the outcome
    being done, failed, skipped or busy; with --list {"tasks": [{"name", "about", "due",
    "next_at", "last"}]}, last being null or {"outcome", "detail", "started_at", "seconds",
    "failures", "process"}.
    """
    from jobstore.operations import schedule

    if force and (listing or not only):
        raise typer.BadParameter("name what is to be done with --only", param_hint="--force")
    if listing:
        upcoming = schedule.upcoming(call.settings, only=only or ())
        tasks = {"tasks": [_fields(each) for each in upcoming]}
        return call.give(tasks, lambda: _listed(call.settings, upcoming))
    with call.operating() as settings:
        ran = schedule.run_due(settings, only=only or (), force=force)
    failed = [f"{each.name}: {each.detail}" for each in ran if each.outcome == "failed"]
    call.report({"ok": not failed, "tasks": ran}, lambda: _done(settings, ran, only or ()))
    return fail_if(failed)


def _done(settings: Settings, ran: Sequence[Ran], only: Sequence[str]) -> RenderableType:
    from jobstore.operations.schedule import upcoming

    if not ran:
        following = min(upcoming(settings, only=only), key=lambda each: each.next_at)
        return (
            f"Nothing is due; next is {following.name} at {_moment(settings, following.next_at)}."
        )
    rows = [
        (each.name, (each.outcome, _STYLES[each.outcome]), f"{each.seconds:,.2f} s", each.detail)
        for each in ran
    ]
    return table(["task", "outcome", "took", "what"], rows, right=["took"])


def _listed(settings: Settings, tasks: Sequence[Upcoming]) -> RenderableType:
    rows = [
        (
            each.name,
            ("now", "bold") if each.due else _moment(settings, each.next_at),
            "" if each.started_at is None else _moment(settings, each.started_at),
            _standing(each),
            each.about,
        )
        for each in tasks
    ]
    zone = settings.schedule.timezone
    return table(["task", f"next ({zone})", "last", "how it went", "what it does"], rows)


def _standing(task: Upcoming) -> tuple[str, str]:
    """Say how a task's last run went, and in which style."""
    if task.outcome != "running":
        return task.outcome or "never ran", _STYLES.get(task.outcome, "dim")
    import psutil

    # Display only: who does it is decided by locks.
    return ("running", "cyan") if psutil.pid_exists(task.process) else ("broken off", "yellow")


def _fields(task: Upcoming) -> dict[str, Any]:
    return {
        "name": task.name,
        "about": task.about,
        "due": task.due,
        "next_at": task.next_at,
        "last": None
        if task.started_at is None
        else {
            "outcome": _standing(task)[0],
            "detail": task.detail,
            "started_at": task.started_at,
            "seconds": task.seconds,
            "failures": task.failures,
            "process": task.process,
        },
    }


def _moment(settings: Settings, at: Any) -> str:
    """Return a time for people, in the time zone of the schedule."""
    from jobstore.settings.kinds import zone_of

    return f"{at.astimezone(zone_of(settings.schedule.timezone)):%m-%d %H:%M}"
