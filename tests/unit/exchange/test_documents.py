"""Values of JSON files: lines, arrays that are read bit by bit, and documents."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange import BrokenFile, documents, mending, pieces
from jobstore.exchange.documents import json_objects, json_rows
from jobstore.exchange.rows import Row
from tests.fixtures.cases import each_case


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
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
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
        patched.setattr(pieces, "CHUNK", chunk)
        found = rows(json.dumps(items, ensure_ascii=ascii))
    assert [row.fault for row in found] == [None] * len(items)
    assert [row.value for row in found] == items


@each_case(
    "content",
    [
        "[",
        "[1",
        "[1,",
        "[,1]",
        "[1 2]",
        '[{"a": 1}',
        '[{"a": 1}, {"b',
        "[1}",
        "[tru]",
        "[nul",
    ],
)
def test_an_array_that_is_cut_short_or_no_json_breaks_the_file(content: str) -> None:
    with pytest.raises(BrokenFile, match="no valid JSON from item"):
        rows(content)


def test_text_after_an_array_breaks_the_file() -> None:
    with pytest.raises(BrokenFile, match="goes on after the end"):
        rows("[1] 2")
    with pytest.raises(BrokenFile, match="goes on after the end"):
        rows("[1]]")


def test_an_item_that_never_ends_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_RECORD", 1000)
    monkeypatch.setattr(pieces, "MAX_RECORD", 1000)
    monkeypatch.setattr(pieces, "CHUNK", 100)
    with pytest.raises(BrokenFile, match="from item 2"):
        rows('[1, "' + "x" * 5000 + '"]')


def test_an_item_that_python_cannot_hold_is_a_fault_if_it_ends() -> None:
    deep = "[" * 100_000
    with pytest.raises(BrokenFile, match="nested too deeply or holds a number"):
        rows(deep)
    bad, good = rows(f"[{deep + ']' * 100_000}, 1]")
    assert "nested too deeply or holds a too long number" in (bad.fault or "")
    assert (good.line, good.value) == (2, 1)


def test_an_item_that_is_no_json_is_a_fault_of_its_own() -> None:
    found = rows('[{"a": 1}, {"b" 2}, {"c": [x, "}"]}, {"d": "]"}]')
    assert [row.value for row in found] == [{"a": 1}, None, None, {"d": "]"}]
    assert found[1].fault == "is no valid JSON: Expecting ':' delimiter at character 6"
    assert (found[1].line, found[1].raw) == (2, '{"b" 2}')


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


@pytest.mark.parametrize("written", ["{}", "[{}, {}]"])
def test_a_number_that_is_too_long_for_python_is_text_and_costs_no_row(written: str) -> None:
    long = "9" * 5000
    row, *_ = rows(written.replace("{}", f'{{"a": {long}, "b": 12}}'))
    assert (row.fault, row.value) == (None, {"a": long, "b": 12})


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
    monkeypatch.setattr(pieces, "MAX_RECORD", 1000)
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
    (row,) = json_objects(stream(b'[["title", "company"]]'), "x")
    assert row.fault == "is no JSON object but a list; a table of lists is read as CSV"


@each_case(
    ("content", "lines"),
    [
        ('{"a": 1}{"a": 2}\n{"a": 3}', [1, 1, 2]),
        ('{"a": 1}, {"a": 2},\n{"a": 3}\n', [1, 1, 2]),
        ('{"a": 1},\n{"a": 2},\n{"a": 3}\n', [1, 2, 3]),
        ('{\n"a": 1\n}\n\n{\n"a": 2\n}\n{"a": 3}', [1, 5, 8]),
        ('[{"a": 1}, {"a": 2}]\n[{"a": 3}]\n', [1, 2, 3]),
        ('[{"a": 1}, {"a": 2},]\n{"a": 3}\n', [1, 2, 2]),
        ('\x1e{"a": 1}\n\x1e{"a": 2}\n\x1e{"a": 3}\n', [1, 2, 3]),
        ('{"a": 1}\r{"a": 2}\r{"a": 3}\r', [1, 1, 1]),
    ],
)
def test_documents_may_follow_each_other(content: str, lines: list[int]) -> None:
    found = rows(content)
    assert [(row.value, row.fault) for row in found] == [({"a": n}, None) for n in (1, 2, 3)]
    assert [row.line for row in found] == lines


@each_case(
    "written",
    [
        '{"a": ["x, ]", 1,], "b": {"c": null,},}',
        '{"a": ["x, ]", 1], /* what, is {this} */ "b": {"c": null}}',
        '{"a": ["x, ]", 1], "b": {"c": null}}}',
        '{"a": ["x, ]", 1], "b": {"c": NaN}}',
        '{"a": ["x, ]", 1], "b": {"c": -Infinity,}}',
        "{'a': ['x, ]', 1], 'b': {'c': null}}",
        '{a: ["x, ]", 1], b: {c: null}}',
        '{"a": ["x, ]", 1], "b": {"c": null}};',
        """{'a': ("x, ]", 1), 'b': {'c': None}}""",
        """{'a': ["x, ]", 1], 'b': {'c': None}},""",
    ],
)
def test_json_as_people_write_it_is_mended(written: str) -> None:
    value = {"a": ["x, ]", 1], "b": {"c": None}}
    assert [row.value for row in rows(written + '\n{"next": 1}')] == [value, {"next": 1}]
    # Brackets in other quotes hide where an item of an array ends.
    if not written.endswith(("}}}", ";", ",")) and not written.startswith("{'"):
        assert [row.value for row in rows(f"[{written}, 2]")] == [value, 2]
        assert [row.value for row in rows("{\n" + written[1:])] == [value]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r'{"a": "C\+\+ \& it\'s \"x\" \u00e9 \\"}', 'C\\+\\+ \\& it\'s "x" é \\'),
        ('{"a": "https://x.example/*/y",}', "https://x.example/*/y"),
        ('{"a": "1, ]  ,}",}', "1, ]  ,}"),
        ('{"a": "<!-- x -->",}', "<!-- x -->"),
    ],
)
def test_mending_leaves_texts_as_they_are(written: str, text: str) -> None:
    (row,) = rows(written)
    assert row.value == {"a": text}


@each_case(
    "written",
    ["{'a': {1, 2}}", "{'a': b'x'}", "{'a': open}", "{bad}", '{"a": 1} x', '{"a": "x}', "[1, 2"],
)
def test_what_cannot_be_mended_stays_a_fault(written: str) -> None:
    found = rows('{"first": 1}\n' + written + '\n{"next": 1}')
    assert [row.value for row in found] == [{"first": 1}, None, {"next": 1}]
    assert (found[1].fault or "").startswith("is no valid JSON")


def test_mending_takes_no_longer_than_the_text_is_long() -> None:
    for hostile in ('"' * 900_000, "/*" * 450_000, '\\"' * 450_000, "," * 900_000, "[{" * 400_000):
        (row,) = rows('{"a": 1, ' + hostile + "\\")
        assert row.fault is not None


def test_only_a_little_of_a_file_is_read_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mending, "_SLOWLY", 10_000)
    line = "{a: '" + "x" * 3_000 + "'}\n"
    assert [row.fault is None for row in rows(line * 5)] == [True, True, True, False, False]


ENVELOPES: dict[str, tuple[str, str]] = {
    "plain": ("jobs", '{"meta": {"jobs": [9]}, "jobs": [{"a": 1}, {"a": 2}], "next": "x"}'),
    "deep": ("data.list", '{"list": [9], "data": {"n": [[1]], "list": [{"a": 1}, {"a": 2}]}}'),
    "pages": ("jobs", '[{"jobs": [{"a": 1}]}, {"jobs": []}, {"n": 1}, {"jobs": [{"a": 2}]}]'),
    "lines": ("jobs", '{"jobs": [{"a": 1}]}\n{"jobs": [{"a": 2}]}\n'),
    "lists": ("data.jobs", '{"data": [{"jobs": [{"a": 1}]}, {"jobs": [{"a": 2}]}]}'),
    "commas": ("jobs", '{"x": 1.5, "jobs": [{"a": 1,}, {"a": 2},],}'),
    "spread": ("jobs", '{\n "x": true,\n "jobs": [\n  {"a": 1},\n  {"a": 2}\n ]\n}\n'),
    "escaped": ("jobs", '{"a\\"b": "{[", "jobs": [{"a": 1}, {"a": 2}]}'),
}


@pytest.mark.parametrize("kind", ENVELOPES)
@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_rows_are_found_in_an_envelope(
    kind: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "CHUNK", chunk)
    items, content = ENVELOPES[kind]
    found = list(json_rows(stream(content.encode()), "x", items=items))
    assert [(row.line, row.value) for row in found] == [(1, {"a": 1}), (2, {"a": 2})]
    assert json.loads(found[1].raw or "") == {"a": 2} or kind == "commas"


def test_an_envelope_may_hold_rows_by_their_ids() -> None:
    content = b'{"jobs": {"j1": {"title": "A"}, "j2": {"title": "B", "id": 7}}}'
    found = list(json_rows(stream(content), "x", items="jobs"))
    assert [row.value for row in found] == [{"title": "A", "id": "j1"}, {"title": "B", "id": 7}]
    (row,) = json_rows(stream(b'{"job": {"title": "A", "tags": [1]}}'), "x", items="job")
    assert row.value == {"title": "A", "tags": [1]}


def test_an_envelope_without_the_list_says_what_it_has() -> None:
    with pytest.raises(BrokenFile, match="no list at 'jobs'; its keys are: data, meta"):
        list(json_rows(stream(b'{"data": {"jobs": []}, "meta": 1}'), "x", items="jobs"))
    with pytest.raises(BrokenFile, match="no JSON that holds a list at 'jobs'"):
        list(json_rows(stream(b"title,company"), "x", items="jobs"))
    for empty in (b'{"jobs": []}', b'{"jobs": {}}', b'[{"jobs": []}]', b""):
        assert not empty or list(json_rows(stream(empty), "x", items="jobs")) == []


@each_case("end", range(1, 44))
def test_an_envelope_that_is_cut_short_breaks_the_file(end: int) -> None:
    content = b'{"x": [1, "\\""], "jobs": [{"a": 1}, {"b": 2}]}'
    with pytest.raises(BrokenFile):
        list(json_rows(stream(content[:end]), "x", items="jobs"))


def test_an_envelope_is_not_kept_in_memory() -> None:
    other = b'"other": [' + b'{"x": "' + b"y" * 1000 + b'"}, ' * 1 + b'{"z": 1}' + b"]"
    filler = b", ".join(b'{"x": "' + b"y" * 100_000 + b'"}' for _ in range(300))
    content = b'{"other": [' + filler + b'], "jobs": [' + filler + b"], " + other + b"}"
    tracemalloc.start()
    count = sum(1 for _ in json_rows(stream(content), "x", items="jobs"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 300
    assert peak < 4_000_000


def test_nan_and_infinity_are_not_stated() -> None:
    (row,) = rows('{"a": NaN, "b": [Infinity, -Infinity, 1], "c": "NaN"}')
    assert row.value == {"a": None, "b": [None, None, 1], "c": "NaN"}
