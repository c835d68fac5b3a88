"""How long writers wait: what counts, what is kept, and that the guides say what was measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import Misuse, report, waits, waits_tables
from benchmarks import __main__ as command
from benchmarks.databases import REPOSITORY
from benchmarks.staging import OPERATIONS, SHORT
from benchmarks.waits_tables import BEGIN, END, GUIDES

PAGES = ("benchmarks/README.md", *GUIDES)
FOUND = {
    "seconds": 12.34,
    "longest": 1.5,
    "p99": 0.25,
    "per_second": 1234.5,
    "failed": {},
    "said": None,
}
MACHINE = {"cores": 2, "load": [0.1, 0.1, 0.1], "revision": "abc"}


def results(scale: int = 100_000, **beside: object) -> dict[str, object]:
    beside = beside or {"nothing": FOUND}
    return {"scale": scale, "writers": 50, "machine": MACHINE, "ways": {"one process": beside}}


def test_all_writes_count_that_were_under_way() -> None:
    writes = [
        (1.0, 9.0),  # over before it began
        (8.0, 10.5),
        (11.0, 11.25),
        (11.0, -14.0),  # failed
        (11.5, 20.0),  # its end comes later
        (13.0, 13.5),  # begun after the span
    ]
    found = waits.summary(writes, 10.0, 12.0)
    assert found == {"longest": 8.5, "p99": 8.5, "per_second": 1.0}


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_say_what_was_measured(page: str) -> None:
    """Where this fails: python -m benchmarks publish."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    told = text.split(BEGIN)[1].split(END)[0]
    assert told == "\n" + waits_tables.block(page, waits_tables.load())


def test_guides_name_operations_that_are_measured() -> None:
    known = {each.name for each in OPERATIONS}
    assert {name for names in GUIDES.values() for name in names} <= known
    assert set(SHORT) <= {name.replace("`", "") for name in known}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The pages, with text around an old table, in another place."""
    for page in (*PAGES, "benchmarks/waits.json"):
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).write_text(f"Before\n{BEGIN}\nold\n{END}\nAfter\n")
    (tmp_path / "benchmarks/waits.json").write_text("{}")
    (tmp_path / "results").mkdir()
    return tmp_path


def test_results_stand_between_the_marks(root: Path) -> None:
    refused = {**FOUND, "said": "Error: others write", "failed": {"StoreBusy": 50}}
    before = results(nothing=FOUND, **{"`vacuum`": {**FOUND, "longest": 18.0}})
    now = results(nothing=FOUND, **{"`vacuum`": refused})
    for name, found in (("100000", now), ("before", before)):
        (root / f"results/waits-{name}.json").write_text(json.dumps(found))
    waits_tables.publish(root / "results", root)
    readme = (root / "benchmarks/README.md").read_text()
    assert readme.startswith(f"Before\n{BEGIN}\n")
    assert readme.endswith(f"{END}\nAfter\n")
    assert (
        "| `vacuum` | 12.3 | 1,234 | 0.25 | 1.50 | 50 StoreBusy, refused | 0.25 | 18.00 |" in readme
    )
    guide = (root / "docs/maintenance.md").read_text()
    assert "| nothing | 1.50 (0.25) |" in guide
    assert "| `vacuum` | refused |" in guide
    assert "`health`" not in guide
    # Results that are not there any more stay published.
    shutil.rmtree(root / "results")
    waits_tables.publish(root / "results", root)
    assert (root / "benchmarks/README.md").read_text() == readme


def test_what_was_measured_again_takes_the_place_of_the_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    waits.keep(results(nothing=FOUND, **{"`health`": FOUND}))
    waits.keep(results(nothing={**FOUND, "longest": 3.0}))
    kept = json.loads((tmp_path / "waits-100000.json").read_text())["ways"]["one process"]
    assert [each["longest"] for each in kept.values()] == [3.0, 1.5]


def test_an_operation_that_does_not_exist_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Misuse, match="not an operation: nonsense; there are: nothing, health"):
        waits.run(10_000, ["nonsense"])
    assert command.main(["waits", "--operation", "nonsense"]) == 2
    assert "not an operation" in capsys.readouterr().err
