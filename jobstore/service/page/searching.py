"""The page of a search. Its address is the query, whoever wrote it: a form, a link or a person."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from jobstore.errors import Fault, InvalidQuery
from jobstore.json_text import to_json
from jobstore.records import SearchQuery, Sort
from jobstore.service.answers import searching as answers
from jobstore.service.holding import Service
from jobstore.service.page.asking import reads, to
from jobstore.service.page.asking import router as pages
from jobstore.service.page.narrowing import COUNTED, NONE, Given, narrowing, without
from jobstore.service.page.rendering import address, rendered
from jobstore.service.parameters import Filters, Search, lists
from jobstore.service.paths import root_of
from jobstore.service.problems import faults_of

_LISTS = lists(Filters)
# What a form on the page asks for; the rest of a query is set by links, and kept by the form.
_ASKED = ("text", "sort", "salary_min", "salary_currency", "posted_since")
# Faults that are told.
_FAULTS = 20
_NOTHING: Given = {"items": [], "notes": [], "facets": {}, "next_cursor": None}
# The element of the page that asks as one types.
_TYPING = "text"


def routes(service: Service) -> APIRouter:
    """Return the route of the search."""
    router = pages(dependencies=[reads])

    @router.get("/")
    async def search(request: Request) -> Response:
        given = given_by(request.query_params.multi_items())
        here = address("/", given)
        typed = "hx-request" in request.headers
        if not typed and "" in request.query_params.values():
            # A form without a script sends all its fields; the address says what was asked.
            return to(request, "/", **given)
        shown: Given = {"page": _NOTHING, "took": None, "faults": [], "narrowing": NONE}
        more_faults = 0
        status = 200
        try:
            asked = _read(Search, given)
            started = time.perf_counter()
            shown["page"] = await answers.search(
                service.store,
                asked.query(),
                limit=asked.limit,
                cursor=asked.cursor,
                facets=COUNTED,
            )
            shown["took"] = time.perf_counter() - started
            shown["narrowing"] = narrowing(given, shown["page"]["facets"])
        except (RequestValidationError, InvalidQuery) as error:
            # Nobody who is still typing wants another page: it is said above the form.
            status, (shown["faults"], more_faults) = 400, _faults(error)
        answer = rendered(
            request,
            "search.html",
            status,
            given=dict.fromkeys(Search.model_fields) | given,
            has_filters=any(name != "text" for name in given),
            kept=_kept(given),
            more_faults=more_faults,
            sorts=[*Sort],
            query=address("", without(given, "cursor", "limit"))[1:],
            **shown,
        )
        if typed:
            # What is typed makes no step of its own in the browser's history; all else does.
            is_typing = request.headers.get("hx-trigger") == _TYPING
            way = "HX-Replace-Url" if is_typing else "HX-Push-Url"
            answer.headers[way] = root_of(request.scope) + here
        return answer

    return router


def given_by(pairs: list[tuple[str, str]]) -> Given:
    """Return what is asked by the names and values of an address or a form, blank ones left out."""
    given: Given = {}
    for name, value in pairs:
        if not value.strip():
            continue
        if name in _LISTS:
            given.setdefault(name, []).append(value)
        else:
            given[name] = value.strip()
    return given


def query_of(given: Given) -> SearchQuery:
    """Return the query that is given. Raises RequestValidationError."""
    filters: Filters = _read(Filters, without(given, "cursor", "limit"))
    return filters.query()


def given_of(query: SearchQuery) -> Given:
    """Return what asks for a query again."""
    plain = SearchQuery()
    given: Given = {}
    for name in Filters.model_fields:
        value = getattr(query, name)
        if value != getattr(plain, name):
            several = [value] if isinstance(value, str) and name in _LISTS else value
            given[name] = (
                [*map(str, several)] if isinstance(several, tuple | list) else _text(several)
            )
    return given


def _text(value: object) -> str:
    return to_json(value).strip('"') if not isinstance(value, str) else value


def _read(model: type[Any], given: Given) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        told = [{**each, "loc": ("query", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(told) from None


def _faults(error: RequestValidationError | InvalidQuery) -> tuple[list[Fault], int]:
    """Return faults that are told, and how many more there are."""
    if isinstance(error, InvalidQuery):
        return [*error.faults] or [Fault("text", str(error))], 0
    every = error.errors()
    told = RequestValidationError(every[:_FAULTS])
    return faults_of(told, Search.model_fields), len(every[_FAULTS:])


def _kept(given: Given) -> list[tuple[str, str]]:
    """Return what the form has to repeat so that it is not lost. What is not known is."""
    return [
        (name, each)
        for name, value in given.items()
        if name in Search.model_fields and name not in (*_ASKED, "cursor")
        for each in (value if isinstance(value, list) else [value])
    ]
