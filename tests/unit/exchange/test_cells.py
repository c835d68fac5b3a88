"""Single values as sources write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from jobstore.exchange.cells import (
    digest,
    flag,
    from_epoch,
    link,
    listed,
    number,
    stated,
    whole,
)
from tests.fixtures.cases import each_case


@each_case(
    ("value", "unit", "time"),
    [
        ("1713397508000.0", "milliseconds", datetime(2024, 4, 17, 23, 45, 8, tzinfo=UTC)),
        (1713397508123, "milliseconds", datetime(2024, 4, 17, 23, 45, 8, 123000, tzinfo=UTC)),
        (1714605534, "seconds", datetime(2024, 5, 1, 23, 18, 54, tzinfo=UTC)),
        ("soon", "seconds", "soon"),
        ("1e999999999", "seconds", "1e999999999"),
        (10**17, "seconds", 10**17),
        (True, "seconds", True),
        (None, "seconds", None),
    ],
)
def test_times_since_1970(value: Any, unit: str, time: Any) -> None:
    assert from_epoch(value, unit) == time


@each_case(
    ("value", "read"),
    [
        ("12.0", 12),
        (12.0, 12),
        (Decimal("12.00"), 12),
        ("12.5", "12.5"),
        ("1e999999999", "1e999999999"),
        ("-1e9999999", "-1e9999999"),
        (math.nan, math.nan),
        ("x", "x"),
        (True, True),
        (None, None),
    ],
)
def test_whole_numbers(value: Any, read: Any) -> None:
    assert whole(value) is read or whole(value) == read


@pytest.mark.parametrize(
    ("value", "read"), [("4.5", 4.5), ("7", 7), ("inf", "inf"), ("x", "x"), (2.5, 2.5)]
)
def test_numbers(value: Any, read: Any) -> None:
    assert number(value) == read


@each_case(
    ("value", "read"),
    [("True", True), ("1.0", True), (1, True), ("no", False), (0.0, False), ("maybe", None)],
)
def test_flags(value: Any, read: Any) -> None:
    assert flag(value) is read


@each_case(
    ("value", "base", "read"),
    [
        ("https://example.com/a", None, "https://example.com/a"),
        ("www.example.org", None, "https://www.example.org"),
        ("example.com:8080/x?y", None, "https://example.com:8080/x?y"),
        ("/apply", "https://example.com/jobs/1", "https://example.com/apply"),
        ("/apply", None, "/apply"),
        ("/apply", "https://[broken", "/apply"),
        ("by mail", None, "by mail"),
        (None, None, None),
    ],
)
def test_links(value: Any, base: Any, read: Any) -> None:
    assert link(value, base) == read


def test_lists() -> None:
    assert listed(" a, b ,,c") == ["a", "b", "c"]
    assert listed(["a, b"]) == ["a, b"]
    assert listed(None) is None


def test_what_states_nothing_is_left_out() -> None:
    empty: dict[str, Any] = {"a": None, "b": "", "c": " \n", "d": [], "e": {}, "f": math.nan}
    assert stated({**empty, "zero": 0, "no": False}) == {"zero": 0, "no": False}


def test_a_digest_ignores_case_and_spacing_but_not_places() -> None:
    assert digest(["Data  Engineer", "ACME"]) == digest(["data engineer ", "Acme"])
    assert digest(["a", "b"]) != digest(["a b"]) != digest(["b", "a"])
    assert len(digest(["\ud800"])) == 32
