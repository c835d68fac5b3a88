"""One connection to a server: how it is made, how values are adapted on it, and what holds there.

Values are adapted alike on all connections: rows come in binary form, an ``id`` is 16 bytes, and
each integer is a bigint, so that a statement is prepared once. An array of ids is a list of UUIDs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor, Connection, ConnectionInfo, Cursor, Transaction
from psycopg.adapt import AdaptersMap, Buffer, Dumper, Loader
from psycopg.pq import Format, TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper

from jobstore.engines import named_statements
from jobstore.engines.postgres.hearing import committing
from jobstore.engines.postgres.hosts import PRIMARY, several
from jobstore.engines.postgres.url import parameters
from jobstore.errors import StoreUnavailable
from jobstore.settings import EngineOptions, StoreURL

OLDEST = 14_00_00
"""The oldest version of the server that is tested for, as libpq counts it."""

# Seconds to connect to one host, and after which a server that is silent is taken for gone.
_CONNECTING = 10
_SILENT = 30
# Seconds that a transaction of ours may stand idle before the server ends it: its program hangs,
# or is gone without a word. A transaction of a caller's own sets its own.
_IDLE = 60.0

_SQL = named_statements.load("postgres")

# A library does not print; whoever has set up logging gets what psycopg says.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class _OctetsLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _OctetsDumper(Dumper):
    """Bytes whose type the server takes from where they stand: an id or a digest."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: Any) -> bytes:
        return bytes(obj)


class _IdDumper(_OctetsDumper):
    oid = psycopg.adapters.types["uuid"].oid


class _IntDumper(Int8BinaryDumper):
    """An integer as a bigint, whatever its size."""


def _adapt(adapters: AdaptersMap) -> None:
    adapters.register_loader("uuid", _OctetsLoader)
    # The last one is taken for bytes; the one before serves COPY, which knows the types.
    adapters.register_dumper(None, _IdDumper)
    adapters.register_dumper(bytes, _OctetsDumper)
    adapters.register_dumper(int, _IntDumper)


class _Context:
    """What psycopg takes its adapters from."""

    connection = None
    adapters = AdaptersMap(psycopg.adapters)


_adapt(_Context.adapters)
_CONTEXT = _Context()


class _AsyncCursor(AsyncCursor[tuple[Any, ...]]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format = Format.BINARY


class _BlockingCursor(Cursor[tuple[Any, ...]]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.format = Format.BINARY


class _Blocking(Connection[tuple[Any, ...]]):
    """A connection whose transactions are kept when they end, or OutcomeUnknown is raised."""

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[Transaction]:
        commits = not force_rollback and self.info.transaction_status == TransactionStatus.IDLE
        transaction = super().transaction(savepoint_name, force_rollback)
        with ExitStack() as listening, transaction as begun:
            yield begun
            if commits:
                # It listens from here until the transaction is left, which commits.
                listening.enter_context(committing(self))


class Session(AsyncConnection[tuple[Any, ...]]):
    """One connection. ``pooled``: behind a pooler, which lends it a server's session for each
    transaction alone; ``born``: when it was made, in the loop's time; ``server``: what no other
    server has, not even the same one after a restart; ``standby``: it was none of a primary;
    ``history``: what was different before a restart, a crash or a failover, after which the number
    of a transaction may have been given to another one; a pooler may have led it on since."""

    pooled = False
    settings: Mapping[str, str]
    born = 0.0
    server = ""
    history = ""
    standby = False

    def __del__(self, *_: Any, **__: Any) -> None:
        """Warn of nothing: that it was not closed, the store says."""

    async def settle(self) -> None:
        """Let the settings hold in the transaction that has begun, where no session has them."""
        if self.pooled:
            await self.execute(_SQL["set_all"], (True, *_pairs(self.settings)))

    def is_alive(self) -> bool:
        """Tell, without asking the server, whether it has not ended the connection."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        # Where the server says something although nobody has asked, it is farewell. A notice is so
        # rare that another connection instead does not matter.
        return not poll.poll(0)

    def break_off(self) -> None:
        """Let who waits for the server here find that the connection is lost."""
        if not self.closed:
            with socket.socket(fileno=os.dup(self.fileno())) as ours, suppress(OSError):
                ours.shutdown(socket.SHUT_RDWR)


async def connect(
    asked: Mapping[str, Any], options: EngineOptions, *, statement: float, lock: float
) -> Session:
    """Open a connection in autocommit, and let what a store asks for hold on it.

    ``asked`` is what :func:`filled` gives. ``statement`` and ``lock``: seconds that one may take,
    and that it may wait for others. Raises psycopg's errors.
    """
    session = await Session.connect(
        autocommit=True, context=_CONTEXT, cursor_factory=_AsyncCursor, **asked
    )
    try:
        _require_usable(session.info)
        session.born = asyncio.get_running_loop().time()
        look = await session.execute(_SQL["look"], prepare=False)
        ((pid, durable, session.server, session.standby, session.history),) = await look.fetchall()
        session.settings = _settings(options, durable, statement, lock)
        session.pooled = pid != session.info.backend_pid
        if session.pooled:
            session.prepare_threshold = None
        else:
            await session.execute(
                _SQL["set_all"], (False, *_pairs(session.settings)), prepare=False
            )
    except BaseException:
        session.pgconn.finish()
        raise
    return session


def connect_blocking(url: StoreURL, *, patience: float) -> Connection[tuple[Any, ...]]:
    """Open a connection that blocks, in autocommit; see :func:`.sessions.blocking`."""
    conn = _Blocking.connect(
        autocommit=True, context=_CONTEXT, cursor_factory=_BlockingCursor, **filled(url)
    )
    settings = {
        "lock_timeout": milliseconds(patience),
        "statement_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "default_transaction_isolation": "read committed",
    }
    try:
        _require_usable(conn.info)
        conn.execute(_SQL["set_all"], (False, *_pairs(settings)), prepare=False)
    except BaseException:
        conn.close()
        raise
    return conn


def is_pooled(conn: Connection[tuple[Any, ...]]) -> bool:
    """Tell whether a pooler stands before the server, so that each transaction may be on another
    session."""
    ((pid,),) = conn.execute(_SQL["backend"]).fetchall()
    return bool(pid != conn.info.backend_pid)


def _require_usable(info: ConnectionInfo) -> None:
    """Raise StoreUnavailable where the server cannot keep a store."""
    if info.server_version < OLDEST:
        raise StoreUnavailable(
            f"The server is PostgreSQL {info.server_version // 10_000}, which is too old; use "
            f"version {OLDEST // 10_000} or newer."
        )
    encoding = info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreUnavailable(
            f"The database keeps text as {encoding}, which cannot hold every posting; make one "
            "that keeps UTF-8: createdb --encoding UTF8 --template template0 NAME"
        )


def filled(url: StoreURL) -> dict[str, Any]:
    """Return what connects: what the URL says, and what it and libpq's environment leave open.

    Raises StoreUnavailable where the URL is malformed.
    """
    given = parameters(url.text)
    found: dict[str, Any] = {"fallback_application_name": "jobstore", "client_encoding": "UTF8"}
    if not ("service" in given or "PGSERVICE" in os.environ):
        if "PGCONNECT_TIMEOUT" not in os.environ:
            found["connect_timeout"] = _CONNECTING
        found |= {"keepalives_idle": _SILENT, "tcp_user_timeout": _SILENT * 1000}
        if several(given) and "PGTARGETSESSIONATTRS" not in os.environ:
            found["target_session_attrs"] = PRIMARY
    return found | given


def _settings(
    options: EngineOptions, durable: str, statement: float, lock: float
) -> dict[str, str]:
    """Return the settings of a session; ``durable`` is how the server keeps a commit."""
    if options.synchronous == "normal":
        durable = "off"
    elif durable == "off":
        durable = "on"
    return {
        "synchronous_commit": durable,
        "statement_timeout": milliseconds(statement),
        "lock_timeout": milliseconds(lock),
        "idle_in_transaction_session_timeout": milliseconds(max(_IDLE, statement)),
        "default_transaction_isolation": "read committed",
        # Compiling a plan takes longer than any statement of ours runs.
        "jit": "off",
    }


def milliseconds(seconds: float) -> str:
    """Return a limit of time as the server takes it; its 0 would mean that there is none."""
    return str(max(1, round(seconds * 1000)))


def _pairs(settings: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return [*settings], [*settings.values()]
