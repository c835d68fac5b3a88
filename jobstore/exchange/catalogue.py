"""The mappings that come with jobstore.

A mapping of ours is a file in ``mappings/``; nothing else has to be written down for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def all_of_them() -> Iterator[FieldMapping]:
    """Give every mapping that comes with jobstore, by its name."""
    return map(built_in, names())


class Descriptions(Mapping[str, str]):
    """What each format is: those that are given, and the mappings, which are read when asked."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def __getitem__(self, name: str) -> str:
        return self._given[name] if name in self._given else built_in(name).description

    def __iter__(self) -> Iterator[str]:
        return iter((*self._given, *names()))

    def __len__(self) -> int:
        return len(self._given) + len(names())

    def __contains__(self, name: object) -> bool:
        return name in self._given or name in names()
