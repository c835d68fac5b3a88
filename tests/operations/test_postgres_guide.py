"""The page about PostgreSQL works as it is written, on a server of its own."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from jobstore import migrating
from tests.fixtures.postgres import start
from tests.operations.guides import Machine, blocks

# What stands for PostgreSQL's own program, which comes with the server.
_CREATEDB = """
exec {python} -c 'import sys, psycopg
psycopg.connect(autocommit=True).execute(
    "CREATE DATABASE " + sys.argv[-1] + " ENCODING " + chr(39) + sys.argv[2] + chr(39)
    + " TEMPLATE " + sys.argv[4]
)' "$@"
"""


@pytest.fixture
def server() -> Iterator[str]:
    url, stop = start()
    yield url
    stop()


def test_a_store_is_set_up_as_the_page_says(
    server: str, tmp_path: Path, repository: Path, quick_jobstore: Path
) -> None:
    page = repository / "docs/postgres.md"
    ((_, commands),) = blocks(page)
    machine = Machine(tmp_path / "machine", repository, quick_jobstore)
    machine.stub("createdb", _CREATEDB.format(python=sys.executable))
    shutil.copy(repository / "examples/postings.jsonl", tmp_path)
    (folder,) = parse_qs(urlsplit(server).query)["host"]
    done = machine.run(commands, tmp_path, PGHOST=folder, PGUSER="postgres", PGDATABASE="postgres")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\b500\b", done.stdout), done.stdout
    made = f"postgresql://jobstore_owner@/jobs?host={folder}"
    migrating.verify(made)
    with psycopg.connect(made) as conn:
        found = conn.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        )
        assert found.fetchall() == [("jobstore_owner",)]


def test_the_limits_that_the_page_tells_are_those_that_hold(repository: Path) -> None:
    from jobstore.engines.postgres import connection, yoyo_backend
    from jobstore.settings import EngineOptions

    text = (repository / "docs/postgres.md").read_text(encoding="utf-8")
    options = EngineOptions()
    for told in (
        f"connecting to one host | {connection._CONNECTING} s",
        f"taken for gone | {connection._SILENT} s",
        f"a read | {options.read_timeout:g} s",
        f"waits for others | {options.busy_timeout:g} s",
        f"hung program | {connection._IDLE:g} s",
        f"waits {yoyo_backend._LOCK_WAIT} ms at a time",
        f"for {migrating.LOCK_TIMEOUT:g} s\nin all",
        f"PostgreSQL {connection.OLDEST // 10_000} or newer",
    ):
        assert told in text, told
