"""``jobstore alerts``: how rules stand, silences, notifications, a test of the sinks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cli.commands import run, said, shown
from tests.operations.receivers import Webhook, webhook

# The command has no thread when it forks; the process of the tests has some.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


@pytest.fixture
def receiver() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


@pytest.fixture
def config(migrated_url: str, tmp_path: Path, receiver: Webhook) -> Path:
    """Settings under which only the backup is missed, and so the restore test."""
    off = ("health-failing", "disk-free")
    rules = [f"{{name: {name}, enabled: false}}" for name in off]
    at_once = ("backup-age", "restore-test-age")
    rules += [f"{{name: {name}, for_minutes: 0, clear_minutes: 0}}" for name in at_once]
    file = tmp_path / "config.yaml"
    file.write_text(
        "environment: staging\n"
        f"store: {{url: '{migrated_url}'}}\n"
        f"alerts:\n  rules: [{', '.join(rules)}]\n"
        f"  sinks: [{{type: webhook, name: pager, url: '{receiver.url}'}}, {{type: log}}]\n"
    )
    return file


def alerts(config: Path, *arguments: str, code: int = 0) -> str:
    """Run it; return what people are shown, and told beside it."""
    result = run("alerts", *arguments, "--config", str(config))
    assert result.exit_code == code, result.stderr
    return f"{shown(result)} {said(result)}".strip()


def asked(config: Path, *arguments: str, code: int = 0) -> Any:
    """Run it with --json."""
    result = run("alerts", *arguments, "--config", str(config), "--json")
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout)


def test_what_was_never_evaluated_is_unknown(config: Path) -> None:
    assert "backup-age unknown not evaluated yet" in alerts(config, "list")
    (found,) = [each for each in asked(config, "list")["alerts"] if each["rule"] == "backup-age"]
    assert found == {
        "rule": "backup-age",
        "severity": "warning",
        "firing": False,
        "since": None,
        "value": None,
        "text": "not evaluated yet",
        "silenced": None,
        "pending": False,
    }


def test_a_check_tells_sinks_once_and_people_each_time(config: Path, receiver: Webhook) -> None:
    told = alerts(config, "check")
    assert "latency-warning ok fewer than 20 operations" in told
    assert "backup-age warning" in told
    # What was typed to name the settings is in what is to be done.
    assert receiver.notices[0]["advice"] == f"Run 'jobstore backup create --config {config}'."
    assert "backup:age: never; what follows from it: restore-test:age" in told
    assert alerts(config, "check", "--quiet") == ""
    assert [each["rule"] for each in receiver.notices] == ["backup-age"]
    found = {each["rule"]: each for each in asked(config, "list")["alerts"]}
    assert found["backup-age"]["firing"]
    # JSON has no infinity.
    assert found["backup-age"]["value"] is None
    assert found["backup-age"]["since"].endswith("Z")


def test_a_check_as_json_has_what_was_told_and_sent(config: Path) -> None:
    checked = asked(config, "check")
    muted = {each["rule"]: each["muted"] for each in checked["notifications"]}
    assert muted == {"backup-age": "", "restore-test-age": "covered"}
    sent = {(each["sink"], each["error"]) for each in checked["deliveries"]}
    assert sent == {("pager", None), ("log", None)}
    log = config.parent / "jobs.ops/logs/monitoring.log"
    assert "alert backup-age firing: backup:age: never" in log.read_text()


def test_what_does_not_arrive_is_told_listed_and_sent_later(
    config: Path, receiver: Webhook
) -> None:
    receiver.status = 500
    told = alerts(config, "check", "--quiet")
    assert (
        "Error: A notification did not reach pager (the webhook answered 500); it is tried" in told
    )
    assert "Not delivered to pager: backup-age, firing (the webhook answered 500)" in alerts(
        config, "list"
    )
    (first, *_) = asked(config, "list")["undelivered"]
    assert (first["sink"], first["attempts"]) == ("pager", 1)


def test_a_silence_is_listed_holds_and_can_be_lifted(config: Path, receiver: Webhook) -> None:
    told = alerts(config, "silence", "*", "--for", "2h", "--reason", "moving the disk")
    assert re.fullmatch(r"Silence 1: \* until 20[-\d]+ [:\d]+ UTC\.", told)
    assert "(silenced: moving the disk)" in alerts(config, "check")
    assert receiver.notices == []
    assert re.search(r"Silence 1: \* until .* UTC: moving the disk", alerts(config, "list"))
    assert asked(config, "list")["silences"][0]["reason"] == "moving the disk"
    assert "firing, silenced" in alerts(config, "history")
    assert alerts(config, "silence", "--lift", "1") == "Silence 1 is lifted."
    assert alerts(config, "silence", "--lift", "1", code=1) == "Error: No silence 1 holds."
    assert asked(config, "silence", "--lift", "1", code=1) == {"lifted": False}
    alerts(config, "check")
    assert len(receiver.notices) == 1


def test_a_silence_as_json_tells_its_end(config: Path) -> None:
    held = asked(config, "silence", "restore-test-age", "--for", "1h", "--reason", "no time")
    assert held["id"] == 1
    assert held["ends_at"].endswith("Z")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["restore-test-age"], "reason: must say why"),
        (["restore-test", "--reason", "x"], "there are: latency-warning, latency-critical,"),
        ([], "name a rule, or a silence with --lift"),
        (["restore-test-age", "--lift", "1"], "name a rule, or a silence with --lift"),
        (["restore-test-age", "--reason", "x", "--for", "soon"], "90m, 24h, 7d"),
        (["restore-test-age", "--reason", "x", "--for", "400d"], "at most 366 days"),
    ],
)
def test_a_silence_that_means_nothing_is_wrong_usage(
    config: Path, arguments: list[str], told: str
) -> None:
    assert told in alerts(config, "silence", *arguments, code=2)


def test_the_history_is_newest_first(config: Path) -> None:
    assert alerts(config, "history") == "No alert was raised in that time."
    alerts(config, "check")
    (latest,) = asked(config, "history", "--limit", "1")["notifications"]
    assert (latest["rule"], latest["kind"]) == ("restore-test-age", "firing")
    assert alerts(config, "history", "--last", "1h").count("firing") == 2


def test_sinks_are_tried_one_by_one_or_all(config: Path, receiver: Webhook) -> None:
    assert alerts(config, "test") == "The test reached 2 sinks."
    assert alerts(config, "test", "--sink", "pager") == "The test reached 1 sink."
    assert [each["kind"] for each in receiver.notices] == ["test", "test"]
    assert "there are: pager, log" in alerts(config, "test", "--sink", "siren", code=2)


def test_a_sink_that_is_not_reached_ends_the_test_with_1(config: Path, receiver: Webhook) -> None:
    receiver.status = 404
    assert alerts(config, "test", code=1) == (
        "The test reached 1 sink. Error: The test did not reach pager (the webhook answered 404)."
    )
    found = asked(config, "test", "--sink", "pager", code=1)["deliveries"]
    assert [each["error"] for each in found] == ["the webhook answered 404"]


def test_settings_that_are_wrong_end_with_2(config: Path) -> None:
    config.write_text("alerts: {sinks: [{type: siren}]}")
    assert "alerts.sinks" in alerts(config, "list", code=2)


def test_a_dotenv_in_the_folder_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sinks = json.dumps([{"type": "command", "command": ["/bin/sh", "-c", "echo ran > ran"]}])
    (tmp_path / ".env").write_text(f"JOBSTORE_ALERTS__SINKS='{sinks}'\n")
    for command in (("test",), ("check",)):
        done = run("alerts", *command, "--store", "sqlite:///jobs.db")
        assert done.exit_code == 2
        assert "alerts.sinks: is not taken from a .env" in done.stderr
    assert not (tmp_path / "ran").exists()
