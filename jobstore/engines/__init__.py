"""Database engines: one folder each, all speaking :mod:`jobstore.engines.protocol`.

This is the one place that knows which engine a URL asks for, and which one keeps small databases.
"""

from __future__ import annotations

from jobstore.engines.archive import Archive
from jobstore.engines.backend import Backend, Capability, Upkeep
from jobstore.engines.log import Log
from jobstore.engines.postgres.backend import PostgresBackend
from jobstore.engines.small import SmallDatabase
from jobstore.engines.sqlite.backend import SQLiteBackend
from jobstore.engines.transfer import Transfer
from jobstore.errors import StoreUnavailable
from jobstore.files import require_file
from jobstore.settings import StoreURL
from jobstore.settings.url import PARSERS

BACKENDS: dict[str, Backend] = {}
"""The backends by the schemes of their URLs."""


def register(backend: Backend) -> None:
    """Register a backend: from now on, URLs with its scheme name its databases."""
    BACKENDS[backend.scheme] = backend
    PARSERS[backend.scheme] = backend.parse


def backend_of(url: StoreURL) -> Backend:
    """Return the backend of the database that ``url`` names."""
    return BACKENDS[url.engine]


def upkeep_of(url: StoreURL) -> Upkeep:
    """Return what looks after the database. Raises StoreUnavailable where its engine has none."""
    _require(url, Capability.UPKEEP, "examined, repaired or tidied up")
    return backend_of(url).upkeep


def archive_of(url: StoreURL) -> Archive:
    """Return what copies the database. Raises StoreUnavailable where its engine has none."""
    _require(url, Capability.ARCHIVE, "backed up, restored or deployed")
    return backend_of(url).archive


def log_of(url: StoreURL) -> Log:
    """Return what keeps the database's log. Raises StoreUnavailable where its engine has none."""
    _require(url, Capability.LOG, "archived continuously")
    return backend_of(url).log


def transfer_of(url: StoreURL) -> Transfer:
    """Return what carries postings. Raises StoreUnavailable where its engine has none."""
    _require(url, Capability.TRANSFER, "copied into another one, or from it")
    return backend_of(url).transfer


def _require(url: StoreURL, capability: Capability, what: str) -> None:
    if capability not in backend_of(url).capabilities:
        instead = backend_of(url).instead.get(capability)
        told = f"A store of the engine '{url.engine}' cannot be {what}."
        raise StoreUnavailable(told if instead is None else f"{told} {instead}")


def instead_of_log(url: StoreURL) -> str | None:
    """Say what takes the place of a log of ours; ``None`` where the engine can have one."""
    backend = backend_of(url)
    return None if Capability.LOG in backend.capabilities else backend.instead.get(Capability.LOG)


def in_files(url: StoreURL) -> bool:
    """Tell whether a store lies in files of this machine."""
    return Capability.FILES in backend_of(url).capabilities


def is_there(url: StoreURL) -> bool:
    """Tell whether a database is there; one that lies in no file is always taken to be.

    Raises StoreUnavailable where something stands that is no file, or nothing can be seen.
    """
    files = backend_of(url).files(url)
    if not files:
        return True
    require_file(files[0])
    return files[0].exists()


def small_database(name: str, application_id: int, advice: str) -> SmallDatabase:
    """Return the kind of database whose migrations and statements are in the folders ``name``.

    It lies on this machine, whatever engine keeps the postings. ``application_id`` is the number
    that tells its files from others; ``advice`` says what is lost with a damaged one.
    """
    from jobstore.engines.sqlite.small import SQLiteSmallDatabase

    return SQLiteSmallDatabase(name, application_id, advice)


_SQLITE = SQLiteBackend()
register(_SQLITE)
# A copy of a database on a server is a file.
register(PostgresBackend(_SQLITE))
# libpq takes it for the same.
PARSERS["postgres"] = PARSERS["postgresql"]
