"""Cursors are accepted as they were made, and in no other form."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.errors import InvalidQuery
from jobstore.records import SearchQuery
from jobstore.search.criteria import Criteria, check_query
from jobstore.search.cursor import Mark, Position, decode, encode
from tests.fixtures.cases import each_case

KEY = bytes(range(32))
CRITERIA = check_query(SearchQuery(text="data", sort="salary"))
POSITION: Position = (62_400.5, 1_714_564_800_000_000, 3)
TOTAL = (1001, True)
CURSOR = encode(KEY, CRITERIA, Mark(POSITION, TOTAL))

values = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()


moments = st.none() | st.datetimes(timezones=st.just(UTC))


@given(st.lists(values).map(tuple), st.integers(0, 1001), st.booleans(), moments)
def test_a_cursor_brings_back_what_went_in(
    position: Position, total: int, capped: bool, as_of: datetime | None
) -> None:
    mark = Mark(position, (total, capped), as_of)
    cursor = encode(KEY, CRITERIA, mark)
    assert decode(KEY, CRITERIA, cursor) == mark
    assert set(cursor) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@each_case("place", range(len(CURSOR)))
def test_no_character_can_be_changed(place: int) -> None:
    for char in "ABab01-_+/= \n~é":
        if char != CURSOR[place]:
            with pytest.raises(InvalidQuery):
                decode(KEY, CRITERIA, CURSOR[:place] + char + CURSOR[place + 1 :])


@each_case("length", range(len(CURSOR)))
def test_no_part_of_a_cursor_is_one(length: int) -> None:
    with pytest.raises(InvalidQuery):
        decode(KEY, CRITERIA, CURSOR[:length])


@each_case(
    "cursor",
    [
        f"{CURSOR}A",
        f"{CURSOR}=",
        f"{CURSOR}\n",
        f" {CURSOR}",
        "",
        "x",
        "null",
        "\ud800",
        base64.urlsafe_b64encode(b"[0,false]").decode(),
        None,
        5,
        CURSOR.encode(),
    ],
)
def test_other_things_are_no_cursor(cursor: Any) -> None:
    with pytest.raises(InvalidQuery) as caught:
        decode(KEY, CRITERIA, cursor)
    assert caught.value.faults[0].field == "cursor"


@pytest.mark.parametrize(
    ("key", "criteria"),
    [
        (bytes(32), CRITERIA),
        (KEY, Criteria()),
        (KEY, check_query(SearchQuery(text="data"))),
        (KEY, check_query(SearchQuery(text="data", sort="salary", status="open"))),
    ],
)
def test_a_cursor_belongs_to_one_store_and_one_query(key: bytes, criteria: Criteria) -> None:
    with pytest.raises(InvalidQuery, match="does not belong"):
        decode(key, criteria, CURSOR)
    same = check_query(SearchQuery(text=" DATA", sort="salary"))
    assert decode(KEY, same, CURSOR) == Mark(POSITION, TOTAL)
