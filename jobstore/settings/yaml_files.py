"""YAML files as plain values with the line of each; what the values mean is not known here.

Scalars are read by the core schema of YAML 1.2.2 (section 10.3.2), so that ``02:30`` and ``on``
stay texts. A key that occurs twice, an alias, a tag and a second document are refused: each of
them makes a file mean something else than what one sees. pydantic-settings' own source of YAML
takes all of them, reads YAML 1.1, and forgets the lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent

from jobstore.settings.reading import read_text, refusal

_DEEPEST = 20

Path_ = tuple[str | int, ...]

# Of each kind of scalar its tag, its form, the characters that it begins with, and its value.
_SCALARS: tuple[tuple[str, str, str, Callable[[str], Any]], ...] = (
    ("null", r"(null|Null|NULL|~|)$", "nN~", lambda text: None),
    ("bool", r"(true|True|TRUE|false|False|FALSE)$", "tTfF", lambda text: text.lower() == "true"),
    ("int", r"[-+]?[0-9]{1,18}$", "-+0123456789", int),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789", float),
)
_VALUES = {f"tag:yaml.org,2002:{name}": value for name, _, _, value in _SCALARS}


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
        if getattr(event, "tag", None) is not None:
            raise _Refused(event, "has a tag (!name), which is not allowed; write the plain value")
        if self._depth > _DEEPEST:
            raise _Refused(event, "is nested too deeply")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


for _name, _form, _first, _ in _SCALARS:
    # A null may also be nothing at all.
    _begins = [*_first, ""] if _name == "null" else [*_first]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_form), _begins)


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Path_, int]]:
    """Return the values of a YAML file, and the line (from 1) on which each of them begins.

    Raises InvalidSettings, with the file and the line.
    """
    lines: dict[Path_, int] = {}
    loader = None
    try:
        loader = _Loader(read_text(path))
        node = loader.get_single_node()
        values = None if node is None else _value(node, (), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise refusal(path, _problem(error), mark.line + 1 if mark else None) from None
    except yaml.YAMLError:
        raise refusal(path, "has characters that YAML does not allow") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(values, dict | None):
        kind = "a list" if isinstance(values, list) else "a single value"
        raise refusal(path, f"has {kind} at the top; it must have sections, such as store:")
    return values or {}, lines


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = ", ".join(each for each in (error.context, error.problem) if each)
    if isinstance(error, _Refused):
        return problem
    if "\\t" in problem or "\t" in problem:
        return "has a tab; YAML is indented with spaces"
    return f"is no YAML: {problem}"


def _value(node: yaml.Node, at: Path_, lines: dict[Path_, int]) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*at, index), lines) for index, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _VALUES.get(node.tag, str)(node.value)
    values: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Refused(key, "has a key that is no single word")
        name = str(key.value)
        if name in values:
            raise _Refused(key, f"the key {name} stands on line {lines[(*at, name)]} already")
        lines[(*at, name)] = key.start_mark.line + 1
        values[name] = _value(item, (*at, name), lines)
    return values
