"""Encodings: what is found out, what is told, and that good UTF-8 is never taken for another."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange import BrokenFile, packing
from jobstore.exchange.charsets import detect, marked, mended
from jobstore.exchange.reading import Source, open_input
from tests.fixtures.cases import each_case
from tests.unit.exchange.conftest import Read

TEXTS = {
    "german": (
        "Position;Firma;Ort\nEntwickler für Büro;Müller GmbH;Köln\n"
        "Geschäftsführer – Größe „A“ (60.000 €);Öl & Söhne;Übach\n"
    ),
    "french": "Titre;Société\nIngénieur d’études – 45k €;Société Générale\nChef à l’œuvre;Où ça\n",
    "spanish": "Título;Compañía\n¿Diseñador gráfico?;Señalización Ibérica\nAtención;España\n",
    "portuguese": "Título;Empresa\nGestão de operações;Construções São João\n",
    "nordic": "Tittel;Firma\nRådgiver på sjøen;Sør-Trøndelag Æ\nLäkare;Åbo sjukhus\n",
    "russian": "Должность;Компания\nИнженер данных;Яндекс\nРазработчик;Сбербанк\n",
    "polish": "Stanowisko;Firma\nInżynier oprogramowania;Spółka Łódź\nKsięgowość główna;Źródło\n",
    "greek": "Θέση;Εταιρεία\nΜηχανικός λογισμικού;Εταιρεία Αθήνα\n",
    "japanese": "職種;会社\nソフトウェアエンジニア;株式会社トヨタ\n営業;東京電力\n",
    "chinese": "职位;公司\n软件工程师;腾讯科技有限公司\n数据分析师;北京字节跳动\n",
    "korean": "직무;회사\n소프트웨어 엔지니어;삼성전자\n데이터 분석가;네이버\n",
}
ENCODED = [
    *((text, "cp1252") for text in ("german", "french", "spanish", "portuguese", "nordic")),
    *((text, "latin-1") for text in ("spanish", "portuguese", "nordic")),
    ("german", "mac_roman"),
    ("russian", "cp1251"),
    ("russian", "koi8_r"),
    ("polish", "cp1250"),
    ("greek", "cp1253"),
    ("japanese", "cp932"),
    ("japanese", "euc_jp"),
    ("chinese", "gb18030"),
    ("korean", "cp949"),
]


def given_on(tmp_path: Path, content: bytes, encoding: str | None = None) -> tuple[str, str]:
    path = tmp_path / "input"
    path.write_bytes(content)
    with open_input(path, encoding=encoding) as stream:
        assert isinstance(stream, Source)
        return stream.read().decode("utf-8", "surrogateescape"), stream.encoding


@pytest.mark.parametrize(("text", "encoding"), ENCODED)
@pytest.mark.parametrize("before", [0, 1, 200_000])
def test_what_windows_writes_is_found_out(
    tmp_path: Path, text: str, encoding: str, before: int
) -> None:
    """However much plain ASCII stands before it."""
    content = "a,b,c\n" * before + TEXTS[text]
    assert given_on(tmp_path, content.encode(encoding))[0] == content


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("times", [1, 30_000])
def test_unicode_is_read_with_and_without_a_mark(
    tmp_path: Path, text: str, encoding: str, times: int
) -> None:
    content = f'{{"title": "{text}"}}\n' * 9 + TEXTS[text] * times
    found, told = given_on(tmp_path, content.encode(encoding))
    assert found == content
    assert told == encoding.removesuffix("-sig")
    if "utf-16-" in encoding:
        marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
        assert given_on(tmp_path, marks[encoding] + content.encode(encoding))[0] == content


@given(st.text(), st.integers(0, 5))
def test_good_utf_8_is_never_taken_for_another(text: str, cut: int) -> None:
    data = text.encode()
    assert marked(data) in (None, "utf-8-sig") or "\0" in text
    stream: Any = io.BytesIO(data)
    raw = packing.Headed(stream, "x")
    head = raw.head()
    from jobstore.exchange.reading import _Text

    if "\0" not in text:
        assert _Text(raw, head, None).buffered().read() == data.removeprefix(b"\xef\xbb\xbf")
    if len(data) > cut and not data.isascii():
        assert detect(data * 3 + b"\xff" * cut, data) is None or len(text.encode()) < 3 * cut


@pytest.mark.parametrize("text", TEXTS)
def test_a_few_broken_bytes_do_not_make_another_encoding(tmp_path: Path, text: str) -> None:
    good = TEXTS[text].encode() * 3
    broken = good + b"\xff\xfe;broken\n" + good
    assert given_on(tmp_path, broken) == (broken.decode("utf-8", "surrogateescape"), "utf-8")


@each_case(
    ("row", "text"),
    [
        (b"caf\xe9 in K\xf6ln", "café in Köln"),
        (b"we\x92re hiring \x96 now", "we’re hiring – now"),
        (b"45.000 \x80", "45.000 €"),
        (b"\xc9cole", "École"),
        # A character of UTF-8 that was cut, one beside good UTF-8, other alphabets: not certain.
        (b"caf\xc3", None),
        (b"text\xe2", None),
        (b"text \xe2\x80", None),
        ("é ".encode() + b"\xe9", None),
        (b"\xd0\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0", None),
        (b"In\xbfynier", None),
        (b"\xff", None),
        (b"a\x81b", None),
    ],
)
def test_a_row_among_utf_8_is_mended_only_where_it_is_certain(row: bytes, text: str | None) -> None:
    assert mended(row) == text


def test_an_encoding_that_is_named_decides(tmp_path: Path, read: Read) -> None:
    content = "Zażółć gęślą jaźń"
    assert given_on(tmp_path, content.encode("cp1250"), "cp1250") == (content, "cp1250")
    assert given_on(tmp_path, b"caf\xe9", "UTF8") == ("caf\udce9", "utf-8")
    assert given_on(tmp_path, b"caf\xc3\xa9", "latin-1") == ("cafÃ©", "iso8859-1")
    assert given_on(tmp_path, b"\xef\xbb\xbfcaf\xc3\xa9", "utf-8")[0] == "café"
    assert given_on(tmp_path, "x".encode("utf-16"), "utf-16")[0] == "x"
    # What the encoding has no character for stays the fault of its row.
    assert given_on(tmp_path, b"a\x81b\n\xe9", "cp1252")[0] == "a\udc81b\né"
    for unknown in ("utf-9", "base64", "", "nul\0"):
        with pytest.raises(ValueError, match="no encoding"):
            given_on(tmp_path, b"x", unknown)
    with pytest.raises(BrokenFile, match="cut short; name its encoding"):
        given_on(tmp_path, "xyz".encode("utf-16")[:-1])


def test_a_page_says_its_encoding(tmp_path: Path) -> None:
    cyrillic = "Инженер"
    for declared in (
        '<meta charset="windows-1251">',
        "<meta http-equiv=content-type content='text/html; charset=windows-1251'>",
        '<?xml version="1.0" encoding="windows-1251"?>',
    ):
        page = f"{declared}<p>{cyrillic}</p>"
        assert given_on(tmp_path, page.encode("cp1251")) == (page, "cp1251")
        # What is good UTF-8 is UTF-8, whatever it says.
        assert given_on(tmp_path, page.encode()) == (page, "utf-8")
    page = "<meta charset=iso-8859-1><p>“Žluť”</p>"
    assert given_on(tmp_path, page.replace("ť", "").encode("cp1252"))[1] == "cp1252"
    assert given_on(tmp_path, b"<meta charset=x-nothing>caf\xe9.")[0].endswith("café.")
