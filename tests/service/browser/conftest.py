"""One service and one browser for all tests of a module: an open store changes its process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.browser.driving import Opened, browser, programs
from tests.service.browser.serving import Served, served


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service over made-up postings."""
    with served(tmp_path_factory.mktemp("served"), 120) as running:
        yield running


@pytest.fixture(scope="module")
def _browser() -> Iterator[Opened]:
    if programs() is None:
        pytest.skip("no browser is here: install chromium and chromium-driver (Debian's packages)")
    with browser() as opened:
        yield opened


@pytest.fixture
def opened(_browser: Opened) -> Opened:
    """A browser that runs scripts and knows nobody, in a window of usual size."""
    _browser.driver.delete_all_cookies()
    _browser.run_scripts(True)
    _browser.resize(1100, 900)
    return _browser
