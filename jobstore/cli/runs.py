"""The commands about runs of scrapers, and about what is past its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import counted, fail_if, plain, table
from jobstore.intake.validation import check_keys
from jobstore.lifecycle.scopes import ALL, checked, criteria_of
from jobstore.moments import iso
from jobstore.postings import MAX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType
    from rich.text import Text

    from jobstore.exchange import Batch
    from jobstore.lifecycle.runs import ScrapeRun
    from jobstore.records import RunReport
    from jobstore.store import JobStore

_STYLES = {"complete": "green", "guarded": "yellow", "broken": "bold red", "completing": "cyan"}
# Those that looked for what they missed; of the others no such number says anything.
_DECIDED = ("complete", "guarded", "repeated")


@takes_call
def runs(
    call: Call,
    key: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="The id of a run: what it closed and opened again."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only runs of this source.")
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option(
            "--scope", metavar="SCOPE", help="Only those of this scope of the source, such as all."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", help="The most runs, 1 to 1,000.")
    ] = 20,
) -> None:
    """List runs of scrapers, newest first: what they saw, what they closed, and why not.

    With a RUN, such as a posting's history names it, which postings it closed and opened again.
    That reads the whole history.

    JSON: {"runs"}, a list of {"run", "source", "scope", "whole", "state", "started_at", "ended_at",
    "verdict", "seen", "inserted", "updated", "unchanged", "reopened", "open_before", "missed",
    "closed", "expired", "actor"}; the state is complete, guarded, broken, completing, repeated or
    late. With a RUN: {"run"}, null where it was pruned or is behind the last 1,000, and
    {"postings"}, a list of {"id", "kind", "at", "reason", "title", "company"}.
    """
    if key is not None:
        if source or scope:
            raise typer.BadParameter("goes with no --source and no --scope", param_hint="RUN")
        return _one(call, key)
    found = call.run(lambda store: store.runs(source, scope=scope, limit=limit))
    return call.give({"runs": found}, lambda: _listed(found) if found else "There are no runs.")


def _one(call: Call, run: str) -> None:
    """Show what a run did."""

    async def work(store: JobStore) -> tuple[RunReport | None, list[dict[str, Any]]]:
        last = await store.runs(limit=MAX_LIMIT)
        done = [each async for each in store.stream_run(run)]
        ids = [id for id, _ in done]
        jobs = []
        for at in range(0, len(ids), MAX_LIMIT):
            jobs += await store.get_many(ids[at : at + MAX_LIMIT])
        rows = [
            {
                "id": id,
                "kind": entry.kind,
                "at": entry.at,
                "reason": entry.reason,
                **{name: job and getattr(job, name) for name in ("title", "company")},
            }
            for (id, entry), job in zip(done, jobs, strict=True)
        ]
        return next((each for each in last if each.run == run), None), rows

    report, rows = call.run(work)
    fail_if([] if report or rows else [f"There is no run {plain(run)}; see jobstore runs."])

    def view() -> RenderableType:
        from rich.console import Group

        parts: list[RenderableType] = [] if report is None else [_block(report)]
        lines = [(each["kind"], _told_of(each)) for each in rows]
        nothing = "No posting was closed or opened again by it."
        return Group(*parts, table(["", ""], lines) if lines else nothing)

    call.give({"run": report, "postings": rows}, view)


def _told_of(row: dict[str, Any]) -> str:
    what = ", ".join(plain(row[name]) for name in ("title", "company") if row[name])
    why = f" ({plain(row['reason'])})" if row["reason"] else ""
    return f"{what}{why}\n{row['id']}"


@takes_call
def expire(call: Call) -> None:
    """Close open postings whose expires_at has passed; jobstore run-due does it each hour.

    JSON: {"closed"}, how many.
    """
    number = call.run(lambda store: store.close_expired())
    call.report({"closed": number}, f"Closed {counted(number, 'posting')} past their time.")


def told(run: RunReport) -> str:
    """Say in a line what came of a run."""
    if run.state not in _DECIDED:
        return f"The run is {run.state} and closes nothing. {run.verdict}"
    numbers = (
        f"{run.missed:,} of {run.open_before:,} open postings missed, {run.closed:,} closed, "
        f"{run.expired:,} past their time"
    )
    return f"The run is {run.state}: {numbers}. {run.verdict}"


@dataclass(slots=True)
class Scraped:
    """The run of a scraper that an import is."""

    scope: str
    whole: bool
    source: str | None
    seen_at: datetime | None
    run: ScrapeRun | None = None

    def check(self, batches: Iterable[Batch]) -> None:
        """Take the source that the first rows name, or that was typed.

        Raises what refuses the run, so that no store is made for it: BadParameter, InvalidPosting
        and InvalidQuery.
        """
        given = {each.get("source") for batch in batches for each in batch.postings}
        named = sorted(str(each) for each in given if each)
        source = named[0] if len(named) == 1 else self.source
        if not source:
            reason = "must say which source this is all of"
            if named:
                several = ", ".join(map(plain, named[:5]))
                reason += f"; the rows are of several ({several}), of which a run takes one"
            raise typer.BadParameter(reason, param_hint="--source")
        if self.source not in (None, source) and source in named:
            # Whose postings would be closed then?
            reason = f"is {plain(str(self.source))}, but the rows are of {plain(source)}"
            raise typer.BadParameter(reason, param_hint="--source")
        self.source, _ = check_keys(source, "1")
        criteria_of(self.source, checked(self.scope))

    def begin(self, store: JobStore) -> ScrapeRun:
        """Begin it, after it was checked."""
        assert self.source is not None
        self.run = store.scrape_run(self.source, self.scope, whole=self.whole, seen_at=self.seen_at)
        return self.run


def _listed(runs: Sequence[RunReport]) -> RenderableType:
    from rich.console import Group

    return Group(*(_block(each) for each in runs))


def _block(run: RunReport) -> Text:
    """Return a run in some lines: a table of all this is wider than a terminal."""
    from rich.text import Text

    text = Text(f"{iso(run.ended_at, 'minutes')}  ")
    text.append(run.state, _STYLES.get(run.state, "dim"))
    scope = f"{plain(run.source)}  {plain(run.scope or ALL)}"
    text.append(f"  {scope}{', a whole catalogue' if run.whole else ''}\n", "bold")
    numbers = f"seen {run.seen:,}, new {run.inserted:,}, changed {run.updated:,}"
    if run.state in _DECIDED:
        numbers += f"; missed {run.missed:,} of {run.open_before:,}, closed {run.closed:,}"
        numbers += f", expired {run.expired:,}"
    if run.reopened:
        numbers += f", reopened {run.reopened:,}"
    text.append(f"    {numbers}\n    {plain(run.verdict)}\n")
    return text.append(f"    {run.run}\n", "dim")
