"""Opening connections: the one that writes and those that read, each with its settings."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from operator import methodcaller
from os import PathLike
from pathlib import Path
from typing import Literal

from jobstore.engines.sqlite.errors import primary_code, told_apart, translated
from jobstore.engines.sqlite.files import enter_wal, open_file
from jobstore.engines.sqlite.identity import OpenFile, identify
from jobstore.engines.sqlite.library import LEAST_SQLITE
from jobstore.engines.sqlite.log import checkpointing
from jobstore.engines.sqlite.session import Session
from jobstore.errors import StoreBusy, StoreUnavailable
from jobstore.settings import EngineOptions

# KiB of page cache. The operating system caches the file as well; these keep the hot inner
# pages of the indexes without a system call.
_WRITER_CACHE = 64 * 1024
_READER_CACHE = 16 * 1024
# Bytes that the file of the WAL keeps once it was written back.
_WAL_KEPT = 64 * 1024 * 1024

Adopt = Callable[[OpenFile], object]
"""Looks at a connection that was just opened; what it raises closes the connection."""


def _as_it_is(connection: OpenFile) -> None:
    pass


async def open_writer(
    path: str | PathLike[str], options: EngineOptions, adopt: Adopt = _as_it_is
) -> Session:
    """Open the existing database at ``path`` for reading and writing, in WAL mode.

    The file may be read-only; then writes fail, each with StoreUnavailable. ``adopt`` looks at each
    file that the session opens, also at one that took the place of another. Raises
    StoreUnavailable, StoreCorrupt, or StoreBusy when others lock it all the time.
    """

    def connect() -> sqlite3.Connection:
        return _prepared(path, "rw", 0.0, prepare)

    def prepare(connection: OpenFile) -> None:
        _enter_wal(connection, options.busy_timeout)
        opened = identify(path)
        if opened.database == connection.identity.database:
            # It may have had no log before.
            connection.identity = opened
        connection.execute(f"PRAGMA synchronous = {options.synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE}")
        adopt(connection)

    return await _open(connect, partial(checkpointing.dispose, path=path))


async def open_reader(
    path: str | PathLike[str], options: EngineOptions, adopt: Adopt = _as_it_is
) -> Session:
    """Open the database at ``path`` for reading only.

    The connection never checkpoints. What it runs reads the file that the path names when it
    begins. ``adopt`` is as for :func:`open_writer`. Raises StoreUnavailable, StoreCorrupt or
    StoreBusy.
    """

    def connect() -> sqlite3.Connection:
        # A reader waits only while another process recovers the WAL after a crash.
        return _prepared(path, "ro", options.busy_timeout, prepare)

    def prepare(connection: OpenFile) -> None:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA cache_size = -{_READER_CACHE}")
        # Reads the file, so that one which is no database is refused now.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        adopt(connection)

    return await _open(connect, methodcaller("close"), follows=True)


async def _open(
    connect: Callable[[], sqlite3.Connection],
    dispose: Callable[[sqlite3.Connection], None],
    *,
    follows: bool = False,
) -> Session:
    if sqlite3.sqlite_version_info < LEAST_SQLITE:
        least = ".".join(map(str, LEAST_SQLITE))
        raise StoreUnavailable(
            f"Python is linked with SQLite {sqlite3.sqlite_version}; jobstore needs {least} "
            "or newer."
        )
    session = Session(connect, dispose, follows=follows)

    async def opened() -> Session:
        with translated():
            await session
        return session

    opening = asyncio.ensure_future(opened())
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        # aiosqlite would drop a connection that opens after the cancellation, unclosed.
        with suppress(Exception):
            await (await opening).close()
        raise


def _prepared(
    path: str | PathLike[str],
    mode: Literal["ro", "rw"],
    timeout: float,
    prepare: Callable[[OpenFile], None],
) -> sqlite3.Connection:
    if Path(path).is_dir():
        raise StoreUnavailable("The store's path is a folder; add the name of a file to it.")
    connection = open_file(path, mode, timeout)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        prepare(connection)
    except BaseException as error:
        told = told_apart(error, connection)
        checkpointing.leave(connection, path)
        raise told from told.__cause__
    return connection


def _enter_wal(connection: sqlite3.Connection, timeout: float) -> None:
    try:
        entered = enter_wal(connection, timeout)
    except sqlite3.OperationalError as error:
        if primary_code(error) != "BUSY":
            raise
        raise StoreBusy(
            "Another program keeps the database locked; close it and try again."
        ) from error
    if not entered:
        raise StoreUnavailable(
            "The database cannot be put into WAL mode; move it to a local file system."
        )
