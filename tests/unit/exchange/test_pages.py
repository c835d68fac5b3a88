"""Scripts in pages: where they begin and end, and what odd or hostile pages cost."""

from __future__ import annotations

import io
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange import BrokenFile, pages
from jobstore.exchange.pages import scripts
from jobstore.exchange.rows import Row
from tests.fixtures.cases import each_case

OPEN = '<script type="application/ld+json">'
ONE = f"{OPEN}1</script>"

# Parts after which a script is still a script.
HARMLESS = [
    "text & more < less <1 > \n",
    "<!-- " + ONE + " -- > -->",
    "<!-->",
    "<!--->",
    "<!DOCTYPE html>",
    "<?xml version='1.0'?>",
    "<![CDATA[ x ]]>",
    "</ p>",
    "</>",
    "<p>\n</p >",
    "<br/>",
    f'<a title=\'{ONE}\' b = "{ONE}" c=d e==f g/h href=/a?b="c"\'>',
    f"<a type='{ONE}'type=x>",
    f"<ScRiPt>'{OPEN}2' + '</scripts>'</sCrIpT\t>",
    f"<style media=all>{OPEN}2</styles></style>",
    "<script type='text/javascript'>if (a<b && b>c) '<!--'</script>",
    "<script src=x type=application/ld+json/>2</script>",
    '<script type="application/ld+json" src="x" />',
    "<scripts type='application/ld+json'>2</scripts>",
    "<script data-type='application/ld+json'>2</script x='>'>",
    "<script a=' type=application/ld+json'>2</script>",
]
OPENINGS = [
    OPEN,
    "<script type=application/ld+json>",
    "<SCRIPT async\n TYPE = 'Application/LD+JSON; charset=utf-8' a=b>",
    '<script/id="x"type="application/ld&#43;json"type="no">',
    "<script a=\"'>\" type='application/ld+json'\n>",
]


def rows(page: str | bytes) -> list[Row]:
    data = page.encode() if isinstance(page, str) else page
    stream: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, io.BytesIO(data)))
    return list(scripts(stream, "the page"))


@each_case("part", HARMLESS)
def test_scripts_are_found_behind_all_kinds_of_parts(part: str) -> None:
    (row,) = rows(part + ONE)
    assert (row.line, row.value, row.raw) == (1 + part.count("\n"), 1, "1")


@pytest.mark.parametrize("opening", OPENINGS)
def test_the_type_is_read_however_it_is_written(opening: str) -> None:
    assert [row.value for row in rows(f"{opening}[1]</script>")] == [[1]]


@given(
    st.lists(st.sampled_from(HARMLESS + OPENINGS), max_size=8),
    st.integers(1, 40),
)
def test_a_page_is_read_the_same_whatever_the_chunks(parts: list[str], chunk: int) -> None:
    page = "\n".join(f'{part}"é"</script>' if part in OPENINGS else part for part in parts)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pages, "CHUNK", chunk)
        found = rows(page)
    assert found == rows(page)
    assert [row.value for row in found] == ["é" for part in parts if part in OPENINGS]


@given(st.text(alphabet="<>/!-=\"' \nat\u00e9", max_size=60), st.integers(1, 20))
def test_any_text_is_read_to_its_end(text: str, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pages, "CHUNK", chunk)
        assert rows(text) == []


@each_case(
    "page",
    [
        "<a " * 1_000_000,
        "<a " + "a=b " * 1_000_000,
        "<a " + "ae=b " * 100_000,
        "<a b='" + "x" * 4_000_000,
        "<!--" + "-- " * 1_000_000,
        "<style>" + "</s" * 1_000_000,
        "</a" * 1_000_000,
        "<" * 1_000_000,
        "&" * 1_000_000,
    ],
)
def test_parts_without_an_end_are_passed_over(page: str) -> None:
    assert rows(f"{ONE}{page}")[0].value == 1


@pytest.mark.parametrize("text", ["</s" * 1_000_000, "1</scripts>", "1</script"])
def test_a_page_that_ends_within_a_script_was_cut_short(text: str) -> None:
    with pytest.raises(BrokenFile, match="ends within a script"):
        rows(OPEN + text)


def test_a_tag_beyond_the_limit_breaks_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_RECORD", 1000)
    with pytest.raises(BrokenFile, match="a script or tag of more than 1,000 bytes"):
        rows("<a " * 5000)
    assert rows(f"<img src='data:{'x' * 5000}'>{ONE}")[0].value == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [("//" * 1_000_000, ";" * 1_000_000), ("<!--//<![CDATA[\n", "\n//]]>-->"), ("/* */", "//*/ ;")],
)
def test_what_is_around_a_script_is_taken_off(before: str, after: str) -> None:
    (row,) = rows(f"{OPEN}{before}[1]{after}</script>")
    assert (row.value, row.fault) == ([1], None)
