"""How migrations stand between a store and this jobstore, and what each of them removes.

Only what is known of them is compared here; nothing is read from a store, and nothing is run
(:mod:`jobstore.migrating` does that).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobstore.engines.schema import Recorded
from jobstore.engines.scripts import Direction, Script
from jobstore.errors import MigrationError, SchemaMismatch

_COMMENT = re.compile(r"--[^\n]*")
_REMOVED = re.compile(
    r"\bALTER\s+TABLE\s+\W?(\w+)\W?\s+DROP\s+COLUMN\s+\W?(\w+)"
    r"|\b(?:DROP\s+TABLE(?:\s+IF\s+EXISTS)?|DELETE\s+FROM)\s+\W?(\w+)",
    re.IGNORECASE,
)
# A table that steps aside, and whose rows are put into the one that takes its place.
_RENAMED = re.compile(
    r"\bALTER\s+TABLE\s+\W?\w+\W?\s+RENAME\s+TO\s+\W?(\w+)\b(?=.*?"
    r"\bINSERT\s+INTO\b[^;]*\bFROM\s+\W?\1\b)",
    re.IGNORECASE | re.DOTALL,
)


class State(StrEnum):
    """How a migration stands between the store and this version of jobstore."""

    APPLIED = "applied"
    PENDING = "pending"
    EDITED = "edited"
    """Applied, but its file is no longer what was applied."""
    SKIPPED = "skipped"
    """Not applied, although a later one is."""
    MISSING = "missing"
    """Applied, but its file is gone."""
    NEWER = "newer"
    """Applied by a newer jobstore."""


_REFUSED = {
    State.MISSING: "was applied to the store, but its file is missing; reinstall jobstore.",
    State.EDITED: "was edited after it was applied; restore its file and put the change into "
    "a new migration.",
    State.SKIPPED: "was never applied, although a later one was; restore a backup, or export "
    "the postings into a new store.",
}


@dataclass(frozen=True, slots=True)
class MigrationState:
    """One migration, and when it was applied (UTC; ``None`` if it was not)."""

    id: str
    state: State
    applied_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """One migration that was run, or would be, and its SQL."""

    id: str
    direction: Direction
    sql: str

    @property
    def loses_data(self) -> bool:
        """Whether it removes a table, a column or rows."""
        return bool(self.removed)

    @property
    def removed(self) -> list[str]:
        """What it removes, or removes rows of: ``table``, or ``table.column``."""
        sql = _COMMENT.sub("", self.sql)
        aside = set(_RENAMED.findall(sql))
        found = (each[3] or f"{each[1]}.{each[2]}" for each in _REMOVED.finditer(sql))
        return [name for name in found if name not in aside]


def compare(scripts: Sequence[Script], known: Sequence[Recorded]) -> list[MigrationState]:
    """Return every migration that the store or this jobstore knows, in order."""
    rest = {record.id: record for record in known}
    newest = max(rest, default="")
    states = []
    for script in scripts:
        record = rest.pop(script.id, None)
        if record is None:
            state = State.SKIPPED if script.id < newest else State.PENDING
        else:
            state = State.APPLIED if record.checksum == script.checksum else State.EDITED
        states.append(MigrationState(script.id, state, record.applied_at if record else None))
    for record in rest.values():
        state = State.NEWER if record.id > scripts[-1].id else State.MISSING
        states.append(MigrationState(record.id, state, record.applied_at))
    return sorted(states, key=lambda each: each.id)


def refuse(scripts: Sequence[Script], known: Sequence[Recorded], compatible: str = "") -> None:
    """Raise when the store and the files do not belong together.

    ``compatible`` is the oldest migration whose programs may go on although there are newer ones.
    """
    states = compare(scripts, known)
    may_go_on = compatible and compatible <= scripts[-1].id
    if states[-1].state is State.NEWER and not may_go_on:
        raise SchemaMismatch(
            f"The store was migrated by a newer jobstore, to {states[-1].id}; upgrade jobstore."
        )
    for each in states:
        if each.state in _REFUSED:
            raise MigrationError(f"Migration {each.id} {_REFUSED[each.state]}")
