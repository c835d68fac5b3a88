"""MCP over HTTP: who may, what is not there, and what tells agents of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import jobstore
from jobstore.operations import tokens
from jobstore.operations.tokens import TokenScope
from jobstore.service.application import application
from jobstore.settings.sections import Settings
from tests.engines.harness import MEMORY
from tests.service.agents import Schemas, call, refused
from tests.service.test_mcp_definitions import READING, WRITING

POSTING = {"source": "a", "source_job_id": "1", "title": "Cook", "company": "Acme"}
JSON = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
LISTING = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


class Served:
    """A running application, asked without a network."""

    def __init__(self, app: Any, tokens: dict[str, str]) -> None:
        self.app = app
        self._tokens = tokens

    def http(
        self, scope: TokenScope | None = None, address: str = "127.0.0.1", **more: str
    ) -> httpx2.AsyncClient:
        """A client at an address, with a token of that scope."""
        headers = dict(more)
        if scope is not None:
            headers["Authorization"] = f"Bearer {self._tokens[scope]}"
        transport = httpx2.ASGITransport(self.app, client=(address, 50_000))
        return httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)

    @asynccontextmanager
    async def agent(
        self, scope: TokenScope | None = None, address: str = "127.0.0.1", mode: str = "auto"
    ) -> AsyncIterator[Client]:
        """An agent that is connected."""
        async with self.http(scope, address) as http:
            transport = streamable_http_client("http://localhost/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client


@asynccontextmanager
async def serving(tmp_path: Path, *scopes: TokenScope, **service: Any) -> AsyncIterator[Served]:
    """An application over an empty store in memory: tokens that it knows, and settings."""
    url = f"sqlite:///{tmp_path}/jobs.db"
    settings = Settings.model_validate({"store": {"url": url}, "service": service})
    # A service reads them once a second.
    known = {each: tokens.create(settings.operations_db, each, each, None) for each in scopes}
    app = application(settings, partial(jobstore.connect, MEMORY.new_url(tmp_path)))
    async with app.router.lifespan_context(app):
        yield Served(app, known)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_may_write_needs_the_setting_and_a_token(tmp_path: Path, mode: str) -> None:
    jobs = {"jobs": [POSTING]}
    async with serving(tmp_path, "read", "write", mcp_writes=True) as served:
        async with served.agent("write", "10.0.0.1", mode) as client:
            listed = [each.name for each in (await client.list_tools()).tools]
            assert listed == [*READING, "acknowledge", *WRITING]
            assert (await call(client, "upsert_jobs", **jobs))["inserted"] == 1
            # All that is written is in the name of the token.
            (found,) = (await call(client, "search_jobs", query="cook"))["jobs"]
            begun = {"id": found["ojcp_id"], "state": "saved"}
            await call(client, "set_application", **begun)
            told = await call(client, "get_job_history", id=found["ojcp_id"])
            assert [each.get("actor") for each in told["events"]] == ["write", "write"]
        for scope in ("read", None):
            async with served.agent(scope, mode=mode) as client:
                assert [each.name for each in (await client.list_tools()).tools] == READING
                assert "scope write" in (await refused(client, "upsert_jobs", jobs))["message"]
                found = await call(client, "search_jobs", query="cook")
                assert found["total_results"] == 1
    admin = tmp_path / "admin"
    admin.mkdir()
    async with serving(admin, "admin") as served, served.agent("admin", mode=mode) as client:
        listed = [each.name for each in (await client.list_tools()).tools]
        assert listed == [*READING, "acknowledge"]
        assert "--allow-writes" in (await refused(client, "upsert_jobs", jobs))["message"]


async def test_who_may_not_read_and_who_asks_under_other_names_is_not_answered(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as served:
        async with served.http(None, "10.0.0.1") as far:
            answer = await far.post("/mcp", json=LISTING, headers=JSON)
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer")
        async with served.http() as near:
            for headers, status in (
                ({"Host": "evil.example"}, 421),
                ({"Origin": "https://evil.example"}, 403),
                ({"Authorization": "Bearer wrong"}, 401),
                ({}, 200),
            ):
                answer = await near.post("/mcp", json=LISTING, headers=JSON | headers)
                assert answer.status_code == status


async def test_there_are_no_sessions_and_no_streams_that_stay_open(tmp_path: Path) -> None:
    listen = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen"}
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    async with serving(tmp_path) as served, served.http() as http:
        for method in ("GET", "DELETE", "PUT", "OPTIONS"):
            answer = await http.request(method, "/mcp", headers=JSON)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
            assert answer.headers["content-type"] == "application/problem+json"
        async with asyncio.timeout(60):
            answer = await http.post(
                "/mcp",
                json=listen | {"params": {"_meta": meta, "notifications": {}}},
                headers=JSON
                | {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen"},
            )
        assert answer.json()["error"]["code"] == -32601
        asked = {"name": "search_jobs", "arguments": {"query": ""}}
        body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": asked}
        answer = await http.post("/mcp", json=body, headers=JSON)
        assert "mcp-session-id" not in answer.headers
        headers = JSON | {"Mcp-Protocol-Version": "2025-11-25"}
        named = (await http.post("/mcp", json=body, headers=headers)).json()["result"]
        assert named["structuredContent"]["jobs"] == []
        text = (await http.post("/mcp?as=text", json=body, headers=headers)).json()["result"]
        assert (text.get("structuredContent"), text["content"][0]["text"][0]) == (None, "{")
        # Who names no revision may be of one whose answers have no structure: it is given as text.
        result = answer.json()["result"]
        assert "structuredContent" not in result
        assert json.loads(result["content"][0]["text"])["jobs"] == []


BROKEN = [
    b"",
    b"{",
    b"[" * 200_000,
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": 7}}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search_jobs", '
    b'"arguments": ' + b'{"query": ' * 5_000 + b"1" + b"}" * 5_000 + b"}}",
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search_jobs", '
    b'"arguments": {"query": "\\ud800"}}}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}',
    b"\xff\xfe",
    b"x" * (1024 * 1024 + 1),
]


async def test_broken_bodies_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, body_mib=1) as served, served.http() as http:
        for body in BROKEN:
            answer = await http.post("/mcp", content=body, headers=JSON)
            assert answer.status_code in (200, 400, 404, 413)
            if answer.status_code == 200:
                told = answer.json()
                assert "error" in told or told["result"]["isError"] is True
            # The next one is answered as ever.
            answer = await http.post("/mcp", json=LISTING, headers=JSON)
            assert answer.status_code == 200


NO_MESSAGES = [
    (b"{", -32700, None),
    (b"[" * 60_000, -32700, None),
    (b"[]", -32600, None),
    (b'{"id": 1, "method": "ping"}', -32600, None),
    (b'{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600, None),
    (b'{"jsonrpc": "2.0", "id": [1], "method": "ping"}', -32600, None),
    (b'{"jsonrpc": "2.0", "id": "a", "method": 7}', -32600, "a"),
    (b'{"jsonrpc": "2.0", "id": 2, "method": "ping", "params": [1]}', -32600, 2),
]


@pytest.mark.parametrize(("body", "code", "id"), NO_MESSAGES)
async def test_what_is_no_message_is_told_in_a_sentence(
    tmp_path: Path, body: bytes, code: int, id: object
) -> None:
    async with serving(tmp_path) as served, served.http() as http:
        answer = await http.post("/mcp", content=body, headers=JSON)
        told = answer.json()
        assert (answer.status_code, told["id"], told["error"]["code"]) == (400, id, code)
        assert told["error"]["message"].endswith(".")


async def test_a_message_that_is_cut_off_is_no_fault_of_ours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as served:
        messages = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive() -> Any:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            raise AssertionError(message)

        headers = [(name.lower().encode(), value.encode()) for name, value in JSON.items()]
        scope = {"type": "http", "method": "POST", "path": "/mcp", "raw_path": b"/mcp"}
        scope |= {"headers": [(b"host", b"localhost"), *headers], "query_string": b""}
        scope |= {"client": ("127.0.0.1", 5), "http_version": "1.1", "scheme": "http"}
        await served.app(scope, receive, send)
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


async def test_agents_are_told_what_is_here(tmp_path: Path, ojcp: Schemas) -> None:
    async with (
        serving(tmp_path) as served,
        served.http() as near,
        served.http(None, "10.0.0.1") as far,
    ):
        free = (await near.get("/.well-known/ojcp.json")).json()
        closed = (await far.get("/.well-known/ojcp.json")).json()
        text = await near.get("/llms.txt")
        async with served.agent() as client:
            names = {each.name for each in (await client.list_tools()).tools}
        # What it points to is there.
        for part in text.text.split("](")[1:]:
            link = part.partition(")")[0]
            status = (await near.get(link)).status_code
            assert status == (405 if link.endswith("/mcp") else 200), link
    for each in (free, closed):
        ojcp.hold("manifest", each)
    assert (free["auth"]["type"], closed["auth"]["type"]) == ("none", "bearer")
    assert free["mcp_endpoint"] == "http://localhost/mcp"
    assert {*free["tools"]} <= names
    assert text.headers["content-type"].startswith("text/plain")


async def test_an_application_is_started_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as served, served.agent() as client:
        await call(client, "job_statistics")
    async with served.http() as http:
        answer = await http.post("/mcp", json=LISTING, headers=JSON)
        assert answer.status_code == 500
    async with served.app.router.lifespan_context(served.app), served.agent() as client:
        await call(client, "job_statistics")


async def test_a_real_server_is_asked_over_a_network(migrated_url: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"JOBSTORE_SERVICE__PORT": str(port)}
    token = tokens.create(
        Settings.model_validate({"store": {"url": migrated_url}}).operations_db, "w", "write", None
    )
    command = [sys.executable, "-m", "jobstore", "serve", "--store", migrated_url]
    process = subprocess.Popen(  # noqa: ASYNC220  # nothing else is going on
        [*command, "--allow-writes"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
            async with asyncio.timeout(120):
                while True:
                    try:
                        await http.get(f"{address}/llms.txt")
                        break
                    except httpx2.TransportError:
                        await asyncio.sleep(0.1)
            transport = streamable_http_client(f"{address}/mcp", http_client=http)
            async with Client(transport) as client:
                stored = await call(client, "upsert_jobs", jobs=[POSTING])
                found = await call(client, "search_jobs", query="cook")
        assert (stored["inserted"], found["total_results"]) == (1, 1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
