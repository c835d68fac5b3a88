"""Any text may be searched for, and what is found is what the grammar says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from unicodedata import normalize, ucd_3_2_0

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.engines.sqlite.search.pages import count
from jobstore.errors import InvalidQuery
from jobstore.intake.markup import plain_text
from jobstore.records import JobPosting, SearchQuery, Sort
from jobstore.search.criteria import check_query
from jobstore.search.excerpts import Excerpts
from jobstore.search.grammar import Expression, Term, parse
from jobstore.search.phrases import fold_in_place
from jobstore.search.words import fold, index_text, words
from tests.unit.sqlite.library import find, library, posting, search, store

# What newer versions of Unicode added is up to the linked SQLite.
known_text = st.text(
    st.characters(codec="utf-8", exclude_characters="\0").filter(
        lambda char: ucd_3_2_0.category(char) != "Cn"
    ),
    max_size=40,
).map(partial(normalize, "NFC"))  # as intake gives it
VOCABULARY = [
    *("data", "Data", "dat", "engineer", "engine", "R", "c", "C++", "C#", ".NET", "ASP.NET"),
    *("Node.js", "nodejs", "dev-ops", "dev", "O’Brien", "café", "Cafe\u0301", "CAFE", "Straße"),
    *(
        "strasse",
        "数据",
        "数据工程师",
        "工程",
        "엔지니어",
        "AT&T",
        "พนักงานขาย",
        "งาน",
        "ขาย",
        "ที่",
        "ท",
        "title",
        "or",
        "OR",
        "AND",
    ),
]
phrases = st.lists(st.sampled_from(VOCABULARY), max_size=4).map(" ".join)
postings = st.builds(
    posting,
    title=phrases,
    company=phrases,
    location=st.none() | phrases,
    skills=st.lists(st.sampled_from(VOCABULARY), max_size=3),
    description=st.none() | phrases,
)
pieces = st.sampled_from(
    [
        *(*VOCABULARY, " ", " ", " ", '"', "-", "*", "(", ")", " OR ", "title:", "company:"),
        *(
            "location:",
            " AND ",
            " NOT ",
            "|",
            "!",
            "+",
            "“",
            "»",
            "~2",
            "^",
            " (",
            ") ",
            "js",
            "net",
        ),
    ]
)
texts = st.lists(pieces, max_size=12).map("".join)


@pytest.fixture(scope="module")
def filled() -> Iterator[sqlite3.Connection]:
    conn = library()
    store(conn, [posting(f"{word} title", description=word) for word in VOCABULARY])
    yield conn
    conn.close()


@given(st.text() | texts, st.sampled_from(Sort))
def test_any_text_answers_or_says_why_not(
    filled: sqlite3.Connection, text: str, sort: Sort
) -> None:
    try:
        criteria = check_query(SearchQuery(text=text, sort=sort))
    except InvalidQuery:
        return
    page = search(filled, criteria, limit=100)
    assert len(page.items) == page.total == count(filled, criteria)


@given(known_text, known_text)
def test_any_word_of_a_text_finds_it(title: str, description: str) -> None:
    conn = library()
    store(conn, [posting(f"x {title}", description=description), posting("other")])
    for text in (title, plain_text(description)):
        for part in (*words(text), *text.split()):
            quoted = part.replace('"', " ").rstrip("*")
            if words(quoted):
                assert f"x {title}" in find(conn, f'"{quoted}"')
    conn.close()


def occurs(term: Term, columns: dict[str, list[str]]) -> bool:
    """Whether the words of a term follow each other in a column it may be in."""
    for column, found in columns.items():
        if term.field not in (None, column):
            continue
        for start in range(len(found) - len(term.words) + 1):
            *before, last = found[start : start + len(term.words)]
            same = before == list(term.words[:-1])
            if same and (
                last == term.words[-1] or (term.prefix and last.startswith(term.words[-1]))
            ):
                return True
    return False


def matches(expression: Expression | None, one: JobPosting) -> bool:
    if expression is None:
        return True
    columns = {
        "title": words(one.title),
        "company": words(one.company),
        "location": words(one.location or ""),
        "skills": words("\n".join(one.skills)),
        "description": words(one.description or ""),
    }
    return all(
        any(occurs(term, columns) for term in group) for group in expression.required
    ) and not any(occurs(term, columns) for term in expression.excluded)


@given(st.lists(postings, max_size=8), st.lists(texts, min_size=1, max_size=5))
def test_the_index_finds_what_the_grammar_says(stored: list[JobPosting], asked: list[str]) -> None:
    conn = library()
    store(conn, stored)
    for text in asked:
        try:
            expression = parse(text)
        except InvalidQuery:
            continue
        expected = sorted(one.source_job_id for one in stored if matches(expression, one))
        for sort in (Sort.NEWEST, Sort.RELEVANCE):
            page = search(conn, check_query(SearchQuery(text=text, sort=sort)), limit=100)
            assert sorted(item.source_job_id for item in page.items) == expected
    conn.close()


@given(phrases, phrases)
def test_snippets_mark_whatever_was_found(query: str, text: str) -> None:
    try:
        expression = parse(query)
    except InvalidQuery:
        return
    if expression is None or not expression.required:
        return
    excerpt = Excerpts(expression).snippet("-", text)
    found = any(
        occurs(term, {"description": words(text)})
        for group in expression.required
        for term in group
    )
    assert found <= ("**" in excerpt)


@given(st.text())
def test_no_rewriting_fails_or_lets_facets_through(text: str) -> None:
    assert "\ue000" not in index_text(text)
    assert fold(fold(text)) == fold(text)
    folded, places = fold_in_place(text)
    assert len(folded) == (len(text) if places is None else len(places))
