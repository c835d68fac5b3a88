"""What the engine in dictionaries answers about duplicates: see sql/sqlite/duplicates.sql."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from jobstore.derived.micros import to_micros
from jobstore.engines.kept import LINK, MEMBER, VERDICT, Row
from jobstore.records import Job, JobSummary

Records = Mapping[UUID, Any]
Tables = Mapping[str, Mapping[Row, Row]]


def _rows(kept: Tables, name: str) -> list[Row]:
    return [*kept.get(name, {}).values()]


def _is_there(records: Records, id: bytes) -> bool:
    return UUID(bytes=id) in records


def _changed(records: Records) -> list[tuple[int, bytes]]:
    return sorted((to_micros(each.job.updated_at), id.bytes) for id, each in records.items())


def _changed_after(records: Records, kept: Tables, at: int, id: bytes, limit: int) -> list[Row]:
    made = {row[0]: row for row in _rows(kept, "feature")}
    found = [each for each in _changed(records) if each > (at, id)][:limit]
    return [
        (
            id,
            at,
            records[UUID(bytes=id)].job.version,
            *(made[id][1:3] if id in made else (None, None)),
        )
        for at, id in found
    ]


def _changed_number(records: Records, kept: Tables, at: int, id: bytes) -> list[Row]:
    return [(sum(each > (at, id) for each in _changed(records)),)]


def _followed(records: Records, kept: Tables, name: str) -> list[Row]:
    return [(at, id) for each, at, id, _ in _rows(kept, "follower") if each == name]


def _wanted(ids: bytes) -> list[bytes]:
    return [ids[at : at + 16] for at in range(0, len(ids), 16)]


def _near(records: Records, kept: Tables, keys: str, most: int) -> list[Row]:
    near: list[Row] = []
    for key in json.loads(keys):
        found = [(at, id) for each, at, id in kept.get("block", {}) if each == key]
        near += [(key, id, at) for at, id in sorted(found, reverse=True)[:most]]
    return near


def _features_of(
    records: Records, kept: Tables, ids: bytes, same: int, beside: int, form: int
) -> list[Row]:
    given = {row[0]: row[5] for row in _rows(kept, "feature") if row[2] == form}
    verdicts = {id: [row[2] for row in _rows(kept, "link") if row[0] == id] for id in _wanted(ids)}
    return [
        (id, given[id], min(same, found.count("same")), min(beside, len(found)))
        for id, found in verdicts.items()
        if id in given
    ]


def _standing(records: Records, kept: Tables, ids: bytes) -> list[Row]:
    made = {row[0]: row[3:5] for row in _rows(kept, "feature")}
    return [
        (id, records[UUID(bytes=id)].job.version, *made.get(id, (None, None)))
        for id in _wanted(ids)
        if _is_there(records, id)
    ]


def _links_of(records: Records, kept: Tables, *ids: bytes) -> list[Row]:
    said = [
        (1, other, verdict, "[]", at, actor)
        for id, other, verdict, at, actor, _ in _rows(kept, "verdict")
        if id == ids[0]
    ]
    found = [
        (0, other, verdict, reasons, at, None)
        for id, other, verdict, reasons, at, _ in _rows(kept, "link")
        if id == ids[0]
    ]
    return [row for row in said + found if _is_there(records, row[1])]


def _beside(records: Records, kept: Tables, ids: bytes) -> list[Row]:
    wanted = {*_wanted(ids)}
    found = [(row[0], 0, row[1], "", 0, None) for row in _rows(kept, "link")]
    found += [(row[0], 1, *row[1:5]) for row in _rows(kept, "verdict")]
    return [row for row in found if row[0] in wanted]


def _together(records: Records, kept: Tables, ids: bytes, most: int) -> list[Row]:
    pairs = [(row[0], row[1], row[2], 1) for row in _rows(kept, "verdict")]
    pairs += [(row[0], row[1], row[2], 0) for row in _rows(kept, "link")]
    named = [id for (id,) in _named_after(records, kept, ids)]
    reached = [*dict.fromkeys([*_wanted(ids), *named])]
    for one in reached:
        for two in (other for each, other, verdict, _ in pairs if (each, verdict) == (one, "same")):
            if two not in reached and len(reached) < most:
                reached.append(two)
    seen = [
        (
            each,
            _rank(found.job) if (found := records.get(UUID(bytes=each))) else None,
            None,
            None,
            0,
        )
        for each in reached
    ]
    told = [(one, 0, *rest) for one, *rest in pairs if one in reached]
    return seen + [row for row in told if row[3] == "same" or row[4]]


def _rank(job: Job) -> int:
    return to_micros(job.first_seen_at) + (2**62 if job.status == "closed" else 0)


def _group_of(records: Records, kept: Tables, id: bytes) -> list[Row]:
    rows = _rows(kept, "member")
    firsts = {row[1] for row in rows if row[0] == id}
    found = sorted((row[2], row[0]) for row in rows if row[1] in firsts)
    return [(each,) for _, each in found]


def groups_of(records: Records, kept: Tables, items: Iterable[JobSummary]) -> list[Row]:
    """Return the groups of postings, as a page has them."""
    found = []
    for item in items:
        for (other,) in _group_of(records, kept, item.id.bytes):
            if _is_there(records, other):
                job = records[UUID(bytes=other)].job
                found.append((item.id.bytes, other, job.source, job.url))
    return found


def _reposts_of(records: Records, kept: Tables, id: bytes) -> list[Row]:
    return [(row[3],) for row in _rows(kept, "event") if row[0] == id and row[2] == "repost"]


def _pairs_after(records: Records, kept: Tables, id: bytes, other: bytes, limit: int) -> list[Row]:
    said = {row[:2]: row[2] for row in _rows(kept, "verdict")}
    found = [
        (*row[:5], said.get(row[:2]))
        for row in sorted(_rows(kept, "link"))
        if row[:2] > (id, other)
        and row[0] < row[1]
        and all(_is_there(records, each) for each in row[:2])
    ]
    return found[:limit]


def _named_after(records: Records, kept: Tables, ids: bytes) -> list[Row]:
    wanted = {*_wanted(ids)}
    return [row[:1] for row in _rows(kept, "member") if row[1] in wanted]


def _members_of(records: Records, kept: Tables, ids: bytes) -> list[Row]:
    first = {row[0]: row[1] for row in _rows(kept, "member")}
    made = {row[0]: row[3] for row in _rows(kept, "feature")}
    return [(id, first.get(id), made.get(id)) for id in _wanted(ids)]


def _in_groups_after(records: Records, kept: Tables, after: bytes, most: int) -> list[Row]:
    found = {row[0] for name in ("link", "verdict", "member") for row in _rows(kept, name)}
    return [(id,) for id in sorted(found) if id > after][:most]


def _half_verdicts(records: Records, kept: Tables) -> list[Row]:
    made = {row[0] for row in _rows(kept, "feature")}
    said = {row[:2]: row[2] for row in _rows(kept, "verdict")}
    return [
        pair[:1]
        for pair, verdict in said.items()
        if made.issuperset(pair) and said.get(pair[::-1]) != verdict
    ]


def _left_out(records: Records, kept: Tables, at: int, id: bytes, form: int) -> list[Row]:
    made = {row[0]: row[1:3] for row in _rows(kept, "feature")}
    return [
        (each,)
        for when, each in _changed(records)
        if (when, each) <= (at, id)
        and made.get(each) != (records[UUID(bytes=each)].job.version, form)
    ]


ANSWERS: dict[str, Callable[..., list[Row]]] = {
    "changed_after": _changed_after,
    "changed_number": _changed_number,
    "newest_change": lambda records, kept: _changed(records)[-1:],
    "followed": _followed,
    "near": _near,
    "features_of": _features_of,
    "standing": _standing,
    "links_of": _links_of,
    "beside": _beside,
    "together": _together,
    "group_of": _group_of,
    "reposts_of": _reposts_of,
    "pairs_after": _pairs_after,
    "is_there": lambda records, kept, each: [(1,)] if _is_there(records, each) else [],
    "named_after": _named_after,
    "members_of": _members_of,
    "in_groups_after": _in_groups_after,
    "half_verdicts": _half_verdicts,
    "left_out": _left_out,
}


def _blocks(at: int, id: bytes, keys: str) -> Iterator[Row]:
    return ((key, at, id) for key in json.loads(keys))


def _add_blocks(work: Any, *row: Any) -> None:
    block = {**work.kept.get("block", {}), **{each: each for each in _blocks(*row)}}
    work.kept = {**work.kept, "block": block}


def _remove_blocks(work: Any, *row: Any) -> None:
    gone = {*_blocks(*row)}
    block = {key: each for key, each in work.kept.get("block", {}).items() if key not in gone}
    work.kept = {**work.kept, "block": block}


def _clear_block(work: Any, *key: Any) -> None:
    if all(row[0] != key[2] for row in _rows(work.kept, "feature")):
        _remove_blocks(work, key[1], key[2], json.dumps([key[0]]))


CHANGES: dict[str, Callable[..., object]] = {
    "add_blocks": _add_blocks,
    "remove_blocks": _remove_blocks,
    "clear_block": _clear_block,
    "unlink": lambda work, *key: work.take(LINK, lambda row: row[:2] == key),
    "take_back": lambda work, *key: work.take(VERDICT, lambda row: row[:2] == key),
    "leave_group": lambda work, *key: work.take(MEMBER, lambda row: row[:1] == key),
}
