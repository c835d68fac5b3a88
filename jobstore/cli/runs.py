"""The commands about runs of scrapers, and about what is past its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from jobstore.cli.calling import Call, takes_call
from jobstore.cli.output import counted, table
from jobstore.moments import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from jobstore.exchange import Batch
    from jobstore.lifecycle.runs import ScrapeRun
    from jobstore.records import RunReport
    from jobstore.store import JobStore

_STYLES = {"complete": "green", "guarded": "yellow", "broken": "bold red", "completing": "cyan"}


@takes_call
def runs(
    call: Call,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only runs of this source.")
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option("--scope", metavar="SCOPE", help="Only those of this scope of the source."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", help="The most runs, 1 to 1,000.")
    ] = 20,
) -> None:
    """List runs of scrapers, newest first: what they saw, what they closed, and why not.

    JSON: {"runs"}, a list of {"run", "source", "scope", "whole", "state", "started_at", "ended_at",
    "verdict", "seen", "inserted", "updated", "unchanged", "reopened", "open_before", "missed",
    "closed", "expired", "actor"}; the state is complete, guarded, broken, completing, repeated or
    late.
    """
    found = call.run(lambda store: store.runs(source, scope=scope, limit=limit))
    call.give({"runs": found}, lambda: _listed(found) if found else "There are no runs.")


@takes_call
def expire(call: Call) -> None:
    """Close open postings whose expires_at has passed; jobstore run-due does it each hour.

    JSON: {"closed"}, how many.
    """
    number = call.run(lambda store: store.close_expired())
    call.report({"closed": number}, f"Closed {counted(number, 'posting')} past their time.")


def told(run: RunReport) -> str:
    """Say in a line what came of a run."""
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

    def begin(self, store: JobStore, batches: Iterable[Batch]) -> ScrapeRun:
        """Begin it, over the source that the first rows name, or that was typed."""
        named = {each.get("source") for batch in batches for each in batch.postings}
        source = named.pop() if len(named) == 1 else self.source
        if not source:
            reason = "must say which source this is all of"
            raise typer.BadParameter(reason, param_hint="--source")
        scope = None if self.scope == "all" else self.scope
        self.run = store.scrape_run(source, scope, whole=self.whole, seen_at=self.seen_at)
        return self.run


def _listed(runs: Sequence[RunReport]) -> RenderableType:
    rows = [
        (
            iso(each.ended_at, "minutes"),
            each.source,
            each.scope or "all",
            (each.state, _STYLES.get(each.state, "dim")),
            f"{each.seen:,}",
            f"{each.inserted:,}",
            f"{each.missed:,}",
            f"{each.closed + each.expired:,}",
            f"{each.reopened:,}",
            each.verdict,
        )
        for each in runs
    ]
    numbers = ["seen", "new", "missed", "closed", "reopened"]
    return table(["ended", "source", "scope", "state", *numbers, "why"], rows, right=numbers)
