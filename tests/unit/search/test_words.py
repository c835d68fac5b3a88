"""What is a word, on both sides of a search."""

from __future__ import annotations

import sqlite3
import unicodedata
from functools import cache
from typing import Literal
from unicodedata import normalize, ucd_3_2_0

import pytest

from jobstore.search import clusters
from jobstore.search.words import fold, fold_letter, index_text, words
from tests.fixtures.cases import each_case


@each_case(
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
        ("Node.js NodeJS node.JS", "node js nodejs node js"),
        ("Vue.js/React.js. app.json", "vue js react js app json"),
        ("req #123 a1#", "req 123 a1"),
        ("R & D, R", "r d r"),
        ("5++ ++", "5"),
        ("snake_case", "snake case"),
    ],
)
def test_names_with_symbols_become_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@each_case(
    ("text", "expected"),
    [
        ("Élève ÅNGSTRÖM", "eleve angstrom"),
        ("e\u0301le\u0300ve", "eleve"),
        ("Straße STRASSE ẞ", "strasse strasse ss"),
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
        ("GROẞHANDEL Großhandel grosshandel", "grosshandel grosshandel grosshandel"),
        ("ﾃﾞｰﾀ ﾊﾟｿｺﾝ ﾊﾝ ｱﾞ", "デ ー タ パ ソ コ ン ハ ン ア"),
        ("ＧＲＯＳＳＨＡＮＤＥＬ １２", "grosshandel 12"),
        ("שָׁלוֹם שלום", "שלום שלום"),
        ("مُهَنْدِس مهندس", "مهندس مهندس"),
        ("ᲗᲑᲘᲚᲘᲡᲘ თბილისი ႠႡ", "თბილისი თბილისი ⴀⴁ"),
        ("ᾳ α\u0345 ᏸ ꭰ", "αι αι Ᏸ Ꭰ"),
        ("豈 葛\U000e0100城 ゟ", "豈 葛 城 よ り"),
        ("a\ufe0fb\U000e0100c", "abc"),
        ("हिन्दी", "ह नद"),
    ],
)
def test_letters_lose_case_accents_and_width(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@each_case(
    ("text", "expected"),
    [
        ("โปรแกรมเมอร์", "โป ร แก ร ม เม อ ร์"),
        ("พนักงานขาย ด่วน", "พ นั ก งา น ขา ย ด่ ว น"),
        ("นักพัฒนาPython3ๆ", "นั ก พั ฒ นา python3 ๆ"),
        ("ที่\u200bนี่", "ที่ นี่"),
        ("๒๕ ฿", "๒๕"),
        ("เขาไม่ใช่ไม้", "เขา ไม่ ใช่ ไม้"),
        ("ພະນັກງານຂາຍ", "ພະ ນັ ກ ງາ ນ ຂາ ຍ"),
        ("បុគ្គលិកផ្នែកលក់", "បុ គ្គ លិ ក ផ្នែ ក ល ក់"),
        ("အရောင်းဝန်ထမ်း", "အ ရော င်း ဝ န် ထ မ်း"),
        ("aี ี", "a ี ี"),
        ("ເງິນ၊", "ເງິ ນ"),
    ],
)
def test_scripts_without_spaces_are_words_of_clusters(text: str, expected: str) -> None:
    found = [
        "".join(chr(ord(c) - 0xE000) if "\uee00" <= c <= "\uf7ff" else c for c in word)
        for word in words(text)
    ]
    assert found == expected.split()


def test_marks_of_scripts_without_spaces_are_letters_in_any_form() -> None:
    assert words("น้ำ") == words("น\u0e49\u0e4d\u0e32")
    assert words("ဦ") == words("\u1025\u102e")
    assert len({tuple(words(word)) for word in ("กิน", "กัน", "กน", "ก้น", "กั้น")}) == 5
    assert fold("ครู") != fold("คร")


def test_plain_text_is_indexed_as_it_is() -> None:
    text = "We look for a Senior Engineer; SQL, e-mail & more."
    assert index_text(text) is text


@each_case(
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


@pytest.mark.no_cover
def test_the_index_sees_exactly_these_words() -> None:
    # Every character that is known, and two that are none; engines without a tokenizer of SQLite's
    # take words() for what is a word.
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE VIRTUAL TABLE f USING fts5(t, tokenize = 'unicode61 remove_diacritics 2')")
    conn.execute("CREATE VIRTUAL TABLE v USING fts5vocab(f, instance)")
    points = [
        point
        for point in range(1, 0x110000)
        if not 0xD800 <= point <= 0xDFFF
        and (unicodedata.category(chr(point)) != "Cn" or point in (0xFFFE, 0xFFFF))
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


def _plain(char: str, form: Literal["NFD", "NFKD"]) -> str:
    """Full case folding without accents, by nothing but what Python knows of Unicode."""
    folded = normalize(form, normalize(form, char).casefold())
    return normalize("NFC", "".join(c for c in folded if not unicodedata.combining(c)).casefold())


@cache
def known() -> list[str]:
    """Everything that Python 3.11 knows; later characters are left as they are."""
    return [
        chr(point)
        for point in range(0x80, 0x110000)
        if unicodedata.category(chr(point)) not in ("Cn", "Cs", "Co")
        and (unicodedata.unidata_version == "14.0.0" or fold_letter(chr(point)) != chr(point))
    ]


def _departures(form: Literal["NFD", "NFKD"]) -> dict[str, set[str]]:
    """The characters that mean another word than their plain form does, by category."""
    found: dict[str, set[str]] = {}
    for char in known():
        plain = _plain(char, form)
        alone = words(f"a {char} b") == words(f"a {plain} b")
        if plain != char and not (alone and words(f"a{char}b") == words(f"a{plain}b")):
            found.setdefault(unicodedata.category(char), set()).add(char)
    return found


def _is_clustered(char: str) -> bool:
    """Whether it is of a script without spaces, which keeps its marks."""
    return clusters.letters(char) is not None


def _is_voiced_kana(char: str) -> bool:
    return not {"\u3099", "\u309a"}.isdisjoint(normalize("NFD", char))


@pytest.mark.no_cover
def test_what_is_equal_without_case_and_accents_is_one_word_in_all_of_unicode() -> None:
    departing = set().union(*_departures("NFD").values())
    # Kana stay voiced; beyond the basic plane, marks that came after Unicode 3.2 are left alone.
    assert {
        char
        for char in departing
        if char < "\U00010000" and not _is_voiced_kana(char) and not _is_clustered(char)
    } == set()
    rest = {char for char in departing if char >= "\U00010000"}
    assert {char for char in rest if ucd_3_2_0.category(char) != "Cn"} == set()
    assert {char for char in rest if char.casefold() != char} == set()


@pytest.mark.no_cover
def test_what_is_equal_without_width_and_the_like_is_one_word() -> None:
    departing = _departures("NFKD")
    # Numbers in circles and above the line, and symbols, are not taken apart.
    for symbols in ("No", "So", "Sc", "Po"):
        departing.pop(symbols, None)
    assert {
        char
        for chars in departing.values()
        for char in chars
        if char < "\U00010000" and not _is_voiced_kana(char) and not _is_clustered(char)
        if char != "\u037a"
    } == set()


def test_whole_values_fold_as_words_do() -> None:
    wrong = [
        char
        for char in known()
        if char < "\U00010000"
        and (char.isalpha() or char.casefold() != char)
        and not _is_voiced_kana(char)
        and not _is_clustered(char)
        # Values and queries are composed when they are taken in.
        and fold(normalize("NFC", f"a{char}")) != fold(f"a{_plain(char, 'NFD')}")
    ]
    assert wrong == []
    assert fold("ﾃﾞｰﾀ ＧｍｂＨ") == fold("データ gmbh")
    assert fold("GROẞHANDEL") == fold("Großhandel") == "grosshandel"
    assert fold("שָׁלוֹם") == fold("שלום")
