"""What settings there are, and what each of them allows: their JSON schema, put into words.

Messages about wrong values and the reference in the guide are made from this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic.fields import FieldInfo

from jobstore.settings.kinds import Section
from jobstore.settings.sections import Settings

PREFIX = "JOBSTORE_"

SECTIONS = frozenset(
    name for name, field in Settings.model_fields.items() if isinstance(field.default, Section)
)

Node = Mapping[str, Any]
"""A part of the JSON schema."""

_WORDS = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping, key: value",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A setting: its dotted name, its environment variable, and the field that it is."""

    name: str
    variable: str
    field: FieldInfo

    @property
    def allowed(self) -> str:
        """What the setting allows; it completes the sentence "must be ..."."""
        return in_words(find(self.name.split("."))[1])

    @property
    def meaning(self) -> str:
        """What the setting is for."""
        return self.field.description or ""


def all_keys() -> Iterator[Key]:
    """Yield every setting, in the order of the sections."""
    for section, outer in Settings.model_fields.items():
        if section not in SECTIONS:
            yield Key(section, f"{PREFIX}{section.upper()}", outer)
            continue
        for name, field in type(outer.default).model_fields.items():
            # The variables of the store are older than the sections.
            short = name if section == "store" else f"{section}__{name}"
            yield Key(f"{section}.{name}", f"{PREFIX}{short.upper()}", field)


@cache
def _schema() -> Node:
    return Settings.model_json_schema()


def _plain(node: Node) -> Node:
    """Return what a part refers to, without None as an alternative."""
    if "$ref" in node:
        return cast(Node, _schema()["$defs"][node["$ref"].rpartition("/")[2]])
    wrapped = node.get("anyOf") or node.get("allOf")
    return _plain(wrapped[0]) if wrapped else node


def find(path: Iterable[str | int]) -> tuple[Node, Node]:
    """Follow a path of keys and indexes from the top as far as it goes.

    A step that names one of several types (a sink's type) leads to that type. Returns the
    section, or what has keys like one, that the path ends in, and what is there.
    """
    section = node = _schema()
    for step in path:
        if "properties" in node:
            section = node
            node = node["properties"].get(step, node)
        elif "oneOf" in node:
            node = next((each for each in node["oneOf"] if _tag(each) == step), node)
        else:
            node = node.get("items") or node.get("additionalProperties") or {}
        node = _plain(node)
    return section, node


def in_words(node: Node) -> str:
    """Say what a part of the schema allows; it completes the sentence "must be ..."."""
    node = _plain(node)
    if "allowed" in node:
        return str(node["allowed"])
    if "enum" in node:
        return one_of(node["enum"])
    if node.get("type") == "array":
        item = _plain(node["items"])
        return (
            "a list" if item.keys() & {"properties", "oneOf"} else f"a list, each {in_words(item)}"
        )
    return _WORDS.get(node.get("type", ""), "text") + _range(node)


def one_of(words: Iterable[str]) -> str:
    """Return ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def tags(node: Node) -> list[str]:
    """Return the types of which a value has to name one."""
    return [_tag(each) for each in node["oneOf"]]


def _tag(node: Node) -> str:
    return str(_plain(node)["properties"]["type"]["const"])


def _range(node: Node) -> str:
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum")
    if low is None or high is None:
        return ""
    # Some versions of pydantic give the limits of a number as they were written, others with .0.
    least, most = f"{low:,.15g}", f"{high:,.15g}"
    return f", {least} to {most}" if "minimum" in node else f" above {least}, at most {most}"


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return what somebody who wrote ``name`` probably meant."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, [*known], 1, cutoff)), None)


def markdown() -> str:
    """Return all settings as lists in Markdown, section by section."""
    top = {name: _plain(node) for name, node in _schema()["properties"].items()}
    listed = [_listed("environment", {"properties": {"environment": top["environment"]}})]
    listed += [_listed(name, node) for name, node in top.items() if "properties" in node]
    listed.append(_listed("A source in sources", find(("sources", "any"))[1]))
    listed.append(_listed("A rule in alerts.rules", find(("alerts", "rules", 0))[1]))
    sinks = {_tag(sink): _plain(sink) for sink in find(("alerts", "sinks", 0))[1]["oneOf"]}
    first, *others = (sink["properties"].items() for sink in sinks.values())
    shared = dict(each for each in first if all(each in other for other in others))
    listed.append(_listed("Every sink in alerts.sinks", {"properties": shared}))
    listed += [_listed(f"A sink of type: {tag}", sink, shared) for tag, sink in sinks.items()]
    return "\n\n".join(listed) + "\n"


def _listed(title: str, section: Node, known: Collection[str] = ()) -> str:
    about = section.get("description", "").partition("\n")[0]
    lines = [
        f"- `{name}` ({_default(node)}): {node.get('description', '')}; {in_words(node)}"
        for name, node in section["properties"].items()
        if name != "type" and name not in known
    ]
    return "\n\n".join(filter(None, [f"### {title}", about, "\n".join(lines)]))


def _default(node: Node) -> str:
    if "default" not in node:
        return "must be given"
    value = node["default"]
    if value in (None, [], {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "the log" if isinstance(value, list) else f"`{value}`"
