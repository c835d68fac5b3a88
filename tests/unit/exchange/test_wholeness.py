"""Nothing is stored of a file that was cut short; batches are bounded by the length of rows."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.exchange import BrokenFile, Record, batches, wholeness
from jobstore.exchange.wholeness import look_through

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\[]{}é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet='"\\{', max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


def looked(data: bytes, head: int = 4, *, as_json: bool = True, whole: bool = False) -> None:
    stream = io.BufferedReader(cast(Any, io.BytesIO(data)))
    look_through(stream, stream.read(head), "the file", json=as_json, whole=whole)


@given(st.lists(VALUES), st.integers(1, 30), st.data())
def test_an_array_that_is_cut_anywhere_is_told(
    items: list[Any], chunk: int, data: st.DataObject
) -> None:
    text = json.dumps(items, ensure_ascii=False).encode()
    end = data.draw(st.integers(1, len(text)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wholeness, "CHUNK", chunk)
        if end == len(text):
            looked(text, chunk)
        else:
            with pytest.raises(BrokenFile, match="was cut short"):
                looked(text[:end], chunk)


@pytest.mark.parametrize(
    "content",
    [b'{\n"jobs": [{"a": 1}', b'{"jobs": [\n{"a": 1}]', b'[{"a": "]"}', b"[[1]", b'[{}, "'],
)
def test_documents_and_envelopes_are_looked_through(content: bytes) -> None:
    with pytest.raises(BrokenFile, match="was cut short"):
        looked(content, 13)
    with pytest.raises(BrokenFile, match="was cut short"):
        looked(content.replace(b"\n", b" "), 5, whole=True)


@pytest.mark.parametrize(
    "content", [b'{"a": 1}\n{"b": [', b'{"a": 1, "b": [{}, {}, {}', b"a,b\n1,[", b"", b"[a],b\n1,2"]
)
def test_lines_and_tables_tell_it_by_their_last_row(content: bytes) -> None:
    looked(content, 9, as_json=not content.startswith(b"[a"))


def test_a_batch_is_bounded_by_the_length_of_its_rows() -> None:
    records = [Record(number, {"n": number}, None, "x" * 10) for number in range(10)]
    records[3] = Record(3, None, "broken", "x" * 10)
    found = list(batches(records, 100, octets=25))
    assert [len(batch.records) + len(batch.broken) for batch in found] == [3, 3, 3, 1]
    assert [posting["n"] for batch in found for posting in batch.postings] == [
        *(0, 1, 2, 4, 5, 6, 7, 8, 9)
    ]
    assert [len(batch.records) for batch in batches(records[4:], 2)] == [2, 2, 2]
