"""Makes postings that behave like real ones to an index, the same for the same seed.

Pure and fast: no file and no store is known here. What is realistic about them:

- companies, locations, titles and words follow Zipf's law; sectors have words of their own;
- postings arrive in the order of time over two years, dated up to three weeks back; most give
  a date only, some a time, some nothing;
- the older one is, the likelier it is closed; 60% are open, a third states a salary, half
  the number of applicants; texts have 80 to 600 words.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

from benchmarks.vocabulary import (
    CITIES,
    COMPANY_ENDINGS,
    FUNCTION_WORDS,
    JOB_WORDS,
    ROLES,
    SECTORS,
    SENIORITIES,
    made_up_words,
)

T = TypeVar("T")

NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
"""The moment after the last arrival; stores of these postings are read with this clock."""
SPAN = timedelta(days=730)
SEED = 20260115

_GENERAL_WORDS = 60_000
_SECTOR_WORDS = 1_500
# Texts are put together from phrases: they repeat themselves, as those of real employers do, and
# drawing a phrase takes no longer than drawing a word.
_PHRASES = 1 << 14
_WORDS_IN_PHRASE = (3, 11)
# The proportions, and those of zipf() below, are those of 1,000 real LinkedIn descriptions.
_FUNCTION_PERCENT, _SECTOR_PERCENT = 38, 8
_COMPANIES = 40_000
_TOWNS = 3_000
_SOURCES = ("linkedin", "indeed", "greenhouse", "glassdoor", "lever", "workday")
_SOURCE_WEIGHTS = (45, 25, 12, 8, 6, 4)
_TITLE_ENDINGS = ("", " (Remote)", " II", " - Night Shift", " (m/f/d)", " III")
_LEVELS = ("internship", "entry", "associate", "mid_senior", "director", "executive")
# Per sector: the middle of what is paid in a year.
_PAY = (115_000, 78_000, 39_000, 92_000, 58_000, 56_000, 47_000, 42_000, 74_000, 68_000)
_CURRENCIES = {"US": "USD", "GB": "GBP", "CA": "CAD", "CH": "CHF", "IN": "INR", "PL": "PLN",
               "AU": "AUD", "SE": "SEK", "SG": "SGD", "JP": "JPY", "BR": "BRL", "MX": "MXN",
               "DK": "DKK", "CZ": "CZK", "IL": "ILS"}  # fmt: skip
_SCALES = {"INR": 20.0, "JPY": 110.0, "CZK": 14.0, "MXN": 9.0, "SEK": 7.0, "DKK": 6.0}
_PERIODS = {"year": 1, "month": 12, "hour": 2080}


class World(NamedTuple):
    """What postings are made of; each list is a population to draw from without weights."""

    words: tuple[str, ...]  # all general words, the most frequent first
    phrases: tuple[tuple[str, ...], ...]  # of descriptions, per sector
    titles: tuple[tuple[str, ...], ...]  # titles, per sector
    companies: tuple[str, ...]
    places: tuple[tuple[str, str], ...]  # location and country


def zipf(
    population: Sequence[T], size: int, chance: random.Random, power: float = 1.0, shift: float = 0
) -> list[T]:
    """Return ``size`` members of ``population``, the one at rank r in proportion to
    ``(shift + r) ** -power`` (Mandelbrot's form of Zipf's law)."""
    ranks = range(1, len(population) + 1)
    weights = list(accumulate((shift + rank) ** -power for rank in ranks))
    return chance.choices(population, cum_weights=weights, k=size)


@cache
def world(seed: int) -> World:
    """Return what all postings of a seed are made of; made once, in about two seconds."""
    chance = random.Random(seed)
    taken = {word.lower() for own in SECTORS.values() for word in own} | set(FUNCTION_WORDS)
    known = [word for word in dict.fromkeys(JOB_WORDS) if word not in taken]
    taken.update(known)
    words = known + made_up_words(_GENERAL_WORDS - len(known), chance, taken)
    phrases = []
    for own in SECTORS.values():
        special = (*own, *made_up_words(_SECTOR_WORDS, chance, taken))
        each = _PHRASES * sum(_WORDS_IN_PHRASE) // 200
        table: list[str] = zipf(FUNCTION_WORDS, each * _FUNCTION_PERCENT, chance)
        table += zipf(special, each * _SECTOR_PERCENT, chance)
        table += zipf(words, each * 100 - len(table), chance, 1.5, 200)
        phrases.append(tuple(_phrase(chance, table) for _ in range(_PHRASES)))
    names = [
        f"{name.capitalize()} {chance.choice(COMPANY_ENDINGS)}".strip()
        for name in made_up_words(_COMPANIES, chance, set())
    ]
    towns = [name.capitalize() for name in made_up_words(_TOWNS, chance, set())]
    countries = [country for _, country in CITIES]
    places = [*CITIES, *((town, chance.choice(countries)) for town in towns)]
    return World(
        words=tuple(words),
        phrases=tuple(phrases),
        titles=tuple(_titles(sector, chance) for sector in SECTORS),
        companies=tuple(zipf(names, 1 << 17, chance, 0.9)),
        places=tuple(zipf(places, 1 << 16, chance)),
    )


def _phrase(chance: random.Random, table: Sequence[str]) -> str:
    # As long as their number, phrases together hold each word of the table about once.
    words = chance.choices(table, k=chance.randint(*_WORDS_IN_PHRASE))
    mark = chance.random()
    if mark < 0.3:
        return " ".join(words) + ","
    if mark < 0.6:
        return " ".join(words).capitalize() + "."
    if mark < 0.7:
        return " ".join(words) + ".\n\n"
    return " ".join(words) + ("\n-" if mark < 0.75 else "")


def _titles(sector: str, chance: random.Random) -> tuple[str, ...]:
    seniorities = zipf(SENIORITIES, 4096, chance, 0.8)
    fields, roles = (zipf(part, 4096, chance, 0.8) for part in ROLES[sector])
    endings = zipf(_TITLE_ENDINGS, 4096, chance, 2)
    return tuple(
        f"{seniority} {field} {role}{ending}".strip()
        for seniority, field, role, ending in zip(seniorities, fields, roles, endings, strict=True)
    )


def postings(count: int, *, first: int = 0, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield ``count`` postings that arrived one after the other over the two years.

    They are mappings with the names of JobPosting fields, times as datetimes, and they state
    when they were seen. ``first`` is the number of the first: numbers make keys, so other
    numbers are other postings.
    """
    made = world(seed)
    # An int's own hash differs between seeds; so do the draws.
    chance = random.Random(f"{seed}:{first}")
    for number in range(count):
        arrived = NOW - SPAN + SPAN * (number / count)
        yield _posting(chance, made, first + number, arrived)


def fresh(count: int, *, first: int, seed: int = SEED) -> Iterator[dict[str, Any]]:
    """Yield postings as a scraper hands them in today: open, without times of sighting."""
    for posting in postings(count, first=first, seed=seed):
        age = posting["last_seen_at"] - posting["first_seen_at"]
        if "posted_at" in posting:
            posting["posted_at"] = NOW.replace(hour=0, minute=0) - timedelta(days=age.days % 21)
        for name in ("first_seen_at", "last_seen_at", "status"):
            posting.pop(name, None)
        yield posting


def _posting(chance: random.Random, made: World, number: int, arrived: datetime) -> dict[str, Any]:
    draw = chance.random
    sector = int(draw() ** 1.5 * len(made.phrases))
    source = chance.choices(_SOURCES, _SOURCE_WEIGHTS)[0]
    # A bijection on 32 bits, so that keys do not come in order.
    key = f"{4_000_000_000 + number * 2_654_435_761 % (1 << 32)}"
    place, country = chance.choice(made.places)
    # 80 to 600 words, most often 340; an advertisement repeats some of its own.
    phrases = chance.choices(made.phrases[sector], k=13 + int(27 * (draw() + draw())))
    phrases += chance.choices(phrases, k=len(phrases) // 5)
    if draw() < 0.3:
        phrases.append(f"\n\nReference R-{number * 40_503 % 9_999_991}")
    age = (NOW - arrived) / SPAN
    is_closed = draw() < 0.8 * age
    posting: dict[str, Any] = {
        "source": source,
        "source_job_id": key,
        "title": chance.choice(made.titles[sector]),
        "company": chance.choice(made.companies),
        "location": place,
        "country": country,
        "description": " ".join(phrases),
        "url": f"https://{source}.example/jobs/view/{key}",
        "first_seen_at": arrived,
        "last_seen_at": min(arrived + timedelta(days=60 * draw()), NOW),
        "status": "closed" if is_closed else "open",
    }
    dated = draw()
    if dated < 0.9:
        posted = arrived - timedelta(days=int(21 * draw() ** 4))
        if dated < 0.75:
            posted = posted.replace(hour=0, minute=0, second=0, microsecond=0)
        posting["posted_at"] = posted
    if draw() < 0.7:
        posting["workplace"] = chance.choices(("onsite", "hybrid", "remote"), (5, 3, 2))[0]
    if draw() < 0.85:
        posting["employment_type"] = chance.choices(
            ("full_time", "part_time", "contract", "temporary", "internship"), (78, 8, 8, 4, 2)
        )[0]
    if draw() < 0.6:
        posting["experience_level"] = chance.choices(_LEVELS, (3, 25, 18, 40, 9, 5))[0]
    if draw() < 0.7:
        posting["industry"] = _INDUSTRIES[sector]
    if draw() < 0.5:
        posting["skills"] = list(
            dict.fromkeys(chance.choices(_SKILLS[sector], k=1 + int(6 * draw())))
        )
    if draw() < 0.5:
        posting["applicant_count"] = min(int(chance.lognormvariate(3.2, 1.2)), 5000)
    if draw() < 0.33:
        _pay(chance, posting, sector)
    return posting


_INDUSTRIES = tuple(SECTORS)
_SKILLS = tuple(words[:12] for words in SECTORS.values())


def _pay(chance: random.Random, posting: dict[str, Any], sector: int) -> None:
    currency = _CURRENCIES.get(posting["country"], "EUR")
    period = chance.choices(("year", "hour", "month"), (70, 22, 8))[0]
    middle = _PAY[sector] * _SCALES.get(currency, 1.0) * chance.lognormvariate(0, 0.35)
    step = 1 if period == "hour" else 500
    low, high = (
        max(step, round(middle * factor / _PERIODS[period] / step) * step)
        for factor in (0.85, 1.15)
    )
    posting.update(salary_min=low, salary_currency=currency, salary_period=period)
    if chance.random() < 0.85:
        posting["salary_max"] = high
