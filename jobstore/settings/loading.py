"""The settings as they hold: defaults, a YAML file, ``.env``, the environment, flags.

Later ones win, setting by setting; a list is replaced as a whole. Where each value came from
is kept, and what decides about programs and places is taken from nowhere that was not named.
Nothing is changed and nothing is opened but the files that are read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from jobstore.errors import Fault, InvalidSettings
from jobstore.settings.faults import At, dotted, faults_of
from jobstore.settings.reference import SECTIONS, all_keys
from jobstore.settings.sections import DEVELOPMENT, Settings
from jobstore.settings.variables import (
    CONFIG,
    Variable,
    of_environment,
    of_file,
    settings_of,
    unknown_among,
)

Kind = Literal["default", "file", "dotenv", "environment", "flag"]

# A value of the file that stands in the environment, as secrets should.
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

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
    process = of_environment(os.environ if environment is None else environment)
    beside = of_file(folder / ".env")
    named = config if config is not None else _named_by(process)
    file = named if named is not None else _named_by(beside)
    path = None if file is None else Path(file)
    merging = _Merging(path, process, beside, is_named=named is not None)
    merging.take_file()
    merging.take_variables("dotenv", beside)
    merging.take_variables("environment", process)
    passed = {name: value for name, value in (flags or {}).items() if value is not None}
    for name, value in passed.items():
        where = "--store" if name == "store.url" else "command line"
        merging.take(name, value, Origin("flag", where))
    settings = merging.checked()
    # In commands that are recommended later, the store's password is left out.
    store = str(settings.store.address) if "store.url" in passed else None
    typed = {"--config": config, "--store": store}
    given = ((flag, str(value)) for flag, value in typed.items() if value is not None)
    settings.typed(*chain.from_iterable(given))
    origins = {key.name: merging.origin(key.name, settings) for key in all_keys()}
    filling = merging.asked_for & (beside.keys() - process.keys())
    found = filling or any(origin.kind == "dotenv" for origin in origins.values())
    files = (*([path] if path else []), *([folder / ".env"] if found else []))
    return Loaded(settings, origins, files)


def _named_by(variables: Mapping[str, Variable]) -> str | None:
    return variables[CONFIG].text if CONFIG in variables else None


@dataclass(slots=True)
class _Merging:
    """Puts the sources on top of each other, in the order in which they are taken."""

    path: Path | None
    process: Mapping[str, Variable]
    beside: Mapping[str, Variable]
    is_named: bool
    lines: Mapping[At, int] = field(default_factory=dict)
    given: dict[str, tuple[Any, Origin]] = field(default_factory=dict)
    asked_for: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def take(self, name: str, value: Any, origin: Origin) -> None:
        """Let a setting have a value, whatever it had before."""
        found = origin.kind == "dotenv" or (origin.kind == "file" and not self.is_named)
        if found and name in _NAMED_ONLY:
            way = "name the file by --config, or by JOBSTORE_CONFIG in the environment"
            self.faults.append(Fault(name, f"{_UNNAMED}{way} ({origin.where})"))
        self.given[name] = value, origin

    def take_file(self) -> None:
        """Take what the YAML file says, if there is one."""
        if self.path is None:
            return
        # Most commands have no file, and begin sooner without what reads it.
        from jobstore.settings.yaml_files import read_yaml

        values, self.lines = read_yaml(self.path)
        for section, content in values.items():
            origin = self._in_file((section,))
            if section not in SECTIONS:
                self.take(section, self._filled(content, (section,)), origin)
            elif not isinstance(content, dict | None):
                reason = f"must have keys and values ({origin.where})"
                self.faults.append(Fault(section, reason))
            else:
                for key, value in (content or {}).items():
                    at = (section, key)
                    self.take(dotted(at), self._filled(value, at), self._in_file(at))

    def take_variables(self, kind: Kind, variables: Mapping[str, Variable]) -> None:
        """Take what the variables of a place say; the file has been taken before."""
        for name, (value, where) in settings_of(variables, self.faults).items():
            self.take(name, value, Origin(kind, where))
        self.faults += unknown_among(variables, self.asked_for)

    def checked(self) -> Settings:
        """Return the settings, or raise InvalidSettings with all that is wrong."""
        values: dict[str, Any] = {}
        for name, (value, _) in self.given.items():
            section, dot, key = name.partition(".")
            if dot:
                values.setdefault(section, {})[key] = value
            else:
                values[name] = value
        try:
            settings = Settings.model_validate(values)
        except ValidationError as error:
            # What is not set has been named; that it is no number either helps nobody.
            named = {fault.field for fault in self.faults}
            found = faults_of(error, values, self._where)
            self.faults += [fault for fault in found if fault.field not in named]
        if self.faults:
            raise InvalidSettings(self.faults)
        return settings

    def origin(self, name: str, settings: Settings) -> Origin:
        """Return where the value of a setting came from."""
        if name in self.given:
            return self.given[name][1]
        section, _, key = name.partition(".")
        ours = settings.environment == "development" and key in DEVELOPMENT.get(section, {})
        return Origin("default", "default of development" if ours else "default")

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
        self.asked_for.add(name)
        where = self._in_file(at).where
        if name in self.process:
            return self.process[name].text
        if name not in self.beside:
            self.faults.append(Fault(dotted(at), f"takes {name}, which is not set ({where})"))
            return value
        if not _may_be_found(at):
            way = f"write it into this file, or have {name} in the environment"
            self.faults.append(Fault(dotted(at), f"{_UNNAMED}{way} ({where})"))
        return self.beside[name].text

    def _in_file(self, at: At) -> Origin:
        while at and at not in self.lines:
            at = at[:-1]
        return Origin("file", f"{self.path}, line {self.lines[at]}")

    def _where(self, at: At) -> str:
        """Say where the value at a path stands; for a section, where its values stand."""
        for name in (dotted(at[:2]), dotted(at[:1])):
            if name in self.given:
                origin = self.given[name][1]
                return (self._in_file(at) if origin.kind == "file" else origin).where
        inside = [
            each for name, (_, each) in self.given.items() if name.startswith(f"{dotted(at)}.")
        ]
        return "; ".join(dict.fromkeys(each.where for each in inside))


def _may_be_found(at: At) -> bool:
    """Tell whether a ``.env`` may fill the place of the file that asks for it."""
    name = dotted(at[:2])
    return name not in _NAMED_ONLY or name == "backup.place_options" or at[-1] in _SECRETS
