"""The rows that an importer yields, and the error for a file that cannot be read at all.

Nothing here knows a format. A posting is checked where it is stored, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jobstore.errors import JobStoreError
from jobstore.intake.given import Translated

# The text of the rows that are held at a time, in characters.
BATCH = 32 * 1024 * 1024


class BrokenFile(JobStoreError):
    """The file cannot be read as postings."""


@dataclass(slots=True)
class Record:
    """One row of a file: a posting to check and store, or the reason why there is none.

    ``line`` is the line on which the row begins (from 1). For a JSON array, which may be one
    long line, it is the item's position (from 1) instead; for a page it is the line of the
    script that the posting is in, which several postings may share. ``posting`` maps
    names of :class:`~jobstore.JobPosting` fields to values as the source gave them. ``raw`` is
    the row's text as found; bytes that are not UTF-8 stand in it as lone surrogates
    (``surrogateescape``), so encoding it the same way gives back the bytes.
    """

    line: int | None
    posting: Translated | None = None
    fault: str | None = None
    raw: str | None = None


@dataclass(slots=True)
class Row:
    """A row before its format is understood: any JSON value, or a mapping of CSV cells."""

    line: int
    value: Any = None
    fault: str | None = None
    raw: str | None = None

    def record(self, posting: Translated) -> Record:
        """Return the record of ``posting``."""
        return Record(self.line, posting, None, self.raw)

    def broken(self, fault: str | None = None) -> Record:
        """Return the record that says why there is no posting."""
        return Record(self.line, None, fault or self.fault, self.raw)


def translated(
    rows: Iterable[Row],
    translate: Callable[[Any], Translated],
    skip: Callable[[Any], Any] | None = None,
) -> Iterator[Record]:
    """Yield a record for each row: what ``translate`` makes of its object, or its fault.

    Rows for which ``skip`` is true are left out. Whatever a row holds, it costs that row alone.
    """
    for row in rows:
        if row.fault is not None:
            yield row.broken()
            continue
        if not isinstance(row.value, dict):
            yield row.broken("is no JSON object")
            continue
        try:
            if skip is not None and skip(row.value):
                continue
            record = row.record(translate(row.value))
        except Exception as error:
            record = row.broken(f"cannot be translated ({type(error).__name__})")
        yield record


@dataclass(slots=True)
class Batch:
    """A bounded run of records: those with a posting, in order, and those without.

    ``records[i].posting is postings[i]``, so that the index of a rejection leads back to the
    line and the text of its row. ``octets`` is about how much text all of them were.
    """

    postings: list[Translated] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    broken: list[Record] = field(default_factory=list)
    octets: int = 0


def batches(
    records: Iterable[Record], size: int = 2048, octets: int = BATCH, *, texts: bool = True
) -> Iterator[Batch]:
    """Cut ``records`` into batches of at most ``size`` rows, holding one at a time.

    A batch ends as well with the row by which its text has ``octets`` characters. Without
    ``texts`` the text of rows is not kept.

    Store ``batch.postings`` with one ``upsert_many``; a rejection with index ``i`` came from
    ``batch.records[i]``. Rows that gave no posting are in ``batch.broken``.
    """
    batch = Batch()
    for record in records:
        batch.octets += len(record.raw or "") + 1
        if not texts:
            record.raw = None
        if record.posting is None:
            batch.broken.append(record)
        else:
            batch.postings.append(record.posting)
            batch.records.append(record)
        if len(batch.records) + len(batch.broken) >= size or batch.octets >= octets:
            yield batch
            batch = Batch()
    if batch.records or batch.broken:
        yield batch
