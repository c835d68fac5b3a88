"""Makes postings of another kind: every word and every value is about as common as any other.

Pure, as :mod:`benchmarks.generator`, whose postings have few words that are common and many that
are rare. Here nothing is rare, so that no search has a short list to begin with:

- a description has 100 words of 450, drawn evenly: a fifth of all postings have any one of them;
- "engineer" stands in a fifth of the titles;
- the four fields of FOUR have four values each. Any three of them say nothing about the fourth, but
  combinations whose numbers add up to a multiple of four are rare: any three filters on them find
  many postings, and all four together one in 3,200.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from benchmarks.generator import NOW, SEED, SPAN
from benchmarks.vocabulary import JOB_WORDS, made_up_words

WORDS = 450
"""How many words there are."""
_WORDS_IN_TEXT = 100
_RARELY = 0.02
ROLES = ("engineer", "analyst", "nurse", "driver", "teacher")
_COMPANIES = 1_000

FOUR: dict[str, tuple[str | None, ...]] = {
    "workplace": ("onsite", "hybrid", "remote", None),
    "employment_type": ("full_time", "part_time", "contract", "temporary"),
    "experience_level": ("entry", "associate", "mid_senior", "director"),
    "country": ("US", "DE", "IN", "BR"),
}
"""The fields whose values seldom meet, all four of them."""


@cache
def words(seed: int = SEED) -> tuple[str, ...]:
    """Return the words of all descriptions."""
    known = list(dict.fromkeys(JOB_WORDS))[:WORDS]
    taken = {*known, *ROLES}
    return (*known, *made_up_words(WORDS - len(known), random.Random(seed), taken))


def combination(chance: random.Random, *, rare: bool) -> dict[str, Any]:
    """Return a value of each of FOUR: a combination that is rare, or one that is not."""
    numbers = [chance.randrange(4) for _ in range(3)]
    last = -sum(numbers) % 4
    if not rare:
        last = (last + chance.randint(1, 3)) % 4
    return {
        name: values[number]
        for (name, values), number in zip(FOUR.items(), (*numbers, last), strict=True)
    }


def postings(count: int, *, first: int = 0, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield ``count`` postings that arrived one after the other over two years, as mappings."""
    chance = random.Random(f"even {seed}:{first}")
    known, draw = words(seed), chance.random
    for number in range(first, first + count):
        arrived = NOW - SPAN + SPAN * ((number - first) / count)
        key = f"{4_000_000_000 + number * 2_654_435_761 % (1 << 32)}"
        source = chance.choice(("linkedin", "indeed"))
        posting: dict[str, Any] = {
            "source": source,
            "source_job_id": key,
            "title": f"{chance.choice(known)} {chance.choice(ROLES)}".title(),
            "company": f"Company {chance.randrange(_COMPANIES)}",
            "location": f"Town {chance.randrange(_COMPANIES // 10)}",
            "description": " ".join(chance.choices(known, k=_WORDS_IN_TEXT)),
            "url": f"https://{source}.example/jobs/view/{key}",
            "first_seen_at": arrived,
            "last_seen_at": min(arrived + timedelta(days=60 * draw()), NOW),
            "posted_at": arrived.replace(hour=0, minute=0, second=0, microsecond=0),
            "status": chance.choice(("open", "closed")),
            **combination(chance, rare=draw() < _RARELY),
        }
        if draw() < 0.5:
            low = chance.randrange(30_000, 150_000, 1_000)
            posting.update(
                salary_min=low, salary_max=low * 1.2, salary_currency="EUR", salary_period="year"
            )
        if draw() < 0.5:
            posting["applicant_count"] = chance.randrange(200)
        yield posting
