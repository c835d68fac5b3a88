"""Database engines: one folder each, all speaking :mod:`jobstore.engines.protocol`.

This is the one place that knows which engine a URL asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from jobstore.engines.protocol import Engine
from jobstore.settings import EngineOptions, StoreURL


async def open_engine(
    url: StoreURL, options: EngineOptions, clock: Callable[[], datetime]
) -> Engine:
    """Open the database that ``url`` names; its schema must be up to date."""
    from jobstore.engines.sqlite.engine import SQLiteEngine

    return await SQLiteEngine.open(url.path, options, clock)
