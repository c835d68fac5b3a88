"""A browser that is driven: Chromium without a window, of whatever size and colours."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from tests.service.browser.serving import Served

_PROGRAMS = (("chromium", "chromium-browser", "google-chrome"), ("chromedriver",))


def programs() -> tuple[str, str] | None:
    """Return the browser and its driver, or ``None`` where one of them is not installed."""
    found = [next(filter(None, map(shutil.which, names)), None) for names in _PROGRAMS]
    chromium, driver = found
    return (chromium, driver) if chromium and driver else None


@dataclass
class Opened:
    """A browser that runs."""

    driver: webdriver.Chrome

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Show pages so large, in light or dark colours."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        colours = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [colours]})

    def run_scripts(self, allowed: bool) -> None:
        """Let pages run scripts, or not."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not allowed})


@contextmanager
def browser() -> Iterator[Opened]:
    """Run a browser during the block."""
    found = programs()
    assert found is not None, "needs chromium and chromium-driver"
    options = Options()
    options.binary_location = found[0]
    # Tests may run as root, and where shared memory is small.
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--lang=en",
        "--hide-scrollbars",
        "--disable-lcd-text",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(found[1]))
    try:
        yield Opened(driver)
    finally:
        driver.quit()


def sign_in(opened: Opened, at: Served) -> None:
    """Show the token once, as a person does."""
    opened.driver.get(at.url + "/login")
    opened.driver.find_element(By.ID, "token").send_keys(at.token)
    opened.driver.find_element(By.CSS_SELECTOR, "main form button").click()
