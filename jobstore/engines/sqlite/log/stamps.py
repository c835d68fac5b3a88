"""Stamps: the second in which a transaction began, where a reader of page images finds it.

A stamp is the database's ``user_version``, which SQLite keeps in bytes 60 to 63 of page 1
(https://sqlite.org/fileformat2.html#the_database_header). It is written once a second at most, so
it costs a page a second. It never goes down by a clock that steps back a little; where the clock
is set back further, it follows, and the generation of the log ends.
"""

from __future__ import annotations

import sqlite3
import time

# Seconds that a clock may go back without a stamp that goes back: steps of its synchronisation.
_STEADY = 2
_AT = slice(60, 64)
MAGIC = b"SQLite format 3\0"
"""What the header of a database begins with."""
HEAD = 100
"""The bytes of page 1 that tell what a database is, and its stamp."""


def stamp(conn: sqlite3.Connection, second: int | None = None) -> None:
    """Stamp the open write transaction with the Unix second in which it began, now by default."""
    second = int(time.time()) if second is None else second
    (there,) = conn.execute("PRAGMA user_version").fetchone()
    there &= 0xFFFFFFFF
    if second > there or there - second > _STEADY:
        # SQLite takes it for a signed number.
        conn.execute(f"PRAGMA user_version = {second - (second >> 31 << 32)}")


def of_page(image: bytes | memoryview) -> int:
    """Return the stamp that the first page of a database carries, 0 for none."""
    return int.from_bytes(image[_AT], "big")


class Stamps:
    """Stamps the transactions of one connection that change rows; asks SQLite once a second."""

    def __init__(self) -> None:
        self._began = 0
        self._changes = 0
        self._stamped = -1

    def begin(self, conn: sqlite3.Connection) -> None:
        """A transaction has begun."""
        self._began, self._changes = int(time.time()), conn.total_changes

    def finish(self, conn: sqlite3.Connection) -> None:
        """The transaction is about to be committed."""
        if self._began != self._stamped and conn.total_changes != self._changes:
            stamp(conn, self._began)
            self._stamped = self._began

    def undo(self) -> None:
        """The transaction was not committed, as far as is known."""
        self._stamped = -1
