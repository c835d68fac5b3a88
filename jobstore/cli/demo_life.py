"""The demo's act about time: runs that close and that are not believed, a repost, a duplicate.

It plays in a small store of its own, over the last forty days.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.text import Text

from jobstore.cli import demo_views as views
from jobstore.cli.duplicates_view import reasons
from jobstore.cli.output import plain
from jobstore.errors import DuplicateApplication
from jobstore.records import SearchQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobstore.cli.demo_stage import Stage
    from jobstore.records import Job, RunReport
    from jobstore.store import JobStore

_COMPANY, _OWN, _BOARD = "Thistlewick Hotels", "thistlewick.example", "otherboard.example"
_OPENINGS, _AGO = 6, timedelta(days=40)
# On which day a run sees how many of the openings; on the third the reading broke.
_DAYS = ((1, 6), (2, 5), (3, 1), (4, 5))
_BACK = 30


def life(stage: Stage) -> None:
    """Tell what becomes of the openings of one company."""
    stage.run(_life(stage, _openings(stage.postings)))


def _openings(postings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return openings of the company as its own page shows them, each with another title."""
    titles = {each["title"]: each for each in postings if each["company"] == _COMPANY}
    kept = ("title", "company", "location", "country", "description")
    return [
        {"source": _OWN, "source_job_id": str(number)} | {name: each.get(name) for name in kept}
        for number, each in enumerate([*titles.values()][:_OPENINGS], 1)
    ]


async def _life(stage: Stage, openings: list[dict[str, Any]]) -> None:
    from jobstore import connect
    from jobstore.settings import sqlite_url

    url = sqlite_url(stage.settings.state_folder.parent / "life.db")
    options = stage.settings.store.options
    async with connect(url, migrate=True, options=options, actor="demo") as store:
        await _runs(stage, store, openings)
        one = await _again(stage, store, openings)
        await _applied(stage, store, openings, one)


async def _run(store: JobStore, day: int, postings: Sequence[dict[str, Any]]) -> RunReport:
    seen_at = datetime.now(UTC) - _AGO + timedelta(days=day)
    async with store.scrape_run(_OWN, seen_at=seen_at) as run:
        await run.upsert_many(postings)
        run.complete()
    assert run.report is not None
    return run.report


async def _runs(stage: Stage, store: JobStore, openings: list[dict[str, Any]]) -> None:
    stage.say(
        f"A scraper reads the page of {_COMPANY} each day. One opening is missing from day 2 on; "
        "on day 3 the page breaks off. An opening is closed when two runs in a row missed it and "
        "nobody saw it for 48 hours."
    )
    runs = [(day, await _run(store, day, openings[:number])) for day, number in _DAYS]
    stage.say(views.runs(runs))


async def _again(stage: Stage, store: JobStore, openings: list[dict[str, Any]]) -> Job:
    """Show a repost, and a duplicate; return the posting that is on both boards."""
    back = {**openings[-1], "source_job_id": str(_OPENINGS + 1)}
    await _run(store, _BACK, [*openings[:-1], back])
    await store.upsert({**openings[0], "source": _BOARD})
    await store.find_duplicates()

    new = await store.find(_OWN, back["source_job_id"])
    one = await store.find(_OWN, "1")
    assert new is not None
    assert one is not None
    stage.say("\nThe closed one comes back under another id, and a board shows one that is open:")
    for entry in await store.history(new.id):
        if entry.kind == "repost":
            days = f" after {entry.detail['days_away']:g} days"
            stage.say(Text.assemble(("REPOST ", "bold yellow"), (plain(new.title), "bold"), days))
            stage.say(reasons(entry.detail["reasons"]))
    for other in await store.duplicates(one.id):
        verdict, where = f"{other.verdict.upper()} ", f" on {_OWN} and {_BOARD}"
        stage.say(Text.assemble((verdict, "bold green"), (plain(one.title), "bold"), where))
        stage.say(reasons(other.reasons))
    return one


async def _applied(stage: Stage, store: JobStore, openings: list[dict[str, Any]], one: Job) -> None:
    """Apply for an opening on both boards, and ask a saved search twice."""
    await store.apply(one.id)
    other = await store.find(_BOARD, "1")
    assert other is not None
    stage.say(f"\nSomebody applies for {plain(one.title)}, and for the same on the other board:")
    try:
        await store.apply(other.id)
    except DuplicateApplication as error:
        stage.say(Text(f"REFUSED {plain(error)}", "yellow"))
    await store.save_search("mine", SearchQuery(text=f'title:"{openings[1]["title"]}"'))
    numbers = []
    for _ in range(2):
        found = await store.new_matches("mine")
        await store.acknowledge("mine", found)
        numbers.append(len(found))
    first, second = numbers
    stage.say(
        f"A saved search gives what is new, once: {first} at first, {second} when asked again."
    )
