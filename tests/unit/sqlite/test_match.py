"""Criteria as FTS5 queries."""

from __future__ import annotations

from typing import Any

import pytest

from jobstore.derived.facet_words import (
    APPLICANTS,
    EVERY,
    YEARLY_MAX,
    YEARLY_MIN,
    facet_word,
    pair_word,
)
from jobstore.engines.sqlite.search.match import MAX_PREFIX_WORDS, Match, any_of, match, quoted
from jobstore.errors import InvalidQuery
from jobstore.records import SearchQuery
from jobstore.search.criteria import check_query
from tests.fixtures.cases import each_case

ENDINGS = {"eng": ["eng", "engine", "engineer"], "dat": ["data"]}


def expand(stem: str, limit: int) -> list[str]:
    return ENDINGS.get(stem, [])[:limit]


def matched(**fields: object) -> Match:
    return match(check_query(SearchQuery(**fields)), expand)


def queries(found: Match) -> list[str]:
    return [part.query for part in found.required]


@each_case(
    ("text", "query"),
    [
        ("data", '"data"'),
        ("data engineer", '"data" AND "engineer"'),
        ("a b c", '(("a" AND "b") NOT "\ue0000") AND "c"'),
        ('"data engineer"', '"data engineer"'),
        ("a OR b", '("a" OR "b")'),
        ("title:a OR company:b", '(title : "a" OR company : "b")'),
        ("eng*", '("eng" OR "engine" OR "engineer")'),
        ('"big dat"*', '"big data"'),
        ("title:eng*", 'title : ("eng" OR "engine" OR "engineer")'),
        ("a OR zzz*", '"a"'),
        ("a -b -title:c", '("a") NOT ("b" OR title : "c")'),
        ("-b", f'("{EVERY}") NOT ("b")'),
        ("a -zzz*", '"a"'),
        ("AND NEAR ^x", '(("and" AND "near") NOT "\ue0000") AND "x"'),
    ],
)
def test_texts(text: str, query: str) -> None:
    assert matched(text=text).query() == query


def test_facets_are_words() -> None:
    found = matched(text="a", status="open", company=("X", "Y"), skills=("c++", "R"))
    assert queries(found) == [
        any_of(quoted(facet_word("company", name)) for name in ("x", "y")),
        quoted(facet_word("status", "open")),
        quoted(facet_word("skills", "c++")),
        quoted(facet_word("skills", "r")),
        '"a"',
    ]


def test_status_and_workplace_are_one_word() -> None:
    assert queries(matched(status="open", workplace=("remote", "hybrid"), country="DE")) == [
        any_of(quoted(pair_word("open", workplace)) for workplace in ("hybrid", "remote")),
        quoted(facet_word("country", "DE")),
    ]
    assert queries(matched(workplace="remote")) == [quoted(facet_word("workplace", "remote"))]


def test_the_rarest_part_can_lead() -> None:
    plain = matched(text="the data -big engineer")
    found = plain.ordered(dict(zip(plain.required, (90, 20, 10), strict=True)))
    assert queries(found) == ['"engineer"', '"data"', '"the"']
    assert found.excluded == ('"big"',)


@each_case(
    ("text", "sample"),
    [
        ('"of the engineer"', '"engineer"'),
        ("title:lead", '"lead"'),
        ('a OR title:"b cc" OR dat*', '("a" OR "cc" OR "data")'),
        ('"big eng"*', '("big" OR "engine" OR "engineer")'),
        (" OR ".join(f"w{n}" for n in range(21)), ""),
        ("zzz*", ""),
    ],
)
def test_a_sample_is_of_single_words_anywhere(text: str, sample: str) -> None:
    (part,) = matched(text=text).required
    assert part.sample == sample


def test_what_cannot_be_sampled_comes_last() -> None:
    many = " OR ".join(f"w{n}" for n in range(21))
    plain = matched(text=f"{many} the")
    found = plain.ordered({plain.required[1]: 500})
    assert queries(found)[0] == '"the"'


@each_case(
    ("fields", "expected"),
    [
        ({"text": "data"}, True),
        ({"text": "data -big"}, True),
        ({"source": ("a", "b")}, True),
        ({"text": "-big"}, True),
        ({"text": "data big"}, False),
        ({"text": '"data big"'}, False),
        ({"text": "title:data"}, False),
        ({"text": "data", "source": "a"}, False),
    ],
)
def test_a_search_is_plain_when_all_that_is_read_matches(
    fields: dict[str, Any], expected: bool
) -> None:
    assert matched(**fields).is_plain is expected


def test_ranges_are_buckets() -> None:
    def buckets(words: tuple[str, ...]) -> str:
        return any_of(map(quoted, words))

    found = matched(salary_min=60_000, salary_max=90_000, applicants_min=3, applicants_max=3)
    assert queries(found) == [
        buckets(YEARLY_MAX.reaching(60_000, None)),
        buckets(YEARLY_MIN.reaching(None, 90_000)),
        buckets((APPLICANTS.words(3)[1],)),
    ]


def test_nothing_to_ask_for() -> None:
    assert matched().is_empty
    assert matched(sort="salary").is_empty
    assert matched().query() == quoted(EVERY)
    assert not matched(text="-a").is_empty


def test_a_prefix_without_words_is_impossible_unless_there_is_an_alternative() -> None:
    assert matched(text="zzz*").is_impossible
    assert matched(text="a title:zzz*").is_impossible
    assert not matched(text="a OR zzz*").is_impossible
    assert not matched(text="-zzz*").is_impossible


def test_more_parts_come_first() -> None:
    assert matched(text="a").query('"x"') == '"x" AND "a"'


def test_prefixes_share_a_limit() -> None:
    many = [f"w{number:04}" for number in range(MAX_PREFIX_WORDS + 1)]
    for text in ("w*", "x w*", "a OR w* OR b", "-w*"):
        with pytest.raises(InvalidQuery, match=r"add letters to w\*"):
            match(check_query(SearchQuery(text=text)), lambda _, limit: many[:limit])
    criteria = check_query(SearchQuery(text="w* x*"))
    half = MAX_PREFIX_WORDS // 2
    with pytest.raises(InvalidQuery, match=r"add letters to x\*"):
        match(criteria, lambda _, limit: many[: min(limit, half + 1)])
    assert not match(criteria, lambda _, limit: many[: min(limit, half)]).is_impossible


def test_quotes_are_doubled() -> None:
    assert quoted('a"b') == '"a""b"'
