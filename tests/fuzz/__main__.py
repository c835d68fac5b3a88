"""``python -m tests.fuzz``: what nobody would write, handed in for as long as is asked for.

Prints how many inputs each target took; the exit code is 1 when anything was found.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.running import Finding, Limit, run
from tests.fuzz.targets import TARGETS, opened


def table(rows: Sequence[tuple[str, int, int]]) -> str:
    """Return the counts as Markdown."""
    lines = ["| target | inputs | findings |", "| --- | ---: | ---: |"]
    return "\n".join(
        [*lines, *(f"| {name} | {taken:,} | {found} |" for name, taken, found in rows)]
    )


def _told(finding: Finding) -> str:
    again = f"--only {finding.target} --seed {finding.seed} --input {finding.number}"
    return f"{finding.target}: {finding.what}\n  again: python -m tests.fuzz {again}"


def _one(name: str, seed: str, number: int) -> int:
    """Take one input without any guard, and show it."""
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as targets:
        given = targets[name].make(random.Random(f"{seed}:{name}:{number}"))
        print(repr(given)[:5000])
        targets[name].take(given)
    return 0


def main() -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long, together")
    parser.add_argument("--seed", default="", help="what all inputs follow from; a new one")
    parser.add_argument("--only", action="append", choices=TARGETS, help="may be repeated")
    parser.add_argument("--input", type=int, help="only the input with this number, unguarded")
    arguments = parser.parse_args()
    seed = arguments.seed or secrets.token_hex(4)
    names = arguments.only or TARGETS
    if arguments.input is not None:
        return _one(names[0], seed, arguments.input)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    rows, known = [], set()
    for name in names:
        end = time.monotonic() + arguments.minutes * 60 / len(names)
        taken, findings = run(name, seed, Limit(moment=end))
        rows.append((name, taken, len(findings)))
        for finding in findings:
            # The same fault is met again and again.
            if (name, finding.what) not in known:
                known.add((name, finding.what))
                print(_told(finding), file=sys.stderr, flush=True)
    print(table(rows))
    return int(any(found for _, _, found in rows))


if __name__ == "__main__":
    sys.exit(main())
