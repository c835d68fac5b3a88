"""A small database that is no store, whatever engine keeps the store; only the protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

Values = Sequence[Any] | Mapping[str, Any]
"""The values for a statement, by position or by name."""


class Statements(Protocol):
    """The named statements of a small database, to be run on it."""

    def rows(self, name: str, values: Values = ()) -> list[Any]:
        """Return all rows of a statement."""

    def run(self, name: str, *many: Values) -> int:
        """Run a statement once for each of ``many``; returns how many rows it changed."""


class SmallDatabase(Protocol):
    """A kind of database that is no store, in a file of its own, with migrations of its own.

    Whoever uses one decides what it keeps. Several processes may write to one at
    once. Everything blocks, and may raise StoreUnavailable (it cannot be made, read or written,
    or is damaged), StorageFull, StoreBusy (others keep it locked) and SchemaMismatch (another
    version of jobstore made it).
    """

    def writing(self, path: Path) -> AbstractContextManager[Statements]:
        """Open it alone among the processes that write; it is made where it is missing.

        What the block does is one transaction.
        """

    def reading(self, path: Path) -> AbstractContextManager[Statements]:
        """Open it for reading; one that is not there, or has no tables yet, has no rows."""
