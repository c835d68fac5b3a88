"""A format as a mapping: how its rows are recognised and found, and which field is where in a row.

A mapping is a TOML file; ours are in ``mappings/``, and a user's own is the same::

    name = "lever"
    description = "Lever's postings API: the board of a company"
    documentation = "https://github.com/lever/postings-api"
    source = "lever"                # the same for all rows; left out, the address of a posting says

    [recognise]                     # or several [[recognise]], of which one has to hold
    keys = ["hostedUrl", "categories", "text"]      # keys or columns that rows have, all of them
    envelope = ["jobs"]             # keys of the object around the rows
    without = ["site"]              # keys that rows do not have

    [rows]
    items = "jobs"                  # where the rows are in a document; several may be tried in turn
    details = "details"             # an object or list of what else is known of the rows ...
    key = "id"                      # ... by this key of theirs; a row that comes again is left out
    around = ["name"]               # keys of the document that each row gets, as envelope.name
    skip = "legal"                  # JMESPath: where it is true, a row is no posting
    drop = ["jobAd.sections"]       # keys whose values are all held, or only repeat others
    prepare = "linkedin_pay"        # what is done with a row first; of converters.PREPARATIONS

    [fields]                        # field = "path", or a table
    title = "text"
    url = {paths = ["url", "absolute_url"]}                     # the first that is stated
    location = {paths = ["city", "state"], join = ", "}         # all that are stated
    locations = {each = ["location.name", "offices[].name"]}    # the values of all, in one list
    posted_at = {path = "createdAt", convert = "epoch_ms"}      # jobstore.exchange.converters
    salary_period = {path = "interval", words = {"per-hour-wage" = "hour"}}
    company = ["company_name", {path = "url", convert = "slug"}] # rules that are tried in turn
    source_job_id = {path = "id", board = ["company_slug"]}     # unique on that board only;
                                    # address = true: the id in url comes first, if it has one
    source = {path = "url", convert = "board", value = "ats"}   # the value where nothing is stated

    [attributes]                    # converters of what stays in attributes
    rating = "number"

    [constants]                     # fields that are the same in all rows
    workplace = "remote"

For paths see :mod:`jobstore.exchange.paths`. What no field takes stays in ``attributes`` under its
own name, and so does what a field holds only in part. Values are handed on as they are: the
store's intake reads them. Reading files is not done here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from jobstore.exchange.converters import CONVERTERS, PREPARATIONS
from jobstore.exchange.entries import (
    BadMapping,
    check_field,
    check_keys,
    check_readable,
    converter_at,
    path_at,
    rule_at,
    table_at,
    text_at,
    texts_at,
)
from jobstore.exchange.paths import compile_path, expression
from jobstore.exchange.translating import CompiledRules, Rule
from jobstore.intake.given import Translated

_TOP = (
    "name",
    "description",
    "documentation",
    "source",
    "recognise",
    "rows",
    "fields",
    "attributes",
    "constants",
)
_RECOGNISE = ("keys", "envelope", "without")
_ROWS = ("items", "details", "key", "around", "skip", "drop", "prepare")


@dataclass(frozen=True, slots=True)
class Signs:
    """What a file must have for a mapping to be taken: see ``[recognise]``."""

    keys: frozenset[str] = frozenset()
    envelope: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def hold(self, keys: Iterable[str], envelope: Iterable[str]) -> bool:
        """Tell whether rows with ``keys`` in an object with ``envelope`` bear the signs."""
        keys = set(keys)
        return self.keys <= keys and self.envelope <= set(envelope) and not self.without & keys

    @property
    def weight(self) -> int:
        """How much the signs ask for: the more, the surer."""
        return len(self.keys) + len(self.envelope) + len(self.without)


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the rows of a document are: see ``[rows]``."""

    items: tuple[str, ...] = ()
    details: str | None = None
    key: str | None = None
    around: tuple[str, ...] = ()
    skip: str | None = None
    drop: tuple[str, ...] = ()
    prepare: str | None = None


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """A mapping that was read and checked; make one with :func:`make_mapping`."""

    name: str
    description: str = ""
    documentation: str = ""
    source: str | None = None
    signs: tuple[Signs, ...] = ()
    rows: Rows = Rows()
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    plan: CompiledRules = field(default_factory=CompiledRules, repr=False, compare=False)

    def translate(self, row: Mapping[str, Any]) -> Translated:
        """Return the fields that ``row`` states; what no field takes is in ``attributes``."""
        return self.plan.translate(row)


def read_mapping(path: FilePath) -> FieldMapping:
    """Read a TOML file. Raises BadMapping, with the file's name, for what is no mapping."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise BadMapping(f"The mapping {path} cannot be read: {reason}.") from None
    try:
        return make_mapping(tomllib.loads(text), path.stem)
    except tomllib.TOMLDecodeError as error:
        raise BadMapping(f"The mapping {path} is no valid TOML: {error}.") from None
    except RecursionError:
        raise BadMapping(
            f"The mapping {path} is no usable TOML: it is nested too deeply."
        ) from None
    except BadMapping as error:
        raise BadMapping(f"The mapping {path}: {error}") from None


def make_mapping(given: Mapping[str, Any], name: str = "mapping") -> FieldMapping:
    """Make a mapping of what its TOML says. Raises BadMapping."""
    check_keys(given, _TOP, "")
    rows = _rows(given.get("rows", {}))
    rules: dict[str, tuple[Rule, ...]] = {}
    for key, value in table_at(given, "fields").items():
        check_field(f"fields.{key}", key)
        each = value if isinstance(value, list) else [value]
        rules[key] = tuple(rule_at(key, rule) for rule in each)
        if not each:
            raise BadMapping(f"'fields.{key}' is an empty list; leave it out")
    constants = dict(table_at(given, "constants"))
    for key in constants:
        check_field(f"constants.{key}", key)
        check_readable(f"constants.{key}", key, constants[key])
        if key in rules:
            raise BadMapping(
                f"{key!r} is in [fields] and in [constants]; {{value = ...}} in [fields] "
                "gives what a row does not state"
            )
    attributes = {
        key: converter_at(f"attributes.{key}", text_at(f"attributes.{key}", name), CONVERTERS)
        for key, name in table_at(given, "attributes").items()
    }
    source = given.get("source")
    if source is not None and "source" in rules:
        raise BadMapping("'source' is in [fields] and at the top; leave one out")
    if source is not None:
        constants = {"source": text_at("source", source), **constants}
    if not rules:
        raise BadMapping('it maps no field; write [fields] and, below it, title = "..." and so on.')
    return FieldMapping(
        name=text_at("name", given.get("name", name)),
        description=text_at("description", given.get("description", "")),
        documentation=text_at("documentation", given.get("documentation", "")),
        source=source,
        signs=_signs(given.get("recognise", [])),
        rows=rows,
        rules=rules,
        attributes=attributes,
        constants=constants,
        plan=CompiledRules(rules, constants, rows.drop, rows.prepare, attributes),
    )


def mapping_from_options(
    columns: Mapping[str, str] | None = None,
    *,
    items: str | None = None,
    constants: Mapping[str, Any] | None = None,
    source: str | None = None,
    base: FieldMapping | None = None,
) -> FieldMapping:
    """Make a mapping of what a command line says; ``base`` is what it is added to.

    ``columns`` leads from a field to its column or path, ``items`` to the rows of a document;
    ``constants`` are the same in all rows, and ``source`` is that of rows that name none.
    Raises BadMapping.
    """
    base = base if base is not None else FieldMapping("your own")
    rules, fixed, rows = dict(base.rules), dict(base.constants), base.rows
    for key, path in (columns or {}).items():
        check_field(key, key)
        rules[key] = (_lenient_rule(path),)
        fixed.pop(key, None)
    for key, value in (constants or {}).items():
        check_field(key, key)
        check_readable(key, key, value)
        fixed[key] = value
        rules.pop(key, None)
    if source is not None and "source" in rules:
        rules["source"] = (*rules["source"], Rule((), value=source))
    elif source is not None:
        fixed["source"] = source
    if items is not None:
        rows = replace(rows, items=(path_at("items", items, empty=True),))
    return replace(
        base,
        source=fixed.get("source"),
        rows=rows,
        rules=rules,
        constants=fixed,
        plan=CompiledRules(rules, fixed, rows.drop, rows.prepare, base.attributes),
    )


def filled_up(mapping: FieldMapping, other: FieldMapping) -> FieldMapping:
    """Return ``mapping`` with the rules of ``other`` for fields that it says nothing about, where
    they take no column that it takes already."""
    taken = {path for each in mapping.rules.values() for rule in each for path in rule.paths}
    more = {
        name: rules
        for name, rules in other.rules.items()
        if name not in mapping.rules
        and name not in mapping.constants
        and taken.isdisjoint(path for rule in rules for path in rule.paths)
    }
    rules, rows = {**mapping.rules, **more}, mapping.rows
    plan = CompiledRules(rules, mapping.constants, rows.drop, rows.prepare, mapping.attributes)
    return replace(mapping, rules=rules, plan=plan)


def _lenient_rule(text: str) -> Rule:
    """Take a path as the name of a column where it is nothing else: ``Pay (USD)``."""
    try:
        compile_path(text)
    except ValueError:
        text = f'"{text}"'
    return Rule((text,))


def parse_columns(text: str) -> dict[str, str]:
    """Read ``title=Job Title,company=Employer`` into a mapping from field to column or path.

    Raises ValueError, with what is wrong, for anything else.
    """
    columns: dict[str, str] = {}
    # A comma in a name or a path stays: what begins a new entry is a field with an equals sign.
    for part in re.split(r",(?=\s*[A-Za-z_]+\s*=)|,(?=[^=]*$)(?![^=]*[\])])", text):
        key, equals, path = part.partition("=")
        if not equals or not path.strip():
            raise BadMapping(f"{part.strip()!r} is not of the form field=Column")
        if key.strip() in columns:
            raise BadMapping(f"{key.strip()!r} is given twice")
        check_field(key.strip(), key.strip())
        columns[key.strip()] = path.strip()
    return columns


def _signs(given: Any) -> tuple[Signs, ...]:
    tables = [given] if isinstance(given, Mapping) else given
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise BadMapping("'recognise' must be a table: [recognise]")
    found = []
    for table in tables:
        check_keys(table, _RECOGNISE, "recognise: ")
        parts = {
            key: frozenset(texts_at(f"recognise.{key}", value)) for key, value in table.items()
        }
        found.append(Signs(**parts))
    return tuple(found)


def _rows(given: Any) -> Rows:
    if not isinstance(given, Mapping):
        raise BadMapping("'rows' must be a table: [rows]")
    check_keys(given, _ROWS, "rows: ")
    texts = {key: text_at(f"rows.{key}", given[key]) for key in ("details", "key") if key in given}
    skip = given.get("skip")
    if skip is not None:
        try:
            expression(text_at("rows.skip", skip))
        except ValueError as error:
            raise BadMapping(f"'rows.skip': {error}") from None
    for key, path in texts.items():
        path_at(f"rows.{key}", path)
    items = tuple(
        path_at("rows.items", each, empty=True)
        for each in texts_at("rows.items", given.get("items", ()))
    )
    drop = texts_at("rows.drop", given.get("drop", ()))
    around = texts_at("rows.around", given.get("around", ()))
    prepare = given.get("prepare")
    if prepare is not None:
        converter_at("rows.prepare", text_at("rows.prepare", prepare), PREPARATIONS)
    return Rows(items, texts.get("details"), texts.get("key"), around, skip, drop, prepare)
