"""What machines ask of the service, and what it tells of itself: probes, figures, log, traces."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

import jobstore
from jobstore import JobStore
from jobstore.errors import StoreUnavailable
from jobstore.operations import tokens
from jobstore.operations.figures import requests_db
from jobstore.operations.logs import Logs
from jobstore.operations.monitoring import Recorder
from jobstore.operations.monitoring.opentelemetry import TracingObserver
from jobstore.operations.observing import observed
from jobstore.service import probes
from jobstore.service.answers import operating
from jobstore.service.answers.fresh import Fresh
from jobstore.service.application import application
from jobstore.service.tracing import Traced
from jobstore.settings.sections import Settings

from .conftest import Asking


def test_everybody_may_ask_whether_it_lives_and_is_ready(asking: Asking) -> None:
    stranger = asking(None, "10.1.2.3")
    assert stranger.get("/healthz").text == "ok\n"
    assert stranger.get("/readyz").text == "ready\n"
    assert stranger.get("/metrics").status_code == 401
    assert asking("read", "10.1.2.3").get("/metrics").status_code == 200


def test_a_store_with_another_schema_is_not_ready(asking: Asking, settings: Settings) -> None:
    with closing(sqlite3.connect(settings.store.address.path)) as database, database:
        database.execute("UPDATE _yoyo_migration SET migration_id = '9999.of-another'")
    answer = asking(None).get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["type"].endswith(":not-ready")
    assert answer.json()["detail"]
    assert asking(None).get("/healthz").status_code == 200


def test_the_store_is_asked_once_a_second_however_many_want_to_know(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[JobStore] = []
    now = [1000.0]

    async def ask(store: JobStore) -> None:
        looks.append(store)

    monkeypatch.setattr(operating, "_ask", ask)
    monkeypatch.setattr(probes, "Fresh", partial(Fresh, clock=lambda: now[0]))
    app = application(settings, partial(jobstore.connect, settings.store.url))
    with TestClient(app, "http://localhost") as client:
        for moment, looked in ((1000.0, 1), (1000.9, 1), (1001.0, 2), (1001.9, 2)):
            now[0] = moment
            assert {client.get("/readyz").status_code for _ in range(3)} == {200}
            assert len(looks) == looked, moment


async def test_those_who_ask_at_once_wait_for_one_answer_and_none_takes_it_away() -> None:
    asked: list[asyncio.Future[str]] = []

    def ask() -> asyncio.Future[str]:
        asked.append(asyncio.get_running_loop().create_future())
        return asked[-1]

    fresh = Fresh(ask, clock=lambda: float(len(asked) * 10))
    waiting = [asyncio.create_task(fresh.get()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    # However long it takes, nobody asks for it again meanwhile.
    waiting.append(asyncio.create_task(fresh.get()))
    await asyncio.sleep(0)
    asked[0].set_result("well")
    assert await asyncio.gather(*waiting[1:]) == ["well"] * 3
    assert len(asked) == 1


class Watched:
    """A service that is observed as ``jobstore serve`` observes it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.requests = Recorder(requests_db(settings), None)
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        app = application(settings, self.opening, self.requests)
        app.add_middleware(Traced, provider=self.provider)
        self.client = TestClient(app, "http://localhost", client=("127.0.0.1", 50_000))

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[JobStore]:
        tracing = TracingObserver(self.provider)
        with Logs(self.settings) as logs:
            async with (
                jobstore.connect(self.settings.store.url, observers=[tracing]) as store,
                observed(store, self.settings, logs, label="service"),
            ):
                yield store

    def lines(self, name: str) -> list[dict[str, Any]]:
        text = (self.settings.logs_folder / f"{name}.log").read_text()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def watched(migrated_url: str) -> Watched:
    given = {
        "store": {"url": migrated_url},
        "logging": {"format": "json", "slow_ms": 0.001},
        "service": {"anonymous": "write"},
    }
    return Watched(Settings.model_validate(given))


def test_what_was_asked_is_told_without_what_it_said(watched: Watched) -> None:
    secret = "thewordnobodymaysee"
    with watched.client as client:
        client.put(f"/v1/postings/{secret}/1", json={"title": secret, "company": secret})
        headers = {"X-Request-ID": "request-0815", "User-Agent": secret}
        client.get(f"/v1/postings?text={secret}", headers=headers)
        client.get(f"/{secret}")
        client.request("BREW", "/healthz")
        # Neither is a route of FastAPI's.
        client.get("/mcp")
        client.get("/openapi.json")
        watched.requests.flush()
        figures = client.get("/metrics").text
    lines = watched.lines("access")
    assert [(each["method"], each["route"], each["status"]) for each in lines] == [
        ("PUT", "/v1/postings/{source}/{source_job_id:path}", 201),
        ("GET", "/v1/postings", 200),
        ("GET", "-", 404),
        ("?", "/healthz", 405),
        ("GET", "/mcp", 405),
        ("GET", "/openapi.json", 200),
        ("GET", "/metrics", 200),
    ]
    assert lines[1]["request"] == "request-0815"
    assert lines[1].keys() >= {"timestamp", "milliseconds", "run_id", "pid"}
    # What the store did is found by the same id.
    slow = [each for each in watched.lines("performance") if each["operation"] == "search"]
    assert [each["request"] for each in slow] == ["request-0815"]

    families = {each.name: each for each in text_string_to_metric_families(figures)}
    counts = {
        (each.labels["method"], each.labels["route"], each.labels["status"]): each.value
        for each in families["jobstore_http_request_duration_seconds"].samples
        if each.name.endswith("_count")
    }
    assert counts[("GET", "/v1/postings", "2xx")] == 1
    assert counts[("GET", "-", "4xx")] == 1
    assert counts[("?", "/healthz", "4xx")] == 1
    for family in families.values():
        for sample in family.samples:
            assert sample.labels["store"] == "jobs"
            assert sample.labels["environment"] == "development"
    missing = families["jobstore_figures_missing"].samples
    assert not [each.labels["part"] for each in missing if each.value]

    spans = watched.exporter.get_finished_spans()
    named = {span.name: span for span in spans}
    request, operation = named["GET /v1/postings"], named["jobstore search"]
    assert operation.parent is not None
    assert request.context is not None
    assert operation.parent.span_id == request.context.span_id
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 200
    assert operation.attributes is not None
    assert operation.attributes["db.query.summary"] == "search words=1 sort=newest"
    told = [span.to_json() for span in spans]
    told += [*map(json.dumps, lines), *map(json.dumps, slow), figures]
    assert secret not in "".join(told)


def test_a_request_is_a_span_below_that_of_its_sender(watched: Watched) -> None:
    with watched.client as client:
        trace = "0af7651916cd43dd8448eb211c80319c"
        client.get("/readyz", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    (span,) = [each for each in watched.exporter.get_finished_spans() if each.name == "GET /readyz"]
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == trace


async def test_a_span_says_that_a_request_failed_and_nothing_of_what_its_error_says() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def failing(*_: Any) -> None:
        raise ValueError("the text of a posting")

    scope = {"type": "http", "method": "GET", "scheme": "http", "headers": []}
    with pytest.raises(ValueError, match="posting"):
        await Traced(failing, provider)(scope, failing, failing)
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes is not None
    assert span.attributes["error.type"] == "ValueError"
    assert "posting" not in span.to_json()


def test_uses_of_tokens_are_written_although_the_store_cannot_be_closed(
    settings: Settings,
) -> None:
    @asynccontextmanager
    async def opening() -> AsyncIterator[JobStore]:
        async with jobstore.connect(settings.store.url) as store:
            yield store
        raise StoreUnavailable("The disk is gone.")

    path = settings.operations_db
    headers = {"Authorization": f"Bearer {tokens.create(path, 'ada', 'read', None)}"}
    app = application(settings, opening)

    def ask() -> None:
        with TestClient(app, "http://localhost", headers=headers) as client:
            client.get("/v1/statistics")
            # The first use is written at once, the others later.
            later = tokens.create(path, "eve", "read", None)
            client.get("/v1/statistics", headers={"Authorization": f"Bearer {later}"})

    with pytest.raises(StoreUnavailable):
        ask()
    used = {each.name: each.used_at is not None for each in tokens.tokens(path).values()}
    assert used == {"ada": True, "eve": True}


def test_nothing_is_left_running(watched: Watched) -> None:
    # Others that run in this process may have theirs.
    before = {*threading.enumerate()}
    with watched.client as client:
        client.get("/healthz")
    names = {each.name for each in {*threading.enumerate()} - before}
    assert not {"jobstore-monitoring", "jobstore-slow"} & names
