"""The command that takes postings in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import CreateOption, announce, is_to_be_made, spare, with_store
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.output import counted, fail_if, print_json, say, to_json
from jobstore.errors import JobStoreError
from jobstore.files import overwriting

if TYPE_CHECKING:
    from jobstore.errors import Fault
    from jobstore.exchange import Batch, Record
    from jobstore.records import UpsertReport
    from jobstore.store import JobStore

# The most rejections that are shown one by one.
_TOLD = 5


@dataclass(slots=True)
class _Counts:
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

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

    def __str__(self) -> str:
        return ", ".join(f"{number:,} {name}" for name, number in asdict(self).items())


@takes_call
def import_(
    call: Call,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Files to read, also packed with gzip; - is stdin."),
    ],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="auto, jsonl, csv, linkedin, jobspy, schema-org, ats or simplify.",
        ),
    ] = "auto",
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="The source, where the file names none."),
    ] = None,
    map: Annotated[
        str | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN,...",
            help="Read any CSV: which column holds which field, such as title=Position.",
        ),
    ] = None,
    salaries: Annotated[
        str | None, typer.Option("--salaries", metavar="FILE", help="linkedin: salaries.csv.")
    ] = None,
    skills: Annotated[
        str | None, typer.Option("--skills", metavar="FILE", help="linkedin: job_skills.csv.")
    ] = None,
    companies: Annotated[
        str | None, typer.Option("--companies", metavar="FILE", help="linkedin: companies.csv.")
    ] = None,
    rejects: Annotated[
        str | None,
        typer.Option("--rejects", metavar="FILE", help="Write rejected rows here, as JSON Lines."),
    ] = None,
    create: CreateOption = False,
) -> None:
    """Take postings in; those that are known are brought up to date.

    A row with faults is rejected and does not stop the rest; the exit code is 1 when all rows
    were rejected. Damaged gzip data, and an array of JSON or a page that ends early, are
    refused before anything of the file is stored; a plain CSV or JSON Lines file that ends
    early has its last row rejected. Interrupting (Ctrl-C, SIGTERM) keeps what was stored;
    importing again goes on. A store that is named and does not exist yet is made; for the default
    one, add --create or say yes.

    JSON: {"inserted", "updated", "unchanged", "rejected"}, numbers of rows.
    """
    from jobstore.exchange import BrokenFile, parse_columns

    if rejects is not None:
        read = filter(None, [*files, salaries, skills, companies])
        spare(rejects, "--rejects", call.loaded.settings.store.url, read)
    for file in files:
        if file != "-" and not Path(file).exists():
            raise BrokenFile(f"There is no file {file}.")
    try:
        columns = parse_columns(map) if map is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from None
    options: dict[str, Any] = {
        "source": source,
        "columns": columns,
        "salaries": salaries,
        "skills": skills,
        "companies": companies,
    }
    counts = _Counts()
    new = is_to_be_made(call.loaded, create=create)
    try:
        with Interrupts() as interrupts, _Rejects(rejects, call.quiet) as rejected:
            opened = (_open(file, format, options, interrupts) for file in files)
            # No store is made if the first file cannot be read.
            inputs = chain([next(opened)], opened)
            announce(call.loaded.settings, quiet=call.silent)
            if new:
                say("Making the store; there is none yet.", quiet=call.quiet)

            async def work(target: JobStore) -> None:
                for input in inputs:
                    await _import(target, input, counts, rejected, interrupts, call.quiet)

            with_store(call.loaded.settings, work, migrate=new)
    except (KeyboardInterrupt, JobStoreError):
        # A full disk, for example; importing again goes on from there.
        if counts.stored:
            say(f"It stopped; what was stored stays: {counts}")
            if call.json:
                print_json(counts)
        raise
    call.report(counts, str(counts))
    nothing = counts.rejected and not counts.stored
    fail_if(["Every row was rejected; nothing is stored."] if nothing else [])


@dataclass(slots=True)
class _Input:
    name: str
    batches: Iterator[Batch]


def _open(file: str, format: str, options: dict[str, Any], interrupts: Interrupts) -> _Input:
    """Open a file and read its first batch."""
    from jobstore.exchange import batches, open_records

    with interrupts.allowed():
        try:
            cut = batches(open_records(file, format, **options))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        return _Input(file, chain(list(islice(cut, 1)), cut))


async def _import(
    store: JobStore,
    input: _Input,
    counts: _Counts,
    rejects: _Rejects,
    interrupts: Interrupts,
    quiet: bool,
) -> None:
    from jobstore.cli.progress import Progress, octets_of

    title = "stdin" if input.name == "-" else Path(input.name).name
    with Progress(title, octets_of(input.name), quiet=quiet) as progress:
        while True:
            with interrupts.allowed():
                batch = next(input.batches, None)
            if batch is None:
                break
            for record in batch.broken:
                rejects.add(input.name, record, record.fault or "", ())
            counts.rejected += len(batch.broken)
            report = await store.upsert_many(batch.postings, progress=counts.follow())
            for rejection in report.rejected:
                record = batch.records[rejection.index]
                reasons = rejection.reasons
                rejects.add(input.name, record, "; ".join(map(str, reasons)), reasons)
            rows = batch.records + batch.broken
            progress.advance(len(rows), sum(len(row.raw or "") + 1 for row in rows))
    rejects.sum_up()


class _Rejects:
    """Shows the first rejected rows of a file, and keeps all of them if --rejects names a file."""

    def __init__(self, path: str | None, quiet: bool) -> None:
        self._file: IO[str] | None = None
        self._path = path
        self._quiet = quiet
        self._number = 0
        self._kept = False

    def __enter__(self) -> _Rejects:
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

    def add(self, name: str, record: Record, told: str, reasons: tuple[Fault, ...]) -> None:
        """Take one rejected row; ``told`` is why in words, ``reasons`` is why field by field."""
        self._number += 1
        if self._number <= _TOLD:
            say(f"{name}:{record.line}: rejected: {told}", quiet=self._quiet)
        if self._file is not None:
            listed = [reason._asdict() for reason in reasons] or [{"field": "", "reason": told}]
            row = {"file": name, "line": record.line, "reasons": listed, "raw": record.raw}
            self._file.write(to_json(row) + "\n")
            self._kept = True

    def sum_up(self) -> None:
        """Tell how many more rows of a file were rejected than were shown."""
        more = self._number - _TOLD
        if more > 0:
            where = f"see {self._path}" if self._path else "--rejects FILE keeps them"
            say(f"... and {counted(more, 'more row')} rejected; {where}", quiet=self._quiet)
        self._number = 0
