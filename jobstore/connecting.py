"""Opening a store: from a URL to a :class:`~jobstore.JobStore` on an engine.

Settings, migrations, engine and store meet here and nowhere else.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.errors import Fault, InvalidSettings
from jobstore.events import Observer
from jobstore.intake.validation import prepare
from jobstore.migrating import check_applied, check_schema_async, up_async
from jobstore.settings import EngineOptions, SourceRules, StoreURL
from jobstore.settings.options import MOST_OF_ACTOR, is_actor
from jobstore.settings.url import store_at
from jobstore.store import JobStore


class Connecting:
    """A store that is about to be opened: ``await`` it, or use it with ``async with``."""

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, JobStore]]) -> None:
        self._opening = opening
        self._store: JobStore | None = None

    def __await__(self) -> Generator[Any, None, JobStore]:
        return self._opening().__await__()

    async def __aenter__(self) -> JobStore:
        self._store = await self._opening()
        return self._store

    async def __aexit__(self, *error: object) -> None:
        if self._store is not None:
            await self._store.close()


def connect(
    url: str | os.PathLike[str] | None = None,
    *,
    migrate: bool = False,
    options: EngineOptions | None = None,
    observers: Iterable[Observer] = (),
    clock: Callable[[], datetime] | None = None,
    actor: str | None = None,
    sources: Mapping[str, SourceRules] | None = None,
) -> Connecting:
    """Open a store: ``async with connect(url) as store`` or ``store = await connect(url)``.

    ``url`` is ``sqlite:///relative/path.db`` or ``sqlite:////absolute/path.db``, or the path of
    the file, as a Path or as text; or ``postgresql://user@host:5432/database`` (with the extra
    ``postgres``), where libpq's environment, service file and ``~/.pgpass`` say what it leaves out
    [1]_. What is not passed, the URL or a single option, comes from
    where commands take it: the environment (``JOBSTORE_URL``, ``JOBSTORE_BUSY_TIMEOUT`` and their
    like), ``.env``, the YAML file that ``JOBSTORE_CONFIG`` names, the defaults. With ``migrate`` a
    missing database and its folder are made and the schema is brought up to date first.
    ``observers`` are told about every operation. ``actor`` is who writes, as the history of a
    posting tells it: a line of at most 200 characters. Without it the option ``actor`` says it,
    and without that it is ``user@host``. ``sources`` says by their names when postings of sources
    are closed that runs do not see any more; without it the settings say so. ``clock`` gives the
    time (an aware datetime); it is for tests.

    Raises, when awaited: InvalidSettings (a variable or a file of settings is wrong),
    StoreUnavailable (malformed URL, missing folder, permissions), SchemaMismatch (missing file,
    or another schema than ours; says what to run), StoreCorrupt (no database, or not ours),
    MigrationError, StoreBusy, StorageFull.

    .. [1] PostgreSQL, "libpq: Connection Strings".
    """

    async def opening() -> JobStore:
        address, driven, rules = await asyncio.to_thread(_resolved, url, options, sources)
        now = _utc_now if clock is None else _in_utc(clock)
        who = await asyncio.to_thread(_who, actor, driven)
        backend = backend_of(address)
        if Capability.MIGRATIONS in backend.capabilities:
            if migrate:
                await up_async(address)
            await check_schema_async(address)
        await asyncio.to_thread(prepare)
        engine = await backend.open(address, driven, now, partial(check_applied, address))
        return JobStore(engine, tuple(observers), now, who, rules)

    return Connecting(opening)


def _resolved(
    url: str | os.PathLike[str] | None,
    options: EngineOptions | None,
    sources: Mapping[str, SourceRules] | None,
) -> tuple[StoreURL, EngineOptions, Mapping[str, SourceRules]]:
    """Return which store it is, how it is driven, and the rules of sources: what was passed, then
    what is configured."""
    passed = {f"store.{name}": getattr(options, name) for name in options.given} if options else {}
    if url is not None:
        # Before anything is read: a URL that is none is told as such.
        address = store_at(url)
        options = options or EngineOptions()
        if options.is_complete or not _is_configured():
            return address, options, sources or {}
        passed["store.url"] = address.text
    # Reading settings imports what takes longer than opening a store.
    from jobstore.settings.loading import load

    settings = load(flags=passed).settings
    store = settings.store
    return store.address, store.options, settings.rules if sources is None else sources


def _who(actor: str | None, options: EngineOptions) -> str:
    """Return who writes. Raises InvalidSettings where that is no name."""
    if actor is not None and (not is_actor(actor) or not actor.strip()):
        reason = f"must be a line of text of at most {MOST_OF_ACTOR} characters"
        raise InvalidSettings([Fault("actor", reason)])
    if found := actor or options.actor:
        return found
    try:
        user = getpass.getuser()
    except (ImportError, KeyError, OSError):
        # In a container the account may have no name.
        user = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return "".join(
        sign if sign.isprintable() else "?" for sign in f"{user}@{socket.gethostname()}"
    )[:MOST_OF_ACTOR]


def _is_configured() -> bool:
    """Tell whether there is anything that settings could be read from."""
    return Path(".env").exists() or any(name.startswith("JOBSTORE_") for name in os.environ)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _in_utc(clock: Callable[[], datetime]) -> Callable[[], datetime]:
    return lambda: clock().astimezone(UTC)
