"""Who may say what: files that others can write, and a ``.env`` that was only found."""

from __future__ import annotations

import grp
import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest

from jobstore.errors import InvalidSettings
from jobstore.settings import reading
from jobstore.settings.loading import load
from tests.unit.operations.configurations import loaded, refused

KEY = "age1" + "q" * 58

# An account whose group is its own, one whose group others are in, one with the group of all.
GROUPS = {1: ("ann", ["ann"]), 2: ("bob", ["bob", "eve"]), 100: ("users", []), 4: ("dan", [])}
ACCOUNTS = {1: ("ann", 1), 2: ("bob", 2), 3: ("cyd", 100), 4: ("dan", 4)}

GUARDED: list[tuple[str, str, Any]] = [
    ("JOBSTORE_ALERTS__SINKS", "alerts.sinks", [{"type": "command", "command": ["/bin/true"]}]),
    ("JOBSTORE_ALERTS__SINKS", "alerts.sinks", [{"type": "webhook", "url": "https://x.example"}]),
    ("JOBSTORE_PATHS__STATE", "paths.state", "state"),
    ("JOBSTORE_BACKUP__FOLDER", "backup.folder", "backups"),
    ("JOBSTORE_BACKUP__PLACES", "backup.places", ["s3://bucket/a"]),
    ("JOBSTORE_BACKUP__RECIPIENTS", "backup.recipients", [KEY]),
]


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    def group(number: int) -> grp.struct_group:
        name, members = GROUPS[number]
        return grp.struct_group((name, "x", number, members))

    def account(number: int) -> pwd.struct_passwd:
        name, own = ACCOUNTS[number]
        return pwd.struct_passwd((name, "x", number, own, "", "/", ""))

    monkeypatch.setattr(grp, "getgrgid", group)
    monkeypatch.setattr(pwd, "getpwuid", account)


def judged(
    monkeypatch: pytest.MonkeyPatch, path: Path, mode: int, owner: int, group: int, user: int
) -> str:
    """Return what is said of a file that the system describes so; nothing when it is read."""
    real = os.fstat

    def described(descriptor: int) -> os.stat_result:
        found = list(real(descriptor))
        found[0] = found[0] & ~0o777 | mode
        found[4], found[5] = owner, group
        return os.stat_result(found)

    path.write_text("environment: staging")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", described)
        patched.setattr(os, "geteuid", lambda: user)
        try:
            assert reading.read_text(path) == "environment: staging"
        except InvalidSettings as error:
            return str(error)
        return ""


@pytest.mark.parametrize(
    ("mode", "owner", "group", "user", "told"),
    [
        (0o600, 1, 1, 1, ""),
        (0o644, 1, 100, 1, ""),
        (0o644, 0, 0, 1, ""),
        # What a checkout under the umask 002 has, where each account has its own group.
        (0o664, 1, 1, 1, ""),
        (0o664, 4, 4, 4, ""),
        (0o664, 2, 2, 2, "chmod go-w"),
        (0o664, 1, 2, 1, "chmod go-w"),
        (0o664, 3, 100, 3, "chmod go-w"),
        (0o660, 9, 9, 9, "chmod go-w"),
        (0o646, 1, 1, 1, "chmod go-w"),
        (0o666, 0, 0, 0, "chmod go-w"),
        (0o600, 2, 2, 1, "chown 1"),
        (0o600, 1, 1, 0, "chown 0"),
    ],
)
def test_whose_files_are_trusted(
    tmp_path: Path,
    accounts: None,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    owner: int,
    group: int,
    user: int,
    told: str,
) -> None:
    path = tmp_path / "con fig.yaml"
    said = judged(monkeypatch, path, mode, owner, group, user)
    assert bool(said) is bool(told)
    if told:
        assert f"{told} '{path}'" in said


@pytest.mark.parametrize("name", ["config.yaml", ".env"])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("")
    path.chmod(0o602)
    with pytest.raises(InvalidSettings, match="may be written by other accounts"):
        load(path if name != ".env" else None, environment={}, folder=tmp_path)
    path.chmod(0o600)
    load(path if name != ".env" else None, environment={}, folder=tmp_path)


def test_of_a_link_the_file_counts_that_was_opened(tmp_path: Path) -> None:
    path, link = tmp_path / "config.yaml", tmp_path / "link.yaml"
    path.write_text("environment: staging")
    link.symlink_to(path)
    assert load(link, environment={}, folder=tmp_path).settings.environment == "staging"
    path.chmod(0o666)
    with pytest.raises(InvalidSettings, match=r"link\.yaml: may be written by other accounts"):
        load(link, environment={}, folder=tmp_path)


def test_a_file_that_is_swapped_while_it_is_read_is_not_trusted_for_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody puts a good file in the place of the bad one, as soon as that is open."""
    path, good = tmp_path / "config.yaml", tmp_path / "good.yaml"
    path.write_text("environment: production")
    path.chmod(0o666)
    good.write_text("environment: staging")
    opened = os.open

    def swapping(*arguments: Any, **options: Any) -> int:
        descriptor = opened(*arguments, **options)
        good.replace(path)
        return descriptor

    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises(InvalidSettings, match="may be written by other accounts"):
        reading.read_text(path)


@pytest.mark.parametrize(("variable", "name", "value"), GUARDED)
def test_what_runs_programs_or_names_places_is_not_taken_from_a_dotenv(
    tmp_path: Path, variable: str, name: str, value: Any
) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    (fault,) = refused(tmp_path, dotenv=f"{variable}='{text}'")
    assert fault.startswith(f"{name}: is not taken from a .env")
    assert fault.endswith(f"(.env, line 1: {variable})")
    # The environment is the caller's own, and so is a file that is named.
    for given in (
        loaded(tmp_path, dotenv="", environment={variable: text}),
        loaded(tmp_path, json.dumps({name.split(".")[0]: {name.split(".")[1]: value}})),
    ):
        assert given.origins[name].kind in ("environment", "file")


@pytest.mark.parametrize(("variable", "name", "value"), GUARDED)
def test_nor_from_a_file_that_only_a_dotenv_names(
    tmp_path: Path, variable: str, name: str, value: Any
) -> None:
    section, key = name.split(".")
    config = tmp_path / "found.yaml"
    config.write_text(json.dumps({section: {key: value}, "environment": "staging"}))
    named = {"JOBSTORE_CONFIG": str(config)}
    dotenv = f"JOBSTORE_CONFIG={config}"
    (fault,) = refused(tmp_path, dotenv=dotenv)
    assert "by JOBSTORE_CONFIG in the environment (found.yaml, line 1)" in fault
    assert loaded(tmp_path, dotenv=dotenv, environment=named).origins[name].kind == "file"


@pytest.mark.parametrize(
    "yaml",
    [
        "alerts: {sinks: [{type: command, command: ['${X}']}]}",
        "alerts: {sinks: [{type: email, host: '${X}', sender: a@b.c, recipients: [a@b.c]}]}",
        "alerts: {sinks: '${X}'}",
        "backup: {places: ['${X}']}",
        "backup: {folder: '${X}'}",
        "paths: {state: '${X}'}",
    ],
)
def test_a_dotenv_fills_no_program_and_no_place(tmp_path: Path, yaml: str) -> None:
    faults = refused(tmp_path, yaml, "X=/srv/x")
    assert "write it into this file, or have X in the environment" in faults[0]
    if "sinks: '" not in yaml:
        loaded(tmp_path, yaml.replace("${X}", "example"), "")


def test_a_dotenv_still_fills_secrets(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "alerts: {sinks: [{type: webhook, url: '${HOOK}', secret: '${HOOK_SECRET}'}]}\n"
        "backup:\n  places: [s3://b/a]\n  place_options: {s3://b/a: {secret: '${S3}'}}\n",
        "HOOK=https://x.example/token\nHOOK_SECRET=s\nS3=t\nJOBSTORE_READERS=7\n",
    ).settings
    assert found.alerts.sinks[0].url.get_secret_value() == "https://x.example/token"
    assert found.store.readers == 7
