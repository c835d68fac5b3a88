"""What is wrong with a value is told in plain words, not in pydantic's."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, AnyUrl, BaseModel, Field, TypeAdapter, ValidationError

from jobstore.records import Sort
from jobstore.wrong_values import reasons
from tests.fixtures.cases import each_case


class _Inner(BaseModel):
    name: str


def _refuse(value: Any) -> Any:
    raise ValueError("Must rhyme")


@each_case(
    ("kind", "given", "told"),
    [
        (int, "abc", "must be a whole number"),
        (int, 1.5, "must be a whole number"),
        (int, "9" * 5000, "has too many digits"),
        (Decimal, "abc", "must be a number"),
        (float, None, "must be a number"),
        (Decimal, "NaN", "must be a finite number"),
        (bool, "perhaps", "must be true or false"),
        (str, 5, "must be text"),
        (Sort, "best", "must be one of 'newest', 'relevance', 'salary', 'applicants' or 'expires'"),
        (Literal["same", "different"], "x", "must be one of 'same' or 'different'"),
        (datetime.datetime, "soon", "must be a date or time such as"),
        (datetime.datetime, "2025-13-01", "must be a date or time such as"),
        (datetime.date, [], "must be a date or time such as"),
        (UUID, "x", "must be a UUID"),
        (UUID, 5, "must be a UUID"),
        (_Inner, {}, "is required"),
        (_Inner, "x", "must be an object"),
        (list[int], "x", "must be a list"),
        (Annotated[str, Field(max_length=3)], "abcd", "must have at most 3 characters"),
        (Annotated[str, Field(min_length=1)], "", "must have 1 or more characters"),
        (Annotated[list[int], Field(max_length=1)], [1, 2], "must have at most 1 items"),
        (Annotated[list[int], Field(min_length=1)], [], "must have 1 or more items"),
        (Annotated[int, Field(ge=1, le=100)], 0, "must be at least 1"),
        (Annotated[int, Field(ge=1, le=100)], 101, "must be at most 100"),
        (Annotated[int, Field(gt=0, lt=9)], 0, "must be above 0"),
        (Annotated[int, Field(gt=0, lt=9)], 9, "must be below 9"),
        (Annotated[str, AfterValidator(_refuse)], "x", "must rhyme"),
        # What is not in the table.
        (AnyUrl, "x", "must be a valid URL"),
        (bytes, 5, "must be a valid bytes"),
    ],
)
def test_what_is_wrong_is_told_in_plain_words(kind: Any, given: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)
    said = reasons(caught.value.errors())
    assert said == told or (told.endswith("such as") and said.startswith(told))
    assert "nput" not in said
