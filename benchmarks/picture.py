"""A picture of latency against table size, as SVG: both axes logarithmic, a line an operation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 860, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 190, 50, 50
# Distinguishable by colour-blind eyes (Okabe and Ito, 2008), then again in dashes.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
_STYLE = "font-family='system-ui,sans-serif' font-size='12' fill='#333'"


def draw(title: str, lines: Mapping[str, Mapping[int, float]], limit: float) -> str:
    """Return the SVG of milliseconds by size for each name, with a line at ``limit``."""
    sizes = sorted({size for line in lines.values() for size in line})
    values = [value for line in lines.values() for value in line.values()]
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(*values, limit)))
    x_low, x_high = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: float) -> float:
        share = (math.log10(size) - x_low) / (x_high - x_low or 1)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    right = WIDTH - _RIGHT
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"width='{WIDTH}' height='{HEIGHT}'>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        f"<text x='{_LEFT}' y='26' {_STYLE} font-weight='bold'>{escape(title)}</text>",
    ]
    for power in range(low, high + 1):
        height = y(10**power)
        parts += [
            f"<line x1='{_LEFT}' x2='{right}' y1='{height:.1f}' y2='{height:.1f}' stroke='#ddd'/>",
            f"<text x='{_LEFT - 8}' y='{height + 4:.1f}' {_STYLE} text-anchor='end'>"
            f"{10.0**power:g} ms</text>",
        ]
    for size in sizes:
        parts.append(
            f"<text x='{x(size):.1f}' y='{HEIGHT - _BOTTOM + 20}' {_STYLE} "
            f"text-anchor='middle'>{size:,}</text>"
        )
    parts.append(
        f"<line x1='{_LEFT}' x2='{right}' y1='{y(limit):.1f}' y2='{y(limit):.1f}' "
        "stroke='#c00' stroke-dasharray='2 4'/>"
        f"<text x='{_LEFT - 8}' y='{y(limit) + 4:.1f}' {_STYLE} text-anchor='end'>"
        f"{limit:g} ms</text>"
    )
    names = sorted(lines, key=lambda name: -lines[name][max(lines[name])])
    for number, (name, height) in enumerate(
        zip(names, _spread([y(lines[name][max(lines[name])]) for name in names]), strict=True)
    ):
        colour = _COLOURS[number % len(_COLOURS)]
        dash = ("", " stroke-dasharray='6 3'", " stroke-dasharray='2 3'")[
            number // len(_COLOURS) % 3
        ]
        path = " ".join(f"{x(size):.1f},{y(lines[name][size]):.1f}" for size in sorted(lines[name]))
        end = x(max(lines[name]))
        parts += [
            f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'{dash}/>",
            f"<line x1='{end:.1f}' x2='{right + 14}' y1='{y(lines[name][max(lines[name])]):.1f}' "
            f"y2='{height:.1f}' stroke='{colour}' stroke-width='0.5'/>",
            f"<text x='{right + 18}' y='{height + 4:.1f}' {_STYLE} style='fill:{colour}'>"
            f"{escape(name)} {lines[name][max(lines[name])]:.2g} ms</text>",
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _spread(heights: Sequence[float], apart: float = 15) -> list[float]:
    """Move labels, given from the top down, so that they do not cover each other."""
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + apart) if placed else height)
    excess = placed[-1] - (HEIGHT - _BOTTOM) if placed else 0
    if excess > 0:
        bound = HEIGHT - _BOTTOM + apart
        for index in range(len(placed) - 1, -1, -1):
            bound = placed[index] = min(placed[index], bound - apart)
    return placed
