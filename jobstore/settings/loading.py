"""The settings as they hold: defaults, a YAML file, ``.env``, the environment, flags.

Later ones win, setting by setting; a list is replaced as a whole. Where each value came from
is kept, and what decides about programs and places is taken from nowhere that was not named.
Nothing is changed and nothing is opened but the files that are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from jobstore.errors import Fault, InvalidSettings
from jobstore.settings.faults import At, dotted, faults_of
from jobstore.settings.reference import all_keys, bare, is_model
from jobstore.settings.sections import DEVELOPMENT, Settings
from jobstore.settings.variables import (
    CONFIG,
    Variable,
    file_of,
    of_environment,
    of_file,
    settings_of,
)
from jobstore.settings.yaml_files import Document, read_yaml

Kind = Literal["default", "file", "dotenv", "environment", "flag"]

# A value of the file that stands in the environment, as secrets should.
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_FLAGS = {"store.url": "--store"}

# What decides which programs are run, and who gets notices, backups and the state of operations.
# A .env is read in whatever folder a command runs, such as one that was downloaded; it has no say.
_NAMED_ONLY = frozenset(
    {
        *("alerts.sinks", "paths.state", "backup.folder", "backup.places"),
        *("backup.place_options", "backup.recipients"),
    }
)
# What a named file may ask a .env for all the same, by ${NAME}: the secrets of those.
_SECRETS = frozenset({"url", "secret", "username", "password"})
_UNNAMED = "is not taken from a .env, nor from a file that only a .env names; "


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: the kind of source, and the place in words."""

    kind: Kind
    where: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the origin of each by its dotted name, and the files that were read."""

    settings: Settings
    origins: Mapping[str, Origin]
    files: tuple[Path, ...]


def load(
    config: str | os.PathLike[str] | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path = Path(),
) -> Loaded:
    """Return the settings that hold.

    ``config`` is the YAML file; without it JOBSTORE_CONFIG names one, or there is none.
    ``.env`` is looked for in ``folder``. ``environment`` is the process's own by default.
    ``flags`` are values by dotted name, from the command line; None is no value. A value
    ``${NAME}`` in the YAML file is taken from the variable NAME.

    Raises InvalidSettings with every fault: the setting, what is allowed, and where it stands.
    """
    dotenv = folder / ".env"
    process = of_environment(os.environ if environment is None else environment)
    beside = of_file(dotenv)
    path = file_of(os.fspath(config) if config is not None else None, (process, beside))
    document = Document() if path is None else read_yaml(path)
    named = config is not None or CONFIG in process
    passed = {name: value for name, value in (flags or {}).items() if value is not None}
    loaded = _Merging(path, document, beside, process, passed, named=named).load(dotenv)
    typed = [("--config", config), *((flag, passed.get(name)) for name, flag in _FLAGS.items())]
    given = ((flag, str(value)) for flag, value in typed if value is not None)
    loaded.settings.typed(*chain.from_iterable(given))
    return loaded


class _Merging:
    """Puts the sources on top of each other."""

    def __init__(
        self,
        path: Path | None,
        document: Document,
        beside: Mapping[str, Variable],
        process: Mapping[str, Variable],
        flags: Mapping[str, Any],
        *,
        named: bool,
    ) -> None:
        self._path = path
        self._named = named
        self._lines = document.lines
        self._variables = {**beside, **process}
        self._process = process
        self._used: set[str] = set()
        self._values: dict[str, Any] = {}
        self._origins: dict[str, Origin] = {}
        self._faults: list[Fault] = []
        self._take_document(document.values)
        for kind, variables in (("dotenv", beside), ("environment", process)):
            self._take_variables(kind, variables)  # type: ignore[arg-type]
        for name, value in flags.items():
            self._take(name, value, Origin("flag", _FLAGS.get(name, "command line")))

    def load(self, dotenv: Path) -> Loaded:
        """Check everything and return it."""
        try:
            settings = Settings.model_validate(self._values)
        except ValidationError as error:
            # What is not set has been named; that it is no number either helps nobody.
            named = {fault.field for fault in self._faults}
            found = faults_of(error, self._values, self._where)
            self._faults.extend(fault for fault in found if fault.field not in named)
        if self._faults:
            raise InvalidSettings(self._faults)
        origins = {key.name: self._origin(key.name, settings) for key in all_keys()}
        read = [self._path] if self._path else []
        if any(origin.kind == "dotenv" for origin in origins.values()):
            read.append(dotenv)
        return Loaded(settings, origins, tuple(read))

    def _take_document(self, values: Mapping[str, Any]) -> None:
        for section, content in values.items():
            field = Settings.model_fields.get(section)
            if field is None or not is_model(bare(field.annotation)):
                self._take(section, self._filled(content, (section,)), self._in_file((section,)))
            elif isinstance(content, dict):
                for key, value in content.items():
                    at = (section, key)
                    self._take(dotted(at), self._filled(value, at), self._in_file(at))
            elif content is not None:
                where = self._in_file((section,)).where
                self._faults.append(Fault(section, f"must have keys and values ({where})"))

    def _take_variables(self, kind: Kind, variables: Mapping[str, Variable]) -> None:
        given = settings_of(variables, self._used, self._faults)
        for name, (value, where) in given.items():
            self._take(name, value, Origin(kind, where))

    def _take(self, name: str, value: Any, origin: Origin) -> None:
        found = origin.kind == "dotenv" or (origin.kind == "file" and not self._named)
        if found and name in _NAMED_ONLY:
            way = "name the file by --config, or by JOBSTORE_CONFIG in the environment"
            self._faults.append(Fault(name, f"{_UNNAMED}{way} ({origin.where})"))
        section, dot, key = name.partition(".")
        if dot:
            self._values.setdefault(section, {})[key] = value
        else:
            self._values[name] = value
        self._origins[name] = origin

    def _filled(self, value: Any, at: At) -> Any:
        """Return a value of the file with variables put in for ``${NAME}``."""
        if isinstance(value, dict):
            return {key: self._filled(item, (*at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item, (*at, index)) for index, item in enumerate(value)]
        reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if reference is None:
            return value
        name = reference[1]
        self._used.add(name)
        where = self._in_file(at).where
        if name not in self._process and name in self._variables and not _may_be_found(at):
            way = f"write it into this file, or have {name} in the environment"
            self._faults.append(Fault(dotted(at), f"{_UNNAMED}{way} ({where})"))
        if name in self._variables:
            return self._variables[name].text
        self._faults.append(Fault(dotted(at), f"takes {name}, which is not set ({where})"))
        return value

    def _in_file(self, at: At) -> Origin:
        while at and at not in self._lines:
            at = at[:-1]
        return Origin("file", f"{self._path}, line {self._lines[at]}")

    def _where(self, at: At) -> str:
        """Say where the value at a path stands; for a section, where its values stand."""
        origin = self._origins.get(dotted(at[:2])) or self._origins.get(dotted(at[:1]))
        if origin is None:
            inside = [o for name, o in self._origins.items() if name.startswith(f"{dotted(at)}.")]
            return "; ".join(dict.fromkeys(each.where for each in inside))
        return (self._in_file(at) if origin.kind == "file" else origin).where

    def _origin(self, name: str, settings: Settings) -> Origin:
        section, _, key = name.partition(".")
        ours = settings.environment == "development" and key in DEVELOPMENT.get(section, {})
        default = Origin("default", "default of development" if ours else "default")
        return self._origins.get(name, default)


def _may_be_found(at: At) -> bool:
    """Tell whether a ``.env`` may fill the place of the file that asks for it."""
    name = dotted(at[:2])
    return name not in _NAMED_ONLY or name == "backup.place_options" or at[-1] in _SECRETS
