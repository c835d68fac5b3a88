"""What health says of a server, of what the server says of itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from jobstore.engines.postgres.upkeep import signs
from jobstore.verdicts import Check
from tests.fixtures.cases import each_case

_SERVER: dict[str, Any] = {
    "connections": 5,
    "most_connections": 97,
    "oldest_pid": 7,
    "oldest_name": "",
    "oldest_seconds": None,
    "replica": False,
    "behind_seconds": None,
    "standbys": 0,
    "standby_seconds": None,
}
_TABLES: dict[str, Any] = {"deltas": 0, "live": 0, "dead": 0}


def look(name: str, **found: Any) -> Check:
    server = SimpleNamespace(**_SERVER | {k: v for k, v in found.items() if k in _SERVER})
    tables = SimpleNamespace(**_TABLES | {k: v for k, v in found.items() if k in _TABLES})
    sign = getattr(signs, f"_{name}")
    return cast(Check, sign(signs._Found(server, tables)))


@each_case(
    ("name", "found", "verdict", "told"),
    [
        ("connections", {"connections": 77}, "pass", ""),
        ("connections", {"connections": 80}, "warn", "80 of 97 connections are taken"),
        ("connections", {"connections": 97}, "fail", "97 of 97 connections are taken"),
        ("transactions", {}, "pass", ""),
        ("transactions", {"oldest_seconds": 900.0}, "warn", "a program (server process 7)"),
        (
            "transactions",
            {"oldest_seconds": 9000.0, "oldest_name": "report"},
            "fail",
            "report (server process 7)",
        ),
        ("replication", {}, "pass", ""),
        ("replication", {"standbys": 2}, "pass", ""),
        ("replication", {"standbys": 2, "standby_seconds": 60.0}, "warn", "behind the primary"),
        ("replication", {"replica": True, "behind_seconds": 0.0}, "pass", ""),
        ("replication", {"replica": True, "behind_seconds": 1000.0}, "fail", "behind the primary"),
        ("replication", {"replica": True}, "pass", "has had nothing to replay"),
        ("counts", {"deltas": 100_000}, "pass", ""),
        ("counts", {"deltas": 100_001}, "warn", "wait to be added up"),
        ("rows", {"live": 10, "dead": 10_000}, "pass", ""),
        ("rows", {"live": 100_000, "dead": 50_000}, "pass", ""),
        ("rows", {"live": 10_000, "dead": 20_000}, "warn", "20,000"),
    ],
)
def test_a_sign_is_judged_by_its_limits(
    name: str, found: dict[str, Any], verdict: str, told: str
) -> None:
    check = look(name, **found)
    assert check.verdict == verdict
    assert told in check.output
    assert bool(check.advice) == (verdict != "pass")


def test_a_database_without_tables_has_no_signs_of_them() -> None:
    for sign in (signs._counts, signs._rows):
        found = sign(signs._Found(SimpleNamespace(**_SERVER), None))
        assert (found.verdict, found.output) == ("pass", "there are no tables yet")
