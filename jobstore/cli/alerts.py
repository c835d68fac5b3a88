"""``jobstore alerts``: which alerts fire, what was told of them, silences, a test of the sinks.

Talks to people and programs; what an alert is and does is in :mod:`jobstore.operations.alerts`,
which is imported when a command runs.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.common import (
    ConfigOption,
    JsonOption,
    QuietOption,
    StoreOption,
    load_settings,
    operating,
)
from jobstore.cli.durations import read_duration
from jobstore.cli.output import complain, console, counted, plain, print_json, say

if TYPE_CHECKING:
    from jobstore.operations.alerts.delivering import Delivery
    from jobstore.operations.alerts.notices import Notice
    from jobstore.operations.alerts.state import Standing

app = typer.Typer(no_args_is_help=True)

_STYLES = {"warning": "yellow", "critical": "bold red"}


@app.command("list")
def list_(store: StoreOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show how each rule stands, as of the last check, and what was not delivered yet.

    JSON: {"alerts", "silences", "undelivered"}.
    """
    from jobstore.operations.alerts import AlertStore

    settings = load_settings(store, config, quiet=json)
    kept, now = AlertStore(settings.operations_db), time.time()
    standings = kept.standings(settings.alerts.rules, now)
    silences, undelivered = kept.silences(now), kept.undelivered()
    if json:
        return print_json({
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
        })  # fmt: skip
    _show(standings)
    for silence in silences:
        say(f"Silence {silence.id}: {silence.rule} until {_at(silence.ends_at)}: {silence.reason}")
    for waiting in undelivered:
        why = f" ({waiting.error})" if waiting.error else ""
        say(f"Not delivered to {waiting.sink}: {waiting.rule}, {waiting.kind}{why}")
    return None


@app.command()
def check(
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Judge how things stand now by the rules, and deliver what is to be told.

    Looks how well the store is, as 'jobstore health' does, and at its record, backups and disk.
    The exit code is 0 also when alerts fire; they are told by their sinks. JSON: {"alerts",
    "notices", "deliveries"}.
    """
    from jobstore.operations import alerts
    from jobstore.operations.health import examine_apart

    with operating(store, config, quiet=quiet or json) as settings:
        failing = examine_apart(settings).failing()
        checked = alerts.check(settings, alerts.gather(settings, failing=failing))
    if json:
        return print_json({
            "alerts": [_standing_json(each) for each in checked.standings],
            "notices": [_notice_json(each) for each in checked.notices],
            "deliveries": [_delivery_json(each) for each in checked.deliveries],
        })  # fmt: skip
    if not quiet:
        _show(checked.standings)
    for each in checked.deliveries:
        if each.error is not None:
            complain(f"A notice did not reach {each.sink} ({each.error}); it is tried again.")
    return None


@app.command()
def silence(
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
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell nobody of a rule for some time; it is judged and recorded all the same.

    What still fires at the end is told then. JSON: {"id", "ends_at"}; {"lifted"} with --lift.
    """
    from jobstore.operations.alerts import AlertStore

    if (rule is None) == (lift is None):
        raise typer.BadParameter("name a rule, or a silence with --lift", param_hint="RULE")
    settings = load_settings(store, config, quiet=json)
    kept = AlertStore(settings.operations_db)
    if lift is not None:
        lifted = kept.lift(lift, time.time())
        if json:
            print_json({"lifted": lifted})
        elif lifted:
            say(f"Silence {lift} is lifted.")
        if not lifted:
            complain(f"No silence {lift} holds.")
            raise typer.Exit(1)
        return
    known = [each.name for each in settings.alerts.rules]
    if rule not in (*known, "*"):
        raise typer.BadParameter(f"there are: {', '.join(known)} and *", param_hint="RULE")
    held = kept.silence(rule, read_duration(lasting, "--for"), reason, time.time())
    if json:
        print_json({"id": held.id, "ends_at": _moment(held.ends_at)})
    else:
        say(f"Silence {held.id}: {held.rule} until {_at(held.ends_at)}.")


@app.command()
def history(
    last: Annotated[
        str, typer.Option("--last", metavar="TIME", help="How far back, such as 24h, 7d.")
    ] = "7d",
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, max=10_000, help="At most N.")
    ] = 100,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what was told of alerts, newest first; what was silenced as well.

    JSON: {"notices"}.
    """
    from rich.table import Table
    from rich.text import Text

    from jobstore.operations.alerts import AlertStore

    settings = load_settings(store, config, quiet=json)
    since = time.time() - read_duration(last, "--last")
    notices = AlertStore(settings.operations_db).history(since, limit)
    if json:
        return print_json({"notices": [_notice_json(each) for each in notices]})
    if not notices:
        return say("No alert was raised in that time.")
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("at (UTC)", "alert", "what", "why"):
        table.add_column(name, no_wrap=name != "why")
    for each in notices:
        style = "green" if each.kind == "resolved" else _STYLES[each.severity]
        what = Text(each.kind + (f", {each.muted}" if each.muted else ""), style=style)
        table.add_row(_at(each.at), Text(plain(each.rule)), what, Text(plain(each.text)))
    return console().print(table)


@app.command("test")
def try_sinks(
    sink: Annotated[
        str | None, typer.Option("--sink", metavar="NAME", help="Only this sink.")
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Send a notice that says it is a test to each sink.

    The exit code is 1 when it does not arrive at one. JSON: {"deliveries"}.
    """
    from jobstore.operations.alerts.delivering import name_of, try_out

    with operating(store, config, quiet=json) as settings:
        names = [name_of(each) for each in settings.alerts.sinks]
        if sink is not None and sink not in names:
            raise typer.BadParameter(
                f"there are: {', '.join(names) or 'none'}", param_hint="--sink"
            )
        wanted = [name for name in names if sink in (None, name)]
        deliveries = try_out(settings, wanted, time.time())
    failed = [each for each in deliveries if each.error is not None]
    if json:
        print_json({"deliveries": [_delivery_json(each) for each in deliveries]})
    else:
        for each in failed:
            complain(f"The test did not reach {each.sink} ({each.error}).")
        say(f"The test reached {counted(len(deliveries) - len(failed), 'sink')}.")
    if failed:
        raise typer.Exit(1)


def _show(standings: list[Standing]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("alert", "state", "since (UTC)", "why"):
        table.add_column(name, no_wrap=name != "why")
    for each in standings:
        state = Text(each.severity, _STYLES[each.severity]) if each.firing else Text("ok", "green")
        if each.since is None:
            state = Text("unknown", "dim")
        why = plain(each.text) + (f" (silenced: {plain(each.silenced)})" if each.silenced else "")
        since = _at(each.since) if each.firing and each.since is not None else ""
        table.add_row(Text(plain(each.rule)), state, since, Text(why))
    console().print(table)


def _standing_json(each: Standing) -> dict[str, Any]:
    return {
        "rule": each.rule,
        "severity": each.severity,
        "firing": each.firing,
        "since": None if each.since is None else _moment(each.since),
        "value": _finite(each.value),
        "text": each.text,
        "silenced": each.silenced,
    }


def _notice_json(notice: Notice) -> dict[str, Any]:
    from jobstore.operations.alerts.notices import as_mapping

    return as_mapping(notice) | {"muted": notice.muted}


def _delivery_json(delivery: Delivery) -> dict[str, Any]:
    return {"notice": delivery.notice, "sink": delivery.sink, "error": delivery.error}


def _finite(value: float | None) -> float | None:
    from math import isfinite

    return value if value is not None and isfinite(value) else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _at(seconds: float) -> str:
    return f"{_moment(seconds):%Y-%m-%d %H:%M:%S}"
