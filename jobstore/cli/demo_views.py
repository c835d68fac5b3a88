"""How the demo looks: bars against a line, results on one line each, health in two columns.

Pure: what was measured goes in, things that rich can print come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from jobstore.cli.output import plain, table
from jobstore.derived.listing import listed_at
from jobstore.search import counting

if TYPE_CHECKING:
    from jobstore.checks import Check
    from jobstore.operations.alerts.notifications import Notification
    from jobstore.records import Page, RunReport

# The scale of the bars goes beyond the line by this share of it.
_BEYOND = 0.2
_PARTS = " ▏▎▍▌▋▊▉"
_NARROWEST_BAR, _WIDEST_BAR = 12, 70
# Columns of a terminal below which some figures are left out.
_NARROW = 60
_MARKS = {"pass": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "bold red")}
_NAMED = {"warning": "yellow", "critical": "bold red"}


class Measured(NamedTuple):
    """Some calls of one operation, in milliseconds."""

    name: str
    calls: int
    p50: float
    p95: float
    slowest: float

    @classmethod
    def of(cls, name: str, seconds: Sequence[float]) -> Measured:
        """Sum durations up; there must be one at least."""
        ordered = sorted(1000 * each for each in seconds)
        last = len(ordered) - 1
        # By nearest rank.
        return cls(
            name, last + 1, ordered[last // 2], ordered[-(-95 * (last + 1) // 100) - 1], ordered[-1]
        )


def latencies(found: Sequence[Measured], line_ms: float, width: int) -> Table:
    """Durations of operations, with a bar for each p95 and a line at ``line_ms``."""
    figures = ("calls", "p50 ms", "p95 ms", "slowest") if width >= _NARROW else ("p95 ms",)
    bar = max(_NARROWEST_BAR, min(_WIDEST_BAR, width - 12 - 9 * len(figures)))
    rows = []
    for each in found:
        cells: dict[str, str | tuple[str, str]] = {
            "calls": f"{each.calls:,}",
            "p50 ms": f"{each.p50:,.2f}",
            "p95 ms": (f"{each.p95:,.2f}", "bold red" if each.p95 > line_ms else "green"),
            "slowest": f"{each.slowest:,.1f}",
        }
        drawn = _bar(each.p95, line_ms, bar)
        rows.append([each.name, *(cells[name] for name in figures), drawn])
    made = table(["operation", *figures, ""], rows, right=figures)
    for column in made.columns[1:-1]:
        column.min_width = 7
    made.columns[0].min_width = 10
    made.columns[-1].header, made.columns[-1].no_wrap = _scale(line_ms, bar), True
    return made


def _place(width: int) -> int:
    """Return the column of the line."""
    return round((width - 1) / (1 + _BEYOND))


def _scale(line_ms: float, width: int) -> Text:
    label, at = f"{line_ms:g} ms", _place(width)
    start = min(at - len(label) // 2, width - len(label))
    return Text("p95".ljust(start) + label, style="not dim")


def _bar(value: float, line_ms: float, width: int) -> Text:
    at = _place(width)
    # What is more than nothing has to be seen.
    eighths = max(1, round(8 * at * value / line_ms))
    full, part = divmod(min(eighths, 8 * width), 8)
    drawn = ("█" * full + (_PARTS[part] if part else "")).ljust(width)
    over = value > line_ms
    text = Text(drawn, style="red" if over else "green")
    line = Text("┃" if over else "│", style="bold on red" if over else "bold yellow")
    return Text.assemble(text[:at], line, text[at + 1 :])


def results(page: Page) -> Table:
    """Return the postings of a page, one on each line."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for ratio in (4, 3, 3):
        made.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    made.add_column(width=10, no_wrap=True)
    for each in page.items:
        made.add_row(
            Text(plain(each.title), style="bold"),
            Text(plain(each.company)),
            Text(plain(each.location or "")),
            Text(f"{listed_at(each.posted_at, each.first_seen_at):%Y-%m-%d}", style="dim"),
        )
    return made


def found(page: Page, milliseconds: float) -> Text:
    """Return how many were found, and how long that took."""
    number = counting.said(page.total, page.total_capped)
    return Text.assemble((f"{number} found in ", "dim"), (f"{milliseconds:.1f} ms", "bold green"))


def health(checks: Sequence[Check], width: int) -> Table:
    """Return checks in two columns, or in one where the terminal is small."""
    columns = 2 if width >= 76 else 1
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    for _ in range(columns):
        made.add_column(width=1)
        made.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    rows = -(-len(checks) // columns)
    for number in range(rows):
        made.add_row(*(cell for each in checks[number::rows] for cell in _check(each)))
    return made


def _check(check: Check) -> tuple[Text, Text]:
    mark, style = _MARKS[check.verdict]
    value = check.observed
    told = "" if value is None else f" {value if isinstance(value, str) else f'{value:,}'}"
    text = Text.assemble(check.name, (plain(f"{told} {check.unit or ''}".rstrip()), "bold"))
    if check.verdict != "pass":
        text.append(f" {plain(check.output)}", style)
    return Text(mark, style), text


def notification(given: Notification, sinks: Sequence[str], seconds: float) -> Text:
    """A notification as it went out, and when."""
    over = given.kind == "resolved"
    style = "bold green" if over else _NAMED[given.severity]
    told = Text.assemble((f"{'RESOLVED' if over else 'ALERT'} ", style), (given.rule, "bold"))
    told.append(f"  {given.text}\n")
    if not over:
        told.append(f"{given.advice}\n", "dim")
    where = ", ".join(sinks) or "nobody"
    return told.append(f"after {seconds:.1f} s, delivered to: {where}", "dim")


def runs(found: Sequence[tuple[int, RunReport]]) -> Table:
    """Return runs of a scraper, each with its day."""
    rows = [
        (str(day), f"{run.seen:,}", f"{run.missed:,}", _closed(run.closed), plain(run.verdict))
        for day, run in found
    ]
    figures = ["day", "saw", "missed", "closed"]
    return table([*figures, "why"], rows, right=figures)


def _closed(number: int) -> tuple[str, str]:
    return f"{number:,}", "bold red" if number else ""


def compared(rows: Mapping[str, tuple[int, int]]) -> Table:
    """Return figures of two stores side by side."""
    same, differs = ("✓", "green"), ("differs", "bold red")
    compared = [
        (name, f"{one:,}", f"{other:,}", same if one == other else differs)
        for name, (one, other) in rows.items()
    ]
    columns = ["", "the store", "restored"]
    return table([*columns, ""], compared, right=columns[1:])
