"""Reading every row of a store, and comparing what is kept twice.

One class for each kind of check, and one finding of each. Nothing is opened and nothing is
changed here; the caller gives a connection. To add a check, add its class to :func:`verify_rows`.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple, Protocol

from jobstore.derived.counters import SPELLED, Counter, Tally
from jobstore.derived.digests import revision_digest
from jobstore.derived.facet_words import EVERY
from jobstore.derived.micros import to_micros
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.rows import (
    DIGEST,
    LISTED_AT,
    LISTED_TIE,
    PLACE,
    SEEN_DIGEST,
    job_from_row,
    revision_from_row,
    row_digests,
)
from jobstore.engines.sqlite.search.statements import mirrored
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.upkeep.rebuilding import NEWEST_FIRST
from jobstore.engines.sqlite.writing import renewing
from jobstore.engines.sqlite.writing.counters import misplaced_quartiles
from jobstore.engines.sqlite.writing.indexing import Entry, entry, numbered
from jobstore.search.words import fold
from jobstore.verdicts import Check, Verdict, finding

_SQL = named_statements.load("sqlite")

# The most faults of one kind that are named one by one.
_TOLD = 5
# Postings whose words are held at a time.
_SLICE = 4096

_DEFINITION = "SELECT s.sql FROM sqlite_schema AS s WHERE s.name = ?"


class Faults:
    """What one check finds: all faults are counted, the first ones are named."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        self.number = 0
        self._told: list[str] = []
        for fault in told:
            self.add(fault)

    def add(self, fault: str) -> None:
        """Count a fault."""
        self.number += 1
        if len(self._told) < _TOLD:
            self._told.append(fault)

    def finding(self, name: str, good: str) -> Check:
        """Return the finding; ``good`` is what to say when there is no fault."""
        if not self.number:
            return finding(name, Verdict.PASS, good)
        more = f" and {self.number - _TOLD:,} more" if self.number > _TOLD else ""
        return finding(name, Verdict.FAIL, "; ".join(self._told) + more)


class _Content(NamedTuple):
    """A posting that can be read, and what follows from it."""

    listed_at: int
    words: Entry
    counters: list[tuple[Counter, int]]


class _Check(Protocol):
    """One kind of check: sees every posting, newest first, then says what it found."""

    def see(self, name: str, row: Sequence[Any], content: _Content | None) -> None:
        """Look at a posting, called ``name``; no content means that it cannot be read."""

    def finding(self) -> Check:
        """Say what was found in all of them."""


def verify_rows(conn: sqlite3.Connection) -> list[Check]:
    """Read every posting and what belongs to it, as of one moment; return a finding each.

    Raises sqlite3.Error when the file itself cannot be read.
    """
    with snapshot(conn), _whatever_texts(conn):
        readable = _Postings()
        checks: list[_Check] = [_Digests(), _Order(), _Index(conn), _Counters(conn)]
        for row in conn.execute(_SQL["every_posting"] + NEWEST_FIRST):
            name = f"posting {row[0].hex()}" if isinstance(row[0], bytes) else f"row {row[PLACE]}"
            content = readable.read(name, row)
            for check in checks:
                check.see(name, row, content)
        findings = [readable.finding(), *(check.finding() for check in checks)]
        belonging = (_texts(conn), _history(conn), _orphans(conn), _foreign_keys(conn))
        return [*findings, *belonging]


@contextmanager
def _whatever_texts(conn: sqlite3.Connection) -> Iterator[None]:
    """Read texts that are no UTF-8 too, so that the fault is named with its row."""
    conn.text_factory = lambda octets: octets.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        conn.text_factory = str


class _Postings:
    """Every row can be read, and has the id of its key."""

    def __init__(self) -> None:
        self._number = 0
        self._faults = Faults()

    def read(self, name: str, row: Sequence[Any]) -> _Content | None:
        """Return what the row holds, ``None`` if it cannot be read."""
        self._number += 1
        try:
            derived = Derived(job_from_row(row))
            listed = to_micros(derived.listed_at)
            content = _Content(listed, entry(derived), list(derived.counters))
            "".join(filter(None, content.words)).encode()
            wrong_id = derived.job.id != derived.id
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self._faults.add(f"{name} cannot be read ({type(error).__name__})")
            return None
        if wrong_id:
            self._faults.add(f"{name} has the id of another key")
        return content

    def finding(self) -> Check:
        good = f"all {self._number:,} are readable and have the id of their key"
        return self._faults.finding("postings", good)


class _Digests:
    """Every posting is what was written, to the bit, and was seen when it says."""

    def __init__(self) -> None:
        self._faults = Faults()

    def see(self, name: str, row: Sequence[Any], content: _Content | None) -> None:
        if content is None:
            return
        written, seen = row_digests(row)
        if row[DIGEST] != written:
            self._faults.add(f"{name} is not what was written")
        if row[SEEN_DIGEST] != seen:
            self._faults.add(f"{name} was seen or listed at another time than it says")

    def finding(self) -> Check:
        return self._faults.finding("digests", "every posting is what was written")


class _Order:
    """Places are in the order of listing."""

    def __init__(self) -> None:
        self._faults = Faults()
        self._last: Any = (math.inf,)

    def see(self, name: str, row: Sequence[Any], content: _Content | None) -> None:
        listed = row[LISTED_AT], row[LISTED_TIE]
        if listed >= self._last:
            self._faults.add(name)
        self._last = listed
        if content is not None and content.listed_at != listed[0]:
            self._faults.add(f"{name} is listed at another time than it says")

    def finding(self) -> Check:
        return self._faults.finding("order", "newest first is exact")


class _Index:
    """The full-text index has an entry for each posting, made of the posting's words.

    FTS5 cannot compare an index without content with anything, so sums are compared: every
    occurrence of a word adds a number made of the word, the posting and the position.
    """

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._faults = Faults()
        self._comparable = True
        # What programs of the version before changed, as the index knows it until it is drained.
        kept = renewing.standing(conn) is not None
        rows = conn.execute(_SQL["every_change_id"]) if kept else ()
        self._changed = frozenset(id for (id,) in rows)
        self._known = conn.execute(_SQL["changes_known"]) if kept else iter(())
        self._next_known: tuple[bytes, int, str] | None = next(self._known, None)
        self._entries = self._read_entries()
        self._next = next(self._entries, None)
        self._slice: list[tuple[int, Entry]] = []
        self._sum = 0

    def see(self, name: str, row: Sequence[Any], content: _Content | None) -> None:
        self._see_known(row[PLACE])
        if row[0] not in self._changed:
            self._expect(name, row[PLACE], None if content is None else content.words)

    def _see_known(self, place: int | None) -> None:
        """Expect the entries of changed postings that the index knows at or above a place."""
        while (change := self._next_known) is not None and (place is None or change[1] >= place):
            id, at, was = change
            self._expect(f"posting {id.hex()}", at, entry(renewing.known(id, was)))
            self._next_known = next(self._known, None)

    def _expect(self, name: str, place: int, words: Entry | None) -> None:
        self._skip_to(place)
        if self._next == place:
            self._next = next(self._entries, None)
        else:
            self._faults.add(name)
        if words is None:
            self._comparable = False
            return
        self._slice.append((place, words))
        if len(self._slice) == _SLICE:
            self._sum += self._words_of_slice()

    def finding(self) -> Check:
        self._see_known(None)
        self._skip_to(None)
        self._sum += self._words_of_slice()
        # Only where nothing else is wrong: the sum shows that words differ, but not where.
        if self._comparable and not self._faults.number:
            try:
                if self._sum != _words(self._conn):
                    self._faults.add("it holds other words than the postings do")
            except sqlite3.Error as error:
                self._faults.add(f"it cannot be read ({error})")
        return self._faults.finding("index", "the full-text index has the words of every posting")

    def _read_entries(self) -> Iterator[int]:
        # A damaged index must not keep the postings from being read.
        try:
            for (number,) in self._conn.execute(_SQL["indexed_entries"], (f'"{EVERY}"',)):
                yield mirrored(number)
        except sqlite3.Error as error:
            self._faults.add(f"it cannot be read ({error})")

    def _skip_to(self, place: int | None) -> None:
        while self._next is not None and (place is None or self._next > place):
            self._faults.add(f"entry {mirrored(self._next)} without a posting")
            self._next = next(self._entries, None)

    def _words_of_slice(self) -> int:
        """Sum up what the index should hold for the postings that were gathered."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
            for table in ("text_index", "text_vocabulary"):
                scratch.execute(self._conn.execute(_DEFINITION, (table,)).fetchone()[0])
            scratch.execute("BEGIN")
            scratch.executemany(
                _SQL["insert_words"], (numbered(place, words) for place, words in self._slice)
            )
            self._slice.clear()
            return _words(scratch)


def _words(conn: sqlite3.Connection) -> int:
    # Python hashes texts with a secret of the process; the sums that are compared are made in one.
    return sum(hash(word) * places for word, places in conn.execute(_SQL["indexed_words"]))


class _Counters:
    """The counts are what the postings add up to."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._tally = Tally()

    def see(self, name: str, row: Sequence[Any], content: _Content | None) -> None:
        if content is not None:
            self._tally.add(content.counters)

    def finding(self) -> Check:
        counted, kept, labels = self._tally.amounts, {}, {}
        for kind, value, label, amount in self._conn.execute(_SQL["every_counter"]):
            kept[kind, value], labels[kind, value] = amount, label
        faults = Faults(
            f"{_counter(kind, value)} is kept as {kept.get((kind, value), 0):,}, "
            f"counted {counted.get((kind, value), 0):,}"
            for kind, value in sorted(kept.keys() | counted.keys())
            if kept.get((kind, value), 0) != counted.get((kind, value), 0)
        )
        for (kind, value), label in labels.items():
            # The posting whose spelling is shown may be gone.
            spelled = kind in SPELLED and fold(label) == value
            if not spelled and label != self._tally.labels.get((kind, value), label):
                faults.add(f"{_counter(kind, value)} is shown as another value")
        if not faults.number:
            # They follow from the counts, so they make sense only where those do.
            faults = Faults(misplaced_quartiles(self._conn))
        return faults.finding("counters", "equal to what the postings add up to")


def _counter(kind: str, value: str) -> str:
    # Either may be damaged, and no text that can be printed.
    return f"{kind.encode('ascii', 'backslashreplace').decode()} {value!r}"


def _texts(conn: sqlite3.Connection) -> Check:
    # To the checks of postings, one without a text looks as if its text were empty.
    lost = (f"posting {_hex(id)}" for (id,) in conn.execute(_SQL["postings_without_text"]))
    return Faults(lost).finding("texts", "every posting has its description")


def _history(conn: sqlite3.Connection) -> Check:
    faults, number = Faults(), 0
    for id, *columns, written in conn.execute(_SQL["every_revision"]):
        number += 1
        name = f"version {columns[0]} of posting {_hex(id)}"
        try:
            revision_from_row(columns)
        except ValueError as error:
            faults.add(f"{name} cannot be read ({error})")
        else:
            if revision_digest(id, *columns) != written:
                faults.add(f"{name} is not what was written")
    return faults.finding("history", f"all {number:,} earlier versions are what was written")


def _orphans(conn: sqlite3.Connection) -> Check:
    faults = Faults(f"text {place}" for (place,) in conn.execute(_SQL["orphaned_texts"]))
    for id, version in conn.execute(_SQL["orphaned_revisions"]):
        faults.add(f"version {version} of posting {_hex(id)}")
    return faults.finding("orphans", "no text and no earlier version is without its posting")


def _foreign_keys(conn: sqlite3.Connection) -> Check:
    broken = (f"{table} row {row}" for table, row, *_ in conn.execute("PRAGMA foreign_key_check"))
    return Faults(broken).finding("foreign keys", "none points to nothing")


def _hex(id: Any) -> str:
    return id.hex() if isinstance(id, bytes) else str(id)
