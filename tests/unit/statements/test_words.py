"""What is a word, on both sides of a search."""

from __future__ import annotations

import sqlite3
from unicodedata import ucd_3_2_0

import pytest

from jobstore.statements.words import (
    fold,
    fold_letter,
    index_text,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Senior Data-Engineer (m/f)", "senior data engineer m f"),
        ("C++, C# and F#", "cplusplus csharp and fsharp"),
        ("C", "c"),
        ("C++17 C#7", "cplusplus 17 csharp 7"),
        ("C/C++/C#/.NET", "c cplusplus csharp dotnet"),
        ("Objective-C++ notepad++", "objective cplusplus notepadplusplus"),
        (".NET .net Core", "dotnet dotnet core"),
        ("ASP.NET, VB.NET and C#.NET", "asp dotnet vb dotnet and csharp dotnet"),
        ("example.net network .network", "example net network network"),
        ("Node.js NodeJS node.JS", "nodejs nodejs nodejs"),
        ("Vue.js/React.js. app.json", "vuejs reactjs app json"),
        ("req #123 a1#", "req 123 a1"),
        ("R & D, R", "r d r"),
        ("5++ ++", "5"),
        ("snake_case", "snake case"),
    ],
)
def test_names_with_symbols_become_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Élève ÅNGSTRÖM", "eleve angstrom"),
        ("e\u0301le\u0300ve", "eleve"),
        ("Straße STRASSE ẞ", "strasse strasse ẞ"),
        ("Łódź Øresund œuvre", "lodz oresund oeuvre"),
        ("İstanbul ılık", "istanbul ilik"),
        ("Ｃ＋＋ Ｊａｖａ１", "cplusplus java1"),
        ("ﬁnance Ⅲ", "finance iii"),
        ("Σίσυφος ΣΊΣΥΦΟΣ", "σισυφοσ σισυφοσ"),
        ("soft\u00adware ze\u200dro a\u200bb", "software zero a b"),
        ("Java™ m² 🚀rocket 5€", "java m² rocket 5"),
        ("don’t “quote”", "don t quote"),
        ("数据工程师Java开发", "数 据 工 程 师 java 开 发"),
        ("データ엔지니어", "デ ー タ 엔 지 니 어"),
        ("a\ue000b\uf8ffc\U000f0000d", "a b c d"),
        ("\ud800x\0y", "x y"),
    ],
)
def test_letters_lose_case_accents_and_width(text: str, expected: str) -> None:
    assert words(text) == expected.split()


def test_plain_text_is_indexed_as_it_is() -> None:
    text = "We look for a Senior Engineer; SQL, e-mail & more."
    assert index_text(text) is text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Acme  Inc.", "ACME Inc.", True),
        ("Société Générale", "societe\tgenerale", True),
        ("Straße 1", "STRASSE 1", True),
        ("C++", "C", False),
        ("AT&T", "AT T", False),
        ("字节跳动", "字节", False),
        ("ＡＣＭＥ", "acme", True),
    ],
)
def test_whole_values_compare_without_case_and_accents(one: str, other: str, same: bool) -> None:
    assert (fold(one) == fold(other)) is same


def test_the_index_sees_exactly_these_words() -> None:
    # Every character that Unicode 3.2 knows; which words newer ones make is up to SQLite.
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE VIRTUAL TABLE f USING fts5(t, tokenize = 'unicode61 remove_diacritics 2')")
    conn.execute("CREATE VIRTUAL TABLE v USING fts5vocab(f, instance)")
    points = [
        point
        for point in range(1, 0x110000)
        if not 0xD800 <= point <= 0xDFFF and ucd_3_2_0.category(chr(point)) != "Cn"
    ]
    conn.executemany(
        "INSERT INTO f (rowid, t) VALUES (?, ?)",
        ((point, index_text(f"a{chr(point)}b")) for point in points),
    )
    seen: dict[int, list[str]] = {}
    for term, row in conn.execute("SELECT v.term, v.doc FROM v ORDER BY v.doc, v.offset"):
        seen.setdefault(row, []).append(term)
    conn.close()
    wrong = [hex(point) for point in points if words(f"a{chr(point)}b") != seen[point]]
    assert wrong == []


def test_folding_a_folded_letter_changes_nothing() -> None:
    for point in range(0x80, 0x3000):
        folded = fold_letter(chr(point))
        if folded:
            assert "".join(fold_letter(char) or "" for char in folded if char > "\x7f") == "".join(
                char for char in folded if char > "\x7f"
            )
