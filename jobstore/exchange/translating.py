"""From a row to the fields of a posting, by the compiled rules of a mapping.

This runs once for each row of each file, so rules become closures, and a field whose path is the
name of a column alone costs one look-up. Which rules there may be is in
:mod:`jobstore.exchange.mapping`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from jobstore.exchange.cells import digest, link, stated, whole
from jobstore.exchange.converters import CONVERTERS, DROPPED, PREPARATIONS, Partly
from jobstore.exchange.identity import identity
from jobstore.exchange.paths import Path, compile_path
from jobstore.intake.given import Translated
from jobstore.intake.sentinels import is_empty

# Names of columns, and keys that lead into objects.
Taken = set[str | tuple[str, ...]]
_Step = Callable[[Mapping[str, Any], Translated, Taken], None]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LINKS = ("url", "apply_url", "company_url")
# What tells a posting from others where it has no id and no address.
_TELLING = ("title", "company", "location", "description")
_NUMBER = re.compile(r"\d{6,}")
# Boards whose numbers are unique over all companies.
_UNIQUE = ("greenhouse",)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one field is found: see :mod:`jobstore.exchange.mapping`."""

    paths: tuple[str, ...]
    each: bool = False
    join: str | None = None
    convert: tuple[str, ...] = ()
    words: Mapping[str, Any] = field(default_factory=dict)
    board: tuple[str, ...] = ()
    address: bool = False
    value: Any = None


class CompiledRules:
    """The rules of a mapping as closures, in the order in which they run."""

    def __init__(
        self,
        rules: Mapping[str, tuple[Rule, ...]] | None = None,
        constants: Mapping[str, Any] | None = None,
        drop: Iterable[str] = (),
        prepare: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._constants = dict(constants or {})
        self._prepare = PREPARATIONS[prepare] if prepare else None
        self._attributes = {key: CONVERTERS[name] for key, name in (attributes or {}).items()}
        self._drop = {path if "." not in path else tuple(path.split(".")) for path in drop}
        self._paths: dict[str, list[Path]] = {}
        self._columns: list[tuple[str, str]] = []
        self._steps: list[_Step] = []
        pairs = [(name, rule) for name, all_of in (rules or {}).items() for rule in all_of]
        # A board is put before an id by what the source is, so ids come last.
        for name, rule in sorted(pairs, key=_is_last):
            paths = tuple(map(compile_path, rule.paths))
            self._paths.setdefault(name, []).extend(paths)
            plain = len((rules or {})[name]) == 1 and rule == Rule(rule.paths)
            if plain and len(paths) == 1 and _is_key(paths[0]):
                self._columns.append((name, paths[0].text))
            else:
                self._steps.append(_step(name, rule, paths))
        self._links = tuple(name for name in _LINKS if name in self._paths)
        depths = [len(path.keys or ()) for paths in self._paths.values() for path in paths]
        self._goes_deep = max(depths, default=0) > 1 or any(
            isinstance(each, tuple) for each in self._drop
        )
        # A column without a name is the number of the row that pandas writes.
        self._whole = frozenset(("", *(column for _, column in self._columns)))

    def translate(self, row: Mapping[str, Any]) -> Translated:
        """Return the fields that ``row`` states."""
        given = stated(row)
        if self._prepare is not None:
            given = self._prepare(given)
        fields = Translated(self._constants)
        fields.origin = partial(self._origin, given)
        # A cell such as None or -1 gives its field to the next column; it stays in attributes.
        said = given
        if any(map(is_empty, given.values())):
            said = {key: value for key, value in given.items() if not is_empty(value)}
        for name, column in self._columns:
            if column in said:
                fields[name] = said[column]
        taken: Taken = set(self._drop)
        for step in self._steps:
            step(said, fields, taken)
        for name in self._links:
            value = fields.get(name)
            if value is not None and not (value.__class__ is str and value.startswith("http")):
                fields[name] = link(value, fields.get("url"))
        _identify(fields)
        whole = self._whole
        rest = {key: value for key, value in given.items() if key not in whole and key not in taken}
        if self._goes_deep:
            _take_out(rest, taken)
        for key, convert in self._attributes.items():
            if key in rest:
                rest[key] = convert(rest[key])
        if rest:
            fields["attributes"] = rest
        return fields

    def _origin(self, row: Mapping[str, Any], name: str) -> tuple[str, Any] | None:
        for path in self._paths.get(name, ()):
            value = path.get(row)
            if value is not None:
                return path.text, value
        return None


def _is_key(path: Path) -> bool:
    return path.keys is not None and len(path.keys) == 1


def _step(name: str, rule: Rule, paths: tuple[Path, ...]) -> _Step:
    convert = _conversion(rule)
    if not paths:
        return _standing(name, rule.value)
    if rule.each:
        return _all_of(name, paths, convert)
    if rule.join is not None:
        return _joined(name, paths, rule.join, convert)
    if _is_last((name, rule)):
        return _id(name, _first_of(name, paths, convert, rule.value), rule)
    return _first_of(name, paths, convert, rule.value)


def _conversion(rule: Rule) -> Callable[[Any], Any] | None:
    steps = [CONVERTERS[name] for name in rule.convert]
    if rule.words:
        words = {str(word).casefold(): meaning for word, meaning in rule.words.items()}

        def translated(value: Any) -> Any:
            return words.get(str(value).strip().casefold(), value)

        steps.insert(0, translated)
    if len(steps) < 2:
        return steps[0] if steps else None

    def one_after_the_other(value: Any) -> Any:
        partly = False
        for step in steps:
            value = step(value)
            if isinstance(value, Partly):
                partly, value = True, value.value
            if value is None or value is DROPPED:
                return value
        return Partly(value) if partly else value

    return one_after_the_other


def _standing(name: str, value: Any) -> _Step:
    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        fields.setdefault(name, value)

    return step


def _first_of(
    name: str, paths: tuple[Path, ...], convert: Callable[[Any], Any] | None, default: Any
) -> _Step:
    if convert is None and default is None and all(map(_is_key, paths)):
        return _first_column(name, tuple(path.text for path in paths))
    if convert is not None and default is None and len(paths) == 1 and _is_key(paths[0]):
        return _converted_column(name, paths[0].text, convert)
    ways = [(path.get, path.mark) for path in paths]

    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        held = fields.get(name)
        for get, mark in ways:
            if held is not None:
                # A second one that says the same is held as well.
                if mark is not None and get(row) == held:
                    taken.add(mark)
                continue
            raw = get(row)
            if raw is None or raw == "":
                continue
            value = raw if convert is None else convert(raw)
            if value is None:
                continue
            if value.__class__ is Partly:
                fields[name], held = value.value, raw
                continue
            if value is not DROPPED:
                fields[name], held = value, raw
            if mark is not None:
                taken.add(mark)
        if held is None and default is not None:
            fields[name] = default

    return step


def _first_column(name: str, columns: tuple[str, ...]) -> _Step:
    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        held = fields.get(name)
        for column in columns:
            raw = row.get(column)
            if raw is None:
                continue
            if held is None:
                fields[name] = held = raw
                taken.add(column)
            elif raw == held:
                taken.add(column)

    return step


def _converted_column(name: str, column: str, convert: Callable[[Any], Any]) -> _Step:
    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        raw = row.get(column)
        if raw is None or name in fields:
            return
        value = convert(raw)
        if value is None:
            return
        if value.__class__ is Partly:
            fields[name] = value.value
            return
        if value is not DROPPED:
            fields[name] = value
        taken.add(column)

    return step


def _joined(
    name: str, paths: tuple[Path, ...], between: str, convert: Callable[[Any], Any] | None
) -> _Step:
    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        if name in fields:
            return
        parts = []
        for path in paths:
            for raw in _several(path.get(row)):
                if isinstance(raw, str | int | float) and (text := str(raw).strip()):
                    parts.append(text)
                    if path.mark is not None:
                        taken.add(path.mark)
        # The same part may come twice: Berlin, Berlin, Germany.
        text = between.join(dict.fromkeys(parts))
        if text:
            value = text if convert is None else convert(text)
            fields[name] = value.value if isinstance(value, Partly) else value

    return step


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _all_of(name: str, paths: tuple[Path, ...], convert: Callable[[Any], Any] | None) -> _Step:
    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        if name in fields:
            return
        values: list[Any] = []
        for path in paths:
            raw = path.get(row)
            if raw is None or raw == "":
                continue
            found = raw if convert is None else convert(raw)
            if found is None or found is DROPPED:
                continue
            whole = not isinstance(found, Partly)
            found = found.value if isinstance(found, Partly) else found
            values += [each for each in _several(found) if each not in values]
            if whole and path.mark is not None:
                taken.add(path.mark)
        if values:
            fields[name] = values

    return step


def _id(name: str, find: _Step, rule: Rule) -> _Step:
    boards = tuple(map(compile_path, rule.board))

    def step(row: Mapping[str, Any], fields: Translated, taken: Taken) -> None:
        source, url = fields.get("source"), fields.get("url")
        find(row, fields, taken)
        own = fields.get(name)
        # Such a number in the address is the board's id, without a closer look.
        surely = source in _UNIQUE and _NUMBER.fullmatch(str(own)) and str(own) in str(url)
        if rule.address and isinstance(url, str) and not surely:
            board, key = identity(url)
            if key is not None and source in (None, board):
                if own is not None and key not in str(own):
                    fields.own_id = str(own)
                fields[name] = key
                return
        if name not in fields or not boards or source in _UNIQUE:
            return
        key = str(fields[name])
        if not _UUID.fullmatch(key):
            board = next((found for each in boards if (found := each.get(row))), None)
            fields[name] = key if board is None else f"{board}/{key}"

    return step


def _is_last(item: tuple[str, Rule]) -> bool:
    """Tell whether a rule needs the source and the address of a posting."""
    return bool(item[1].board) or item[1].address


def _identify(fields: dict[str, Any]) -> None:
    """State the source and the id by the posting's address where the row names none."""
    key = fields.get("source_job_id")
    if key is not None:
        if key.__class__ is not str and isinstance(key, int | float | Decimal):
            fields["source_job_id"] = str(whole(key))
        if "source" in fields:
            return
    url = fields.get("url") or fields.get("apply_url")
    if isinstance(url, str):
        source, key = identity(url)
        if source is not None:
            fields.setdefault("source", source)
        if key is not None:
            fields.setdefault("source_job_id", key)
    if "source_job_id" not in fields:
        fields["source_job_id"] = digest(map(fields.get, _TELLING))


def _take_out(rest: dict[str, Any], taken: Taken) -> None:
    """Take what fields hold out of ``rest``, without changing the row that it came from."""
    for keys in taken:
        if isinstance(keys, tuple) and keys[0] in rest:
            left = _without(rest[keys[0]], keys[1:])
            if left:
                rest[keys[0]] = left
            else:
                del rest[keys[0]]


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    if not isinstance(value, Mapping) or keys[0] not in value:
        return value
    left = dict(value)
    if len(keys) == 1:
        del left[keys[0]]
    elif inner := _without(left[keys[0]], keys[1:]):
        left[keys[0]] = inner
    else:
        del left[keys[0]]
    return stated(left)
