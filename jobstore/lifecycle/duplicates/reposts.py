"""Whether a posting is one that was closed and has come back under a new id.

Facts only: nothing follows from them about the employer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobstore.lifecycle.duplicates.companies import company_key
from jobstore.lifecycle.duplicates.comparing import Comparison
from jobstore.lifecycle.duplicates.evidence import Kind, Reason
from jobstore.lifecycle.duplicates.features import Read
from jobstore.lifecycle.duplicates.places import Where
from jobstore.lifecycle.duplicates.vocabulary import AGGREGATORS

WITHIN = timedelta(days=90)
"""A posting that appears later than this after the other was closed is a new one."""
_RUN = timedelta(hours=1)
"""What one run saw was open at one time; none of a company takes longer."""
_NEAR_IDENTICAL = 0.9
_ENOUGH = 400


@dataclass(frozen=True, slots=True)
class Repost:
    """That a posting came back: how long it was away, and what both have in common."""

    away: timedelta
    reasons: tuple[Reason, ...]


def repost(
    new: Read, old: Read, *, appeared_at: datetime, closed_at: datetime | None
) -> Repost | None:
    """Return the evidence that ``new``, first seen at ``appeared_at``, is ``old`` posted again.

    ``None`` where it is not: the old one must have been closed (``closed_at``) before the new one
    appeared, at most 90 days before; company and words of the title must be the same, the texts
    near-identical (nine tenths of both together) and the places not apart. Two that were open at
    one time are siblings. Postings of aggregators are none, since ids change there without the
    employer.
    """
    if closed_at is None or not _RUN < appeared_at - closed_at <= WITHIN:
        return None
    one, other = new.features, old.features
    if AGGREGATORS & {one.source, other.source}:
        return None
    if not one.company or company_key(one.company) != company_key(other.company):
        return None
    found = Comparison(new, old)
    if one.title != other.title or found.where == Where.APART or found.remote_apart:
        return None
    if found.letters < _ENOUGH or found.shared < _NEAR_IDENTICAL or found.telling:
        return None
    # That one board gave both an id of their own is what makes it a repost there.
    told = tuple(each for each in found.reasons() if each.kind is not Kind.BOARD)
    return Repost(appeared_at - closed_at, told)
