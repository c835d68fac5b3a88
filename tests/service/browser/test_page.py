"""The page in a real browser: as one types, without a script, with the keyboard, read aloud."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.service.browser.driving import Opened, sign_in
from tests.service.browser.serving import Served

pytestmark = pytest.mark.slow

_AXE = Path(__file__).with_name("axe-4.14.1.min.js.gz")
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_MOST_BYTES = 100_000


class Reader:
    """What a person sees and does."""

    def __init__(self, opened: Opened, at: Served) -> None:
        self.driver = opened.driver
        self._at = at

    def goes(self, place: str) -> None:
        self.driver.get(self._at.url + place)

    def sees(self, what: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, 20).until(lambda _: what())

    def all(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def place(self) -> str:
        return str(self.driver.current_url).removeprefix(self._at.url)

    def told(self) -> str:
        return str(self.one("#told").text)

    def titles(self) -> list[str]:
        return [each.text for each in self.all(".postings h3 a")]

    def script(self, text: str) -> Any:
        return self.driver.execute_script(text)


@pytest.fixture
def reader(opened: Opened, at: Served) -> Reader:
    return Reader(opened, at)


def pages(at: Served) -> list[str]:
    return [
        *("/", "/?text=engineer+OR+developer&workplace=remote", "/?text=***&salary_min=much"),
        *("/?text=nobodywritesthis", f"/postings/{at.lived}", f"/postings/{at.lived}?version=1"),
        *("/applications", "/searches", "/searches/matches?name=remote+developers"),
        *("/statistics", "/health", "/login", "/nowhere"),
    ]


def test_a_search_as_one_types_and_the_way_back(reader: Reader) -> None:
    reader.goes("/")
    reader.script("window.stayed = true")
    reader.one("#text").send_keys("developer")
    reader.sees(lambda: reader.place() == "/?text=developer")
    assert "posting" in reader.told()
    assert reader.all("mark")
    assert reader.script("return window.stayed")
    assert reader.script("return document.activeElement.id") == "text"

    # A filter of the form is a step in the history; what was typed was none.
    for option in reader.all("#sort option"):
        if option.text == "salary":
            option.click()
    reader.sees(lambda: "sort=salary" in reader.place())
    by_salary = reader.titles()
    reader.driver.back()
    reader.sees(lambda: reader.place() == "/?text=developer")
    reader.sees(lambda: reader.titles() != by_salary)
    assert reader.one("#sort").get_attribute("value") == ""
    reader.driver.forward()
    reader.sees(lambda: reader.titles() == by_salary)

    facet = next(each for each in reader.all("#narrow a") if each.text == "remote")
    facet.click()
    reader.sees(lambda: "workplace=remote" in reader.place())
    narrow, found = reader.place(), reader.titles()
    reader.one(".postings h3 a").click()
    reader.sees(lambda: reader.place().startswith("/postings/"))
    assert reader.one("h1").text.startswith(found[0])
    reader.driver.back()
    reader.sees(lambda: reader.titles() == found)
    reader.driver.refresh()
    reader.sees(lambda: reader.titles() == found)
    assert reader.place() == narrow
    # Typing keeps the filter.
    reader.one("#text").send_keys(" -senior")
    reader.sees(lambda: "senior" in reader.place())
    assert "workplace=remote" in reader.place()


def test_it_says_when_nobody_answers_as_one_types(reader: Reader) -> None:
    def offline(gone: bool) -> None:
        speeds = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        reader.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions", {"offline": gone, **speeds}
        )

    reader.driver.execute_cdp_cmd("Network.enable", {})
    reader.goes("/?text=the")
    before = reader.titles()
    offline(True)
    try:
        reader.one("#text").send_keys(" developer")
        reader.sees(lambda: "cannot be reached" in reader.told())
        assert reader.one("#told").get_attribute("role") == "status"
        assert reader.titles() == before
    finally:
        offline(False)
    reader.one("#text").send_keys("s")
    reader.sees(lambda: "posting" in reader.told() or "Nothing found" in reader.told())
    # What another server says in its place is not put into the page.
    reader.script(
        "const sent = XMLHttpRequest.prototype.send;"
        "XMLHttpRequest.prototype.send = function () {"
        " XMLHttpRequest.prototype.send = sent; this.open('GET', '/healthz'); sent.call(this); }"
    )
    reader.one("#text").send_keys("x")
    reader.sees(lambda: "cannot be reached" in reader.told())
    assert reader.all("#results")
    reader.one("#text").send_keys("y")
    reader.sees(lambda: "cannot be reached" not in reader.told())


def test_the_next_page_goes_on(reader: Reader) -> None:
    reader.goes("/?text=the")
    first = reader.titles()
    reader.one("a[rel=next]").click()
    reader.sees(lambda: "cursor=" in reader.place())
    second = reader.all(".postings h3 a")
    assert second
    reader.driver.back()
    reader.sees(lambda: reader.titles() == first)


def test_everything_works_without_a_script(reader: Reader, opened: Opened, at: Served) -> None:
    opened.run_scripts(False)
    sign_in(opened, at)
    reader.goes("/")
    reader.one("#text").send_keys("developer")
    reader.one(".words button").click()
    reader.sees(lambda: reader.place() == "/?text=developer")
    reader.one("#narrow a").click()
    reader.sees(lambda: "&" in reader.place())
    reader.one(".postings h3 a").click()
    reader.one("#note").send_keys("Wrote to them.")
    reader.one("#application form button").click()
    reader.sees(lambda: "Wrote to them." in reader.one("#application").text)
    reader.goes("/statistics")
    # The column of the day with the most postings is as high as the chart, which is 10rem.
    assert max(each.rect["height"] for each in reader.all("svg.columns rect")) > 100
    assert reader.one(".chart .number").text


def test_the_keyboard_alone_is_enough(reader: Reader) -> None:
    reader.goes("/")

    def press(key: str) -> Any:
        reader.driver.switch_to.active_element.send_keys(key)
        return reader.driver.switch_to.active_element

    skip = press(Keys.TAB)
    assert skip.text == "Skip to the content"
    assert skip.rect["x"] >= 0
    press(Keys.ENTER)
    field = press(Keys.TAB)
    assert field.get_attribute("id") == "text"
    field.send_keys("developer", Keys.ENTER)
    reader.sees(lambda: reader.place() == "/?text=developer" and reader.all("mark"))
    for _ in range(30):
        reached = press(Keys.TAB)
        assert float(reached.value_of_css_property("outline-width").removesuffix("px")) >= 2
        assert reached.value_of_css_property("outline-style") == "solid"
        if "/postings/" in (reached.get_attribute("href") or ""):
            break
    press(Keys.ENTER)
    reader.sees(lambda: reader.place().startswith("/postings/"))


@pytest.mark.parametrize(("width", "dark"), [(1100, False), (360, True)])
def test_pages_can_be_read_by_everybody(
    reader: Reader, opened: Opened, at: Served, width: int, dark: bool
) -> None:
    """WCAG 2.2 AA as far as axe can tell; nothing is cut off, refused or heavy."""
    sign_in(opened, at)
    opened.resize(width, 900, dark=dark)
    axe = gzip.decompress(_AXE.read_bytes()).decode()
    found = []
    for place in pages(at):
        reader.goes(place)
        ground = reader.script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 200) is dark
        assert reader.script("return document.documentElement.scrollWidth") <= width, place
        # All <details> are read, too.
        reader.script("document.querySelectorAll('details').forEach(each => each.open = true)")
        reader.script(axe)
        told = reader.driver.execute_async_script(
            "const [rules, done] = arguments;"
            "axe.run({runOnly: rules, resultTypes: ['violations']}).then(done)",
            _RULES,
        )
        found += [
            (place, each["id"], node["target"], node.get("failureSummary"))
            for each in told["violations"]
            for node in each["nodes"]
        ]
        assert told["testEngine"]["name"] == "axe-core"
    assert found == []
    refused = [each for each in reader.driver.get_log("browser") if "Policy" in each["message"]]
    assert refused == []


def test_a_page_is_light(reader: Reader, at: Served) -> None:
    for place in ("/?text=engineer", "/statistics", f"/postings/{at.lived}"):
        reader.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
        reader.goes(place)
        loaded = reader.script(
            "return performance.getEntries().filter(each => 'transferSize' in each)"
            ".reduce((sum, each) => sum + each.transferSize, 0)"
        )
        assert 1_000 < loaded < _MOST_BYTES
