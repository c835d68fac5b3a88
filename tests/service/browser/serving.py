"""A service over made-up postings on a port of this machine, for browsers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

import jobstore
from jobstore import resources
from jobstore.exchange import open_records
from jobstore.operations import tokens
from jobstore.operations.monitoring.recorder import Recorder
from jobstore.records import Job, SearchQuery
from jobstore.service.application import application
from jobstore.settings.sections import Settings

_OWN, _BOARD = "thistlewick.example", "otherboard.example"
_KEPT = ("title", "company", "location", "country", "description")


class Served(NamedTuple):
    """Where the service is, a token that may write, and a posting that has lived."""

    url: str
    token: str
    lived: str


def _samples() -> list[dict[str, Any]]:
    found = open_records(str(resources.sample_postings()), "jsonl")
    postings = [each.posting for each in found if each.posting is not None]
    # Days that are over are moved to the last month, as charts are about that.
    newest = max(each["posted_at"] for each in postings if each.get("posted_at"))
    by = datetime.now(UTC) - datetime.fromisoformat(newest)
    for each in postings:
        for name in ("posted_at", "expires_at"):
            if each.get(name):
                each[name] = datetime.fromisoformat(each[name]) + by
    return postings


async def fill(store: jobstore.JobStore, most: int) -> Job:
    """Store postings with duplicates, history, applications and a saved search."""
    postings = _samples()
    own = next(each for each in postings if each["company"] == "Thistlewick Hotels")
    await store.upsert_many(postings[:most])
    opening = {name: own.get(name) for name in _KEPT}
    await store.upsert({**opening, "source": _OWN, "source_job_id": "1"})
    await store.upsert({**opening, "source": _BOARD, "source_job_id": "9"})
    changed = str(own["description"]).replace("training", "training and a bicycle")
    changes = {"applicant_count": 34, "salary_max": 41_000, "description": changed + "\nWelcome."}
    await store.upsert({**opening, "source": _OWN, "source_job_id": "1"} | changes)
    await store.find_duplicates()
    lived = await store.find(_OWN, "1")
    assert lived is not None
    now = datetime.now(UTC)
    note = "Spoke with the night manager; they answer within two weeks."
    await store.apply(lived.id, state="applied", at=now - timedelta(days=9), note=note)
    await store.set_application(lived.id, state="interviewing", due_at=now + timedelta(days=3))
    page = await store.search(SearchQuery(text="engineer OR developer"), limit=5)
    for job, state in zip(page.items, ("saved", "applied", "applied", "saved"), strict=False):
        await store.apply(job.id, state=state, force=True)
    query = SearchQuery(text="engineer OR developer", workplace="remote")
    await store.save_search("remote developers", query, since=now - timedelta(days=2))
    return lived


@contextmanager
def served(folder: Path, most: int) -> Iterator[Served]:
    """Serve such a store of at most so many postings in ``folder`` during the block."""
    store = {"url": f"sqlite:///{folder / 'jobs.db'}"}
    settings = Settings.model_validate({"store": store})
    kept: list[str] = []
    recorder = Recorder(settings.operations_db, None, sample_seconds=0.2, label="serve")

    def opening() -> Any:
        opened = jobstore.connect(
            settings.store.url, migrate=True, actor="ada", observers=[recorder]
        )
        return _Filled(opened, most, kept)

    token = tokens.create(settings.operations_db, "ada", "write", None)
    app = application(settings, opening)
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    with recorder:
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the service did not begin"
                time.sleep(0.02)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield Served(f"http://localhost:{port}", token, kept[0])
        finally:
            server.should_exit = True
            thread.join()


class _Filled:
    """Opens a store and fills it; keeps the id of what has lived."""

    def __init__(self, opened: Any, most: int, kept: list[str]) -> None:
        self._opened = opened
        self._most = most
        self._kept = kept

    async def __aenter__(self) -> jobstore.JobStore:
        store = await self._opened.__aenter__()
        self._kept.append(str((await fill(store, self._most)).id))
        return store

    async def __aexit__(self, *error: object) -> None:
        await self._opened.__aexit__(*error)
