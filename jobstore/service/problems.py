"""What went wrong, as HTTP says it: problem documents of RFC 9457, with every fault by field.

Nothing of other rows, of SQL or of credentials is in the messages of errors, so they are passed
on as they are; what nobody expected is told by its id in the log alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from jobstore import wrong_values
from jobstore.errors import (
    DuplicateApplication,
    Fault,
    InvalidPosting,
    InvalidQuery,
    JobNotFound,
    JobStoreError,
    OutcomeUnknown,
    SchemaMismatch,
    StorageFull,
    StoreBusy,
    StoreCorrupt,
    StoreTimeout,
    StoreUnavailable,
    VersionConflict,
)
from jobstore.json_text import escaped, to_json
from jobstore.operations import logs
from jobstore.service.parameters import suggested

_log = logs.get("service")

MEDIA_TYPE = "application/problem+json"
_NAMESPACE = "tag:jobstore,2026:"

# Faults of a request from which on no other name is suggested.
_MOST_SUGGESTED = 20
# Faults of a request that are told one by one.
_MOST_TOLD = 100

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
    # Somebody has to mend it; asking again and again would not.
    (StoreCorrupt, HTTPStatus.INTERNAL_SERVER_ERROR, None),
    # As while somebody migrates, or starts the newer version.
    (SchemaMismatch, HTTPStatus.SERVICE_UNAVAILABLE, 30),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, 30),
    (JobStoreError, HTTPStatus.SERVICE_UNAVAILABLE, 30),
)


def problem(
    status: int,
    detail: str,
    *,
    kind: str | None = None,
    faults: Iterable[Fault] = (),
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
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
    return Response(escaped(to_json(document)), status, headers, media_type=MEDIA_TYPE)


def status_of(error: JobStoreError) -> tuple[HTTPStatus, int | None]:
    """Return the status that an error has, and the seconds after which asking again may help."""
    return next((status, after) for kind, status, after in _STATUSES if isinstance(error, kind))


def of_error(error: JobStoreError) -> Response:
    """Return the problem that an error of the store is."""
    status, after = status_of(error)
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


def unexpected(error: Exception) -> Response:
    """Return what is said of an error that nobody expected: the log has it, by the request's id."""
    _log.exception("a request failed", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong that should not.")


def faults_of(error: RequestValidationError, known: Iterable[str]) -> list[Fault]:
    """Return what was wrong with a request, field by field; ``known`` are the names it may use.

    Of very many faults the first are told, and how many more there are.
    """
    known = tuple(known)
    found: list[Fault] = []
    errors = error.errors()
    for each in errors[:_MOST_TOLD]:
        # Without where it stands (query, path, body).
        name = ".".join(map(str, each["loc"][1:])) or str(each["loc"][0])
        reason = wrong_values.reason(each)
        if each["type"] == "extra_forbidden":
            # Of a body the names are not known here.
            # Looking for the name that was meant takes long, and nobody means so many.
            is_told = each["loc"][0] == "body" or len(found) >= _MOST_SUGGESTED
            reason = "is not known" if is_told else suggested(name, known)
        elif each["type"] == "json_invalid":
            # Its place is a number of characters, and no field.
            name, reason = "", f"the body is no JSON: {each['ctx']['error']}"
        found.append(Fault(name, reason))
    if more := len(errors) - len(found):
        found.append(Fault("", f"{more:,} more {'is' if more == 1 else 'are'} wrong"))
    return found


def install(app: FastAPI) -> None:
    """Have ``app`` answer with problem documents, whatever goes wrong.

    What nobody expects goes on to the gate, which every answer passes (:func:`unexpected`).
    """

    @app.exception_handler(JobStoreError)
    async def of_the_store(request: Request, error: JobStoreError) -> Response:
        if isinstance(error, InvalidPosting) and request.method in ("GET", "HEAD"):
            # A key that is asked for, and no body.
            return problem(400, str(error), kind="invalid-request", faults=error.faults)
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def of_the_request(request: Request, error: RequestValidationError) -> Response:
        faults = faults_of(error, parameters_of(request.scope["route"]))
        in_body = all(each["loc"][0] == "body" for each in error.errors())
        status = HTTPStatus.UNPROCESSABLE_ENTITY if in_body else HTTPStatus.BAD_REQUEST
        detail = "; ".join(map(str, faults))
        return problem(status, detail, kind="invalid-request", faults=faults)

    @app.exception_handler(HTTPException)
    async def of_http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        detail = str(error.detail)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(app, request.scope))
            detail = f"This address takes {headers['Allow']}."
        elif error.status_code == HTTPStatus.NOT_FOUND:
            detail = "There is nothing at this address."
        return problem(error.status_code, detail, headers=headers)


def unknown_parameter(name: str) -> dict[str, Any]:
    """Return the fault that a name in a query is not known, as pydantic tells it."""
    return {"type": "extra_forbidden", "loc": ("query", name), "msg": ""}


def parameters_of(route: APIRoute) -> frozenset[str]:
    """Return the names that a route knows in a query."""
    own = [each.alias for each in route.dependant.query_params]
    models = [getattr(each.call, "model", None) for each in route.dependant.dependencies]
    listed = [name for model in models for name in getattr(model, "model_fields", ())]
    return frozenset([*own, *listed])


def _methods(app: FastAPI, scope: Scope) -> list[str]:
    """Return the methods that an address has: each of its routes knows its own alone."""
    asked = {"type": "http", "path": scope["path"], "root_path": scope.get("root_path", "")}
    return [
        method
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
        if any(each.matches({**asked, "method": method})[0] == Match.FULL for each in app.routes)
    ]


def _kebab(name: str) -> str:
    return "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("-")
