"""Connections of a running service: who keeps them, drops them, or reads nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import psutil
import pytest

import jobstore
from jobstore.service import connections
from tests.fixtures.postings import posting
from tests.service.running import (
    head,
    read_until,
    running,
    said,
    server,
    settings_in,
    status_of,
    still_answers,
)


def held_by(port: int) -> list[object]:
    """The connections that the service has."""
    return [
        each
        for each in psutil.Process().net_connections("tcp4")
        if each.laddr and each.laddr.port == port and each.status != psutil.CONN_LISTEN
    ]


def wait_until_free(port: int) -> None:
    """Wait until the service has no connection."""
    until = time.monotonic() + 30
    while any(held_by(port)):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_pipelined_request_is_not_cut_off_for_the_sake_of_others(tmp_path: Path) -> None:
    body = b'{"title": "Clerk", "company": "Acme"}'
    kind = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close")
    second = head(*kind, path="/v1/postings/board/1", method="PUT")
    settings = settings_in(tmp_path, anonymous="write")
    with running(settings, most=1) as port, socket.create_connection(("127.0.0.1", port)) as busy:
        busy.sendall(head(path="/healthz") + second)
        assert b"ok" in read_until(busy, b"ok")
        # There is room for nobody else while the second is answered.
        assert status_of(said(port, head())) == 503
        busy.sendall(body)
        assert status_of(read_until(busy, b"inserted")) == 201


def test_who_keeps_a_connection_is_told_of_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_ONCE_MORE", 60)
    with (
        server(settings_in(tmp_path)) as (served, port),
        socket.create_connection(("127.0.0.1", port)) as silent,
        socket.create_connection(("127.0.0.1", port)) as kept,
    ):
        kept.sendall(head(path="/healthz"))
        assert b"connection: close" not in read_until(kept, b"ok\n").lower()
        served.should_exit = True
        # Who has asked for nothing is sent away, and so the end has begun.
        assert silent.recv(100) == b""
        kept.sendall(head(path="/healthz"))
        assert b"connection: close" in read_until(kept, b"ok\n").lower()
        assert kept.recv(100) == b""


def test_a_dropped_connection_leaves_nothing_behind(served: tuple[int, str]) -> None:
    port, _ = served
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head(path="/v1/postings:export"))
    still_answers(port)
    wait_until_free(port)
    # Nor does it count as an export that goes on.
    exported = said(port, head("Connection: close", path="/v1/postings:export"))
    assert status_of(exported) == 200


@pytest.mark.parametrize(
    "asked",
    [
        # Asked again before the first is read: it is the beginning of an answer that has to wait.
        head(path="/openapi.json") * 200,
        head(path="/v1/postings:export"),
    ],
    ids=["pipelined", "streamed"],
)
def test_who_reads_no_answer_is_cut_off(tmp_path: Path, asked: bytes) -> None:
    settings = settings_in(tmp_path, write_seconds=0.2)

    async def fill() -> None:
        async with jobstore.connect(settings.store.url) as store:
            many = [posting(each, description="long text " * 10_000) for each in range(100)]
            await store.upsert_many(many)

    asyncio.run(fill())
    with running(settings) as port, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", port))
        deaf.sendall(asked)
        assert deaf.recv(1) == b"H"
        wait_until_free(port)
        still_answers(port)
