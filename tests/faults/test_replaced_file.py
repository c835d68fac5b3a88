"""A database file that is taken away under an open store: no write is acknowledged and lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import jobstore
from jobstore import StoreUnavailable
from tests.fixtures.postings import posting


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
async def test_writes_are_refused_once_the_file_is_another_one(
    tmp_path: Path, replaced: bool
) -> None:
    path, aside = tmp_path / "jobs.db", tmp_path / "aside.db"
    async with jobstore.connect(f"sqlite:///{path}", migrate=True) as store:
        await store.upsert(posting(1))
        if replaced:
            shutil.copyfile(path, aside)
            aside.replace(path)
        else:
            path.rename(aside)
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.upsert(posting(2))
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            await store.upsert_many([posting(3)])
        with pytest.raises(StoreUnavailable, match="removed or replaced"):
            async with store.transaction() as tx:
                await tx.upsert(posting(4))

        if not replaced:
            # Put back, it is the same file again.
            aside.rename(path)
            assert (await store.upsert(posting(5))).version == 1
