"""The mappings that come with jobstore, and which of them a file is in.

A mapping of ours is a file in ``mappings/``; nothing else has to be written down for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from jobstore.exchange.mapping import FieldMapping, read_mapping

_FOLDER = Path(__file__).parent / "mappings"


@cache
def names() -> tuple[str, ...]:
    """Return the names of the mappings that come with jobstore."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def built_in(name: str) -> FieldMapping:
    """Return the mapping of that name. Raises KeyError for an unknown one."""
    if name not in names():
        raise KeyError(name)
    return read_mapping(_FOLDER / f"{name}.toml")


def recognise_keys(keys: Iterable[str], envelope: Iterable[str] = ()) -> FieldMapping | None:
    """Return the mapping whose signs rows with ``keys`` bear; of several, the one that asks for
    most. ``envelope`` are the keys of the object around the rows."""
    found = [
        (signs.weight, built_in(name))
        for name in names()
        for signs in built_in(name).signs
        if signs.weight and signs.hold(keys, envelope)
    ]
    return max(found, key=lambda each: each[0])[1] if found else None
