"""A trend as a picture: an SVG (W3C Scalable Vector Graphics 1.1) that stands on its own.

Pure: points go in, text comes out. Only numbers and fixed words are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, log10

from jobstore.operations.monitoring.reading import Point
from jobstore.operations.monitoring.traffic import Traffic, together, total

_WIDTH, _LEFT, _RIGHT = 960, 70, 24
_PANEL, _GAP, _TOP = 150, 62, 92
# Distinguishable for the colour-blind (Okabe and Ito, "Color Universal Design", 2008).
_COLOURS = ("#0072b2", "#e69f00", "#d55e00")
# Seconds between the times that stand below a panel, and how many of them there is room for.
_TICKS = (
    *(60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)),
    *(86_400 * days for days in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730)),
)
_MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    lines: tuple[tuple[str, Callable[[Traffic, Point], float | None]], ...]
    line_at: float | None = None
    line_name: str = ""
    least: float = 1.0


def svg(points: Sequence[Point], since: float, until: float, *, title: str, line_ms: float) -> str:
    """Return the picture of a trend from ``since`` to ``until`` (Unix times).

    Three panels: percentiles of the latency with a line at ``line_ms`` milliseconds (``inf``:
    none), the share of operations in which the store failed, operations per second. Steps
    without a record are gaps. ``title`` stands above.
    """
    panels = (
        _Panel(
            "Latency, ms",
            tuple((f"p{percent}", _quantile(percent / 100)) for percent in (50, 95, 99)),
            line_ms,
            f"{line_ms:g} ms",
        ),
        _Panel("Failed operations, %", (("failed", lambda _, point: failed_percent(point)),)),
        _Panel(
            "Operations per second",
            (("per second", lambda _, point: point.per_second),),
        ),
    )
    height = _TOP + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{_escaped(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="32" font-size="16" font-weight="bold">{_escaped(title)}</text>',
        f'<text x="{_LEFT}" y="52" fill="#555555">{_span(points, since, until)}</text>',
    ]
    for index, panel in enumerate(panels):
        top = _TOP + index * (_PANEL + _GAP)
        parts += _draw(panel, points, since, until, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def failed_percent(point: Point) -> float | None:
    """Return the share of operations in which the store failed; ``None`` without operations."""
    count = total(point.traffic)
    return 100 * together(point.traffic).failures / count if count else None


def _quantile(share: float) -> Callable[[Traffic, Point], float | None]:
    def of(traffic: Traffic, point: Point) -> float | None:
        seconds = traffic.quantile(share)
        return None if seconds is None else seconds * 1000

    return of


def _draw(
    panel: _Panel, points: Sequence[Point], since: float, until: float, top: float
) -> Iterator[str]:
    merged = [together(point.traffic) for point in points]
    drawn = [
        [(point, value(traffic, point)) for point, traffic in zip(points, merged, strict=True)]
        for _, value in panel.lines
    ]
    highest = max((value or 0.0 for line in drawn for _, value in line), default=0.0)
    # The line is worth seeing when anything comes near it.
    if panel.line_at is not None and highest > panel.line_at / 2:
        highest = max(highest, panel.line_at * 1.1)
    ceiling = _round_up(max(highest, 1e-9)) if highest else panel.least
    wide = _WIDTH - _LEFT - _RIGHT

    def x(moment: float) -> float:
        return _LEFT + wide * min(1.0, max(0.0, (moment - since) / (until - since)))

    def y(value: float) -> float:
        return top + _PANEL * (1 - value / ceiling)

    yield f'<text x="{_LEFT}" y="{top - 8}" font-weight="bold">{panel.title}</text>'
    yield from _legend(panel, top)
    for share in (0, 0.5, 1):
        height = y(ceiling * share)
        yield _rule(height, "#dddddd")
        yield (
            f'<text x="{_LEFT - 8}" y="{height + 4:.1f}" text-anchor="end" '
            f'fill="#555555">{ceiling * share:g}</text>'
        )
    every = _tick(until - since)
    for moment in range(ceil(since / every) * every, int(until) + 1, every):
        at = x(moment)
        # The last one may not fit when its middle stands at the edge.
        anchor = "end" if at > _WIDTH - _RIGHT - 20 else "middle"
        yield (
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{top + _PANEL + 4}" '
            'stroke="#eeeeee"/>'
        )
        yield (
            f'<text x="{at:.1f}" y="{top + _PANEL + 18}" text-anchor="{anchor}" '
            f'fill="#555555">{_when(moment, every, until - since)}</text>'
        )
    if panel.line_at is not None and panel.line_at <= ceiling:
        yield _rule(y(panel.line_at), "#aa0000", ' stroke-dasharray="6 4"')
        yield (
            f'<text x="{_WIDTH - _RIGHT - 4}" y="{y(panel.line_at) - 4:.1f}" text-anchor="end" '
            f'fill="#aa0000">{panel.line_name}</text>'
        )
    if not points:
        yield (
            f'<text x="{_LEFT + wide / 2}" y="{top + _PANEL / 2}" text-anchor="middle" '
            'fill="#555555">nothing was recorded</text>'
        )
    for colour, line in zip(_COLOURS, drawn, strict=False):
        for run in _runs(line):
            middles = [
                (x(min(point.starts_at + point.seconds / 2, until)), y(value))
                for point, value in run
            ]
            yield _stroke(middles, colour)


def _legend(panel: _Panel, top: float) -> Iterator[str]:
    if len(panel.lines) == 1:
        return
    for index, (name, _) in enumerate(reversed(panel.lines)):
        at = _WIDTH - _RIGHT - 40 - 60 * index
        colour = _COLOURS[len(panel.lines) - 1 - index]
        yield f'<rect x="{at - 16}" y="{top - 17}" width="12" height="10" fill="{colour}"/>'
        yield f'<text x="{at}" y="{top - 8}">{name}</text>'


def _rule(height: float, colour: str, more: str = "") -> str:
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" '
        f'stroke="{colour}"{more}/>'
    )


def _stroke(middles: list[tuple[float, float]], colour: str) -> str:
    if len(middles) == 1:
        ((x, y),) = middles
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in middles)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def _runs(line: list[tuple[Point, float | None]]) -> Iterator[list[tuple[Point, float]]]:
    """Return the pieces of a line between its gaps."""
    run: list[tuple[Point, float]] = []
    for point, value in line:
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


def _tick(span: float) -> int:
    return next((each for each in _TICKS if span / each <= _MOST_TICKS), _TICKS[-1])


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


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
