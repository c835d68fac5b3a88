"""``python -m tests.soak``: a store at work for as long as is asked for, drawn over time.

Writes ``soak.json`` with every sample and ``soak.svg`` with the picture of them; the exit code is
1 when a line keeps growing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.soak.picture import Panel, draw
from tests.soak.trend import keeps_growing
from tests.soak.working import Soak

# What a line is called, by how much of itself, and by how much more, it may grow.
LINES: Mapping[str, tuple[str, float, float]] = {
    "memory_mib": ("Memory, MiB", 0.05, 8),
    "descriptors": ("Open files", 0, 6),
    "threads": ("Threads", 0, 4),
    "wal_mib": ("WAL, MiB", 0.5, 8),
    "p99_ms": ("p99 of an operation, ms", 1, 50),
}


def panels(samples: Sequence[Mapping[str, float]]) -> list[Panel]:
    """Return the lines that are drawn, and judge them."""
    found = []
    for name, (title, share, slack) in LINES.items():
        line = [sample[name] for sample in samples]
        found.append(Panel(title, line, keeps_growing(line, share=share, slack=slack)))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", default="soak", help="what all choices follow from")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), given.seed)
        asyncio.run(soak.run(given.minutes * 60, max(0.25, given.minutes * 60 / 240)))
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "soak.json").write_text(json.dumps(soak.samples, indent=1) + "\n")
    drawn = panels(soak.samples)
    moments = [sample["seconds"] for sample in soak.samples]
    total = sum(int(sample["operations"]) for sample in soak.samples)
    title = f"{total:,} operations in {given.minutes:g} minutes"
    (given.output / "soak.svg").write_text(draw(title, moments, drawn))
    print(f"{title}; picture: {given.output / 'soak.svg'}")
    for panel in drawn:
        grows = " keeps growing" if panel.grows else ""
        print(f"{panel.title}: {panel.values[0]:.4g} to {panel.values[-1]:.4g}{grows}")
    return int(any(panel.grows for panel in drawn))


if __name__ == "__main__":
    sys.exit(main())
