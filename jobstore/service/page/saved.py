"""Saved searches: what is new of each, until it is dealt with."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response

from jobstore.errors import Fault, InvalidQuery
from jobstore.records import SavedSearch
from jobstore.service.answers import lifecycle as answers
from jobstore.service.guarding.asked import MOST_PARAMETERS
from jobstore.service.holding import Service
from jobstore.service.page.asking import reads, to, written
from jobstore.service.page.asking import router as pages
from jobstore.service.page.rendering import address, rendered
from jobstore.service.page.searching import given_by, given_of, query_of
from jobstore.service.parameters import USUALLY


def routes(service: Service) -> APIRouter:
    """Return the routes of saved searches. Names may hold anything, so no path has one."""
    router = pages(prefix="/searches", dependencies=[reads])

    @router.get("")
    async def listed(request: Request) -> Response:
        found = [_told(each) for each in await answers.saved_searches(service.store)]
        return rendered(request, "searches.html", searches=found)

    @router.post("")
    async def save(request: Request) -> Response:
        given = await written(request)
        query = query_of(given_by(_pairs(given.get("query", ""))))
        name = _name(given)
        for each in await answers.saved_searches(service.store):
            if each.name == name and each.query != query:
                # Who types a name twice hardly means to lose the first search.
                reason = "is that of another search; choose another, or forget that search first"
                raise InvalidQuery([Fault("name", reason)])
        await answers.save_search(service.store, name, query, None)
        return to(request, "/searches/matches", name=name)

    @router.get("/matches")
    async def matches(request: Request, name: str = "") -> Response:
        found = await answers.new_matches(service.store, name, USUALLY)
        return rendered(
            request,
            "matches.html",
            name=name,
            items=found.items,
            token=found.token,
            may_be_more=len(found.items) == USUALLY,
        )

    @router.post("/acknowledged")
    async def acknowledge(request: Request) -> Response:
        given = await written(request)
        name = _name(given)
        await answers.acknowledge(service.store, name, given.get("token", ""))
        return to(request, "/searches/matches", name=name)

    @router.post("/removed")
    async def remove(request: Request) -> Response:
        await answers.remove_search(service.store, _name(await written(request)))
        return to(request, "/searches")

    return router


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        # The address of no page has more.
        return parse_qsl(query, max_num_fields=MOST_PARAMETERS)
    except ValueError:
        reason = f"must have at most {MOST_PARAMETERS} parameters"
        raise InvalidQuery([Fault("query", reason)]) from None


def _name(given: dict[str, str]) -> str:
    if "name" not in given:
        raise InvalidQuery([Fault("name", "must be stated")])
    return given["name"]


def _told(search: SavedSearch) -> dict[str, Any]:
    given = given_of(search.query)
    asked = [
        (name, ", ".join(value) if isinstance(value, list) else value)
        for name, value in given.items()
    ]
    return {"search": search, "asked": asked, "address": address("/", given)}
