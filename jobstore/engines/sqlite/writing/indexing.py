"""The entries of the full-text index that a transaction changes.

FTS5 gathers what is written in rising order of rowid, and writes a new segment whenever the
order breaks; segments are what has to be merged later. Postings arrive in any order, so their
entries wait here and are written once, sorted, before the commit.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from jobstore.derived.facet_words import EVERY, facet_words, skill_word
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.sqlite.search.statements import mirrored

_SQL = named_statements.load("sqlite")

Entry = tuple[str | None, ...]


def entry(derived: Derived) -> Entry:
    """Return the texts of the index's columns; they follow from the posting alone."""
    words = derived.words
    # Facet words, which no search can name, separate the skills from each other and from the
    # description, so that no phrase reaches from one into the next.
    skills = zip(words.skills, derived.job.skills, strict=True)
    parts = [f"{text} {skill_word(skill)}" for text, skill in skills]
    parts.append(facet_words(derived))
    if words.description:
        parts.append(words.description)
    # So does the word of all postings between places.
    places = f" {EVERY} ".join(words.locations) or None
    return "\n".join(parts), words.title, words.company, places


def numbered(place: int, words: Entry) -> tuple[Any, ...]:
    """Return the parameters of the statements that add or remove an entry."""
    return (mirrored(place), *words)


class IndexChanges:
    """Entries to remove and to add, by place."""

    def __init__(self) -> None:
        self._removed: dict[int, Entry] = {}
        self._added: dict[int, Entry] = {}

    def add(self, place: int, new: Entry) -> None:
        """Add the entry of the posting that stands at ``place`` now."""
        self._added[place] = new

    def remove(self, place: int, old: Entry) -> None:
        """Remove the entry at ``place``, which is ``old``."""
        if self._added.pop(place, None) is None:
            self._removed[place] = old

    def write(self, conn: sqlite3.Connection) -> None:
        """Write everything into the index, and forget it."""
        # The newest first, which is the order of the index.
        for place in sorted(self._removed.keys() | self._added.keys(), reverse=True):
            if (old := self._removed.get(place)) is not None:
                conn.execute(_SQL["delete_words"], numbered(place, old))
            if (new := self._added.get(place)) is not None:
                conn.execute(_SQL["insert_words"], numbered(place, new))
        self._removed.clear()
        self._added.clear()
