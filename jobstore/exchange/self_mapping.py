"""Rows whose keys or columns bear the names of our fields, or usual names of theirs.

The names are in ``synonyms.toml``; how they are compared, and what a field takes from them, is
here. Nothing is guessed: of several columns for one field only the first is used, and what is
not taken stays in ``attributes``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jobstore.exchange.mapping import FieldMapping, filled_up, make_mapping
from jobstore.intake.given import Translated

NAME = "by its columns"
"""The name of a mapping that a file makes by itself."""

_MOST_KEYS = 1_000
_SYNONYMS = Path(__file__).parent / "synonyms.toml"
# Words that may stand before a name without changing what it means.
_BEFORE = ("job", "posting", "vacancy", "listing", "offer")
# What no path in quotes may hold, and what a path of keys is made of.
_UNUSABLE = re.compile(r'["\\]')
_WORDS = re.compile(r"[\w -]+")
# Names in synonyms.toml that are no fields, but parts of one.
_PARTS = ("city", "region", "remote", "open", "closed")


def self_mapping(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str] | None = None
) -> FieldMapping | None:
    """Return the mapping that the keys of ``rows`` make by themselves.

    ``columns`` are fields that the caller maps; neither they nor their columns are looked for.
    None where no key is surely the title of a posting.
    """
    columns = columns or {}
    found = _found(_names_in(rows), columns)
    if "title" not in found and "title" not in columns:
        return None
    fields: dict[str, Any] = {name: path for name, path in found.items() if name not in _PARTS}
    if "location" not in columns:
        fields |= _location(found)
    if "skills" in found:
        fields["skills"] = {"path": found["skills"], "convert": "items"}
    if "remote" in found and "workplace" not in columns:
        said = {"path": found["remote"], "convert": "remote_or_word"}
        fields["workplace"] = [found["workplace"], said] if "workplace" in found else said
    if "status" not in columns and (status := _status(found)):
        fields["status"] = status
    if _own_name(found, "source") and _own_name(found, "source_job_id"):
        return make_mapping({"name": NAME, "fields": fields})
    if "url" in found and "source" not in columns:
        # A board's own name and id are the same in every file, whoever scraped it.
        by_address = {"path": found["url"], "convert": "board"}
        fields["source"] = [by_address, *([found["source"]] if "source" in found else [])]
    if "source_job_id" in found:
        telling = {"path": found["source_job_id"], "convert": "telling_id", "address": True}
        fields["source_job_id"] = telling
    # Where the caller maps the title alone, there may be nothing more.
    fields = fields or {"title": columns["title"]}
    return make_mapping({"name": NAME, "fields": fields})


class Growing:
    """Translates rows of JSON that map themselves: a key that only a later row has, which nobody
    could see at the beginning of the file, gives a field too. What is found once stays."""

    def __init__(self, mapping: FieldMapping, columns: Mapping[str, str] | None = None) -> None:
        self._mapping = mapping
        self._columns = columns
        self._keys: set[str] = set()

    def translate(self, row: Mapping[str, Any]) -> Translated:
        """Return the fields that ``row`` states, as the mapping does."""
        # Rows whose keys are ids, each another one, must not be learnt from without end.
        if not self._keys.issuperset(row) and len(self._keys) < _MOST_KEYS:
            self._learn(row)
        return self._mapping.translate(row)

    def _learn(self, row: Mapping[str, Any]) -> None:
        # A value that is not stated does not tell whether it is a text or an object.
        new = {
            key: value for key, value in row.items() if key not in self._keys and value is not None
        }
        self._keys.update(new)
        more = self_mapping([{"title": None, **new}], self._columns) if new else None
        if more is not None:
            self._mapping = filled_up(self._mapping, more)


def translation(
    mapping: FieldMapping, columns: Mapping[str, str] | None = None
) -> Callable[[Mapping[str, Any]], Translated]:
    """Return what translates the rows of a mapping; ``columns`` are those that the caller maps."""
    return Growing(mapping, columns).translate if mapping.name == NAME else mapping.translate


def _own_name(found: Mapping[str, str], field: str) -> bool:
    """Tell whether a column bears the very name of the field."""
    return found.get(field, "").strip('"').casefold() == field


def _location(found: Mapping[str, str]) -> dict[str, Any]:
    if "location" in found:
        return {
            "location": {"path": found["location"], "convert": "place_text"},
            "locations": {"path": found["location"], "convert": "several_places"},
        }
    pieces = [found[each] for each in ("city", "region", "country") if each in found]
    return {"location": {"paths": pieces, "join": ", "}} if pieces else {}


def _status(found: Mapping[str, str]) -> list[Any]:
    said: list[Any] = []
    if "closed_at" in found:
        said.append({"path": found["closed_at"], "convert": "closed_if"})
    if "closed" in found:
        said.append({"path": found["closed"], "convert": "closed_if"})
    if "open" in found:
        said.append({"path": found["open"], "convert": "closed_unless"})
    return [*said, found["status"]] if "status" in found else said


@cache
def _synonyms() -> Mapping[str, tuple[str, ...]]:
    given = tomllib.loads(_SYNONYMS.read_text("utf-8"))
    return {
        field: tuple(fold(name) for name in names.replace("\n", " ").split(","))
        for field, names in given.items()
    }


def fold(name: str) -> str:
    """Return a name without case, accents, white space and signs; dots between words stay."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(sign for sign in plain if sign.isalnum() or sign == ".")
    return kept.strip(".")


def _names_in(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the paths of all values, by their folded names; keys of objects as ``a.b``."""
    names: dict[str, str] = {}
    rows = list(rows)
    objects = {key for row in rows for key, value in row.items() if isinstance(value, Mapping)}
    for row in rows:
        for key, value in row.items():
            if not isinstance(key, str) or _UNUSABLE.search(key):
                continue
            if isinstance(value, Mapping):
                for inner in value:
                    if _WORDS.fullmatch(f"{key}{inner}"):
                        names.setdefault(f"{fold(key)}.{fold(inner)}", f"{key}.{inner}")
            elif value is not None or not (key in objects or fold(key) in names):
                names.setdefault(fold(key).replace(".", ""), f'"{key}"')
    return names


def _found(names: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return the path of each field, by the first of its synonyms that there is."""
    found: dict[str, str] = {}
    taken = {column for each in columns.values() for column in (each, f'"{each}"')}
    # A name as it is comes before one with a word such as "job" before it.
    for prefixes in (("",), _BEFORE):
        for field, synonyms in _synonyms().items():
            for name in (prefix + synonym for synonym in synonyms for prefix in prefixes):
                path = names.get(name)
                if path is not None and path not in taken and not {field} & {*found, *columns}:
                    found[field] = path
                    taken.add(path)
    return found
