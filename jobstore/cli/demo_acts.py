"""What the demo shows, act by act; every figure is measured while it is shown.

How it looks is in :mod:`jobstore.cli.demo_views`; the scratch folder, the keys and the order are
in :mod:`jobstore.cli.demo`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from rich.text import Text

from jobstore.cli import demo_views as views
from jobstore.cli.demo_fault import fault
from jobstore.cli.demo_life import life
from jobstore.cli.demo_stage import timed, watching, write
from jobstore.cli.output import counted, plain, size
from jobstore.cli.progress import Progress
from jobstore.errors import InvalidQuery
from jobstore.records import SearchQuery
from jobstore.settings import EngineOptions

if TYPE_CHECKING:
    from uuid import UUID

    from jobstore.cli.demo_stage import Stage
    from jobstore.records import UpsertReport
    from jobstore.store import JobStore

# How many postings are made of each made-up one.
_TIMES = 10
# Seconds that latencies are measured, and seconds between two pictures of them.
_MEASURING, _PICTURE = 3.0, 0.1

_SEARCHES = {
    "engineer -senior": "a word that must occur, and one that must not",
    'title:data OR "machine learning"': "a word of the title, or a phrase anywhere",
    "company:hotel paris": "accents do not matter: Hôtel is found",
}
QUESTIONS = ('"software engineer" remote', "nurse OR krankenpfleger", "C++ -intern")


def take_in(stage: Stage) -> None:
    """Import the made-up postings, twice, and then more of the kind."""
    from jobstore.exchange import batches, open_records
    from jobstore.resources import sample_postings

    read = batches(open_records(str(sample_postings()), "jsonl"))
    stage.postings = [posting for batch in read for posting in batch.postings]
    for told in ("stored", "seen again, unchanged"):
        report, seconds = timed(stage, stage.store.upsert_many(stage.postings))
        number = report.inserted or report.unchanged
        stage.say(_took(counted(number, "made-up posting"), told, number, seconds))
    more = [_other(stage.postings, number) for number in range((_TIMES - 1) * len(stage.postings))]
    with Progress("Storing", len(more), quiet=False) as bar:
        report, seconds = timed(stage, stage.store.upsert_many(more, progress=_follow(bar)))
    stage.say(_took(f"{report.inserted:,} more of the kind", "stored", len(more), seconds))
    total = stage.run(stage.store.count())
    stage.say(f"The store has {total:,} postings now. What is acknowledged is on disk.")


def _follow(bar: Progress) -> Callable[[UpsertReport], None]:
    """Return what moves the bar by what was stored since the last time."""
    told = 0

    def follow(report: UpsertReport) -> None:
        nonlocal told
        bar.advance(report.inserted - told, report.inserted - told)
        told = report.inserted

    return follow


def _other(postings: Sequence[dict[str, Any]], number: int) -> dict[str, Any]:
    """Return a posting that is not among those given, at another company and another time."""
    turn, index = divmod(number, len(postings))
    one, other = postings[index], postings[(index + 37 * (turn + 1)) % len(postings)]
    posted_at = one.get("posted_at") or other.get("posted_at")
    return {
        **one,
        "source_job_id": f"{one['source_job_id']}-{turn + 2}",
        **{name: other.get(name) for name in ("company", "location", "country", "url")},
        "posted_at": posted_at and _earlier(posted_at, number),
    }


def _earlier(moment: str | datetime, hours: int) -> datetime:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at - timedelta(hours=hours % 5000)


def _took(what: str, told: str, number: int, seconds: float) -> Text:
    rate = f", {number / seconds:,.0f} a second."
    return Text.assemble(f"{what} {told} in ", (f"{seconds:.2f} s", "bold green"), rate)


def search(stage: Stage) -> None:
    """Search for some words."""
    for number, (text, why) in enumerate(_SEARCHES.items()):
        stage.say(Text("\n" * (number > 0) + why, style="dim"))
        _answer(stage, text)


def _answer(stage: Stage, text: str, *, asked: bool = False) -> None:
    try:
        page, seconds = timed(stage, stage.store.search(SearchQuery(text=text), limit=3))
    except InvalidQuery as error:
        stage.say(Text(plain(error), style="yellow"))
        return
    if not asked:
        stage.say(Text.assemble(("search> ", "bold"), (plain(text), "cyan")))
    if page.items:
        stage.say(views.results(page))
    stage.say(views.found(page, 1000 * seconds))


def latencies(stage: Stage) -> None:
    """Measure reading, searching, statistics and writing, and draw it against the line."""
    # Which search is asked is no secret.
    chosen = random.Random(1)  # nosec B311
    store, words = stage.store, ("engineer", "data analyst", "manager -assistant", "nurse OR chef")

    async def ask(number: int, ids: Sequence[UUID]) -> None:
        turn = number % 8
        if turn == 0:
            await store.statistics()
        elif turn == 1:
            await write(stage, 1)
        elif turn < 5:
            await store.search(SearchQuery(text=chosen.choice(words)))
        else:
            await store.get(chosen.choice(ids))

    async def measure() -> None:
        ids = [each.id async for each in store.stream()]
        with watching(stage) as (seen, picture):
            end, due, number = time.monotonic() + _MEASURING, 0.0, 0
            # However slow the machine is, each of the eight is asked once.
            while (now := time.monotonic()) < end or number < 8:
                await ask(number, ids)
                number += 1
                if now >= due:
                    picture()
                    due = now + _PICTURE
        slowest = max(each for durations in seen.values() for each in durations)
        p95 = {name: views.Measured.of(name, each).p95 for name, each in seen.items()}
        above = [name for name, each in p95.items() if each > stage.line_ms]
        verdict = f"above it: {', '.join(above)}" if above else "all below the line"
        stage.say(
            f"The bars are what 95 of 100 calls took at most: {verdict}. "
            f"The slowest of {number:,} calls took {1000 * slowest:.1f} ms."
        )

    stage.run(measure())


def health(stage: Stage) -> None:
    """Look how well the store is."""
    from jobstore.operations.health import examine

    started = time.perf_counter()
    report = examine(stage.settings)
    seconds = time.perf_counter() - started
    stage.say(views.health(report.checks, stage.screen.width))
    verdict = {"pass": "bold green", "warn": "bold yellow", "fail": "bold red"}[report.verdict]
    stage.say(Text.assemble(
        f"{len(report.checks)} checks in {seconds:.2f} s: ", (report.verdict.value, verdict)
    ))  # fmt: skip


def restore(stage: Stage) -> None:
    """Back the store up, check the backup, restore it into a new place, compare."""
    from jobstore.operations import backup
    from jobstore.settings import sqlite_url

    settings, run = stage.settings, backup.in_thread
    made, seconds = timed(stage, run(partial(backup.create, settings, reason="demo")))
    sizes = f"{size(made.manifest.database_size)} as {size(made.manifest.size)}"
    stage.say(_done(f"Backup {made.name}: {sizes}, in", seconds))
    (copy,), seconds = timed(stage, run(partial(backup.verify, settings)))
    stage.say(_done(f"Opened and checked: {copy.error or 'good'}, in", seconds))
    new = sqlite_url(settings.state_folder.parent / "restored" / "jobs.db")
    _, seconds = timed(stage, run(partial(backup.restore, settings, to=new)))
    stage.say(_done("Restored into a new place, in", seconds))
    figures, different = stage.run(_compare(stage.store, new, settings.store.options))
    stage.say(views.compared(figures))
    postings = counted(figures["postings"][1], "posting")
    stage.say(f"{postings} compared field by field: {different:,} differ.")


async def _compare(
    store: JobStore, url: str, options: EngineOptions
) -> tuple[dict[str, tuple[int, int]], int]:
    """Return figures of both stores, and how many postings differ."""
    from jobstore import connect

    async with connect(url, options=options) as restored:
        one, other = [await _figures(each) for each in (store, restored)]
        jobs = [[job async for job in each.stream()] for each in (store, restored)]
    different = sum(job != same for job, same in zip_longest(*jobs))
    return {name: (one[name], other[name]) for name in one}, different


async def _figures(store: JobStore) -> dict[str, int]:
    found = await store.statistics()
    return {
        "postings": found.total,
        "open": found.by_status.get("open", 0),
        "sources": len(found.by_source),
        "with a salary": sum(each.count for each in found.salaries.values()),
        "engineer found": await store.count(SearchQuery(text="engineer")),
    }


def _done(what: str, seconds: float) -> Text:
    return Text.assemble(f"{what} ", (f"{seconds:.2f} s", "bold green"), ".")


def questions(stage: Stage) -> None:
    """Answer what the audience asks, or three questions where nobody is there."""
    if stage.ask is None:
        for number, text in enumerate(QUESTIONS):
            if number:
                stage.say()
            _answer(stage, text)
        return
    stage.say(
        Text('Words, "phrases", -without, this OR that, prefix*, title: company: location:', "dim")
    )
    while text := stage.ask().strip():
        _answer(stage, text, asked=True)
        stage.say()


ACTS: Sequence[tuple[str, Callable[[Stage], None]]] = (
    ("Taking postings in", take_in),
    ("Searching", search),
    ("What a posting lives through", life),
    ("Latencies, live, against the line", latencies),
    ("Health", health),
    ("A fault, an alert, its end", fault),
    ("A backup, and the store back from it", restore),
    ("Questions", questions),
)
