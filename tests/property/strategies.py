"""Postings, changes and queries for the stateful test: few values, which meet again and again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

import jobstore
from jobstore import Location, SearchQuery
from tests.property.model import Contradiction
from tests.property.texts import LANGUAGES, STEMS, VOCABULARY, Term, Text, nfc

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Few values, so that keys, times and values meet again and again.
SOURCES = ("board", "Börse")
KEYS = st.tuples(st.sampled_from(SOURCES), st.integers(1, 8).map(str))
PIECES = st.sampled_from(sorted(VOCABULARY))
COMPANIES = ("Café", "CAFE", "cafe\u0301", "Café  CAFE", "東京", "O'Brien C#", "R", "Łódź dev-ops")
LOCATIONS = ("Straße", "STRASSE", "京都", "AND, OR", "data")
PLACES = (
    *LOCATIONS,
    Location("data", city="Łódź", country="DE"),
    Location("ＤＡＴＡ", city="Łódź", region="R", country="DE"),
    Location("Straße", country="JP"),
    Location("京都", city="京都", region="Straße", country="JP"),
    {"text": "Łódź dev-ops", "city": "Łódź", "country": "de"},
    {"city": "Łódź", "region": "R"},
    " ",
)
INDUSTRIES = ("Software", "software", "Böden", "  Boden ")
AMOUNTS = ("0", "0.000001", "25", "50", "511", "512", "60000", "85000.25", "999999999999")
PERIODS = ("hour", "day", "week", "month", "year")
CURRENCIES = ("EUR", "USD", "JPY")
COUNTS = (0, 1, 9, 10, 11, 50, 51, 1000, 2**21, 2**40, 2**63 - 1)
MOMENTS = st.one_of(
    # Times that meet, days apart, and any microsecond.
    st.sampled_from([START + timedelta(seconds=n) for n in (-2, -1, 0, 1, 2)]),
    st.integers(-40, 3).map(lambda day: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day)),
    st.integers(-(10**14), 10**12).map(lambda us: START + timedelta(microseconds=us)),
    st.just(datetime(1990, 1, 1, tzinfo=UTC)),
    st.just(datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
)
JSON = st.sampled_from(
    [1, 1.0, True, 0.0, -0.0, None, "x", "", [1, [2]], {"deep": {"er": "ü"}}, 2**70]
)


def _texts(most: int) -> st.SearchStrategy[str]:
    separators = st.sampled_from([" ", ", "])
    return st.lists(PIECES, min_size=1, max_size=most).flatmap(
        lambda pieces: separators.map(lambda between: between.join(pieces))
    )


CONTENT: dict[str, st.SearchStrategy[Any]] = {
    "location": st.sampled_from(LOCATIONS),
    "locations": st.lists(st.sampled_from(PLACES), max_size=4),
    "country": st.sampled_from(["DE", "JP", "US"]),
    "workplace": st.sampled_from(["onsite", "hybrid", "remote"]),
    "employment_type": st.sampled_from(["full_time", "contract", "other"]),
    "experience_level": st.sampled_from(["entry", "mid_senior"]),
    "industry": st.sampled_from(INDUSTRIES),
    "description": _texts(6).map(lambda text: text.replace(", ", "\n")),
    "skills": st.lists(PIECES, max_size=3),
    "salary_min": st.sampled_from(AMOUNTS),
    "salary_max": st.sampled_from(AMOUNTS),
    "salary_currency": st.sampled_from(CURRENCIES),
    "salary_period": st.sampled_from(PERIODS),
    "salary_text": st.sampled_from(["25 an hour", "a lot"]),
    "url": st.sampled_from(["https://a.example/1", "http://b.example/ü"]),
    "apply_url": st.just("https://a.example/apply"),
    "company_url": st.just("https://a.example/"),
    "company_size": st.sampled_from(["1-10", "11-50"]),
    "applicant_count": st.sampled_from(COUNTS),
    "posted_at": MOMENTS,
    "expires_at": MOMENTS,
    "attributes": st.dictionaries(st.sampled_from("abc"), JSON, max_size=2),
}
SIGHTING: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(["open", "closed"]),
    "first_seen_at": MOMENTS,
    "last_seen_at": MOMENTS,
    "closed_at": MOMENTS,
}


@st.composite
def postings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a posting; some have a contradiction, and some state nothing in a field."""
    source, number = draw(KEYS)
    posting = {
        "source": source,
        "source_job_id": number,
        "title": draw(_texts(3)),
        "company": draw(st.sampled_from(COMPANIES)),
    }
    names = draw(st.lists(st.sampled_from(sorted(CONTENT)), max_size=8, unique=True))
    posting |= {name: draw(CONTENT[name]) for name in names}
    if draw(st.integers(0, 4)) == 0:
        names = draw(st.lists(st.sampled_from(sorted(SIGHTING)), max_size=4, unique=True))
        posting |= {name: draw(SIGHTING[name]) for name in names}
    return posting


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw changes to a posting; some clear a field."""
    some = {
        **{name: st.none() | values for name, values in CONTENT.items()},
        "title": _texts(3),
        "company": st.sampled_from(COMPANIES),
        "status": SIGHTING["status"],
    }
    names = draw(st.lists(st.sampled_from(sorted(some)), min_size=1, max_size=5, unique=True))
    return {name: draw(some[name]) for name in names}


def _place(given: Location | dict[str, str] | str) -> Location:
    if isinstance(given, Location):
        return given
    if isinstance(given, str):
        return Location(given.strip())
    text = given.get("text") or ", ".join(given.values())
    country = given.get("country")
    return Location(text, given.get("city"), given.get("region"), country and country.upper())


def normal(given: dict[str, Any]) -> dict[str, Any]:
    """Return fields as intake leaves them, or raise Contradiction."""
    found = dict(given)
    for name in ("title", "company", "industry"):
        if found.get(name):
            found[name] = nfc(found[name]).strip()
    if found.get("locations"):
        places = [place for place in map(_place, found["locations"]) if place.text]
        found["locations"] = list(dict.fromkeys(places))
    if found.get("skills"):
        found["skills"] = list(dict.fromkeys(map(nfc, found["skills"])))
    if found.get("description"):
        found["description"] = nfc(found["description"])
    for name in ("salary_min", "salary_max"):
        if found.get(name) is not None:
            found[name] = Decimal(found[name])
    for name, kind in (
        ("workplace", jobstore.Workplace),
        ("employment_type", jobstore.EmploymentType),
        ("experience_level", jobstore.ExperienceLevel),
        ("salary_period", jobstore.SalaryPeriod),
        ("status", jobstore.Status),
    ):
        if found.get(name) is not None:
            found[name] = kind(found[name])
    for low, high in (("salary_min", "salary_max"), ("first_seen_at", "last_seen_at")):
        if found.get(low) is not None and found.get(high) is not None and found[low] > found[high]:
            raise Contradiction
    return found


@st.composite
def terms(draw: st.DrawFn) -> Term:
    """Draw a word, a phrase or a prefix, perhaps of one field."""
    shape = draw(st.sampled_from(["word", "word", "word", "phrase", "prefix", "phrase prefix"]))
    words: tuple[str, ...]
    if shape == "word":
        piece = draw(PIECES.filter(lambda piece: piece not in ("AND", "OR")))
        typed, words = piece, VOCABULARY[piece]
    elif shape == "phrase":
        pieces = draw(st.lists(PIECES, min_size=1, max_size=3))
        typed = f'"{" ".join(pieces)}"'
        words = tuple(word for piece in pieces for word in VOCABULARY[piece])
    else:
        stem = draw(st.sampled_from(sorted(STEMS)))
        typed, words = f"{stem}*", (STEMS[stem],)
        if shape == "phrase prefix":
            piece = draw(PIECES)
            typed, words = f'"{piece} {stem}"*', VOCABULARY[piece] + words
    field = draw(st.sampled_from([None, None, None, "title", "company", "location"]))
    if field is not None:
        typed = f"{draw(st.sampled_from([field, field.upper()]))}:{typed}"
    return Term(typed, words, "prefix" in shape, field)


@st.composite
def texts(draw: st.DrawFn) -> Text:
    """Draw a search text of up to four items."""
    groups = draw(st.lists(st.lists(terms(), min_size=1, max_size=2).map(tuple), max_size=2))
    least = 0 if groups else 1
    excluded = draw(st.lists(terms(), min_size=least, max_size=least or draw(st.integers(0, 1))))
    return Text(tuple(groups), tuple(excluded), draw(st.sampled_from(sorted(LANGUAGES))))


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3).map(tuple)


FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "source": _some(st.sampled_from([*SOURCES, "BOARD", "nowhere"])),
    "company": _some(st.sampled_from([*COMPANIES, "café  cafe"])),
    "location": _some(st.sampled_from([*LOCATIONS, "ŁÓDŹ", "Łódź, R", "Straße; data"])),
    "country": _some(st.sampled_from(["DE", "JP", "US"])),
    "workplace": _some(CONTENT["workplace"]),
    "employment_type": _some(CONTENT["employment_type"]),
    "experience_level": _some(CONTENT["experience_level"]),
    "industry": _some(st.sampled_from(INDUSTRIES)),
    "status": _some(SIGHTING["status"]),
    "skills": _some(PIECES),
    "salary_min": st.sampled_from([0, 512, 52_000, 60_000, Decimal("60000.01"), 1e12, 1e16]),
    "salary_max": st.sampled_from([0, 511, 512.0, 52_000, 60_000, 104_000, 1e12]),
    "salary_currency": _some(st.sampled_from(CURRENCIES)),
    "posted_since": MOMENTS,
    "posted_until": MOMENTS,
    "applicants_min": st.sampled_from(COUNTS),
    "applicants_max": st.sampled_from(COUNTS),
    "expired": st.booleans(),
}
RANGES = (
    ("salary_min", "salary_max"),
    ("posted_since", "posted_until"),
    ("applicants_min", "applicants_max"),
)
SORTS = st.sampled_from(["newest", "newest", "salary", "applicants", "relevance", "expires"])
FACETS = ("source", "company", "location", "country", "workplace", "skills", "salary_currency")


@st.composite
def queries(draw: st.DrawFn) -> tuple[SearchQuery, Text | None]:
    """Draw a query and what its text means."""
    names = draw(st.lists(st.sampled_from(sorted(FILTERS)), max_size=2, unique=True))
    chosen = {name: draw(FILTERS[name]) for name in names}
    for low, high in RANGES:
        if low in chosen and high in chosen and chosen[low] > chosen[high]:
            del chosen[high]
    text = draw(st.none() | texts())
    typed = None if text is None else text.typed()
    return SearchQuery(text=typed, sort=draw(SORTS), **chosen), text
