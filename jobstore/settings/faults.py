"""What is wrong with settings, in words: pydantic's errors as faults with a place.

The value that is wrong is never repeated; it may be a secret that stands in the wrong place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from jobstore.errors import Fault
from jobstore.settings.alerting import merged
from jobstore.settings.reference import all_keys, find, in_words, nearest, one_of, tags

At = tuple[str | int, ...]

# What is said of a kind of error, whatever the setting.
_REASONS = {
    "value_error": "{error}",
    "missing": "must be given",
    "too_long": "must be a list of at most {max_length:,}",
    "too_short": "must be a list of at least one",
    "string_too_long": "must be at most {max_length:,} characters",
    "string_too_short": "must not be empty",
}


def faults_of(error: ValidationError, given: Any, where: Callable[[At], str]) -> list[Fault]:
    """Return a fault for each error.

    ``given`` is what was validated; ``where`` says where the value at a path of it stands.
    """
    faults = []
    errors = error.errors(include_url=False, include_input=False)
    for each in errors:
        if each["type"] == "too_short" and any(
            other["loc"][: len(each["loc"])] == each["loc"] for other in errors if other is not each
        ):
            # pydantic counts the items that are right.
            continue
        at = _place(each["loc"], given)
        place = where(at)
        reason = _reason(each)
        faults.append(Fault(dotted(at), f"{reason} ({place})" if place else reason))
    return faults


def dotted(at: Sequence[str | int]) -> str:
    """Return a path for people: ``alerts.sinks[0].url``."""
    name = ""
    for step in at:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
    return name


def _place(loc: At, given: Any) -> At:
    """Return where an error is in what was written.

    pydantic counts the default rules among those that were given, and names the type of a
    sink as a step of its own.
    """
    if loc[:2] == ("alerts", "rules") and len(loc) > 2:
        index, _ = merged(given["alerts"]["rules"])[int(loc[2])]
        loc = (*loc[:2], index if index is not None else loc[2], *loc[3:])
    if loc[:2] == ("alerts", "sinks") and len(loc) > 3:
        loc = (*loc[:3], *loc[4:])
    # What is said of a key of a mapping is said of the mapping.
    return tuple(step for step in loc if step != "[key]")


def _reason(error: Any) -> str:
    kind = error["type"]
    if kind in _REASONS:
        return _REASONS[kind].format_map(error.get("ctx", {}))
    section, node = find(error["loc"])
    if kind == "extra_forbidden":
        return _unknown(str(error["loc"][-1]), [*section["properties"]])
    if kind.startswith("union_tag"):
        return f"must have a type: {one_of(tags(node))}"
    if "properties" in node:
        return "must have keys and values"
    return f"must be {in_words(node)}"


def _unknown(name: str, known: Sequence[str]) -> str:
    """Say that there is no setting ``name``, and which one may have been meant."""
    meant = nearest(name, known)
    if meant is None:
        elsewhere = {key.name.rpartition(".")[2]: key.name for key in all_keys()}
        meant = elsewhere.get(nearest(name, elsewhere, cutoff=0.8) or "")
    hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
    return f"is no setting; {hint}"
