"""URLs of PostgreSQL stores are understood or refused, and no password is ever shown."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from jobstore.errors import StoreUnavailable
from jobstore.settings import parse_store_url
from tests.fixtures.cases import each_case


@each_case(
    ("url", "shown"),
    [
        ("postgresql://host/jobs", "postgresql://host/jobs"),
        ("postgres://ann@host/jobs", "postgresql://ann@host/jobs"),
        ("POSTGRESQL://host/jobs", "postgresql://host/jobs"),
        ("postgresql:///jobs?host=/run/postgresql", "postgresql:///jobs?host=/run/postgresql"),
        ("postgresql://ann:secret@host:5433/jobs", "postgresql://ann@host:5433/jobs"),
        ("postgresql://ann:se%40cret@host/jobs", "postgresql://ann@host/jobs"),
        ("postgresql://ann:se?cret@host/jobs?user=b", "postgresql://ann@host/jobs?user=b"),
        ("postgresql://ann:se?cret@host?sslmode=prefer", "postgresql://ann@host?sslmode=prefer"),
        (
            "postgresql://ann:secret@a:1,b:2/jobs?sslmode=require&connect_timeout=3",
            "postgresql://ann@a:1,b:2/jobs?sslmode=require&connect_timeout=3",
        ),
        ("postgresql://host/jobs?password=secret", "postgresql://host/jobs"),
        ("postgresql://host/jobs?p%61ssword=secret&user=ann", "postgresql://host/jobs?user=ann"),
        (
            "postgresql://host/jobs?sslpassword=secret&sslmode=prefer",
            "postgresql://host/jobs?sslmode=prefer",
        ),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    store = parse_store_url(url)

    assert str(store) == shown
    assert "cret" not in repr(store)
    assert store.engine == "postgresql"
    assert parse_store_url(str(store)).path == store.path


def test_what_opens_a_store_has_the_password() -> None:
    assert parse_store_url("postgres://a:secret@h/jobs").text == "postgresql://a:secret@h/jobs"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://ann@db1.example:5433,db2/jobs", "jobs@db1.example-5433.postgresql"),
        ("postgresql:///jobs?host=/run/postgresql", "jobs@run_postgresql.postgresql"),
        ("postgresql://", "postgres.postgresql"),
    ],
)
def test_what_operations_keep_has_a_name_of_its_own(url: str, name: str) -> None:
    assert parse_store_url(url).path.name == name


WITHOUT_A_DRIVER = """
import asyncio, sys
sys.modules["psycopg"] = None  # as if it were not installed
import jobstore
from jobstore.cli.main import app

async def use(url):
    async with jobstore.connect(url, migrate=True) as store:
        await store.upsert({"source": "a", "source_job_id": "1", "title": "b", "company": "c"})
        return await store.count()

assert asyncio.run(use("sqlite:///jobs.db")) == 1
try:
    asyncio.run(use("postgresql://host/jobs"))
except jobstore.StoreUnavailable as error:
    print(error)
app(["stats", "--store", "postgresql://host/jobs"])
"""


def test_without_a_driver_files_work_and_servers_say_what_to_install(
    start_python: Callable[..., subprocess.Popen[str]],
) -> None:
    with start_python(WITHOUT_A_DRIVER) as process:
        told, _ = process.communicate(timeout=300)
    assert "Traceback" not in told
    assert told.count("pip install 'jobstore[postgres]'") == 2, told
    assert process.returncode == 2


def test_what_the_environment_says_belongs_to_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db1,db2")
    monkeypatch.setenv("PGPORT", "6432")
    monkeypatch.setenv("PGUSER", "ann")
    assert parse_store_url("postgresql:///jobs").path.name == "jobs@db1-6432.postgresql"
    assert parse_store_url("postgresql://").path.name == "ann@db1-6432.postgresql"
    assert parse_store_url("postgresql://other/x").path.name == "x@other-6432.postgresql"


@each_case(
    ("url", "said"),
    [
        ("postgresql:jobs", "two slashes"),
        ("postgresql://ann:se/cret@host/jobs", "port"),
        ("postgresql://ann:12/cret@host/jobs", "'@' in it"),
        ("postgresql://ann:se@cret@host/jobs", "'@' in it"),
        ("postgresql://ann:?se@cret@host/jobs", "'@' in it"),
        ("postgresql://ann:se cret@host/jobs", "malformed"),
        ("postgresql://host/jobs?cret=1", "malformed"),
        ("postgresql://ann:%FF@host/jobs?x", "malformed"),
        ("postgresql://[::1/jobs", "malformed"),
    ],
)
def test_a_url_that_is_wrong_is_refused_without_repeating_it(url: str, said: str) -> None:
    with pytest.raises(StoreUnavailable, match=said) as refused:
        parse_store_url(url)

    assert "cret" not in str(refused.value)
