"""Facets as words: each filter finds its postings, and no text ever meets one."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobstore.derived.facet_words import (
    APPLICANTS,
    EVERY,
    EXACT,
    EXPIRES,
    LETTERS,
    MARK,
    YEARLY_MAX,
    YEARLY_MIN,
    Scale,
    facet_word,
    facet_words,
    pair_word,
    skill_word,
)
from jobstore.derived.micros import to_micros
from jobstore.derived.record import Derived
from jobstore.records import EmploymentType, Job, SalaryPeriod, Status, Workplace, job_id
from jobstore.search.criteria import FACETS
from jobstore.search.words import index_text
from tests.fixtures.cases import each_case

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SCALES = [YEARLY_MIN, YEARLY_MAX, APPLICANTS]
numbers = st.floats(0, 1e15) | st.integers(0, 5000).map(float)


def job(**changes: Any) -> Job:
    return Job(
        id=job_id("s", "1"),
        version=1,
        status=Status.OPEN,
        source="Board",
        source_job_id="1",
        title="t",
        company="Société  ACME",
        first_seen_at=NOW,
        last_seen_at=NOW,
        updated_at=NOW,
        **changes,
    )


def test_a_posting_has_a_word_for_every_facet() -> None:
    posting = Derived(
        job(
            location="Zürich",
            country="CH",
            workplace=Workplace.REMOTE,
            employment_type=EmploymentType.FULL_TIME,
            industry="IT",
            salary_min=Decimal(30),
            salary_currency="CHF",
            salary_period=SalaryPeriod.HOUR,
            applicant_count=3,
        )
    )
    found = facet_words(posting).split()
    assert found == [
        EVERY,
        facet_word("source", "board"),
        facet_word("company", "societe acme"),
        facet_word("location", "zurich"),
        facet_word("country", "CH"),
        facet_word("workplace", "remote"),
        facet_word("employment_type", "full_time"),
        facet_word("industry", "it"),
        facet_word("status", "open"),
        facet_word("salary_currency", "CHF"),
        pair_word("open", "remote"),
        *YEARLY_MIN.range_words(62_400),
        *YEARLY_MAX.range_words(62_400),
        *YEARLY_MAX.words(62_400)[2:],
        *APPLICANTS.range_words(3),
        *APPLICANTS.words(3)[2:],
        EXPIRES.missing(),
    ]


def test_each_skill_has_a_word() -> None:
    assert skill_word("SQL") == skill_word("sql") == facet_word("skills", "sql")
    assert skill_word("C++") == facet_word("skills", "c++")


def test_what_is_not_stated_has_a_word_where_sorting_needs_it() -> None:
    missing = [YEARLY_MAX.missing(), APPLICANTS.missing(), EXPIRES.missing()]
    assert facet_words(Derived(job())).split()[-3:] == missing


def test_words_never_change() -> None:
    # Stored in every index: a change needs a migration that indexes everything anew.
    assert facet_word("company", "acme") == "\ue000cgatfpmz4jwric"
    assert pair_word("open", "remote") == "\ue000bezhmfqtmcv3o4"
    assert YEARLY_MAX.words(100_000) == (
        "\ue000z507",
        "\ue000z83c",
        "\ue000z17269",
        "\ue000zgf24dkvkvcfci",
    )
    assert APPLICANTS.words(0) == (
        "\ue000p500",
        "\ue000p800",
        "\ue000p00000",
        "\ue000p5xdvuzts7vf7u",
    )
    assert EXPIRES.range_words(micros(DAY)) == (
        "\ue000e00003",
        "\ue000e10018",
        "\ue000e200c3",
        "\ue000e3061f",
        "\ue000e430fb",
    )
    assert EXPIRES.words(-micros(DAY)) == (
        "\ue000e200c3",
        "\ue000e430fb",
        "\ue000eownitmrae65ja",
        "\ue000e2mkiyrhn2mp26",
    )
    assert YEARLY_MIN.range_words(100_000) == (
        "\ue000y200",
        "\ue000y507",
        "\ue000y60f",
        "\ue000y71e",
        "\ue000y83c",
    )


def test_every_field_has_a_letter_of_its_own() -> None:
    others = (EVERY, pair_word("open", "remote"))
    letters = [
        *LETTERS.values(),
        *(scale.letter for scale in (*SCALES, EXPIRES)),
        *(word[1] for word in others),
    ]
    assert len(set(letters)) == len(letters)
    assert set(FACETS) <= {field.name for field in fields(Job)}


def test_the_tokenizer_keeps_words_whole_and_texts_away() -> None:
    conn = sqlite3.connect(":memory:")
    conn.execute("CREATE VIRTUAL TABLE f USING fts5(t, tokenize = 'unicode61 remove_diacritics 2')")
    conn.execute("CREATE VIRTUAL TABLE v USING fts5vocab(f, instance)")
    text = f"{facet_words(Derived(job(applicant_count=7)))} {skill_word('数据')}"
    conn.execute("INSERT INTO f (t) VALUES (?)", (text,))
    assert [
        row[0] for row in conn.execute("SELECT v.term FROM v ORDER BY v.offset")
    ] == text.split()
    conn.close()
    assert MARK not in index_text(text)


DAY = datetime(2024, 5, 1, 9, 30, tzinfo=UTC)
micros = to_micros
times = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(to_micros),
    st.integers(-90, 90).map(lambda minutes: to_micros(DAY) + minutes * 20_000_000),
)


@given(times, times)
def test_a_time_that_comes_sooner_never_has_a_lower_bucket(one: int, other: int) -> None:
    low, high = sorted((-one, -other))
    for level, (lower, higher) in enumerate(
        zip(EXPIRES.words(low), EXPIRES.words(high), strict=True)
    ):
        floor = EXPIRES.floor(high, level)
        assert floor <= high
        # What the floor divides are the words.
        assert (lower == higher) == (low >= floor)
    assert set(EXPIRES.words(low)[:2]) <= set(EXPIRES.range_words(-low))


@given(times, times)
def test_what_is_past_has_one_word_of_its_days(time: int, now: int) -> None:
    day = 86_400_000_000
    until, before = EXPIRES.until(now), EXPIRES.before_day_of(now)
    assert len(set(until)) == len(until) <= 35
    same_day = time // day == now // day
    words = set(EXPIRES.range_words(time))
    if time <= now:
        assert len(words & set(until)) == 1
        if (
            to_micros(datetime(1990, 1, 1, tzinfo=UTC))
            <= time
            < to_micros(datetime(2079, 9, 1, tzinfo=UTC))
        ):
            assert len(words & set(before)) == (not same_day)
    else:
        assert not words & set(before)


@given(st.sampled_from(SCALES), numbers, numbers)
def test_a_larger_number_never_has_a_lower_bucket(scale: Scale, one: float, other: float) -> None:
    low, high = sorted((one, other))
    for level, (lower, higher) in enumerate(zip(scale.words(low), scale.words(high), strict=True)):
        floor = scale.floor(high, level)
        assert floor <= high
        # What the floor divides are the words.
        assert (lower == higher) == (low >= floor)
        assert lower <= higher or level == EXACT
    octave, part, grain, exact = scale.words(low)
    assert {octave, part} <= set(scale.range_words(low))
    assert len({octave, part, grain, exact, scale.missing()}) == 5


def test_buckets_become_finer_down_to_the_value() -> None:
    floors = [YEARLY_MAX.floor(100_001.5, level) for level in range(EXACT + 1)]
    assert floors == [65_536, 98_304, 99_968, 100_001.5]
    assert [APPLICANTS.floor(0, level) for level in range(EXACT)] == [-math.inf] * EXACT
    assert YEARLY_MAX.floor(1e300, EXACT - 1) == 2.0**34 * (1 - 2**-10)


def test_the_words_of_equal_numbers_are_equal() -> None:
    assert YEARLY_MAX.words(-0.0) == YEARLY_MAX.words(0.0) == YEARLY_MAX.words(0)
    # No float tells these apart.
    assert APPLICANTS.words(2**53) != APPLICANTS.words(2**53 + 1)


@given(st.sampled_from(SCALES), numbers, st.none() | numbers, st.none() | numbers)
def test_a_range_reaches_every_number_in_it(
    scale: Scale, number: float, low: float | None, high: float | None
) -> None:
    reaching = scale.reaching(low, high)
    assert len(set(reaching)) == len(reaching) <= 24
    if (low is None or low <= number) and (high is None or number <= high):
        assert len(set(scale.range_words(number)) & set(reaching)) == 1


def test_a_range_is_few_words() -> None:
    assert YEARLY_MAX.reaching(60_000, None) == (
        "\ue000z71b",
        "\ue000z507",
        *(f"\ue000z20{part}" for part in (1, 2, 3)),
    )


@each_case("count", range(16))
def test_small_counts_have_a_bucket_each(count: int) -> None:
    assert APPLICANTS.reaching(count, count) == (APPLICANTS.words(count)[1],)
    assert APPLICANTS.words(count) != APPLICANTS.words(count + 1)
