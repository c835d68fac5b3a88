"""What every argument of every command refuses: nothing at all, and what is not UTF-8."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from jobstore.cli.main import app
from jobstore.operations import health, schedule
from tests.contract.cli.commands import run

NOT_UTF8 = os.fsdecode(b"caf\xe9.db")


def parameters(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each parameter of each command that takes a value, with the command's name."""
    for name, below in getattr(command, "commands", {}).items():
        yield from parameters(below, (*path, name))
    for parameter in command.params:
        if not getattr(parameter, "is_flag", False):
            yield path, parameter


ALL = list(parameters(typer.main.get_command(app)))


def test_every_command_that_is_here_is_looked_at() -> None:
    names = {" ".join(path) for path, _ in ALL}
    assert {"migrate down", "import", "restore", "alerts silence", "agent"} <= names
    assert {"--to", "--store", "--config", "--output"} <= {
        option for _, each in ALL for option in each.opts
    }
    assert len(ALL) > 100


def refused(tmp_path: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == 2, result.stderr
    # Nothing was done, nor even opened.
    assert list(tmp_path.iterdir()) == []
    return result.stderr


@pytest.mark.parametrize(
    ("path", "parameter"), ALL, ids=[f"{' '.join(path)} {each.name}" for path, each in ALL]
)
def test_an_empty_value_is_refused_and_named(
    path: tuple[str, ...], parameter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    option = [each for each in parameter.opts if each.startswith("-")][:1]
    # An argument comes after those before it.
    others = [each for at, each in ALL if at == path and not each.opts[0].startswith("-")]
    before = [] if option else ["x"] * others.index(parameter)
    told = refused(tmp_path, *path, *option, *before, "")
    name = option[0] if option else parameter.metavar or parameter.name.upper()
    assert re.search(f"Invalid value for .*{re.escape(name)}.*: must not be empty", told), told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("serve", "--port", "abc"), "'--port': must be a whole number"),
        (("search", "--limit", "0"), "'--limit' / '-n': must be at least 1"),
        (("tokens", "create", "x", "--scope", "root"), "'--scope': 'root' is not one of 'read'"),
    ],
)
def test_why_a_value_is_refused_is_said_in_plain_words(
    arguments: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    assert f"Invalid value for {why}" in refused(tmp_path, *arguments)


@pytest.mark.parametrize("value", [" ", "\t", NOT_UTF8])
@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate", "down", "--yes", "--to"),
        ("migrate", "up", "--store"),
        ("backup", "create", "--config"),
        ("restore", "--identity"),
        ("export", "--output"),
        ("import",),
        ("search", "--company"),
    ],
    ids=" ".join,
)
def test_so_is_a_blank_one_and_what_is_not_utf8(
    arguments: tuple[str, ...], value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = refused(tmp_path, *arguments, value)
    assert ("must not be empty" if value.isspace() else "is not UTF-8") in told


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_variable_is_one_that_is_not_set(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBSTORE_URL", value)
    result = CliRunner().invoke(app, ["migrate", "up"])
    # Blank is something; it is no store's URL, and wrong settings are exit code 2.
    assert result.exit_code == 2 * bool(value), result.stderr
    assert (tmp_path / "jobs.db").exists() is not bool(value)


@pytest.mark.parametrize(
    ("command", "names"), [("health", health.COMPONENTS), ("run-due", schedule.NAMES)]
)
def test_the_help_names_all_that_can_be_asked_for_one_by_one(
    command: str, names: tuple[str, ...]
) -> None:
    said = " ".join(run(command, "--help").stdout.split())
    assert re.search(f"{', '.join(names[:-1])} or {names[-1]}; may be repeated", said)
