"""Reading every row of a store, and comparing what is kept twice.

One class for each kind of check, and one finding of each. Nothing is opened and nothing is
changed here; the caller gives a connection. To add a check, add its class to :func:`verify_rows`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from jobstore.derived.facet_words import EVERY
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.kept import FOLLOWING, KEPT
from jobstore.engines.rows import LISTED_AT, LISTED_TIE, PLACE
from jobstore.engines.sqlite.search.statements import mirrored
from jobstore.engines.sqlite.tables import tables
from jobstore.engines.sqlite.transaction import snapshot
from jobstore.engines.sqlite.upkeep.rebuilding import NEWEST_FIRST
from jobstore.engines.sqlite.writing import renewing
from jobstore.engines.sqlite.writing.counters import misplaced_quartiles
from jobstore.engines.sqlite.writing.indexing import Entry, entry, numbered
from jobstore.engines.verifying import (
    Content,
    Counters,
    Digests,
    Faults,
    Order,
    Postings,
    RowCheck,
    called,
    hexadecimal,
    history,
    life,
)
from jobstore.verdicts import Check

_SQL = named_statements.load("sqlite")

# Postings whose words are held at a time.
_SLICE = 4096

_DEFINITION = "SELECT s.sql FROM sqlite_schema AS s WHERE s.name = ?"


def verify_rows(conn: sqlite3.Connection) -> list[Check]:
    """Read every posting and what belongs to it, as of one moment; return a finding each.

    Raises sqlite3.Error when the file itself cannot be read.
    """
    with snapshot(conn), _whatever_texts(conn):
        readable = Postings(_printable_entry)
        checks: list[RowCheck] = [
            Digests(),
            Order(lambda row: (row[LISTED_AT], row[LISTED_TIE])),
            _Index(conn),
            Counters(
                lambda: conn.execute(_SQL["every_counter"]), lambda: misplaced_quartiles(conn)
            ),
        ]
        for row in conn.execute(_SQL["every_posting"] + NEWEST_FIRST):
            name = f"posting {row[0].hex()}" if isinstance(row[0], bytes) else f"row {row[PLACE]}"
            content = readable.read(name, row)
            for check in checks:
                check.see(name, row, content)
        findings = [readable.finding(), *(check.finding() for check in checks)]
        belonging = (
            _texts(conn),
            history(conn.execute(_SQL["every_revision"])),
            life((kept, conn.execute(tables(kept).every)) for kept in KEPT),
            _orphans(conn),
            _foreign_keys(conn),
        )
        return [*findings, *belonging]


@contextmanager
def _whatever_texts(conn: sqlite3.Connection) -> Iterator[None]:
    """Read texts that are no UTF-8 too, so that the fault is named with its row."""
    conn.text_factory = lambda octets: octets.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        conn.text_factory = str


def _printable_entry(derived: Derived) -> Entry:
    """Return the words of a posting. Raises ValueError where damage made them no text."""
    words = entry(derived)
    "".join(filter(None, words)).encode()
    return words


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

    def see(self, name: str, row: Sequence[Any], content: Content[Entry] | None) -> None:
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


def _texts(conn: sqlite3.Connection) -> Check:
    # To the checks of postings, one without a text looks as if its text were empty.
    lost = (f"posting {hexadecimal(id)}" for (id,) in conn.execute(_SQL["postings_without_text"]))
    return Faults(lost).finding("texts", "every posting has its description")


def _orphans(conn: sqlite3.Connection) -> Check:
    faults = Faults(f"text {place}" for (place,) in conn.execute(_SQL["orphaned_texts"]))
    for id, version in conn.execute(_SQL["orphaned_revisions"]):
        faults.add(f"version {version} of posting {hexadecimal(id)}")
    for kept in FOLLOWING:
        for row in conn.execute(tables(kept).orphans):
            faults.add(called(kept, row))
    return faults.finding("orphans", "nothing that belongs to a posting is without it")


def _foreign_keys(conn: sqlite3.Connection) -> Check:
    broken = (f"{table} row {row}" for table, row, *_ in conn.execute("PRAGMA foreign_key_check"))
    return Faults(broken).finding("foreign keys", "none points to nothing")
