"""What a posting lives through: history, runs, duplicates, applications and saved searches."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from jobstore.errors import Fault, InvalidQuery, JobNotFound
from jobstore.records import (
    Application,
    Duplicate,
    HistoryEntry,
    NewMatches,
    RunReport,
    SavedSearch,
    SearchQuery,
    Status,
)
from jobstore.service.parameters import MOST_AT_ONCE
from jobstore.store import JobStore

Verdict = Literal["same", "different", "undo"]


async def history(store: JobStore, id: UUID) -> list[HistoryEntry]:
    """Return all that happened to a posting, newest first, also that it was deleted.

    Raises JobNotFound for an id that the store never had.
    """
    found = await store.history(id)
    if not found:
        raise JobNotFound(f"No posting has the id {id}.")
    return found


async def runs(
    store: JobStore, source: str | None, scope: str | None, limit: int
) -> list[RunReport]:
    """Return the last runs, newest first. Raises InvalidQuery."""
    return await store.runs(source, scope=scope, limit=limit)


async def gone(store: JobStore, id: UUID, http_status: int) -> bool:
    """Say how the address of a posting answered; returns whether that closed it."""
    return await store.gone(id, http_status=http_status)


async def is_closed(store: JobStore, id: UUID) -> bool:
    """Return whether a posting is closed. Raises JobNotFound."""
    return (await store.get(id)).status is Status.CLOSED


async def duplicates(store: JobStore, id: UUID) -> list[Duplicate]:
    """Return what may be the same opening as a posting. Raises JobNotFound."""
    return await store.duplicates(id)


async def judge(store: JobStore, id: UUID, other: UUID, verdict: Verdict) -> list[Duplicate]:
    """Say what two postings are to each other, or take that back; returns those of the first."""
    decide = {
        "same": store.confirm_duplicate,
        "different": store.reject_duplicate,
        "undo": store.undo_duplicate,
    }[verdict]
    await decide(id, other)
    return await store.duplicates(id)


async def applications(
    store: JobStore, states: Iterable[str] | None, job_id: UUID | None, limit: int
) -> list[Application]:
    """Return applications, those changed last first. Raises InvalidQuery."""
    return await store.applications(states, job_id=job_id, limit=limit)


async def application(store: JobStore, job_id: UUID, id: UUID) -> Application:
    """Return one application for a posting. Raises JobNotFound."""
    for each in await store.applications(job_id=job_id, limit=MOST_AT_ONCE):
        if each.id == id:
            return each
    raise JobNotFound("What this request made is not there any more.")


async def apply(store: JobStore, id: UUID, *, force: bool, **said: Any) -> Application:
    """Begin an application. Raises DuplicateApplication, JobNotFound, InvalidQuery."""
    return await store.apply(id, force=force, **said)


async def set_application(store: JobStore, id: UUID, **said: Any) -> Application:
    """Move an application on, or write to it. Raises JobNotFound, InvalidQuery."""
    return await store.set_application(id, **said)


async def track(store: JobStore, id: UUID, *, force: bool = False, **said: Any) -> Application:
    """Move the application for a posting on, or begin it where there is none.

    ``force`` begins another one. Raises DuplicateApplication, JobNotFound, InvalidQuery.
    """
    known = await store.applications(job_id=id, limit=1)
    if "state" in said and (force or not known):
        return await store.apply(id, force=force, **said)
    if not known:
        await store.get(id)
        raise InvalidQuery([Fault("state", "is needed: no application is there to write to")])
    return await store.set_application(id, **said)


async def saved_searches(store: JobStore) -> list[SavedSearch]:
    """Return all saved searches."""
    return await store.saved_searches()


async def save_search(
    store: JobStore, name: str, query: SearchQuery, since: datetime | None
) -> SavedSearch:
    """Save a search. Raises InvalidQuery."""
    return await store.save_search(name, query, since=since)


async def remove_search(store: JobStore, name: str) -> None:
    """Forget a saved search. Raises JobNotFound where it is not there."""
    if not await store.remove_search(name):
        raise JobNotFound("There is no saved search of that name.")


async def new_matches(store: JobStore, name: str, limit: int) -> NewMatches:
    """Return what is new of a saved search; its token acknowledges it.

    Raises JobNotFound where there is no saved search of that name.
    """
    try:
        return await store.new_matches(name, limit=limit)
    except InvalidQuery as error:
        if name not in {each.name for each in await store.saved_searches()}:
            raise JobNotFound("There is no saved search of that name.") from error
        raise


async def acknowledge(store: JobStore, name: str, token: str) -> None:
    """Say that what came with a token is dealt with. Raises InvalidQuery."""
    await store.acknowledge(name, token)
