"""What a run says: a table for people, a JSON file for programs, a picture.

Nothing is measured or judged here.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import picture
from benchmarks.baseline import Baseline, noisy
from benchmarks.databases import REPOSITORY
from benchmarks.gates import SLOWEST, Gate

Results = Mapping[str, Any]

FOLDER = REPOSITORY / "benchmarks" / "results"

KINDS = {
    "promise": "Promised",
    "baseline": "Reached before",
    "goal": "Wished for",
}
"""How the kinds of gates are called."""

console = Console(width=None if os.isatty(1) else 160, highlight=False)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load": [round(load, 2) for load in os.getloadavg()],
        "revision": _revision(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _revision() -> str | None:
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def write(results: Results, name: str = "latest") -> Path:
    """Write the results as JSON and their picture as SVG; returns the JSON file.

    The latest run is also kept under its size, until there is a newer one of that size.
    """
    FOLDER.mkdir(exist_ok=True)
    names = [name, str(results["scale"])] if name == "latest" else [name]
    for each in names:
        text = json.dumps(results, indent=1) + "\n"
        (FOLDER / f"{each}.json").write_text(text, encoding="utf-8")
        if "reads" in results:
            (FOLDER / f"{each}.svg").write_text(_picture(results), encoding="utf-8")
    return FOLDER / f"{name}.json"


def _picture(results: Results) -> str:
    lines: dict[str, dict[int, float]] = {}
    for size, operations in results["reads"].items():
        for name, found in operations.items():
            lines.setdefault(name, {})[int(size)] = found["alone"]["p50"]
    return picture.draw("Latency (p50) against the number of postings", lines, SLOWEST)


def show(results: Results) -> None:
    """Print the figures of a run."""
    about = results["machine"]
    console.print(
        f"{results['scale']:,} postings; {about['processor']}, {about['cores']} cores, "
        f"Python {about['python']}, SQLite {about['sqlite']}, load {about['load'][0]}"
    )
    _show_reads(results)
    _show_writes(results)
    _show_rest(results)


def _show_reads(results: Results) -> None:
    table = _table(
        "Reads, milliseconds; the limit is the same SQL on bare sqlite3",
        "operation p50 p95 p99 max calls/s sqlite3 hop SQL|in|a|hop ratio"
        " 100|at|once:|p50 p99 calls/s",
    )
    for name, found in results["reads"][str(results["scale"])].items():
        alone, at_once = found["alone"], results["at_once"][name]
        table.add_row(
            name,
            *(f"{alone[key]:.3f}" for key in ("p50", "p95", "p99", "max")),
            f"{alone['per_second']:,.0f}",
            f"{found['sqlite']['p50']:.3f}",
            *(f"{found[key]['p50']:.3f}" for key in ("hop", "carried")),
            f"{found['ratio']:.2f}",
            f"{at_once['p50']:.2f}",
            f"{at_once['p99']:.2f}",
            f"{at_once['per_second']:,.0f}",
        )
    console.print(table)


def _show_writes(results: Results) -> None:
    table = _table(
        "Durable upserts, milliseconds",
        "operation callers p50 p95 p99 max calls/s",
    )
    for callers, key in (("1", "alone"), ("100", "together")):
        for name, found in results["writes"][key].items():
            values = (f"{found[each]:.3f}" for each in ("p50", "p95", "p99", "max"))
            table.add_row(name, callers, *values, f"{found['per_second']:,.0f}")
    console.print(table)


def _show_rest(results: Results) -> None:
    rows = _table("Rates, space and memory", "what value")
    for name, rate in results["writes"]["per_second"].items():
        rows.add_row(f"postings a second, {name}", f"{rate:,.0f}")
    stall = results["writes"]["stall"]
    rows.add_row(
        "event-loop stall, 100 writers and 100 readers",
        f"p50 {stall['p50']} p99 {stall['p99']} max {stall['max']} ms",
    )
    gets = results["gets_at_once"]
    for name, rate in gets.items():
        rows.add_row(f"100 gets at once, {name}", f"{rate:,.0f}/s")
    opening = results["opening"]
    rows.add_row("open and close", f"{opening['open']} and {opening['close']} ms")
    if "import" in results:
        found = results["import"]
        rows.add_row(
            f"import of {found['rows']:,} from a file",
            f"{found['seconds']} s, {found['per_second']:,.0f}/s, {_mib(found['memory'])}; "
            f"sqlite3 {found['sqlite3_per_second']:,.0f}/s",
        )
        found = results["memory"]
        rows.add_row(
            f"stream of {found['rows']:,}",
            f"{found['stream_per_second']:,.0f}/s, {_mib(found['stream_memory'])}",
        )
    space = results["space"]
    rows.add_row(
        "bytes on disk per posting",
        f"{space['bytes_per_posting']:,.0f}, {space['ratio']} x its description",
    )
    for part, octets in space["parts"].items():
        rows.add_row(f"  {part}", f"{octets:,.0f}")
    console.print(rows)


def show_gates(gates: Iterable[Gate]) -> None:
    """Print how near every held figure is to its limit, what does not hold, and how many do."""
    judged = list(gates)
    held = [each for each in judged if each.kind == "baseline"]
    show_rows(
        "What was reached: costs, against the most that they may be",
        ("figure", "now", "at most", ""),
        [
            (each.name, f"{each.value:.3f}", f"{each.limit:.3f}", "LOST" if each.fails else "")
            for each in held
        ],
    )
    for each in judged:
        if not each.holds:
            style = "bold red" if each.fails else "yellow"
            console.print(f"{'FAILED' if each.fails else 'not reached'}  {each}", style=style)
    for kind, label in KINDS.items():
        some = [each for each in judged if each.kind == kind]
        if some:
            console.print(f"{label}: {sum(each.holds for each in some)} of {len(some)} hold")


def show_baseline(made: Baseline) -> None:
    """Print the figures of a baseline, and those that are too noisy to tell much."""
    for size, entry in made["sizes"].items():
        show_rows(
            f"Costs at {int(size):,} postings, of {entry['runs']} runs",
            ("figure", "median", "spread", "margin"),
            [
                (name, f"{each['median']:.3f}", f"{each['spread']:.1%}", f"{each['margin']:.1%}")
                for name, each in entry["figures"].items()
            ],
        )
    for figure in noisy(made):
        console.print(f"NOISY  {figure}; measure on a quieter machine", style="bold red")


def _table(title: str, columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for number, column in enumerate(columns.split()):
        table.add_column(
            column.replace("|", " "), justify="left" if number == 0 else "right", no_wrap=True
        )
    return table


def show_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of texts."""
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _mib(octets: float) -> str:
    return f"{octets / 1024 / 1024:,.0f} MiB"
