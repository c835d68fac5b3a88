"""``jobstore monitor``: what goes on with a store now, what went on, figures for Prometheus.

Talks to people and programs; figures are read by :mod:`jobstore.operations.monitoring`, which
is imported when a command runs.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.durations import read_duration
from jobstore.cli.output import console, show
from jobstore.engines import is_there
from jobstore.errors import StoreUnavailable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from jobstore.operations.monitoring.reading import Frame, Point
    from jobstore.settings.sections import Settings

app = typer.Typer(invoke_without_command=True)

LastOption = Annotated[
    str, typer.Option("--last", metavar="TIME", help="How far back, such as 90m, 24h, 7d.")
]


@app.callback()
@takes_call
def monitor(
    call: Call,
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Show one picture and end.")] = False,
    interval: Annotated[
        float,
        typer.Option("--interval", metavar="SECONDS", min=0.1, max=3600, help="Between pictures."),
    ] = 2.0,
) -> None:
    """Watch a store live: operations, latencies, errors, queue, WAL and disk of all processes.

    Ends with Ctrl-C. Shows the processes that record themselves; docs/monitoring.md tells how.
    Where standard output is no terminal, one picture is shown.

    JSON: one object for each picture, a line each.
    """
    if context.invoked_subcommand is not None:
        return None
    from jobstore.cli.monitor_views import frame_json

    settings = _settings(call.settings)
    try:
        if not call.json:
            return _show(settings, interval, once)
        call.give(frame_json(_frame(settings)), "")
        while not once:
            time.sleep(interval)
            call.give(frame_json(_frame(settings)), "")
    except KeyboardInterrupt:
        # The usual way to end it.
        return None


@app.command()
@takes_call
def trend(
    call: Call,
    last: LastOption = "24h",
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="NAME", help="Only this one, such as get.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into FILE.")
    ] = None,
) -> None:
    """Show latency, failures and load over time.

    Percentiles come from histograms that were added up, over the operations that do not last as
    long as their caller wants. JSON: {"since", "until", "step_seconds", "points"}, each point
    {"starts_at", "operations", "per_second", "rows", "p50_ms", "p95_ms", "p99_ms",
    "failed_percent", "errors", "queue_depth", "group_size", "wal_bytes", "disk_free_bytes"}.
    """
    from dataclasses import replace
    from datetime import UTC, datetime

    from jobstore.cli.monitor_views import trend_json, trend_view
    from jobstore.operations.monitoring import reading

    settings = _settings(call.settings)
    seconds = read_duration(last, "--last")
    until = time.time()
    most = 30 if svg is None and not call.json else 200
    points = reading.trend(settings.operations_db, until - seconds, until, points=most)
    if operation is not None:
        points = [
            replace(point, traffic={operation: point.traffic[operation]})
            for point in points
            if operation in point.traffic
        ]
    if svg is not None:
        _draw(settings, svg, points, until - seconds, until, operation)
    answer = {
        "since": datetime.fromtimestamp(until - seconds, UTC),
        "until": datetime.fromtimestamp(until, UTC),
        "step_seconds": reading.step_for(seconds, most),
        "points": [trend_json(point) for point in points],
    }
    call.give(answer, lambda: trend_view(points) if svg is None else f"Drawn into {svg}.")


@app.command()
@partial(takes_call, json=False)
def metrics(call: Call) -> None:
    """Print the figures of all processes, backups, health and alerts in the format of Prometheus.

    Counts are of all that was ever recorded, gauges as of now.
    """
    from jobstore.operations.figures import figures

    print(figures(_settings(call.loaded.settings)), end="")


def _settings(settings: Settings) -> Settings:
    """Return the settings of a store that is there, or of which a record is left."""
    if not (is_there(settings.store.address) or settings.operations_db.exists()):
        raise StoreUnavailable(f"There is no database file at {settings.store.address.path}.")
    return settings


def _frame(settings: Settings) -> Frame:
    from jobstore.operations.monitoring import reading
    from jobstore.operations.monitoring.recorder import disk_of

    return reading.frame(settings.operations_db, disk_of(settings), time.time())


def _show(settings: Settings, interval: float, once: bool) -> None:
    from rich.live import Live

    from jobstore.cli.monitor_views import frame_view
    from jobstore.operations.alerts.rules import latency_limits

    warn, critical = latency_limits(settings.alerts.rules)

    def view() -> RenderableType:
        name = settings.store.address.path.name
        return frame_view(_frame(settings), name, warn_ms=warn, critical_ms=critical)

    screen = console()
    if once or not screen.is_terminal:
        return show(view())
    with Live(view(), console=screen, auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(interval)
            live.update(view(), refresh=True)


def _draw(
    settings: Settings,
    path: Path,
    points: list[Point],
    since: float,
    until: float,
    operation: str | None,
) -> None:
    from jobstore.cli.common import spare
    from jobstore.files import replacing
    from jobstore.operations.alerts.rules import latency_limits
    from jobstore.operations.monitoring.picture import svg

    spare(str(path), "--svg", settings.store.url)
    title = f"{settings.store.address.path.name}: {operation or 'all operations'}"
    warn, _ = latency_limits(settings.alerts.rules)
    with replacing(path) as stream:
        stream.write(svg(points, since, until, title=title, line_ms=warn).encode())
