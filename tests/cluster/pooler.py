"""Debian's pgbouncer before a server, in transaction mode."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import Self

import psycopg

from tests.fixtures.cluster import Server, as_user, eventually, free_port
from tests.fixtures.postgres import account

PROGRAM = "pgbouncer"


class Pooler:
    """Lends so many ``sessions`` of each database of a server, for one transaction at a time."""

    def __init__(self, server: Server, sessions: int) -> None:
        self._port = free_port()
        self._settings = server.folder.with_suffix(".ini")
        self._settings.write_text(
            f"""
[databases]
* = host=127.0.0.1 port={server.port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self._port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
; A database that somebody is connected to is nobody's template.
server_idle_timeout = 1
max_client_conn = 500
"""
        )
        if (user := account()) is not None:
            os.chown(self._settings, user, user)
        self._log = self._settings.with_suffix(".pooler.log")

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, self._settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **as_user(),
            )
        eventually(self._answers, "a pooler starts")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """End it with all connections, and start it again."""
        self.__exit__()
        self.__enter__()

    def url(self, database: str) -> str:
        """Return the URL of a store behind it."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            return True
        return False
