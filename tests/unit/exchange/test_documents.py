"""Values of JSON files: lines, arrays that are read bit by bit, and documents."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange import BrokenFile, documents
from jobstore.exchange.documents import json_objects, json_rows
from jobstore.exchange.rows import Row


def stream(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(cast(io.RawIOBase, io.BytesIO(data)))


def rows(content: str | bytes) -> list[Row]:
    data = content.encode() if isinstance(content, str) else content
    return list(json_rows(stream(data), "the file"))


def test_items_of_an_array_are_counted_and_keep_their_text() -> None:
    found = rows('\n [ {"a": 1},\n\t{"b": [2, "]"]} , 3, "x"]\n')
    assert [(row.line, row.value, row.raw) for row in found] == [
        (1, {"a": 1}, '{"a": 1}'),
        (2, {"b": [2, "]"]}, '{"b": [2, "]"]}'),
        (3, 3, "3"),
        (4, "x", '"x"'),
    ]
    assert rows("[]") == rows(" [ \n ] ") == rows("") == rows(" \n") == []


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        )
    ),
    st.integers(1, 40),
    st.booleans(),
)
def test_an_array_is_read_the_same_whatever_the_chunks(
    items: list[Any], chunk: int, ascii: bool
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(documents, "CHUNK", chunk)
        found = rows(json.dumps(items, ensure_ascii=ascii))
    assert [row.fault for row in found] == [None] * len(items)
    assert [row.value for row in found] == items


@pytest.mark.parametrize(
    "content",
    [
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        '[{"a": 1}',
        '[{"a": 1}, {"b',
        "[1}",
        '[{"a" 1}]',
        "[tru]",
        "[nul",
    ],
)
def test_an_array_that_is_cut_short_or_no_json_breaks_the_file(content: str) -> None:
    with pytest.raises(BrokenFile, match="no valid JSON from item"):
        rows(content)


def test_text_after_an_array_breaks_the_file() -> None:
    with pytest.raises(BrokenFile, match="goes on after the end"):
        rows("[1] [2]")


def test_an_item_that_never_ends_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_RECORD", 1000)
    monkeypatch.setattr(documents, "CHUNK", 100)
    with pytest.raises(BrokenFile, match="from item 2"):
        rows('[1, "' + "x" * 5000 + '"]')


@pytest.mark.parametrize("deep", ["[" * 100_000, '[{"a": ' + "9" * 5000 + "}]"])
def test_json_that_python_cannot_hold_breaks_the_file(deep: str) -> None:
    with pytest.raises(BrokenFile, match="nested too deeply or holds a number"):
        rows(deep)


def test_a_line_that_is_no_json_is_a_fault_of_its_own() -> None:
    found = rows(b'{"a": 1}\n{bad}\n\n42\n{"b": "\xff"}\n{"c": ' + b"[" * 100_000 + b"\n{}")
    assert [(row.line, row.value) for row in found] == [
        (1, {"a": 1}),
        (2, None),
        (4, 42),
        (5, None),
        (6, None),
        (7, {}),
    ]
    faults = [row.fault for row in found]
    assert faults[1] == (
        "is no valid JSON: Expecting property name enclosed in double quotes at character 2"
    )
    assert faults[3] == "byte 8 of the row is not UTF-8 (0xff)"
    assert faults[4] is not None
    assert found[1].raw == "{bad}"


def test_a_number_that_is_too_long_is_a_fault_of_its_line() -> None:
    (row,) = rows('{"a": ' + "9" * 5000 + "}")
    assert (row.fault or "").startswith("is no usable JSON")


def test_a_line_beyond_the_limit_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobstore.exchange.reading.MAX_RECORD", 1000)
    found = rows('{"a": "' + "x" * 2000 + '"}\n{"b": 1}\n')
    assert [(row.line, row.fault is None) for row in found] == [(1, False), (2, True)]


def test_a_document_may_be_spread_over_lines() -> None:
    (row,) = rows('\n\n{\n  "a": 1\n}\n')
    assert (row.line, row.value) == (3, {"a": 1})
    with pytest.raises(BrokenFile, match="is no valid JSON.*cut short"):
        rows('{\n  "a": 1\n')


def test_a_document_beyond_the_limit_breaks_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_RECORD", 1000)
    with pytest.raises(BrokenFile, match="array or as JSON Lines"):
        rows('{\n"a": "' + "x" * 2000 + '"}')


def test_items_with_bytes_that_are_not_utf_8_are_faults_of_their_own() -> None:
    found = rows(b'["a", "\xff", "\xc3\xbc"]')
    assert [row.fault for row in found] == [None, "holds bytes that are not UTF-8", None]
    assert found[2].value == "ü"


def test_anything_but_an_object_is_a_fault_where_objects_are_asked_for() -> None:
    assert [row.fault for row in json_objects(stream(b"[{}, 1]"), "x")] == [
        None,
        "is no JSON object",
    ]
