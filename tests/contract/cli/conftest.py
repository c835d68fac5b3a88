"""A store with the made-up postings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobstore.cli.main import app
from tests.engines.harness import SQLITE


@pytest.fixture(scope="session")
def demo_file(repository: Path) -> Path:
    return repository / "examples" / "postings.jsonl"


@pytest.fixture(scope="session")
def _demo_store(tmp_path_factory: pytest.TempPathFactory, demo_file: Path) -> Path:
    path = tmp_path_factory.mktemp("demo") / "jobs.db"
    result = CliRunner().invoke(app, ["import", str(demo_file), "--store", f"sqlite:///{path}"])
    assert result.exit_code == 0, result.stderr
    return path


@pytest.fixture
def demo(tmp_path: Path, _demo_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with the made-up postings, named by JOBSTORE_URL."""
    path = tmp_path / "demo.db"
    shutil.copy(_demo_store, path)
    monkeypatch.setenv("JOBSTORE_URL", f"sqlite:///{path}")
    return path


@pytest.fixture
def migrated_url(tmp_path: Path) -> str:
    """The URL of an empty store: commands are about files, which not every engine has."""
    return SQLITE.new_url(tmp_path)
