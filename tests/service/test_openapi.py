"""The API is what its description says: called by it, and by clients that know nothing of us."""

from __future__ import annotations

import json
import os
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as drawing
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from jobstore import JobStore
from jobstore.errors import JobStoreError, SchemaMismatch, StoreCorrupt, StoreUnavailable
from jobstore.service.guarding.callers import Scope
from jobstore.service.rest.routing import Route, router
from jobstore.settings.sections import Settings
from tests.fixtures.data import REPOSITORY, real_postings
from tests.service.conftest import Asking

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/jsonl")
def _lines(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Postings as lines: real ones where they are, else those of the examples."""
    named = os.environ.get("JOBSTORE_TEST_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        return (REPOSITORY / "examples/postings.jsonl").read_text("utf-8").splitlines()[:150]
    found = []
    for posting in islice(real_postings(folder), 150):
        stated = {name: getattr(posting, name) for name in posting.__slots__}
        stated["locations"] = []
        found.append(json.dumps({k: v for k, v in stated.items() if v}, default=str))
    return found


def _ids(client: TestClient) -> list[str]:
    return [each["id"] for each in client.get("/v1/postings?limit=5").json()["items"]]


def test_every_answer_is_one_that_the_description_has(
    client: TestClient, settings: Settings, lines: list[str]
) -> None:
    report = client.post("/v1/postings:batch", content="\n".join(lines)).json()
    assert report["inserted"] > 100
    client.put("/v1/searches/mine", json={"query": {"text": "engineer"}})
    one, other, *_ = _ids(client)
    client.patch(f"/v1/postings/{one}", json={"title": "Another"})
    client.post(f"/v1/postings/{one}/duplicates", json={"other": other, "verdict": "same"})
    client.post(f"/v1/postings/{one}/applications", json={"state": "applied", "note": "Soon."})
    described = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(described)
    seen: dict[str, set[int]] = {}
    turn = count()

    def answers_as_described(case: Any) -> None:
        # Half of the time it is about what is there.
        if next(turn) % 2 and case.path_parameters:
            there = {"id": one, "name": "mine", "field": "country"}
            case.path_parameters |= {
                name: there[name] for name in case.path_parameters if name in there
            }
        asked = case.as_transport_kwargs(base_url="http://localhost")
        asked.pop("cookies", None)
        if isinstance(asked.get("data"), bytes | str):
            asked["content"] = asked.pop("data")
        answer = client.request(**asked)
        seen.setdefault(case.operation.label, set()).add(int(answer.status_code))
        case.validate_response(answer, checks=_CHECKS)

    drawn = drawing(max_examples=16, database=None, suppress_health_check=[*HealthCheck])
    for found in schema.get_all_operations():
        drawn(given(case=found.ok().as_strategy())(answers_as_described))()
    assert len(seen) == sum(map(len, described["paths"].values()))
    fine = {label for label, statuses in seen.items() if min(statuses) < 300}
    reading = {label for label in seen if label.startswith("GET")}
    # The key that it would have to guess.
    assert reading - fine == {"GET /v1/postings/{source}/{source_job_id}"}


def test_the_description_says_how_values_are_written(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert schemas["Job"]["properties"]["salary_min"]["anyOf"][0] == {"type": "number"}
    assert schemas["Application"]["properties"]["stages"]["type"] == "array"
    assert "HTTPValidationError" not in json.dumps(described)
    delete = described["paths"]["/v1/postings/{id}"]["delete"]
    assert (delete["x-scope"], delete["security"]) == ("admin", [{"token": []}])
    search = described["paths"]["/v1/postings"]["get"]
    assert {"limit", "cursor", "text"} < {each["name"] for each in search["parameters"]}
    assert search["responses"]["429"] == {"$ref": "#/components/responses/429"}
    # Each reference leads somewhere.
    for reference in set(_references(described)):
        at = described
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [each for part in value.values() for each in _references(part)]
    if isinstance(value, list):
        return [each for part in value for each in _references(part)]
    return []


def test_every_route_says_who_may(asking: Asking) -> None:
    scopes = {Scope.READ: "read", Scope.WRITE: "write", Scope.ADMIN: "admin"}
    strangers, allowed = asking(None, "10.1.2.3"), {}
    routes = [each for each in strangers.app.routes if each.path.startswith("/v1/")]
    for each in routes:
        assert isinstance(each, Route), each.path
        (method,) = each.methods
        path = each.path_format.replace("{id}", "0" * 32).replace("{field}", "country")
        # A body that would be refused shows that nobody looks at it.
        answer = strangers.request(method, path, content=b"{")
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        allowed[method, path] = each.permit.least
    assert len(allowed) > 20
    for scope, name in scopes.items():
        client = asking(name)
        for (method, path), least in allowed.items():
            answer = client.request(method, path, content=b"{")
            assert (answer.status_code == 403) == (least > scope), (scope, method, path)
    assert min(least for (method, _), least in allowed.items() if method != "GET") == Scope.WRITE


def test_a_route_that_does_not_say_who_may_is_no_route() -> None:
    group = router()
    with pytest.raises(TypeError, match="does not say who may"):
        group.post("/forgotten")(lambda: None)


def test_every_route_refuses_what_it_does_not_know(client: TestClient) -> None:
    told = {
        "/v1/statistics?x=1": {"x": "is not known"},
        "/v1/runs?limt=3": {"limt": "is not known; did you mean limit?"},
        "/v1/postings/a/b?verson=1": {"verson": "is not known"},
        "/v1/searches?a=1&b=2": {"a": "is not known", "b": "is not known"},
        "/v1/applications?stat=x": {"stat": "is not known; did you mean state?"},
        "/v1/postings?limit=0&sorts=x": {
            "limit": None,
            "sorts": "is not known; did you mean sort?",
        },
        "/v1/postings?limit=1&limit=2": {"limit": "is given twice"},
        "/v1/applications?job_id=7": {"job_id": None},
        "/v1/runs?source=%20": {"source": "is required"},
    }
    for path, faults in told.items():
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"][-15:]) == (400, "invalid-request")
        found = {each["field"]: each["reason"] for each in answer.json()["errors"]}
        assert found.keys() == faults.keys()
        assert all(reason in (None, found[name]) for name, reason in faults.items())


def test_a_body_is_refused_field_by_field(client: TestClient) -> None:
    place = "/v1/postings/" + "0" * 32
    said = {"state": "lost", "at": "x", "contacts": [{"nme": "Ada"}], "more": 1}
    answer = client.post(f"{place}/applications", json=said)
    assert answer.status_code == 422
    fields = {each["field"] for each in answer.json()["errors"]}
    assert fields == {"state", "at", "contacts.0.name", "contacts.0.nme", "more"}
    for body in (b"{", b"[" * 4_000, b'"\xff"', b""):
        broken = client.post(f"{place}/gone", content=body)
        assert broken.status_code in (400, 422), body
        assert broken.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_and_what_cannot_be_done_are_problems(client: TestClient) -> None:
    for path in ("/v1/nothing", "/nothing", "/v1/postings/", "/v1/../etc/passwd"):
        missing = client.get(path)
        assert (missing.status_code, missing.json()["title"]) == (404, "Not Found")
    place = "/v1/postings/" + "0" * 32
    wrong = client.request("POST", place)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, PATCH, DELETE")
    assert client.request("OPTIONS", "/v1/postings").headers["allow"] == "GET, HEAD"
    assert client.delete("/v1/postings/a/b").headers["allow"] == "GET, HEAD, PUT"


def test_head_is_get_without_its_body(client: TestClient) -> None:
    client.put("/v1/postings/board/1", json={"title": "Clerk", "company": "Acme"})
    for path in ("/v1/postings?text=clerk", "/v1/postings/board/1", "/v1/nothing"):
        head, get = client.head(path), client.get(path)
        assert head.status_code == get.status_code
        for name in ("etag", "content-type", "content-length"):
            assert head.headers.get(name) == get.headers.get(name)
    known = client.head("/v1/postings/board/1", headers={"If-None-Match": '"1"'})
    assert known.status_code == 304
    assert client.head("/v1/postings:batch").status_code == 405


def test_links_lead_on_behind_a_proxy(settings: Settings, asking: Asking) -> None:
    client = asking("write")
    for number in range(3):
        posting = {"title": "Clerk", "company": "A & B"}
        client.put(f"/v1/postings/board/{number}", json=posting)
    behind = TestClient(client.app, "http://localhost", root_path="/jobs")
    behind.portal, behind.headers = client.portal, client.headers
    first = behind.get("/v1/postings?limit=2&company=A%20%26%20B&text=clerk")
    target = first.links["next"]["url"]
    assert target.startswith("/jobs/v1/postings?limit=2&company=A+%26+B&text=clerk&cursor=")
    rest = client.get(target.removeprefix("/jobs"))
    assert len(rest.json()["items"]) == 1
    assert "link" not in rest.headers
    stored = behind.put("/v1/postings/board/1", json={"title": "Clerk", "company": "A & B"})
    assert stored.headers["location"].startswith("/jobs/v1/postings/")


def test_only_what_may_get_well_by_itself_is_to_be_asked_for_again(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for error in (StoreCorrupt, SchemaMismatch, StoreUnavailable):

        async def failing(*_: object, error: type[JobStoreError] = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(JobStore, "search", failing)
        answer = client.get("/v1/postings")
        kind = answer.json()["type"].rpartition(":")[2]
        told.append((answer.status_code, answer.headers.get("retry-after"), kind))
    assert told == [
        (500, None, "store-corrupt"),
        (503, "30", "schema-mismatch"),
        (503, "30", "store-unavailable"),
    ]
