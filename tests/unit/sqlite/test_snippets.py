"""Excerpts: cut out of long texts as they stand there, with every match in them marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.engines.sqlite.snippets import Excerpts
from jobstore.statements.grammar import Expression, parse

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
