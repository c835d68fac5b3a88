"""Rows of a CSV file, each with its line; reading goes on after a broken one.

Only the shape of CSV (RFC 4180) is known here, and what spreadsheets make of it; columns mean
nothing yet. How a table is written is found out in :mod:`.layouts`.
"""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from jobstore.exchange.documents import json_objects
from jobstore.exchange.layouts import DELIMITERS, layout, usable
from jobstore.exchange.packing import Headed
from jobstore.exchange.reading import MAX_RECORD, decode, read_line
from jobstore.exchange.rows import BrokenFile, Row

__all__ = ["DELIMITERS", "Table", "csv_rows", "table"]

# The most columns of a table, and the most cells of a row that is longer than ``_LARGE``
# characters. They bound the memory that a row of delimiters takes.
MAX_COLUMNS = 100_000
_MAX_CELLS = 1_000_000
_LARGE = 1024 * 1024
# What is looked at to find out the layout: these lines, or fewer if they are long.
_SAMPLE_LINES = 30
_SAMPLE = 128 * 1024


@dataclass(slots=True)
class Table:
    """A table: its columns, its rows, and how its cells are parted."""

    header: list[str]
    rows: Iterator[Row]
    delimiter: str | None


class _WithLineFeeds:
    """Gives a text whose lines end with a carriage return alone, as old Macs write it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes, ``b""`` at the end."""
        return self._stream.read1(size).replace(b"\r", b"\n")


class _Lines:
    """The lines of a file for the csv module; remembers those of the record that is being read."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._again: deque[tuple[str, str | None, bool]] = deque()
        self.number = 0
        self.delimiter = ","
        self._begin()

    def _begin(self) -> None:
        self.taken: list[tuple[str, str | None, bool]] = []
        self._size = 0
        self._cells = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._again:
            taken = self._again.popleft()
        else:
            data, too_long = read_line(self._stream)
            if not data:
                raise StopIteration
            line, fault = decode(data)
            taken = (line, fault, too_long)
        line = taken[0]
        self.number += 1
        self.taken.append(taken)
        self._size += len(line)
        if self._size > _LARGE or taken[2]:
            self._check(line, too_long=taken[2])
        return line

    def _check(self, line: str, *, too_long: bool) -> None:
        if too_long or self._size > MAX_RECORD:
            raise csv.Error(f"longer than {MAX_RECORD:,} bytes")
        self._cells += line.count(self.delimiter)
        if self._cells > _MAX_CELLS:
            raise csv.Error(f"more than {_MAX_CELLS:,} cells")

    def _read(self) -> tuple[str, str | None, bool] | None:
        data, too_long = read_line(self._stream)
        return (*decode(data), too_long) if data else None

    def ahead(self) -> tuple[list[str], bool]:
        """Return the next lines, which are still to be read, and whether they are all.

        Blank lines before them are passed over.
        """
        size = 0
        while not self._again and (taken := self._read()):
            if taken[0].strip():
                self._again.append(taken)
            else:
                self.number += 1
        while len(self._again) < _SAMPLE_LINES and (size < _SAMPLE or len(self._again) < 2):
            taken = self._read()
            if taken is None:
                return [line for line, _, _ in self._again], True
            self._again.append(taken)
            size += len(taken[0])
        return [line for line, _, _ in self._again], False

    def next_record(self) -> int:
        """Forget the record that was read; return the line of the next one."""
        self._begin()
        return self.number + 1

    def give_back(self) -> None:
        """Read all lines of the record again, except its first."""
        again = self.taken[1:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)
        del self.taken[1:]

    @property
    def raw(self) -> str:
        return "".join(line for line, _, _ in self.taken)

    @property
    def fault(self) -> str | None:
        return next((fault for _, fault, _ in self.taken if fault), None)

    @property
    def cut(self) -> bool:
        """Whether the record ends without a line's end, as a file that was cut short does."""
        return not self.taken[-1][0].endswith(("\n", "\r"))


def csv_rows(
    stream: io.BufferedReader, name: str, *, delimiter: str | None = None
) -> tuple[list[str], Iterator[Row]]:
    """Return the header, and the rows below it as mappings from column to non-blank cell.

    See :func:`table`.
    """
    found = table(stream, name, delimiter=delimiter)
    return found.header, found.rows


def table(stream: io.BufferedReader, name: str, *, delimiter: str | None = None) -> Table:
    """Read a table: its header at once, its rows when they are asked for.

    The delimiter is ``delimiter``, one character, or what a line ``sep=`` says, or else the one
    (comma, semicolon, tab or bar) by which the first rows have as many cells as the header.
    A title above the header is passed over. Columns without a name, or with one that was there
    already, get one (:func:`~jobstore.exchange.layouts.usable`). A row with fewer cells than the
    header has the rest empty; one with more that are not empty, or one that is no CSV, becomes a
    fault. Reading goes on with the line after its first one, so that a lost quote costs one row.
    Rows of JSON objects, as a workbook gives them, are read as a table of texts.

    Raises BrokenFile when there is no usable header, and ValueError for a delimiter that is none.
    """
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise ValueError(f"{delimiter!r} is no delimiter; it is one character, such as a comma.")
    head = stream.peek()
    if head.lstrip()[:1] == b"{":
        return _from_objects(stream, name)
    if b"\r" in head and b"\n" not in head:
        stream = Headed(_WithLineFeeds(stream), name).buffered()
    lines = _Lines(stream)
    sample, whole = lines.ahead()
    found = layout(sample, whole, delimiter)
    lines.delimiter = found.delimiter
    for _ in range(found.skipped):
        next(lines)
    lines.next_record()
    cells, fault = _next(csv.reader(lines, delimiter=found.delimiter, strict=True))
    if fault is not None:
        raise BrokenFile(f"{name}: the header is no CSV ({fault}).")
    if not cells:
        raise BrokenFile(f"{name} is empty; a CSV file begins with the names of its columns.")
    if lines.fault:
        raise BrokenFile(f"{name}: the header {lines.fault}; name the encoding with --encoding.")
    if len(cells) > MAX_COLUMNS:
        raise BrokenFile(f"{name} has more than {MAX_COLUMNS:,} columns.")
    header = usable(cells)
    return Table(header, _rows(lines, header, found.delimiter), found.delimiter)


def _from_objects(stream: io.BufferedReader, name: str) -> Table:
    rows = json_objects(stream, name)
    first = next(rows)

    def texts() -> Iterator[Row]:
        row: Row | None = first
        while row is not None:
            if row.fault is None:
                cells = cast(dict[str, Any], row.value)
                row.value = {key: _text(cell) for key, cell in cells.items() if cell is not None}
            yield row
            row = next(rows, None)

    header = list(first.value) if isinstance(first.value, dict) else []
    return Table(header, texts(), None)


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def _rows(lines: _Lines, header: list[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = len(header)
    while True:
        line = lines.next_record()
        cells, fault = _next(reader)
        if fault is not None:
            fault = f"is no valid CSV: {fault}"
            lines.give_back()
            # A reader that failed may be in the middle of a field.
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        elif cells is None:
            return
        elif len(cells) != width:
            if not any(cells):
                continue
            fault = _misfit(cells, width, lines)
        fault = lines.fault or fault
        if fault is not None or cells is None:
            yield Row(line, None, fault, lines.raw)
        elif row := {column: cell for column, cell in zip(header, cells, strict=False) if cell}:
            yield Row(line, row, None, lines.raw)


def _misfit(cells: list[str], width: int, lines: _Lines) -> str | None:
    """Say what is wrong with a row that has not as many cells as the header."""
    if len(cells) > width:
        if not any(cell.strip() for cell in cells[width:]):
            return None
    # Programs leave out empty cells at the end. A lone cell is more likely a part of a text
    # or a remark, and a last line without an end may have been cut short.
    elif not lines.cut and len(cells) > 1:
        return None
    plural = "" if len(cells) == 1 else "s"
    return f"has {len(cells)} cell{plural} where the header has {width}"


def _next(reader: Iterator[list[str]]) -> tuple[list[str] | None, str | None]:
    # The limit belongs to the whole process; it is raised only while a row is read.
    limit = csv.field_size_limit(MAX_RECORD)
    try:
        return next(reader, None), None
    except csv.Error as error:
        return None, str(error)
    finally:
        csv.field_size_limit(limit)
