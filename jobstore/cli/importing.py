"""The command that takes postings in."""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.common import CreateOption, announce, is_to_be_made, spare, with_store
from jobstore.cli.filters import since
from jobstore.cli.interrupts import Interrupts
from jobstore.cli.outcomes import Outcomes, Rows
from jobstore.cli.output import counted, fail_if, print_json, say
from jobstore.cli.reading import Reading, takes_reading, written_at
from jobstore.cli.runs import Scraped, told
from jobstore.engines import is_there
from jobstore.errors import JobStoreError

if TYPE_CHECKING:
    from jobstore.bulk_writes import BulkWrites
    from jobstore.exchange import Batch
    from jobstore.store import JobStore


_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)


@takes_reading
@takes_call
def import_(
    ctx: typer.Context,
    call: Call,
    reading: Reading,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Files to read, also packed (gzip, zstd, xz, zip); - is stdin."
        ),
    ],
    salaries: Annotated[
        str | None, typer.Option("--salaries", metavar="FILE", help="linkedin: salaries.csv.")
    ] = None,
    skills: Annotated[
        str | None, typer.Option("--skills", metavar="FILE", help="linkedin: job_skills.csv.")
    ] = None,
    companies: Annotated[
        str | None, typer.Option("--companies", metavar="FILE", help="linkedin: companies.csv.")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Reject a row for any value that is not written as our own fields are: DE, "
            "full_time, 2025-10-31.",
        ),
    ] = False,
    rejects: Annotated[
        str | None,
        typer.Option(
            "--rejects",
            metavar="FILE",
            help="Write rows that were rejected, or had values left out, here, as JSON Lines.",
        ),
    ] = None,
    seen_at: Annotated[
        str | None,
        typer.Option(
            "--seen-at",
            metavar="TIME",
            help="When the postings were seen, such as 2025-10-31, or `file`: when each file was "
            "written. [now]",
        ),
    ] = None,
    complete_scope: Annotated[
        str | None,
        typer.Option(
            "--complete-scope",
            metavar="SCOPE",
            help="The files are all that the source has now in this scope: all, company=acme, or "
            "a name of yours; what they lack is missed, and closed in time.",
        ),
    ] = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="The scope is a whole catalogue, which may become empty."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do all but store: tell what would become of it.")
    ] = False,
    create: CreateOption = False,
) -> None:
    """Take postings in; those that are known are brought up to date.

    Any table or JSON is read; `jobstore inspect FILE` tells what a file would give.

    A value that cannot be read is left out, and kept as it was in the posting's attributes;
    --strict rejects its row, and that of any value that is not written as our own fields are. A
    row without a title or an identity is rejected. Neither stops the rest, nor does a file that
    cannot be read, which is named.

    The exit code is 1 when a file could not be read, and when all rows were rejected. Damaged
    packed data, and an array of JSON or a page that ends early, are refused before anything of
    the file is stored; a plain CSV or JSON Lines file that ends early has its last row rejected.
    Interrupting (Ctrl-C, SIGTERM) keeps what was stored; importing again goes on. A store that
    is named and does not exist yet is made; for the default one, add --create or say yes.

    With --complete-scope the files are one run of a scraper over their one source (--source): see
    docs/lifecycle.md. A file that cannot be read to its end, or a row that names no posting, makes
    the run a broken one, which closes nothing. The same import again counts once, with the same
    --seen-at.

    JSON: {"inserted", "updated", "unchanged", "rejected", "warnings"}, numbers of rows and of
    values left out; {"warnings_by_field", "first_warnings", "failed_files"}, which they are; with
    --complete-scope {"run"}, as jobstore runs has it.
    """
    if complete_scope is None and whole:
        raise typer.BadParameter("is about --complete-scope", param_hint="--whole")
    if complete_scope is not None and dry_run:
        raise typer.BadParameter("closes nothing with --complete-scope", param_hint="--dry-run")
    if rejects is not None:
        read = filter(None, [*files, salaries, skills, companies])
        spare(rejects, "--rejects", call.loaded.settings.store.url, read)
    tables = {"salaries": salaries, "skills": skills, "companies": companies}
    # A run is of one source, whatever the rows name.
    options = {**reading.options(), **tables, "of_one_source": complete_scope is not None}
    outcomes = Outcomes()
    by_file = seen_at == "file"
    seen = _past(seen_at) if seen_at is not None and not by_file else None
    how = _How(strict, seen, by_file, call.quiet)
    scraped = None
    if complete_scope is not None:
        scraped = Scraped(complete_scope, whole, reading.source, how.latest(files))
    new = not dry_run and is_to_be_made(call.loaded, create=create)
    try:
        with Interrupts() as interrupts, Rows(rejects, outcomes, quiet=call.quiet) as rows:
            debug = bool(ctx.find_root().params.get("debug"))
            inputs = _Files(options, outcomes, interrupts, rows.keeps_text, debug).inputs(files)
            first = next(inputs, None)
            # No store is made if none of the files can be read.
            if first is not None:
                if scraped is not None:
                    begin = list(islice(first.batches, 1))
                    first.batches = chain(begin, first.batches)
                    scraped.check(begin)
                announce(call.loaded.settings, quiet=call.silent)
                if new:
                    say("Making the store; there is none yet.", quiet=call.quiet)

                async def work(store: JobStore | None) -> None:
                    async with (
                        _target(store, dry_run=dry_run) as target,
                        _into(target, scraped) as into,
                    ):
                        for input in chain([first], inputs):
                            await _import(into, input, how, outcomes, rows)
                        if scraped is not None and scraped.run is not None:
                            scraped.run.lost(how.broken)
                            if not outcomes.failed_files:
                                scraped.run.complete()

                if dry_run and not is_there(call.loaded.settings.store.address):
                    asyncio.run(work(None))
                else:
                    with_store(call.loaded.settings, work, migrate=new)
    except (KeyboardInterrupt, JobStoreError):
        # A full disk, for example; importing again goes on from there.
        if outcomes.stored and not dry_run:
            say(f"It stopped; what was stored stays: {outcomes}")
            if call.json:
                print_json(outcomes)
        raise
    if scraped is not None and scraped.run is not None:
        report = scraped.run.report
        assert report is not None
        answer = {each.name: getattr(outcomes, each.name) for each in fields(outcomes)}
        call.report(answer | {"run": report}, f"{outcomes}\n{told(report)}")
    elif first is not None or call.json:
        call.report(outcomes, f"{'A dry run. It would be: ' if dry_run else ''}{outcomes}")
    fail_if(_failures(outcomes, len(files)))
    if outcomes.failed_files:
        raise typer.Exit(1)


@dataclass(slots=True)
class _Input:
    name: str
    batches: Iterator[Batch]


@dataclass(slots=True)
class _Files:
    """Reads files. One that cannot be read is named, and so is one that fails on the way."""

    options: dict[str, Any]
    outcomes: Outcomes
    interrupts: Interrupts
    texts: bool
    debug: bool

    def inputs(self, files: list[str]) -> Iterator[_Input]:
        """Open the files one after another, and read the first batch of each."""
        # A slip in a name is told before the work begins.
        missing = [file for file in files if file != "-" and not Path(file).exists()]
        for file in missing:
            self.outcomes.fail(file, f"There is no file {file}.")
        there = [file for file in files if file not in missing]
        for file in there:
            failed = len(self.outcomes.failed_files)
            batches = self._batches(file, first=file is there[0])
            begin = list(islice(batches, 1))
            if begin or len(self.outcomes.failed_files) == failed:
                yield _Input(file, chain(begin, batches))

    def _batches(self, file: str, *, first: bool) -> Iterator[Batch]:
        """Yield the batches of a file. The options are judged by the ``first`` one."""
        from jobstore.exchange import BrokenFile, batches, open_records

        cut: Iterator[Batch] | None = None
        batch: Batch | None = None
        while True:
            try:
                with self.interrupts.allowed():
                    cut = cut or batches(open_records(file, **self.options), texts=self.texts)
                    batch = next(cut, None)
            except BrokenFile as error:
                return self.outcomes.fail(file, str(error))
            except ValueError as error:
                if first and batch is None:
                    raise typer.BadParameter(str(error)) from None
                return self.outcomes.fail(file, f"{file}: {error}")
            except Exception as error:
                # Whatever a reader stumbles over, the other files have nothing to do with it.
                if self.debug:
                    say(traceback.format_exc())
                reason = f"{file} cannot be read on: unexpected {type(error).__name__}: {error}"
                return self.outcomes.fail(file, reason)
            if batch is None:
                return None
            yield batch


@dataclass(slots=True)
class _How:
    strict: bool
    seen_at: datetime | None
    by_file: bool
    quiet: bool
    broken: int = 0
    """Rows that could not be read."""

    def latest(self, files: list[str]) -> datetime | None:
        """Return when the postings of all ``files`` were seen; None is now."""
        return max(filter(None, map(self.seen, files)), default=None)

    def seen(self, file: str) -> datetime | None:
        """Return when the postings of ``file`` were seen; None is now."""
        return written_at(file) if self.by_file else self.seen_at


def _past(text: str) -> datetime:
    moment = since(text)
    if not _EARLIEST <= moment <= datetime.now(UTC):
        raise typer.BadParameter(f"{text} is no time from 1990 to now", param_hint="--seen-at")
    return moment


@asynccontextmanager
async def _target(store: JobStore | None, *, dry_run: bool) -> AsyncIterator[JobStore]:
    """Give what is written to: the store, or what stands for it in a dry run."""
    if store is not None and not dry_run:
        yield store
        return
    from jobstore.cli.rehearsing import rehearsal

    async with rehearsal(store) as stage:
        yield stage


@asynccontextmanager
async def _into(store: JobStore, scraped: Scraped | None) -> AsyncIterator[BulkWrites]:
    """Give what is written to: the store, or the run that the import is."""
    if scraped is None:
        yield store
        return
    async with scraped.begin(store) as run:
        yield run


async def _import(
    store: BulkWrites, input: _Input, how: _How, outcomes: Outcomes, rows: Rows
) -> None:
    from jobstore.cli.progress import Progress, octets_of
    from jobstore.exchange.clashes import SeenKeys

    title = "stdin" if input.name == "-" else Path(input.name).name
    seen_at = how.seen(input.name)
    written = written_at(input.name)
    keys = SeenKeys()
    with _loaded_for_good(), Progress(title, octets_of(input.name), quiet=how.quiet) as progress:
        for batch in input.batches:
            rows.take_broken(input.name, batch)
            rows.take_clashes(input.name, batch, keys)
            if seen_at is None and written is not None:
                # What a row calls yesterday is the day before that.
                for posting in batch.postings:
                    posting.written_at = written
            report = await store.upsert_many(
                batch.postings,
                strict=how.strict or None,
                seen_at=seen_at,
                progress=outcomes.follow(),
            )
            how.broken += len(batch.broken)
            rows.take(input.name, batch, report)
            progress.advance(len(batch.records) + len(batch.broken), batch.octets)
    rows.sum_up()


@contextmanager
def _loaded_for_good() -> Iterator[None]:
    """Spare the garbage collector what is loaded by now: looking at it took 6% of an import."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _failures(outcomes: Outcomes, files: int) -> Iterator[str]:
    failed = [each["file"] for each in outcomes.failed_files]
    if outcomes.rejected and not outcomes.stored:
        hint = " Say where they come from with --source." if outcomes.sourceless else ""
        yield f"Every row was rejected; nothing is stored.{hint}"
    # Each was named when it failed.
    if failed and files > 1:
        yield f"{len(failed)} of {counted(files, 'file')} could not be read: {', '.join(failed)}"
