"""Whatever a file holds, reading it gives records or BrokenFile, and nothing else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.unit.exchange.inputs import FILES, FORMATS, NAMES, VALUE_NAMES, survive


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "content",
    FILES.values(),
    ids=FILES,
)
def test_a_file_may_end_anywhere(tmp_path: Path, content: str) -> None:
    data = content.encode()
    packed = gzip.compress(data)
    for end in range(len(data)):
        survive(tmp_path / "input", data[:end], "auto")
    for end in range(len(packed)):
        survive(tmp_path / "input", packed[:end], "auto")
    for format in FORMATS:
        survive(tmp_path / "input", data, format)
        for end in range(0, len(data), 7):
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
