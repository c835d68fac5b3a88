"""Settings in the environment and in ``.env``: which variable means which setting."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jobstore.errors import Fault
from jobstore.settings.reading import read_text, refusal
from jobstore.settings.reference import PREFIX, all_keys, nearest
from jobstore.settings.sections import Settings

CONFIG = f"{PREFIX}CONFIG"

# What others call so: Kubernetes for a service named jobstore, this project's tests and benchmarks.
_OF_OTHERS = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?|TEST_\w+|BENCH_CACHE"
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable's text, and where it stands."""

    text: str
    where: str


def of_environment(environment: Mapping[str, str]) -> dict[str, Variable]:
    """Return the variables of the process; an empty one is no variable."""
    return {name: Variable(text, name) for name, text in environment.items() if text}


def of_file(path: Path) -> dict[str, Variable]:
    """Return the variables of a ``.env`` file; an absent one has none.

    ``NAME=value``, with ``export`` before it and quotes around the value if one likes; nothing
    is put in for a ``$``. A folder of that name is none of ours. The file is for other programs
    too: their lines that are no ``NAME=value`` are passed over. Raises InvalidSettings for what
    cannot be read, with the line.
    """
    if not path.exists() or path.is_dir():
        return {}
    from dotenv.parser import parse_stream

    found: dict[str, Variable] = {}
    for binding in parse_stream(io.StringIO(read_text(path))):
        written = binding.original.string
        blank = len(written) - len(written.lstrip())
        line = binding.original.line + written.count("\n", 0, blank)
        name, text, ours = binding.key, binding.value, PREFIX in written
        if binding.error and ours:
            raise refusal(path, "must be NAME=value", line)
        if name is None:
            continue
        if text is None and ours:
            raise refusal(path, f"{name} has no value; write {name}=value", line)
        if name in found and name.startswith(PREFIX):
            raise refusal(path, f"{name} stands here again", line)
        if text:
            found[name] = Variable(text, f"{path}, line {line}: {name}")
    return found


def settings_of(
    variables: Mapping[str, Variable], faults: list[Fault]
) -> dict[str, tuple[Any, str]]:
    """Return what variables say about settings: value and place, by dotted name.

    pydantic-settings knows which values are JSON, and reads them. Adds to ``faults`` what is
    none.
    """
    if not (keys := [key for key in all_keys() if key.variable in variables]):
        return {}
    from pydantic_settings import EnvSettingsSource

    source = EnvSettingsSource(cast(Any, Settings))
    given = {}
    for key in keys:
        variable = variables[key.variable]
        try:
            value = source.prepare_field_value(key.name, key.field, variable.text, False)
            given[key.name] = value, variable.where
        except (ValueError, RecursionError):
            reason = f'must be JSON, such as ["a", "b"] ({variable.where})'
            faults.append(Fault(key.name, reason))
    return given


def unknown_among(variables: Mapping[str, Variable], used: Collection[str]) -> list[Fault]:
    """Return a fault for each variable that looks like a setting's and is none.

    Those in ``used`` are known for another reason.
    """
    known = {CONFIG, *(key.variable for key in all_keys())}
    return [
        Fault(variable.where, _unknown(name.removeprefix(PREFIX), known))
        for name, variable in variables.items()
        if name.startswith(PREFIX)
        and not (name in known or name in used or _OF_OTHERS.fullmatch(name, len(PREFIX)))
    ]


def _unknown(short: str, known: Collection[str]) -> str:
    # All of them begin alike, which says nothing of how alike they are.
    meant = nearest(short.removeprefix("STORE__"), [name.removeprefix(PREFIX) for name in known])
    hint = f"did you mean {PREFIX}{meant}?" if meant else "'jobstore config keys' lists all"
    return f"is no setting; {hint}"
