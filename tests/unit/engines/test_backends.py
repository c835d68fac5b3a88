"""Outside of an engine nothing speaks to a database in its own words."""

from __future__ import annotations

import configparser
from pathlib import Path


def modules(repository: Path) -> list[str]:
    """The modules that the import contract keeps from databases."""
    contracts = configparser.ConfigParser()
    contracts.read(repository / ".importlinter")
    return contracts["importlinter:contract:backend"]["source_modules"].split()


def test_what_looks_after_a_store_says_no_pragma(repository: Path) -> None:
    files = []
    for name in modules(repository):
        place = repository / name.replace(".", "/")
        files += [*place.rglob("*.py")] if place.is_dir() else [place.with_suffix(".py")]

    assert len(files) > 40
    assert [each for each in files if "PRAGMA " in each.read_text()] == []
