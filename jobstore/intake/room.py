"""What the attributes of one posting have room for, found out before all of it is walked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobstore.intake import coercion, wording
from jobstore.intake.given import Omission
from jobstore.intake.plain_values import json_value, number_of_values
from jobstore.records import MAX_ATTRIBUTES

NAMED = 100
"""Values of one kind that are named where they are left out; of the others the number is told."""

# Each value takes two characters of JSON or more, with what is between it and the next one.
_MOST_VALUES = MAX_ATTRIBUTES // 2


class Room:
    """Takes in what there is room for; what there is none for goes to ``omissions``."""

    def __init__(self, omissions: list[Omission]) -> None:
        self._omissions = omissions
        self._left_out = 0

    def bounded(self, given: dict[Any, Any]) -> dict[Any, Any]:
        """Return attributes without entries that hold more values than there is room for.

        In a few steps for each entry, whatever it holds.
        """
        if number_of_values(given, _MOST_VALUES) <= _MOST_VALUES:
            return given
        return {name: item for name, item in given.items() if not self._is_too_much(name, item)}

    def fitting(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return attributes as JSON, without the largest entries if all are too long."""
        attributes: dict[str, Any] = json_value(given)
        sizes = {name: _size(name, item) for name, item in attributes.items()}
        total = sum(sizes.values()) + 2
        for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if total <= MAX_ATTRIBUTES:
                break
            total -= sizes[name]
            self._leave_out(name, attributes.pop(name))
        return attributes

    def add(self, attributes: dict[str, Any], kept: Mapping[str, Any]) -> None:
        """Put raw values, by their own names, beside what is there."""
        total = len(coercion.JSON.encode(attributes))
        for own, raw in kept.items():
            if self._is_too_much(own, raw):
                continue
            value, key = json_value(raw), json_value(own)
            if value is None or attributes.get(key) == value:
                continue
            key = next(each for each in _names(key) if each not in attributes)
            total += (size := _size(key, value))
            if total > MAX_ATTRIBUTES:
                total -= size
                self._leave_out(key, raw)
            else:
                attributes[key] = value

    def tell(self) -> None:
        """Tell how many were left out that are not named."""
        if self._left_out > NAMED:
            reason = f"has no room for {self._left_out - NAMED:,} more values"
            self._omissions.append(Omission("attributes", "attributes", "dict", reason))

    def _is_too_much(self, name: object, raw: Any) -> bool:
        is_much = number_of_values(raw, _MOST_VALUES) > _MOST_VALUES
        if is_much:
            self._leave_out(str(name), raw)
        return is_much

    def _leave_out(self, name: str, raw: Any) -> None:
        self._left_out += 1
        if self._left_out <= NAMED:
            reason = f"is too long to be kept in attributes (at most {MAX_ATTRIBUTES:,} characters)"
            omission = Omission("attributes", wording.shorten(name), wording.kind(raw), reason)
            self._omissions.append(omission)


def _names(own: str) -> Iterable[str]:
    """Yield names for a raw value: its own, and others where the source has that one as well."""
    yield own
    yield f"{own} (as found)"
    number = 2
    while True:
        yield f"{own} (as found, {number})"
        number += 1


def _size(name: str, value: Any) -> int:
    """Return the characters that an entry of a JSON object takes, with its comma."""
    return len(coercion.JSON.encode({name: value})) - 1
