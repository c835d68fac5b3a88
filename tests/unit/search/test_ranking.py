"""A score is about where the words of a search stand."""

from __future__ import annotations

from jobstore.search.grammar import Expression, parse
from jobstore.search.ranking import RANKED, score, spoken, stands_in
from tests.fixtures.cases import each_case


def expression(text: str) -> Expression:
    found = parse(text)
    assert found is not None
    return found


def said(**fields: str | list[str]) -> list[str]:
    texts = [fields.get(name, []) for name in RANKED]
    return [spoken([text] if isinstance(text, str) else text) for text in texts]


@each_case(
    ("text", "worth"),
    [
        ("rust", 8),
        ("belt", 4),
        ("c++", 4),
        ("austria", 2),
        ("elsewhere", 1),
        ("location:rust", 2),
        ("title:belt", 1),
        ("rust elsewhere", 9),
        ("austria OR belt", 4),
        ('"rust engineer"', 8),
        ('"engineer rust"', 1),
        ("eng*", 8),
        ("ngineer", 1),
        ('"c++ sql"', 1),
        ('"sql server"', 4),
    ],
)
def test_each_required_part_is_worth_the_best_field_it_stands_in(text: str, worth: int) -> None:
    posting = said(
        title="Rust Engineer",
        company="Belt",
        skills=["C++", "SQL Server"],
        location="Rust, Austria",
    )
    assert score(expression(text), posting) == worth


def test_what_is_absent_says_nothing() -> None:
    assert spoken([]) == ""
    assert said() == [""] * len(RANKED)
    assert score(expression("rust OR c"), said()) == 1


def test_a_phrase_stands_within_one_part() -> None:
    ((term,),) = expression('"python sql"').required
    assert stands_in(term, spoken(["Python SQL"]))
    assert not stands_in(term, spoken(["Python", "SQL"]))
