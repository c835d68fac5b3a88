"""The command that does what is due, for cron and timers, and tells what is due when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.common import (
    STORE_DEFAULT,
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    load_settings,
    operating,
)
from jobstore.cli.output import complain, console, plain, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobstore.operations.schedule import Ran, Upcoming
    from jobstore.settings.sections import Settings

STYLES = {"done": "green", "skipped": "yellow", "busy": "dim", "failed": "bold red"}


def run_due(
    listing: Annotated[
        bool, typer.Option("--list", metavar="", help="Tell what is due when; do nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME",
            help="Only this task, if it is due: backup, verify, restore-test, prune, checkpoint, "
            "optimize, history, health or alerts; may be repeated.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", metavar="", help="Do what --only names, whether it is due or not."),
    ] = False,
    store: StoreOption = STORE_DEFAULT,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
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
        settings = load_settings(store, config)
        return _list(settings, schedule.upcoming(settings, only=only or ()), json)
    with operating(store, config) as settings:
        ran = schedule.run_due(settings, only=only or (), force=force)
    good = all(each.outcome != "failed" for each in ran)
    if json:
        print_json({"ok": good, "tasks": ran})
    else:
        _tell(settings, ran, only or (), quiet)
    if not good:
        raise typer.Exit(1)
    return None


def _tell(settings: Settings, ran: Sequence[Ran], only: Sequence[str], quiet: bool) -> None:
    from rich.text import Text

    from jobstore.operations.schedule import upcoming

    if quiet:
        for each in ran:
            if each.outcome == "failed":
                complain(f"{each.name}: {each.detail}")
        return
    if not ran:
        following = min(upcoming(settings, only=only), key=lambda each: each.next_at)
        say(f"Nothing is due; next is {following.name} at {moment(settings, following.next_at)}.")
        return
    table = _table("task", "outcome", "took", "what")
    table.columns[2].justify = "right"
    for each in ran:
        outcome = Text(each.outcome, style=STYLES[each.outcome])
        table.add_row(each.name, outcome, f"{each.seconds:,.2f} s", Text(plain(each.detail)))
    console().print(table)


def _list(settings: Settings, tasks: Sequence[Upcoming], json: bool) -> None:
    from rich.text import Text

    if json:
        return print_json({"tasks": [_fields(each) for each in tasks]})
    table = _table("task", "next", "last", "how it went", "what it does")
    for each in tasks:
        last = "" if each.started_at is None else moment(settings, each.started_at)
        outcome, style = _standing(each)
        table.add_row(
            each.name,
            Text("now", "bold") if each.due else moment(settings, each.next_at),
            last,
            Text(outcome, style),
            each.about,
        )
    console().print(table)
    return say(f"Times are in {settings.schedule.timezone}.")


def _standing(task: Upcoming) -> tuple[str, str]:
    """Say how a task's last run went, and in which style."""
    if task.outcome != "running":
        return task.outcome or "never ran", STYLES.get(task.outcome, "dim")
    import psutil

    # For display only: locks decide which process does it.
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


def moment(settings: Settings, at: Any) -> str:
    """Return a time for people, in the time zone of the schedule."""
    from jobstore.settings.kinds import zone_of

    return f"{at.astimezone(zone_of(settings.schedule.timezone)):%m-%d %H:%M}"


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    *short, last = columns
    for name in short:
        table.add_column(name, no_wrap=True)
    table.add_column(last, overflow="fold")
    return table
