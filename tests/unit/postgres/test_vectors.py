"""The words of a posting in a tsvector: those of SQLite's index, and no phrase across parts."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from unicodedata import normalize, ucd_3_2_0

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.derived.facet_words import MARK
from jobstore.derived.merge import merge
from jobstore.derived.record import Derived
from jobstore.engines.postgres.search.vectors import (
    FIELD,
    LONG,
    PART,
    field_word,
    indexed,
    lexeme,
)
from jobstore.intake.validation import check_posting
from jobstore.records import JobPosting, Location
from tests.fixtures.data import real_postings
from tests.fixtures.postgres import PostgresServer
from tests.unit.sqlite.library import NOW, library, posting, store

LABELS = {"title": "A", "company": "B", "location": "C", "body": ""}
ENTRY = re.compile(r"'([^']*)'(?::([0-9ABC,]+))?(?: |\Z)")

# What newer versions of Unicode added is up to the linked SQLite.
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\0").filter(
        lambda char: ucd_3_2_0.category(char) != "Cn"
    ),
    max_size=40,
).map(partial(normalize, "NFC"))
postings = st.builds(
    posting,
    title=texts,
    company=texts,
    location=st.none() | texts,
    locations=st.lists(st.builds(Location, texts.filter(bool)), max_size=3),
    skills=st.lists(texts, max_size=3),
    description=st.none() | texts,
)


def derived(one: JobPosting) -> Derived:
    return Derived(merge(None, one, NOW).job)


def said(text: str) -> dict[str, list[tuple[str, int]]]:
    """Return the words of a vector, with their labels and positions."""
    found = {}
    for word, places in ENTRY.findall(text):
        each = places.split(",") if places else []
        found[word] = [(place.lstrip("0123456789"), int(place.rstrip("ABC"))) for place in each]
    return found


def neighbours(entries: Iterable[tuple[str, str, int]]) -> set[tuple[str, str, str]]:
    """Return which words follow each other, and in which field."""
    at = {(label, place): word for word, label, place in entries}
    return {
        (label, word, at[label, place + 1])
        for (label, place), word in at.items()
        if (label, place + 1) in at
    }


def in_sqlite(conn: sqlite3.Connection) -> list[set[tuple[str, str, int]]]:
    """Return word, label and position of all that the index holds, by posting, newest first."""
    found: dict[int, set[tuple[str, str, int]]] = {}
    rows = conn.execute("SELECT v.doc, v.term, v.col, v.offset FROM text_vocabulary AS v")
    for row, term, column, offset in rows:
        found.setdefault(row, set()).add((term, LABELS[column], offset))
    return [found[row] for row in sorted(found)]


def assert_same(conn: sqlite3.Connection, stored: list[JobPosting]) -> None:
    """Assert that the vectors of postings say what the index says which holds them."""
    for held, one in zip(in_sqlite(conn), reversed(stored), strict=True):
        here = said(indexed(derived(one)).vector)
        words = {(word, label) for word, label, _ in held}
        assert {(word, label) for word, places in here.items() for label, _ in places} == {
            (word, label) for word, label in words if word[0] != MARK
        }
        assert {word for word, places in here.items() if not places} == {
            word for word, _ in words if word[0] == MARK
        } | {field_word(label, word) for word, label in words if label and word[0] != MARK}
        # Places of SQLite's columns begin anew; which words are neighbours is the same.
        entries = [(w, label, place) for w, found in here.items() for label, place in found]
        plain = {entry for entry in held if entry[0][0] != MARK}
        assert neighbours(entries) == neighbours(plain)


@given(st.lists(postings, min_size=1, max_size=4))
def test_the_words_are_those_of_the_other_index(stored: list[JobPosting]) -> None:
    conn = library()
    store(conn, stored)
    assert_same(conn, stored)
    conn.close()


def test_the_words_of_real_postings_are_those_of_the_other_index(
    real_data: Path,
) -> None:
    conn = library()
    stored = {
        (one.source, one.source_job_id): replace(one, posted_at=None)
        for one in islice(real_postings(real_data), 0, None, 5)
    }
    for one in stored.values():
        store(conn, [one])
    assert len(stored) > 800
    assert_same(conn, [*stored.values()])
    conn.close()


HOSTILE = {
    "many of a word": {"description": "a " * 300 + "b"},
    "many of a word in a title": {"title": "a " * 249 + "x", "company": "a", "location": "a"},
    "many words": {"description": " ".join(f"w{n % 7000}" for n in range(20_000))},
    "many places": {
        "locations": [Location(f"{n} " + "b c " * 400) for n in range(60)] + [Location("end")],
        "skills": ["last"],
        "description": "b end last c",
    },
    "long words": {"description": "a" * 2_046 + " " + "b" * 2_047 + " " + "é" * 9_000},
    "a quotation": {"description": "it's a \\ 'word':3 \"x\""},
    "a megabyte of words": {
        "description": " ".join(f"{chr(0xFD50 + n % 60)}" * 3 + f"{n}" for n in range(22_000))
    },
    "letters of four bytes": {
        "description": " ".join(
            f"{chr(0x1D7CE + n % 10)}{chr(0x10400) * 4}{n}" for n in range(18_000)
        )
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_server_takes_every_vector_as_it_is(postgres: PostgresServer, name: str) -> None:
    one = derived(check_posting(posting(**HOSTILE[name])))
    words = indexed(one)
    asked = "SELECT u.lexeme, u.positions, u.weights FROM unnest(%s::tsvector) AS u"
    with psycopg.connect(postgres.url) as conn:
        rows = conn.execute(asked, (words.vector,)).fetchall()
    here = said(words.vector)
    assert {word: sorted(zip(w, p, strict=True)) for word, p, w in rows if p} == {
        word: sorted((label or "D", place) for label, place in places)
        for word, places in here.items()
        if places
    }
    assert {word for word, places, _ in rows if not places} == {
        word for word, places in here.items() if not places
    }
    conn = library()
    store(conn, [check_posting(posting(**HOSTILE[name]))])
    (held,) = in_sqlite(conn)
    conn.close()
    plain = {(lexeme(word), label, place) for word, label, place in held if word[0] != MARK}
    entries = {(w, label, place) for w, found in here.items() for label, place in found}
    # In each field a word has that it has, and no two are neighbours that are not.
    if name != "a megabyte of words":
        assert {word for word, *_ in plain} <= here.keys()
        assert {lexeme(field_word(at, word)) for word, at, _ in held if at} - here.keys() == {
            field_word(at, word) for word, at, _ in held if at and word[0] == MARK
        }
    assert neighbours(entries) <= neighbours(plain)
    is_whole = neighbours(entries) == neighbours(plain)
    assert (words.spoken is None) == (LONG not in here)
    assert is_whole or words.spoken is not None
    if words.spoken is not None:
        fields = dict(zip(("A", "B", "C", ""), words.spoken.split(FIELD), strict=True))
        for label, word, other in islice(neighbours(plain), 0, None, 50):
            assert f" {word} {other} " in fields[label] or name == "long words"
        assert PART in fields[""] or not one.job.skills


def test_texts_are_kept_only_where_positions_are_left_out() -> None:
    assert indexed(derived(posting(description="a b " * 200))).spoken is None
    assert indexed(derived(posting(description="a b " * 300))).spoken is not None
