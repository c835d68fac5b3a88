"""Finding what was searched for in the original text."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import assume, given
from hypothesis import strategies as st

from jobstore.search import phrases
from jobstore.search.phrases import Effort, find_phrase, fold_in_place
from jobstore.search.words import words
from tests.fixtures.cases import each_case


def test_folding_in_place_knows_where_characters_stood() -> None:
    assert fold_in_place("Ab c") == ("ab c", None)
    assert fold_in_place("Café–X") == ("cafe x", None)
    folded, places = fold_in_place("Straße\u00ad1")
    assert folded == "strasse1"
    assert places == [0, 1, 2, 3, 4, 4, 5, 7]
    assert fold_in_place("x ﾃﾞｰﾀ") == ("x データ", [0, 1, 2, 4, 5])
    assert fold_in_place("ｷﾅ") == ("キナ", None)


@each_case(
    ("query", "text", "found"),
    [
        ("C++", "know C++17", "c++"),
        ("C#", "know C#", "c#"),
        (".NET", "ASP.NET", ".net"),
        ("Node.js", "NodeJS", None),
        ("Node.js", "use node.JS!", "node.js"),
        ("data engineer", "a data – engineer", "data   engineer"),
        ("data", "database", None),
        ("data", "bigdata", None),
        ("工程", "数据工程师", "工程"),
        ("java", "用Java开发", "java"),
        ("ขาย", "พนักงานขายด่วน", "ขาย"),
        ("ขา", "เขาขา", "ขา"),
        ("น", "เนาน่า", None),
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
    match = find_phrase(folded, tuple(words(query)), False, Effort(1000))
    shown = match and "".join(
        chr(ord(char) - 0xE000) if "\uee00" <= char <= "\uf7ff" else char
        for char in folded[slice(*match)]
    )
    assert shown == found


def test_a_prefix_goes_on_to_the_end_of_the_word() -> None:
    folded = "big data engineers wanted"
    assert find_phrase(folded, ("data", "eng"), True, Effort(1000)) == (4, 18)


PIECES = ["a", "b", "java", "js", "node", "Node.JS ", "net", " .net ", "asp", "vb", "++", "+", "#"]
PIECES += [
    "C#",
    "c++",
    "工",
    "程",
    " ",
    ".",
    "é",
    "ß",
    "\u00ad",
    "9",
    "-",
    "_",
    "カ",
    "ﬁ",
    "İ",
    "𝔸",
    "ที่",
    "เ",
    "า",
    "ก",
    "្ត",
]
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
ENOUGH = 10**9


def words_in_place(folded: str) -> list[tuple[str, int, int]]:
    """Return the words that are tried, each with its start and its end."""
    return [(phrases._plain(each[0]), *each.span()) for each in re.finditer(phrases._WORD, folded)]


@given(texts)
def test_the_words_in_place_are_those_of_the_index(text: str) -> None:
    folded, places = fold_in_place(text)
    assert [word for word, _, _ in words_in_place(folded)] == words(text)
    assert places is None or (len(places) == len(folded) and places == sorted(places))


def naive(folded: str, phrase: tuple[str, ...], prefix: bool) -> tuple[int, int] | None:
    """Try the phrase at each word."""
    found = words_in_place(folded)
    for first in range(len(found) - len(phrase) + 1):
        part = found[first : first + len(phrase)]
        *before, last = (word for word, _, _ in part)
        ends = last.startswith(phrase[-1]) if prefix else last == phrase[-1]
        if ends and tuple(before) == phrase[:-1]:
            return part[0][1], part[-1][2]
    return None


@given(texts, st.integers(0, 12), st.integers(1, 4), st.booleans())
def test_a_phrase_is_found_as_by_trying_it_at_each_word(
    text: str, first: int, size: int, prefix: bool
) -> None:
    folded, _ = fold_in_place(text)
    phrase = tuple(words(text)[first : first + size])
    assume(phrase)
    if prefix and len(phrase) > 1:
        phrase = (*phrase[:-1], phrase[-1][:1])
    else:
        prefix = False
    assert find_phrase(folded, phrase, prefix, Effort(ENOUGH)) == naive(folded, phrase, prefix)


@given(
    st.lists(st.sampled_from("ab"), max_size=40),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=6),
)
def test_a_phrase_that_begins_within_itself_is_found(text: list[str], phrase: list[str]) -> None:
    folded = ", ".join(text)
    found = find_phrase(folded, tuple(phrase), False, Effort(ENOUGH))
    assert found == naive(folded, tuple(phrase), False)


# Texts that are looked at again and again by whoever tries a phrase at each word, and phrases.
HOSTILE: dict[str, Callable[[int], tuple[str, str]]] = {
    "a phrase that almost stands everywhere": lambda n: ("a " * n, "a " * (n // 8) + "b"),
    "one that repeats itself": lambda n: ("a b " * n, "a b " * (n // 8) + "a a"),
    "with a prefix": lambda n: ("ab " * n, "ab " * (n // 8) + "c"),
    "without spaces": lambda n: ("工" * n, "工" * (n // 8) + "程"),
    "clusters": lambda n: ("ที่" * n, "ที่" * (n // 8) + "ที"),
    "one long cluster": lambda n: ("ะ" * n, "ะ" * (n // 8)),
    "foreign letters": lambda n: ("é " * n, "é " * (n // 8) + "b"),
    "wide gaps": lambda n: (("a" + " " * 50) * (n // 50), "a " * (n // 8) + "b"),
    "one long word": lambda n: ("a" * n, "a" * (n // 8)),
    "a name that is never complete": lambda n: ("ac++ " * n, "c++"),
    "one with two spellings": lambda n: (".nets dotnets " * n, ".net"),
}


@each_case("case", HOSTILE)
def test_the_work_grows_with_text_and_phrase_not_with_their_product(case: str) -> None:
    spent = []
    for size in (400, 800, 1600):
        text, phrase = HOSTILE[case](size)
        folded, _ = fold_in_place(text)
        effort = Effort(ENOUGH)
        assert find_phrase(folded, tuple(words(phrase)), case == "with a prefix", effort) is None
        spent.append(ENOUGH - effort.left)
        assert spent[-1] <= 3 * (len(text) + len(phrase))
    # Twice the text and twice the phrase are twice the work.
    assert spent[2] <= 2 * spent[1] + 10 <= 4 * spent[0] + 40


def test_the_search_ends_with_its_effort() -> None:
    effort = Effort(10)
    assert find_phrase("a " * 1000 + "b", ("a", "b"), False, effort) is None
    assert effort.left < 0
    assert find_phrase("a " * 1000 + "b", ("a", "b"), False, Effort(ENOUGH)) == (1998, 2001)
