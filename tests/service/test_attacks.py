"""Attacks on a service that listens on a real socket: nothing gets through."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from starlette.testclient import TestClient

from jobstore.operations import tokens
from jobstore.service.guarding.credentials import Credentials
from jobstore.settings.sections import Settings
from tests.fixtures.cluster import eventually
from tests.service.running import (
    head,
    running,
    said,
    send_on,
    settings_in,
    status_of,
    still_answers,
)

# What stands in every field of a posting of an attacker.
HOSTILE = "<script>alert(1)</script>\"'&\u202e\x9b31m\r\nSet-Cookie: a=b"


def test_a_client_without_our_code_gets_what_it_asks_for(served: tuple[int, str]) -> None:
    port, token = served
    client = http.client.HTTPConnection("localhost", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"title": "Clerk", "company": "Acme"})
    client.request("PUT", "/v1/postings/board/a%2Fb", body, headers)
    stored = client.getresponse()
    assert stored.status == 201
    stored.read()
    client.request("GET", stored.headers["Location"])
    got = client.getresponse()
    assert json.loads(got.read())["source_job_id"] == "a/b"
    client.request("HEAD", stored.headers["Location"])
    bare = client.getresponse()
    assert (bare.headers["ETag"], bare.read()) == ('"1"', b"")
    # On the same connection, which the answer without a body left in order.
    client.request("GET", "/v1/postings?limit=1", headers={"X-Request-ID": "mine-0001"})
    page = client.getresponse()
    assert (page.headers["X-Request-ID"], len(json.loads(page.read())["items"])) == ("mine-0001", 1)
    client.close()


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/v1/postings/..%2f..%2fetc%2fpasswd",
        "/v1/postings/%2e%2e/%2e%2e%2fetc%2fpasswd",
        "/v1/searches/%2e%2e%2f/matches",
        "/%00",
        "/v1/postings/a/%ff%fe",
        "/v1/postings/a/%0d%0aSet-Cookie:%20a=b",
    ],
)
def test_paths_lead_nowhere_else(served: tuple[int, str], path: str) -> None:
    port, token = served
    answer = said(port, head(f"Authorization: Bearer {token}", "Connection: close", path=path))
    assert status_of(answer) in (400, 404)
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"set-cookie" not in top.lower()
    assert b"root:" not in body


@pytest.mark.parametrize(
    "sent",
    [
        # A length and chunks (RFC 9112, section 6.3).
        head("Content-Length: 5", "Transfer-Encoding: chunked", method="POST") + b"0\r\n\r\n",
        head("Content-Length: 5", "Content-Length: 6", method="POST") + b"hello",
        head("Transfer-Encoding: chunked, identity", method="POST") + b"0\r\n\r\n",
        head("Transfer-Encoding : chunked", method="POST") + b"0\r\n\r\n",
        head("Content-Length: +5", method="POST") + b"hello",
        b"GET /v1/statistics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET /v1/statistics HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        b"GET /v1/statistics HTTP/1.1\r\nHost: localhost\r\nA\x00B: x\r\n\r\n",
        b"GET /v1/statistics HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_two_servers_could_read_in_two_ways_is_refused(
    served: tuple[int, str], sent: bytes
) -> None:
    # What comes behind it would be somebody else's request.
    answer = said(served[0], sent + head(path="/v1/smuggled"))
    assert answer == b"" or status_of(answer) >= 400
    assert answer.count(b"HTTP/1.1 ") <= 1 or b" 200 " not in answer
    still_answers(served[0])


def test_trailers_are_no_headers(served: tuple[int, str]) -> None:
    port, token = served
    lines = ("Transfer-Encoding: chunked", "Content-Type: application/json", "Connection: close")
    sent = head(*lines, method="PUT", path="/v1/postings/board/9") + b"2\r\n{}\r\n0\r\n"
    answer = said(port, sent + f"Authorization: Bearer {token}\r\n\r\n".encode())
    assert status_of(answer) == 401


def test_heads_without_end_are_not_taken(served: tuple[int, str]) -> None:
    port, _ = served
    for sent, more in (
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n" * 100),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"y" * 10_000),
        (b"GET /", b"y" * 10_000),
    ):
        answer = said(port, sent, more=more)
        assert answer == b"" or status_of(answer) == 400
    still_answers(port)


def test_bodies_without_end_are_not_taken(served: tuple[int, str]) -> None:
    port, token = served
    whose = (f"Authorization: Bearer {token}", "Content-Type: application/json")
    place = {"method": "PUT", "path": "/v1/postings/board/1"}
    told = head(*whose, "Content-Length: 99999999", **place)
    assert status_of(said(port, told)) == 413
    chunked = head(*whose, "Transfer-Encoding: chunked", **place)
    answer = said(port, chunked, more=b"10000\r\n" + b"x" * 65_536 + b"\r\n")
    assert answer == b"" or status_of(answer) == 413
    still_answers(port)


def test_who_may_only_read_has_little_to_say(served: tuple[int, str]) -> None:
    port, _ = served
    call = ("Content-Type: application/json", "Accept: application/json", "Connection: close")
    sent = {"method": "POST", "path": "/mcp"}
    assert status_of(said(port, head(*call, "Content-Length: 70000", **sent))) == 413
    chunked = head(*call, "Transfer-Encoding: chunked", **sent)
    assert status_of(said(port, chunked + b"11170\r\n" + b" " * 70_000 + b"\r\n0\r\n\r\n")) == 413
    many = head("Connection: close", path=f"/v1/postings?{'&'.join(['a=1'] * 257)}")
    assert status_of(said(port, many)) == 414


def test_a_body_that_was_refused_is_not_read_for_ever(served: tuple[int, str]) -> None:
    port, _ = served
    place = {"method": "PUT", "path": "/v1/postings/board/1"}
    chunked = head("Content-Type: application/json", "Transfer-Encoding: chunked", **place)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as endless:
        endless.sendall(chunked)
        # Answered before its body has come, since nobody may do this without a token.
        assert status_of(endless.recv(65536)) == 401
        with pytest.raises(OSError):
            send_on(endless, b"2\r\n{}\r\n")
    # One that ends in time leaves its connection to the next request.
    answer = said(port, chunked + b"2\r\n{}\r\n0\r\n\r\n" + head("Connection: close"))
    assert [each[:3] for each in answer.split(b"HTTP/1.1 ")[1:]] == [b"401", b"200"]


def test_the_slow_do_not_stop_the_others(served: tuple[int, str]) -> None:
    port, token = served
    place = {"method": "PUT", "path": "/v1/postings/board/1"}
    whose = (f"Authorization: Bearer {token}", "Content-Type: application/json")
    slow = [
        b"",
        b"GET / HT",
        head("X: y")[:-2],
        head(*whose, "Content-Length: 100", **place) + b"{",
        head(*whose, "Transfer-Encoding: chunked", **place) + b"5\r\n{",
    ]
    silent = []
    for sent in slow * 10:
        silent.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        silent[-1].sendall(sent)
    still_answers(port)
    for connection, sent in zip(silent, slow * 10, strict=True):
        with connection:
            answer = connection.recv(65536)
            assert answer[9:12] == (b"408" if b"PUT" in sent else b""), answer


def test_deep_and_strange_bodies_are_refused(served: tuple[int, str]) -> None:
    port, token = served
    client = http.client.HTTPConnection("localhost", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    bodies = [
        b"[" * 200_000,
        b'{"attributes": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
        b'{"title": "x", "company": "y", "salary_min": ' + b"9" * 100_000 + b"}",
        b'{"title": "x", "company": "y", "salary_min": 1e999999999}',
        b'{"title": "x", "company": "y", "salary_min": 1e9999999999999999999}',
        b'{"title": "\\ud800", "company": "y", "title": 7}',
        b"\xff\xfe\x00",
    ]
    for body in bodies:
        for path in ("/v1/postings/board/7", "/v1/searches/x"):
            client.request("PUT", path, body, headers)
            answer = client.getresponse()
            assert answer.status in (200, 201, 400, 413, 422)
            assert json.loads(answer.read())
    client.request("POST", "/v1/postings:batch", b"\n".join(bodies), headers)
    report = client.getresponse()
    assert report.status in (200, 422)
    report.read()
    client.close()


def test_what_costs_more_to_look_at_than_it_can_mean_is_not_looked_at(
    client: TestClient,
) -> None:
    place = "/v1/postings/board/7"
    stored = client.put(place, json={"title": "x", "company": "y"}).headers["location"]
    application = f"{stored}/applications"
    many = b",".join([b'{"a":1}'] * 200_000)
    for method, path, body in (
        ("PUT", place, b'{"attributes": {"a": [%s]}}' % many),
        ("PUT", place, b'{"a": ["\\\\",%s]}' % many),
        ("PUT", place, b'{"description": "%s"}' % (b"x" * (5 << 20))),
        ("PUT", place, b'{"a": [%s]}' % b",".join([b'[[["a"]]]'] * 30_000)),
        ("PUT", "/v1/searches/x", b'{"query": {"company": [%s]}}' % many),
        ("POST", application, b'{"contacts": [%s]}' % many),
    ):
        answer = client.request(
            method, path, content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413, body[:20]
        assert "no batch" in answer.json()["detail"]
    # Long texts are no values, whatever is in them.
    posting = {"title": "x", "company": "y", "description": 'a,"\\' * 49_000}
    assert client.put(place, json=posting).json()["warnings"] == []
    asked = client.get("/v1/postings", params={f"text{number}": "x" for number in range(100)})
    reasons = [each["reason"] for each in asked.json()["errors"]]
    assert reasons == ["is not known; did you mean text?"] * 20 + ["is not known"] * 80
    names = {f"title{number}": 1 for number in range(101)}
    assert "more than 100 names" in client.patch(stored, json=names).json()["detail"]
    few = {"state": "saved", "contacts": [{"name": "Ada"}] * 101}
    refused = client.post(application, json=few)
    assert [each["field"] for each in refused.json()["errors"]] == ["contacts"]


def test_there_are_no_websockets(served: tuple[int, str]) -> None:
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Key: eDEyMzQ1Njc4OTAxMjM0NQ==")
    answer = said(
        served[0], head("Connection: upgrade, close", *upgrade, "Sec-WebSocket-Version: 13")
    )
    assert status_of(answer) == 200
    assert b"upgrade" not in answer.partition(b"\r\n\r\n")[0].lower()


def test_pages_of_others_get_nothing(served: tuple[int, str]) -> None:
    port, _ = served
    foreign = "Origin: https://evil.example"
    for method in ("GET", "POST", "OPTIONS"):
        lines = (foreign, "Access-Control-Request-Method: PUT", "Connection: close")
        answer = said(port, head(*lines, method=method))
        assert status_of(answer) == 403
        assert b"access-control" not in answer.lower()
    rebound = b"GET /v1/statistics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert status_of(said(port, rebound)) == 421


@pytest.fixture
def reached() -> Iterator[list[object]]:
    """All that opens a connection or looks up a name during the test, whoever does it."""
    found: list[object] = []
    listens = True

    def hook(event: str, given: object) -> None:
        if listens and event in ("socket.connect", "socket.getaddrinfo"):
            found.append(given)

    # None can be taken away again; this one hears nothing once the test has ended.
    sys.addaudithook(hook)
    yield found
    listens = False


def test_nothing_that_is_stored_is_fetched(client: TestClient, reached: list[object]) -> None:
    inside = "http://169.254.169.254/latest/meta-data"
    posting = {"title": "Clerk", "company": "Acme", "url": inside, "apply_url": inside}
    posting["company_url"] = inside
    place = f"/v1/postings/{client.put('/v1/postings/board/1', json=posting).json()['id']}"
    assert client.get(place).json()["url"] == inside
    client.post(f"{place}/gone", json={"http_status": 503})
    client.post(f"{place}/applications", json={"state": "applied"})
    assert client.get("/v1/postings:export").text.count(inside) == 3
    assert reached == []
    # What would have been reached is heard of.
    socket.getaddrinfo("127.0.0.1", 80)
    assert len(reached) == 1


def test_what_is_hostile_is_data_in_json_and_in_problems(client: TestClient) -> None:
    posting = {"title": HOSTILE, "company": HOSTILE, "description": HOSTILE, "skills": [HOSTILE]}
    posting["attributes"] = {HOSTILE: HOSTILE}
    stored = client.put("/v1/postings/board/1", json=posting)
    place = stored.headers["location"]
    answers = [
        stored,
        client.get(place),
        client.get("/v1/postings", params={"text": "script"}),
        client.get("/v1/postings", params={"text": HOSTILE, HOSTILE: HOSTILE}),
        client.get(f"{place}/history"),
        client.get("/v1/postings:export"),
        client.patch(place, json={HOSTILE: HOSTILE}),
        client.put("/v1/searches/x", json={"query": {"text": HOSTILE}}),
        client.get("/v1/values/company"),
    ]
    for answer in answers:
        assert answer.headers["content-type"].partition(";")[0] in (
            "application/json",
            "application/jsonl",
            "application/problem+json",
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
        # What a terminal obeys, or turns text round, is escaped.
        assert not {"\u202e", "\x9b", "\r"} & {*answer.text}


def test_nobody_writes_lines_into_the_log(
    client: TestClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    client.get("/v1/postings?text=forged%0Aline", headers={"X-Request-ID": "forged\nline"})
    client.get("/v1/postings/forged/%0Aline")
    client.request("FOR\u00a0GED".encode("ascii", "ignore").decode(), "/v1/postings")

    def ours() -> str:
        # Without what the client says of itself.
        said = [each for each in caplog.records if not each.name.startswith("httpx")]
        return "".join(f"{each.getMessage()} {getattr(each, 'entries', '')}" for each in said)

    # Lines are written some moments later, many at a time.
    eventually(lambda: ours().count("answered") == 3, "the requests are in the log")
    assert "forged" not in ours() + "".join(capfd.readouterr())


class Unequal(str):
    """Text that is never compared, since how long that takes tells where it differs."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    __hash__ = str.__hash__


async def test_how_long_an_answer_takes_tells_nothing_of_tokens(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    token = tokens.create(path, "ada", "read", None)
    credentials = Credentials(path)
    # They are looked up by a hash, of which who guesses knows nothing in advance.
    found = await credentials.made_since(Unequal(token))
    assert found is not None
    assert found.name == "ada"
    assert await credentials.made_since(Unequal(token[:-1])) is None
    await credentials.close()


def test_a_certificate_is_all_that_https_needs(tmp_path: Path) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(each.bytes() for each in made.cert_chain_pems))
    made.private_key_pem.write_to_path(key)
    settings = settings_in(tmp_path, certificate=certificate, key=key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with running(settings) as port:
        client = http.client.HTTPSConnection("localhost", port, context=trusting)
        client.request("GET", "/v1/statistics", headers={"Origin": f"https://localhost:{port}"})
        answer = client.getresponse()
        assert (answer.status, json.loads(answer.read())["total"]) == (200, 0)
        client.close()
    with pytest.raises(ValueError, match="go together"):
        Settings.model_validate({"service": {"certificate": certificate}})


def test_only_a_proxy_that_is_named_says_where_requests_come_from(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path, trusted_proxies=["127.0.0.1"], root_path="/jobs", anonymous="read",
        requests_per_minute=1,
    )  # fmt: skip
    with running(settings) as port:
        # The proxy took the root path off, and adds the address that it was asked from.
        for address, status in (("10.0.0.1", 200), ("10.0.0.2", 200), ("10.0.0.1", 429)):
            lines = (f"X-Forwarded-For: 192.0.2.9, {address}", "Connection: close")
            answer = said(port, head(*lines, path="/v1/postings"))
            assert status_of(answer) == status, address


def test_a_forged_address_is_none(served: tuple[int, str]) -> None:
    lines = ("X-Forwarded-For: 127.0.0.1", "Connection: close")
    assert status_of(said(served[0], head(*lines))) == 401
