"""Criteria as a tsquery: every word quoted, fields as words of their own."""

from __future__ import annotations

import json
from typing import Any

from jobstore.derived.facet_words import EVERY, facet_word, pair_word
from jobstore.engines.postgres.search.match import Match, match
from jobstore.engines.postgres.search.vectors import LONG, field_word
from jobstore.records import SearchQuery
from jobstore.search.criteria import check_query
from tests.fixtures.cases import each_case

SENIOR, DATA = field_word("A", "senior"), field_word("A", "data")


def matched(**fields: Any) -> Match:
    return match(check_query(SearchQuery(**fields)))


@each_case(
    ("text", "query"),
    [
        ("data", "('data')"),
        ("Data engineer", "('data') & ('engineer')"),
        ("data OR nurse", "('data' | 'nurse')"),
        ("eng*", "('eng':*)"),
        ("engineer -senior", "('engineer') & !('senior')"),
        ("-senior", f"'{EVERY}' & !('senior')"),
        ("title:senior", f"('{SENIOR}')"),
        ("title:senior*", f"('{SENIOR}':*)"),
        ('"data engineer"', f"((('data' <-> 'engineer') | ('{LONG}' & 'data' & 'engineer')))"),
        (
            'title:"senior data*"',
            f"(((('senior':A <-> 'data':*A) & '{SENIOR}' & '{DATA}':*)"
            f" | ('{LONG}' & '{SENIOR}' & '{DATA}':*)))",
        ),
        ('-"data eng*"', f"'{EVERY}' & !(('data' <-> 'eng':*))"),
    ],
)
def test_texts(text: str, query: str) -> None:
    assert matched(text=text).query == query


def test_nothing_of_a_text_is_syntax() -> None:
    found = matched(text="x':A & 'y \\ 'z':* <-> 'c' %s").query
    phrase = f"(('x' <-> 'a') | ('{LONG}' & 'x' & 'a'))"
    assert found == f"({phrase}) & ('y') & ('z':*) & ('c') & ('s')"


def test_facets_are_words() -> None:
    found = matched(company=("Acme", "Flex"), status="open", workplace="remote")
    one, two = (facet_word("company", name) for name in ("acme", "flex"))
    parts = f"('{pair_word('open', 'remote')}')", f"('{one}' | '{two}')"
    assert found == Match(" & ".join(parts), parts)
    assert matched() == Match()


def test_phrases_are_looked_for_in_texts_that_the_index_does_not_hold() -> None:
    found = matched(text='nurse "a b" OR title:"c d*" -x -location:"y z"').phrases
    assert found is not None
    assert json.loads(found) == [
        {"any": [[0, " a b "], [1, " c d"]], "not": False},
        {"any": [[0, " x "], [3, " y z "]], "not": True},
    ]
    assert matched(text="nurse title:a* -b").phrases is None
