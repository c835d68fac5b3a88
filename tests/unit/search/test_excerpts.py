"""Excerpts: cut out of long texts as they stand there, with every match in them marked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.search import excerpts
from jobstore.search.excerpts import Excerpts
from jobstore.search.grammar import Expression, parse
from jobstore.search.phrases import Effort
from tests.fixtures.cases import each_case

FILLER = ["java", "Javascript", "déjà", "の", "c++", "end.", "\n\n", "a", "It", "naïve,", "x" * 90]
texts = st.lists(st.sampled_from(FILLER), min_size=40, max_size=300).map(" ".join)


def asked(text: str) -> Expression:
    expression = parse(text)
    assert expression is not None
    return expression


@given(texts, texts, st.sampled_from(["data", "Data", "DATA", "dàta"]))
def test_a_word_is_marked_wherever_a_long_text_has_it(before: str, after: str, word: str) -> None:
    found = Excerpts(asked("data")).snippet("title", f"{before} {word} {after}")
    assert found.count(f"**{word}**") == 1
    assert found.count("**") == 2


@given(texts, texts)
def test_an_excerpt_stands_in_the_text(before: str, after: str) -> None:
    text = f"{before} data engineer {after}"
    found = Excerpts(asked('"data engineer" data')).snippet("title", text)
    plain = found.replace("**", "")
    assert plain.strip("…") in " ".join(text.split())
    assert "**data engineer**" in found


@given(st.lists(st.sampled_from(["**", "*", "***", " ", "data", "**data**", "C*", "x\n"])))
def test_nothing_but_a_match_is_marked_where_a_text_has_marks_of_its_own(parts: list[str]) -> None:
    text = f"{''.join(parts)} **My** data** wanted"
    for title, description in (("A **bold** title", text), (text, None)):
        marked = Excerpts(asked("data")).snippet(title, description).split("**")[1::2]
        assert {*marked} == {"data"}
    assert Excerpts(asked("absent")).snippet("A **bold** title*", text) == "A bold title"


@given(texts)
def test_parts_of_words_are_no_matches(text: str) -> None:
    assert Excerpts(asked("script")).snippet("A title", text) == "A title"


@pytest.mark.parametrize("spelled", ["C++", "c++", "C++,", "(C++)"])
def test_names_with_symbols_are_marked_in_long_texts(spelled: str) -> None:
    text = f"{'word ' * 200}{spelled} {'more ' * 200}"
    name = spelled.strip("(),")
    assert f"**{name}**" in Excerpts(asked("c++")).snippet("title", text)


def test_all_matches_near_the_first_are_marked_and_none_further() -> None:
    text = f"{'word ' * 200}data word data {'word ' * 200}data"
    found = Excerpts(asked("data")).snippet("title", text)
    assert found.count("**data**") == 2
    assert found.startswith("…")
    assert found.endswith("…")


@pytest.mark.parametrize("unseen", ["\ufeff", "\xad", "\u2060", "\u0301"])
def test_nothing_is_cut_before_a_character_that_is_none(unseen: str) -> None:
    found = Excerpts(asked("data")).snippet("title", f"{unseen}Data engineer wanted")
    assert found == "**Data** engineer wanted"


def test_of_matches_that_begin_together_the_longest_is_marked() -> None:
    assert "**data engineer**" in Excerpts(asked('data "data engineer"')).snippet(
        "t", "a data engineer b"
    )


LONG = 200_000
ALMOST = '"' + "a " * 31 + 'b"'


def sized(text: str) -> str:
    return (text * (LONG // len(text) + 1))[:LONG]


# Texts as long as a description may be, what is searched for, and how the text begins.
HOSTILE = {
    "a phrase that almost stands everywhere": (sized("a "), ALMOST, "a a a"),
    "many phrases": (sized("a b "), " ".join(f'"a b {n}"' for n in range(32)), "a b a b"),
    "without spaces": (sized("工"), '"' + "工" * 32 + '程"', "工工工"),
    "clusters": (sized("ที่"), '"' + "ที่" * 32 + 'ที"', "ที่ที่ที่"),
    "one long cluster": (sized("ะ"), '"ะะ"', "ะะะ"),
    "letters that become two": (sized("ß "), '"' + "ss " * 32 + 'b"', "ß ß ß"),
    "marks": (sized("\u0301"), "b", "\u0301\u0301"),
    "names": (sized("ac++ "), "c++", "ac++ ac++"),
    "inside of words": (sized("xa "), "a", "xa xa"),
}


@each_case("case", HOSTILE)
def test_the_beginning_stands_for_a_text_that_takes_too_long(case: str) -> None:
    text, query, beginning = HOSTILE[case]
    found = Excerpts(asked(query)).snippet("title", text)
    assert found.startswith(beginning)
    assert found.endswith("…")
    assert len(found) <= 201
    assert "**" not in found


def test_hostile_texts_do_not_take_the_excerpts_of_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    search = excerpts.find_phrase

    def counted(folded: str, words: Any, prefix: bool, effort: Effort, start: int = 0) -> Any:
        left = effort.left
        try:
            return search(folded, words, prefix, effort, start)
        finally:
            looked.append(left - effort.left)

    monkeypatch.setattr(excerpts, "find_phrase", counted)
    page = Excerpts(asked(ALMOST))
    for _ in range(100):
        assert page.snippet("title", sized("a ")).startswith("a a a")
    assert excerpts.EFFORT // 2 < sum(looked) <= excerpts.EFFORT + 100


def test_one_hostile_text_leaves_the_others_their_excerpts() -> None:
    excerpts = Excerpts(asked('"a a b"'))
    assert excerpts.snippet("title", sized("a ")).startswith("a a a")
    assert excerpts.snippet("title", "x a a b y") == "x **a a b** y"


def test_after_too_much_work_even_the_title_is_shown_as_it_is() -> None:
    excerpts = Excerpts(asked(f'{ALMOST} "a b"'))
    for _ in range(10):
        excerpts.snippet("title", sized("a "))
    assert excerpts.snippet("An a b", None) == "An a b"
    assert excerpts.snippet("An a b", "a text") == "a text"


def test_an_excerpt_is_short_however_far_a_match_goes_on() -> None:
    text = f"a {'-' * 5000} b"
    found = Excerpts(asked('"a b"')).snippet("title", text)
    assert found.startswith("**a --")
    assert len(found) < 1300
    assert len(Excerpts(asked("a*")).snippet("title", "a" * LONG)) < 1300


def test_words_inside_of_a_run_are_marked_and_no_cluster_is_cut() -> None:
    text = f"{'ที่นี่ดีมาก' * 60}รับพนักงานขายด่วน{'ที่นี่ดีมาก' * 60}"
    found = Excerpts(asked("ขาย")).snippet("title", text)
    assert "รับพนักงาน**ขาย**ด่วน" in found
    assert found.startswith(("…ที่", "…นี่", "…ดี", "…มา", "…ก"))
    assert found.endswith(("ที่…", "นี่…", "ดี…", "มา…", "ก…"))
