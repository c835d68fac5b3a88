"""What settings there are, and what each of them allows: the sections, put into words.

The reference in the guide and the messages about wrong values are made from this.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from jobstore.settings.alerting import AlertsSection, Rule, Sink
from jobstore.settings.kinds import Allowed
from jobstore.settings.sections import Settings

PREFIX = "JOBSTORE_"

_PLAIN: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    SecretStr: "text",
    Path: "a path",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A setting: its dotted name, its environment variable, and words about it."""

    name: str
    variable: str
    allowed: str
    default: Any
    meaning: str
    field: FieldInfo


def all_keys() -> Iterator[Key]:
    """Yield every setting, in the order of the sections."""
    for section, outer in Settings.model_fields.items():
        model = bare(outer.annotation)
        if not is_model(model):
            yield _key(section, section.upper(), outer)
            continue
        for name, field in model.model_fields.items():
            # The variables of the store are older than the sections.
            short = name if section == "store" else f"{section}__{name}"
            yield _key(f"{section}.{name}", short.upper(), field)


def _key(name: str, variable: str, field: FieldInfo) -> Key:
    meaning = field.description or ""
    return Key(name, f"{PREFIX}{variable}", allowed(field), field.default, meaning, field)


def allowed(field: FieldInfo) -> str:
    """Say what a field allows; it completes the sentence "must be ..."."""
    return in_words(field.annotation, field.metadata)


def in_words(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Say what a type allows, within the bounds of ``metadata``."""
    inner, found = _unwrapped(annotation)
    limits = [*found, *metadata]
    for each in limits:
        if isinstance(each, Allowed):
            return each.text
    origin, args = get_origin(inner), get_args(inner)
    if origin is Literal:
        return one_of(args)
    if origin is tuple:
        item = bare(args[0])
        return (
            "a list" if is_model(item) or _is_union(item) else f"a list, each {in_words(args[0])}"
        )
    if origin is dict:
        return "a mapping, key: value"
    return _PLAIN[inner] + _range(limits)


def one_of(words: Iterable[Any]) -> str:
    """Return ``a, b or c``."""
    *others, last = map(str, words)
    return f"{', '.join(others)} or {last}" if others else last


def _range(limits: Iterable[Any]) -> str:
    low = high = ""
    above = False
    for each in limits:
        if isinstance(each, Ge):
            low = f"{each.ge:,}"
        elif isinstance(each, Gt):
            low, above = f"{each.gt:,}", True
        elif isinstance(each, Le):
            high = f"{each.le:,}"
    if not low or not high:
        return ""
    return f" above {low}, at most {high}" if above else f", {low} to {high}"


def bare(annotation: Any) -> Any:
    """Return a type without its annotations and without None."""
    return _unwrapped(annotation)[0]


def _unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    metadata: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *found = get_args(annotation)
            metadata.extend(found)
            continue
        some = [each for each in get_args(annotation) if each is not types.NoneType]
        if _is_union(annotation) and len(some) == 1:
            annotation = some[0]
            continue
        return annotation, metadata


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def is_model(annotation: Any) -> bool:
    """Whether a type is a section, or something that has fields like one."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a path leads: the model it ends in, the type there, and the bounds of that."""

    model: type[BaseModel]
    annotation: Any
    metadata: tuple[Any, ...] = ()


def find(path: Iterable[str | int]) -> Spot:
    """Follow a path of keys and indexes from the settings as far as it goes.

    A step that names a type of a union (a sink's type) leads to that type.
    """
    spot = Spot(Settings, Settings)
    for step in path:
        inner = bare(spot.annotation)
        if is_model(inner):
            field = inner.model_fields.get(str(step))
            if field is None:
                return Spot(inner, inner)
            spot = Spot(inner, field.annotation, tuple(field.metadata))
        elif _is_union(inner):
            chosen = [each for each in map(bare, get_args(inner)) if step in _tags(each)]
            spot = Spot(chosen[0], chosen[0]) if chosen else spot
        elif get_origin(inner) is tuple:
            spot = Spot(spot.model, get_args(inner)[0])
        elif get_origin(inner) is dict:
            spot = Spot(spot.model, get_args(inner)[1])
    return spot


def tags(annotation: Any) -> tuple[str, ...]:
    """Return the types that a union of models tells apart."""
    return tuple(tag for each in get_args(bare(annotation)) for tag in _tags(bare(each)))


def _tags(model: Any) -> tuple[Any, ...]:
    return get_args(model.model_fields["type"].annotation)


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return what somebody who wrote ``name`` probably meant."""
    return next(iter(get_close_matches(name, [*known], 1, cutoff)), None)


def markdown() -> str:
    """Return all settings as tables in Markdown, section by section."""
    tables = [_table("environment", [*Settings.model_fields.items()][:1])]
    for section, outer in Settings.model_fields.items():
        model = bare(outer.annotation)
        if is_model(model):
            tables.append(_table(section, model.model_fields.items(), _doc(model)))
    tables.append(_default_rules())
    tables.append(_table("A rule in alerts.rules", Rule.model_fields.items(), _doc(Rule)))
    for sink in map(bare, get_args(bare(Sink))):
        title = f"A sink in alerts.sinks, type: {_tags(sink)[0]}"
        tables.append(_table(title, sink.model_fields.items(), _doc(sink)))
    return "\n\n".join(tables) + "\n"


def _doc(model: type[BaseModel]) -> str:
    return str(model.__doc__).partition("\n")[0]


def _table(title: str, fields: Iterable[tuple[str, FieldInfo]], about: str = "") -> str:
    rows = [
        f"| `{name}` | {allowed(field)} | {_default(field)} | {field.description or ''} |"
        for name, field in fields
        if name != "type"
    ]
    head = [f"### {title}", "", *([about, ""] if about else [])]
    columns = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *columns, *rows])


def _default_rules() -> str:
    lines = [
        "### The rules of alerts.rules that there are without any",
        "",
        "| name | raised, after | over, after | severity |",
        "| --- | --- | --- | --- |",
    ]
    for rule in AlertsSection().rules:
        if rule.measure == "checks":
            which = ", ".join(f"`{each}`" for each in rule.checks) or "any check"
            raised, over = f"{which}: {rule.verdict}", "well"
        else:
            raised = (
                f"`{rule.measure}` above {rule.above:g} over {rule.window_minutes:g} minutes with "
                f"{rule.min_count} operations"
            )
            over = f"at most {rule.above if rule.clear is None else rule.clear:g}"
        lines.append(
            f"| `{rule.name}` | {raised}, {rule.for_minutes:g} minutes | {over}, "
            f"{rule.clear_minutes:g} minutes | {rule.severity} |"
        )
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    value = field.default
    if field.is_required():
        return "must be given"
    if value is None or value in ((), {}):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "the log" if isinstance(value, tuple) else f"`{value}`"
