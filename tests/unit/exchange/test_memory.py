"""Reading and writing take the same memory however many rows there are."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import shapes
from jobstore.exchange import BrokenFile, batches, open_records, open_writer
from tests.unit.exchange.conftest import make_job

# Measuring coverage takes memory as well.
pytestmark = pytest.mark.no_cover

FEW, MANY = 1_000, 8_000


def jsonl(count: int) -> Iterator[str]:
    for number in range(count):
        yield f'{{"source": "b", "source_job_id": "{number}", "title": "T", "company": "C"}}\n'


def table(count: int) -> Iterator[str]:
    yield "source,source_job_id,title,company\n"
    for number in range(count):
        yield f'b,{number},"T ""x""",C\n'


def array(count: int) -> Iterator[str]:
    yield "["
    for number in range(count):
        entry = {"id": number, "company_slug": "acme", "title": f"Title {number}"}
        yield (", " if number else "") + json.dumps(entry)
    yield "]"


def peak(work: Callable[[], int]) -> tuple[int, int]:
    tracemalloc.start()
    try:
        count = work()
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("lines", [jsonl, table, array])
def test_reading(tmp_path: Path, lines: Callable[[int], Iterator[str]]) -> None:
    def reading(rows: int) -> Callable[[], int]:
        path = tmp_path / f"{rows}.gz"
        with gzip.open(path, "wt", compresslevel=1) as stream:
            stream.writelines(lines(rows))
        return lambda: sum(len(batch.postings) for batch in batches(open_records(path), 500))

    few, many = reading(FEW), reading(MANY)
    few()  # what is imported and cached on first use is no part of it
    (few_count, few_peak), (many_count, many_peak) = peak(few), peak(many)
    assert (few_count, many_count) == (FEW, MANY)
    assert many_peak < few_peak * 1.5 + 500_000


@pytest.mark.parametrize("format", ["jsonl", "csv", "schema-org"])
def test_writing(tmp_path: Path, format: str) -> None:
    job = make_job()

    def writing(rows: int) -> Callable[[], int]:
        def work() -> int:
            with open_writer(tmp_path / f"{rows}.out", format) as writer:
                for _ in range(rows):
                    writer.write(job)
            return rows

        return work

    writing(FEW)()
    few_peak = peak(writing(FEW))[1]
    assert peak(writing(MANY // 2))[1] < few_peak * 1.5 + 500_000


# Tracing memory makes it slow to read what is mended slowly.
@pytest.mark.parametrize("shape", sorted(shapes.SHAPES.keys() - {"other quotes"}))
def test_odd_files_take_little_memory_however_they_end(tmp_path: Path, shape: str) -> None:
    """The short form of ``python -m benchmarks shapes``."""
    make, pack, sizes = shapes.SHAPES[shape]
    path = tmp_path / "input"
    pack(path, make(sizes[0] // 64))

    def reading() -> int:
        with suppress(BrokenFile):
            return sum(len(batch.records) for batch in batches(open_records(path)))
        return 0

    reading()  # what is imported and cached on first use is no part of it
    assert peak(reading)[1] < 64 * 1024 * 1024
