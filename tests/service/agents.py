"""What tests of MCP share: agents, how they call tools, and what holds for every answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import CallToolResult, TextContent
from referencing import Registry, Resource

from jobstore import JobStore
from jobstore.service.guarding.callers import Scope
from jobstore.service.mcp.server import server
from jobstore.service.mcp.tool import Rights

MOST_TOKENS = 8000
ERRORS = (
    *("invalid_request", "invalid_field_value", "job_not_found", "employer_not_found"),
    *("forbidden", "provider_error"),
)
"""The codes of OJCP that are in use."""


def tokens(value: object) -> float:
    """How many tokens a value has at most: 3.5 bytes of JSON each."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) / 3.5


@asynccontextmanager
async def agent(
    store: JobStore, scope: Scope = Scope.WRITE, *, writes: bool = True, mode: str = "auto"
) -> AsyncIterator[Client]:
    """An agent that is connected without a network."""
    served = server(lambda: store, lambda _: Rights(scope, writes))
    async with Client(served, mode=mode) as client:
        yield client


async def call(client: Client, name: str, /, **arguments: Any) -> dict[str, Any]:
    """What a tool answers. The client checks it by the output schema of the tool."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return checked(result)


async def refused(client: Client, name: str, arguments: Any) -> dict[str, Any]:
    """The error that a tool answers with."""
    result = await client.call_tool(name, arguments)
    assert result.is_error, result.structured_content
    answer = checked(result)
    assert answer["error_code"] in ERRORS
    assert answer["message"]
    return answer


def checked(result: CallToolResult) -> dict[str, Any]:
    """The answer, after what holds for each was looked at."""
    assert tokens(result.model_dump(mode="json", by_alias=True)) < MOST_TOKENS
    (said,) = result.content
    assert isinstance(said, TextContent)
    assert "\n" not in said.text
    answer: dict[str, Any] = result.structured_content
    # The payload is there once: beside it is a line.
    assert len(said.text) < 1600 if result.is_error else len(said.text) < 200
    assert None not in json.loads(json.dumps(answer)).values()
    return answer


class Schemas:
    """The schemas of OJCP in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cache  # noqa: B019  # there is one for all tests
    def _validator(self, name: str) -> Draft202012Validator:
        posting = json.loads((self._folder / "job-posting.json").read_text(encoding="utf-8"))
        registry = Registry().with_resource(posting["$id"], Resource.from_contents(posting))
        schema = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
        return Draft202012Validator(
            schema,
            registry=registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )

    def hold(self, name: str, value: object) -> None:
        """Check that a value is what OJCP says."""
        self._validator(name).validate(value)
