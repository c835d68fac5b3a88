"""Pairs of one long text, whose postings differ in one thing only, or in nothing that tells."""

from __future__ import annotations

from typing import Any

import pytest

from jobstore.lifecycle.duplicates import Judgement, Kind, Verdict, judge
from jobstore.lifecycle.duplicates.cities import city_name
from jobstore.lifecycle.duplicates.vocabulary import CITY_NAMES
from jobstore.search.words import words
from tests.fixtures.openings import OTHER_TASKS, TASKS, opening

HERE = {"source": "linkedin", "source_job_id": "2"}


def judged(left: dict[str, Any], right: dict[str, Any]) -> Judgement:
    long = {"source": "lever", "description": TASKS + OTHER_TASKS}
    return judge(opening(**long | left), opening(**long | HERE | right))


def said(sentence: str) -> list[dict[str, Any]]:
    """Return the text with a sentence in its midst, and at its end."""
    texts = (f"{TASKS}\n{sentence}\n{OTHER_TASKS}", f"{TASKS}{OTHER_TASKS}\n{sentence}")
    return [{"description": text} for text in texts]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("You speak German as your mother tongue.", "You speak French as your mother tongue."),
        ("You work 20 hours a week.", "You work 40 hours a week."),
        ("You work nights.", "You work days."),
        ("At least three years of practice.", "At least eight years of practice."),
        ("We pay EUR 3,200 a month.", "We pay EUR 4,100 a month."),
        ("We pay £14.50 per hour.", "We pay £11.20 per hour."),
        ("This is a maternity cover until June.", "This is a permanent post."),
        ("You begin on 1 March.", "You begin on 1 September."),
        ("This is a band 5 post.", "This is a band 6 post."),
        ("Vergütung nach E13.", "Vergütung nach E9."),
        ("You work on ward 5.", "You work on ward 7."),
        ("You stand in our shop in King Street.", "You stand in our shop in Market Square."),
        ("Our client, a bank, is waiting.", "Our client, an insurer, is waiting."),
        ("You will join Search.", "You will join Ads."),
        ("خبرة ٥ سنوات", "خبرة ٩ سنوات"),
        ("夜勤の仕事です", "日勤の仕事です"),
        ("You sell to Austria.", "You sell to Australia."),
        ("On Tuesday evenings.", "On Thursday evenings."),
        ("Of our team in Leeds, 80%.", "Of our team in Leeds, 60%."),
        ("This is tier 1 support.", "This is tier 2 support."),
    ],
)
def test_one_other_name_or_number_in_the_text_is_never_the_same(left: str, right: str) -> None:
    for one, other in zip(said(left), said(right), strict=True):
        found = judged(one, other)
        assert found.verdict != Verdict.SAME
        assert found.reasons[0].kind == Kind.CHANGE
        assert found.reasons[0].speaks_for is False


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Apply on our website!", ""),
        ("Posted 3 days ago", "Posted 5 days ago"),
        ("Contact: jobs@acme.example.com", "Contact: hr@acme.example.com"),
        ("Our organisation is modelling", "Our organization is modeling"),
        ("Requirements:", "Qualifications:"),
        ("Skilled in MS Word.", "Skilled in Microsoft Word."),
        ("What you'll do", "What you will do"),
        ("We pay 60,000 a year.", "We pay 60000 per annum."),
        ("We serve 28 million people.", "We serve 30 million people."),
        ("Serving the SMEs of the town.", "Serving the SMErsquos of the town."),
    ],
)
def test_what_boards_write_otherwise_is_the_same(left: str, right: str) -> None:
    for one, other in zip(said(left), said(right), strict=True):
        assert judged(one, other).verdict == Verdict.SAME


@pytest.mark.parametrize(
    ("left", "right", "decided"),
    [
        (
            {"workplace": "remote", "location": "Austin, TX"},
            {"workplace": "onsite", "location": "Austin, TX"},
            "They differ: on site against remote.",
        ),
        (
            {"location": "Austin, TX (Remote)"},
            {"workplace": "onsite", "location": "Austin, TX"},
            "They differ: on site against remote.",
        ),
        (
            {"employment_type": "internship"},
            {"employment_type": "full_time"},
            "They differ: full time against internship.",
        ),
        (
            {"employment_type": "contract"},
            {"employment_type": "full_time"},
            "They differ: contract against full time.",
        ),
        (
            {"title": "Pump Engineer, part time"},
            {"employment_type": "full_time"},
            "They differ: full time against part time.",
        ),
        (
            {"experience_level": "entry"},
            {"experience_level": "director"},
            "They differ: stated levels that are far apart.",
        ),
        (
            {"title": "Graduate Programme 2026"},
            {"title": "Graduate Programme 2027"},
            "They differ: 2026 against 2027.",
        ),
        ({"location": "London"}, {"location": "London, ON"}, "The places cannot be compared."),
    ],
)
def test_other_stated_facts_leave_it_to_a_person(
    left: dict[str, Any], right: dict[str, Any], decided: str
) -> None:
    found = judged(left, right)
    assert found.verdict == Verdict.MAYBE
    assert found.reasons[0].sentence == decided


def test_the_first_reason_decided() -> None:
    assert judged({}, {}).reasons[0].kind == Kind.TEXT
    assert judged({}, {"location": "Austin, TX"}).reasons[0].kind == Kind.PLACE
    short = {"description": TASKS[:150]}
    assert judged(short, short).reasons[0].sentence == "The text is too short to tell."
    # A board that guesses says nothing.
    guess = {"source": "adzuna", "employment_type": "contract"}
    assert judged(guess, {"employment_type": "full_time"}).verdict == Verdict.SAME
    # The first word of another company's name, unless the text is long.
    delta = {"company": "Delta", "description": TASKS}
    assert judged(delta, {**delta, "company": "Delta Dental"}).verdict == Verdict.MAYBE
    assert judged(delta, {**delta, "company": "Delta Technologies, Inc."}).verdict == Verdict.SAME


def test_salaries_go_together_where_they_meet() -> None:
    def salaries(low: int, high: int) -> list[str]:
        paid = {"salary_currency": "USD", "salary_period": "year"}
        left = {**paid, "salary_min": 60_000, "salary_max": 80_000}
        found = judged(left, {**paid, "salary_min": low, "salary_max": high})
        return [each.sentence for each in found.reasons if each.kind == Kind.SALARY]

    assert salaries(70_000, 90_000) == ["The salaries go together."]
    assert salaries(85_000, 90_000) == []
    assert salaries(120_000, 150_000) == ["The salaries contradict each other."]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Leiter Einkauf (m/w/d)", "Leitung Einkauf"),
        ("Verkäufer/in", "Verkäuferin"),
        ("Verkäufer / Verkäuferin", "Verkäufer (m/w/d)"),
        ("Verkäufer*innen", "Verkäufer"),
        ("Développeur(se)", "Développeur"),
        ("Développeuse", "Développeur H/F"),
        ("Infirmier/ère", "Infirmière"),
        ("Ingénieur·e logiciel", "Ingénieur logiciel"),
    ],
)
def test_titles_of_women_and_men_name_one_job(left: str, right: str) -> None:
    assert judged({"title": left}, {"title": right}).verdict == Verdict.SAME


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("Київ", "Kiev, Ukraine", "same"),
        ("東京都", "Tokyo, Japan", "same"),
        ("上海市", "Shanghai, China", "same"),
        ("서울특별시", "Seoul", "same"),
        ("الرياض", "Riyadh, Saudi Arabia", "same"),
        ("Αθήνα", "Athens, Greece", "same"),
        ("Den Haag", "'s-Gravenhage", "same"),
        ("東京都", "大阪市", "different"),
        ("Москва", "Kyiv", "different"),
        # Who knows no city by that name cannot say that it is another one.
        ("名古屋市", "Nagoya, Aichi, Japan", "maybe"),
        ("Казань", "Kazan, Russia", "maybe"),
        ("Казань", "Kazan, Turkey", "maybe"),
    ],
)
def test_cities_in_other_languages(left: str, right: str, verdict: str) -> None:
    assert judged({"location": left}, {"location": right}).verdict == verdict


def test_names_of_cities_are_in_the_form_in_which_they_are_compared() -> None:
    assert [name for name in CITY_NAMES if " ".join(words(name)) != name] == []
    assert city_name("moskau") == "moscow"
    assert city_name("springfield") == "springfield"


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.example/jobs/17-pump-engineer",
        "https://www.acme.example/jobs/17-pump-engineer",
        "https://acme.example:443/jobs/17-pump-engineer/",
        "HTTPS://ACME.example/jobs/17-pump-engineer?utm_source=a&gclid=b",
    ],
)
def test_an_address_is_compared_without_what_does_not_tell(url: str) -> None:
    left = {"url": "https://acme.example/jobs/17-pump-engineer", "description": None}
    found = judged(left, {"url": url, "description": None})
    assert found.verdict == Verdict.SAME
    assert found.reasons[0].kind == Kind.ADDRESS


def test_a_host_is_compared_in_the_letters_of_its_script() -> None:
    left, right = ("https://bücher.example/a/17", "https://xn--bcher-kva.example/a/17")
    both = ({"url": url, "description": None} for url in (left, right))
    assert judged(*both).verdict == Verdict.SAME
    other = {"url": f"{left}8", "description": None}
    assert judged({"url": left, "description": None}, other).verdict == Verdict.MAYBE
