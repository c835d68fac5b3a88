"""``jobstore monitor``: the live view, trends as table, JSON and picture, Prometheus."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from xml.etree import ElementTree

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobstore.cli.monitor_views import figure
from jobstore.cli.output import size
from jobstore.operations.monitoring import Recorder
from jobstore.operations.monitoring.history import Level
from jobstore.settings import sqlite_url
from tests.contract.cli.commands import answer, posting, run, said, shown
from tests.operations.watching import NOW, Seconds, ask, flush_after, recorder_for, settings_for


@pytest.fixture(autouse=True)
def _store(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)


@pytest.fixture
def seconds() -> Seconds:
    """The clock of the recorder: now, as the commands see it."""
    return Seconds(time.time() - 3)


@pytest.fixture
def recorder(tmp_path: Path, seconds: Seconds) -> Recorder:
    return recorder_for(tmp_path, seconds, label="scraper of boards")


def busy(recorder: Recorder) -> None:
    """Let much be done: with large numbers, slow ones, errors of both kinds."""
    recorder._levels = {
        "queue_depth": Level(9_876, 9_876, 9_876),
        "group_size": Level(512, 512, 512),
    }
    ask(recorder, *[0.001] * 2000, rows=1)
    ask(recorder, *[0.001] * 50, operation="upsert_many", rows=60_000)
    ask(recorder, *[0.07] * 30, operation="search", rows=20)
    ask(recorder, *[9.0] * 3, operation="statistics")
    ask(recorder, 0.02, operation="search", error="StoreTimeout")
    ask(recorder, 0.001, error="JobNotFound")
    flush_after(recorder, 10)


def test_where_nobody_records_it_says_how_to(tmp_path: Path) -> None:
    result = run("monitor", "--once")
    assert result.exit_code == 0
    assert "docs/monitoring.md" in shown(result)
    assert "free" in shown(result)
    assert shown(run("monitor", "trend")).startswith("Nothing was recorded in that time")
    assert answer("monitor", "trend")["points"] == []
    assert not settings_for(tmp_path).operations_db.exists()


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_picture_fits_the_width(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    busy(recorder)
    picture = run("monitor", "--once").stdout
    assert max(map(len, picture.splitlines())) <= int(columns)
    assert "…" not in picture
    lines = [" ".join(line.split()) for line in picture.splitlines()]
    assert re.fullmatch(
        r"jobs.db \d\d:\d\d:\d\d UTC 2\d\d\.\d operations/s 1 failed in 30 s", lines[0]
    )
    assert "operation per second p50 ms p95 ms p99 ms rows/s errors" in lines
    assert any(re.match(r"upsert_many [45]\.\d ", line) for line in lines)
    assert "get JobNotFound 1 no" in lines
    assert "search StoreTimeout 1 yes" in lines
    assert any(re.search(r"scraper of boards 2\d\d\.\d 9,876 512$", line) for line in lines)
    assert re.fullmatch(r"queue 9,876 WAL .+ disk .+ free processes 1", lines[1])


def test_several_processes_are_in_one_picture(
    recorder: Recorder, tmp_path: Path, seconds: Seconds
) -> None:
    other = recorder_for(tmp_path, Seconds(seconds.now - 0.5), label="import")
    for each in (recorder, other):
        busy(each)
    frame = answer("monitor", "--once")
    assert [each["label"] for each in frame["processes"]] == ["import", "scraper of boards"]
    assert frame["queue_depth"] == 2 * 9_876
    assert frame["failures"] == 2
    assert frame["operations"]["search"]["errors"] == {"StoreTimeout": 2}


@pytest.mark.parametrize("asked_by", ["environment", "dotenv", "file"])
def test_a_command_records_itself_when_it_is_asked_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked_by: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if asked_by == "environment":
        monkeypatch.setenv("JOBSTORE_MONITORING__ENABLED", "true")
    elif asked_by == "dotenv":
        Path(".env").write_text("JOBSTORE_MONITORING__ENABLED=true")
    else:
        Path("c.yaml").write_text("monitoring: {enabled: true}")
        monkeypatch.setenv("JOBSTORE_CONFIG", "c.yaml")
    monkeypatch.setenv("JOBSTORE_LOGGING__SLOW_MS", "0.0001")
    monkeypatch.setattr(sys, "argv", ["jobstore", "import", "secret-canary.jsonl"])
    assert run("import", "-", stdin=json.dumps(posting(1)) + "\n").exit_code == 0
    metrics = run("monitor", "metrics").stdout
    assert re.search(r'duration_seconds_count\{.*operation="upsert_many".*\} 1.0', metrics)
    state = settings_for(tmp_path).state_folder
    assert b"jobstore import" in (state / "operations.db").read_bytes()
    log = (state / "logs/performance.log").read_text()
    assert "operation=upsert_many" in log
    kept = [each.read_bytes() for each in state.rglob("*") if each.is_file()]
    assert not any(b"secret-canary" in each for each in kept)


def test_a_trend_is_a_table_json_and_a_picture(
    recorder: Recorder, seconds: Seconds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for day in range(7, -1, -1):
        seconds.now = NOW - day * 86_400 + 60
        busy(recorder)
    # All of them are steps of an hour, whatever the hour is in which the test runs.
    monkeypatch.setattr("jobstore.cli.monitor.time", Mock(time=lambda: NOW + 120))
    trend = answer("monitor", "trend", "--last", "7d")
    assert trend["step_seconds"] == 3600
    assert len(trend["points"]) == 8
    assert trend["points"][-1]["errors"] == {"JobNotFound": 1, "StoreTimeout": 1}
    assert trend["points"][-1]["failed_percent"] == pytest.approx(100 / 2085, abs=0.001)
    assert trend["points"][-1]["queue_depth"] == 9_876
    picture = run("monitor", "trend", "--last", "7d").stdout
    assert max(map(len, picture.splitlines())) <= 80
    assert "…" not in picture
    assert "p50 ms p95 ms p99 ms failed % queue" in " ".join(picture.split())
    file = tmp_path / "trend.svg"
    assert shown(run("monitor", "trend", "--last", "7d", "--svg", str(file))) == (
        f"Drawn into {file}."
    )
    assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_a_trend_of_one_operation(recorder: Recorder) -> None:
    busy(recorder)
    (point,) = answer("monitor", "trend", "--operation", "search")["points"]
    assert (point["operations"], point["errors"]) == (31, {"StoreTimeout": 1})
    assert answer("monitor", "trend", "--operation", "delete")["points"] == []


@pytest.mark.parametrize("name", ["jobs.db", "jobs.db-wal"])
def test_no_picture_is_drawn_over_the_store(name: str, tmp_path: Path) -> None:
    before = (tmp_path / "jobs.db").read_bytes()
    result = run("monitor", "trend", "--svg", str(tmp_path / name))
    assert result.exit_code == 2
    assert "belongs to the store" in said(result)
    assert (tmp_path / "jobs.db").read_bytes() == before


@pytest.mark.parametrize("wrong", ["7", "d", "0d", "-1d", "7 days", "9999999999d"])
def test_a_time_that_is_none_is_wrong_usage(wrong: str) -> None:
    result = run("monitor", "trend", f"--last={wrong}")
    assert result.exit_code == 2
    told = "0d is out of range: 1s to 36600d" if wrong == "0d" else "90m, 24h, 7d"
    assert told in said(result)


def test_metrics_are_read_by_prometheus(recorder: Recorder) -> None:
    busy(recorder)
    families = {
        each.name: each for each in text_string_to_metric_families(run("monitor", "metrics").stdout)
    }
    assert {"jobstore_operation_duration_seconds", "jobstore_writer_queue_depth"} <= {*families}
    errors = families["jobstore_operation_errors"].samples
    assert [(each.labels["error"], each.value) for each in errors] == [
        ("JobNotFound", 1),
        ("StoreTimeout", 1),
    ]
    assert families["jobstore_processes"].samples[0].value == 1


class Terminal:
    """``jobstore monitor`` in a terminal of its own."""

    def __init__(self, repository: Path, folder: Path, *arguments: str) -> None:
        self.output = b""
        self.file, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        code = "from jobstore.cli.main import main; main()"
        environment = {**os.environ, "PYTHONPATH": str(repository), "TERM": "xterm-256color"}
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, "monitor", *arguments],
            cwd=folder,
            env=environment,
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)

    def read(self, until: bytes) -> None:
        deadline = time.monotonic() + 300
        while until not in self.output and time.monotonic() < deadline:
            if select.select([self.file], [], [], 0.1)[0]:
                try:
                    self.output += os.read(self.file, 65_536)
                except OSError:
                    return

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.read(b"nothing that comes")
        os.close(self.file)
        return self.process.wait()


def test_the_live_view_goes_on_until_it_is_interrupted(
    recorder: Recorder, repository: Path, tmp_path: Path
) -> None:
    busy(recorder)
    terminal = Terminal(repository, tmp_path, "--interval", "0.1")
    terminal.read(b"scraper of boards")
    assert b"upsert_many" in terminal.output
    ask(recorder, 0.001, operation="delete")
    recorder.flush()
    terminal.read(b"delete")
    assert terminal.end() == 0
    # The screen that was there before is there again.
    assert terminal.output.rstrip().endswith(b"\x1b[?25h") or b"\x1b[?1049l" in terminal.output
    assert b"Traceback" not in terminal.output


def test_json_goes_on_line_by_line_until_it_is_interrupted(
    recorder: Recorder, repository: Path, tmp_path: Path
) -> None:
    terminal = Terminal(repository, tmp_path, "--interval", "0.1", "--json")
    terminal.read(b"}\r\n{")
    assert terminal.end() == 0
    lines = terminal.output.replace(b"^C", b"").splitlines()
    frames: list[dict[str, Any]] = [json.loads(line) for line in lines[:2]]
    assert frames[0]["at"] < frames[1]["at"]


@pytest.mark.parametrize("command", ["", "trend", "metrics"])
def test_a_store_that_is_nowhere_is_told_and_nothing_is_made(command: str, tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "nowhere" / "jobs.db")
    result = run("monitor", *filter(None, [command or "--once"]), "--store", url)
    assert result.exit_code == 1
    assert said(result) == f"Error: There is no database file at {tmp_path}/nowhere/jobs.db."
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (0, "0"), (0.12345, "0.123"), (9.876, "9.88"), (99.96, "100"),
     (12345.6, "12,346")],
)  # fmt: skip
def test_figures_have_as_many_digits_as_are_worth_reading(value: float | None, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [(None, "unknown"), (0, "0 bytes"), (1536, "1.5 KiB"), (5 * 2**30, "5.0 GiB"),
     (3 * 2**50, "3,072.0 TiB")],
)  # fmt: skip
def test_sizes_are_for_people(octets: int | None, text: str) -> None:
    assert size(octets) == text
