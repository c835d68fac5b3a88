"""Outside of an engine nothing speaks to a database in its own words."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from jobstore import migrating
from jobstore.engines import (
    BACKENDS,
    archive_of,
    backend_of,
    is_there,
    log_of,
    register,
    upkeep_of,
)
from jobstore.errors import MigrationError, StoreUnavailable
from jobstore.settings.url import PARSERS, StoreURL, parse_store_url, sqlite_url
from tests.contract.cli.commands import run
from tests.engines.memory import MemoryBackend


def knowing(repository: Path) -> list[Path]:
    """The modules and rooms that the import contract lets know the database."""
    contracts = configparser.ConfigParser()
    contracts.read(repository / ".importlinter")
    names = contracts["importlinter:contract:backend"]["allowed_importers"].split()
    places = [repository / name.replace(".", "/") for name in names]
    return [each if each.is_dir() else each.with_suffix(".py") for each in places]


def test_outside_of_an_engine_nobody_says_pragma(repository: Path) -> None:
    rooms = knowing(repository)
    files = [
        each
        for each in (repository / "jobstore").rglob("*.py")
        if not any(each.is_relative_to(room) for room in rooms)
    ]

    assert len(files) > 150
    assert [each for each in files if "PRAGMA " in each.read_text(encoding="utf-8")] == []


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
    for command, refused in (("doctor", "examined"), ("vacuum", "tidied up")):
        done = run(command, "--store", "memory:jobs")
        assert done.exit_code == 1
        assert refused in done.stderr
    for brought in (upkeep_of, archive_of, log_of):
        with pytest.raises(StoreUnavailable, match="A store of the engine 'memory' cannot be"):
            brought(parse_store_url("memory:jobs"))
    for use in (migrating.up, migrating.down, migrating.status, migrating.check_schema):
        with pytest.raises(MigrationError, match="memory store has no migrations"):
            use("memory:jobs")


def test_the_files_of_a_store_stand_beside_what_its_name_leads_to(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "jobs.db").symlink_to(tmp_path / "there" / "real.db")
    url = parse_store_url(sqlite_url(tmp_path / "jobs.db"))

    own, *beside = backend_of(url).files(url)

    assert own == tmp_path / "jobs.db"
    assert {each.name for each in beside} >= {"real.db-wal", "real.db-shm", "real.db.lock"}
    assert {each.parent for each in beside} == {tmp_path / "there"}


def test_a_store_is_there_when_its_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = parse_store_url(sqlite_url(tmp_path / "jobs.db"))
    assert not is_there(url)
    (tmp_path / "jobs.db").touch()
    assert is_there(url)
    with pytest.raises(StoreUnavailable, match="is no file"):
        is_there(parse_store_url(sqlite_url(tmp_path)))
    # One that lies in no file cannot be missed.
    monkeypatch.setitem(BACKENDS, "memory", MemoryBackend())
    assert is_there(StoreURL("memory", Path("jobs"), "memory:jobs"))
