"""What ``/openapi.json`` says beyond what routes say of themselves (OpenAPI 3.1).

That is the same for all: problems and when they come, tokens, entity tags, and how records are
written as JSON.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from jobstore import records
from jobstore.service.problems import MEDIA_TYPE

_METHODS = ("get", "put", "post", "patch", "delete")
_REF = "#/components/schemas/{model}"
_FAULT: dict[str, Any] = {
    "title": "Fault",
    "description": "What is wrong with a field; '' is the whole.",
    "type": "object",
    "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
    "required": ["field", "reason"],
}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). 'type' is what programs may go by.",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "description": "Every fault, by field.",
            "type": "array",
            "items": {"$ref": _REF.format(model="Fault")},
        },
    },
    "required": ["type", "title", "status", "detail"],
}
_LATER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
# What every route may answer, and what some do.
_ALWAYS = {
    "400": "What was asked is wrong: 'errors' says where.",
    "401": "A token is needed, or this one is not good.",
    "403": "The token may not do this, or a page of somebody else asks.",
    "421": "The service does not go by the name that it was asked under.",
    "429": "Too many requests.",
    "431": "There are too many headers, or they are too long.",
    "500": "Something went wrong that should not, or the store is damaged (store-corrupt).",
    "503": "The store is busy, cannot be reached, or is not migrated.",
}
_WITH_BODY = {
    "408": "The body came too slowly.",
    "413": "The body is too large.",
    "415": "The body is of a kind that forms send.",
    "422": "The body is wrong: 'errors' says where.",
    "507": "The disk is full.",
}
_NOT_FOUND = "It is not there."
_NO_MATCH = "Another version is stored than If-Match says."
_SAME = "The version is the one that If-None-Match says."
_TAG = {"description": "The version, quoted.", "schema": {"type": "string"}}


def describe(app: FastAPI) -> None:
    """Have ``app`` describe itself whole. It is worked out once, when it is first asked for."""
    plain = app.openapi
    kept: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not kept:
            kept.update(_whole(plain()))
        return kept

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's guide has it


def _whole(document: dict[str, Any]) -> dict[str, Any]:
    components = document["components"]
    schemas = components["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= {"Problem": _PROBLEM, "Fault": _FAULT}
    for name in [*schemas]:
        kind = getattr(records, name, None)
        if dataclasses.is_dataclass(kind):
            schemas[name] = _written(kind)
    # With 'fields' a posting of a page has those alone.
    schemas["JobSummary"].pop("required")
    schemas["Posting"] = _posting()
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Made by 'jobstore tokens create'.",
        }
    }
    told = _ALWAYS | _WITH_BODY | {"404": _NOT_FOUND, "412": _NO_MATCH}
    components["responses"] = {status: _problem(status, text) for status, text in told.items()}
    for path, operation in _operations(document):
        _complete(path, operation)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in _METHODS and "x-scope" in operation:
                yield path, operation


def _complete(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    # FastAPI's own, which is none of ours.
    if answers.get("422", {}).get("description") == "Validation Error":
        del answers["422"]
    given = [*_ALWAYS]
    headers = {each["name"].lower() for each in operation.get("parameters", ())}
    if "requestBody" in operation:
        given += _WITH_BODY
    if "{" in path:
        given.append("404")
    if "if-match" in headers:
        given.append("412")
    for status, answer in answers.items():
        if status.startswith("4"):
            answer |= _problem(status, answer["description"])
        elif headers & {"if-match", "if-none-match"} and "content" in answer:
            answer.setdefault("headers", {})["ETag"] = _TAG
    if "if-none-match" in headers and "412" not in given:
        answers["304"] = {"description": _SAME, "headers": {"ETag": _TAG}}
    for status in given:
        answers.setdefault(status, {"$ref": f"#/components/responses/{status}"})
    # What reads may be open to some without a token; see the setting service.anonymous.
    reads = operation["x-scope"] == "read"
    operation["security"] = [*([{}] if reads else []), {"token": []}]


def _problem(status: str, description: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}
    answer: dict[str, Any] = {"description": description, "content": content}
    return answer | ({"headers": _LATER} if status in ("429", "503") else {})


class _AsWritten(GenerateJsonSchema):
    """Schemas of what :func:`jobstore.json_text.to_json` writes."""

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        return {"type": "number"}


def _written(kind: Any) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(
        mode="serialization", ref_template=_REF, schema_generator=_AsWritten
    )
    schema.pop("$defs", None)
    return schema


def _posting() -> dict[str, Any]:
    """Return the schema of a posting that is sent. A null clears a field, or says nothing."""
    schema = _written(records.JobPosting)
    schema["title"] = "Posting"
    schema["description"] = "A posting; what it does not state stays as it is stored."
    schema["additionalProperties"] = False
    schema.pop("required")
    return schema
