"""Settings in the environment and in ``.env``: which variable means which setting."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from dotenv.parser import parse_stream

from jobstore.errors import Fault
from jobstore.settings.reading import read_text, refusal
from jobstore.settings.reference import PREFIX, Key, all_keys, bare, nearest

CONFIG = f"{PREFIX}CONFIG"

# What others call so: Kubernetes for a service named jobstore, this project's tests and benchmarks.
_OF_OTHERS = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_[A-Z]+(_(PROTO|PORT|ADDR))?)?|TEST_DATA|BENCH_CACHE"
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
    is put in for a ``$``. A folder of that name is none of ours. Raises InvalidSettings for
    what cannot be read, with the line.
    """
    if not path.exists() or path.is_dir():
        return {}
    found: dict[str, Variable] = {}
    for binding in parse_stream(io.StringIO(read_text(path))):
        written = binding.original.string
        blank = len(written) - len(written.lstrip())
        line = binding.original.line + written.count("\n", 0, blank)
        if binding.error:
            raise refusal(path, "must be NAME=value", line)
        name, text = binding.key, binding.value
        if name is None:
            continue
        if text is None:
            raise refusal(path, f"{name} has no value; write {name}=value", line)
        if name in found and name.startswith(PREFIX):
            raise refusal(path, f"{name} stands here again", line)
        if text:
            found[name] = Variable(text, f"{path}, line {line}: {name}")
    return found


def settings_of(
    variables: Mapping[str, Variable], used: Iterable[str], faults: list[Fault]
) -> dict[str, tuple[Any, str]]:
    """Return what variables say about settings: value and place, by dotted name.

    Those in ``used`` are known for another reason. Adds to ``faults`` those that look like a
    setting's variable and are none, and values that cannot be read.
    """
    known = {key.variable: key for key in all_keys()}
    given = {}
    for name, variable in variables.items():
        if name in known:
            try:
                given[known[name].name] = (_value(known[name], variable.text), variable.where)
            except ValueError:
                reason = f'must be JSON, such as ["a", "b"] ({variable.where})'
                faults.append(Fault(known[name].name, reason))
        elif name.startswith(PREFIX) and name not in used and name != CONFIG:
            short = name.removeprefix(PREFIX)
            if not _OF_OTHERS.fullmatch(short):
                faults.append(Fault(variable.where, _unknown(short, known)))
    return given


def _unknown(short: str, known: Iterable[str]) -> str:
    # All of them begin alike, which says nothing of how alike they are.
    names = [each.removeprefix(PREFIX) for each in (*known, CONFIG)]
    meant = nearest(short.removeprefix("STORE__"), names)
    hint = f"did you mean {PREFIX}{meant}?" if meant else "'jobstore config keys' lists all"
    return f"is no setting; {hint}"


def _value(key: Key, text: str) -> Any:
    """Return a list or mapping for the JSON that stands for it, other texts as they are."""
    if get_origin(bare(key.field.annotation)) not in (tuple, dict):
        return text
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def file_of(flag: str | None, variables: Iterable[Mapping[str, Variable]]) -> Path | None:
    """Return the YAML file that the flag names, or else the first JOBSTORE_CONFIG."""
    if flag is not None:
        return Path(flag)
    named = (each[CONFIG].text for each in variables if CONFIG in each)
    return next(map(Path, named), None)
