"""What becomes of the histories of two postings that are made one, so that each can be told apart.

Pure. The revisions of both are put in order of time and numbered anew. The revision of the joining
holds what each of both was, as far as it differs from what they became, and which of the revisions
before it were its own: as numbers counted back from the joining, which stay right when all of it is
joined again, or when the oldest are pruned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from jobstore.derived.merge import CONTENT_FIELDS, differences
from jobstore.derived.record import Derived
from jobstore.records import Job

_Row = TypeVar("_Row", bound=Sequence[Any])

ABOUT = "@"
"""Under this name the replaced values of a revision hold what is no field: who wrote (``actor``,
``run``, ``reason``), when a posting that is opened again was closed (``closed_at``), and what a
joined posting was made of (``joined``)."""

_FIELDS = ("source", "source_job_id", *CONTENT_FIELDS, "status", "closed_at")


def parts(joined: Job, of: Sequence[Derived]) -> list[dict[str, Any]]:
    """Return what each posting that ``joined`` is made of was: ``was``, ``version``, ``opened``."""
    return [
        {
            "was": differences(each.job, {name: getattr(joined, name) for name in _FIELDS}),
            "version": each.job.version,
            "opened": None if each.opening is None else [*each.opening],
        }
        for each in of
    ]


def interleaved(
    previous: Mapping[str, Any], histories: Sequence[Sequence[_Row]]
) -> tuple[list[_Row], dict[str, Any]]:
    """Put the revisions of joined postings in order, oldest first.

    ``previous`` is that of the joining, ``histories`` the revisions of each of its parts, oldest
    first; each begins with its time. Returns them, and ``previous`` with the numbers of each
    part's own.
    """
    whose = [(row, part) for part, history in enumerate(histories) for row in history]
    whose.sort(key=lambda each: each[0][0])
    newest_first = [part for _, part in reversed(whose)]
    joined = [
        {**each, "back": [at for at, part in enumerate(newest_first, 1) if part == number]}
        for number, each in enumerate(previous[ABOUT]["joined"])
    ]
    about = {**previous[ABOUT], "joined": joined}
    return [row for row, _ in whose], {**previous, ABOUT: about}
