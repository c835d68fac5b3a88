"""SQL files are found in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobstore import resources


def _make(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("SELECT 1;\n")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site" / "jobstore"
    folder.mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", folder)
    return folder


def test_this_checkout_has_its_migrations(repository: Path) -> None:
    assert resources.migrations_folder("sqlite") == repository / "migrations" / "sqlite"


def test_a_checkout_has_them_beside_the_package(package: Path) -> None:
    _make(package.parent / "migrations" / "sqlite", "0001.a.sql")
    assert resources.migrations_folder("sqlite") == package.parent / "migrations" / "sqlite"


def test_a_wheel_has_them_inside(package: Path) -> None:
    _make(package / "_migrations" / "sqlite", "0001.a.sql")
    _make(package.parent / "migrations" / "sqlite", "0001.of-somebody-else.sql")
    assert resources.migrations_folder("sqlite") == package / "_migrations" / "sqlite"


def test_common_statements_come_first(package: Path) -> None:
    _make(package / "_sql" / "sqlite", "a.sql", "c.sql", "notes.txt")
    _make(package / "_sql" / "common", "b.sql")
    assert [path.name for path in resources.sql_files("sqlite")] == ["b.sql", "a.sql", "c.sql"]


def test_nothing_to_be_found_is_an_error(package: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no migrations for sqlite"):
        resources.migrations_folder("sqlite")
    with pytest.raises(FileNotFoundError, match="no statements for sqlite"):
        resources.sql_files("sqlite")
