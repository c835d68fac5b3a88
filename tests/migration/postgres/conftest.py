"""A database of the server for each test, and a folder of migrations that may be added to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobstore.resources import migrations_folder
from tests.fixtures.postgres import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    """The administrator's URL of an empty database."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations."""
    return Path(shutil.copytree(migrations_folder("postgres"), tmp_path / "migrations"))
