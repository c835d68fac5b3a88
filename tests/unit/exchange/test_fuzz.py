"""Whatever a file holds, reading it gives records or BrokenFile, and nothing else."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pyarrow
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tests.fixtures.thorough import THOROUGH
from tests.unit.exchange.inputs import FILES, FORMATS, NAMES, VALUE_NAMES, survive
from tests.unit.exchange.test_packing import zipped


def _workbooks() -> dict[str, bytes]:
    columns = {"title": ["T", "U"], "company": ["A", None], "pay": [1.5, None]}
    book, packed, written = openpyxl.Workbook(), io.BytesIO(), io.BytesIO()
    for row in (list(columns), *zip(*columns.values(), strict=True)):
        book.active.append(row)
    book.save(packed)
    parquet.write_table(pyarrow.table(columns), written)
    return {"xlsx": packed.getvalue(), "parquet": written.getvalue()}


WORKBOOKS = _workbooks()


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "content",
    FILES.values(),
    ids=FILES,
)
def test_a_file_may_end_anywhere(tmp_path: Path, content: str) -> None:
    data = content.encode()
    packed = gzip.compress(data)
    for end in range(0, len(data), 1 if THOROUGH else 3):
        survive(tmp_path / "input", data[:end], "auto")
    for end in range(0, len(packed), 1 if THOROUGH else 5):
        survive(tmp_path / "input", packed[:end], "auto")
    for number, format in enumerate(FORMATS):
        survive(tmp_path / "input", data, format)
        for end in range(0 if THOROUGH else number, len(data), 7 if THOROUGH else 41):
            survive(tmp_path / "input", data[:end], format)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(FORMATS), st.booleans())
@example(b"\x1f\x8b", "auto", False)
@example(b"[{}" + b"\0" * 20, "ats", False)
def test_any_bytes(tmp_path: Path, content: bytes, format: str, packed: bool) -> None:
    survive(tmp_path / "input", gzip.compress(content) if packed else content, format)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(list(FILES.values())),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=5)), min_size=1, max_size=4),
    st.sampled_from(FORMATS),
)
def test_any_damage(
    tmp_path: Path, content: str, damage: list[tuple[int, bytes]], format: str
) -> None:
    data = bytearray(content.encode())
    for place, bytes_ in damage:
        at = place % len(data)
        data[at : at + len(bytes_)] = bytes_
    survive(tmp_path / "input", bytes(data), format)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(list(FILES.values())),
    st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "cp1251", "cp932"]),
    st.sampled_from(
        [bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress, zipped]
    ),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(max_size=5)), max_size=2),
)
def test_any_packing_and_encoding(
    tmp_path: Path,
    content: str,
    encoding: str,
    pack: Callable[[bytes], bytes],
    damage: list[tuple[int, bytes]],
) -> None:
    data = bytearray(pack(content.encode(encoding, "replace")))
    for place, bytes_ in damage:
        at = place % len(data)
        data[at : at + len(bytes_)] = bytes_
    survive(tmp_path / "input", bytes(data), "auto")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["xlsx", "parquet"]),
    st.lists(st.tuples(st.integers(0, 50_000), st.binary(min_size=1, max_size=9)), max_size=4),
    st.integers(0, 2000),
)
def test_any_damage_to_workbooks(
    tmp_path: Path, kind: str, damage: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(WORKBOOKS[kind])
    for place, bytes_ in damage:
        at = place % len(data)
        data[at : at + len(bytes_)] = bytes_
    survive(tmp_path / "input", bytes(data[: len(data) - cut] if cut % 3 == 0 else data), "auto")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["JobPosting", "2025-01-01", "$5 an hour", "https://x.example", "a,b", "1e999"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(VALUE_NAMES.split()),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(NAMES)), st.data())
def test_any_values_of_the_right_names(tmp_path: Path, format: str, data: st.DataObject) -> None:
    names = st.sampled_from(NAMES[format].split())
    row = data.draw(st.dictionaries(names, json_values))
    row["@type"] = "JobPosting"
    survive(tmp_path / "input", json.dumps([row]).encode("utf-8", "surrogatepass"), format)
