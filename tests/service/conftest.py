"""A service over an open store of few postings, asked without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Receive, Send
from starlette.types import Scope as Asked

import jobstore
from jobstore.service.application import application
from jobstore.service.guarding.callers import Caller, Scope
from jobstore.settings.sections import Settings


def as_caller(app: FastAPI, scope: Scope) -> Callable[[Asked, Receive, Send], Any]:
    """The application as somebody asks it who may do that."""

    async def asked(what: Asked, receive: Receive, send: Send) -> None:
        what.setdefault("state", {})["caller"] = Caller(scope, "test")
        await app(what, receive, send)

    return asked


@pytest.fixture
def app(store_url: str) -> FastAPI:
    """A service over an empty store."""
    settings = Settings.model_validate({"store": {"url": store_url}})
    return application(settings, partial(jobstore.connect, store_url, migrate=True))


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client who may do everything."""
    with TestClient(as_caller(app, Scope.ADMIN)) as client:
        yield client
