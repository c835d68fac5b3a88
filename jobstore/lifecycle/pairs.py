"""Which postings are the same opening: what the rules find, and what a person says of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from uuid import UUID

from jobstore.derived.micros import from_micros, to_micros
from jobstore.engines.kept import EVENT, VERDICT, Row
from jobstore.engines.protocol import Engine
from jobstore.engines.steps import Steps, change, put, read
from jobstore.errors import Fault, InvalidQuery, JobNotFound
from jobstore.postings import Postings, check_id
from jobstore.records import Compared, Duplicate, Pair

_SAME, _DIFFERENT = "same", "different"
_AT_ONCE = 256


class Duplicates(Postings):
    """What a store tells of duplicates. Nothing is merged, and all of it can be undone."""

    _engine: Engine

    async def find_duplicates(
        self,
        *,
        again: bool = False,
        ids: Iterable[UUID | str] | None = None,
        limit: int | None = None,
        progress: Callable[[Compared], object] | None = None,
    ) -> Compared:
        """Compare the postings that are new or have changed since the last time.

        In pieces of 32 postings, each kept by itself: interrupted, the next call goes on, and
        whoever writes waits for a few milliseconds at most. While others write it pauses between
        pieces, and takes up to twenty times as long. ``again`` compares all postings anew,
        such as after clocks were wrong, or what was found is lost; interrupted, it begins anew.
        ``ids`` compares those postings and no others, whether they changed or not.
        ``limit``: it ends soon after so many were compared, and the next call goes on there.
        ``progress`` is called after each piece. Raises InvalidQuery for a limit below 1, and what
        :meth:`upsert` raises; after OutcomeUnknown call it again.
        """
        # What compares texts is not needed to open a store.
        from jobstore.lifecycle.finding import find

        with self._watch("find_duplicates") as watch:
            if limit is not None and (
                isinstance(limit, bool) or not isinstance(limit, int) or limit < 1
            ):
                raise InvalidQuery([Fault("limit", "must be a whole number from 1 on")])
            self._before_write()
            told = progress or _tell_nobody
            wanted = None if ids is None else [check_id(each) for each in ids]
            found = await find(
                self._engine, self._clock, told, again=again, ids=wanted, limit=limit
            )
            watch.rows = found.compared
            return found

    async def check_duplicates(self) -> list[UUID]:
        """Return the postings of which what was found is lost in part, or contradicts itself.

        That is none, unless rows were lost to damage: postings that were compared and of which
        nothing is kept, groups that do not follow from what is said of their pairs, decisions that
        only one of two postings has, and what is left of postings that are not there. Give them to
        :meth:`find_duplicates` as ``ids``. A pair that was lost as a whole only ``again`` finds.
        The time grows with the number of postings.
        """
        from jobstore.lifecycle.finding import misgrouped

        with self._watch("check_duplicates") as watch:
            found = await misgrouped(self._engine)
            watch.rows = len(found)
            return found

    async def duplicates(self, id: UUID | str) -> list[Duplicate]:
        """Return the postings that are, or may be, the same opening as this one, with reasons.

        Those in one group with it come first; also those that somebody rejected. Only what
        :meth:`find_duplicates` has compared is known. Raises JobNotFound.
        """
        with self._watch("duplicates") as watch:
            wanted = await self._there(id)
            key = wanted.bytes
            rows = await self._engine.rows("links_of", key, key)
            group = [row[0] for row in await self._engine.rows("group_of", key)]
            found = [_duplicate(other, rows, group) for other in dict.fromkeys(r[1] for r in rows)]
            known = {each.id.bytes for each in found} | {key}
            # What a person has joined may bring along what was never compared with it.
            for other in group:
                if other not in known:
                    joined = await self._engine.rows("links_of", other, other)
                    at = max((row[4] for row in joined), default=0)
                    found.append(
                        Duplicate(
                            id=UUID(bytes=other), verdict=_SAME, at=from_micros(at), together=True
                        )
                    )
            found.sort(key=lambda each: (not each.together, each.verdict != _SAME, each.id))
            watch.rows = len(found)
            return found

    async def duplicate_pairs(self, verdict: str = "maybe") -> AsyncIterator[Pair]:
        """Yield the pairs that the rules call ``same`` or ``maybe`` and nobody has decided.

        In the order of their ids, a few hundred at a time. Raises InvalidQuery.
        """
        if verdict not in ("same", "maybe"):
            raise InvalidQuery([Fault("verdict", "must be same or maybe")])
        after: Row = (bytes(16), bytes(16))
        while True:
            with self._watch("duplicate_pairs") as watch:
                rows = await self._engine.rows("pairs_after", *after, _AT_ONCE)
                watch.rows = len(rows)
            for id, other, found, reasons, at, said in rows:
                if found == verdict and said is None:
                    yield Pair(
                        ids=(UUID(bytes=id), UUID(bytes=other)),
                        verdict=found,
                        at=from_micros(at),
                        reasons=json.loads(reasons),
                    )
            if len(rows) < _AT_ONCE:
                return
            after = rows[-1][:2]

    async def confirm_duplicate(self, id: UUID | str, other: UUID | str) -> None:
        """Say that two postings are the same opening, whatever the rules find, now and later.

        Both stay, and are in one group. The history of both tells who said so. Raises JobNotFound,
        InvalidQuery for a posting and itself, and what :meth:`upsert` raises.
        """
        await self._decide("confirm_duplicate", id, other, _SAME)

    async def reject_duplicate(self, id: UUID | str, other: UUID | str) -> None:
        """Say that two postings are not the same opening; otherwise as
        :meth:`confirm_duplicate`. No group has both then."""
        await self._decide("reject_duplicate", id, other, _DIFFERENT)

    async def undo_duplicate(self, id: UUID | str, other: UUID | str) -> None:
        """Take back what was said of two postings; what the rules say holds again."""
        await self._decide("undo_duplicate", id, other, None)

    async def _decide(
        self, operation: str, id: UUID | str, other: UUID | str, verdict: str | None
    ) -> None:
        from jobstore.lifecycle.groups import SECONDS, held, joined, regroup, take_turn

        with self._watch(operation) as watch:
            self._before_write()
            pair = [await self._there(each) for each in (id, other)]
            if pair[0] == pair[1]:
                raise InvalidQuery([Fault("other", "must be another posting")])
            both = [(one.bytes, two.bytes) for one, two in (pair, pair[::-1])]
            now, actor = to_micros(self._clock()), self._origin.actor

            def decided() -> Steps[bool]:
                yield from take_turn()
                # Nobody deletes one before what is said stands.
                there = yield from held([each.bytes for each in pair])
                for each in pair:
                    if each.bytes not in there:
                        raise JobNotFound(f"No posting has the id {each}.")
                if verdict is None:
                    beside = yield from read("beside", joined(there))
                    if not any(is_said and other in there for _, is_said, other, *_ in beside):
                        # Nobody decided anything: the history tells of no change.
                        return False
                    yield from change("take_back", both)
                else:
                    yield from put(VERDICT, [(*each, verdict, now, actor) for each in both])
                told = [
                    json.dumps({"other": str(UUID(bytes=two)), "verdict": verdict})
                    for _, two in both
                ]
                yield from put(
                    EVENT,
                    [
                        (one, now, "duplicate", detail, actor, self._origin.run)
                        for (one, _), detail in zip(both, told, strict=True)
                    ],
                )
                yield from regroup(sorted(each.bytes for each in pair))
                return True

            if not await self._engine.walk(decided(), SECONDS):
                return
            watch.rows = 1

    async def _there(self, id: UUID | str) -> UUID:
        wanted = check_id(id)
        if (await self._engine.get_many([wanted]))[0] is None:
            raise JobNotFound(f"No posting has the id {id}.")
        return wanted


def _duplicate(other: bytes, rows: list[Row], group: list[bytes]) -> Duplicate:
    """Return what is said of another posting; ``rows`` as statement links_of gives them."""
    said, rules = (
        next((row for row in rows if row[1] == other and row[0] == who), None) for who in (1, 0)
    )
    decided = said or rules
    assert decided is not None
    return Duplicate(
        id=UUID(bytes=other),
        verdict=decided[2],
        at=from_micros(decided[4]),
        actor=decided[5],
        rules=_DIFFERENT if rules is None else rules[2],
        reasons=[] if rules is None else json.loads(rules[3]),
        together=other in group,
    )


def _tell_nobody(found: Compared) -> None:
    """Tell nobody how far it is."""
