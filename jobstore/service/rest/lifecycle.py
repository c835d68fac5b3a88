"""What a posting lives through: history, runs, duplicates, applications and saved searches."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from jobstore.records import (
    Application,
    ApplicationState,
    Duplicate,
    HistoryEntry,
    Job,
    RunReport,
    SavedSearch,
)
from jobstore.service.answers import lifecycle as answers
from jobstore.service.guarding.callers import Scope
from jobstore.service.guarding.permits import allowed
from jobstore.service.holding import Service
from jobstore.service.parameters import MOST_AT_ONCE, USUALLY, Filters, Moment
from jobstore.service.rest.repeating import Key, once
from jobstore.service.rest.routing import router as grouped
from jobstore.service.rest.writing import answered

_Limit = Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="At most so many.")]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddressAnswer(_Said):
    """How the address of a posting answered."""

    http_status: int = Field(ge=100, le=599)


class DuplicateVerdict(_Said):
    """What two postings are to each other."""

    other: UUID
    verdict: answers.Verdict


class Person(_Said):
    """Somebody at the other side."""

    name: str
    email: str | None = None
    phone: str | None = None
    role: str | None = None


class ApplicationChange(_Said):
    """What is said of an application; what is left out stays as it is."""

    state: ApplicationState | None = None
    at: Moment | None = None
    note: str | None = None
    contacts: list[Person] | None = Field(default=None, max_length=100)
    due_at: Moment | None = None

    def said(self) -> dict[str, Any]:
        """Return what was stated."""
        return self.model_dump(exclude_unset=True)


class NewApplication(ApplicationChange):
    """What is said of a new application."""

    force: bool = Field(default=False, description="Also where there is one already.")


class SearchToSave(_Said):
    """A search to save."""

    query: Filters = Filters()
    since: Moment | None = None


class Matches(BaseModel):
    """What is new of a saved search."""

    items: list[Job]
    token: str


class Acknowledgement(_Said):
    """What came with matches."""

    token: str


def routes(service: Service) -> APIRouter:
    """Return the routes."""
    router = grouped()
    writes = [allowed(Scope.WRITE)]

    @router.get(
        "/postings/{id:uuid}/history",
        tags=["history"],
        response_model=dict[str, list[HistoryEntry]],
    )
    async def history(id: UUID) -> Response:
        """All that happened to a posting, newest first; also that it was deleted."""
        return answered({"items": await answers.history(service.store, id)})

    @router.post(
        "/postings/{id:uuid}/gone",
        tags=["runs"],
        response_model=dict[str, bool],
        dependencies=writes,
    )
    async def gone(
        request: Request, id: UUID, said: AddressAnswer, idempotency_key: Key = None
    ) -> Response:
        """Say how the address of a posting answered: 404 and 410 close it at once, and so do
        several other faults of the asker in a row. ``closed`` says whether it was open and is not
        any more; where the request is repeated with its key, whether it is closed now."""
        closed = await once(
            request,
            service.settings.operations_db,
            idempotency_key,
            partial(answers.gone, service.store, id, said.http_status),
            lambda _: id,
            partial(answers.is_closed, service.store),
        )
        return answered({"closed": closed})

    @router.get("/runs", tags=["runs"], response_model=dict[str, list[RunReport]])
    async def runs(
        source: str | None = None, scope: str | None = None, limit: _Limit = USUALLY
    ) -> Response:
        """The last runs of scrapers, newest first."""
        return answered({"items": await answers.runs(service.store, source, scope, limit)})

    @router.get(
        "/postings/{id:uuid}/duplicates",
        tags=["duplicates"],
        response_model=dict[str, list[Duplicate]],
    )
    async def duplicates(id: UUID) -> Response:
        """The postings that are, or may be, the same opening, with the reasons."""
        return answered({"items": await answers.duplicates(service.store, id)})

    @router.post(
        "/postings/{id:uuid}/duplicates",
        tags=["duplicates"],
        response_model=dict[str, list[Duplicate]],
        dependencies=writes,
    )
    async def judge(id: UUID, said: DuplicateVerdict) -> Response:
        """Say that another posting is the same opening or a different one, or take that back."""
        found = await answers.judge(service.store, id, said.other, said.verdict)
        return answered({"items": found})

    @router.get("/applications", tags=["applications"], response_model=dict[str, list[Application]])
    async def applications(
        state: Annotated[list[ApplicationState] | None, Query()] = None,
        job_id: UUID | None = None,
        limit: _Limit = USUALLY,
    ) -> Response:
        """Applications, those changed last first."""
        found = await answers.applications(service.store, state, job_id, limit)
        return answered({"items": found})

    @router.post(
        "/postings/{id:uuid}/applications",
        tags=["applications"],
        status_code=201,
        response_model=Application,
        responses={409: {"description": "There is an application already; or the same is sent."}},
        dependencies=writes,
    )
    async def apply(
        request: Request, id: UUID, said: NewApplication, idempotency_key: Key = None
    ) -> Response:
        """Begin an application. With the same ``at`` it is begun once, however often it is sent."""
        stated = said.said()
        force = stated.pop("force", False)
        made = await once(
            request,
            service.settings.operations_db,
            idempotency_key,
            partial(answers.apply, service.store, id, force=force, **stated),
            attrgetter("id"),
            partial(answers.application, service.store, id),
        )
        return answered(made, 201)

    @router.patch(
        "/postings/{id:uuid}/application",
        tags=["applications"],
        response_model=Application,
        dependencies=writes,
    )
    async def set_application(
        request: Request, id: UUID, said: ApplicationChange, idempotency_key: Key = None
    ) -> Response:
        """Move the application on, or write to it. A note is added each time that it is sent."""
        made = await once(
            request,
            service.settings.operations_db,
            idempotency_key,
            partial(answers.set_application, service.store, id, **said.said()),
            attrgetter("id"),
            partial(answers.application, service.store, id),
        )
        return answered(made)

    @router.get("/searches", tags=["saved searches"], response_model=dict[str, list[SavedSearch]])
    async def searches() -> Response:
        """All saved searches."""
        return answered({"items": await answers.saved_searches(service.store)})

    @router.put(
        "/searches/{name:path}",
        tags=["saved searches"],
        response_model=SavedSearch,
        dependencies=writes,
    )
    async def save(name: str, said: SearchToSave) -> Response:
        """Save a search, or give the one of that name another query."""
        query = said.query.query()
        return answered(await answers.save_search(service.store, name, query, said.since))

    @router.delete(
        "/searches/{name:path}", tags=["saved searches"], status_code=204, dependencies=writes
    )
    async def remove(name: str) -> Response:
        """Forget a saved search."""
        await answers.remove_search(service.store, name)
        return Response(status_code=204)

    @router.get("/searches/{name:path}/matches", tags=["saved searches"], response_model=Matches)
    async def matches(name: str, limit: _Limit = USUALLY) -> Response:
        """What is new of a saved search: the same again, until its token is acknowledged."""
        found = await answers.new_matches(service.store, name, limit)
        return answered({"items": found.items, "token": found.token})

    @router.post(
        "/searches/{name:path}/acknowledged",
        tags=["saved searches"],
        status_code=204,
        dependencies=writes,
    )
    async def acknowledge(name: str, said: Acknowledgement) -> Response:
        """Say that matches are dealt with: they never come again under this name."""
        await answers.acknowledge(service.store, name, said.token)
        return Response(status_code=204)

    return router
