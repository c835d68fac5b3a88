"""What odd and hostile files cost: the time and the memory of reading them, by their size.

Each shape is read at growing sizes, each in a process of its own. Time is to grow as the size
does, and memory to stay within :data:`MOST_MEMORY` whatever the size.
"""

from __future__ import annotations

import gzip
import json
import lzma
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zstandard

from benchmarks import report
from benchmarks.databases import scratch
from benchmarks.processes import run_child
from benchmarks.running import say

MOST_MEMORY = 256 * 1024 * 1024

_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3
_ROW = '{"source": "b", "source_job_id": "%d", "title": "%s", "company": "C"}'
_HEADER = "source,source_job_id,title,company"


Pack = Callable[[Path, Iterator[bytes]], None]


def _bytes(count: int, unit: bytes) -> Iterator[bytes]:
    """Give ``count`` bytes of repetitions of ``unit``, a megabyte at a time."""
    piece = unit * (_MIB // len(unit))
    count -= count % len(unit)
    for _ in range(count // len(piece)):
        yield piece
    yield piece[: count % len(piece)]


def _header(size: int) -> Iterator[bytes]:
    yield _HEADER.encode() + b"," + ",".join(f"column {n:020}" for n in range(size // 28)).encode()
    yield b"\nb,1,t,c\n" * 20


def _columns(size: int) -> Iterator[bytes]:
    yield (_HEADER + "".join(f",c{number}" for number in range(size)) + "\n").encode()
    yield (("b,1,t,c" + ",x" * size) + "\n").encode() * 20


def _long_cells(size: int) -> Iterator[bytes]:
    yield _HEADER.encode() + b"\n"
    for _ in range(4):
        yield b"b,1,t,"
        yield from _bytes(size, b"word ")
        yield b"\n"


def _long_lines(size: int) -> Iterator[bytes]:
    for number in range(4):
        yield (_ROW % (number, "é" + "x" * size)).encode() + b"\n"


def _long_items(size: int) -> Iterator[bytes]:
    yield b"["
    for number in range(4):
        yield (b"," if number else b"") + (_ROW % (number, "x" * size)).encode()
    yield b"]"


def _many_values(size: int) -> Iterator[bytes]:
    for _ in range(2):
        yield b'{"source": "b", "source_job_id": "1", "title": "t", "x": ['
        yield from _bytes(size, b"{},")
        yield b"{}]}\n"


def _nested(size: int) -> Iterator[bytes]:
    for mark, end in ((b"[", b"]"), (b'{"a":', b"}")):
        yield b'{"source": "b", "source_job_id": "1", "title": "t", "x": '
        yield from _bytes(size, mark)
        yield b"1"
        yield from _bytes(size // len(mark), end)
        yield b"}\n"


def _envelope(size: int) -> Iterator[bytes]:
    yield b'{"meta": {"x": [1, 2]}, "jobs": ['
    row = (_ROW % (1, "x" * 1000)).encode()
    for number in range(size // len(row)):
        yield (b"," if number else b"") + row
    yield b"]}"


def _page(size: int) -> Iterator[bytes]:
    posting = {"@type": "JobPosting", "title": "t", "hiringOrganization": "c", "url": "/x"}
    yield b"<html>" + b"<a " * (size // 6) + b">" + b"<!-- " + b"-- " * (size // 6) + b"-->"
    yield f'<script type="application/ld+json">{json.dumps(posting)}</script>'.encode()


def _broken_json(size: int) -> Iterator[bytes]:
    yield (_ROW % (1, "t")).encode() + b"\n"
    for _ in range(size // 1000):
        yield b"{source: 'b', title: '" + b"x" * 970 + b"'}\n"


def _members(compress: Callable[[bytes], bytes]) -> Pack:
    """Return what packs each part once, as a member of its own, and repeats it."""

    def pack(path: Path, parts: Iterator[bytes]) -> None:
        packed: dict[bytes, bytes] = {}
        with path.open("wb") as stream:
            for part in parts:
                if part not in packed:
                    packed[part] = compress(part)
                stream.write(packed[part])

    return pack


def _zip(path: Path, parts: Iterator[bytes]) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("jobs.csv", "w", force_zip64=True) as stream,
    ):
        for part in parts:
            stream.write(part)


def _plain(path: Path, parts: Iterator[bytes]) -> None:
    with path.open("wb") as stream:
        stream.writelines(parts)


Shape = tuple[Callable[[int], Iterator[bytes]], Pack, tuple[int, ...]]


def _bomb(unit: bytes) -> Callable[[int], Iterator[bytes]]:
    return lambda size: _bytes(size, unit)


SHAPES: dict[str, Shape] = {
    "a long header": (_header, _plain, (175 * _KIB, 350 * _KIB, 700 * _KIB)),
    "many columns": (_columns, _plain, (2_500, 5_000, 10_000)),
    "long cells": (_long_cells, _plain, (4 * _MIB, 8 * _MIB, 15 * _MIB)),
    "long lines of JSON": (_long_lines, _plain, (4 * _MIB, 8 * _MIB, 15 * _MIB)),
    "long items": (_long_items, _plain, (4 * _MIB, 8 * _MIB, 15 * _MIB)),
    "many values": (_many_values, _plain, (4 * _MIB, 8 * _MIB, 15 * _MIB)),
    "deep nesting": (_nested, _plain, (2 * _MIB, 4 * _MIB, 7 * _MIB)),
    "an envelope": (_envelope, _plain, (16 * _MIB, 32 * _MIB, 64 * _MIB)),
    "a page of open tags": (_page, _plain, (4 * _MIB, 8 * _MIB, 16 * _MIB)),
    "other quotes": (_broken_json, _plain, (2 * _MIB, 4 * _MIB, 8 * _MIB)),
    "zeros in gzip": (_bomb(b"\0"), _members(gzip.compress), (_GIB // 4, _GIB // 2, _GIB)),
    "commas in gzip": (_bomb(b","), _members(gzip.compress), (_GIB // 4, _GIB // 2, _GIB)),
    "commas in zstd": (_bomb(b","), _members(zstandard.compress), (_GIB // 4, _GIB // 2, _GIB)),
    "commas in xz": (_bomb(b","), _members(lzma.compress), (_GIB // 4, _GIB // 2, _GIB)),
    "commas in zip": (_bomb(b","), _zip, (_GIB // 4, _GIB // 2, _GIB)),
    "brackets in gzip": (_bomb(b"["), _members(gzip.compress), (_GIB // 4, _GIB // 2, _GIB)),
    "lines in gzip": (
        _bomb(b"a,b\n"),
        _members(gzip.compress),
        (_GIB // 64, _GIB // 32, _GIB // 16),
    ),
}


def run() -> int:
    """Read every shape at every size and print the curve; 1 if one takes too much memory."""
    rows = []
    too_much = []
    for name, (make, pack, sizes) in SHAPES.items():
        with scratch() as place:
            for size in sizes:
                path = place / "input"
                pack(path, make(size))
                found = run_child("reading", path)
                rows.append((name, f"{size:,}", *_shown(found)))
                say(" ".join(rows[-1]))
                if found["memory"] > MOST_MEMORY:
                    too_much.append(name)
    title = f"Reading odd files; the most memory is to be {MOST_MEMORY >> 20} MiB"
    report.show_rows(title, ("", "size", "seconds", "MiB", "rows", "what came out"), rows)
    return int(bool(too_much))


def _shown(found: dict[str, Any]) -> tuple[str, ...]:
    memory = f"{found['memory'] >> 20}"
    return f"{found['seconds']:.2f}", memory, f"{found['rows']:,}", found["said"][:60]
