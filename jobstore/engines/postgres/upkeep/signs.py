"""How a server and its tables are, as health asks: connections, transactions, standbys, waste.

Only looking lives here. All signs of one report come from one connection, since a server that has
hardly any left is asked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

from psycopg.rows import namedtuple_row

from jobstore.engines import named_statements
from jobstore.engines.postgres.sessions import blocking
from jobstore.settings import HealthLimits, StoreURL
from jobstore.verdicts import Check, Verdict, at_most

_SQL = named_statements.load("postgres")

# Percent of the connections that are taken.
_MANY, _TOO_MANY = 80.0, 95.0
# Seconds that a transaction is open: it keeps VACUUM from its work, in every table.
_LONG, _TOO_LONG = 600.0, 7200.0
# Seconds by which a standby is behind.
_BEHIND, _FAR_BEHIND = 30.0, 600.0
# Changes of counts that wait to be added up. Reading statistics reads them all.
_MANY_DELTAS = 100_000
# Percent of dead rows, where there are more than so many.
_WASTE, _FEW_ROWS = 50.0, 10_000


class _Found(NamedTuple):
    server: Any
    tables: Any


class _Look:
    """One look at the server, made when the first sign is asked for."""

    def __init__(self, url: StoreURL, patience: float) -> None:
        self._url = url
        self._patience = patience
        self._lock = Lock()
        self._found: _Found | None = None

    def __call__(self) -> _Found:
        with self._lock:
            if self._found is None:
                self._found = self._looked()
            return self._found

    def _looked(self) -> _Found:
        with (
            blocking(self._url, patience=self._patience) as conn,
            conn.cursor(row_factory=namedtuple_row) as cursor,
        ):
            server = cursor.execute(_SQL["signs_of_server"]).fetchone()
            return _Found(server, cursor.execute(_SQL["signs_of_tables"]).fetchone())


def signs(url: StoreURL, limits: HealthLimits) -> Mapping[str, Callable[[], Check]]:
    """Do what :meth:`jobstore.engines.backend.Upkeep.signs` says."""
    look = _Look(url, limits.timeout)
    looks = {
        "server:connections": _connections,
        "server:transactions": _transactions,
        "server:replication": _replication,
        "server:counts": _counts,
        "server:rows": _rows,
    }
    told: dict[str, Callable[[], Check]] = {
        name: partial(_of, look, sign) for name, sign in looks.items()
    }
    # What only a program on the server's machine could see.
    return told | {"disk:free": _disk}


def _of(look: _Look, sign: Callable[[_Found], Check]) -> Check:
    return sign(look())


def _connections(found: _Found) -> Check:
    used, most = found.server.connections, found.server.most_connections
    check = at_most(round(100 * used / most, 1), "percent", _MANY, _TOO_MANY)
    if check.verdict is Verdict.PASS:
        return check
    advice = "use a pooler, end programs that need none, or raise max_connections"
    return Check(
        check.verdict,
        check.observed,
        check.unit,
        f"{used:,} of {most:,} connections are taken",
        advice,
        limit=check.limit,
        bound=check.bound,
    )


def _transactions(found: _Found) -> Check:
    server = found.server
    seconds = max(0.0, round(server.oldest_seconds or 0.0, 1))
    check = at_most(seconds, "seconds", _LONG, _TOO_LONG)
    if check.verdict is Verdict.PASS:
        return check
    who = f"{server.oldest_name or 'a program'} (server process {server.oldest_pid})"
    return Check(
        check.verdict,
        seconds,
        "seconds",
        f"{who} has had a transaction open for so long; nothing that was deleted since is cleared",
        f"end that program, or run: SELECT pg_terminate_backend({server.oldest_pid})",
        limit=check.limit,
        bound=check.bound,
    )


def _replication(found: _Found) -> Check:
    server = found.server
    if server.replica:
        behind, advice = server.behind_seconds, "see what holds the standby up, or its network"
        if behind is None:
            return Check(Verdict.PASS, output="a standby that has had nothing to replay yet")
    elif not server.standbys:
        return Check(Verdict.PASS, 0, "standbys")
    elif server.standby_seconds is None:
        # A standby that has caught up says nothing, and neither do they to a role without rights.
        return Check(Verdict.PASS, server.standbys, "standbys")
    else:
        behind, advice = server.standby_seconds, "see pg_stat_replication on the primary"
    check = at_most(round(behind, 1), "seconds", _BEHIND, _FAR_BEHIND)
    if check.verdict is Verdict.PASS:
        return check
    return Check(
        check.verdict,
        check.observed,
        "seconds",
        "the standby is behind the primary by so long",
        advice,
        limit=check.limit,
        bound=check.bound,
    )


def _counts(found: _Found) -> Check:
    if found.tables is None:
        return Check(Verdict.PASS, output="there are no tables yet")
    check = at_most(found.tables.deltas, "changes", _MANY_DELTAS)
    if check.verdict is Verdict.PASS:
        return check
    return Check(
        check.verdict,
        check.observed,
        "changes",
        "of counts wait to be added up, which each reading of statistics does meanwhile",
        "run 'jobstore run-due --force --only optimize'",
        limit=check.limit,
        bound=check.bound,
    )


def _rows(found: _Found) -> Check:
    if found.tables is None:
        return Check(Verdict.PASS, output="there are no tables yet")
    live, dead = found.tables.live, found.tables.dead
    # Of a small table a part that looks large is nothing.
    percent = round(100 * dead / (live + dead), 1) if dead > _FEW_ROWS else 0.0
    if percent <= _WASTE:
        return Check(Verdict.PASS, percent, "percent", limit=_WASTE, bound="at most")
    return Check(
        Verdict.WARN,
        percent,
        "percent",
        f"of the rows are dead ({dead:,}); autovacuum does not keep up, or is kept from it",
        "see server:transactions, then run 'jobstore vacuum'",
        limit=_WASTE,
        bound="at most",
    )


def _disk() -> Check:
    return Check(Verdict.PASS, output="not known: the server's disk is watched on its machine")
