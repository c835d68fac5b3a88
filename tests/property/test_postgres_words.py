"""What PostgreSQL finds is what the grammar says, also where a vector cannot hold all positions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobstore.derived.merge import merge
from jobstore.derived.record import Derived
from jobstore.engines.postgres.search import statements, vectors
from jobstore.engines.postgres.search.match import match
from jobstore.engines.postgres.search.statements import Shape
from jobstore.errors import InvalidQuery
from jobstore.records import JobPosting, SearchQuery
from jobstore.search.criteria import check_query
from jobstore.search.grammar import parse
from tests.fixtures.postgres import PostgresServer
from tests.property.test_search_grammar import matches, postings, texts

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SHORT = {label: places[:7] for label, places in vectors._PLACES.items()}


def finds(conn: psycopg.Connection[Any], one: JobPosting, text: str) -> bool:
    """Whether the conditions of a search hold for a posting, as the server sees it."""
    found = match(check_query(SearchQuery(text=text)))
    names = {"match": found.query, "phrases": found.phrases}
    bound = {name: value for name, value in names.items() if value is not None}
    sql = statements.count(Shape(frozenset(bound)))
    row = '(VALUES (%(words)s::tsvector, %(spoken)s::text)) AS "p" ("words", "spoken")'
    words = vectors.indexed(Derived(merge(None, one, NOW).job))
    bound |= {"words": words.vector, "spoken": words.spoken}
    sql = sql.replace('"posting" "p"', row)
    ((amount,),) = conn.execute(sql.encode(), bound, prepare=False).fetchall()
    return bool(amount)


@pytest.mark.parametrize("holds", ["everything", "one of each word", "few words"])
@given(st.lists(postings, max_size=3), st.lists(texts, min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_index_finds_what_the_grammar_says(
    postgres: PostgresServer, holds: str, stored: list[JobPosting], asked: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(postgres.url) as conn:
        if holds == "one of each word":
            patch.setattr(vectors, "_MOST_POSITIONS", 1)
        elif holds == "few words":
            patch.setattr(vectors, "_PLACES", SHORT)
            patch.setattr(vectors, "_LAST", 6)
        for text in asked:
            try:
                expression = parse(text)
            except InvalidQuery:
                continue
            for one in stored:
                assert finds(conn, one, text) == matches(expression, one)
