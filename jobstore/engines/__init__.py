"""Database engines: one folder each, all speaking :mod:`jobstore.engines.protocol`.

This is the one place that knows which engine a URL asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from jobstore.engines.protocol import Engine, Footprint, HeldLog, Library
from jobstore.settings import EngineOptions, StoreURL


async def open_engine(
    url: StoreURL, options: EngineOptions, clock: Callable[[], datetime]
) -> Engine:
    """Open the database that ``url`` names; its schema must be up to date."""
    from jobstore.engines.sqlite.engine import SQLiteEngine

    return await SQLiteEngine.open(url.path, options, clock)


def footprint(url: StoreURL) -> Footprint:
    """Return what the database takes on disk. Blocks; raises OSError when it is not there."""
    from jobstore.engines.sqlite.inspection import footprint

    return footprint(url.path)


def damaged_logs(url: StoreURL) -> list[tuple[Path, bool]]:
    """Return the copies of write-ahead logs that were damaged when the database was opened.

    With each comes whether it is certain that something acknowledged is lost.
    """
    from jobstore.engines.sqlite import wal

    return wal.kept(url.path.resolve())


def held_log(url: StoreURL) -> HeldLog:
    """Return what of the write-ahead log waits, and for whom. Blocks; raises OSError."""
    from jobstore.engines.sqlite import wal_index

    return wal_index.held(url.path)


def library(url: StoreURL) -> Library:
    """Return what is known of the software that opens the database."""
    from jobstore.engines.sqlite.inspection import library

    return library()
