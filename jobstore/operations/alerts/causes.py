"""Which checks fail only because another one does, so that one cause gives one notification."""

from __future__ import annotations

from collections.abc import Mapping

_SLOW, _FAILING = "latency_p95_ms", "error_percent"

FOLLOWS: Mapping[str, frozenset[str]] = {
    # A server that cannot be reached has no connection either.
    "server:connections": frozenset({
        *("store", "operations", "performance", "schema", "library", "backup", "restore-test"),
        *("server:transactions", "server:replication", "server:counts", "server:rows"),
        *(_SLOW, _FAILING),
    }),
    "library:version": frozenset({"schema", "store", "operations", "performance", _FAILING}),
    "disk:free": frozenset({
        *("disk:write", "store", "operations", "performance", "wal", "backup", "restore-test"),
        *("archive", _SLOW, _FAILING),
    }),
    "disk:write": frozenset({
        *("store", "schema", "operations", "performance", "wal", "backup", "restore-test"),
        *("archive", "queue", "memory:process", "files", _SLOW, _FAILING),
    }),
    "schema:version": frozenset({"store", "wal", "backup", "restore-test", _FAILING}),
    "store:responseTime": frozenset({
        *("operations", "backup", "restore-test", "archive", _FAILING),
    }),
    "operations:responseTime": frozenset({_FAILING}),
    "memory:available": frozenset({"performance", "queue", _SLOW}),
    "queue:depth": frozenset({"operations", _SLOW, _FAILING}),
    "wal:held": frozenset({"wal:size"}),
    "server:transactions": frozenset({"server:rows"}),
    "server:rows": frozenset({"performance", _SLOW}),
    "wal:size": frozenset({"performance", _SLOW}),
    "performance:get": frozenset({_SLOW}),
    "performance:search": frozenset({_SLOW}),
    "performance:statistics": frozenset({_SLOW}),
    "backup:age": frozenset({"restore-test"}),
}  # fmt: skip
"""By cause: the checks, components and measures of traffic that follow from it; no circle."""


def follows(name: str, cause: str) -> bool:
    """Tell whether the check or measure ``name`` is what ``cause`` leads to."""
    found = FOLLOWS.get(cause, frozenset())
    return name != cause and (name in found or name.partition(":")[0] in found)


def results(causes: Mapping[str, int], bad: Mapping[str, int]) -> set[str]:
    """Return what of ``bad`` follows from ``causes``, directly or by way of each other.

    Both come with how bad they are: what is not so bad explains nothing that is worse.
    """
    found: dict[str, int] = {}
    while more := {
        name: rank
        for name, rank in bad.items()
        if name not in found
        and any(
            worst >= rank and follows(name, cause) for cause, worst in ({**causes, **found}).items()
        )
    }:
        found |= more
    return set(found)
