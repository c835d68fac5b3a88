"""Groups of postings that are one opening, as they are stored: made anew, and looked at.

What the groups are follows from what is said of pairs (:mod:`.duplicates.grouping`); here it is
read and written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from jobstore.engines.kept import FOLLOWER, MEMBER, Row
from jobstore.engines.protocol import Engine
from jobstore.engines.steps import Steps, change, put, read
from jobstore.lifecycle.duplicates.grouping import Id, Pair, grouped, ordered

TOGETHER = 200
"""Postings that are looked at for one group."""
SECONDS = 60.0
"""What one transaction may take."""
NO_ID = bytes(16)

_AT_ONCE = 512


def take_turn() -> Steps[None]:
    """Let nobody else write links and groups until this transaction ends."""
    yield from put(FOLLOWER, [("groups", 0, NO_ID)])


def held(ids: Iterable[Id]) -> Steps[dict[Id, Row]]:
    """Return of those postings that are there the version, and when and by what it is looked up.

    Nobody changes or deletes one of them until this transaction ends.
    """
    if not (wanted := joined(ids)):
        return {}
    rows = yield from read("standing", wanted)
    return {id: (version, at, keys) for id, version, at, keys in rows}


def joined(ids: Iterable[Id]) -> bytes:
    """Return ids as one value, which is how statements take many."""
    return b"".join(sorted({*ids}))


class _Hanging(NamedTuple):
    """All that hangs together with postings: when each was seen, and what is said of pairs."""

    reached: set[Id]
    seen: dict[Id, int]
    """Those of them that are there."""
    same: list[Pair]
    confirmed: list[Pair]
    parted: list[Pair]

    @property
    def is_all(self) -> bool:
        """False where more than is looked at hangs together with one posting."""
        return len(self.reached) < TOGETHER

    def groups(self) -> list[list[Id]]:
        return grouped(self.seen, self.same, self.confirmed, self.parted)


def _together(ids: Collection[Id]) -> Row:
    """Return the parameters of statement together."""
    return joined(ids), TOGETHER * len(ids)


def _hanging(rows: Iterable[Row]) -> _Hanging:
    """Return what statement together gives."""
    reached: dict[Id, int | None] = {}
    pairs: defaultdict[tuple[str, int], list[Pair]] = defaultdict(list)
    for one, at, other, verdict, said in rows:
        if other is None:
            reached[one] = at
        else:
            pairs[verdict, said].append((one, other))
    confirmed, parted = pairs["same", 1], pairs["different", 1]
    decided = {ordered(*pair) for pair in (*parted, *confirmed)}
    # Half of a pair is what is left where the other posting was deleted and stored anew.
    whole = {*pairs["same", 0]}
    same = [pair for pair in whole if pair[::-1] in whole and ordered(*pair) not in decided]
    seen = {id: at for id, at in reached.items() if at is not None}
    return _Hanging({*reached}, seen, same, confirmed, parted)


def regroup(ids: Collection[Id]) -> Steps[None]:
    """Make the groups anew of all that hang together with postings."""
    if not ids:
        return
    while True:
        # A group may still have the name of a posting that was deleted and stored anew.
        found = _hanging((yield from read("together", *_together(ids))))
        members = [
            (each, group[0], number)
            for group in found.groups()
            for number, each in enumerate(group)
        ]
        wanted = {row[0] for row in members}
        # A posting that was deleted meanwhile is in no group; the others are grouped without it.
        if wanted <= (yield from held(wanted)).keys():
            break
    yield from change("leave_group", [(id,) for id in sorted(found.reached.union(ids))])
    yield from put(MEMBER, sorted(members))


def forget(ids: Collection[Id]) -> Steps[None]:
    """Remove what is left of postings that are not there."""
    gone = {*ids} - (yield from held(ids)).keys()
    if gone:
        rows = yield from read("beside", joined(gone))
        yield from change("unlink", [(id, other) for id, said, other, *_ in rows if not said])
        yield from regroup(sorted(gone))


async def disagreeing(engine: Engine) -> set[Id]:
    """Return the postings whose groups do not follow from what is said of pairs, and those that are
    not there, but in a group or beside another one.

    Nothing is written. What somebody writes meanwhile may look so once, but not twice.
    """
    looked: set[Id] = set()
    wrong: list[Id] = []
    after = NO_ID
    while ids := [id for (id,) in await engine.rows("in_groups_after", after, _AT_ONCE)]:
        for id in ids:
            if id not in looked:
                found = _hanging(await engine.rows("together", *_together([id])))
                looked |= found.seen.keys()
                if id not in found.seen or await _wrong(engine, found):
                    wrong.append(id)
        after = ids[-1]
    again: set[Id] = set()
    for id in wrong:
        found = _hanging(await engine.rows("together", *_together([id])))
        again |= await _wrong(engine, found) if id in found.seen else {id}
    return again


async def _wrong(engine: Engine, found: _Hanging) -> set[Id]:
    """Return the postings that hang together and have to be grouped anew."""
    if not found.is_all:
        return set()
    rows = await engine.rows("members_of", joined(found.seen))
    # One that was stored a moment ago, or has got another id, is in no group before it is compared.
    compared = {id for id, _, at in rows if at is not None}
    groups: defaultdict[Id, set[Id]] = defaultdict(set)
    for id, name, _ in rows:
        if name is not None:
            groups[name].add(id)
    named = await engine.rows("named_after", joined(groups))
    others = {id for (id,) in named} - found.seen.keys()
    if not others and _several(groups.values(), compared) == _several(found.groups(), compared):
        return set()
    return found.seen.keys() | others


def _several(groups: Iterable[Iterable[Id]], compared: Collection[Id]) -> set[frozenset[Id]]:
    """Return the groups as sets, without what was not compared, and those of one posting."""
    found = (frozenset(group).intersection(compared) for group in groups)
    return {group for group in found if len(group) > 1}


def both_ways(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Give each pair in both orders, since it stands under both postings."""
    for one, other in sorted(pairs):
        yield one, other
        yield other, one
