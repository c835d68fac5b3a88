"""A service over an open store of few postings, asked without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

import jobstore
from jobstore.operations import tokens
from jobstore.operations.tokens import TokenScope
from jobstore.service.application import application
from jobstore.settings.sections import Settings
from tests.engines.harness import MEMORY
from tests.service.agents import Schemas
from tests.service.running import running, settings_in

Asking = Callable[..., TestClient]


@pytest.fixture
def settings(migrated_url: str) -> Settings:
    """The settings of a service over an empty store."""
    return Settings.model_validate({"store": {"url": migrated_url}})


@pytest.fixture
def asking(settings: Settings) -> Iterator[Asking]:
    """Make clients of one running service."""
    app = application(settings, partial(jobstore.connect, settings.store.url))

    def client(scope: TokenScope | None, address: str = "127.0.0.1") -> TestClient:
        asked = TestClient(app, "http://localhost", client=(address, 50_000))
        # All are asked on the event loop that the store was opened on.
        asked.portal = running.portal
        if scope is not None:
            token = tokens.create(settings.operations_db, f"{scope}-{uuid4().hex}", scope, None)
            asked.headers["Authorization"] = f"Bearer {token}"
        return asked

    with TestClient(app) as running:
        yield client


@pytest.fixture
def client(asking: Asking) -> TestClient:
    """A client who may do everything."""
    return asking("admin")


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[jobstore.JobStore]:
    """An open, empty store in memory."""
    async with jobstore.connect(MEMORY.new_url(tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="session")
def ojcp(real_data: Path) -> Schemas:
    """The schemas of OJCP."""
    return Schemas(real_data / "ojcp")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """The port of a service, and a token of it."""
    settings = settings_in(
        tmp_path_factory.mktemp("served"), body_mib=1, read_seconds=1, header_seconds=1
    )
    token = tokens.create(settings.operations_db, "ada", "admin", None)
    with running(settings) as port:
        yield port, token
