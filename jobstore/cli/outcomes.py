"""What came of the rows of an import: counted, told, and kept for --rejects.

Nothing is read or stored here.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jobstore.cli.output import complain, counted, say
from jobstore.files import overwriting
from jobstore.json_text import to_json

if TYPE_CHECKING:
    from jobstore.exchange import Batch, Record
    from jobstore.exchange.clashes import SeenKeys
    from jobstore.records import IntakeWarning, UpsertReport

# The most rows of a file that are told one by one, of each kind.
_TOLD = 5
# The most warnings that an answer as JSON holds.
_LISTED = 100
_KEY = "source_job_id"
# Kinds of warnings about values that are not left out.
SAME_KEY = "key"
TURNED_ROUND = "range"


@dataclass
class Outcomes:
    """The numbers of an import, as its answer gives them."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    warnings: int = 0
    warnings_by_field: Counter[str] = field(default_factory=Counter)
    first_warnings: list[dict[str, Any]] = field(default_factory=list)
    failed_files: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Warnings about values that were not left out. No fields: they are part of no answer.
        self._clashes = 0
        self._turned: Counter[str] = Counter()
        self.sourceless = 0

    @property
    def stored(self) -> int:
        return self.inserted + self.updated + self.unchanged

    def follow(self) -> Callable[[UpsertReport], None]:
        """Return what keeps these counts up to date while one batch is stored."""
        before = replace(self)

        def add(report: UpsertReport) -> None:
            self.inserted = before.inserted + report.inserted
            self.updated = before.updated + report.updated
            self.unchanged = before.unchanged + report.unchanged
            self.rejected = before.rejected + len(report.rejected)

        return add

    def fail(self, file: str, reason: str) -> None:
        """Take a file that cannot be read, or not to its end, and say so."""
        self.failed_files.append({"file": file, "reason": reason})
        complain(reason)

    def warn(self, file: str, line: int | None, warning: dict[str, Any]) -> None:
        """Take one value that was not stored as it was found."""
        self.warnings += 1
        self.warnings_by_field[warning["field"]] += 1
        self._clashes += warning["kind"] == SAME_KEY
        if warning["kind"] == TURNED_ROUND:
            self._turned[warning["field"]] += 1
        if len(self.first_warnings) < _LISTED:
            self.first_warnings.append({"file": file, "line": line, **warning})

    def __str__(self) -> str:
        parts = [
            f"{self.stored:,} stored ({self.inserted:,} inserted, {self.updated:,} updated, "
            f"{self.unchanged:,} unchanged)",
            f"{self.rejected:,} rejected",
        ]
        if self.failed_files:
            parts.append(f"{counted(len(self.failed_files), 'file')} not read")
        if self._clashes:
            parts.append(f"{counted(self._clashes, 'row')} with the key of another")
        if self._turned:
            parts.append(f"{counted(self._turned.total(), 'range')} turned round")
        left_out = self.warnings_by_field - self._turned - Counter({_KEY: self._clashes})
        if left_out:
            parts.append(f"{counted(left_out.total(), 'value')} left out: {by_field(left_out)}")
        return ", ".join(parts)


def by_field(counts: Counter[str]) -> str:
    """Return ``employment_type 120, posted_at 31``, the most frequent first."""
    return ", ".join(f"{name} {number:,}" for name, number in counts.most_common())


class Rows:
    """Tells the first rows of a file that went wrong; keeps all if --rejects names a file."""

    def __init__(self, path: str | None, outcomes: Outcomes, *, quiet: bool) -> None:
        self._file: IO[str] | None = None
        self._path = path
        self._outcomes = outcomes
        self._quiet = quiet
        self._kept = False
        self._rejected = 0
        self._clashes = 0
        self._left_out: Counter[str] = Counter()
        self._told: set[str] = set()

    @property
    def keeps_text(self) -> bool:
        """Whether the text of rows is wanted, as they were found."""
        return self._path is not None

    def __enter__(self) -> Rows:
        if self._path is not None:
            # Bytes that are no UTF-8 stand in a row's text as lone surrogates.
            self._file = io.TextIOWrapper(
                overwriting(Path(self._path)), encoding="utf-8", errors="backslashreplace"
            )
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is None or self._path is None:
            return
        self._file.close()
        path = Path(self._path)
        # An empty file would say that rows were rejected. A device or a link is not removed.
        if not self._kept and path.is_file() and not path.is_symlink():
            path.unlink()

    def take(self, name: str, batch: Batch, report: UpsertReport) -> None:
        """Take what became of one batch of the file ``name``."""
        for rejection in report.rejected:
            reasons = [reason._asdict() for reason in rejection.reasons]
            told = "; ".join(map(str, rejection.reasons))
            self._reject(name, batch.records[rejection.index], told, reasons)
        by_row: dict[int, list[IntakeWarning]] = {}
        for warning in report.warnings:
            by_row.setdefault(warning.index, []).append(warning)
        for index, warnings in by_row.items():
            self._warn(name, batch.records[index], warnings)

    def take_clashes(self, name: str, batch: Batch, keys: SeenKeys) -> None:
        """Take the rows of a batch whose key an earlier row of the file had with another title.

        Those that only share an address get a key of their own.
        """
        keys.look_ahead(batch.postings)
        for record, posting in zip(batch.records, batch.postings, strict=True):
            kept, clash = keys.check(record.line, posting)
            if kept is not posting:
                posting[_KEY] = kept[_KEY]
            if clash is None:
                continue
            reason = {"field": _KEY, "name": _KEY, "kind": SAME_KEY, "reason": str(clash)}
            self._outcomes.warn(name, record.line, reason)
            self._clashes += 1
            if self._clashes <= _TOLD:
                say(f"{name}:{record.line}: {clash}", quiet=self._quiet)
            self._keep("same key", name, record, [reason])

    def take_broken(self, name: str, batch: Batch) -> None:
        """Take the rows of a batch that gave no posting."""
        self._outcomes.rejected += len(batch.broken)
        for record in batch.broken:
            fault = record.fault or ""
            self._reject(name, record, fault, [{"field": "", "reason": fault}])

    def _reject(self, name: str, record: Record, told: str, reasons: list[dict[str, Any]]) -> None:
        self._rejected += 1
        self._outcomes.sourceless += any(reason["field"] == "source" for reason in reasons)
        if self._rejected <= _TOLD:
            say(f"{name}:{record.line}: rejected: {told}", quiet=self._quiet)
        self._keep("rejected", name, record, reasons)

    def _warn(self, name: str, record: Record, warnings: list[IntakeWarning]) -> None:
        for warning in warnings:
            self._outcomes.warn(name, record.line, _told(warning))
            self._left_out[warning.field] += 1
            told = in_words(warning)
            # What is wrong in one row is often wrong in thousands.
            if told not in self._told and len(self._told) < _TOLD:
                self._told.add(told)
                how = "" if warning.kind == TURNED_ROUND else "left out: "
                say(f"{name}:{record.line}: {how}{told}", quiet=self._quiet)
        self._keep("left out", name, record, [_told(warning) for warning in warnings])

    def _keep(self, kind: str, name: str, record: Record, reasons: list[dict[str, Any]]) -> None:
        if self._file is not None:
            row = {"kind": kind, "file": name, "line": record.line, "reasons": reasons}
            self._file.write(to_json(row | {"raw": record.raw}) + "\n")
            self._kept = True

    def sum_up(self) -> None:
        """Tell how much more of a file was rejected or left out than was told."""
        where = f"see {self._path}" if self._path else "--rejects FILE keeps them"
        more = self._rejected - _TOLD
        if more > 0:
            say(f"... and {counted(more, 'more row')} rejected; {where}", quiet=self._quiet)
        more = self._left_out.total() - len(self._told)
        if more > 0:
            fields = by_field(self._left_out)
            told = f"... and {counted(more, 'more value')} left out; in all {fields}; {where}"
            say(told, quiet=self._quiet)
        more = self._clashes - _TOLD
        if more > 0:
            told = f"... and {counted(more, 'more row')} with the key of another; {where}"
            say(told, quiet=self._quiet)
        self._rejected = self._clashes = 0
        self._left_out.clear()
        self._told.clear()


def in_words(warning: IntakeWarning) -> str:
    """Return what a warning says, such as ``posted_at ("Date"): cannot be read as a time``."""
    return f"{named(warning.field, warning.name)}: {warning.reason}"


def named(field: str, name: str) -> str:
    """Return a field with what the source calls it, such as ``posted_at ("Date")``."""
    return f'{field} ("{name}")' if name and name != field else field


def _told(warning: IntakeWarning) -> dict[str, Any]:
    return {
        "field": warning.field,
        "name": warning.name,
        "kind": warning.kind,
        "reason": warning.reason,
    }
