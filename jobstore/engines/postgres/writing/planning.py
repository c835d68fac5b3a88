"""What becomes of the operations of a batch, decided before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobstore.derived.plan import Change, Deletion, Plan
from jobstore.engines.postgres.errors import translated
from jobstore.engines.postgres.writing.batch import Stored
from jobstore.engines.writing.turns import Answer, Work


class Planned(NamedTuple):
    """What becomes of operations, and what that changes."""

    answers: list[Answer]
    changes: list[Change]
    deletions: list[Deletion]


def plan(works: Sequence[Work], stored: Stored, now: datetime) -> Planned:
    """Plan operations one after another; one that is refused changes nothing."""
    planning = Plan(stored.posting, now)
    answers: list[Answer] = []
    for operation, args in works:
        try:
            answers.append((operation(planning, *args), None))
        except Exception as error:
            answers.append((None, translated(error)))
    return Planned(answers, planning.changes, planning.deletions)
