"""Opening the database file with the plain sqlite3 module, one way for all.

Migrations and examinations need no event loop, and importing what one needs would slow down the
start of the command; so nothing of the engine that needs one is imported here.
"""

from __future__ import annotations

import sqlite3
import sys
from os import PathLike, fsencode
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from jobstore.engines.sqlite.damaged_wal import keep_if_damaged
from jobstore.engines.sqlite.errors import primary_code
from jobstore.locking import attempts


def open_file(
    path: str | PathLike[str], mode: Literal["ro", "ro&immutable=1", "rw"], timeout: float
) -> sqlite3.Connection:
    """Open the existing database at ``path``, in autocommit mode; it is never made.

    An immutable one is one that nobody changes; it is read without its WAL, and without locks.
    ``timeout`` is how many seconds SQLite waits for a lock. Where a crash left a WAL and what was
    committed in it lies behind damage, a copy of it is kept first. Raises sqlite3.Error, or
    StoreUnavailable when that copy cannot be made.
    """
    keep_if_damaged(Path(path))
    # As a URI, since only that can say that a missing file must not be made.
    uri = f"file:{quote(fsencode(Path(path).absolute()))}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, cached_statements=256
    )
    if sys.version_info >= (3, 12):
        # A misspelt column in double quotes has to be an error, not a string.
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, False)
    return connection


def enter_wal(connection: sqlite3.Connection, timeout: float) -> bool:
    """Put the file into WAL mode; False where its file system cannot hold one.

    Raises sqlite3.OperationalError when others read for longer than ``timeout`` seconds.
    """
    for _ in attempts(timeout):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            # SQLite itself does not wait here for those who read.
            if primary_code(error) != "BUSY":
                raise
            busy = error
        else:
            return bool(mode == "wal")
    raise busy
