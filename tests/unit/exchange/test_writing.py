"""Where exports go: whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobstore.exchange import EXPORT_FORMATS, export, open_records, open_writer
from jobstore.records import Job
from tests.unit.exchange.conftest import make_job


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def jobs(count: int) -> AsyncIterator[Job]:
    for number in range(count):
        yield make_job(number)


@pytest.mark.parametrize("format", EXPORT_FORMATS)
@pytest.mark.parametrize("name", ["out", "out.gz"])
async def test_an_export_can_be_imported(tmp_path: Path, format: str, name: str) -> None:
    assert await export(jobs(3), tmp_path / name, format) == 3
    found = [record.posting or {} for record in open_records(tmp_path / name)]
    assert [posting["title"] for posting in found] == ["Engineer 0", "Engineer 1", "Engineer 2"]
    assert names(tmp_path) == [name]
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


@pytest.mark.parametrize("format", EXPORT_FORMATS)
async def test_an_empty_export_is_valid(tmp_path: Path, format: str) -> None:
    assert await export(jobs(0), tmp_path / "out", format) == 0
    if format == "jsonl":
        assert (tmp_path / "out").read_bytes() == b""
    if format != "schema-org":
        assert list(open_records(tmp_path / "out", format)) == []


async def test_the_same_postings_make_the_same_packed_file(tmp_path: Path) -> None:
    await export(jobs(5), tmp_path / "a.jsonl.gz")
    await export(jobs(5), tmp_path / "b.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).count(b"\n") == 5


async def test_a_failed_export_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")

    async def failing() -> AsyncIterator[Job]:
        yield make_job()
        raise RuntimeError("the store failed")

    for name in ("out.jsonl", "new.jsonl.gz"):
        with pytest.raises(RuntimeError, match="the store failed"):
            await export(failing(), tmp_path / name)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["out.jsonl"]


async def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real.jsonl")
    await export(jobs(1), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.jsonl").read_text().count("\n") == 1


def test_a_device_is_written_to_and_not_replaced() -> None:
    with open_writer("/dev/null") as writer:
        writer.write(make_job())
    assert not Path("/dev/null").is_file()


async def test_standard_output_gets_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr("sys.stdout", stdout)
    assert await export(jobs(2), "-", "csv") == 2
    assert stdout.buffer.getvalue().count(b"\n") == 3


def test_a_reader_that_went_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout, monkeypatch.context() as patched:
        patched.setattr("sys.stdout", stdout)
        job = make_job(description="x" * 100_000)
        with pytest.raises(BrokenPipeError), open_writer("-") as writer:
            writer.write(job)
        # What is left in the buffer can go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), write)


async def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await export(jobs(1), tmp_path / "absent" / "out.jsonl")


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="'xml'; there are jsonl, csv, schema-org"),
        open_writer(tmp_path / "x", "xml"),
    ):
        raise AssertionError
    assert names(tmp_path) == []
