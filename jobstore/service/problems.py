"""What went wrong, as HTTP says it: problem documents of RFC 9457, with every fault by field.

Nothing of other rows, of SQL or of credentials is in the messages of errors, so they are passed
on as they are; what nobody expected is told by its id in the log alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from jobstore.errors import (
    DuplicateApplication,
    Fault,
    InvalidPosting,
    InvalidQuery,
    JobNotFound,
    JobStoreError,
    OutcomeUnknown,
    StorageFull,
    StoreBusy,
    StoreTimeout,
    StoreUnavailable,
    VersionConflict,
)
from jobstore.json_text import to_json
from jobstore.operations import logs
from jobstore.service.parameters import suggested

_log = logs.get("service")

MEDIA_TYPE = "application/problem+json"
_NAMESPACE = "tag:jobstore,2026:"

# The first that fits; seconds after which asking again may help.
_STATUSES: tuple[tuple[type[JobStoreError], HTTPStatus, int | None], ...] = (
    (InvalidQuery, HTTPStatus.BAD_REQUEST, None),
    (InvalidPosting, HTTPStatus.UNPROCESSABLE_ENTITY, None),
    (JobNotFound, HTTPStatus.NOT_FOUND, None),
    (VersionConflict, HTTPStatus.PRECONDITION_FAILED, None),
    (DuplicateApplication, HTTPStatus.CONFLICT, None),
    (StoreBusy, HTTPStatus.SERVICE_UNAVAILABLE, 1),
    (OutcomeUnknown, HTTPStatus.SERVICE_UNAVAILABLE, 1),
    (StoreTimeout, HTTPStatus.SERVICE_UNAVAILABLE, 5),
    (StorageFull, HTTPStatus.INSUFFICIENT_STORAGE, None),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, 30),
    (JobStoreError, HTTPStatus.SERVICE_UNAVAILABLE, 30),
)


class Problem(Response):
    """A problem document as an answer; ``document`` is what it says."""

    def __init__(self, document: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(to_json(document), document["status"], headers, MEDIA_TYPE)
        self.document = document


def problem(
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    faults: Iterable[Fault] = (),
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Problem:
    """Return a problem document.

    ``kind`` is a name in kebab case that programs may go by; without it the status says all.
    ``faults`` become ``errors``, each ``{"field", "reason"}``. ``more`` are further members.
    """
    said = HTTPStatus(status)
    document: dict[str, Any] = {
        "type": f"{_NAMESPACE}{kind}" if kind else "about:blank",
        "title": said.phrase,
        "status": int(status),
        "detail": detail,
    }
    if listed := [each._asdict() for each in faults]:
        document["errors"] = listed
    document |= {name: value for name, value in more.items() if value is not None}
    return Problem(document, headers)


def of_error(error: JobStoreError) -> Problem:
    """Return the problem that an error of the store is."""
    status, after = next(
        (status, after) for kind, status, after in _STATUSES if isinstance(error, kind)
    )
    more: dict[str, Any] = {}
    if isinstance(error, DuplicateApplication):
        more = {"job_id": error.job_id, "why": error.why, "applied_at": error.applied_at}
    return problem(
        status,
        str(error),
        kind=_kebab(type(error).__name__),
        faults=getattr(error, "faults", ()),
        headers=None if after is None else {"Retry-After": str(after)},
        **more,
    )


def faults_of(error: RequestValidationError, known: Iterable[str]) -> list[Fault]:
    """Return what was wrong with a request, field by field; ``known`` are the names it may use."""
    known = tuple(known)
    found = []
    for each in error.errors():
        # Without where it stands (query, path, body).
        name = ".".join(map(str, each["loc"][1:])) or str(each["loc"][0])
        reason = str(each["msg"]).removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            reason = suggested(name, known)
        found.append(Fault(name, reason[:1].lower() + reason[1:]))
    return found


Dressing = Callable[[Request, Problem], Response]


def install(app: FastAPI, dressed: Dressing = lambda request, found: found) -> None:
    """Have ``app`` answer with problem documents, whatever goes wrong.

    ``dressed`` may make something else of one, such as a page for a browser.
    """

    @app.exception_handler(JobStoreError)
    async def of_the_store(request: Request, error: JobStoreError) -> Response:
        return dressed(request, of_error(error))

    @app.exception_handler(RequestValidationError)
    async def of_the_request(request: Request, error: RequestValidationError) -> Response:
        faults = faults_of(error, _parameters(request))
        detail = "; ".join(map(str, faults))
        found = problem(HTTPStatus.BAD_REQUEST, detail, kind="invalid-request", faults=faults)
        return dressed(request, found)

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        return dressed(request, problem(error.status_code, str(error.detail), headers=headers))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        _log.exception("a request failed", exc_info=error)
        detail = "Something went wrong that should not."
        return dressed(request, problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail))


def _parameters(request: Request) -> list[str]:
    """Return the names of the query's parameters that the route of a request knows."""
    route: APIRoute = request.scope["route"]
    models = [each.field_info.annotation for each in route.dependant.query_params]
    return [name for model in models for name in getattr(model, "model_fields", ())]


def _kebab(name: str) -> str:
    return "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("-")
