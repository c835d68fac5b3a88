"""What the server says when it commits: kept for good, or perhaps not on a standby.

Only listening lives here; what follows from it, who commits decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import Diagnostic

from jobstore.engines.postgres.errors import is_lost
from jobstore.errors import JobStoreError, OutcomeUnknown

NOT_ON_A_STANDBY = (
    "The server has kept the change, but nobody knows whether a standby has it too, so it may be "
    "lost if this server is: look at the standby, then do the same again, which is safe."
)


class Unconfirmed(JobStoreError):
    """The server has committed, but says that it does not know whether a standby has it."""


class Heard:
    """Listens to the server while it commits.

    Where the wait for a synchronous standby is cut short, by a time-out or an administrator,
    COMMIT succeeds, with a warning that its transaction may be lost with this server.
    """

    def __init__(self, conn: psycopg.AsyncConnection[Any] | psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._warned = False

    def __enter__(self) -> Heard:
        self._conn.add_notice_handler(self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.remove_notice_handler(self._hear)

    def confirm(self) -> None:
        """Raise Unconfirmed if there was a warning."""
        if self._warned:
            raise Unconfirmed

    def _hear(self, said: Diagnostic) -> None:
        self._warned = self._warned or said.severity_nonlocalized == "WARNING"


@contextmanager
def committing(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """Let a block commit, on a connection that blocks.

    Raises OutcomeUnknown where the connection is lost meanwhile, or a standby may lack it.
    """
    with Heard(conn) as heard:
        try:
            yield
            heard.confirm()
        except psycopg.Error as error:
            if is_lost(error):
                raise OutcomeUnknown from error
            raise
        except Unconfirmed as error:
            raise OutcomeUnknown(NOT_ON_A_STANDBY) from error
