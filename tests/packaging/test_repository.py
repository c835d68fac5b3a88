"""The repository's own files hold together."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def project(repository: Path) -> dict[str, object]:
    project: dict[str, object] = tomllib.loads((repository / "pyproject.toml").read_text())[
        "project"
    ]
    return project


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def _pinned(repository: Path) -> dict[str, str]:
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {_name(name): version for name, version in pins}


def test_constraints_are_exact_versions_and_nothing_else(repository: Path) -> None:
    for line in (repository / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)


def test_every_direct_requirement_is_pinned(repository: Path, project: dict[str, object]) -> None:
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = {_name(each) for group in groups for each in group}
    assert wanted <= _pinned(repository).keys()


def test_tests_run_with_the_pinned_versions(repository: Path) -> None:
    installed = {name: metadata.version(name) for name in ("aiosqlite", "yoyo-migrations")}
    pinned = _pinned(repository)
    assert {name: pinned[name] for name in installed} == installed


def test_make_help_lists_every_target(repository: Path) -> None:
    text = (repository / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE))
    told = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line.split()[0] for line in told.splitlines()] == phony.split()


def test_the_version_heads_the_changelog(repository: Path, project: dict[str, object]) -> None:
    text = (repository / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[([0-9][^]]*)\]", text, re.MULTILINE)[0] == project["version"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; import jobstore.cli.main; "
        "print(*{'yoyo', 'pypika', 'pydantic', 'pydantic_settings', 'aiosqlite'} & {*sys.modules})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""
