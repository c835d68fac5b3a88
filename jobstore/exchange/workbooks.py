"""Rows of Excel workbooks and Parquet files, each as a line of JSON.

So every format that is read from JSON can be read from a table. Both packages are an extra.
"""

from __future__ import annotations

import importlib
import json
import math
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

from jobstore.exchange.layouts import usable
from jobstore.exchange.rows import BrokenFile

# Rows of a Parquet file that are in memory at a time.
_ROWS = 64
# No real workbook is packed as densely as this, or has parts beside its sheets as large as this.
_DENSEST = 200
_SMALL = 16 * 1024 * 1024
_LARGEST_PART = 64 * 1024 * 1024
_MIDNIGHT = time()


def _package(module: str, name: str, what: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise BrokenFile(
            f"{name} is {what}; to read it, run: pip install 'jobstore[tables]'. Or save it as CSV."
        ) from None


def parquet_lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the rows of a Parquet file. Raises BrokenFile if it is damaged or cut short."""
    parquet = _package("pyarrow.parquet", name, "a Parquet file")
    arrow = importlib.import_module("pyarrow")
    try:
        table = parquet.ParquetFile(file, buffer_size=1024 * 1024, pre_buffer=False)
        columns = usable(table.schema_arrow.names)
        first = True
        for batch in table.iter_batches(batch_size=_ROWS, use_threads=False):
            cells = [_cells(column) for column in batch.columns]
            for row in zip(*cells, strict=True):
                yield _line(columns, row, first)
                first = False
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BrokenFile(f"{name} is a Parquet file that cannot be read: {reason}") from None


def _cells(column: Any) -> list[Any]:
    """Return the values of a column; one that Python does not have is a text that says so."""
    arrow = importlib.import_module("pyarrow")
    if arrow.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python has no nanoseconds, and pandas, which does, may not be there.
        column = column.cast(arrow.timestamp("us", column.type.tz), safe=False)
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # such as the year 10,000
        values = [_cell(each) for each in column]
    return values


def _cell(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return f"{getattr(scalar, 'value', '')} ({scalar.type})"


def sheet_lines(archive: zipfile.ZipFile, file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the rows of a workbook's first sheet with rows; a line's number is that in the sheet.

    Raises BrokenFile if it is damaged, or larger than a workbook can be.
    """
    openpyxl = _package("openpyxl", name, "an Excel workbook")
    for part in archive.infolist():
        beside = not part.filename.startswith("xl/worksheets/")
        dense = part.file_size > max(_SMALL, _DENSEST * part.compress_size)
        if dense or (beside and part.file_size > _LARGEST_PART):
            raise BrokenFile(f"{name} is too large for a workbook; save the sheet as CSV.")
    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        for sheet in workbook.worksheets:
            # The size that a sheet states may be wrong.
            sheet.reset_dimensions()
            lines = _sheet(sheet.iter_rows(values_only=True))
            found = False
            for line in lines:
                found = found or bool(line.strip())
                yield line
            if found:
                return
    except BrokenFile:
        raise
    # A damaged workbook fails in many ways: zipfile, XML, KeyError, ValueError, TypeError.
    except Exception as error:
        raise BrokenFile(
            f"{name} is an Excel workbook that cannot be read ({type(error).__name__}). "
            "Save the sheet as CSV."
        ) from None


def _sheet(rows: Iterator[tuple[Any, ...]]) -> Iterator[bytes]:
    columns: list[str] | None = None
    first = True
    for row in rows:
        stated = sum(cell is not None and cell != "" for cell in row)
        if columns is None:
            # A title above the table has one cell.
            if stated > 1:
                columns = usable(["" if cell is None else str(cell) for cell in row])
            yield b"\n"
        elif not stated:
            yield b"\n"
        else:
            if len(row) > len(columns):
                columns = usable([*columns, *[""] * (len(row) - len(columns))])
            yield _line(columns, row, first)
            first = False


def _line(columns: list[str], row: tuple[Any, ...], first: bool) -> bytes:
    # The first row names all columns, so that a format can be recognised by them.
    cells = {
        column: value
        for column, cell in zip(columns, row, strict=False)
        if (value := _plain(cell)) is not None or first
    }
    if first:
        cells = dict.fromkeys(columns) | cells
    return (json.dumps(cells, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    """Return a cell as JSON has it; dates and times in ISO 8601, ``None`` for what is empty."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else f"{value:f}"
    if isinstance(value, datetime):
        # A workbook has no dates without a time.
        midnight = value.tzinfo is None and value.time() == _MIDNIGHT
        return value.date().isoformat() if midnight else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return None
    return str(value)
