"""How the demo looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from jobstore.checks import Check, Verdict
from jobstore.cli import demo_views as views
from jobstore.cli.demo_views import Measured
from jobstore.operations.alerts.notifications import Notification

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def shown(what: Any, width: int) -> list[str]:
    console = Console(width=width, no_color=True, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(what)
    return capture.get().splitlines()


def measured(p95: float) -> Measured:
    return Measured("upsert", 12_345, 0.1, p95, 9_999.9)


def test_percentiles_are_by_nearest_rank() -> None:
    assert Measured.of("get", [0.002]) == ("get", 1, 2.0, 2.0, 2.0)
    hundred = [number / 1000 for number in range(100, 0, -1)]
    assert Measured.of("get", hundred) == ("get", 100, 50.0, 95.0, 100.0)
    assert Measured.of("get", hundred[:20]).p95 == 99.0


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_bars_end_where_they_should_against_the_line(width: int) -> None:
    given = [measured(each) for each in (0, 25, 50, 51, 900)]
    lines = shown(views.latencies(given, 50, width), width)
    assert all(len(line) <= width for line in lines)
    head, nothing, half, just, above, far = (line.rstrip() for line in lines)
    at = nothing.index("│")
    assert head.rindex("50 ms") <= at < head.rindex("50 ms") + 5
    assert [line[at] for line in (half, just, above, far)] == ["│", "│", "┃", "┃"]
    start = nothing.index("▏")
    assert abs(half.count("█") - (at - start) / 2) <= 1
    assert just.count("█") == at - start
    assert far.endswith("█")
    assert len(far) > len(above) >= len(just)


@pytest.mark.parametrize("width", [40, 59, 60])
def test_a_narrow_terminal_has_bars_too(width: int) -> None:
    head, row = shown(views.latencies([measured(60)], 50, width), width)
    assert head.split()[-3:] == ["p95", "50", "ms"]
    assert "60.00" in row
    assert "█" in row
    # What does not fit is left out, and nothing is wrapped.
    assert ("9,999.9" in row) is (width >= 60)
    compared = shown(views.compared({"engineer found": (5_000, 5_000)}), width)
    assert [line.rstrip() for line in compared[1:]] == ["engineer found      5,000     5,000  ✓"]


def test_health_is_in_two_columns_where_there_is_room() -> None:
    checks = [
        Check(name="disk:free", verdict=Verdict.PASS, time=NOW, observed=41.5, unit="percent"),
        Check(name="schema:version", verdict=Verdict.PASS, time=NOW, observed="0004"),
        Check(name="store:responseTime", verdict=Verdict.FAIL, time=NOW, output="no answer"),
    ]
    lines = [" ".join(line.split()) for line in shown(views.health(checks, 80), 80)]
    assert lines == [
        "✓ disk:free 41.5 percent ✗ store:responseTime no answer",
        "✓ schema:version 0004",
    ]
    assert len(shown(views.health(checks, 60), 60)) == 3


def test_figures_that_differ_are_told() -> None:
    lines = shown(views.compared({"postings": (1000, 1000), "open": (7, 8)}), 80)
    assert [line.split() for line in lines[1:]] == [
        ["postings", "1,000", "1,000", "✓"], ["open", "7", "8", "differs"]
    ]  # fmt: skip


def test_a_notice_that_reached_nobody_says_so() -> None:
    notice = Notification(
        "1", "firing", "disk-free", "warning", 0.0, 1.0, "few are free", "Free some."
    )
    lines = shown(views.notification(notice, [], 1.26), 80)
    assert lines == [
        "ALERT disk-free  few are free", "Free some.", "after 1.3 s, delivered to: nobody"
    ]  # fmt: skip
