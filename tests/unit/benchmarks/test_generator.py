"""The generated postings: always the same, and like real ones in what an index notices."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import pytest

from benchmarks import generator
from benchmarks.vocabulary import SECTORS, made_up_words
from jobstore.intake.validation import check_posting

SIZE = 3000


@pytest.fixture(scope="module")
def made() -> list[dict[str, object]]:
    return list(generator.postings(SIZE))


def test_the_same_seed_gives_the_same_postings(made):
    assert list(generator.postings(SIZE)) == made


def test_other_numbers_give_other_postings(made):
    others = list(generator.postings(SIZE, first=SIZE))
    keys = {(one["source"], one["source_job_id"]) for one in (*made, *others)}
    assert len(keys) == 2 * SIZE
    assert others[0]["description"] != made[0]["description"]


def test_every_posting_passes_intake(made):
    for posting in made[:500]:
        check_posting(posting)


def test_shares_are_those_that_are_promised(made):
    def share(condition):
        return sum(map(condition, made)) / SIZE

    assert share(lambda one: one["status"] == "open") == pytest.approx(0.6, abs=0.04)
    assert share(lambda one: "salary_min" in one) == pytest.approx(1 / 3, abs=0.04)
    assert share(lambda one: "posted_at" in one) == pytest.approx(0.9, abs=0.03)
    dated = [one["posted_at"] for one in made if "posted_at" in one]
    at_midnight = sum(moment.time().isoformat() == "00:00:00" for moment in dated)
    assert at_midnight / len(dated) == pytest.approx(0.83, abs=0.04)
    assert len({one["source"] for one in made}) == 6


def test_descriptions_have_80_to_600_words(made):
    lengths = [len(one["description"].split()) for one in made]
    assert min(lengths) >= 70
    assert max(lengths) <= 640
    assert sum(lengths) / SIZE == pytest.approx(335, abs=30)


def test_arrivals_are_in_order_over_two_years(made):
    seen = [one["first_seen_at"] for one in made]
    assert seen == sorted(seen)
    assert generator.NOW - seen[0] == generator.SPAN
    assert max(one["last_seen_at"] for one in made) <= generator.NOW


def test_companies_and_locations_are_few_large_and_many_small(made):
    for field in ("company", "location"):
        counted = Counter(one[field] for one in made)
        assert counted.most_common(1)[0][1] > SIZE / 40
        assert sum(amount == 1 for amount in counted.values()) > SIZE / 20


def test_words_of_different_lines_of_work_never_meet(made):
    nurses = [one for one in made if "patient" in one["description"].split()]
    assert nurses
    assert not any("python" in one["description"].lower().split() for one in nurses)
    words = [word.lower() for own in SECTORS.values() for word in own]
    assert len(words) == len(set(words))


def test_fresh_postings_are_as_a_scraper_hands_them_in():
    fresh = list(generator.fresh(200, first=10))
    unknown_to_scrapers = {"status", "first_seen_at", "last_seen_at"}
    assert not any(unknown_to_scrapers & one.keys() for one in fresh)
    assert all(one.get("posted_at", generator.NOW) <= generator.NOW for one in fresh)
    numbered = [one["source_job_id"] for one in islice(generator.postings(300, first=10), 200)]
    assert [one["source_job_id"] for one in fresh] == numbered


def test_zipf_favours_the_first_and_keeps_the_last():
    drawn = Counter(generator.zipf(range(50), 20_000, random.Random(1)))
    assert drawn[0] / drawn[9] == pytest.approx(10, rel=0.3)
    assert len(drawn) == 50
    shifted = Counter(generator.zipf(range(50), 20_000, random.Random(1), 1.5, 200))
    assert shifted[0] / shifted[9] < 1.5


def test_made_up_words_avoid_those_that_are_taken():
    taken = {"and"}
    first = made_up_words(500, random.Random(3), taken)
    second = made_up_words(500, random.Random(3), taken)
    assert len({*first, *second, "and"}) == 1001
    assert taken == {*first, *second, "and"}
