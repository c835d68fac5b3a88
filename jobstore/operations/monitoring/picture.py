"""A trend as a picture: an SVG (W3C Scalable Vector Graphics 1.1) that stands on its own.

Pure: points go in, text comes out. Only numbers and fixed words are drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, inf, log10
from typing import NamedTuple

from jobstore.operations.monitoring.reading import Point, milliseconds
from jobstore.operations.monitoring.traffic import together, total

_WIDTH, _LEFT, _RIGHT = 960, 70, 936
_WIDE = _RIGHT - _LEFT
_PANEL, _GAP, _TOP = 150, 62, 92
_GREY = "#555555"
# Distinguishable for the colour-blind (Okabe and Ito, "Color Universal Design", 2008).
_COLOURS = ("#0072b2", "#e69f00", "#d55e00")
# Seconds between the times that stand below a panel, and how many of them there is room for.
_TICKS = (
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(86_400 * days for days in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730)),
)
_MOST_TICKS = 8


class _Panel(NamedTuple):
    """Lines of one scale, by name, and perhaps a level that is worth seeing."""

    title: str
    lines: dict[str, list[float | None]]
    line_at: float = inf


def svg(points: Sequence[Point], since: float, until: float, *, title: str, line_ms: float) -> str:
    """Return the picture of a trend from ``since`` to ``until`` (Unix times).

    Three panels: percentiles of the latency with a line at ``line_ms`` milliseconds (``inf``:
    none), the share of operations in which the store failed, operations per second. Steps
    without a record are gaps. ``title`` stands above.
    """
    merged = [together(point.traffic) for point in points]
    latency = {
        f"p{percent}": [milliseconds(each.quantile(percent / 100)) for each in merged]
        for percent in (50, 95, 99)
    }
    panels = (
        _Panel("Latency, ms", latency, line_ms),
        _Panel("Failed operations, %", {"failed": [failed_percent(each) for each in points]}),
        _Panel("Operations per second", {"per second": [each.per_second for each in points]}),
    )
    height = _TOP + len(panels) * (_PANEL + _GAP)
    parts = [
        _tag("title", title),
        _tag("rect", width=_WIDTH, height=height, fill="#ffffff"),
        _text(title, _LEFT, 32, font_size=16, font_weight="bold"),
        _text(_span(points, since, until), _LEFT, 52, fill=_GREY),
    ]
    for index, panel in enumerate(panels):
        parts += _draw(panel, points, since, until, _TOP + index * (_PANEL + _GAP))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12" role="img">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def failed_percent(point: Point) -> float | None:
    """Return the share of operations in which the store failed; ``None`` without operations."""
    count = total(point.traffic)
    return 100 * together(point.traffic).failures / count if count else None


def _draw(
    panel: _Panel, points: Sequence[Point], since: float, until: float, top: float
) -> Iterator[str]:
    highest = max((value or 0.0 for line in panel.lines.values() for value in line), default=0.0)
    # The level is worth seeing when anything comes near it.
    if highest > panel.line_at / 2:
        highest = max(highest, panel.line_at * 1.1)
    ceiling = _round_up(highest) if highest else 1.0

    def x(moment: float) -> float:
        return _LEFT + _WIDE * min(1.0, max(0.0, (moment - since) / (until - since)))

    def y(value: float) -> float:
        return top + _PANEL * (1 - value / ceiling)

    yield _text(panel.title, _LEFT, top - 8, font_weight="bold")
    for share in (0, 0.5, 1):
        height = y(ceiling * share)
        yield _line(_LEFT, _RIGHT, height, height, "#dddddd")
        yield _text(f"{ceiling * share:g}", _LEFT - 8, height + 4, text_anchor="end", fill=_GREY)
    every = next((each for each in _TICKS if (until - since) / each <= _MOST_TICKS), _TICKS[-1])
    for moment in range(ceil(since / every) * every, int(until) + 1, every):
        at = x(moment)
        yield _line(at, at, top, top + _PANEL + 4, "#eeeeee")
        # The last one may not fit when its middle stands at the edge.
        anchor = "end" if at > _RIGHT - 20 else "middle"
        told = _when(moment, every, until - since)
        yield _text(told, at, top + _PANEL + 18, text_anchor=anchor, fill=_GREY)
    if panel.line_at <= ceiling:
        height = y(panel.line_at)
        yield _line(_LEFT, _RIGHT, height, height, "#aa0000", stroke_dasharray="6 4")
        told = f"{panel.line_at:g} ms"
        yield _text(told, _RIGHT - 4, height - 4, text_anchor="end", fill="#aa0000")
    if not points:
        middle = _LEFT + _WIDE / 2, top + _PANEL / 2
        yield _text("nothing was recorded", *middle, text_anchor="middle", fill=_GREY)
    for index, (name, line) in enumerate(panel.lines.items()):
        colour = _COLOURS[index]
        if len(panel.lines) > 1:
            at = _RIGHT - 40 - 60 * (len(panel.lines) - 1 - index)
            yield _tag("rect", x=at - 16, y=top - 17, width=12, height=10, fill=colour)
            yield _text(name, at, top - 8)
        for run in _runs(points, line):
            middles = [
                (x(min(point.starts_at + point.seconds / 2, until)), y(value))
                for point, value in run
            ]
            yield _stroke(middles, colour)


def _tag(name: str, text: str = "", /, **attributes: object) -> str:
    given = (
        f' {key.replace("_", "-")}="{f"{value:.1f}" if isinstance(value, float) else value}"'
        for key, value in attributes.items()
    )
    return f"<{name}{''.join(given)}>{escape(text, quote=False)}</{name}>"


def _text(text: str, x: float, y: float, **attributes: object) -> str:
    return _tag("text", text, x=x, y=y, **attributes)


def _line(x1: float, x2: float, y1: float, y2: float, stroke: str, **more: object) -> str:
    return _tag("line", x1=x1, x2=x2, y1=y1, y2=y2, stroke=stroke, **more)


def _stroke(middles: list[tuple[float, float]], colour: str) -> str:
    if len(middles) == 1:
        ((x, y),) = middles
        return _tag("circle", cx=x, cy=y, r=2.5, fill=colour)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in middles)
    return _tag("polyline", points=path, fill="none", stroke=colour, stroke_width=1.8)


def _runs(points: Sequence[Point], line: list[float | None]) -> Iterator[list[tuple[Point, float]]]:
    """Return the pieces of a line between its gaps."""
    run: list[tuple[Point, float]] = []
    for point, value in zip(points, line, strict=True):
        if run and (value is None or point.starts_at > run[-1][0].starts_at + point.seconds):
            yield run
            run = []
        if value is not None:
            run.append((point, value))
    if run:
        yield run


def _round_up(value: float) -> float:
    """Return the next larger of 1, 2, 4, 5, 6, 8 and 10 times a power of ten."""
    power = 10.0 ** (ceil(log10(value)) - 1)
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10, 20) if value <= step * power)


def _when(moment: int, every: int, span: float) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    if every < 86_400:
        return f"{at:%H:%M}" if moment % 86_400 else f"{at:%b %d}"
    return f"{at:%b %d}" if span < 300 * 86_400 else f"{at:%Y-%m-%d}"


def _span(points: Sequence[Point], since: float, until: float) -> str:
    """Say which time the picture is about, and how long a step is."""
    first, last = (datetime.fromtimestamp(each, UTC) for each in (since, until))
    told = f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
    return f"{told}, in steps of {_length(points[0].seconds)}" if points else told


def _length(seconds: int) -> str:
    size, unit = next(
        each for each in ((86_400, "day"), (3600, "hour"), (60, "minute")) if seconds % each[0] == 0
    )
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
