"""The gate as a part of an application: it stays correct whatever happens behind it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from jobstore.acting import acting
from jobstore.operations import tokens
from jobstore.service.guarding.addresses import is_near, neighbourhood
from jobstore.service.guarding.callers import caller_of
from jobstore.service.guarding.credentials import Credentials
from jobstore.service.guarding.gate import Gate
from jobstore.service.guarding.names import Names
from jobstore.service.guarding.rates import Buckets
from jobstore.service.guarding.telling import Telling
from jobstore.settings.serving import ServiceSection

App = Callable[[Scope, Receive, Send], Awaitable[None]]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


def piece(body: bytes, *, more: bool = False) -> Message:
    """A piece of an answer."""
    return {"type": "http.response.body", "body": body, "more_body": more}


class Asked:
    """What came of one request to a gate before ``app``."""

    def __init__(self, tmp_path: Path, app: App, **settings: Any) -> None:
        section = ServiceSection.model_validate({"access_log": False, **settings})
        self.gate = Gate(app, section, Credentials(tmp_path / "operations.db"), Telling(log=False))
        self.sent: list[Message] = []

    async def ask(
        self,
        headers: dict[str, str] | list[tuple[bytes, bytes]] | None = None,
        client: str = "127.0.0.1",
        send: Send | None = None,
        body: list[Message] | None = None,
        **more: Any,
    ) -> None:
        """Send a request."""
        if not isinstance(headers, list):
            named = {"host": "localhost", **(headers or {})}
            headers = [(name.encode(), value.encode()) for name, value in named.items()]
        waiting = iter(body or [{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            for message in waiting:
                return message
            await asyncio.sleep(3600)
            raise AssertionError

        async def keep(message: Message) -> None:
            self.sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", **more}
        scope |= {"headers": headers, "client": (client, 5), "state": {}}
        await self.gate(scope, receive, send or keep)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def problem(self) -> Any:
        """The body of the answer."""
        return json.loads(b"".join(each["body"] for each in self.sent[1:]))


async def fine(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers."""
    await send(dict(START))
    await send(piece(b"x"))


async def test_answers_have_headers_that_keep_browsers_from_mistaking_them(tmp_path: Path) -> None:
    asked = Asked(tmp_path, fine)
    await asked.ask({"x-request-id": "abcd-1234_x"})
    assert asked.headers["x-content-type-options"] == "nosniff"
    assert asked.headers["content-security-policy"].startswith("default-src 'none'")
    assert asked.headers["x-request-id"] == "abcd-1234_x"
    assert not any(name.startswith("access-control") for name in asked.headers)


@pytest.mark.parametrize("given", ["a\nb\nc\nd\ne", "x" * 65, "short", "\u001b[31mred!", "ä" * 9])
async def test_ids_of_requests_are_taken_where_they_are_plain(tmp_path: Path, given: str) -> None:
    asked = Asked(tmp_path, fine)
    await asked.ask([(b"host", b"localhost"), (b"x-request-id", given.encode())])
    assert asked.headers["x-request-id"] != given
    assert asked.headers["x-request-id"].isalnum()


async def test_what_nobody_expected_is_answered_by_the_gate(tmp_path: Path) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("secret")

    asked = Asked(tmp_path, failing)
    await asked.ask()
    assert (asked.status, "nosniff" in asked.headers.values()) == (500, True)
    assert "secret" not in str(asked.sent)


async def test_an_answer_that_has_begun_is_left_unfinished(tmp_path: Path) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await send(dict(START))
        await send(piece(b"half", more=True))
        raise ValueError

    asked = Asked(tmp_path, failing)
    await asked.ask()
    assert [each["type"] for each in asked.sent] == [START["type"], "http.response.body"]
    assert asked.sent[-1]["more_body"]


async def test_a_cancelled_request_is_cancelled(tmp_path: Path) -> None:
    begun, ended = asyncio.Event(), []

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    asked = Asked(tmp_path, waiting)
    task = asyncio.create_task(asked.ask())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ended, asked.sent) == ([True], [])


async def test_a_timeout_behind_the_gate_is_a_fault(tmp_path: Path) -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError

    asked = Asked(tmp_path, late)
    await asked.ask()
    assert asked.status == 500


async def test_a_client_that_is_gone_is_no_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from starlette.requests import Request

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    asked = Asked(tmp_path, reading)
    await asked.ask(body=[{"type": "http.disconnect"}])
    assert asked.sent == []
    assert "failed" not in caplog.text


async def test_a_body_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    from starlette.exceptions import HTTPException
    from starlette.requests import Request

    found = []

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await Request(scope, receive).body()
        except HTTPException as error:
            found.append(error.status_code)

    slow: list[Message] = [{"type": "http.request", "body": b"x", "more_body": True}]
    await Asked(tmp_path, reading, read_seconds=0.1).ask(body=slow)
    # Without a length, as chunks come.
    large: list[Message] = [
        {"type": "http.request", "body": bytes(600_000), "more_body": True} for _ in range(3)
    ]
    await Asked(tmp_path, reading, body_mib=1).ask(body=large)
    assert found == [408, 413]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"localhost"), (b"host", b"evil.example")], 400),
        ([(b"host", b"localhost"), (b"authorization", b"a"), (b"authorization", b"b")], 400),
        ([(b"host", b"localhost"), (b"content-length", b"1"), (b"content-length", b"2")], 400),
        ([(b"host", b"localhost"), (b"content-length", b"-1")], 400),
        ([(b"host", b"localhost"), (b"content-length", b"17000000")], 413),
        ([(b"host", b"localhost"), (b"content-length", b"9" * 5000)], 413),
        ([(b"host", b"localhost")] + [(b"x-%d" % n, b"") for n in range(101)], 431),
        ([(b"host", b"localhost"), (b"cookie", b"x" * 40_000)], 431),
        ([(b"host", b"evil.example")], 421),
        ([(b"host", b"localhost@evil.example")], 421),
        ([(b"host", b"localhost/../evil")], 421),
        ([(b"host", b"localhost?evil.example")], 421),
        ([(b"host", b"localhost#evil.example")], 421),
        ([(b"host", b"localhost:evil.example")], 421),
        ([(b"host", b"127.0.0.1.evil.example:8710")], 421),
        ([(b"host", b"[::1")], 421),
        ([], 421),
        ([(b"host", b"localhost"), (b"origin", b"http://evil.example")], 403),
        ([(b"host", b"localhost"), (b"origin", b"null")], 403),
        ([(b"host", b"localhost:1"), (b"origin", b"http://localhost:2")], 403),
        ([(b"host", b"localhost"), (b"sec-fetch-site", b"cross-site")], 403),
        ([(b"host", b"localhost"), (b"sec-fetch-site", b"same-site")], 403),
    ],
)
async def test_what_is_not_as_it_should_be_is_not_passed_on(
    tmp_path: Path, headers: list[tuple[bytes, bytes]], status: int
) -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError

    asked = Asked(tmp_path, never)
    await asked.ask(headers)
    assert asked.status == status
    assert asked.problem["status"] == status
    assert asked.headers["content-type"] == "application/problem+json"


async def test_a_query_without_end_is_refused(tmp_path: Path) -> None:
    asked = Asked(tmp_path, fine)
    await asked.ask(query_string=b"x" * 20_000)
    assert asked.status == 414


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8710"},
        {"host": "[::1]:8710", "origin": "http://[::1]:8710"},
        {"host": "LOCALHOST."},
        {"host": "jobs.example", "origin": "https://jobs.example"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
async def test_what_is_as_it_should_be_is_answered(tmp_path: Path, headers: dict[str, str]) -> None:
    asked = Asked(tmp_path, fine, hosts=["jobs.example"])
    await asked.ask(headers)
    assert asked.status == 200


@pytest.mark.parametrize(
    ("settings", "client", "headers", "scope"),
    [
        ({}, "127.0.0.1", {}, 1),
        ({}, "::1", {}, 1),
        ({}, "::ffff:127.0.0.1", {}, 1),
        ({}, "10.0.0.1", {}, 0),
        ({}, "", {}, 0),
        ({}, "127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, 0),
        ({}, "127.0.0.1", {"forwarded": "for=127.0.0.1"}, 0),
        ({"trusted_proxies": ["127.0.0.1"]}, "127.0.0.1", {}, 0),
        ({"root_path": "/jobs"}, "127.0.0.1", {}, 0),
        ({"anonymous": "nobody"}, "127.0.0.1", {}, 0),
        ({"anonymous": "read"}, "10.0.0.1", {}, 1),
        ({"anonymous": "write"}, "10.0.0.1", {}, 2),
    ],
)
async def test_only_who_is_really_on_this_machine_reads_without_a_token(
    tmp_path: Path, settings: dict[str, Any], client: str, headers: dict[str, str], scope: int
) -> None:
    found = []

    async def looking(asked: Scope, receive: Receive, send: Send) -> None:
        found.append(caller_of(asked).scope)
        assert acting() is None

    await Asked(tmp_path, looking, **settings).ask(headers, client)
    assert found == [scope]


async def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    asked = Asked(tmp_path, fine, requests_per_minute=2)
    for left in (1, 0):
        await asked.ask(client="10.0.0.1")
        assert asked.headers["ratelimit-policy"] == '"minute";q=2;w=60'
        assert asked.headers["ratelimit"].startswith(f'"minute";r={left};t=')
        asked.sent.clear()
    await asked.ask(client="10.0.0.1")
    assert (asked.status, 0 < int(asked.headers["retry-after"]) <= 30) == (429, True)
    assert "ratelimit" in asked.headers
    for client in ("10.0.0.2", "127.0.0.1"):
        asked.sent.clear()
        await asked.ask(client=client)
        assert asked.status == 200


async def test_guessing_is_slowed_down_whatever_is_guessed(tmp_path: Path) -> None:
    asked = Asked(tmp_path, fine)
    statuses = []
    for number in range(12):
        asked.sent.clear()
        # One machine has a whole network of addresses.
        wrong = {"authorization": ("Bearer x", "Basic eDp5", "x")[number % 3]}
        await asked.ask(wrong, f"2001:db8::{number}")
        statuses.append(asked.status)
    assert statuses == [401] * 10 + [429] * 2
    assert int(asked.headers["retry-after"]) <= 6
    asked.sent.clear()
    await asked.ask({"authorization": "Bearer x"}, "2001:db8:0:1::")
    assert asked.status == 401


async def test_many_who_ask_at_once_as_it_begins_have_no_wrong_tokens(tmp_path: Path) -> None:
    token = tokens.create(tmp_path / "operations.db", "ada", "read", None)
    asked = Asked(tmp_path, fine)
    good = {"authorization": f"Bearer {token}"}
    await asyncio.gather(*(asked.ask(good, "192.0.2.1") for _ in range(50)))
    begun = [each["status"] for each in asked.sent if each["type"] == "http.response.start"]
    assert begun == [200] * 50
    # Of wrong ones that come at once no more are looked at than one after another.
    asked.sent.clear()
    wrong = {"authorization": "Bearer x"}
    await asyncio.gather(*(asked.ask(wrong, "192.0.2.1") for _ in range(50)))
    begun = [each["status"] for each in asked.sent if each["type"] == "http.response.start"]
    assert (begun.count(401), begun.count(429)) == (10, 40)


async def test_there_are_no_websockets(tmp_path: Path) -> None:
    sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    gate = Asked(tmp_path, fine).gate
    await gate({"type": "websocket", "headers": []}, send, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_addresses_of_one_machine_count_as_one() -> None:
    assert neighbourhood("2001:db8::1") == neighbourhood("2001:db8::ffff")
    assert neighbourhood("::ffff:10.0.0.1") == "10.0.0.1"
    assert neighbourhood("a name") == "a name"
    assert not is_near("128.0.0.1")


def test_names_are_whole_names() -> None:
    names = Names(["Jobs.Example."])
    assert names.knows("jobs.example:443")
    assert not names.knows("www.jobs.example")
    assert not names.same("https://jobs.example.evil", "jobs.example")


def test_buckets_of_many_do_not_grow_for_ever() -> None:
    now = 0.0
    buckets = Buckets(2, 60.0, lambda: now)
    started = time.process_time()
    for number in range(25_000):
        buckets.take(number)
        now += 0.001
    assert len(buckets._emptied) == 25_000
    now += 120
    for number in range(50_000):
        buckets.take(-number)
    assert len(buckets._emptied) < 60_000
    # Looking through all at each drop took minutes.
    assert time.process_time() - started < 10
