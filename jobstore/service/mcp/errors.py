"""What went wrong, as an answer of a tool: OJCP's error with what to do about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from mcp_types import CallToolResult, TextContent

from jobstore.errors import DuplicateApplication, JobNotFound, JobStoreError
from jobstore.operations import logs
from jobstore.service.mcp import ojcp
from jobstore.service.mcp.sizes import MOST_BYTES, line, plain, short, within
from jobstore.service.problems import status_of

_log = logs.get("service")

_CODES = {
    HTTPStatus.BAD_REQUEST: "invalid_request",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid_field_value",
    HTTPStatus.NOT_FOUND: "job_not_found",
    HTTPStatus.PRECONDITION_FAILED: "invalid_request",
    HTTPStatus.CONFLICT: "invalid_request",
}
_FAULTS = 20


def failed(code: str, message: str, **more: Any) -> CallToolResult:
    """Return an error; ``message`` says what to do."""
    said = line(message.encode("utf-8", "replace").decode(), 1500)
    answer = plain({"ojcp_version": ojcp.VERSION, "error_code": code, "message": said} | more)
    return CallToolResult(
        content=[TextContent(type="text", text=answer["message"])],
        structured_content=answer,
        is_error=True,
    )


def of_error(error: JobStoreError, missing: str) -> CallToolResult:
    """Return what an error of the store is; ``missing`` is the code for what is not found."""
    status, after = status_of(error)
    code, message = _CODES.get(status, "provider_error"), str(error)
    details: dict[str, Any] = {}
    if isinstance(error, JobNotFound):
        code = missing
        message += _WAYS[missing]
    if isinstance(error, DuplicateApplication):
        details = {"job_id": error.job_id, "why": error.why, "applied_at": error.applied_at}
        message += " With force: true another one is begun."
    if faults := getattr(error, "faults", ()):
        told = short([each._asdict() for each in faults[:_FAULTS]])
        details["errors"] = within(told, MOST_BYTES // 3)
    if after is not None:
        message += f" Call it again in {after} s."
    return failed(code, message, details=details, retry_after_seconds=after)


_WAYS = {
    "invalid_request": " new_matches without a name lists the saved searches.",
    "job_not_found": " Take the ojcp_id of a posting that search_jobs found.",
    "employer_not_found": " list_filter_values of company, with words of the name as query, "
    "lists names.",
}


def unexpected(error: Exception) -> CallToolResult:
    """Return what is said of an error that nobody expected: where it stands in the log."""
    id = logs.new_id()
    _log.exception("a tool failed", exc_info=error, failure=id)
    return failed(
        "provider_error",
        "Something went wrong that should not. Try other arguments, or tell whoever runs this "
        f"service; its log has it as {id}.",
    )
