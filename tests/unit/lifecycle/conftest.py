"""Rules of the life cycle are Python over the protocol of engines: they are shown on one in memory.

What an engine's statements do is in the contract suite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.harness import MEMORY


@pytest.fixture
def migrated_url(tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store in memory."""
    url = MEMORY.new_url(tmp_path)
    yield url
    MEMORY.forget(url)


@pytest.fixture
def new_url(migrated_url: str) -> Callable[[], str]:
    """Give that URL."""
    return lambda: migrated_url
