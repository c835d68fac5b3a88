"""A service over an open store of few postings, asked without a network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from starlette.testclient import TestClient

import jobstore
from jobstore.service.application import application
from jobstore.settings.sections import Settings


@pytest.fixture
def client(store_url: str) -> Iterator[TestClient]:
    """A client on this machine of a service over the empty store."""
    settings = Settings.model_validate({"store": {"url": store_url}})
    opening = partial(jobstore.connect, store_url, migrate=True)
    with TestClient(application(settings, opening)) as client:
        yield client
