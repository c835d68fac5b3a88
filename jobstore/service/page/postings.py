"""The page of a posting, and what somebody says of it: verdicts and applications."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, cast, get_args
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from jobstore.derived.differences import differences, said
from jobstore.errors import Fault, InvalidQuery
from jobstore.lifecycle.stages import BEGINNINGS, TRANSITIONS
from jobstore.records import Application, HistoryEntry
from jobstore.service.answers import lifecycle
from jobstore.service.answers import postings as answers
from jobstore.service.holding import Service
from jobstore.service.page.asking import reads, to, written
from jobstore.service.page.asking import router as pages
from jobstore.service.page.rendering import rendered
from jobstore.service.parameters import Past

# Told in a form of their own, or of no use to people.
_UNTOLD = ("application", "reasons")
# Applications for one posting that are shown.
_APPLICATIONS = 20
_SENT = ("state", "note", "due_at")
# Events on a page: texts before and after each are compared word by word.
_EVENTS = 20


class Shown(Past):
    """Which state of a posting is shown, and from which event on its history is."""

    events: int = Field(default=0, ge=0)


def routes(service: Service) -> APIRouter:
    """Return the routes of a posting."""
    router = pages(prefix="/postings/{id:uuid}", dependencies=[reads])

    @router.get("")
    async def posting(request: Request, id: UUID, past: Annotated[Shown, Query()]) -> Response:
        store = service.store
        job = await answers.posting(store, id, past)
        duplicates = await lifecycle.duplicates(store, id)
        others = await answers.postings(store, [each.id for each in duplicates])
        # The newest first; those before it were begun although there was one.
        applications = await lifecycle.applications(store, None, id, _APPLICATIONS)
        application = applications[0] if applications else None
        end = past.events + _EVENTS
        # One more, which tells whether there are earlier ones.
        events = await lifecycle.history(store, id, end + 1)
        # Comparing texts word by word takes a while.
        history = await asyncio.to_thread(_told, events[past.events : end])
        return rendered(
            request,
            "posting.html",
            job=job,
            is_past=past.version is not None or past.at is not None,
            attributes=[(name, said(value)) for name, value in job.attributes.items()],
            history=history,
            earlier=end if end < len(events) else None,
            is_later=past.events > 0,
            given=past,
            duplicates=[*zip(duplicates, others, strict=True)],
            application=application,
            before=applications[1:],
            states=_following(application),
        )

    @router.post("/duplicates")
    async def judge(request: Request, id: UUID) -> Response:
        given = await written(request)
        verdict = given.get("verdict", "")
        if verdict not in get_args(lifecycle.Verdict):
            raise InvalidQuery([Fault("verdict", "must be same, different or undo")])
        other = _id(given.get("other", ""))
        await lifecycle.judge(service.store, id, other, cast(lifecycle.Verdict, verdict))
        return to(request, f"/postings/{id}", "#duplicates")

    @router.post("/application")
    async def apply(request: Request, id: UUID) -> Response:
        given = await written(request)
        stated: dict[str, Any] = {name: given[name] for name in _SENT if name in given}
        if "undue" in given:
            stated["due_at"] = None
        elif "due_at" in stated:
            stated["due_at"] = _moment(stated["due_at"])
        if "begin" in given:
            force = "force" in given
            await lifecycle.apply(service.store, id, force=force, **stated)
        else:
            await lifecycle.set_application(service.store, id, **stated)
        return to(request, f"/postings/{id}", "#application")

    return router


def _told(history: Iterable[HistoryEntry]) -> list[dict[str, Any]]:
    """Return events with what changed, and what else belongs to them."""
    return [
        {
            "entry": each,
            "changes": [*differences(each.changes)],
            "reasons": each.detail.get("reasons", []),
            "detail": [
                (name, said(value)) for name, value in each.detail.items() if name not in _UNTOLD
            ],
        }
        for each in history
    ]


def _following(application: Application | None) -> Iterable[str]:
    return BEGINNINGS if application is None else TRANSITIONS[application.state]


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidQuery([Fault("other", "must be the id of a posting")]) from None


def _moment(text: str) -> datetime:
    """Return what a browser's field for a time gave, which is meant in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise InvalidQuery([Fault("due_at", "must be a day and a time")]) from None
