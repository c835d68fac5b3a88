"""The picture of a trend is sound SVG and shows what is there, and what is not."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from jobstore.operations.monitoring.histogram import EMPTY, bucket_of
from jobstore.operations.monitoring.picture import failed_percent, svg
from jobstore.operations.monitoring.reading import Point
from jobstore.operations.monitoring.traffic import Traffic

HOUR = 3600
SVG = "{http://www.w3.org/2000/svg}"


def point(hour: int, seconds: float = 0.02, count: int = 100, failures: int = 0) -> Point:
    buckets = list(EMPTY)
    buckets[bucket_of(seconds)] = count
    return Point(hour * HOUR, HOUR, {"get": Traffic(buckets, failures=failures)}, {}, HOUR)


def draw(points: list[Point], hours: int = 24, **options: object) -> ElementTree.Element:
    given = {"title": "jobs.db", "line_ms": 50.0, **options}
    return ElementTree.fromstring(svg(points, 0, hours * HOUR, **given))


def texts(picture: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in picture.iter(f"{SVG}text")]


def test_lines_run_through_all_steps() -> None:
    picture = draw([point(hour) for hour in range(24)])
    lines = [each.get("points", "").split() for each in picture.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [24] * 5
    assert {"Latency, ms", "p50", "p95", "p99", "Failed operations, %"} <= {*texts(picture)}


def test_steps_without_a_record_are_gaps_and_a_single_one_is_a_dot() -> None:
    picture = draw([point(0), point(1), point(2), point(9), point(15), point(16)])
    assert len(list(picture.iter(f"{SVG}polyline"))) == 2 * 5
    assert len(list(picture.iter(f"{SVG}circle"))) == 5


def test_a_step_without_operations_is_a_gap_in_what_it_has_not() -> None:
    idle = Point(HOUR, HOUR, {}, {}, HOUR)
    assert failed_percent(idle) is None
    picture = draw([point(0), idle, point(2)])
    # Only operations per second go on: there were none.
    assert [len(each.get("points", "").split()) for each in picture.iter(f"{SVG}polyline")] == [3]


def test_the_line_of_the_alert_is_drawn_when_latency_comes_near_it() -> None:
    assert "50 ms" in texts(draw([point(hour, seconds=0.04) for hour in range(9)]))
    assert "50 ms" not in texts(draw([point(hour, seconds=0.001) for hour in range(9)]))
    assert "inf ms" not in texts(draw([point(0, seconds=0.04)], line_ms=math.inf))


def test_everything_drawn_lies_inside() -> None:
    points = [point(hour, 9.0 if hour == 3 else 0.001, 10, hour) for hour in range(168)]
    picture = draw(points, hours=168)
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    for line in picture.iter(f"{SVG}polyline"):
        for pair in line.get("points", "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    for text in picture.iter(f"{SVG}text"):
        # A letter is about 0.6 of the size of its font wide.
        wide = 0.6 * float(text.get("font-size", 12)) * len(text.text or "")
        before = {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", "start"), 0.0)
        left = float(text.get("x", 0)) - before * wide
        assert 0 <= left <= left + wide <= width, text.text


def test_nothing_to_draw_says_so() -> None:
    assert texts(draw([])).count("nothing was recorded") == 3


def test_a_title_is_text_and_no_markup() -> None:
    assert texts(draw([], title="<b> & co"))[0] == "<b> & co"


@pytest.mark.parametrize(
    ("hours", "form"),
    [(1, "00:10"), (6, "05:00"), (30, "06:00"), (168, "Jan 05"), (9000, "1970-12-27")],
)
def test_times_are_round_and_written_as_the_span_needs(hours: int, form: str) -> None:
    below = [each for each in texts(draw([point(0)], hours=hours)) if each[-1].isdigit()]
    assert form in below


@pytest.mark.parametrize(
    ("seconds", "step"), [(300, "5 minutes"), (3600, "1 hour"), (7 * 86_400, "7 days")]
)
def test_what_the_picture_is_about_stands_above(seconds: int, step: str) -> None:
    picture = draw([Point(0, seconds, {}, {}, seconds)], hours=2)
    assert texts(picture)[1] == f"1970-01-01 00:00 to 1970-01-01 02:00 UTC, in steps of {step}"
