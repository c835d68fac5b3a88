"""A look at the beginning of a file: what it is, and its first rows.

A file may be large, so only its beginning is read; what the end of that cuts is left out.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from jobstore.exchange.documents import json_rows
from jobstore.exchange.formats import Wishes, raw_rows, read_way, way_of, wishes_of
from jobstore.exchange.packing import unpacked_size
from jobstore.exchange.reading import CHUNK, HEAD, FilePath, Source, name_of, open_input
from jobstore.exchange.recognition import Way, kind_of
from jobstore.exchange.rows import BrokenFile, Record, Row
from jobstore.exchange.samples import first_values, lists
from jobstore.exchange.tables import table

T = TypeVar("T", Row, Record)

# Seconds for which a packed file is unpacked to see how long it is.
_PATIENCE = 0.2


@dataclass(frozen=True, slots=True)
class Look:
    """The beginning of a file, and how the file is read.

    ``known`` says that the fields of its rows can be told; ``fault`` says why not, and ``way`` is
    then how its rows are found. ``sample`` is the beginning as UTF-8, ``whole`` that it is all
    there is, and ``octets`` how many bytes there are, ``None`` if that takes long to find out.
    """

    name: str
    way: Way
    fault: str | None
    sample: bytes
    whole: bool
    octets: int | None
    encoding: str
    compression: tuple[str, ...]
    workbook: bool
    wishes: Wishes

    @property
    def known(self) -> bool:
        return self.fault is None

    @property
    def kind(self) -> str:
        """``json``, ``page``, ``feed`` or ``table``, as workbooks and Parquet files are too."""
        return "table" if self.workbook else self.way.kind

    @property
    def delimiter(self) -> str | None:
        """What parts the cells of a table."""
        if self.way.kind != "table":
            return None
        return table(self._stream(), self.name, delimiter=self.wishes.delimiter).delimiter

    def rows(self) -> Iterator[Row]:
        """Give the first rows as the file has them; none of a page."""
        return self._uncut(self._rows())

    def records(self) -> Iterator[Record]:
        """Give what importing makes of the first rows; none of an unknown file."""
        if not self.known:
            return iter(())
        return self._uncut(read_way(self._stream(), self.name, self.way, self.wishes))

    def _stream(self) -> io.BufferedReader:
        # typeshed asks for a raw stream.
        return io.BufferedReader(cast(Any, io.BytesIO(self.sample)))

    def _rows(self) -> Iterator[Row]:
        if self.way.kind == "page":
            return iter(())
        if self.way.kind == "table":
            return table(self._stream(), self.name, delimiter=self.wishes.delimiter).rows
        if self.way.mapping is not None:
            return raw_rows(self._stream(), self.name, self.way, self.wishes)
        return json_rows(self._stream(), self.name, items=self.way.items or None)

    def _uncut(self, rows: Iterator[T]) -> Iterator[T]:
        last: T | None = None
        try:
            for row in rows:
                if last is not None:
                    yield last
                last = row
        except BrokenFile:
            if self.whole:
                raise
        # The last row of a table may go on in the next line.
        if last is not None and (self.whole or self.way.kind != "table"):
            yield last


def look(path: FilePath, format: str = "auto", *, most: int, **options: Any) -> Look:
    """Look at the first ``most`` bytes of a file, once unpacked and in UTF-8.

    ``options`` are those of :func:`~jobstore.exchange.open_records`. Raises BrokenFile for a file
    that cannot be read, or holds nothing, and ValueError as that does.
    """
    name = name_of(path)
    encoding = options.pop("encoding", None)
    wishes = wishes_of(format, **options)
    with open_input(path, encoding=encoding) as opened:
        stream = cast(Source, opened)
        sample = stream.read(most)
        whole = not stream.peek(1)
        octets = len(sample) if whole else _octets(Path(path), sample, stream)
        encoding, compression, workbook = stream.encoding, stream.compression, stream.table
    if not sample.strip():
        raise BrokenFile(f"{name} is empty.")
    if not whole:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    fault = None
    try:
        way = way_of(sample[:HEAD], name, wishes)
    except BrokenFile as error:
        fault = str(error)
        way = Way("", kind_of(sample), None, wishes.items or _largest(sample))
    return Look(name, way, fault, sample, whole, octets, encoding, compression, workbook, wishes)


def _octets(path: Path, sample: bytes, stream: Source) -> int | None:
    if not stream.compression:
        # Another encoding takes more or fewer bytes for the same text.
        text = sample.decode("utf-8", "replace").encode(stream.encoding, "replace")
        return path.stat().st_size * len(sample) // len(text)
    octets = len(sample)
    until = time.monotonic() + _PATIENCE
    while data := stream.read(CHUNK):
        octets += len(data)
        if time.monotonic() > until:
            said = unpacked_size(path)
            return said if said is not None and said >= octets else None
    return octets


def _largest(sample: bytes) -> str:
    """Return where in a document of an unknown kind most rows are."""
    if kind_of(sample) != "json":
        return ""
    values = first_values(sample[:HEAD].decode("utf-8", "replace"))
    if len(values) != 1:
        return ""
    return next((items for items, _ in lists(values[0])), "")
