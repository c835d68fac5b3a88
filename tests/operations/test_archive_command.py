"""``jobstore archive``, and what health, alerts and the agent have to do with archiving."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobstore.checks import Check, Verdict
from jobstore.engines import log_of
from jobstore.operations.alerts.facts import Facts
from jobstore.operations.alerts.rules import measure
from jobstore.operations.archiving import ship, standing
from jobstore.operations.health import archive_checks
from jobstore.settings.loading import load
from jobstore.settings.sections import Settings
from tests.contract.cli.commands import run, said
from tests.fixtures.forking import Forked
from tests.operations.test_archive_shipping import has_all, settings_of, until, write

pytestmark = pytest.mark.usefixtures("migrated_url")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, "one", "two", environment="production")


@pytest.fixture
def config(tmp_path: Path, settings: Settings) -> str:
    """The same as a file."""
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(settings.model_dump(mode="json", exclude_unset=True)))
    assert load(str(file)).settings.backup.places == settings.backup.places
    return str(file)


def checks(settings: Settings) -> dict[str, Check]:
    return {each.name: each for each in archive_checks(settings)}


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let health look so many seconds later."""
    now = time.time() + seconds
    # The package has a function of the module's name.
    module = sys.modules["jobstore.operations.archiving.standing"]
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now))


def answer(*arguments: str) -> tuple[int, Any]:
    done = run(*arguments, "--json")
    return done.exit_code, json.loads(done.stdout)


# The commands


def test_where_no_log_is_kept_it_says_so(config: str) -> None:
    done = run("archive", "status", "--config", config)
    assert (done.exit_code, done.stdout.strip()) == (0, "No log of this store is kept.")
    assert answer("archive", "status", "--config", config) == (
        0,
        {"archiving": False, "faults": []},
    )
    done = run("archive", "stop", "--config", config)
    assert (done.exit_code, done.stdout.strip()) == (0, "No log of this store is kept.")


def test_the_status_has_each_place(config: str, settings: Settings) -> None:
    write(settings, 1)
    ship(settings)
    done = run("archive", "status", "--config", config)
    assert done.exit_code == 0, said(done)
    for place in ("one", "two", "backups"):
        assert place in done.stdout
    assert " s " in done.stdout
    code, told = answer("archive", "status", "--config", config)
    assert (code, told["archiving"], told["faults"]) == (0, True, [])
    assert told["process"] == os.getpid()
    assert len(told["places"]) == 3
    for each in told["places"]:
        assert 0 <= each["seconds_behind"] < 60
        assert each["segment"] == told["segment"]


def test_the_status_of_a_place_that_is_away_fails_once_it_is_late(
    config: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(settings)
    shutil.rmtree(tmp_path / "two")
    write(settings, 1)
    ship(settings)
    code, told = answer("archive", "status", "--config", config)
    assert code == 0
    assert "there is no such folder" in told["places"][2]["fault"]
    later(monkeypatch, 120)
    done = run("archive", "status", "--config", config)
    assert done.exit_code == 1
    assert "seconds behind" in done.stdout
    assert "two" in done.stdout


def test_stopping_asks_and_removes_what_waits(
    config: str, settings: Settings, tmp_path: Path
) -> None:
    ship(settings)
    done = run("archive", "stop", "--config", config)
    assert done.exit_code == 2
    assert standing(settings) is not None
    done = run("archive", "stop", "--yes", "--config", config)
    assert (done.exit_code, done.stdout.strip()) == (
        0,
        "No log of this store is kept any more.",
    )
    assert "begins again" in done.stderr
    assert standing(settings) is None
    assert not (tmp_path / "jobs.db-spool").exists()
    assert not (settings.state_folder / "archive.json").exists()
    assert answer("archive", "stop", "--config", config) == (0, {"stopped": False})


@pytest.mark.parametrize("harm", ["damaged", "removed"])
def test_stopping_needs_nothing_of_what_is_kept(
    harm: str, config: str, settings: Settings, tmp_path: Path
) -> None:
    ship(settings)
    spool = tmp_path / "jobs.db-spool"
    if harm == "damaged":
        (spool / "state").write_text("{")
    else:
        shutil.rmtree(spool)
    assert answer("archive", "stop", "--yes", "--config", config) == (0, {"stopped": True})
    assert not spool.exists()
    assert answer("archive", "stop", "--config", config) == (0, {"stopped": False})


def test_what_keeps_no_log_is_refused(tmp_path: Path) -> None:
    done = run("archive", "status", "--store", "memory://")
    assert done.exit_code in (1, 2)
    assert "Error: " in done.stderr


def test_an_archiver_of_a_store_that_is_not_there_ends_at_once(tmp_path: Path) -> None:
    done = run("archive", "run", "--store", f"sqlite:///{tmp_path / 'none.db'}")
    assert done.exit_code == 1
    assert "There is no database file at" in done.stderr
    assert not [*tmp_path.glob("none*")]


class Running:
    """A command that stays, in a process of its own."""

    def __init__(self, process: Forked) -> None:
        self.process = process

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=60)
        return self.process.returncode, told


@pytest.fixture
def start(start_jobstore: Callable[..., Forked]) -> Callable[..., Running]:
    return lambda *arguments: Running(start_jobstore(*arguments))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_archiver_alone_brings_everything_before_it_ends(
    config: str, settings: Settings, start: Callable[..., Running], number: int
) -> None:
    running = start("archive", "run", "--config", config)
    until(lambda: standing(settings) is not None)
    write(settings, *range(20))
    until(lambda: has_all(settings))
    write(settings, *range(20, 40))
    code, told = running.end(number)
    assert code == 0, told
    assert "Archiving to " in told
    found = standing(settings)
    assert found is not None
    url = settings.store.address
    mark = log_of(url).capture(url)
    assert {(each.generation, each.segment) for each in found.places} == {mark}


def test_a_second_archiver_says_that_it_stands_by(
    config: str, settings: Settings, start: Callable[..., Running]
) -> None:
    first = start("archive", "run", "--config", config)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    second = start("archive", "run", "--config", config)
    until(lambda: (found := standing(settings)) is not None and found.second is not None)
    code, told = second.end()
    assert code == 0
    assert "Another archiver of this store is at work. This one stands by." in told
    assert first.end()[0] == 0


def test_an_archiver_ends_with_1_when_archiving_is_stopped(
    config: str, settings: Settings, start: Callable[..., Running]
) -> None:
    running = start("archive", "run", "--config", config)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    assert run("archive", "stop", "--yes", "--config", config).exit_code == 0
    _, told = running.process.communicate(timeout=60)
    assert running.process.returncode == 1
    assert "switched off" in told


def test_the_agent_archives_beside_its_tasks(
    config: str, settings: Settings, start: Callable[..., Running]
) -> None:
    running = start("agent", "--quiet", "--config", config)
    until(lambda: (found := standing(settings)) is not None and found.process is not None)
    write(settings, 1)
    until(lambda: has_all(settings))
    code, told = running.end()
    assert code == 0, told


def test_the_agent_archives_nothing_where_that_is_not_wanted(
    tmp_path: Path, start: Callable[..., Running]
) -> None:
    settings = settings_of(tmp_path, "one", archive={"enabled": False})
    (tmp_path / "c.yaml").write_text(
        json.dumps(settings.model_dump(mode="json", exclude_unset=True))
    )
    running = start("agent", "--config", str(tmp_path / "c.yaml"))
    assert running.process.stdout is not None
    for line in running.process.stdout:
        if line.startswith("alerts: "):
            break
    assert running.end()[0] == 0
    assert standing(settings) is None


# Health and alerts


def test_health_has_nothing_against_a_store_without_a_log(settings: Settings) -> None:
    assert {(each.verdict, each.output) for each in archive_checks(settings)} == {
        ("pass", "off: no log of this store is kept")
    }


def test_health_passes_where_every_place_is_up_to_date(settings: Settings) -> None:
    ship(settings)
    found = checks(settings)
    assert {each.verdict for each in found.values()} == {"pass"}
    assert found["archive:lag"].unit == "seconds"
    assert found["archive:spool"].unit == "MiB"


@pytest.mark.parametrize(
    ("seconds", "environment", "verdict"),
    [
        (50, "production", "pass"),
        (70, "production", "warn"),
        (1000, "production", "fail"),
        (1000, "development", "warn"),
    ],
)
def test_health_goes_by_how_far_the_worst_place_is_behind(
    tmp_path: Path, seconds: int, environment: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, "one", environment=environment)
    ship(settings)
    later(monkeypatch, seconds)
    found = checks(settings)["archive:lag"]
    assert found.verdict == verdict
    assert found.observed == pytest.approx(seconds, abs=30)
    if verdict != "pass":
        assert "seconds behind" in found.output
        assert "no archiver is at work" in found.output


def test_health_tells_of_another_machine_of_a_new_beginning_and_of_faults(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(settings)
    file = settings.state_folder / "archive.json"
    said = json.loads(file.read_text())
    said["places"][1]["foreign"] = True
    said["places"][2]["warnings"] = ["x.log is no part of a log; remove it."]
    said["fault"] = "No backup that the log can begin from could be made: no space."
    file.write_text(json.dumps(said))
    found = checks(settings)["archive:lag"]
    assert found.verdict == "warn"
    assert "another archiver of this store" in found.output
    assert "x.log is no part" in found.output
    assert "no space" in found.output
    url = settings.store.address
    kept = log_of(url).kept(url)
    assert kept is not None
    kept = kept._replace(broken="the clock was set back")
    monkeypatch.setattr(type(log_of(url)), "kept", lambda *_: kept)
    assert "begin anew" in checks(settings)["archive:lag"].output
    kept = kept._replace(octets=int(kept.limit * 0.9))
    found = checks(settings)["archive:spool"]
    assert found.verdict == "warn"
    assert "archive.limit_mib" in found.output


def test_a_place_that_has_nothing_yet_is_behind_since_the_archiver_began(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(tmp_path / "two")
    ship(settings)
    assert checks(settings)["archive:lag"].verdict == "pass"
    file = settings.state_folder / "archive.json"
    said = json.loads(file.read_text())
    said["started_at"] -= 100
    file.write_text(json.dumps(said))
    found = checks(settings)["archive:lag"]
    assert found.verdict == "warn"
    assert "there is no such folder" in found.output


def test_an_alert_follows_the_checks_of_archiving(settings: Settings) -> None:
    (rule,) = (each for each in settings.alerts.rules if each.name == "archive-lag")
    bad = Check(Verdict.WARN, name="archive:lag", output="late")
    good = Check(Verdict.PASS, name="archive:lag")
    reading = measure(rule, Facts(0.0, {}, [bad]))
    assert reading is not None
    assert reading.bad
    reading = measure(rule, Facts(0.0, {}, [good]))
    assert reading is not None
    assert not reading.bad


def test_the_component_can_be_asked_for_alone(config: str) -> None:
    code, told = answer("health", "--only", "archive", "--config", config)
    assert code == 0
    assert {*told["checks"]} == {"archive:lag", "archive:spool"}
