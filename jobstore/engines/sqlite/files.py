"""Opening the database file with the plain sqlite3 module, one way for all.

Migrations and examinations need no event loop, and importing what one needs would slow down the
start of the command; so nothing of the engine that needs one is imported here.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import suppress
from os import PathLike, fsencode
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from jobstore.engines.sqlite.damaged_wal import keep_if_damaged
from jobstore.engines.sqlite.errors import primary_code
from jobstore.engines.sqlite.identity import OpenFile, identify
from jobstore.locking import attempts, opening


def open_file(
    path: str | PathLike[str], mode: Literal["ro", "ro&immutable=1", "rw"], timeout: float
) -> OpenFile:
    """Open the existing database at ``path``, in autocommit mode; it is never made.

    An immutable one is one that nobody changes; it is read without its WAL, and without locks.
    ``timeout`` is how many seconds SQLite waits for a lock. Where a crash left a WAL and what was
    committed in it lies behind damage, a copy of it is kept first. Nobody can replace the files
    until all of them are open. Raises sqlite3.Error, StoreBusy, or StoreUnavailable when that copy
    cannot be made.
    """
    keep_if_damaged(Path(path))
    if mode == "ro&immutable=1":
        return _connect(path, mode, timeout)
    while True:
        with opening(path):
            before = identify(path)
            connection = _connect(path, mode, 0)
            # Opens the WAL and its index. What is wrong with the file is told when it is used.
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA data_version").fetchone()
            connection.identity = identify(path)
        if connection.identity.database == before.database:
            connection.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")
            return connection
        # Somebody replaced it by hand, so it is not known which file this is.
        connection.close()


def _connect(path: str | PathLike[str], mode: str, timeout: float) -> OpenFile:
    # As a URI, since only that can say that a missing file must not be made.
    uri = f"file:{quote(fsencode(Path(path).absolute()))}?mode={mode}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=timeout,
        isolation_level=None,
        cached_statements=256,
        factory=OpenFile,
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
