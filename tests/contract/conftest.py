"""The contract suite runs each test of a store for every engine of tests/engines/harness.py.

``@pytest.mark.needs("files")`` says that a test is about something that not every engine has; the
names are those of :class:`jobstore.engines.backend.Capability`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobstore.engines.backend import Capability
from tests.engines.harness import ENGINES, Harness, capabilities


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test the engines that have what it needs."""
    if "engine" in metafunc.fixturenames:
        marks = metafunc.definition.iter_markers("needs")
        needed = {Capability(name) for mark in marks for name in mark.args}
        able = [engine for engine in ENGINES if needed <= capabilities(engine)]
        metafunc.parametrize("engine", able, ids=lambda engine: engine.scheme)


@pytest.fixture
def new_url(engine: Harness, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Make the URL of one more empty store, whose schema is up to date."""
    made: list[str] = []

    def make() -> str:
        made.append(engine.new_url(tmp_path))
        return made[-1]

    yield make
    for url in made:
        engine.forget(url)


@pytest.fixture
def migrated_url(new_url: Callable[[], str]) -> str:
    """The URL of an empty store whose schema is up to date."""
    return new_url()
