"""Arguments of tools: how they are checked, and the small schemas that tell of them.

An argument that cannot be answered is a fault that says what to do instead; none is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError, model_validator

from jobstore.errors import Fault, InvalidQuery
from jobstore.service.parameters import lists
from jobstore.service.problems import faults_of

M = TypeVar("M", bound="Arguments")

ID = AliasChoices("id", "ojcp_id", "job_id")
"""The names that the id of a posting may have."""

# More than any tool has, and than anybody asks for: each would be looked at, and told as a fault.
_MOST_NAMES, _MOST_ITEMS = 100, 1_000

# An id is known to agents by the name that it has in answers.
_OF_ID = {"type": "value_error", "msg": "must be the ojcp_id of a posting"}


class Arguments(BaseModel):
    """Arguments of a tool. ``null`` is what is not given, one value is a list of it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _lenient(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if len(given) > _MOST_NAMES:
            raise ValueError(f"must have at most {_MOST_NAMES} names")
        for name, value in given.items():
            if isinstance(value, list) and len(value) > _MOST_ITEMS:
                raise ValueError(f"must have at most {_MOST_ITEMS:,} items in {name[:100]!r}")
        return {
            name: [value] if isinstance(value, str) and name in lists(cls) else value
            for name, value in given.items()
            if value is not None
        }


def checked(model: type[M], given: Any) -> M:
    """Return checked arguments. Raises InvalidQuery with every fault."""
    try:
        return model.model_validate({} if given is None else given)
    except ValidationError as error:
        placed = [
            {
                **each,
                **(_OF_ID if each["type"].startswith("uuid_") else {}),
                "loc": ("arguments", *each["loc"]),
            }
            for each in error.errors()
        ]
        faults = faults_of(RequestValidationError(placed), _names(schema(model)))
    raise InvalidQuery(
        Fault("" if name == "arguments" else name, reason) for name, reason in faults
    )


def _names(told: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names that a schema tells of, those inside of others after a point."""
    for name, each in told.get("properties", {}).items():
        yield f"{before}{name}"
        yield from _names(each, f"{before}{name}.")


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Have the faults of a query bear the names that its fields have as arguments."""
    try:
        yield
    except InvalidQuery as error:
        faults = [Fault(names.get(each.field, each.field), each.reason) for each in error.faults]
        raise InvalidQuery(faults) from None


def schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, as small as it can be."""
    whole = model.model_json_schema(by_alias=False)
    found = _small(whole, whole.get("$defs", {}))
    del found["description"]
    return found


def _small(given: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in given:
        meant = named[given["$ref"].rpartition("/")[2]]
        return _small({**meant, "description": given.get("description")}, named)
    if "anyOf" in given:
        rest = {name: each for name, each in given.items() if name != "anyOf"}
        # The first says what it is: null is what is not given, and an amount may be text.
        return _small({**given["anyOf"][0], **rest}, named)
    small: dict[str, Any] = {}
    for name in ("type", "enum", "maximum", "required", "description"):
        if given.get(name) is not None:
            small[name] = given[name]
    if given.get("default"):
        small["default"] = given["default"]
    if "properties" in given:
        members = given["properties"].items()
        small["properties"] = {name: _small(each, named) for name, each in members}
    if "items" in given:
        small["items"] = _small(given["items"], named)
    return small
