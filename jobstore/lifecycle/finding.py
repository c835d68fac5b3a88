"""Duplicates are found off the way of writers: what changed is compared, a few postings at a time.

Everything may be repeated: what was compared as it stands is passed over, and who was interrupted
begins where the last transaction ended.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from jobstore.derived.micros import to_micros
from jobstore.engines.freshness import at_least
from jobstore.engines.kept import EVENT, FEATURE, FOLLOWER, LINK, VERDICT, Row
from jobstore.engines.protocol import Engine
from jobstore.engines.steps import Steps, change, put, read
from jobstore.errors import OutcomeUnknown, StoreBusy
from jobstore.lifecycle.candidates import Chosen, New, Place, chosen, read_all
from jobstore.lifecycle.completing import MISSED
from jobstore.lifecycle.duplicates import Judgement, Read, Repost, Verdict, judge, repost
from jobstore.lifecycle.duplicates.grouping import Id, Pair, ordered
from jobstore.lifecycle.duplicates.keeping import FORM, reasons_text, told, written
from jobstore.lifecycle.following import settled
from jobstore.lifecycle.giving_way import Turns
from jobstore.lifecycle.groups import (
    NO_ID,
    SECONDS,
    both_ways,
    disagreeing,
    forget,
    held,
    joined,
    regroup,
    take_turn,
)
from jobstore.lifecycle.history import reason_of_closing
from jobstore.records import Compared, Job

_WALK, _PIECE = 512, 32
_TRIES = 3
_NAME = f"duplicates {FORM}"
_NOWHERE: Place = (-(2**62), NO_ID)

Told = Callable[[Compared], object]


class _Piece(NamedTuple):
    """Postings that are compared in one transaction.

    ``looked``: how many were looked at for it. ``until``: up to where all are compared then, which
    ``None`` leaves open.
    """

    ids: Sequence[Id]
    looked: int = 0
    until: Place | None = None


class _Found(NamedTuple):
    """What a piece came to: new pairs, and whom each posting stood beside before."""

    pairs: dict[Pair, Judgement]
    beside: dict[Id, set[Id]]
    reposts: dict[Pair, Repost]
    """By who came back, and as what it was before."""
    gone: list[Row]
    """Keys of postings of which nothing else is kept."""
    others: dict[Id, int]
    """The versions of the postings that they were judged beside."""
    newest: list[Row]
    """The latest change of all."""
    made: dict[Id, tuple[str, str]]
    """What is kept of each to find it and to compare it."""


async def find(
    engine: Engine,
    clock: Callable[[], datetime],
    tell: Told,
    *,
    again: bool,
    ids: Sequence[UUID] | None,
    limit: int | None,
) -> Compared:
    """Compare what changed since the last time, with ``again`` everything, or no others than
    ``ids``; see :meth:`~jobstore.lifecycle.pairs.Duplicates.find_duplicates`."""
    if ids is not None:
        done, pieces = Compared(total=len(ids)), _given([id.bytes for id in ids])
    else:
        with at_least(str(engine.url), await engine.position()):
            until = await settled(engine, clock)
            total, after, rows = await engine.look(partial(_begun, again=again))
        done, pieces = Compared(total=total), _changed(engine, until, after, rows, again=again)
    tell(done)
    turns = Turns(engine)
    async for piece in pieces:
        await turns.give_way()
        same, maybe = await _compare(engine, clock, piece, turns)
        done = replace(
            done,
            looked_at=done.looked_at + piece.looked,
            compared=done.compared + len(piece.ids),
            same=done.same + same,
            maybe=done.maybe + maybe,
        )
        tell(done)
        if limit is not None and done.compared >= limit and piece.until is not None:
            break
    return done


async def misgrouped(engine: Engine) -> list[UUID]:
    """Return postings of which something is lost, or does not follow from the rest; see
    :meth:`~jobstore.lifecycle.pairs.Duplicates.check_duplicates`."""
    # A standby can be asked as well, also where no primary answers.
    found = await disagreeing(engine)
    found.update(id for (id,) in await engine.rows("half_verdicts"))
    found.update(id for (id,) in await engine.rows("left_out", *await engine.look(_mark), FORM))
    return [*map(_uuid, sorted(found))]


def _mark() -> Steps[Place]:
    """Return the place in the order of changes up to which all is compared."""
    rows = yield from read("followed", _NAME)
    return (rows[0][0], bytes(rows[0][1])) if rows else _NOWHERE


async def _given(ids: Sequence[Id]) -> AsyncIterator[_Piece]:
    for some in _parts(ids):
        yield _Piece(some, len(some))


def _begun(*, again: bool) -> Steps[tuple[int, Place, list[Row]]]:
    """Return how many changed, behind which place, and the first of them."""
    after = _NOWHERE if again else (yield from _mark())
    ((total,),) = yield from read("changed_number", *after)
    return total, after, (yield from read("changed_after", *after, _WALK))


async def _changed(
    engine: Engine, until: int, after: Place, rows: list[Row], *, again: bool
) -> AsyncIterator[_Piece]:
    """Give what changed behind a place, without what was compared as it stands unless ``again``."""
    while rows:
        wanted = [id for id, _, version, *made in rows if again or made != [version, FORM]]
        after = (rows[-1][1], bytes(rows[-1][0]))
        *first, last = _parts(wanted) or [[]]
        for some in first:
            yield _Piece(some)
        yield _Piece(last, len(rows), min(after, (until, NO_ID)))
        # What was just written has to be seen, also where reads go to a copy of the database.
        with at_least(str(engine.url), await engine.position()):
            rows = await engine.rows("changed_after", *after, _WALK)


def _parts(ids: Sequence[Id]) -> list[Sequence[Id]]:
    return [ids[at : at + _PIECE] for at in range(0, len(ids), _PIECE)]


async def _compare(
    engine: Engine, clock: Callable[[], datetime], piece: _Piece, turns: Turns
) -> tuple[int, int]:
    """Compare postings with those that are there; return how many pairs are the same, and may be.

    What the pieces before have written is seen.
    """
    turns.begin()
    with at_least(str(engine.url), await engine.position()):
        jobs = [job for job in await engine.get_many([*map(_uuid, piece.ids)]) if job is not None]
        new = await asyncio.to_thread(read_all, jobs)
        found = await _judged(engine, new)
    turns.write(found.newest)
    verdicts = [each.verdict for each in found.pairs.values()]
    for tries in range(_TRIES, 0, -1):
        try:
            await engine.walk(_kept(piece, new, found, to_micros(clock())), SECONDS)
            break
        except (OutcomeUnknown, StoreBusy):
            # What was read is looked at again there, so it may be written twice. Who writes many
            # postings at once may have waited for one of these, and this for one of theirs.
            if tries == 1:
                raise
    turns.end()
    return verdicts.count(Verdict.SAME), verdicts.count(Verdict.MAYBE)


async def _judged(engine: Engine, new: Sequence[New]) -> _Found:
    beside: defaultdict[Id, set[Id]] = defaultdict(set)

    def looked() -> Steps[tuple[Chosen, list[Row]]]:
        newest = yield from read("newest_change")
        beside.clear()
        for id, said, other, *_ in (yield from read("beside", joined(each.id for each in new))):
            if not said:
                beside[id].add(other)
        return (yield from chosen(new)), newest

    (pairs, room, gone), newest = await engine.look(looked)
    # What was joined before is looked at again, however many resemble it more by now.
    before = {ordered(id, other) for id, others in beside.items() for other in others}
    pairs |= before
    others = sorted({id for pair in pairs for id in pair} - {each.id for each in new})
    jobs = await engine.get_many([*map(_uuid, others)]) if others else []

    def judged() -> tuple[dict[Pair, Judgement], dict[Pair, Repost]]:
        reads = {each.id: (each.read, each.job) for each in new}
        reads.update((job.id.bytes, (Read(job), job)) for job in jobs if job is not None)
        both = [pair for pair in sorted(pairs) if reads.keys() >= {*pair}]
        found = {pair: judge(reads[pair[0]][0], reads[pair[1]][0]) for pair in both}
        back = {}
        for one, other in both_ways(both):
            (new_one, job), (old_one, old) = reads[one], reads[other]
            appeared = job.first_seen_at
            gone_at = _gone_at(old, appeared)
            evidence = repost(new_one, old_one, appeared_at=appeared, closed_at=gone_at)
            if evidence is not None:
                back[one, other] = evidence
        kept = {}
        for pair in sorted(found, key=lambda pair: (pair not in before, *pair)):
            verdict = found[pair].verdict
            if verdict != Verdict.DIFFERENT and room.take(
                pair, same=verdict == Verdict.SAME, known=pair in before
            ):
                kept[pair] = found[pair]
        return kept, back

    verdicts, back = await asyncio.to_thread(judged) if pairs else ({}, {})
    known = {job.id.bytes: job for job in [*jobs, *(each.job for each in new)] if job is not None}
    reposts = await _direct(engine, back, known)
    versions = {job.id.bytes: job.version for job in jobs if job is not None}
    made = {each.id: (json.dumps(each.keys), written(each.read.features)) for each in new}
    return _Found(verdicts, beside, reposts, gone, versions, newest, made)


def _gone_at(old: Job, appeared_at: datetime) -> datetime | None:
    """Return when a posting was gone, if it was closed by its absence: then it was gone before."""
    if old.closed_at is None or old.closed_at < appeared_at:
        return old.closed_at
    return old.last_seen_at


async def _direct(
    engine: Engine, found: dict[Pair, Repost], jobs: dict[Id, Job]
) -> dict[Pair, Repost]:
    """Return those that were gone before, and came back with no other one of them between.

    Of three that came one after another the third is a repost of the second, not of the first too.
    """
    reasons: dict[Id, str | None] = {}
    for new, old in found:
        closed_at = jobs[old].closed_at
        if closed_at and closed_at >= jobs[new].first_seen_at and old not in reasons:
            # One that was told to be closed was open until then; of few the history has to be read.
            reasons[old] = await reason_of_closing(engine, old)
    back = {pair: each for pair, each in found.items() if reasons.get(pair[1], MISSED) == MISSED}

    def is_between(id: Id, new: Id, old: Id) -> bool:
        appeared_at = jobs[new].first_seen_at
        gone_at, old_gone_at = (_gone_at(jobs[each], appeared_at) for each in (id, old))
        if gone_at is None or old_gone_at is None:
            return False
        return old_gone_at < jobs[id].first_seen_at and gone_at < appeared_at

    return {
        (new, old): each
        for (new, old), each in back.items()
        if not any(
            is_between(id, new, old) for id in jobs if (id, old) in back or (new, id) in back
        )
    }


def _uuid(id: Id) -> UUID:
    return UUID(bytes=id)


def _kept(piece: _Piece, new: Sequence[New], found: _Found, now: int) -> Steps[None]:
    """Write what became of a piece."""
    yield from take_turn()
    yield from forget({*piece.ids} - {each.id for each in new})
    if new:
        yield from _write(new, found, now)
    if piece.until is not None:
        yield from put(FOLLOWER, [(_NAME, *piece.until)])


def _write(new: Sequence[New], found: _Found, now: int) -> Steps[None]:
    """Write what was found of those that still stand as they were read."""
    # A joined posting has taken its verdicts along; they stand under both. They are read here,
    # where nobody else decides meanwhile.
    beside = yield from read("beside", joined(each.id for each in new))
    said = [(other, id, *rest) for id, is_said, other, *rest in beside if is_said]
    versions = {each.id: each.version for each in new} | found.others
    # All at once and before anything of theirs is locked, as those do who write them.
    there = yield from held([*versions, *(row[0] for row in said)])
    # Who changed meanwhile was judged by an old text, and is compared by itself later.
    gone = {id for id, version in versions.items() if there.get(id, (None,))[0] != version}
    standing = [each for each in new if each.id not in gone]
    ids = {each.id for each in standing}
    said = [row for row in said if row[1] in ids and row[0] in there]
    old = [(at, id, keys) for id in ids for _, at, keys in [there[id]] if keys is not None]
    yield from change("remove_blocks", old)
    yield from change("clear_block", found.gone)
    made = found.made
    yield from put(
        FEATURE,
        [(each.id, each.version, FORM, each.at, *made[each.id]) for each in standing],
    )
    yield from change("add_blocks", [(each.at, each.id, made[each.id][0]) for each in standing])
    pairs = {
        pair: judged
        for pair, judged in found.pairs.items()
        if ids.intersection(pair) and not gone.intersection(pair)
    }
    yield from put(VERDICT, said)
    before = {ordered(id, other) for id in ids for other in found.beside.get(id, set()) - gone}
    yield from change("unlink", [*both_ways(before - pairs.keys())])
    yield from put(
        LINK,
        [
            (*both, judged.verdict.value, reasons_text(judged.reasons), now)
            for pair, judged in sorted(pairs.items())
            for both in both_ways([pair])
        ],
    )
    for pair, back in found.reposts.items():
        if not gone.intersection(pair):
            yield from _tell_repost(pair, back, now)
    touched = {id for pair in before.union(pairs) for id in pair} | ids
    yield from regroup(sorted(touched.union(row[0] for row in said)))


def _tell_repost(pair: Pair, found: Repost, now: int) -> Steps[None]:
    """Write into the history of both that one came back as the other, once."""
    days = round(found.away.total_seconds() / 86_400, 2)
    evidence = {"days_away": days, "reasons": [told(each) for each in found.reasons]}
    for id, other, name in ((*pair, "repost_of"), (*pair[::-1], "reposted_as")):
        known = [json.loads(detail) for (detail,) in (yield from read("reposts_of", id))]
        if any(each.get(name) == str(_uuid(other)) for each in known):
            continue
        detail = json.dumps({name: str(_uuid(other))} | evidence, ensure_ascii=False)
        yield from put(EVENT, [(id, now, "repost", detail, None, None)])
