"""What every transaction on a connection shares, to read or to write: how it begins and ends."""

from __future__ import annotations

import sqlite3
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def snapshot(conn: sqlite3.Connection) -> Iterator[None]:
    """Let all statements inside see the same state; join a transaction that is open."""
    joined = conn.in_transaction
    if not joined:
        conn.execute("BEGIN")
    try:
        yield
    finally:
        # An error may have ended the transaction already. There is nothing to commit.
        if not joined and conn.in_transaction:
            conn.execute("ROLLBACK")


def roll_back(conn: sqlite3.Connection) -> bool:
    """Undo the open transaction, if there is one, and return whether SQLite did so.

    Where it refuses, the connection is closed, which undoes the transaction as well; the session
    opens another one for what comes next. Never raises: an error led here already.
    """
    with suppress(sqlite3.Error):
        if conn.in_transaction:
            conn.execute("ROLLBACK")
    still_open: bool = conn.in_transaction
    if not still_open:
        return True
    # SQLite would keep the transaction, and its lock, as long as a statement of it lives.
    end_statements(sys.exception())
    conn.close()
    return False


def end_statements(error: BaseException | None) -> None:
    """Let go of the statements that were not read to their ends when an error came: what it passed
    through may hold them, as long as the error itself is held."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
