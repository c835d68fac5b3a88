"""What pydantic finds wrong with a value, in plain words: each completes "<name> ...".

What is not in the table keeps pydantic's sentence, without what it says of itself. pydantic is
not needed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def _for(reason: str, *kinds: str) -> Iterator[tuple[str, str]]:
    return ((kind, reason) for kind in kinds)


_TIME = "must be a date or time such as 2025-10-31 or 2025-10-31T09:00Z"

# By the type of pydantic's error; what stands in braces is from its context.
_REASONS: dict[str, str] = dict(
    [
        *_for("is required", "missing"),
        *_for("must be a whole number", "int_parsing", "int_type", "int_from_float"),
        *_for("has too many digits", "int_parsing_size", "decimal_max_digits"),
        *_for("must be a number", "float_parsing", "float_type", "decimal_parsing", "decimal_type"),
        *_for("must be a finite number", "finite_number"),
        *_for("must be true or false", "bool_parsing", "bool_type"),
        *_for("must be text", "string_type", "string_unicode", "string_sub_type"),
        *_for("must have at most {max_length} characters", "string_too_long"),
        *_for("must have {min_length} or more characters", "string_too_short"),
        *_for("must have at most {max_length} items", "too_long"),
        *_for("must have {min_length} or more items", "too_short"),
        *_for("must be one of {expected}", "enum", "literal_error"),
        *_for("must be at least {ge}", "greater_than_equal"),
        *_for("must be at most {le}", "less_than_equal"),
        *_for("must be above {gt}", "greater_than"),
        *_for("must be below {lt}", "less_than"),
        *_for("must be a UUID", "uuid_parsing", "uuid_type", "uuid_version"),
        *_for("must be a list", "list_type", "tuple_type", "set_type", "frozen_set_type"),
        *_for("must be an object", "dict_type", "model_type", "model_attributes_type"),
        *_for("must have an offset, such as +02:00 or Z", "timezone_aware"),
        *_for(_TIME, "datetime_parsing", "datetime_from_date_parsing", "datetime_type"),
        *_for(_TIME, "datetime_object_invalid", "date_parsing", "date_type"),
        *_for(_TIME, "date_from_datetime_parsing", "date_from_datetime_inexact"),
    ]
)
# "Input should be a valid URL, relative URL without a base", "Value error, must not be empty"
_OF_ITSELF = re.compile(r"^(?:Value|Assertion) error, ")
_SHOULD = re.compile(r"^Input should ((?:be |have )?[^,]*).*", re.DOTALL)


def reason(error: Mapping[str, Any]) -> str:
    """Return what one of the errors of a ``ValidationError`` says is wrong.

    ``error`` has pydantic's ``type`` and ``msg``, and ``ctx`` where it has one.
    """
    template = _REASONS.get(error["type"])
    if template is not None:
        return template.format_map(error.get("ctx") or {})
    said = _OF_ITSELF.sub("", str(error["msg"]))
    said = _SHOULD.sub(r"must \1", said)
    return said[:1].lower() + said[1:]


def reasons(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return all that is wrong with one value."""
    return "; ".join(dict.fromkeys(map(reason, errors)))
