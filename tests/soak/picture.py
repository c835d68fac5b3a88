"""Lines over time as a picture: an SVG with a panel for each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _RIGHT = 860, 90, 24
_PANEL, _GAP, _TOP = 90, 44, 66


@dataclass(frozen=True)
class Panel:
    """A line: its title, its values, and whether it keeps growing."""

    title: str
    values: Sequence[float]
    grows: bool = False


def draw(title: str, seconds: Sequence[float], panels: Sequence[Panel]) -> str:
    """Return the SVG of some lines, whose values were taken at ``seconds``."""
    height = _TOP + len(panels) * (_PANEL + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="28" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    last = max(seconds, default=0) or 1
    for index, panel in enumerate(panels):
        top = _TOP + index * (_PANEL + _GAP)
        ceiling = _round_up(max(panel.values, default=0))
        colour = "#d55e00" if panel.grows else "#0072b2"
        grows = ": keeps growing" if panel.grows else ""
        parts.append(
            f'<text x="{_LEFT}" y="{top - 8}" font-weight="bold" fill="{colour}">'
            f"{escape(panel.title)}{grows}</text>"
        )
        for share in (0, 0.5, 1):
            at = top + _PANEL * (1 - share)
            parts += [
                f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}" stroke="#ddd"/>',
                f'<text x="{_LEFT - 8}" y="{at + 4}" text-anchor="end" fill="#555">'
                f"{ceiling * share:,.0f}</text>",
            ]
        points = " ".join(
            f"{_LEFT + (_WIDTH - _LEFT - _RIGHT) * at / last:.1f},"
            f"{top + _PANEL * (1 - value / ceiling):.1f}"
            for at, value in zip(seconds, panel.values, strict=True)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        parts.append(
            f'<text x="{_WIDTH - _RIGHT}" y="{top + _PANEL + 16}" text-anchor="end" '
            f'fill="#555">{last:.0f} s</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _round_up(value: float) -> int:
    """Return the next larger of 2, 4, 6, 8 and 10 times a power of ten: halves are whole."""
    power = 1
    while value > 10 * power:
        power *= 10
    return next(step * power for step in (2, 4, 6, 8, 10) if value <= step * power)
