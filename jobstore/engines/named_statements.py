"""Named statements whose text never changes, from the files in ``sql/``.

A statement begins with a line ``-- name: its_name`` and ends before the next one. Statements
whose shape depends on the caller are built by the engine, and are none of these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from jobstore.resources import sql_files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def load(engine: str) -> Mapping[str, str]:
    """Return the statements of an engine by name, without comments.

    Raises ValueError when two have the same name.
    """
    found: dict[str, str] = {}
    for path in sql_files(engine):
        _, *parts = _NAME.split(path.read_text(encoding="utf-8"))
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"two statements are named {name}; one is in {path.name}")
            lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
            found[name] = "\n".join(lines).strip()
    return MappingProxyType(found)
