"""Outside of an engine nothing speaks to a database in its own words."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from jobstore.engines import BACKENDS, backend_of, register
from jobstore.errors import StoreUnavailable
from jobstore.settings.url import PARSERS, parse_store_url
from tests.engines.memory import MemoryBackend


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


def test_an_engine_is_found_by_its_scheme_once_it_is_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for registry in (BACKENDS, PARSERS):
        monkeypatch.delitem(registry, "memory", raising=False)
    with pytest.raises(StoreUnavailable, match="cannot open memory databases"):
        parse_store_url("memory:jobs")

    backend = MemoryBackend()
    for registry in (BACKENDS, PARSERS):
        # It is taken out again at the end of the test.
        monkeypatch.setitem(registry, "memory", None)
    register(backend)

    assert backend_of(parse_store_url("MEMORY:jobs")) is backend
    with pytest.raises(StoreUnavailable, match="has a name"):
        parse_store_url("memory:")
