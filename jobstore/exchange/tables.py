"""Rows of a CSV file, each with its line; reading goes on after a broken one.

Only the shape of CSV (RFC 4180) is known here; columns mean nothing yet.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator

from jobstore.exchange.reading import MAX_RECORD, decode, read_line
from jobstore.exchange.rows import BrokenFile, Row

DELIMITERS = ",;\t"


class _Lines:
    """The lines of a file for the csv module; remembers those of the record that is being read."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._again: deque[tuple[str, str | None]] = deque()
        self.number = 0
        self._begin()

    def _begin(self) -> None:
        self.taken: list[tuple[str, str | None]] = []
        self._size = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self._again:
            line, fault = self._again.popleft()
        else:
            data, too_long = read_line(self._stream)
            if not data:
                raise StopIteration
            line, fault = decode(data)
            if too_long:
                self._size = MAX_RECORD
        self.number += 1
        self.taken.append((line, fault))
        self._size += len(line)
        if self._size > MAX_RECORD:
            raise csv.Error(f"longer than {MAX_RECORD:,} bytes")
        return line

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
        return "".join(line for line, _ in self.taken)

    @property
    def fault(self) -> str | None:
        return next((fault for _, fault in self.taken if fault), None)


def csv_rows(
    stream: io.BufferedReader, name: str, *, delimiter: str | None = None
) -> tuple[list[str], Iterator[Row]]:
    """Return the header, and the rows below it as mappings from column to non-blank cell.

    The delimiter is ``delimiter``, or else the one (comma, semicolon or tab) the header has most of. A row that is no
    CSV, or has not as many cells as the header, becomes a fault; reading goes on with the line
    after its first one, so that a lost quote costs one row. Raises BrokenFile when there is no
    usable header.
    """
    lines = _Lines(stream)
    header: list[str] = []
    try:
        for line in lines:
            if line.strip():
                delimiter = delimiter or max(DELIMITERS, key=line.count)
                header = _header(line, delimiter)
                break
            lines.next_record()
    except csv.Error as error:
        raise BrokenFile(f"{name}: the header is no CSV ({error}).") from None
    if not header or delimiter is None:
        raise BrokenFile(f"{name} is empty; a CSV file begins with the names of its columns.")
    if lines.fault:
        raise BrokenFile(f"{name}: the header {lines.fault}; save the file as UTF-8.")
    if len(set(header)) < len(header):
        twice = next(column for column in header if header.count(column) > 1)
        raise BrokenFile(f"{name}: the header names the column {twice!r} twice.")
    return header, _rows(lines, header, delimiter)


def _header(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]


def _rows(lines: _Lines, header: list[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.next_record()
        cells, fault = _next(reader)
        if fault is not None:
            lines.give_back()
            # A reader that failed may be in the middle of a field.
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        elif cells is None:
            return
        elif not cells:
            continue
        elif len(cells) != len(header):
            fault = f"has {len(cells)} cells where the header has {len(header)}"
        fault = lines.fault or fault
        if fault is not None or cells is None:
            yield Row(line, None, fault, lines.raw)
        else:
            row = {column: cell for column, cell in zip(header, cells, strict=True) if cell}
            yield Row(line, row, None, lines.raw)


def _next(reader: Iterator[list[str]]) -> tuple[list[str] | None, str | None]:
    # The limit belongs to the whole process; it is raised only while a row is read.
    limit = csv.field_size_limit(MAX_RECORD)
    try:
        return next(reader, None), None
    except csv.Error as error:
        return None, f"is no valid CSV: {error}"
    finally:
        csv.field_size_limit(limit)
