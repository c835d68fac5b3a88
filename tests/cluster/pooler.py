"""Debian's pgbouncer before a server, in transaction mode."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from tests.fixtures.cluster import Server, as_user, eventually, free_port
from tests.fixtures.postgres import account

PROGRAM = "pgbouncer"


@contextmanager
def pooler(server: Server, database: str, sessions: int) -> Iterator[str]:
    """Run a pooler that has so many of the server's sessions; give the URL of the database."""
    port = free_port()
    settings = server.folder.with_suffix(".ini")
    settings.write_text(
        f"""
        [databases]
        {database} = host=127.0.0.1 port={server.port} dbname={database} user=postgres
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = {sessions}
        max_client_conn = 500
        """.replace("\n        ", "\n")
    )
    if (user := account()) is not None:
        os.chown(settings, user, user)
    log = settings.with_suffix(".pooler.log")
    with log.open("wb") as told:
        process = subprocess.Popen(
            [PROGRAM, settings], stdin=subprocess.DEVNULL, stdout=told, stderr=told, **as_user()
        )
    url = f"postgresql://postgres@127.0.0.1:{port}/{database}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return True
        return False

    try:
        eventually(answers, "a pooler starts")
        yield url
    finally:
        process.kill()
        process.wait()
