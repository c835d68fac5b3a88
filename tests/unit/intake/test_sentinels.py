"""What stands for "not stated" is told apart from values."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from jobstore.intake.sentinels import is_empty, states_nothing, without_salary
from jobstore.records import JobPosting
from tests.fixtures.cases import each_case

NOTHING = [
    *("-1", "None", "none", "NONE", "nan", "NaN", "NAN", "NaT", "N/A", "n/a", "#N/A", "null"),
    *("NULL", "undefined", "#", "-", "--", "—", "–", "?", "<NA>", " nan ", "[]", "{}", "\\N"),
    *(-1, -1.0, Decimal(-1)),
]


@each_case("value", NOTHING)
@each_case("name", JobPosting.__slots__)
def test_sentinels_state_nothing_in_every_field(name: str, value: Any) -> None:
    assert states_nothing(name, value)


@pytest.mark.parametrize("value", ["Unknown", "not specified", "keine Angabe", "Non renseigné"])
def test_words_for_not_stated_state_nothing_but_in_a_title(value: str) -> None:
    assert states_nothing("location", value)
    assert states_nothing("company", value)
    assert not states_nothing("title", value)


@each_case(
    "value",
    ["None Such", "Nan Hai", "Null Island", "#1 Barber", "-1 degree", "N/A Ltd", "Unknown Worlds"],
)
def test_names_that_hold_a_sentinel_state_something(value: str) -> None:
    assert not states_nothing("company", value)


@each_case("value", [0, 1, "0", "1", "R", "C", True, False, 0.0, [], {}, "NO"])
def test_small_values_state_something(value: Any) -> None:
    assert not states_nothing("skills", value)


@each_case("value", ["None", "nan", "-1", "#N/A", " null ", "-"])
def test_a_cell_is_empty_whatever_it_is_for(value: str) -> None:
    assert is_empty(value)


@each_case("value", ["NA", "na", "Unknown", "0", "None Such", "", "x" * 99, -1, None])
def test_other_cells_are_not(value: Any) -> None:
    assert not is_empty(value)


def test_namibia_is_a_country() -> None:
    assert not states_nothing("country", "NA")
    assert not states_nothing("country", "na")
    assert states_nothing("location", "NA")
    assert states_nothing("country", "N/A")


@each_case(
    "value",
    [
        *("9999-12-31", "9999-12-31T23:59:59Z", "0001-01-01", "0000-00-00 00:00:00", "31/12/9999"),
        *(datetime.max, datetime.min),
    ],
)
def test_the_years_9999_and_1_are_no_times(value: Any) -> None:
    assert states_nothing("expires_at", value)
    assert not states_nothing("description", str(value))


@pytest.mark.parametrize("value", ["2024-05-01T10:00:00.9999", "2024-05-01T00:00:00+0000"])
def test_other_times_state_something(value: str) -> None:
    assert not states_nothing("expires_at", value)


@each_case(
    ("low", "high", "none"),
    [
        (0, 0, ["salary_min", "salary_max"]),
        (None, 0, ["salary_min", "salary_max"]),
        (0, None, ["salary_min"]),
        (50, 0, ["salary_max"]),
        (0, 50, []),
        (50, 60, []),
        (None, None, []),
    ],
)
def test_a_salary_of_nothing_is_none(low: Any, high: Any, none: list[str]) -> None:
    assert without_salary({"salary_min": low, "salary_max": high}) == none
