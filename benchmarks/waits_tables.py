"""Tables of how long writers wait, in README.md and in the guides: between two marks in each.

Figures come from ``waits.json``, which ``publish`` brings up to date from the results of runs. Its
keys are numbers of postings; ``before`` has the figures of the code that is compared with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.databases import REPOSITORY
from benchmarks.markdown import row, table_head

PUBLISHED = REPOSITORY / "benchmarks" / "waits.json"
BEGIN, END = "<!-- waits: python -m benchmarks publish -->", "<!-- end of waits -->"
BEFORE = "before"

GUIDES: Mapping[str, Sequence[str]] = {
    "docs/production.md": (
        "nothing",
        "`backup create`",
        "`backup create`, to a bucket too",
        "`archive run`, to a bucket too",
        "`backup verify --restore`",
        "`deploy` with a new index",
        "`rollback` of a new index",
    ),
    "docs/deployment.md": (
        "nothing",
        "`deploy`",
        "`deploy` with a new index",
        "`migrate up` with a new index",
    ),
    "docs/rollback.md": (
        "nothing",
        "`rollback` of a new index",
        "`migrate down` of a new index",
        "`restore --replace`",
    ),
    "docs/maintenance.md": (
        "nothing",
        "`health`",
        "`doctor --full --verify`",
        "optimize",
        "checkpoint",
        "`export` of everything",
        "a reader that keeps its state",
        "`vacuum`",
        "`vacuum --stop-writers`",
    ),
}
"""The operations in the table of each guide."""

COLUMNS = ("beside", "took, s", "writes/s", "p99, s", "longest, s", "failed")

Results = Mapping[str, Any]


def cells(name: str, found: Results) -> tuple[str, ...]:
    """Return a line of a table: how long an operation took and writers waited."""
    failed = [f"{number:,} {error}" for error, number in found["failed"].items()]
    if found["said"]:
        failed.append("refused")
    figures = (f"{found['seconds']:.1f}", f"{found['per_second']:,.0f}")
    return (name, *figures, *_waits(found), ", ".join(failed))


def publish(folder: Path, root: Path = REPOSITORY) -> None:
    """Take the results in ``folder`` over, and write all tables anew."""
    published = root / PUBLISHED.relative_to(REPOSITORY)
    sizes = load(published)
    for path in folder.glob("waits-*.json"):
        key = path.stem.removeprefix("waits-")
        sizes[key] = json.loads(path.read_text(encoding="utf-8"))
    published.write_text(json.dumps(dict(sorted(sizes.items())), indent=1) + "\n", encoding="utf-8")
    for name in ("benchmarks/README.md", *GUIDES):
        page = root / name
        before, rest = page.read_text(encoding="utf-8").split(BEGIN)
        text = f"{before}{BEGIN}\n{block(name, sizes)}{END}{rest.split(END)[1]}"
        page.write_text(text, encoding="utf-8")


def load(published: Path = PUBLISHED) -> dict[str, Results]:
    """Return the published results, by number of postings."""
    found: dict[str, Results] = json.loads(published.read_text(encoding="utf-8"))
    return found


def block(page: str, sizes: Mapping[str, Results]) -> str:
    """Return what stands between the marks of a page."""
    numbers = sorted(int(key) for key in sizes if key != BEFORE)
    if page in GUIDES:
        lines = list(_guide(GUIDES[page], [sizes[str(number)] for number in numbers]))
    else:
        lines = []
        for number in numbers:
            lines += _size(sizes[str(number)], sizes.get(BEFORE))
    return "\n".join(["", *lines, "", ""])


def _guide(names: Iterable[str], sizes: Sequence[Results]) -> Iterator[str]:
    yield from table_head(
        (
            "while this runs, a write waits at most (p99), in seconds",
            *(f"{way}, {each['scale']:,}" for each in sizes for way in each["ways"]),
        )
    )
    for name in names:
        found = [beside.get(name) for each in sizes for beside in each["ways"].values()]
        if any(found):
            yield row((name, *(_longest(each) for each in found)))


def _longest(found: Results | None) -> str:
    if not found:
        return ""
    if found["said"]:
        return "refused"
    p99, longest = _waits(found)
    return f"{longest} ({p99})"


def _before(found: Results | None) -> tuple[str, str]:
    if not found:
        return "", ""
    return ("", "refused") if found["said"] else _waits(found)


def _waits(found: Results) -> tuple[str, str]:
    return f"{found['p99']:.2f}", f"{found['longest']:.2f}"


def _size(results: Results, before: Results | None) -> Iterator[str]:
    about = results["machine"]
    load = f", load at the start {about['load'][0]}" if "load" in about else ""
    scale, cores, revision = results["scale"], about["cores"], about["revision"]
    yield f"{scale:,} postings; {cores} cores{load}; revision {revision}."
    for way, beside in results["ways"].items():
        old = before["ways"].get(way, {}) if before and before["scale"] == results["scale"] else {}
        yield ""
        columns = (f"{results['writers']} writers in {way}, beside", *COLUMNS[1:])
        yield from table_head((*columns, *(("before: p99", "longest") if old else ())))
        for name in dict.fromkeys((*beside, *old)):
            now = cells(name, beside[name]) if name in beside else (name, *[""] * 5)
            yield row((*now, *(_before(old.get(name)) if old else ())))
    yield ""
