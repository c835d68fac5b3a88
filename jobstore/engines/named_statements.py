"""Named statements whose text never changes, from the files in ``sql/``.

A statement begins with a line ``-- name: its_name`` and ends before the next one. What several
have in common is written once, after a line ``-- part: its_name``, and stands as ``{its_name}`` in
those of the same file that come later; any other brace is written twice.

Statements whose shape depends on the caller are not in ``sql/``; the engine builds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from jobstore.resources import sql_files

_HEAD = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)


@cache
def load(engine: str) -> Mapping[str, str]:
    """Return the statements of an engine by name, without comments.

    Raises ValueError when two have the same name.
    """
    found: dict[str, str] = {}
    for path in sql_files(engine):
        common: dict[str, str] = {}
        _, *pieces = _HEAD.split(path.read_text(encoding="utf-8"))
        for kind, name, text in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            lines = (line for line in text.splitlines() if not line.lstrip().startswith("--"))
            whole = "\n".join(lines).strip().format_map(common)
            if kind == "part":
                common[name] = whole
                continue
            if name in found:
                raise ValueError(f"two statements are named {name}; one is in {path.name}")
            found[name] = whole
    return MappingProxyType(found)
