"""Searches of a store beside the plain model of one, with more matches than windows and caps.

The state machine of ``tests/property`` makes these small; here they are as they are, and the
postings are many.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import jobstore
from jobstore import EngineOptions, JobStore, SearchQuery
from jobstore.settings import sqlite_url
from tests.fixtures.clock import Clock
from tests.property.model import SUMMARY, Contradiction, Model, compared
from tests.property.strategies import FACETS, SORTS, START, normal, postings, queries
from tests.property.texts import Term, Text
from tests.torture.acknowledged import doctor
from tests.torture.campaigns.faulty_calls import place_in
from tests.torture.commands import WRITING
from tests.torture.rounds import Outcome, Round

_DRAWN, _POSTINGS, _AGAIN = 250, 1500, 300
_MOST_COUNTED = 1000
_WINDOW = 500

# What most postings say: its matches go beyond every window and cap.
_COMMON = "database"


def _draw(strategy: st.SearchStrategy[Any], number: int, choice: int) -> list[Any]:
    """Return so many examples, the same for the same ``choice``."""
    found: list[Any] = []

    @seed(choice)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


def _postings(choices: random.Random) -> list[dict[str, Any]]:
    """Return postings that differ in their keys, and those that come again with other content."""
    drawn = _draw(postings(), _DRAWN, choices.randrange(2**32))
    numbers = [*range(_POSTINGS), *(choices.randrange(_POSTINGS) for _ in range(_AGAIN))]
    made = []
    for number, posting in zip(numbers, itertools.cycle(drawn), strict=False):
        given = {**posting, "source_job_id": str(number)}
        if number % 4:
            given["description"] = f"{given.get('description') or 'data'} {_COMMON}"
        made.append(given)
    return made


async def _fill(store: JobStore, model: Model, clock: Clock, given: list[dict[str, Any]]) -> None:
    accepted = []
    for posting in given:
        try:
            model.upsert(normal(posting), clock())
        except Contradiction:
            continue
        accepted.append(posting)
    await store.upsert_many(accepted, strict=True)


def _common(choices: random.Random) -> list[tuple[SearchQuery, Text | None]]:
    term = Term(_COMMON, (_COMMON,))
    asked: list[tuple[SearchQuery, Text | None]] = []
    for sort in ("newest", "relevance", "salary", "applicants"):
        other = Term(*choices.choice((("data", ("data",)), ("Café", ("cafe",)))))
        for text in (Text(((term,),)), Text(((term, other),)), Text(((term,),), (other,)), None):
            typed = None if text is None else text.typed()
            asked.append((SearchQuery(text=typed, sort=sort), text))
    return asked


async def _differences(
    store: JobStore,
    model: Model,
    query: SearchQuery,
    text: Text | None,
    now: datetime,
    choices: random.Random,
    tell: Callable[[str], None],
) -> int:
    """Tell what differs in the pages of a search; return how many results were compared."""
    expected = model.search(query, text, now, _WINDOW)
    newest = model.search(replace(query, sort="newest"), text, now)[: _MOST_COUNTED + 1]
    facets = choices.sample(FACETS, 2)
    found: list[dict[str, Any]] = []
    cursor, total = None, min(len(expected), _MOST_COUNTED + 1)
    capped = len(expected) > _MOST_COUNTED
    while True:
        page = await store.search(
            query, limit=choices.choice((7, 60, 333)), cursor=cursor, facets=facets, snippets=False
        )
        # What is not counted to its end is at least so much.
        is_bound = page.total_capped and page.total < total
        if (page.total, page.total_capped) != (total, capped) and not is_bound:
            tell(f"{page.total} in all ({page.total_capped=}), and not {len(expected)}")
        for name in facets:
            counted = [(compared(name, each.value), each.count) for each in page.facets[name]]
            if not is_bound and counted != model.facet(name, newest):
                tell(f"other values of {name}")
        found += [{name: getattr(item, name) for name in SUMMARY} for item in page.items]
        if (cursor := page.next_cursor) is None:
            break
    if found != [{name: getattr(job, name) for name in SUMMARY} for job in expected]:
        tell(f"{len(found)} other results, or in another order, than the {len(expected)}")
    if await store.count(query) != len(expected):
        tell("another count")
    return len(found)


async def _work(url: str, round: Round, count: int, outcome: Outcome) -> None:
    choices = round.choices
    clock, model = Clock(START), Model()
    options = EngineOptions(synchronous="normal", readers=2)
    async with jobstore.connect(url, options=options, clock=clock) as store:
        given = _postings(choices)
        for start in range(0, len(given), 200):
            await _fill(store, model, clock, given[start : start + 200])
            clock.now += timedelta(minutes=7)
        drawn = _draw(st.tuples(queries(), SORTS), count, choices.randrange(2**32))
        for query, text in [*_common(choices), *(each for each, _ in drawn)]:
            outcome.acknowledged += await _differences(
                store,
                model,
                query,
                text,
                clock(),
                choices,
                lambda note, query=query: outcome.fault("wrong", f"{query}: {note}"),
            )


def compare_to_model(round: Round, queries: int = 40) -> Outcome:
    """Fill a store and its model, and compare what they find."""
    outcome = Outcome()
    place = place_in(round)
    WRITING.prepare(place)
    asyncio.run(_work(sqlite_url(place.store), round, queries, outcome))
    doctor(place.store, outcome)
    return outcome
