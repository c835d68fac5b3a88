"""Pictures of the pages for the documentation: ``python -m tests.service.browser.pictures``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.service.browser.driving import browser, sign_in
from tests.service.browser.serving import Served, served

_FOLDER = Path(__file__).resolve().parents[3] / "docs" / "pictures"
_WIDE, _NARROW = (900, 640), (360, 720)


def _pages(at: Served) -> list[tuple[str, str, tuple[int, int], bool]]:
    """Return the name of each picture, its page, the size of the window, and whether it is dark."""
    query = "/?text=engineer+OR+developer&workplace=remote"
    return [
        ("page-search", query, _WIDE, False),
        ("page-search-dark", query, _WIDE, True),
        ("page-search-narrow", query, _NARROW, False),
        ("page-posting", f"/postings/{at.lived}", _WIDE, False),
        ("page-judging", f"/postings/{at.lived}#application", (900, 900), False),
        ("page-applications", "/applications", (900, 420), False),
        ("page-statistics", "/statistics", (900, 1000), False),
        ("page-health", "/health", (900, 900), False),
        ("page-searches", "/searches", (900, 340), False),
    ]


def main(folder: Path) -> None:
    """Make all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as store,
        served(Path(store), 500) as at,
        browser() as opened,
    ):
        sign_in(opened, at)
        for name, page, (width, height), dark in _pages(at):
            opened.resize(width, height, dark=dark)
            # Twice: the first time is no measure of how long it takes.
            for _ in range(2):
                opened.driver.get(at.url + page)
            file = folder / f"{name}.png"
            opened.driver.save_screenshot(str(file))
            print(f"{file.stat().st_size / 1000:6.1f} KB  {file.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER)
