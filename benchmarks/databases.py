"""Databases and files of generated postings, kept between runs.

They lie in ``.bench-cache/`` of the checkout, or where ``JOBSTORE_BENCH_CACHE`` says. Their
names tell their size and a hash of everything that decides what is in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import generator
from benchmarks.processes import run_child
from jobstore.resources import migrations_folder
from jobstore.settings import sqlite_url

REPOSITORY = Path(__file__).resolve().parents[1]
KINDS = {
    "postings": "benchmarks/generator.py",
    "even": "benchmarks/even_draws.py",
    "plain": "benchmarks/living.py",
    "lived": "benchmarks/living.py",
}
"""What databases are made of: the kinds of postings, and what makes each."""
# What decides the content of a database beside its migrations, whatever its kind.
_SOURCES = (
    "benchmarks/generator.py",
    "benchmarks/vocabulary.py",
    "jobstore/search/words.py",
    "jobstore/derived/facet_words.py",
    "jobstore/engines/sqlite/writing/indexing.py",
    "jobstore/engines/sqlite/writing/list_order.py",
    "jobstore/engines/sqlite/writing/counters.py",
)


@dataclass(slots=True, frozen=True)
class Database:
    """A cached database, and how its making went: seconds and peak resident memory in bytes."""

    path: Path
    size: int
    seconds: float
    memory: int
    kind: str = "postings"

    @property
    def url(self) -> str:
        """The URL that the store is opened with."""
        return sqlite_url(self.path)


def folder() -> Path:
    """Return the cache folder; it exists then."""
    path = Path(os.environ.get("JOBSTORE_BENCH_CACHE") or REPOSITORY / ".bench-cache")
    path.mkdir(parents=True, exist_ok=True)
    return path


def version(kind: str = "postings") -> str:
    """Return the hash of what decides the content of a database."""
    digest = hashlib.sha256()
    sources = dict.fromkeys((KINDS[kind], *_SOURCES))
    migrations = sorted(Path(str(migrations_folder("sqlite"))).glob("*.sql"))
    for path in [*migrations, *(REPOSITORY / name for name in sources)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def database(size: int, kind: str = "postings") -> Database:
    """Return the database of ``size`` postings, made in a process of its own if need be.

    ``kind`` is one of KINDS.
    """
    path = folder() / f"{kind}-{size}-{version(kind)}.db"
    about = path.with_suffix(".json")
    if not about.exists():
        _say(f"making a database of {size:,} postings ({kind}), once")
        for old in folder().glob(f"{kind}-{size}-*.*"):
            old.unlink()
        made = run_child("build", path, kind, size)
        about.write_text(json.dumps(made), encoding="utf-8")
    made = json.loads(about.read_text(encoding="utf-8"))
    return Database(path, size, made["seconds"], made["memory"], kind)


@contextmanager
def working_copy(original: Database) -> Iterator[Database]:
    """Give a copy of a database to write to, and remove it afterwards."""
    with TemporaryDirectory(dir=folder(), prefix="copy-") as place:
        path = Path(place) / "jobs.db"
        shutil.copyfile(original.path, path)
        yield replace(original, path=path)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder beside the cached databases, on the same disk."""
    with TemporaryDirectory(dir=folder(), prefix="scratch-") as place:
        yield Path(place)


def postings_file(count: int) -> Path:
    """Return a JSON Lines file of ``count`` postings."""
    path = folder() / f"postings-{count}-{version()}.jsonl"
    if not path.exists():
        _say(f"writing a file of {count:,} postings, once")
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as stream:
            for posting in generator.postings(count):
                stream.write(json.dumps(posting, default=_iso, ensure_ascii=False) + "\n")
        part.rename(path)
    return path


def _iso(moment: Any) -> str:
    text: str = moment.isoformat()
    return text


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)
