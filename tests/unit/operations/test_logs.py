"""Log lines: their two forms, their ids, where they go, and that they never do harm."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobstore import Event, StoreBusy
from jobstore.operations import logs
from jobstore.operations.logs import LOGS, Logs, SlowOperations, bound, get
from jobstore.settings.sections import Settings


def make(folder: Path, **logging_: Any) -> Settings:
    return Settings.model_validate(
        {
            "paths": {"state": folder},
            "logging": {"format": "json", "max_bytes": 10_000, **logging_},
        }
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make(tmp_path / "ops")


@pytest.fixture
def lines(settings: Settings) -> Callable[[str], list[dict[str, Any]]]:
    """Read a log."""

    def read(name: str) -> list[dict[str, Any]]:
        path = settings.logs_folder / f"{name}.log"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    return read


Lines = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    logger = logging.getLogger("jobstore")
    level = logger.level
    yield
    assert logger.level == level
    # Those of the tests' own tools come and go as they like.
    assert not any(type(each).__module__.startswith("jobstore") for each in logger.handlers)


def test_a_line_has_time_level_logger_event_ids_and_fields(
    settings: Settings, lines: Lines
) -> None:
    with Logs(settings, run_id="run-1"):
        get("health").warning("a check failed", check="disk", free=7.5, none=None)
    (line,) = lines("health")
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("pid") > 0
    assert line == {
        "level": "warning",
        "logger": "jobstore.health",
        "event": "a check failed",
        "run_id": "run-1",
        "check": "disk",
        "free": 7.5,
    }


def test_each_logger_has_its_file(settings: Settings, lines: Lines) -> None:
    names = [
        "deployment",
        "backup",
        "schedule.due",
        "health",
        "performance",
        "monitoring",
        "alerts",
        "access",
    ]
    with Logs(settings):
        for name in [*names, "other"]:
            get(name).info("said")
        logging.getLogger("jobstore").info("said")
    assert [len(lines(name)) for name in LOGS] == [3, 4, 1, 1, 1]


def test_the_standard_library_is_as_good(settings: Settings, lines: Lines) -> None:
    with Logs(settings), bound(request_id="r-1"):
        logger = logging.getLogger("jobstore.alerts")
        logger.warning("alert %s is %s at %d%%", "disk-free", "firing", 7, extra={"sink": "log"})
        logger.warning("%(count)d left, %(password)s", {"count": 3, "password": "hunter2"})
        logger.info("plain 100%")
    told = [(line["event"], line["request_id"]) for line in lines("monitoring")]
    assert told == [
        ("alert disk-free is firing at 7%", "r-1"),
        ("3 left, [removed]", "r-1"),
        ("plain 100%", "r-1"),
    ]
    assert lines("monitoring")[0]["sink"] == "log"


def test_ids_of_the_context_are_in_every_line(settings: Settings, lines: Lines) -> None:
    with Logs(settings) as opened:
        get("health").info("one")
        with bound(run_id="other", request_id="r"):
            get("health").info("two")
        get("health").info("three")
        worker = threading.Thread(target=get("health").info, args=("four",))
        worker.start()
        worker.join()
    ids = [(line["run_id"], line.get("request_id")) for line in lines("health")]
    own = (opened.run_id, None)
    assert ids == [own, ("other", "r"), own, own]
    assert len(opened.run_id) == 12


def test_readable_lines(tmp_path: Path) -> None:
    settings = make(tmp_path / "ops", format="readable")
    with Logs(settings, run_id="r"):
        get("health").warning('a "check"\nfailed', check="disk", note="a b\n\x1b[2Jc", rows=3)
    (line,) = (settings.logs_folder / "health.log").read_text(encoding="utf-8").splitlines()
    time, _, rest = line.partition(" ")
    assert time.endswith("Z")
    assert rest.startswith(r"warning  jobstore.health: a \"check\"\nfailed  run_id=r pid=")
    assert rest.endswith(r'check=disk note="a b\n\u001b[2Jc" rows=3')


@pytest.mark.parametrize("form", ["json", "readable"])
def test_a_line_stays_one_line(tmp_path: Path, form: str) -> None:
    settings = make(tmp_path / "ops", format=form)
    with Logs(settings):
        get("health").info("a\r\n\u2028b", note="\x85\u2029\u202e\x0b\udc80")
    text = (settings.logs_folder / "health.log").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 1
    assert text.endswith("\n")
    assert text[:-1].isprintable()


def test_what_is_below_the_level_is_not_written(settings: Settings, lines: Lines) -> None:
    with Logs(settings):
        get("health").debug("no")
        logging.getLogger("jobstore.health").debug("no")
    assert not settings.state_folder.exists()
    with Logs(make(settings.state_folder, level="debug")):
        get("health").debug("yes")
    assert [line["event"] for line in lines("health")] == ["yes"]


def test_errors_are_named_with_where_they_passed(settings: Settings, lines: Lines) -> None:
    def fail(error: Exception) -> None:
        raise error

    with Logs(settings):
        for error in (ValueError("text of a posting"), StoreBusy("Try again.")):
            try:
                fail(error)
            except Exception as caught:
                get("health").exception("failed")
                get("health").error("failed", exc_info=caught)
                logging.getLogger("jobstore.health").exception("failed")
        get("health").error("failed", exc_info=True)
    told = lines("health")
    assert [line.get("error") for line in told] == [
        *["ValueError"] * 3,
        *["StoreBusy: Try again."] * 3,
        None,
    ]
    assert all(line["at"][-1].endswith(" fail") for line in told[:6])
    assert "posting" not in json.dumps(told)


def test_what_cannot_be_formed_is_told_without_its_values(
    settings: Settings, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The handler of the tests would raise.
    monkeypatch.setattr(logging.getLogger("jobstore"), "propagate", False)
    with Logs(settings):
        logging.getLogger("jobstore.health").info("%d of hunter2", "hunter2")
    (line,) = lines("health")
    assert line["event"] == "a line of jobstore.health could not be made: TypeError"


def test_lines_that_were_lost_are_counted(settings: Settings, lines: Lines) -> None:
    settings.state_folder.mkdir()
    # A file where the folder should be.
    settings.logs_folder.write_text("")
    with Logs(settings):
        get("health").info("one")
        get("health").info("two")
        settings.logs_folder.unlink()
        get("health").info("three")
        get("health").info("four")
    assert [line["event"] for line in lines("health")] == [
        "three",
        "log lines were lost: 2",
        "four",
    ]


def test_without_open_logs_nothing_is_written(tmp_path: Path, settings: Settings) -> None:
    opened = Logs(settings)
    opened.close()
    with opened:
        pass
    get("health").warning("said to nobody")
    assert not settings.state_folder.exists()


def slow(seconds: float, shape: str | None = None) -> Event:
    return Event("search", seconds, 3, None, shape)


def test_slow_operations_are_logged_with_their_shape(settings: Settings, lines: Lines) -> None:
    with Logs(settings) as opened, opened.slow_operations() as observer:
        observer(slow(0.05))
        with bound(request_id="r-7"):
            observer(slow(0.0612345, "words=2 sort=newest"))
        observer(Event("upsert", 1.0, 0, "StoreBusy"))
    told = [
        {
            name: line.get(name)
            for name in ("operation", "ms", "rows", "shape", "error", "request_id")
        }
        for line in lines("performance")
    ]
    assert [tuple(each.values()) for each in told] == [
        ("search", 61.234, 3, "words=2 sort=newest", None, "r-7"),
        ("upsert", 1000.0, 0, None, "StoreBusy", None),
    ]
    assert {line["run_id"] for line in lines("performance")} == {opened.run_id}


class _Stuck:
    """A logger on a disk that answers only when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.began = threading.Event()
        self.said: list[tuple[str, dict[str, Any]]] = []

    def warning(self, event: str, **fields: Any) -> None:
        self.began.set()
        self.let.wait(60)
        self.said.append((event, fields))


def test_a_disk_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobstore.operations.logs.slow._WAITING", 2)
    stuck = _Stuck()
    observer = SlowOperations(50.0, stuck)
    observer(slow(1))
    assert stuck.began.wait(60)
    for _ in range(5):
        observer(slow(1))
    observer.close(timeout=0.01)
    observer.close()
    stuck.let.set()
    for thread in threading.enumerate():
        if thread.name == "jobstore-slow":
            # It ends when it is asked to; here nobody could ask, so the test does.
            observer._waiting.put(None)
            thread.join(60)
    assert [event for event, _ in stuck.said].count("slow operation") == 3
    assert ("slow operations were not logged", {"count": 3}) in stuck.said


def test_an_observer_that_saw_nothing_slow_starts_nothing() -> None:
    observer = SlowOperations(50.0, _Stuck())
    observer(slow(0.01))
    observer.close()
    assert "jobstore-slow" not in {thread.name for thread in threading.enumerate()}


def test_importing_the_logs_loads_no_settings() -> None:
    import subprocess

    code = "import sys, jobstore.operations.logs; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert logs.LOGS == ("deployment", "monitoring", "performance", "health", "access")
