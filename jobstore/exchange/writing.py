"""Writes postings to a file: whole or not at all, one posting at a time.

The formats are in modules of their own; only files and streams are handled here.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import sys
from collections.abc import AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from jobstore.exchange import csv_, jsonl, schema_org
from jobstore.exchange.reading import FilePath
from jobstore.files import replacing
from jobstore.records import Job


class Writer(Protocol):
    """Takes postings one by one."""

    def write(self, job: Job) -> None:
        """Write one posting."""

    def finish(self) -> None:
        """Write what comes after the last posting."""


_WRITERS: dict[str, Callable[..., Writer]] = {
    "jsonl": jsonl.JsonLinesWriter,
    "csv": csv_.CsvWriter,
    "schema-org": schema_org.SchemaOrgWriter,
}

EXPORT_FORMATS = tuple(_WRITERS)


@contextmanager
def open_writer(
    path: FilePath,
    format: str = "jsonl",
    *,
    spreadsheet_safe: bool = False,
    beside: Callable[[Job], Mapping[str, Any]] | None = None,
) -> Iterator[Writer]:
    """Open ``path``, or standard output for ``-``, for an export in ``format``.

    A name that ends in ``.gz`` is packed. The postings go to a temporary file beside it, which
    takes the name at the end, safely on disk (see :func:`jobstore.files.replacing`); if the block
    raises, what was there before stays. ``spreadsheet_safe`` has cells of ``csv`` that a
    spreadsheet would compute begin with an apostrophe, which an import does not take away again.
    ``beside`` gives what else ``jsonl`` is to say of a posting, by name.

    Raises ValueError for an unknown format, or an option that it has no use for, and OSError
    when it cannot be written.
    """
    if format not in _WRITERS:
        raise ValueError(f"There is no export format {format!r}; there are {_names()}.")
    if spreadsheet_safe and format != "csv":
        raise ValueError(f"The format {format} has no use for the option 'spreadsheet_safe'.")
    if beside is not None and format != "jsonl":
        raise ValueError(f"The format {format} has no use for the option 'beside'.")
    options: dict[str, Any] = {"spreadsheet_safe": True} if spreadsheet_safe else {}
    if beside is not None:
        options["beside"] = beside
    with _output(path) as binary, _packed(binary, os.fspath(path)) as packed:
        # No translation of line ends: a text's own are part of it.
        text = io.TextIOWrapper(packed, encoding="utf-8", newline="", write_through=False)
        try:
            writer = _WRITERS[format](text, **options)
            yield writer
            writer.finish()
            text.flush()
        finally:
            with contextlib.suppress(OSError, ValueError):
                text.detach()


async def export(
    jobs: AsyncIterable[Job],
    path: FilePath,
    format: str = "jsonl",
    *,
    spreadsheet_safe: bool = False,
    beside: Callable[[Job], Mapping[str, Any]] | None = None,
) -> int:
    """Write all of ``jobs``, such as :meth:`jobstore.JobStore.stream`; return how many.

    Memory does not grow with their number. For the options, and what is raised, see
    :func:`open_writer`.
    """
    count = 0
    options: dict[str, Any] = {"spreadsheet_safe": spreadsheet_safe, "beside": beside}
    with open_writer(path, format, **options) as writer:
        async for job in jobs:
            writer.write(job)
            count += 1
    return count


def _names() -> str:
    return ", ".join(EXPORT_FORMATS)


@contextmanager
def _packed(binary: BinaryIO, name: str) -> Iterator[BinaryIO]:
    if not name.endswith(".gz"):
        yield binary
        return
    # Without a time and a name inside, the same postings make the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=binary, mtime=0) as packed:
        yield cast(BinaryIO, packed)


@contextmanager
def _output(path: FilePath) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with replacing(Path(path)) as stream:
        yield stream
