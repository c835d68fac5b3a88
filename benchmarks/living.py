"""The same postings in two stores: in one they have just arrived, in the other they have lived.

Each has had ten versions there, and a tenth of them are in groups of duplicates. What they say in
the end is the same in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from benchmarks import generator, upserting
from jobstore.store import JobStore

VERSIONS = 10
_PAIR_EACH = 20
"""Of so many postings two are one opening on two boards."""
_TOLD = 0.9
"""At least this part of the pairs must be found, or the store is not what it is said to be."""
_LATER = timedelta(hours=1)


def now() -> datetime:
    """Return a time that goes on, later than the clocks that the stores were made by: what was
    stored then is settled."""
    return upserting.now() + _LATER


def postings(count: int) -> Iterator[dict[str, Any]]:
    """Yield generated postings, a tenth of which are pairs: one opening on two boards."""
    before: dict[str, Any] = {}
    for number, posting in enumerate(generator.postings(count)):
        if number % _PAIR_EACH == 1:
            board = "indeed" if before["source"] == "linkedin" else "linkedin"
            url = f"https://{board}.example/jobs/view/{posting['source_job_id']}"
            own = {"source": board, "source_job_id": posting["source_job_id"], "url": url}
            yield before | own
        else:
            yield posting
        before = posting


def earlier(posting: dict[str, Any], version: int) -> dict[str, Any]:
    """Return what a posting said in one of its earlier versions: a title, or a longer text."""
    if version % 3:
        return posting | {"title": f"{posting['title']} ({version})"}
    return posting | {"description": f"{posting['description']}\n\nEdition {version}"}


async def fill(store: JobStore, count: int) -> None:
    """Let postings live in an empty store: all their versions, then the search for duplicates."""
    for version in range(1, VERSIONS + 1):
        every = postings(count)
        if version < VERSIONS:
            every = (earlier(each, version) for each in every)
        report = await store.upsert_many(every)
        written = report.inserted if version == 1 else report.updated
        if written != count:
            raise RuntimeError(f"of {count} postings {written} were written: {report}")
    found = await store.find_duplicates()
    if found.same < _TOLD * (count // _PAIR_EACH):
        raise RuntimeError(f"too few duplicates of {count} postings were found: {found}")
