"""Fixtures of the migration tests: where the store is, and migrations to spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jobstore import resources


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of ``store_url`` and ``migrated_url``."""
    return tmp_path / "jobs.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations, to be spoilt."""
    copy = tmp_path / "migrations"
    shutil.copytree(resources.migrations_folder("sqlite"), copy)
    return copy
