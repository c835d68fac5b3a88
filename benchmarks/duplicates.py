"""How well and how fast duplicates are told: on judged pairs beside other ways, and in a store.

``python -m benchmarks duplicates DATA``, where DATA is the folder of the data for tests.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from rich.table import Table

from benchmarks import judges
from benchmarks.pairs import Pair, Postings, Score, labelled, postings, score, wilson
from benchmarks.report import console
from jobstore.exchange import open_records
from jobstore.intake.lenient import take_in
from jobstore.lifecycle.duplicates import Read, Verdict, blocks, judge, likely, read
from jobstore.lifecycle.duplicates.blocking import MOST
from jobstore.lifecycle.duplicates.texts import resemblance
from jobstore.records import JobPosting

_MANY = ("ats_daily/all_jobs_2026-01-08.json.gz", "linkedin/job_postings.csv")
_TEXTS = "linkedin/postings.csv"
READ = 8
"""Texts that are read for one new posting at most: of those that resemble it most."""


def run(folder: Path) -> int:
    """Print what was found; returns the exit code."""
    known = postings(folder)
    for name, pairs in parts().items():
        console.print(f"\n[bold]{name}[/bold]: {len(pairs)} pairs")
        for line in ours(Opened(known), pairs).lines():
            console.print("  " + line)
    every = parts()["all"]
    _show_peers(known, every)
    _show_times(known, every)
    _show_store([*_all(folder), *known.values()])
    return 0


def parts() -> dict[str, list[Pair]]:
    """Return the pairs by the order in which the rules met them, and all of them."""
    pairs, later = labelled(), labelled("later")
    return {
        "first half": [pair for pair in pairs if not pair.second],
        "second half": [pair for pair in pairs if pair.second],
        "later": later,
        "all": [*pairs, *later],
    }


class Opened(dict[str, Read]):
    """Postings by their ids, each read when it is first asked for."""

    def __init__(self, known: Postings) -> None:
        self._known = known

    def __missing__(self, name: str) -> Read:
        found = self[name] = read(self._known[name])
        return found


def ours(opened: Opened, pairs: Iterable[Pair]) -> Score:
    """Return how well the store's own rules do."""
    return score(
        pairs, lambda pair: judge(opened[pair.left], opened[pair.right]).verdict == Verdict.SAME
    )


def peers(known: Postings, pairs: Sequence[Pair]) -> Iterator[tuple[str, float, Score]]:
    """Yield other ways with the figure from which a pair is the same, and their scores; the figure
    is the one that does best (F1) on these very pairs."""
    named = {name: known[name] for pair in pairs for name in (pair.left, pair.right)}
    for name, make in (
        ("exact company and title", judges.company_and_title),
        ("SimHash, 64 bits", judges.simhash),
        ("TF-IDF cosine", judges.cosine),
    ):
        measure = make(named)
        figures = {pair: measure(pair) for pair in pairs}
        least = max(
            sorted({round(each, 2) for each in figures.values()} - {0.0}),
            key=lambda least: score(pairs, _from(figures, least)).f1,
        )
        yield name, least, score(pairs, _from(figures, least))


def _from(figures: dict[Pair, float], least: float) -> Callable[[Pair], bool]:
    return lambda pair: figures[pair] >= least


def _show_peers(known: Postings, pairs: Sequence[Pair]) -> None:
    table = Table(title="Beside other ways, each from the figure that does best on these pairs")
    for column in ("way", "same from", "precision", "95%", "recall", "95%", "F1"):
        table.add_column(column)
    ways = [("jobstore", None, ours(Opened(known), pairs)), *peers(known, pairs)]
    for name, least, found in ways:
        table.add_row(
            name,
            "" if least is None else f"{least:.2f}",
            f"{found.precision:.4f}",
            "{:.3f}-{:.3f}".format(*wilson(found.right, found.judged_same())),
            f"{found.recall:.4f}",
            "{:.3f}-{:.3f}".format(*wilson(found.right, found.to_find)),
            f"{found.f1:.4f}",
        )
    console.print(table)


def _show_times(known: Postings, pairs: Sequence[Pair]) -> None:
    both = [(read(known[each.left]), read(known[each.right])) for each in pairs]
    for name, timed in (
        (
            "features and keys of a posting",
            _timed(lambda each: blocks(read(each).features), known.values()),
        ),
        ("a judgement of two that are read", _timed(lambda each: judge(*each), both)),
        # Which are computed once for each.
        ("features of two", _timed(lambda each: (each[0].features, each[1].features), both)),
        (
            "a look whether texts are worth reading",
            _timed(lambda each: likely(each[0].features, each[1].features), both),
        ),
    ):
        console.print(f"{name}: median {median(timed):.3f} ms, mean {mean(timed):.3f} ms")


def _timed(function: Callable[[Any], object], given: Iterable[Any]) -> list[float]:
    """Return the processor time of each call, in milliseconds."""
    found = []
    for each in given:
        start = time.process_time()
        function(each)
        found.append(1_000 * (time.process_time() - start))
    return found


def _all(folder: Path) -> Iterator[JobPosting]:
    for name in (*_MANY, _TEXTS):
        for record in open_records(folder / name):
            yield take_in(record.posting or {})[0]


def _show_store(given: Sequence[JobPosting]) -> None:
    """Let postings arrive one after another, and count what each meets."""
    holders: dict[int, list[int]] = defaultdict(list)
    kept: list[Read] = []
    met, worth, judged, timed = [], [], [], []
    for number, posting in enumerate(given):
        start = time.process_time()
        opened = read(posting)
        keys = blocks(opened.features)
        found = {
            each for key in keys for each in _newest(holders[key], key in opened.features.bands)
        }
        likely_ones = [each for each in found if likely(opened.features, kept[each].features)]
        likely_ones.sort(key=lambda each: -_alike(opened, kept[each]))
        # A store reads the texts of the others again.
        near = [read(given[each]) for each in likely_ones[:READ]]
        for each in near:
            judge(opened, each)
        timed.append(1_000 * (time.process_time() - start))
        for key in keys:
            holders[key].append(number)
        opened.words = []
        for kept_text in ("shingles", "runs", "distinct_runs"):
            opened.__dict__.pop(kept_text, None)
        kept.append(opened)
        met.append(len(found))
        worth.append(len(likely_ones))
        judged.append(len(near))
    last_ones = [at for at in range(len(given) * 9 // 10, len(given)) if given[at].description]
    console.print(
        f"{len(given):,} postings arrive one after another; of the {len(last_ones):,} with a text "
        "in the last tenth each"
    )
    for name, figures in (
        ("meets candidates", met),
        ("has candidates worth reading", worth),
        ("is judged beside", judged),
        ("takes milliseconds of processor time", timed),
    ):
        last = sorted(figures[at] for at in last_ones)
        console.print(
            f"  {name}: mean {mean(last):.2f}, median {median(last):.2f}, "
            f"99% {last[int(0.99 * len(last))]:.2f}, most {last[-1]:.2f}"
        )
    rows = sum(map(len, holders.values()))
    console.print(f"  {rows / len(given):.1f} keys a posting, {len(holders):,} different ones")


def _alike(left: Read, right: Read) -> float:
    return resemblance(left.features.signature, right.features.signature)


def _newest(numbers: list[int], band: bool) -> list[int]:
    if band and len(numbers) > MOST:
        return []
    return numbers[-MOST:]
