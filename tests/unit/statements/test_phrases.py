"""Finding what was searched for in the original text."""

from __future__ import annotations

import pytest

from jobstore.statements.phrases import find_phrase, fold_in_place
from jobstore.statements.words import words


def test_folding_in_place_knows_where_characters_stood() -> None:
    assert fold_in_place("Ab c") == ("ab c", None)
    assert fold_in_place("Café–X") == ("cafe x", None)
    folded, places = fold_in_place("Straße\u00ad1")
    assert folded == "strasse1"
    assert places == [0, 1, 2, 3, 4, 4, 5, 7]
    assert fold_in_place("x ﾃﾞｰﾀ") == ("x データ", [0, 1, 2, 4, 5])
    assert fold_in_place("ｷﾅ") == ("キナ", None)


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("C++", "know C++17", "c++"),
        ("C#", "know C#", "c#"),
        (".NET", "ASP.NET", ".net"),
        ("Node.js", "NodeJS", "nodejs"),
        ("Node.js", "use node.JS!", "node.js"),
        ("data engineer", "a data – engineer", "data   engineer"),
        ("data", "database", None),
        ("data", "bigdata", None),
        ("工程", "数据工程师", "工程"),
        ("java", "用Java开发", "java"),
        ("c", "c++ c#", None),
        ("c", "c++, c.", "c"),
        ("c++ java", "C++/Java", "c++/java"),
        ("use .net", "we use .NET", "use .net"),
        ("data java", "data", None),
    ],
)
def test_a_phrase_is_found_where_the_index_finds_it(
    query: str, text: str, found: str | None
) -> None:
    folded, _ = fold_in_place(text)
    match = find_phrase(folded, tuple(words(query)), False)
    assert (match and folded[slice(*match)]) == found


def test_a_prefix_goes_on_to_the_end_of_the_word() -> None:
    folded = "big data engineers wanted"
    assert find_phrase(folded, ("data", "eng"), True) == (4, 18)
