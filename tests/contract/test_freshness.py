"""A read that is given a position sees what was stored when it was taken."""

from __future__ import annotations

from typing import Any

import pytest

from jobstore import InvalidQuery, JobStore, SearchQuery, StoreClosed
from tests.fixtures.postings import posting


async def test_reads_see_what_was_written_before_the_position(store: JobStore) -> None:
    written = await store.upsert(posting("1", title="Data Engineer"))
    position = await store.position()
    await store.delete(written.id)
    again = await store.upsert(posting("1", title="Data Engineer"))
    later = await store.position()

    assert isinstance(position, str)
    with store.at_least(position), store.at_least(later):
        assert (await store.get(again.id)).title == "Data Engineer"
        assert await store.find("board", "1") is not None
        assert (await store.search(SearchQuery(text="engineer"))).total == 1
        assert await store.count() == 1
        assert (await store.statistics()).total == 1
        assert [job.id async for job in store.stream()] == [again.id]


@pytest.mark.parametrize("position", [None, 7, b"0/0"])
async def test_what_is_no_position_is_refused(store: JobStore, position: Any) -> None:
    with pytest.raises(InvalidQuery, match="position"), store.at_least(position):
        raise AssertionError("the block is not entered")


async def test_a_closed_store_has_no_position(store: JobStore) -> None:
    await store.close()
    with pytest.raises(StoreClosed):
        await store.position()
