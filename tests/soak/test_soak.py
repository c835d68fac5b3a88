"""The harness of `make soak`: it works for a moment, and tells a line that keeps growing."""

from __future__ import annotations

import json
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.soak.__main__ import LINES, main
from tests.soak.picture import Panel, draw
from tests.soak.trend import keeps_growing

NOISE = [random.Random(n).uniform(-5, 5) for n in range(80)]


@pytest.mark.parametrize(
    ("line", "grows"),
    [
        ([100 + each for each in NOISE], False),
        ([100 + 2 * n + each for n, each in enumerate(NOISE)], True),
        # Caches fill at first; a single step, or peaks, are no growth.
        ([100.0 + min(n, 20) * 10 for n in range(80)], False),
        ([100.0 if n < 50 else 160.0 for n in range(80)], False),
        ([5000.0 if n % 9 == 0 else 100.0 for n in range(80)], False),
        ([1.0, 100.0, 1000.0], False),
    ],
)
def test_a_line_that_keeps_growing_is_told(line: list[float], grows: bool) -> None:
    assert keeps_growing(line, share=0.05, slack=8) is grows


@pytest.mark.slow
def test_a_store_at_work_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--minutes", "0.03", "--output", str(tmp_path)])
    samples = json.loads((tmp_path / "soak.json").read_text())
    assert sum(sample["operations"] for sample in samples) > 0
    assert all(sample["memory_mib"] > 0 and sample["descriptors"] > 0 for sample in samples)
    picture = ElementTree.fromstring((tmp_path / "soak.svg").read_text())
    assert len(picture.findall("{*}polyline")) == len(LINES)
    assert "operations in 0.03 minutes" in capsys.readouterr().out


def test_a_picture_says_what_keeps_growing() -> None:
    drawn = draw("a < b", [1, 2], [Panel("Threads", [1, 2], True), Panel("WAL", [0, 0])])
    texts = [each.text for each in ElementTree.fromstring(drawn).findall("{*}text")]
    assert texts[:2] == ["a < b", "Threads: keeps growing"]
    assert "WAL" in texts
