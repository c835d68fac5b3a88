"""The page of a search. Its address is the query, whoever wrote it: a form, a link or a person."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from jobstore.errors import Fault, InvalidQuery
from jobstore.json_text import to_json
from jobstore.records import SearchQuery, Sort
from jobstore.search.words import fold
from jobstore.service.answers import searching as answers
from jobstore.service.holding import Service
from jobstore.service.page.asking import reads, to
from jobstore.service.page.asking import router as pages
from jobstore.service.page.rendering import address, rendered, root_of
from jobstore.service.page.texts import words
from jobstore.service.parameters import Filters, Search, lists
from jobstore.service.problems import faults_of

Given = dict[str, Any]

_LISTS = lists(Filters)
# What a form on the page asks for; the rest of a query is set by links, and kept by the form.
_ASKED = ("text", "sort", "salary_min", "salary_currency", "posted_since")
_COUNTED = (
    *("workplace", "employment_type", "experience_level", "country"),
    *("company", "skills", "source", "status"),
)
# Values of a facet that are shown.
_VALUES = 8
_NOTHING: Given = {"items": [], "notes": [], "facets": {}, "next_cursor": None}
# The element of the page that asks as one types.
_TYPING = "text"


class Value(NamedTuple):
    """A value of a facet: how often it is there, and where it is added or taken out."""

    value: str
    number: int
    address: str
    is_chosen: bool


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
        shown: Given = {"page": _NOTHING, "took": None, "faults": []}
        status = 200
        try:
            asked = _read(Search, given)
            started = time.perf_counter()
            shown["page"] = await answers.search(
                service.store,
                asked.query(),
                limit=asked.limit,
                cursor=asked.cursor,
                facets=_COUNTED,
            )
            shown["took"] = time.perf_counter() - started
        except (RequestValidationError, InvalidQuery) as error:
            # Nobody who is still typing wants another page: it is said above the form.
            status, shown["faults"] = 400, _faults(error)
        answer = rendered(
            request,
            "search.html",
            status,
            given=dict.fromkeys(Search.model_fields) | given,
            chips=_chips(given),
            kept=_kept(given),
            facets=_facets(given, shown["page"]["facets"]),
            sorts=[*Sort],
            query=address("", _without(given, "cursor", "limit"))[1:],
            **shown,
        )
        if typed:
            # What is typed makes no step of its own in the browser's history; all else does.
            is_typing = request.headers.get("hx-trigger") == _TYPING
            way = "HX-Replace-Url" if is_typing else "HX-Push-Url"
            answer.headers[way] = root_of(request) + here
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
    filters: Filters = _read(Filters, _without(given, "cursor", "limit"))
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


def _faults(error: RequestValidationError | InvalidQuery) -> list[Fault]:
    if isinstance(error, InvalidQuery):
        return [*error.faults] or [Fault("text", str(error))]
    return faults_of(error, Search.model_fields)


def _without(given: Mapping[str, Any], *names: str) -> Given:
    return {name: value for name, value in given.items() if name not in names}


def _chips(given: Given) -> list[tuple[str, str, str]]:
    """Return each filter that was not typed into the form: name, value, address without it."""
    found = []
    for name, value in given.items():
        if name in ("text", "sort", "limit", "cursor"):
            continue
        for each in value if isinstance(value, list) else [value]:
            left = [other for other in value if other != each] if isinstance(value, list) else None
            rest = _without(given, "cursor") | {name: left}
            found.append((words(name), each, address("/", rest)))
    return found


def _kept(given: Given) -> list[tuple[str, str]]:
    """Return what the form has to repeat so that it is not lost."""
    return [
        (name, each)
        for name, value in given.items()
        if name not in (*_ASKED, "cursor")
        for each in (value if isinstance(value, list) else [value])
    ]


def _facets(given: Given, counted: Mapping[str, Any]) -> list[tuple[str, list[Value]]]:
    found = []
    base = _without(given, "cursor")
    for name in _COUNTED:
        chosen = base.get(name, [])
        values = []
        for each in counted.get(name, [])[:_VALUES]:
            same = [value for value in chosen if fold(value) == fold(each.value)]
            left = [value for value in chosen if value not in same]
            there = base | {name: left if same else [*chosen, each.value]}
            values.append(Value(each.value, each.count, address("/", there), bool(same)))
        if values:
            found.append((name, values))
    return found
