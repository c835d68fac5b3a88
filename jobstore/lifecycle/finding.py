"""Duplicates are found off the way of writers: what changed is compared, a few postings at a time.

Everything may be repeated: what was compared as it stands is passed over, and who was interrupted
begins where the last transaction ended.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from jobstore.derived.micros import to_micros
from jobstore.engines.freshness import at_least
from jobstore.engines.kept import EVENT, FEATURE, FOLLOWER, LINK, MEMBER, VERDICT, Row
from jobstore.engines.protocol import Engine, Transacted
from jobstore.lifecycle.duplicates import (
    Features,
    Judgement,
    Read,
    Repost,
    Verdict,
    blocks,
    judge,
    likely,
    repost,
)
from jobstore.lifecycle.duplicates.blocking import MOST
from jobstore.lifecycle.duplicates.grouping import grouped
from jobstore.lifecycle.duplicates.keeping import FORM, read_written, reasons_text, told, written
from jobstore.lifecycle.duplicates.places import Where, where
from jobstore.lifecycle.duplicates.texts import resemblance
from jobstore.lifecycle.following import settled
from jobstore.records import Compared, Job

READ = 8
"""Texts that are read for one posting: of those that resemble it most."""
TOGETHER = 200
"""Postings that are looked at for one group."""
SECONDS = 60.0
"""What one transaction may take."""

_WALK, _PIECE = 512, 32
_NO_ID = bytes(16)
_NAME = f"duplicates {FORM}"

Place = tuple[int, bytes]
Pair = tuple[bytes, bytes]
Told = Callable[[Compared], object]


class _New(NamedTuple):
    """A posting that is compared, as it was read."""

    id: bytes
    version: int
    at: int
    read: Read
    keys: tuple[int, ...]
    job: Job


class _Found(NamedTuple):
    """What a piece came to: new pairs, and whom each posting stood beside before."""

    pairs: dict[tuple[bytes, bytes], Judgement]
    beside: dict[bytes, list[Row]]
    reposts: dict[tuple[bytes, bytes], Repost]
    """By who came back, and as what it was before."""
    gone: list[Row]
    """Keys of postings of which nothing else is kept."""
    others: dict[bytes, int]
    """The versions of the postings that they were judged beside."""


async def find(
    engine: Engine,
    clock: Callable[[], datetime],
    tell: Told,
    *,
    again: bool,
    limit: int | None,
) -> Compared:
    """Compare what changed since the last time, or with ``again`` everything that was not
    compared as it stands; see :meth:`~jobstore.lifecycle.pairs.Duplicates.find_duplicates`."""
    with at_least(str(engine.url), await engine.position()):
        after = (-(2**62), _NO_ID) if again else await _start(engine)
        ((total,),) = await engine.rows("changed_number", *after)
    done = Compared(total=total)
    tell(done)
    until = await settled(engine, clock)
    while True:
        # What was just written has to be seen, also where reads go to a copy of the database.
        with at_least(str(engine.url), await engine.position()):
            rows = await engine.rows("changed_after", *after, _WALK)
            if not rows:
                return done
            wanted = [id for id, _, version, *made in rows if made != [version, FORM]]
            last = (rows[-1][1], rows[-1][0])
            pieces = [wanted[at : at + _PIECE] for at in range(0, len(wanted), _PIECE)] or [[]]
            for piece in pieces:
                is_last = piece is pieces[-1]
                same, maybe = await _compare(engine, clock, piece, last if is_last else None, until)
                done = replace(
                    done,
                    compared=done.compared + len(piece),
                    same=done.same + same,
                    maybe=done.maybe + maybe,
                )
                tell(done)
        done = replace(done, looked_at=done.looked_at + len(rows))
        tell(done)
        after = last
        if limit is not None and done.compared >= limit:
            return done


async def _start(engine: Engine) -> Place:
    rows = await engine.rows("followed", _NAME)
    return (rows[0][0], bytes(rows[0][1])) if rows else (-(2**62), _NO_ID)


async def _compare(
    engine: Engine,
    clock: Callable[[], datetime],
    ids: Sequence[bytes],
    last: Place | None,
    until: int,
) -> tuple[int, int]:
    """Compare postings with those that are there; ``last``: all up to it are compared then."""
    jobs = [job for job in await engine.get_many([*map(_uuid, ids)]) if job is not None]
    new = await asyncio.to_thread(_read_all, jobs)
    found = await _judged(engine, new)
    verdicts = [each.verdict for each in found.pairs.values()]
    if not ids and last is None:
        return 0, 0
    async with engine.transaction(SECONDS) as unit:
        await take_turn(unit)
        await _write(unit, new, found, to_micros(clock()))
        if last is not None:
            await unit.put(FOLLOWER, [(_NAME, *min(last, (until, _NO_ID)))])
    return verdicts.count(Verdict.SAME), verdicts.count(Verdict.MAYBE)


async def take_turn(unit: Transacted) -> None:
    """Let nobody else write links and groups until this transaction ends."""
    await unit.put(FOLLOWER, [("groups", 0, _NO_ID)])


def _read_all(jobs: Iterable[Job]) -> list[_New]:
    new = []
    for job in jobs:
        read = Read(job)
        at, keys = to_micros(job.first_seen_at), blocks(read.features)
        new.append(_New(job.id.bytes, job.version, at, read, keys, job))
    return sorted(new, key=lambda each: each.id)


async def _judged(engine: Engine, new: Sequence[_New]) -> _Found:
    keys = sorted({key for each in new for key in each.keys})
    rows = await engine.rows("candidates", json.dumps(keys), MOST + 1, FORM) if keys else []
    beside = {each.id: await engine.rows("beside", each.id, each.id) for each in new}
    pairs = await asyncio.to_thread(lambda: {*_worth_reading(new, rows)})
    ids = {each.id for each in new}
    # What was joined before is looked at again, however many resemble it more by now.
    pairs |= {
        _pair(id, other) for id, found in beside.items() for said, other, *_ in found if not said
    }
    others = sorted({id for pair in pairs for id in pair} - ids)
    jobs = await engine.get_many([*map(_uuid, others)])

    def judged() -> tuple[dict[Pair, Judgement], dict[Pair, Repost]]:
        reads = {each.id: (each.read, each.job) for each in new}
        reads.update((job.id.bytes, (Read(job), job)) for job in jobs if job is not None)
        both = [pair for pair in sorted(pairs) if reads.keys() >= {*pair}]
        found = {pair: judge(reads[pair[0]][0], reads[pair[1]][0]) for pair in both}
        back = {}
        for one, other in _both(both):
            (new_one, job), (old_one, old) = reads[one], reads[other]
            evidence = repost(
                new_one,
                old_one,
                appeared_at=job.first_seen_at,
                closed_at=_gone_at(old, job.first_seen_at),
            )
            if evidence is not None:
                back[one, other] = evidence
        kept = {pair: each for pair, each in found.items() if each.verdict != Verdict.DIFFERENT}
        return kept, back

    kept = {id for _, id, _, given in rows if given is not None}
    gone = [(key, at, id) for key, id, at, given in rows if given is None and id not in kept]
    verdicts, reposts = await asyncio.to_thread(judged)
    versions = {job.id.bytes: job.version for job in jobs if job is not None}
    return _Found(verdicts, beside, reposts, gone, versions)


def _gone_at(old: Job, appeared_at: datetime) -> datetime | None:
    """Return when a posting was gone: one that is closed by its absence was gone days before."""
    if old.closed_at is None or old.closed_at < appeared_at:
        return old.closed_at
    return old.last_seen_at


def _worth_reading(new: Sequence[_New], rows: Iterable[Row]) -> Iterator[tuple[bytes, bytes]]:
    """Give the pairs whose texts are read; ``rows`` as statement candidates gives them."""
    known: dict[bytes, Features] = {each.id: each.read.features for each in new}
    near: defaultdict[int, list[Place]] = defaultdict(list)
    for _, id, _, given in rows:
        if given is not None:
            known.setdefault(id, read_written(given))
    for key, id, at, given in rows:
        # What is gone, and what the rules of another time made, is not met.
        if given is None and id in known:
            near[key].append((at, id))
    ours = {each.id for each in new}
    for key, places in near.items():
        near[key] = [place for place in places if place[1] not in ours]
    for each in new:
        for key in each.keys:
            near[key].append((each.at, each.id))
    for each in new:
        met = {id for key in each.keys for id in _met(near[key], key in each.read.features.bands)}
        features = each.read.features
        worth = [id for id in met - {each.id} if likely(features, known[id])]
        # Siblings in other places have the same text, and would take all turns.
        worth.sort(
            key=lambda each: (
                where(features.places, known[each].places) != Where.SAME,
                -_alike(features, known[each]),
                # Of many with one text, those of the same company come first.
                features.company != known[each].company,
                features.title != known[each].title,
                each,
            )
        )
        for id in worth[:READ]:
            yield _pair(each.id, id)


def _alike(one: Features, other: Features) -> float:
    return resemblance(one.signature, other.signature)


def _met(places: Sequence[Place], band: bool) -> Iterable[bytes]:
    if band and len(places) > MOST:
        return ()
    return (id for _, id in sorted(places, reverse=True)[:MOST])


def _pair(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    return min(one, other), max(one, other)


def _uuid(id: bytes) -> UUID:
    return UUID(bytes=id)


async def _write(unit: Transacted, new: Sequence[_New], found: _Found, now: int) -> None:
    """Write what was found of those that still stand as they were read."""
    standing: list[_New] = []
    old: list[Row] = []
    for each in new:
        for at, keys in await unit.rows("feature_to_write", each.id, each.version):
            standing.append(each)
            if keys is not None:
                old.append((at, each.id, keys))
    await unit.change("remove_blocks", old)
    await unit.change("clear_block", found.gone)
    kept = [(each, json.dumps(each.keys)) for each in standing]
    await unit.put(
        FEATURE,
        [
            (each.id, each.version, FORM, each.at, keys, written(each.read.features))
            for each, keys in kept
        ],
    )
    await unit.change("add_blocks", [(each.at, each.id, keys) for each, keys in kept])
    ids = {each.id for each in standing}
    gone = {each.id for each in new} - ids
    # Who changed meanwhile was judged by an old text, and is compared by itself later.
    for id, version in sorted(found.others.items()):
        if not await unit.rows("feature_to_write", id, version):
            gone.add(id)
    pairs = {
        pair: judged
        for pair, judged in found.pairs.items()
        if ids.intersection(pair) and not gone.intersection(pair)
    }
    # Before anything of theirs is locked, as those do who delete.
    returned = {id for pair in found.reposts for id in pair}
    there = ids | {id for id in sorted(returned - ids - gone) if await unit.rows("is_there", id)}
    # A joined posting has taken its verdicts along; they stand under both.
    # They are read here, where nobody else decides meanwhile.
    said = [
        (id, *row[1:])
        for id in sorted(ids)
        for row in await unit.rows("beside", id, id)
        if row[0] and await unit.rows("is_there", row[1])
    ]
    await unit.put(VERDICT, [(other, id, *rest) for id, other, *rest in said])
    before = {
        _pair(id, row[1])
        for id in ids
        for row in found.beside[id]
        if not row[0] and row[1] not in gone
    }
    await unit.change("unlink", [*_both(before - pairs.keys())])
    await unit.put(
        LINK,
        [
            (*both, judged.verdict.value, reasons_text(judged.reasons), now)
            for pair, judged in sorted(pairs.items())
            for both in _both([pair])
        ],
    )
    for pair, back in found.reposts.items():
        if there.issuperset(pair):
            await _tell_repost(unit, pair, back, now)
    touched = {id for pair in before.union(pairs) for id in pair} | ids
    await regroup(unit, sorted(touched.union(other for _, other, *_ in said)))


async def _tell_repost(unit: Transacted, pair: Pair, found: Repost, now: int) -> None:
    """Write into the history of both that one came back as the other, once."""
    days = round(found.away.total_seconds() / 86_400, 2)
    evidence = {"days_away": days, "reasons": [told(each) for each in found.reasons]}
    for id, other, name in ((*pair, "repost_of"), (*pair[::-1], "reposted_as")):
        known = [json.loads(detail) for (detail,) in await unit.rows("reposts_of", id)]
        if any(each.get(name) == str(_uuid(other)) for each in known):
            continue
        detail = json.dumps({name: str(_uuid(other))} | evidence, ensure_ascii=False)
        await unit.put(EVENT, [(id, now, "repost", detail, None, None)])


def _both(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for one, other in sorted(pairs):
        yield one, other
        yield other, one


async def regroup(unit: Transacted, ids: Collection[bytes]) -> None:
    """Make the groups anew of all that hang together with postings."""
    seen_before: set[bytes] = set()
    leaving: set[bytes] = set()
    members: list[Row] = []
    waiting = [*ids]
    for id in waiting:
        leaving.add(id)
        if id in seen_before:
            continue
        rows = await unit.rows("together", id, TOGETHER)
        seen = {each: at for each, at, other, *_ in rows if other is None}
        seen_before |= seen.keys()
        pairs: dict[tuple[str, int], list[tuple[bytes, bytes]]] = defaultdict(list)
        for one, _, other, verdict, said in rows:
            if other is not None:
                pairs[verdict, said].append((one, other))
        parted = pairs["different", 1]
        decided = {_pair(*pair) for pair in (*parted, *pairs["same", 1])}
        # Half of a pair is what is left where the other posting was deleted and stored anew.
        whole = {*pairs["same", 0]}
        same = [pair for pair in whole if pair[::-1] in whole and _pair(*pair) not in decided]
        leaving |= seen.keys()
        # A group may still have the name of a posting that was deleted and stored anew.
        for each in seen:
            waiting += [id for (id,) in await unit.rows("named_after", each) if id not in leaving]
        for group in grouped(seen, same, pairs["same", 1], parted):
            members += [(each, group[0], number) for number, each in enumerate(group)]
    await unit.change("leave_group", [(id,) for id in sorted(leaving)])
    await unit.put(MEMBER, sorted(members))
