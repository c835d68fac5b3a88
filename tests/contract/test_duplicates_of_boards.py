"""Real postings of three boards: a store finds of judged pairs what the rules say of them.

``pytest -rP`` shows the figures.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

import jobstore
from benchmarks.duplicates import Opened, parts
from benchmarks.pairs import OTHER, SAME, postings
from jobstore.lifecycle.duplicates import Verdict, judge
from tests.engines.harness import POSTGRES, SQLITE, Harness


@pytest.mark.parametrize("harness", [SQLITE, POSTGRES], ids=lambda each: each.scheme)
async def test_a_store_finds_what_the_rules_say(
    harness: Harness, real_data: Path, tmp_path: Path
) -> None:
    known = postings(real_data)
    # A part of the pairs, whose postings meet each other's as well.
    pairs = parts()["all"][::8]
    names = sorted({name for pair in pairs for name in (pair.left, pair.right)})
    opened = Opened(known)
    url = harness.new_url(tmp_path)
    try:
        async with jobstore.connect(url) as store:
            ids: dict[str, UUID] = {}
            for name in names:
                ids[name] = (await store.upsert(known[name])).id
            done = await store.find_duplicates()
            told = {
                name: {each.id: each for each in await store.duplicates(id)}
                for name, id in ids.items()
            }
    finally:
        harness.forget(url)
    by_id = {id: name for name, id in ids.items()}
    assert done.compared == len(names)

    # What the store says of any two, the rules say.
    for name, found in told.items():
        for other, each in found.items():
            assert judge(opened[name], opened[by_id[other]]).verdict == each.verdict
            assert told[by_id[other]][ids[name]].verdict == each.verdict
            if each.together:
                assert each.verdict == "same"

    # And what the rules say of the judged pairs, it finds, but for what no key leads to.
    joined = [
        pair
        for pair in pairs
        if judge(opened[pair.left], opened[pair.right]).verdict == Verdict.SAME
    ]
    found_pairs = [pair for pair in joined if ids[pair.right] in told[pair.left]]
    together = [
        pair
        for pair in pairs
        if ids[pair.right] in told[pair.left] and told[pair.left][ids[pair.right]].together
    ]
    right = sum(pair.found in SAME for pair in together)
    wrong = sum(pair.found in OTHER for pair in together)
    print(
        f"\n{len(found_pairs)} of {len(joined)} pairs that the rules join are found; "
        f"{len(together)} of them are in one group, {right} rightly and {wrong} not"
    )
    assert len(found_pairs) >= 0.98 * len(joined)
    assert len(together) >= 0.9 * len(joined)
    assert right >= 0.99 * (right + wrong)
