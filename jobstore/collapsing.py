"""Pages with one row for each opening: of a group of duplicates the first that matches is shown.

Which one that is depends on the group and the criteria alone, not on the order or the page, so
pages neither repeat nor skip one. A posting is left out only where another of its group matches.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from jobstore.derived.matching import satisfies
from jobstore.engines.kept import Row
from jobstore.engines.protocol import Asked, Engine, Found
from jobstore.records import AlsoOn, JobSummary
from jobstore.search.criteria import UNTRACKED, Criteria

# A page that has so much of its rows is not filled up, which would be a search more for each page.
_ENOUGH = 0.75
# How often it is, at most.
_ROUNDS = 20


class _Group(NamedTuple):
    before: list[UUID]
    """Those that are shown instead, if they match."""
    others: tuple[AlsoOn, ...]


async def collapsed(engine: Engine, criteria: Criteria, asked: Asked) -> Found:
    """Return the page that follows ``asked.after``, without postings that another one stands for.

    Those that stand for others say where these are. A page has at least three quarters of the rows
    that were asked for, but at the end, or where hundreds of duplicates stand in a row. Totals and
    facets are those of all postings.
    """
    found = await engine.search(criteria, asked._replace(groups=True))
    found.items = await _shown(engine, criteria, found)
    for _ in range(_ROUNDS):
        left = asked.limit - len(found.items)
        if found.position is None or len(found.items) >= _ENOUGH * asked.limit:
            break
        known = found.total, found.total_capped
        more = await engine.search(
            criteria, Asked(left, found.position, known, snippets=asked.snippets, groups=True)
        )
        found.items += await _shown(engine, criteria, more)
        found.position = more.position
    return found


async def _shown(engine: Engine, criteria: Criteria, found: Found) -> list[JobSummary]:
    items, groups = found.items, _groups(found.groups)
    if not groups:
        return items
    here = {item.id for item in items}
    unknown = {id for group in groups.values() for id in group.before} - here
    matching = here | await _matching(engine, criteria, sorted(unknown))
    shown = []
    for item in items:
        if (group := groups.get(item.id)) is not None:
            if not matching.isdisjoint(group.before):
                continue
            item.also_on = group.others
        shown.append(item)
    return shown


def _groups(rows: Iterable[Row]) -> dict[UUID, _Group]:
    """Return the groups of postings that are in one."""
    members: defaultdict[UUID, list[AlsoOn]] = defaultdict(list)
    for id, other, source, url in rows:
        members[UUID(bytes=id)].append(AlsoOn(id=UUID(bytes=other), source=source, url=url))
    groups = {}
    for of, every in members.items():
        ids = [each.id for each in every]
        others = tuple(each for each in every if each.id != of)
        if others:
            groups[of] = _Group(ids[: ids.index(of)], others)
    return groups


async def _matching(engine: Engine, criteria: Criteria, ids: Sequence[UUID]) -> set[UUID]:
    if criteria.is_empty or not ids:
        return {*ids}
    jobs = [job for job in await engine.get_many(ids) if job is not None]
    # Words of whole texts are looked at: not on the event loop.
    found = await asyncio.to_thread(lambda: {job.id for job in jobs if satisfies(job, criteria)})
    if wanted := {*criteria.application}:
        # What was applied for is no part of a posting.
        for id in sorted(found):
            rows = await engine.rows("applications_for", id.bytes)
            if wanted.isdisjoint({row[2] for row in rows} or UNTRACKED):
                found.remove(id)
    return found
