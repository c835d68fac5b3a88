"""Errors of a copy say which of the two stores they are about, and no password."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from jobstore import JobStoreError, SchemaMismatch, StoreUnavailable
from jobstore.engines.postgres.upkeep import transfer
from jobstore.operations.copying import copy
from tests.contract.cli.commands import run as invoke
from tests.engines.harness import POSTGRES
from tests.operations.test_postgres_refusals import SECRET, other


@pytest.fixture
def urls(tmp_path: Path) -> Iterator[list[str]]:
    """Two stores on a server, whose URLs have a password; the first one has a posting."""
    made = [POSTGRES.new_url(tmp_path), POSTGRES.new_url(tmp_path)]
    urls = [other(each, user=f"postgres:{SECRET}") for each in made]
    file = tmp_path / "postings.jsonl"
    file.write_text('{"source": "a", "source_job_id": "1", "title": "T", "company": "C"}\n')
    assert invoke("import", str(file), "--store", urls[0]).exit_code == 0
    yield urls
    for each in made:
        POSTGRES.forget(each)


def told(kind: type[JobStoreError], urls: Sequence[str]) -> str:
    with pytest.raises(kind) as raised:
        copy(*urls)
    assert type(raised.value) is kind
    assert SECRET not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("side", [0, 1])
def test_who_cannot_be_opened_is_named(urls: list[str], side: int) -> None:
    name = ("source", "target")[side]
    urls[side] = gone = other(urls[side], database="gone")
    shown = gone.replace(f":{SECRET}", "")
    assert told(StoreUnavailable, urls).startswith(f"The {name} ({shown}): The server has no data")
    urls[side] = f"postgresql://postgres:{SECRET}@127.0.0.1:1/jobs"
    assert told(StoreUnavailable, urls).startswith(f"The {name} (postgresql://postgres@127.0.0.1:1")
    urls[side] = f"postgresql://postgres:{SECRET}@[::1/jobs"
    assert told(StoreUnavailable, urls).startswith(f"The {name}: The store's URL is malformed")


@pytest.mark.parametrize("side", [0, 1])
def test_whose_schema_does_not_fit_is_named(urls: list[str], side: int) -> None:
    later = "INSERT INTO _yoyo_migration VALUES ('x', '9999.later', now())"
    ahead = "UPDATE store_property SET value = '9999.later' WHERE name = 'compatible'"
    with psycopg.connect(urls[side]) as conn:
        conn.execute(later)
        conn.execute(ahead)
    name = ("source", "target")[side]
    assert told(SchemaMismatch, urls).startswith(f"The {name} (")


@pytest.mark.parametrize("side", [0, 1])
def test_who_is_lost_in_the_middle_is_named(
    urls: list[str], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = (transfer._Source, transfer._Target)[side]
    method = ("postings", "write")[side]
    works: Any = getattr(kind, method)
    database = urlsplit(urls[side]).path[1:]
    killed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"

    def cut_off(*given: Any) -> Any:
        with psycopg.connect(other(urls[side], database="postgres")) as conn:
            conn.execute(killed, (database,))
        return works(*given)

    monkeypatch.setattr(kind, method, cut_off)
    name = ("source", "target")[side]
    found = told(StoreUnavailable, urls)
    assert found.startswith(f"The {name} ("), found
    assert "The connection to the database server was lost" in found
