"""How the live view, a trend and its JSON look.

Pure: figures go in, things that rich can print or JSON can hold come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from jobstore.cli.output import plain, size, table
from jobstore.operations.monitoring.picture import failed_percent
from jobstore.operations.monitoring.reading import Frame, Point, milliseconds
from jobstore.operations.monitoring.traffic import is_failure, together, total


def frame_view(frame: Frame, name: str, *, warn_ms: float, critical_ms: float) -> RenderableType:
    """Return one picture of the live view; p95 above the two limits is coloured."""
    head = Text(f"{plain(name)}  ", style="bold")
    head.append(f"{datetime.fromtimestamp(frame.at, UTC):%H:%M:%S} UTC  ", "not bold dim")
    head.append(f"{frame.per_second:,.1f} operations/s", "not bold")
    head.append("  ")
    head.append(f"{frame.failures:,} failed", "bold red" if frame.failures else "not bold")
    head.append(f" in {frame.window:g} s", "not bold dim")
    # Above the tables, since these may be longer than the screen.
    levels = Text.assemble(
        ("queue ", "dim"), f"{frame.queue_depth:,}",
        ("   WAL ", "dim"), size(frame.wal_bytes),
        ("   disk ", "dim"), f"{size(frame.disk_free_bytes)} free",
        ("   processes ", "dim"), f"{len(frame.processes):,}",
    )  # fmt: skip
    return Group(head, levels, Text(), *_parts(frame, warn_ms, critical_ms))


def frame_json(frame: Frame) -> dict[str, Any]:
    """One picture as JSON; times are such, and no numbers."""
    found = asdict(frame)
    found["at"] = datetime.fromtimestamp(frame.at, UTC)
    for each in found["processes"]:
        each["started_at"] = datetime.fromtimestamp(each["started_at"], UTC)
    return found


def _parts(frame: Frame, warn_ms: float, critical_ms: float) -> list[RenderableType]:
    if not frame.processes and not frame.operations:
        hint = "Nobody records what is asked of this store; docs/monitoring.md tells how."
        return [Text(hint, style="dim")]
    operations = []
    for name, rate in frame.operations.items():
        p95 = rate.p95_ms or 0.0
        style = "bold red" if p95 > critical_ms else "yellow" if p95 > warn_ms else ""
        operations.append(
            (
                name,
                f"{rate.per_second:,.1f}",
                figure(rate.p50_ms),
                (figure(rate.p95_ms), style),
                figure(rate.p99_ms),
                f"{rate.rows_per_second:,.1f}",
                (f"{sum(rate.errors.values()):,}", "bold red" if rate.failures else ""),
            )
        )
    columns = ["operation", "per second", "p50 ms", "p95 ms", "p99 ms", "rows/s", "errors"]
    parts: list[RenderableType] = [_figures(columns, operations), *_errors(frame)]
    processes = [
        (
            str(each.pid),
            each.label,
            f"{each.per_second:,.1f}",
            f"{each.queue_depth:,}",
            f"{each.group_size:,}",
        )
        for each in frame.processes
    ]
    if processes:
        columns = ["process", "program", "per second", "queue", "group"]
        parts += [Text(), table(columns, processes, right=columns[2:])]
    return parts


def _errors(frame: Frame) -> list[RenderableType]:
    """Return the errors by type: failures of the store, and answers such as JobNotFound."""
    rows = []
    for name, rate in frame.operations.items():
        for error, count in sorted(rate.errors.items()):
            told = ("yes", "bold red") if is_failure(name, error) else "no"
            rows.append((name, error, f"{count:,}", told))
    columns = ["raised by", "error", "count", "the store failed"]
    return [Text(), table(columns, rows, right=columns[2:])] if rows else []


def trend_view(points: Sequence[Point]) -> RenderableType:
    """Return a trend as a table, one line for each step."""
    if not points:
        return Text("Nothing was recorded in that time; docs/monitoring.md tells how.")
    columns = ["from (UTC)", "count", "per s", "p50 ms", "p95 ms", "p99 ms", "failed %", "queue"]
    rows = [
        (
            f"{each['starts_at']:%Y-%m-%d %H:%M}",
            f"{each['operations']:,}",
            f"{each['per_second']:,.2f}",
            figure(each["p50_ms"]),
            figure(each["p95_ms"]),
            figure(each["p99_ms"]),
            figure(each["failed_percent"]),
            "" if each["queue_depth"] is None else f"{each['queue_depth']:,}",
        )
        for each in map(trend_json, points)
    ]
    return _figures(columns, rows)


def trend_json(point: Point) -> dict[str, Any]:
    """Return one step of a trend; of queue, group, WAL and disk it has the worst."""
    count, merged = total(point.traffic), together(point.traffic)
    levels = point.levels
    return {
        "starts_at": datetime.fromtimestamp(point.starts_at, UTC),
        "operations": count,
        "per_second": round(point.per_second, 3),
        "rows": merged.rows,
        "p50_ms": milliseconds(merged.quantile(0.5)),
        "p95_ms": milliseconds(merged.quantile(0.95)),
        "p99_ms": milliseconds(merged.quantile(0.99)),
        "failed_percent": failed_percent(point),
        "errors": dict(sorted(merged.errors.items())),
        "queue_depth": levels["queue_depth"].highest if "queue_depth" in levels else None,
        "group_size": levels["group_size"].highest if "group_size" in levels else None,
        "wal_bytes": levels["wal_bytes"].highest if "wal_bytes" in levels else None,
        "disk_free_bytes": levels["disk_free_bytes"].lowest
        if "disk_free_bytes" in levels
        else None,
    }


def figure(value: float | None) -> str:
    """Return a number with as many digits as are worth reading; nothing for ``None``."""
    if value is None:
        return ""
    if not value:
        return "0"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:#.3g}"


def _figures(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    return table(columns, rows, right=columns[1:])
