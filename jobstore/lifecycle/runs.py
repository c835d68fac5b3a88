"""Runs of scrapers: what one saw, and that it came to its end.

What its end means is in :mod:`.completing`.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from jobstore.bulk_writes import BulkWrites
from jobstore.derived.merge import key_id
from jobstore.derived.micros import to_micros
from jobstore.engines.protocol import Engine
from jobstore.errors import Fault, InvalidPosting, InvalidQuery, JobStoreError, StoreClosed
from jobstore.events import Observer
from jobstore.intake.bulk import Chunk, Posting
from jobstore.intake.lenient import take_in
from jobstore.intake.validation import check_keys
from jobstore.lifecycle import scopes
from jobstore.lifecycle.completing import Completion, record, report_from
from jobstore.lifecycle.misses import Seen
from jobstore.postings import Postings, check_limit
from jobstore.records import (
    JobPosting,
    Origin,
    Outcome,
    Rejection,
    RunReport,
    UpsertReport,
    UpsertResult,
)
from jobstore.settings import SourceRules


class ScrapeRun(BulkWrites):
    """A run of a scraper over a scope of its source; made by :meth:`JobStore.scrape_run`.

    Postings that are given to it are stored at once, as a store does it. When its block ends after
    :meth:`complete`, what it did not see was missed; ``report`` then tells what came of it. Outside
    of its block it takes nothing, and raises StoreClosed.
    """

    def __init__(
        self,
        engine: Engine,
        observers: tuple[Observer, ...],
        clock: Callable[[], datetime],
        begun: RunReport,
        rules: SourceRules,
        seen_at: datetime | None,
        check: Callable[[], None],
    ) -> None:
        super().__init__(engine, observers, clock, Origin(begun.actor, begun.run))
        self._engine = engine
        self._rules = rules
        self._seen_at = seen_at
        self._check = check
        self._begun = begun
        self._complete = self._broke_off = self._entered = self._is_open = False
        # Calls that store, and have not come to their end.
        self._storing = 0
        # Rows of which nobody can tell which postings they are.
        self._lost = 0
        self._counts = dict.fromkeys((*Outcome, "reopened"), 0)
        self._handed: set[bytes] = set()
        self._stored: set[bytes] = set()
        self._fresh: set[bytes] = set()
        self._dated: dict[bytes, int] = {}
        self.report: RunReport | None = None

    @property
    def run(self) -> str:
        """The name of this run, as the history of postings tells it."""
        return self._begun.run

    def complete(self) -> None:
        """Say that the run saw all that there is; it counts when its block ends without error.

        What is given to the run after that was seen as well, and saying it again changes nothing.
        Raises StoreClosed outside of the block.
        """
        self._require_open()
        self._complete = True

    def lost(self, rows: int = 1) -> None:
        """Say that rows were lost of which nobody can tell which postings they are.

        Such as those that a parser could not read. Any open posting may be one of them, so the run
        is broken, and closes nothing. What :meth:`upsert` and :meth:`upsert_many` refuse because it
        names no posting counts by itself. Raises StoreClosed outside of the block.
        """
        self._require_open()
        self._lost += rows

    async def upsert(
        self,
        posting: JobPosting | Mapping[str, Any],
        *,
        strict: bool | None = None,
        seen_at: datetime | None = None,
    ) -> UpsertResult:
        """Do what :meth:`JobStore.upsert` does, with a posting of the run's source.

        One that is refused was seen all the same, if it names its id. If it does not, the run is
        broken, whoever forgives the error: it is one of those that seem to be missed.
        """
        with self._stores():
            try:
                self._check_source(posting)
                return await super().upsert(
                    posting, strict=strict, seen_at=seen_at or self._seen_at
                )
            except BaseException:
                self._refused(posting)
                raise

    async def upsert_many(
        self,
        postings: Iterable[Posting] | AsyncIterable[Posting],
        *,
        strict: bool | None = None,
        seen_at: datetime | None = None,
        progress: Callable[[UpsertReport], None] | None = None,
    ) -> UpsertReport:
        """Do what :meth:`JobStore.upsert_many` does, with postings of the run's source.

        Those that are rejected were seen all the same, where they name their ids. If one does not,
        the run is broken.
        """
        with self._stores():
            try:
                return await super().upsert_many(
                    postings, strict=strict, seen_at=seen_at or self._seen_at, progress=progress
                )
            except BaseException:
                # What comes behind it was not seen, whoever forgives that.
                self._broke_off = True
                raise

    async def __aenter__(self) -> Self:
        if self._entered:
            raise StoreClosed(_OVER)
        self._entered = self._is_open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_open = False
        ended = self._begun.ended_at if self._seen_at else self._clock()
        counts: dict[str, Any] = {str(name): each for name, each in self._counts.items()}
        report = replace(self._begun, ended_at=ended, seen=len(self._handed), **counts)
        if (why := self._why_broken(error)) is not None:
            self.report = replace(report, state="broken", verdict=f"It ended {why}.")
            if error is None or isinstance(error, Exception):
                # That it is written down matters less than what ended it.
                with suppress(JobStoreError):
                    self._check()
                    await record(self._engine, self.report)
            return
        with self._watch("complete_run") as watch:
            self._check()
            seen = Seen(self._handed, self._stored, self._fresh)
            now = None if self._seen_at else self._clock()
            done = Completion(self._engine, report, seen, self._dated, self._rules, now)
            self.report = await done.run()
            watch.rows = self.report.closed + self.report.expired

    def _why_broken(self, error: BaseException | None) -> str | None:
        """Return how the run ended, unless it is complete."""
        if error is not None:
            return f"with {type(error).__name__}"
        if not self._complete:
            return "without complete()"
        if self._broke_off:
            return "although reading or storing its postings had broken off"
        if self._lost:
            return f"although rows did not say which postings they are ({self._lost:,} of them)"
        return "while some of its postings were still to be stored" if self._storing else None

    @contextmanager
    def _stores(self) -> Iterator[None]:
        self._require_open()
        self._storing += 1
        try:
            yield
        finally:
            self._storing -= 1

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreClosed(_OVER if self._entered else _NOT_BEGUN)

    async def _write_chunk(
        self,
        chunk: Chunk,
        report: UpsertReport,
        progress: Callable[[UpsertReport], None] | None,
    ) -> None:
        ours: Chunk = []
        for index, posting in chunk:
            try:
                self._check_source(posting)
            except InvalidPosting as error:
                report.rejected.append(Rejection(index, posting.source_job_id, error.faults))
            else:
                self._handed.add(key_id(posting.source, posting.source_job_id).bytes)
                ours.append((index, posting))
        await super()._write_chunk(ours, report, progress)

    def _check_source(self, posting: JobPosting | Mapping[str, Any]) -> None:
        if self._is_foreign(posting):
            reason = f"must be {self._begun.source!r}, the source of the run"
            raise InvalidPosting([Fault("source", reason)])

    def _is_foreign(self, posting: object) -> bool:
        named = _key(posting, "source")
        try:
            source, _ = check_keys(named, "1")
        except InvalidPosting:
            read = _as_stored(named, "1")
            # Intake says what is wrong with it.
            return read is not None and read.source != self._begun.source
        return source != self._begun.source

    def _refused(self, posting: object) -> None:
        """Take notice of what was seen, though it is not stored."""
        if self._is_foreign(posting):
            return
        read = _as_stored(self._begun.source, _key(posting, "source_job_id"))
        if read is None:
            self._lost += 1
        else:
            self._handed.add(key_id(read.source, read.source_job_id).bytes)

    def _wrote(self, posting: JobPosting, result: UpsertResult) -> None:
        id = result.id.bytes
        self._handed.add(id)
        self._stored.add(id)
        self._counts[result.outcome] += 1
        self._counts["reopened"] += result.reopened
        if result.reopened or result.outcome is Outcome.INSERTED:
            self._fresh.add(id)
        expires: Any = posting.expires_at
        if expires is not None:
            self._dated[id] = to_micros(expires)

    def _before_write(self) -> None:
        self._require_open()
        self._check()


_NOT_BEGUN = "A run takes postings in its block: async with store.scrape_run(...) as run."
_OVER = "The run is over. Begin another one for what comes now."


def _key(posting: object, name: str) -> Any:
    return posting.get(name) if isinstance(posting, Mapping) else getattr(posting, name, None)


def _as_stored(source: Any, source_job_id: Any) -> JobPosting | None:
    """Return a posting with its keys as intake reads them; None where it cannot."""
    given = {"source": source, "source_job_id": source_job_id, "title": "any"}
    try:
        return take_in(given)[0]
    except InvalidPosting:
        return None


class Runs(Postings):
    """What a store knows of runs of scrapers."""

    _engine: Engine
    _sources: Mapping[str, SourceRules]

    def scrape_run(
        self,
        source: str,
        scope: str | None = None,
        *,
        whole: bool = False,
        seen_at: datetime | None = None,
    ) -> ScrapeRun:
        """Begin a run of a scraper: ``async with store.scrape_run("greenhouse") as run:``.

        In the block, ``await run.upsert(posting)`` and ``run.upsert_many`` store what is seen, and
        ``run.complete()`` says that it was all. What the run did not see of its ``scope`` was then
        missed by it, and what was missed often and long enough is closed
        (:class:`~jobstore.SourceRules`), if the run passes its guards; ``run.report`` tells. A
        block that ends without ``complete()``, or with an error, closes nothing.

        ``scope``: ``None``, or ``all``, is all of the source. ``company=acme`` are its postings
        whose company is that, as :class:`~jobstore.SearchQuery` compares (so for location, country,
        workplace, employment_type, experience_level, industry, skills and salary_currency; several
        are joined by ``&``), and what runs of this scope saw. Any other text without ``=`` is a
        name, for what its runs saw, and so is any that begins with ``name:``.
        ``whole``: the scope is a whole catalogue, which is believed to be empty after six empty
        runs in a row. ``seen_at`` (an aware datetime, at most a day ahead) is when all of it was
        seen, for files: runs are given in the order of their times, and one that is given again
        counts once. A run without it is of now, and puts aside those whose time has not come.

        Raises InvalidPosting for a source that no posting can have, and InvalidQuery.
        """
        named, _ = check_keys(source, "1")
        scope = scopes.checked(scope)
        scopes.criteria_of(named, scope)
        if not isinstance(whole, bool):
            raise InvalidQuery([Fault("whole", "must be True or False")])
        self._check_seen_at(seen_at)
        at = seen_at.astimezone(self._clock().tzinfo) if seen_at else self._clock()
        begun = RunReport(
            run=f"{at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            source=named,
            scope=scope or None,
            whole=whole,
            state="broken",
            started_at=at,
            ended_at=at,
            actor=self._origin.actor,
        )
        rules = self._sources.get(named) or SourceRules()
        return ScrapeRun(
            self._engine, self._observers, self._clock, begun, rules, seen_at, self._before_write
        )

    async def runs(
        self, source: str | None = None, *, scope: str | None = None, limit: int = 20
    ) -> list[RunReport]:
        """Return the last runs, newest first: of all, of a source, or of one of its scopes.

        ``limit``: 1 to 1,000. Raises InvalidQuery, also for a scope without a source.
        """
        check_limit(limit)
        if source is None and scope is not None:
            raise InvalidQuery([Fault("scope", "is one of a source; name that too")])
        with self._watch("runs") as watch:
            given: tuple[str, ...] = ()
            name = "newest_runs"
            if source is not None:
                given, name = (check_keys(source, "1")[0],), "newest_runs_of_source"
            if scope is not None:
                given, name = (*given, scopes.checked(scope)), "newest_runs_of_scope"
            rows = await self._engine.rows(name, *given, limit)
            watch.rows = len(rows)
            found = [report_from(row) for row in rows]
            # A run in whose place the same came again was there before that.
            found.sort(key=lambda each: (each.ended_at, each.state != "repeated"), reverse=True)
            return found
