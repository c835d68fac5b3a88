"""Revisions as they are stored, and as they are read: the values that were replaced, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from jobstore.derived.joining import ABOUT
from jobstore.derived.micros import from_micros
from jobstore.derived.places import from_mappings, mappings
from jobstore.derived.record import Opening
from jobstore.engines.rows import plain, sound
from jobstore.records import (
    EmploymentType,
    ExperienceLevel,
    Location,
    Revision,
    SalaryPeriod,
    Status,
    Workplace,
)


def previous_to_json(previous: Mapping[str, Any]) -> str:
    """Return the replaced values of a revision as a JSON object."""
    return json.dumps(_plain_values(previous), ensure_ascii=False, separators=(",", ":"))


def _plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    # Only of what is said about a revision may the values lie deeper.
    return {
        name: _deep(value) if name == ABOUT else _revised(value) for name, value in values.items()
    }


def _deep(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _plain_values(each) if name == "was" else _deep(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_deep(each) for each in value]
    return _revised(value)


def _revised(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], Location):
        return mappings(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return plain(value) if isinstance(value, Decimal) else value


@sound
def revision_from_row(row: Sequence[Any]) -> Revision:
    """Make a revision of the columns version, changed_at and previous."""
    previous = previous_from_json(row[2])
    previous.pop(ABOUT, None)
    return Revision(row[0], from_micros(row[1]), previous)


@sound
def previous_from_json(text: str) -> dict[str, Any]:
    """Return the replaced values of a revision, with what is said of it under ``ABOUT``."""
    previous = _restored(json.loads(text))
    about = previous.get(ABOUT, {})
    if "closed_at" in about:
        about["closed_at"] = datetime.fromisoformat(about["closed_at"])
    for part in about.get("joined", ()):
        _restored(part["was"])
        if part["opened"] is not None:
            at, actor, run = part["opened"]
            part["opened"] = Opening(datetime.fromisoformat(at), actor, run)
    return previous


def _restored(values: dict[str, Any]) -> dict[str, Any]:
    for name, restore in _RESTORED.items():
        if values.get(name) is not None:
            values[name] = restore(values[name])
    return values


# Turns the values of fields that JSON has no type for back into what they were.
_RESTORED: dict[str, Callable[[Any], Any]] = {
    "status": Status,
    "workplace": Workplace,
    "employment_type": EmploymentType,
    "experience_level": ExperienceLevel,
    "salary_period": SalaryPeriod,
    "locations": from_mappings,
    "salary_min": Decimal,
    "salary_max": Decimal,
    "posted_at": datetime.fromisoformat,
    "expires_at": datetime.fromisoformat,
    "closed_at": datetime.fromisoformat,
}
