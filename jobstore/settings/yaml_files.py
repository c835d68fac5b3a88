"""YAML files as plain values with the line of each; what the values mean is not known here.

Scalars are read by the core schema of YAML 1.2.2 (section 10.3.2), so that ``02:30`` and ``on``
stay texts. A key that occurs twice, an alias, a tag and a second document are refused: each of
them makes a file mean something else than what one sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent

from jobstore.settings.reading import read_text, refusal

_DEEPEST = 20

Path_ = tuple[str | int, ...]

_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"

_SCALARS: dict[str, Callable[[str], Any]] = {
    _NULL: lambda text: None,
    _BOOL: lambda text: {"true": True, "false": False}[text.lower()],
    _INT: int,
    _FLOAT: float,
}


@dataclass(slots=True)
class Document:
    """The values of a file, and the line (from 1) on which each of them begins."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path_, int] = field(default_factory=dict)


class _Refused(yaml.MarkedYAMLError):
    """YAML, but not such as is taken here."""

    def __init__(self, place: Any, problem: str) -> None:
        super().__init__(problem=problem, problem_mark=place.start_mark)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - as the base class has it

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML has stubs, but not of this
        if isinstance(event, AliasEvent):
            raise _Refused(event, "has an alias (*name), which is not allowed; repeat the value")
        if self._depth > _DEEPEST:
            raise _Refused(event, "is nested too deeply")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


for _tag, _pattern, _first in (
    (_NULL, r"(null|Null|NULL|~|)$", ["n", "N", "~", ""]),
    (_BOOL, r"(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    (_INT, r"[-+]?[0-9]{1,18}$", list("-+0123456789")),
    (_FLOAT, r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def read_yaml(path: Path) -> Document:
    """Return what a YAML file says; an empty one says nothing.

    Raises InvalidSettings, with the file and the line.
    """
    text = read_text(path)
    document = Document()
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None or node.tag == _NULL:
            return document
        if not isinstance(node, yaml.MappingNode):
            kind = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
            raise refusal(path, f"has {kind} at the top; it must have sections, such as store:")
        document.values = _mapping(node, (), document.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refusal(path, _problem(error), mark.line + 1 if mark else None) from None
    except yaml.YAMLError:
        raise refusal(path, "has characters that YAML does not allow") from None
    finally:
        if loader is not None:
            loader.dispose()
    return document


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = ", ".join(each for each in (error.context, error.problem) if each)
    if isinstance(error, _Refused):
        return problem
    if "\\t" in problem or "\t" in problem:
        return "has a tab; YAML is indented with spaces"
    return f"is no YAML: {problem}"


def _value(node: yaml.Node, at: Path_, lines: dict[Path_, int]) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, at, lines)
    if isinstance(node, yaml.SequenceNode):
        _no_tag(node, "tag:yaml.org,2002:seq")
        return [_value(item, (*at, index), lines) for index, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(node: yaml.MappingNode, at: Path_, lines: dict[Path_, int]) -> dict[str, Any]:
    _no_tag(node, "tag:yaml.org,2002:map")
    values: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused(key, "has a key that is no single word")
        name = str(key.value)
        if name in values:
            first = lines[(*at, name)]
            raise _Refused(key, f"the key {name} stands on line {first} already")
        lines[(*at, name)] = key.start_mark.line + 1
        values[name] = _value(item, (*at, name), lines)
    return values


def _scalar(node: yaml.Node) -> Any:
    read = _SCALARS.get(node.tag)
    if read is None:
        _no_tag(node, "tag:yaml.org,2002:str")
        return str(node.value)
    try:
        return read(node.value)
    except (KeyError, ValueError):
        raise _Refused(node, "has a value that is not what its tag says") from None


def _no_tag(node: yaml.Node, expected: str) -> None:
    if node.tag != expected:
        raise _Refused(node, "has a tag (!name), which is not allowed; write the plain value")
