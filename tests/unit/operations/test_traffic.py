"""What was counted reads as traffic, and only failures of the store count as failures."""

from __future__ import annotations

import pytest

from jobstore.operations.monitoring.traffic import (
    OBSERVED,
    Key,
    added,
    by_operation,
    is_failure,
    together,
    total,
)
from tests.fixtures.cases import each_case


def test_flat_numbers_become_traffic_by_operation() -> None:
    counted: dict[Key, int] = {
        OBSERVED: 10_000_000,
        ("get", "bucket", "50000"): 3,
        ("get", "bucket", "inf"): 1,
        ("get", "micros", ""): 12_500_000,
        ("get", "rows", ""): 3,
        ("get", "error", "JobNotFound"): 1,
        ("get", "error", "StoreTimeout"): 1,
    }
    assert list(by_operation(counted)) == ["get"]
    get = by_operation(counted)["get"]
    assert (get.count, get.seconds, get.rows, get.failures) == (4, 12.5, 3, 1)
    assert get.errors == {"JobNotFound": 1, "StoreTimeout": 1}
    assert get.quantile(0.5) == pytest.approx(0.05, rel=0.4)


def test_a_bound_of_another_version_counts_as_longer_than_all() -> None:
    assert by_operation({("get", "bucket", "12345"): 2})["get"].quantile(0.5) == 10.0


@each_case(
    ("operation", "error", "failed"),
    [
        ("get", "StoreTimeout", True),
        ("get", "TypeError", True),
        ("get", "JobNotFound", False),
        ("search", "InvalidQuery", False),
        ("upsert", "CancelledError", False),
        ("upsert", "StoreClosed", False),
        ("transaction", "ZeroDivisionError", False),
        ("transaction", "StorageFull", True),
        ("upsert_many", "UnicodeDecodeError", False),
        ("upsert_many", "StoreBusy", True),
    ],
)
def test_a_failure_is_what_the_store_could_not_do(operation: str, error: str, failed: bool) -> None:
    assert is_failure(operation, error) is failed


def test_what_lasts_as_its_caller_wants_lends_no_durations() -> None:
    traffic = by_operation({
        ("get", "bucket", "100"): 5,
        ("upsert_many", "bucket", "inf"): 5,
        ("upsert_many", "rows", ""): 500,
        ("upsert_many", "error", "StoreBusy"): 2,
        ("get", "error", "StoreBusy"): 1,
    })  # fmt: skip
    merged = together(traffic)
    assert (merged.count, total(traffic), merged.rows) == (5, 10, 500)
    assert (merged.errors, merged.failures) == ({"StoreBusy": 3}, 3)
    assert merged.quantile(1.0) == 0.0001


def test_numbers_of_processes_add_up() -> None:
    one: dict[Key, int] = {("get", "rows", ""): 1}
    assert added([one, one, {("find", "rows", ""): 2}]) == {
        ("get", "rows", ""): 2,
        ("find", "rows", ""): 2,
    }
