"""Pairs of real postings that people judged by reading, and how well a way to judge does on them.

``tests/data/duplicates`` holds the ids and the judgements; the postings are in the data for tests.
The page beside the files says in which order the rules met them.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import REPOSITORY
from jobstore.errors import InvalidPosting
from jobstore.exchange import open_records, parse_columns
from jobstore.intake.lenient import take_in
from jobstore.records import JobPosting

LABELS = REPOSITORY / "tests" / "data" / "duplicates"
SAME = ("full", "partial", "semantic", "temporal")
"""The classes of one opening, after Eurostat's challenge."""
OTHER = ("sibling", "none")
CLASSES = (*SAME, "doubtful", *OTHER)

_INDEED = "title=Job Title,company=Company,location=Location,salary_text=Salary"
_OTHERS = "title=Name,company=Company,location=Location,salary_text=Salary,url=Url"
# The first two letters of an id, and the file that its number counts rows of.
_FILES = {
    "ga": ("glassdoor_data_analyst", _OTHERS),
    "gs": ("glassdoor_data_scientist", _OTHERS),
    "ia": ("indeed-da-0407", _INDEED),
    "is": ("indeed-ds-0407", _INDEED),
    "la": ("linkedin_data_analyst", _OTHERS),
    "ls": ("linkedin_data_scientist", _OTHERS),
}
# The same for what other boards and companies show, whose columns are known.
_MORE = {
    "aa": "apis/ashby_board.json",
    "al": "apis/lever_postings.json",
    "az": "tables/adzuna.csv.gz",
    "ct": "tables/careers_tracked.jsonl.gz",
    "jd": "jobspy/japandev.csv",
    "jf": "jobspy/fr_32.csv",
    "jj": "jobspy/jp_linkedin_20.csv",
    "jn": "tables/jobspy_none.csv",
    "js": "tables/jsearch.csv",
    "jt": "jobspy/tokyodev_27.csv",
    "jw": "jobspy/widesu_5sites_175.csv",
    "jy": "jobspy/yshauly_linkedin_jobs.json",
    "lp": "linkedin/postings.csv",
    "ro": "tables/remoteok.csv.gz",
    "ta": "tables/tracker_active.csv.gz",
}
_SOURCES = {"g": "glassdoor", "i": "indeed", "l": "linkedin"}

Postings = dict[str, JobPosting]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two postings, and what reading them found."""

    left: str
    right: str
    found: str

    @property
    def second(self) -> bool:
        """Whether the pair is of the half that was looked at after the other."""
        return hashlib.sha256(f"{self.left} {self.right}".encode()).digest()[0] % 2 == 1


def labelled(name: str = "pairs") -> list[Pair]:
    """Return all pairs of a file: ``pairs``, ``later`` for those that were judged after the rules
    were made, ``blind``, ``adzuna`` and ``boards`` for those that were judged before the rules met
    them, and ``called`` for those that the rules called the same before somebody read them."""
    with (LABELS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [Pair(row["left"], row["right"], row["class"]) for row in csv.DictReader(file)]


def postings(folder: Path) -> Postings:
    """Return the postings of three boards by their ids, each once; ``folder`` is the test data."""
    found: Postings = {}
    keys = set()
    for short, (name, columns) in _FILES.items():
        path = folder / "crossboard_2020" / f"{name}.csv.gz"
        mapping = parse_columns(f"{columns},description=Description")
        records = open_records(path, source=_SOURCES[short[0]], columns=mapping)
        for row, record in enumerate(records):
            posting, _ = take_in(record.posting or {})
            key = (posting.source, posting.source_job_id)
            if key not in keys:
                keys.add(key)
                found[f"{short}{row}"] = posting
    return found


def others(folder: Path) -> Postings:
    """Return the postings of all other files that pairs are of, by their ids, each once.

    ``folder`` is the data for tests. An id is two letters and the number of the row, from 0.
    """
    found: Postings = {}
    for short, name in _MORE.items():
        keys = set()
        for row, record in enumerate(open_records(folder / name)):
            try:
                posting, _ = take_in(record.posting or {})
            except InvalidPosting:
                # Some rows have no title.
                continue
            key = (posting.source, posting.source_job_id)
            if key not in keys:
                keys.add(key)
                found[f"{short}{row}"] = posting
    return found


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95% interval of a share (Wilson, JASA 22, 1927)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.959964, hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + z * z / of)), min(
        1.0, (middle + spread) / (1 + z * z / of)
    )


@dataclass(frozen=True, slots=True)
class Score:
    """How many pairs of each class a way to judge called the same, of how many."""

    called: Counter[str]
    of: Counter[str]

    @property
    def right(self) -> int:
        """The pairs of one opening that were called the same."""
        return sum(self.called[each] for each in SAME)

    def judged_same(self, *, strict: bool = False) -> int:
        """All pairs that were called the same; doubtful ones only where ``strict``."""
        wrong = (*OTHER, "doubtful") if strict else OTHER
        return self.right + sum(self.called[each] for each in wrong)

    @property
    def to_find(self) -> int:
        """The pairs of one opening."""
        return sum(self.of[each] for each in SAME)

    @property
    def precision(self) -> float:
        """The share of pairs called the same that are, doubtful ones left out."""
        return self.right / (self.judged_same() or 1)

    @property
    def recall(self) -> float:
        """The share of pairs of one opening that were called the same."""
        return self.right / (self.to_find or 1)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def lines(self) -> Iterator[str]:
        """Yield the figures with their intervals, and those of each class."""
        for name, of in (
            ("precision", self.judged_same()),
            ("strict precision", self.judged_same(strict=True)),
            ("recall", self.to_find),
        ):
            low, high = wilson(self.right, of)
            share = self.right / (of or 1)
            yield f"{name} {share:.4f} ({self.right} of {of}; 95%: {low:.4f} to {high:.4f})"
        yield ", ".join(f"{each} {self.called[each]} of {self.of[each]}" for each in CLASSES)


def score(pairs: Iterable[Pair], same: Callable[[Pair], bool]) -> Score:
    """Return how well ``same`` does on ``pairs``."""
    found = Score(Counter(), Counter())
    for pair in pairs:
        found.of[pair.found] += 1
        found.called[pair.found] += same(pair)
    return found
