"""The words in ``vocabulary.toml``, as sets and mappings."""

from __future__ import annotations

import tomllib
from importlib.resources import files

_given = tomllib.loads((files(__package__) / "vocabulary.toml").read_text("utf-8"))


def _set(section: str, name: str) -> frozenset[str]:
    return frozenset(_given[section][name].split())


FORMS = _set("companies", "forms")
GENERIC = FORMS | _set("companies", "generic")
JOINERS = _set("companies", "joiners")
LEVELS = _set("titles", "levels")
NOISE = _set("titles", "noise")
TITLE_SPELLINGS: dict[str, str] = _given["titles"]["spellings"]
UNITS: dict[str, str] = _given["titles"]["units"]
TEAMS = _set("texts", "teams")
LABELS = _set("texts", "labels")
LASTING = _set("texts", "lasting")
PAY = _set("texts", "pay")
PER = _set("texts", "per")
ESTIMATED = _set("texts", "estimated")
UNTELLING = _set("texts", "untelling")
CONTACT = _set("texts", "contact")
BOARD_LINES = _set("texts", "lines")
SIZES = _set("texts", "sizes")
YEARS = _set("texts", "years")
AROUND = _set("places", "around")
NO_CITY = _set("places", "none")
REMOTE = _set("places", "remote")
TWINS = _set("places", "twins")
PROVINCES = _set("places", "provinces")
OTHER_CITY = _set("places", "other")
COUNTIES = _set("places", "counties")
CITY_STATES = _set("places", "city_states")
CITY_NAMES: dict[str, str] = _given["places"]["names"]
CITY_SPELLINGS: dict[str, str] = _given["places"]["spellings"]
STATE_NAMES: dict[str, str] = _given["places"]["states"]
AGGREGATORS = _set("boards", "aggregators")
ESTIMATING = _set("boards", "estimating")
JOB_BOARDS = AGGREGATORS | _set("boards", "others")
