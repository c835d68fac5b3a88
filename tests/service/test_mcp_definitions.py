"""What agents are told of the tools, and which tools they are told of."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jobstore import JobStore, SearchQuery
from jobstore.service.guarding.callers import Scope
from jobstore.service.mcp.server import INSTRUCTIONS, TOOLS
from jobstore.service.parameters import Filters
from tests.service.agents import agent, refused, tokens

READING = [
    *("search_jobs", "get_job_detail", "get_employer_context", "get_job_history"),
    *("job_statistics", "list_filter_values", "new_matches"),
]
WRITING = ["set_application", "judge_duplicate", "upsert_jobs"]


def parts(schema: Any) -> list[dict[str, Any]]:
    """A schema and all that are in it."""
    if isinstance(schema, list):
        return [part for each in schema for part in parts(each)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(part for each in schema.values() for part in parts(each))]


async def test_all_definitions_are_small_and_whole(small: JobStore) -> None:
    async with agent(small) as client:
        tools = (await client.list_tools()).tools
        told = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in tools]
        assert client.instructions == INSTRUCTIONS
    assert tokens(told) + tokens(INSTRUCTIONS) < 3000
    assert [each["name"] for each in told] == [*READING, "acknowledge", *WRITING]
    for tool in told:
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
        assert len(tool["description"]) > 30
        # Some programs refuse arguments that are lists of nobody knows what.
        for part in parts(tool["inputSchema"]):
            assert "array" not in str(part.get("type")) or "items" in part
        assert tool["annotations"] == {
            "readOnlyHint": tool["name"] in READING,
            "destructiveHint": tool["name"] == "upsert_jobs",
            "idempotentHint": tool["name"] != "set_application",
            "openWorldHint": False,
        }
    filters = told[0]["inputSchema"]["properties"]["filters"]["properties"]
    assert {*filters} == {*Filters.model_fields} - {"text"} | {"posted_within_days"}
    named = {word.strip(".,:") for word in f"{INSTRUCTIONS} {told}".split() if "_" in word}
    # No text names a tool that does not exist.
    assert not {word for word in named if word.startswith(("search_", "get_"))} - {*TOOLS}


@pytest.mark.parametrize(
    ("scope", "writes", "listed"),
    [
        (Scope.NOTHING, True, []),
        (Scope.READ, True, READING),
        (Scope.WRITE, False, [*READING, "acknowledge"]),
        (Scope.ADMIN, True, [*READING, "acknowledge", *WRITING]),
    ],
)
async def test_who_may_not_use_a_tool_is_not_told_of_it(
    small: JobStore, scope: Scope, writes: bool, listed: list[str]
) -> None:
    posting = {"source": "a", "source_job_id": "1", "title": "b", "company": "c"}
    async with agent(small, scope, writes=writes) as client:
        assert [each.name for each in (await client.list_tools()).tools] == listed
        for name in {*TOOLS} - {*listed}:
            error = await refused(client, name, {"jobs": [posting]})
            assert error["error_code"] == "forbidden"
    assert (await small.search(SearchQuery())).items == []


async def test_no_tool_deletes_and_an_unknown_one_is_told(small: JobStore) -> None:
    assert not [name for name in TOOLS if "delete" in name or "remove" in name]
    async with agent(small) as client:
        assert "search_jobs" in (await refused(client, "search_job", {}))["message"]
        assert "get_job_detail" in (await refused(client, "\x07\n../x", {}))["message"]
