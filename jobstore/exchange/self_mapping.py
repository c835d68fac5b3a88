"""Rows whose keys or columns bear the names of our fields, or usual names of theirs.

The names are in ``synonyms.toml``; how they are compared, and what is made of nested values, is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobstore.exchange.mapping import FieldMapping


def self_mapping(rows: Iterable[Mapping[str, Any]]) -> FieldMapping | None:
    """Return the mapping that the keys of ``rows`` make by themselves; None without a title."""
    return None
