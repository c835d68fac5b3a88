"""``jobstore config``: what it shows, what it refuses, how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jobstore.cli.calling import Call
from jobstore.errors import InvalidSettings
from jobstore.settings.loading import load
from tests.contract.cli.commands import answer, run, shown

SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")


def _shown(*arguments: str) -> dict[str, tuple[object, str, str]]:
    shown = answer("config", "show", *arguments)["settings"]
    return {each["name"]: (each["value"], each["origin"], each["where"]) for each in shown}


def test_it_shows_effective_values_and_where_they_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("c.yaml").write_text("environment: staging\nlogging:\n  slow_ms: 7\n")
    Path(".env").write_text("JOBSTORE_READERS=2\n")
    monkeypatch.setenv("JOBSTORE_LOGGING__LEVEL", "debug")
    shown = _shown("--config", "c.yaml", "--store", "sqlite:///other.db")
    assert shown["environment"] == ("staging", "file", "c.yaml, line 1")
    assert shown["logging.slow_ms"] == (7.0, "file", "c.yaml, line 3")
    assert shown["store.readers"] == (2, "dotenv", ".env, line 1: JOBSTORE_READERS")
    assert shown["logging.level"] == ("debug", "environment", "JOBSTORE_LOGGING__LEVEL")
    assert shown["store.url"] == ("sqlite:///other.db", "flag", "--store")
    assert shown["health.timeout"] == (5.0, "default", "default")
    assert shown["paths.state"] == (str(tmp_path / "other.ops"), "default", "default")
    assert shown["backup.folder"][0] == str(tmp_path / "other.ops" / "backups")
    assert answer("config", "show", "--config", "c.yaml")["files"] == ["c.yaml", ".env"]


def test_the_default_of_the_store_flag_is_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.yaml").write_text("store: {url: 'sqlite:///from-file.db'}")
    assert _shown("--config", "c.yaml")["store.url"][:2] == ("sqlite:///from-file.db", "file")
    monkeypatch.setenv("JOBSTORE_URL", "sqlite:///from-variable.db")
    shown = _shown("--config", "c.yaml")["store.url"]
    assert shown == ("sqlite:///from-variable.db", "environment", "JOBSTORE_URL")
    typed = _shown("--config", "c.yaml", "--store", "sqlite:///jobs.db")["store.url"]
    assert typed == ("sqlite:///jobs.db", "flag", "--store")


def test_the_table_is_for_people() -> None:
    Path("c.yaml").write_text(
        "alerts: {rules: [{name: disk-free, enabled: false}]}\n"
        "backup: {places: [/mnt/a, /mnt/b]}\nstore: {readers: 7}\n"
    )
    result = run("config", "show", "--config", "c.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "store.readers 7 c.yaml, line 3" in lines
    assert "backup.places /mnt/a c.yaml, line 2" in lines
    assert "disk-free: disk:free fail, off" in lines
    assert "latency-warning: latency_p95_ms above 50" in " ".join(lines)
    assert "health-failing: all checks fail" in lines
    assert "backup.recipients none default" in lines
    assert "logging.format readable default of development" in lines


def test_it_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("c.yaml").write_text(
        "backup:\n  places: [s3://bucket]\n"
        f"  place_options: {{s3://bucket: {{aws_secret_access_key: {SECRET}, region: eu-1}}}}\n"
        "alerts:\n  sinks:\n"
        f"    - {{type: webhook, url: 'https://example.com/{SECRET}', secret: '${{HOOK}}'}}\n"
        f"    - {{type: command, command: [send, '--token={SECRET}']}}\n"
        "    - {type: email, host: h, sender: s, recipients: [r], username: u,"
        f" password: {SECRET}}}\n"
    )
    monkeypatch.setenv("HOOK", SECRET)
    for arguments in (["show"], ["show", "--json"], ["check"], ["check", "--json"]):
        result = run("config", *arguments, "--config", "c.yaml")
        assert result.exit_code == 0
        assert SECRET not in result.stdout + result.stderr
    assert "**********" in run("config", "show", "--config", "c.yaml").stdout


@pytest.mark.parametrize("arguments", [["show"], ["show", "--json"]])
def test_wrong_settings_end_with_2_and_one_line(arguments: list[str]) -> None:
    Path("c.yaml").write_text("store: {reader: 2}\nhealth: {timeout: 0}\n")
    result = run("config", *arguments, "--config", "c.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: store.reader: is no setting; did you mean readers? (c.yaml, line 1); "
        "health.timeout: must be a number above 0, at most 86,400 (c.yaml, line 2)\n"
    )


def test_check_lists_every_fault() -> None:
    Path("c.yaml").write_text("store: {reader: 2}\nhealth: {timeout: 0}\n")
    result = run("config", "check", "--config", "c.yaml")
    assert result.exit_code == 2
    assert [line[:20] for line in result.stderr.splitlines()] == [
        "Error: store.reader:",
        "Error: health.timeou",
    ]
    result = run("config", "check", "--config", "c.yaml", "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    told = json.loads(result.stdout)
    assert (told["ok"], told["faults"][0]["field"]) == (False, "store.reader")


@pytest.mark.parametrize("name", ["none.yaml", ".", "/dev/null", "text.yaml"])
def test_check_of_what_is_no_configuration_ends_with_2(name: str) -> None:
    Path("text.yaml").write_text("store:\n\treaders: 3\n")
    result = run("config", "check", "--config", name)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_check_says_what_is_right_and_what_is_hardly_meant() -> None:
    assert shown(run("config", "check")) == (
        "The settings are right: development, 0 settings given, no file read."
    )
    Path("c.yaml").write_text("environment: production\nstore: {synchronous: normal}\n")
    told = answer("config", "check", "--config", "c.yaml")
    assert told["ok"]
    assert [each.partition(" is ")[0] for each in told["warnings"][::2]] == [
        "backup.places",
        "store.synchronous",
    ]
    result = run("config", "check", "--config", "c.yaml")
    assert result.exit_code == 0
    assert result.stderr.count("Warning: ") == 3
    assert run("config", "check", "--config", "c.yaml", "--quiet").output == ""


def test_check_warns_of_secrets_that_others_may_read() -> None:
    file = Path("c.yaml")
    file.write_text(f"alerts: {{sinks: [{{type: webhook, url: 'https://e.com/{SECRET}'}}]}}")
    file.chmod(0o644)
    assert answer("config", "check", "--config", "c.yaml")["warnings"] == [
        "c.yaml has secrets in it and others may read it; "
        "move them to .env and write ${NAME} in their place."
    ]
    file.chmod(0o600)
    assert answer("config", "check", "--config", "c.yaml")["warnings"] == []
    file.write_text("alerts: {sinks: [{type: webhook, url: '${HOOK}'}]}")
    Path(".env").write_text(f"HOOK=https://e.com/{SECRET}\n")
    Path(".env").chmod(0o644)
    assert answer("config", "check", "--config", "c.yaml")["warnings"] == [
        ".env has secrets in it and others may read it; say chmod 600."
    ]


def test_keys_are_listed(repository: Path) -> None:
    result = run("config", "keys")
    assert result.exit_code == 0
    assert result.stdout in (repository / "docs" / "configuration.md").read_text(encoding="utf-8")
    keys = {each["name"]: each for each in answer("config", "keys")["settings"]}
    assert keys["store.readers"]["variable"] == "JOBSTORE_READERS"


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_configurations_to_begin_with_are_right(repository: Path, environment: str) -> None:
    file = repository / "deploy" / environment / "config.yaml"
    told = answer("config", "check", "--config", str(file))
    assert told["environment"] == environment


def test_what_the_configurations_leave_to_fill_in_is_right_too(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yaml = (repository / "deploy" / "production" / "config.yaml").read_text(encoding="utf-8")
    # A comment without a space after its sign is a setting.
    yaml = re.sub(r"^( *)#(?=\S|  )", r"\1", yaml, flags=re.MULTILINE)
    Path("c.yaml").write_text(yaml.replace("age1...", "age1" + "q" * 58))
    dotenv = (repository / ".env.example").read_text(encoding="utf-8")
    for name in re.findall(r"^#((?:ALERT|SMTP)_\w+)=", dotenv, re.MULTILINE):
        monkeypatch.setenv(name, "https://example.com/")
    settings = load("c.yaml").settings
    assert len(settings.backup.places) == 2
    assert [sink.type for sink in settings.alerts.sinks] == ["log", "webhook", "email"]


def test_the_example_of_a_dotenv_is_right(repository: Path) -> None:
    text = (repository / ".env.example").read_text(encoding="utf-8")
    Path(".env").write_text(text)
    assert answer("config", "check")["files"] == []
    filled = [line.lstrip("#") for line in text.splitlines() if line.startswith("#JOBSTORE_")]
    Path(".env").write_text("\n".join(filled))
    assert len(answer("config", "check")["files"]) == 1


def test_commands_get_settings_with_the_logs_open(tmp_path: Path) -> None:
    from jobstore.operations.logs import get

    with Call("sqlite:///jobs.db", quiet=True).operating() as settings:
        get("health").warning("a check failed", check="disk")
    assert (settings.logs_folder / "health.log").is_file()
    with pytest.raises(InvalidSettings), Call("nowhere", quiet=True).operating():
        pass


def test_a_program_that_is_not_here_is_warned_of(tmp_path: Path) -> None:
    program = tmp_path / "page"
    Path("c.yaml").write_text(
        "alerts: {sinks: [{type: log}, {type: command, command: ['" + str(program) + "']}]}"
    )
    warned = answer("config", "check", "--config", "c.yaml")["warnings"]
    assert [each.split(";")[0] for each in warned] == [
        "alerts.sinks[1].command names a program that is not here, or may not be run"
    ]
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert answer("config", "check", "--config", "c.yaml")["warnings"] == []
