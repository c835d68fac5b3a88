"""Whose texts are read for postings that are compared: of those that share a key the likely ones.

However many postings share a key, and whatever they say: one is compared with a bounded number of
others, and a bounded number is kept beside it. So what hangs together stays small.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from jobstore.derived.micros import to_micros
from jobstore.engines.kept import Row
from jobstore.engines.steps import Steps, read
from jobstore.lifecycle.duplicates import Features, Read, blocks, likely
from jobstore.lifecycle.duplicates.blocking import MOST
from jobstore.lifecycle.duplicates.grouping import Id, Pair, ordered
from jobstore.lifecycle.duplicates.keeping import FORM, read_written
from jobstore.lifecycle.duplicates.places import Where, where
from jobstore.lifecycle.duplicates.texts import resemblance
from jobstore.lifecycle.groups import joined
from jobstore.records import Job

READ = 8
"""Texts that are read for one posting: of those that resemble it most. So many are kept as the same
as one, too: of a hundred postings with one text each group has nine."""

Place = tuple[int, Id]


class New(NamedTuple):
    """A posting that is compared, as it was read."""

    id: Id
    version: int
    at: int
    read: Read
    keys: tuple[int, ...]
    job: Job


class Chosen(NamedTuple):
    """Whose texts are read, and what is known of those postings."""

    pairs: set[Pair]
    room: Room
    gone: list[Row]
    """Keys of postings of which nothing else is kept."""


class Room:
    """How many more may be kept beside each posting; ``kept`` as statement features_of gives it."""

    def __init__(self, kept: Iterable[Row] = ()) -> None:
        self._same = Counter[Id]()
        self._beside = Counter[Id]()
        for id, _, same, beside in kept:
            self._same[id], self._beside[id] = same, beside

    def for_same(self, id: Id) -> bool:
        """Tell whether one more may be the same as a posting."""
        return self._same[id] < READ

    def take(self, pair: Pair, *, same: bool, known: bool = False) -> bool:
        """Take room for a pair, if there is some or it is ``known`` already."""
        counts, most = (self._same, READ) if same else (self._beside, MOST)
        if not known and max(counts[id] for id in pair) >= most:
            return False
        counts.update(pair)
        return True


def read_all(jobs: Iterable[Job]) -> list[New]:
    """Read the texts of postings."""
    new = []
    for job in jobs:
        read = Read(job)
        at, keys = to_micros(job.first_seen_at), blocks(read.features)
        new.append(New(job.id.bytes, job.version, at, read, keys, job))
    return sorted(new, key=lambda each: (each.at, each.id))


def chosen(new: Sequence[New]) -> Steps[Chosen]:
    """Choose whose texts are read for postings."""
    keys = sorted({key for each in new for key in each.keys})
    rows = (yield from read("near", json.dumps(keys), MOST + 1)) if keys else []
    met = _met_by(new, rows)
    wanted = {id for each in met.values() for id in each} - {each.id for each in new}
    kept = (yield from read("features_of", joined(wanted), READ, MOST, FORM)) if wanted else []
    pairs = {*_worth_reading(new, met, kept)}
    unknown = wanted.difference(id for id, *_ in kept)
    gone = [(key, at, id) for key, id, at in rows if id in unknown]
    return Chosen(pairs, Room(kept), gone)


def _met_by(new: Sequence[New], rows: Iterable[Row]) -> dict[Id, dict[Id, int]]:
    """Return whom each posting meets, and when those were first seen."""
    ours = {each.id for each in new}
    near: defaultdict[int, list[Place]] = defaultdict(list)
    for key, id, at in rows:
        if id not in ours:
            near[key].append((at, id))
    for each in new:
        for key in each.keys:
            near[key].append((each.at, each.id))
    for places in near.values():
        places.sort(reverse=True)
    return {
        each.id: {
            id: at
            for key in each.keys
            for at, id in _newest(near[key], key in each.read.features.bands)
            if id != each.id
        }
        for each in new
    }


def _newest(places: Sequence[Place], band: bool) -> Sequence[Place]:
    return () if band and len(places) > MOST else places[:MOST]


def _worth_reading(
    new: Sequence[New], met: Mapping[Id, Mapping[Id, int]], kept: Sequence[Row]
) -> Iterator[Pair]:
    """Give the pairs whose texts are read; ``kept`` as statement features_of gives it."""
    known: dict[Id, Features] = {each.id: each.read.features for each in new}
    known.update((id, read_written(given)) for id, given, *_ in kept)
    room = Room(kept)
    chosen: defaultdict[Id, set[Id]] = defaultdict(set)
    for each in new:
        features = each.read.features
        worth = [
            (
                # Siblings in other places have the same text, and would take all turns.
                where(features.places, known[id].places) != Where.SAME,
                -resemblance(features.signature, known[id].signature),
                # Of many with one text those of the same company, that can still be joined, and of
                # about that time.
                features.company != known[id].company,
                features.title != known[id].title,
                not room.for_same(id),
                abs(at - each.at),
                id,
            )
            for id, at in met[each.id].items()
            if id in known and id not in chosen[each.id] and likely(features, known[id])
        ]
        for *_, id in sorted(worth)[: READ - len(chosen[each.id])]:
            chosen[each.id].add(id)
            chosen[id].add(each.id)
            room.take((each.id, id), same=True)
            yield ordered(each.id, id)
