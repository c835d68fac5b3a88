"""``jobstore alerts``: which alerts fire, the notifications of them, silences, a test of the sinks.

Talks to people and programs; what an alert is and does is in :mod:`jobstore.operations.alerts`,
which is imported when a command runs.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_duration
from jobstore.cli.output import complain, counted, fail_if, table
from jobstore.moments import for_people

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.operations.alerts.delivering import Delivery
    from jobstore.operations.alerts.notifications import Notification
    from jobstore.operations.alerts.state import Silence, Standing, Waiting

app = typer.Typer(no_args_is_help=True)

_STYLES = {"warning": "yellow", "critical": "bold red"}


@app.command("list")
@takes_call
def list_(call: Call) -> None:
    """Show how each rule stands, as of the last check, and what was not delivered yet.

    JSON: {"alerts", "silences", "undelivered"}.
    """
    from jobstore.operations.alerts import AlertStore

    settings = call.settings
    kept, now = AlertStore(settings.operations_db), time.time()
    standings = kept.standings(settings.alerts.rules, now)
    silences, undelivered = kept.silences(now), kept.undelivered()
    call.give(
        {
            "alerts": [_standing_json(each) for each in standings],
            "silences": [
                {"id": each.id, "rule": each.rule, "reason": each.reason}
                | {"starts_at": _moment(each.starts_at), "ends_at": _moment(each.ends_at)}
                for each in silences
            ],
            "undelivered": [
                {"id": each.id, "rule": each.rule, "kind": each.kind, "sink": each.sink}
                | {"attempts": each.attempts, "next_at": _moment(each.next_at)}
                | {"error": each.error}
                for each in undelivered
            ],
        },
        lambda: _listed(standings, silences, undelivered),
    )


@app.command()
@takes_call
def check(call: Call) -> None:
    """Evaluate the rules now, and deliver the notifications that are due.

    Looks how well the store is, as 'jobstore health' does, and at its traffic. The exit code is 0
    even when alerts fire: sinks notify people of them. JSON: {"alerts",
    "notifications", "deliveries"}.
    """
    from jobstore.operations import alerts
    from jobstore.operations.health import examine_apart

    with call.operating() as settings:
        checked = alerts.check(settings, alerts.gather(settings, examine_apart(settings)))
    answer = {
        "alerts": [_standing_json(each) for each in checked.standings],
        "notifications": [_notification_json(each) for each in checked.notifications],
        "deliveries": [_delivery_json(each) for each in checked.deliveries],
    }
    call.report(answer, lambda: _table_of(checked.standings))
    for each in checked.deliveries:
        if each.error is not None:
            complain(f"A notification did not reach {each.sink} ({each.error}); it is tried again.")


@app.command()
@takes_call
def silence(
    call: Call,
    rule: Annotated[
        str | None, typer.Argument(metavar="RULE", help="A rule's name; * stands for all.")
    ] = None,
    lasting: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 90m, 8h, 2d.")
    ] = "1h",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; required.")] = "",
    lift: Annotated[
        int | None, typer.Option("--lift", metavar="ID", help="End this silence instead.")
    ] = None,
) -> None:
    """Notify nobody of a rule for some time; it is evaluated and recorded all the same.

    People are notified at its end of alerts that still fire. JSON: {"id", "ends_at"}; {"lifted"}
    with --lift.
    """
    from jobstore.operations.alerts import AlertStore

    if (rule is None) == (lift is None):
        raise typer.BadParameter("name a rule, or a silence with --lift", param_hint="RULE")
    settings = call.settings
    kept = AlertStore(settings.operations_db)
    if lift is not None:
        lifted = kept.lift(lift, time.time())
        if lifted or call.json:
            call.report({"lifted": lifted}, f"Silence {lift} is lifted.")
        return fail_if([] if lifted else [f"No silence {lift} holds."])
    known = [each.name for each in settings.alerts.rules]
    if rule not in (*known, "*"):
        raise typer.BadParameter(f"there are: {', '.join(known)} and *", param_hint="RULE")
    held = kept.silence(rule, read_duration(lasting, "--for"), reason, time.time())
    answer = {"id": held.id, "ends_at": _moment(held.ends_at)}
    return call.report(answer, f"Silence {held.id}: {held.rule} until {_at(held.ends_at)} UTC.")


@app.command()
@takes_call
def history(
    call: Call,
    last: Annotated[
        str, typer.Option("--last", metavar="TIME", help="How far back, such as 24h, 7d.")
    ] = "7d",
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="At most N.")
    ] = 100,
) -> None:
    """Show the notifications of alerts, newest first; the silenced ones as well.

    JSON: {"notifications"}.
    """
    from jobstore.operations.alerts import AlertStore

    since = time.time() - read_duration(last, "--last")
    found = AlertStore(call.settings.operations_db).history(since, limit)
    answer = {"notifications": [_notification_json(each) for each in found]}
    call.give(answer, lambda: _history(found))


def _history(notifications: list[Notification]) -> RenderableType:
    if not notifications:
        return "No alert was raised in that time."
    rows = [
        (
            _at(each.at),
            each.rule,
            (
                each.kind + (f", {each.muted}" if each.muted else ""),
                "green" if each.kind == "resolved" else _STYLES[each.severity],
            ),
            each.text,
        )
        for each in notifications
    ]
    return table(["at (UTC)", "alert", "what", "why"], rows)


@app.command("test")
@takes_call
def try_sinks(
    call: Call,
    sink: Annotated[
        str | None, typer.Option("--sink", metavar="NAME", help="Only this sink.")
    ] = None,
) -> None:
    """Send a notification that says it is a test to each sink.

    The exit code is 1 when it does not arrive at one. JSON: {"deliveries"}.
    """
    from jobstore.operations.alerts.delivering import name_of, send_once
    from jobstore.operations.alerts.notifications import Notification

    with call.operating() as settings:
        names = [name_of(each) for each in settings.alerts.sinks]
        if sink is not None and sink not in names:
            raise typer.BadParameter(
                f"there are: {', '.join(names) or 'none'}", param_hint="--sink"
            )
        wanted = [name for name in names if sink in (None, name)]
        test = Notification.of("test", time.time(), "This is a test; nothing is wrong.")
        deliveries = send_once(settings, wanted, test, test.at)
    failed = [each for each in deliveries if each.error is not None]
    call.report(
        {"deliveries": [_delivery_json(each) for each in deliveries]},
        f"The test reached {counted(len(deliveries) - len(failed), 'sink')}.",
    )
    fail_if(f"The test did not reach {each.sink} ({each.error})." for each in failed)


def _listed(
    standings: list[Standing], silences: list[Silence], undelivered: list[Waiting]
) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    lines = [
        f"Silence {each.id}: {each.rule} until {_at(each.ends_at)} UTC: {each.reason}"
        for each in silences
    ]
    lines += [
        f"Not delivered to {each.sink}: {each.rule}, {each.kind}"
        + (f" ({each.error})" if each.error else "")
        for each in undelivered
    ]
    return Group(_table_of(standings), *map(Text, lines))


def _table_of(standings: list[Standing]) -> RenderableType:
    rows = []
    for each in standings:
        state = (each.severity, _STYLES[each.severity]) if each.firing else ("ok", "green")
        if each.pending:
            state = ("pending", "yellow")
        if each.since is None:
            state = ("unknown", "dim")
        since = _at(each.since) if each.firing and each.since is not None else ""
        why = each.text + (f" (silenced: {each.silenced})" if each.silenced else "")
        rows.append((each.rule, state, since, why))
    return table(["alert", "state", "since (UTC)", "why"], rows)


def _standing_json(each: Standing) -> dict[str, Any]:
    return {
        "rule": each.rule,
        "severity": each.severity,
        "firing": each.firing,
        "since": None if each.since is None else _moment(each.since),
        "value": _finite(each.value),
        "text": each.text,
        "silenced": each.silenced,
        "pending": each.pending,
    }


def _notification_json(notification: Notification) -> dict[str, Any]:
    from jobstore.operations.alerts.notifications import as_mapping

    return as_mapping(notification) | {"muted": notification.muted}


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {"notification": delivery.notification, "sink": delivery.sink, "error": delivery.error}


def _finite(value: float | None) -> float | None:
    from math import isfinite

    return value if value is not None and isfinite(value) else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _at(seconds: float) -> str:
    return for_people(_moment(seconds))
