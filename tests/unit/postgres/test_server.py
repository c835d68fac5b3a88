"""The server of the tests ends with whoever wanted it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest

from tests.fixtures.cluster import eventually
from tests.fixtures.postgres import PostgresServer

WANTING = """
import sys
from tests.fixtures.postgres import start
url, stop = start()
print(url, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_server_outlives_the_process_that_started_it(
    start_python: Callable[..., subprocess.Popen[str]], how: signal.Signals
) -> None:
    with start_python(WANTING) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        folder = Path(unquote(url.partition("host=")[2]))
        with psycopg.connect(url) as conn:
            ((data,),) = conn.execute("SHOW data_directory").fetchall()
            process.send_signal(how)
            process.wait(60)
            # The server ends all connections, then its folders go.
            with pytest.raises(psycopg.OperationalError):
                conn.execute("SELECT pg_sleep(600)")
    eventually(lambda: not folder.exists(), "its folder goes")
    assert not Path(data).exists()


def test_what_another_run_left_is_in_nobodys_way(postgres: PostgresServer) -> None:
    other = PostgresServer(postgres.url)
    urls = [postgres.create(), other.create(), other.create()]
    assert len({*urls}) == 3
    other.close()
    psycopg.connect(urls[0]).close()
    postgres.drop(urls[0])


def test_databases_are_made_empty_or_as_copies(postgres: PostgresServer) -> None:
    first = postgres.create()
    with psycopg.connect(first) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS value")
    copy = postgres.create(template=first)

    with psycopg.connect(copy) as conn:
        assert conn.execute("SELECT value FROM kept").fetchall() == [(1,)]

    postgres.drop(first)
    postgres.drop(copy)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(copy)
