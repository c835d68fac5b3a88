"""Database engines: one folder each, all speaking :mod:`jobstore.engines.protocol`.

This is the one place that knows which engine a URL asks for.
"""

from __future__ import annotations

from jobstore.engines.backend import Backend
from jobstore.engines.sqlite.backend import SQLiteBackend
from jobstore.settings import StoreURL

BACKENDS: dict[str, Backend] = {"sqlite": SQLiteBackend()}
"""The backends by the schemes of their URLs."""


def backend_of(url: StoreURL) -> Backend:
    """Return the backend of the database that ``url`` names."""
    return BACKENDS[url.engine]
