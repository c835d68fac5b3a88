"""What the history says: the live view, windows, trends; also when there is none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jobstore.errors import SchemaMismatch, StoreUnavailable
from jobstore.operations.monitoring import Recorder
from jobstore.operations.monitoring.history import DAY, HOUR, Level
from jobstore.operations.monitoring.reading import ever, frame, step_for, trend, window
from tests.operations.watching import NOW, Seconds, ask, flush_after, recorder_for, settings_for


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return settings_for(tmp_path).operations_db


@pytest.fixture
def recorder(tmp_path: Path, seconds: Seconds) -> Recorder:
    return recorder_for(tmp_path, seconds, label="scraper")


def test_where_nothing_was_recorded_there_is_nothing(path: Path, tmp_path: Path) -> None:
    assert ever(path) == window(path, NOW, 300) == window(path, NOW, DAY) == {}
    assert trend(path, NOW - DAY, NOW) == []
    found = frame(path, tmp_path / "jobs.db", NOW)
    assert (found.per_second, found.operations, found.processes) == (0, {}, [])
    assert found.disk_free_bytes


def test_reading_makes_no_file_and_writes_none(
    path: Path, recorder: Recorder, seconds: Seconds
) -> None:
    ever(path)
    assert not path.parent.exists()
    ask(recorder, 0.001)
    recorder.flush()
    before = path.read_bytes()
    ever(path)
    assert path.read_bytes() == before


def test_a_frame_has_rates_percentiles_and_levels(
    path: Path, tmp_path: Path, recorder: Recorder, seconds: Seconds
) -> None:
    (tmp_path / "jobs.db-wal").write_bytes(bytes(4096))
    recorder._levels = {"queue_depth": Level(7, 7, 7), "group_size": Level(3, 3, 3)}
    ask(recorder, *[0.001] * 90, *[0.08] * 10, rows=2)
    ask(recorder, 0.2, operation="search", error="StoreTimeout")
    ask(recorder, 0.2, operation="search", error="InvalidQuery")
    flush_after(recorder, 10)
    found = frame(path, tmp_path / "jobs.db", seconds.now)
    assert found.per_second == pytest.approx(10.2, rel=0.01)
    assert (found.failures, found.queue_depth, found.wal_bytes) == (1, 7, 4096)
    get = found.operations["get"]
    assert get.per_second == pytest.approx(10, rel=0.01)
    assert get.rows_per_second == pytest.approx(20, rel=0.01)
    assert get.p50_ms is not None
    assert get.p50_ms <= 1
    assert get.p95_ms is not None
    assert 70 < get.p95_ms <= 100
    search = found.operations["search"]
    assert (search.errors, search.failures) == ({"StoreTimeout": 1, "InvalidQuery": 1}, 1)
    (process,) = found.processes
    assert (process.label, process.queue_depth, process.group_size) == ("scraper", 7, 3)


def test_one_that_has_ended_is_no_longer_a_process_but_its_work_counts(
    path: Path, tmp_path: Path, recorder: Recorder, seconds: Seconds
) -> None:
    with recorder:
        ask(recorder, *[0.001] * 60)
    found = frame(path, tmp_path / "jobs.db", seconds.now)
    assert found.processes == []
    # Spread over the window of 30 seconds, however short it ran.
    assert found.per_second == 2


def test_what_was_long_ago_is_out_of_the_live_view(
    path: Path, tmp_path: Path, recorder: Recorder, seconds: Seconds
) -> None:
    ask(recorder, 0.001)
    recorder.flush()
    found = frame(path, tmp_path / "jobs.db", seconds.now + 31)
    assert (found.per_second, found.processes) == (0, [])


@pytest.mark.parametrize("seconds_back", [299, 7100, 20_000, 5 * DAY])
def test_a_window_looks_back_as_far_as_it_is_told(
    path: Path, recorder: Recorder, seconds: Seconds, seconds_back: float
) -> None:
    ask(recorder, 0.001)
    recorder.flush()
    assert window(path, NOW + seconds_back, seconds_back + 1)["get"].count == 1
    assert window(path, NOW + seconds_back, seconds_back - HOUR) == {}


@pytest.mark.parametrize(
    ("seconds_back", "points", "step"),
    [
        (HOUR, 200, 60),
        (DAY, 200, 900),
        (DAY, 30, HOUR),
        (7 * DAY, 200, HOUR),
        (7 * DAY, 30, 6 * HOUR),
        # Minutes are gone after two days, hours after thirty.
        (3 * DAY, 100_000, HOUR),
        (31 * DAY, 100_000, DAY),
        (730 * DAY, 200, 7 * DAY),
        (100 * 366 * DAY, 200, 30 * DAY),
    ],
)
def test_the_step_fits_the_time_and_what_is_kept(
    seconds_back: float, points: int, step: int
) -> None:
    assert step_for(seconds_back, points) == step


def test_a_trend_adds_up_in_steps_and_leaves_out_empty_ones(
    path: Path, recorder: Recorder, seconds: Seconds
) -> None:
    for hours, durations in ((0, [0.001] * 3), (2, [0.2, 0.2]), (2.5, [0.001])):
        seconds.now = NOW + hours * HOUR
        ask(recorder, *durations)
        recorder.flush()
    points = trend(path, NOW, NOW + 3 * HOUR, points=3)
    assert [(point.starts_at - NOW, point.traffic["get"].count) for point in points] == [
        (0, 3),
        (2 * HOUR, 3),
    ]
    # The percentile of the histograms added up, not a mean of percentiles.
    p95 = points[1].traffic["get"].quantile(0.95)
    assert p95 is not None
    assert p95 > 0.1
    assert points[0].levels["disk_free_bytes"].lowest > 0


def test_a_whole_week_is_seen_in_hours(path: Path, recorder: Recorder, seconds: Seconds) -> None:
    for hour in range(0, 7 * 24, 6):
        seconds.now = NOW + hour * HOUR
        ask(recorder, 0.001)
        recorder.flush()
    points = trend(path, NOW, NOW + 7 * DAY)
    assert len(points) == 7 * 4
    assert {point.seconds for point in points} == {HOUR}
    assert {point.traffic["get"].count for point in points} == {1}


def test_steps_that_are_not_over_do_not_look_idle(
    path: Path, recorder: Recorder, seconds: Seconds
) -> None:
    for minute in range(0, 90, 5):
        seconds.now = NOW + minute * 60
        ask(recorder, *[0.001] * 300)
        recorder.flush()
    # Half of the second hour has passed.
    points = trend(path, NOW + HOUR / 2, NOW + 1.5 * HOUR - 1, points=2)
    assert [point.seconds for point in points] == [HOUR, HOUR]
    assert [point.per_second for point in points] == pytest.approx([1, 1], abs=0.01)


@pytest.mark.parametrize("page", [0, 1])
def test_a_damaged_history_is_named_with_what_to_do(
    path: Path, recorder: Recorder, seconds: Seconds, page: int
) -> None:
    ask(recorder, 0.001)
    recorder.flush()
    content = bytearray(path.read_bytes())
    # The head of the file and its list of tables, or all the tables.
    head = 100 if page == 0 else 4096
    content[head:] = b"\xff" * (len(content) - head)
    path.write_bytes(content)
    with pytest.raises(StoreUnavailable, match="move it away"):
        ever(path)


def test_a_history_of_another_version_is_refused(path: Path, recorder: Recorder) -> None:
    ask(recorder, 0.001)
    recorder.flush()
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE _migration_checksum SET checksum = 'of another'")
        conn.commit()
    with pytest.raises(SchemaMismatch, match="Another version"):
        ever(path)


def test_a_file_that_has_no_tables_yet_reads_as_empty(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert ever(path) == {}
