"""What two made-up postings are to each other, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from jobstore.intake.fields import MAX_DESCRIPTION
from jobstore.lifecycle.duplicates import Kind, Verdict, blocks, judge, likely, texts
from tests.fixtures.cases import each_case
from tests.fixtures.openings import OTHER_TASKS, TASKS, opening

HERE = {"source": "linkedin", "source_job_id": "2"}


def verdict(left: dict[str, Any], right: dict[str, Any]) -> Verdict:
    return judge(opening(**left), opening(**right)).verdict


@each_case(
    "other",
    [
        {},
        {"company": "Northern Waterworks, Inc."},
        {"title": "pump engineer - Lowell"},
        {"title": "Pump Engineer (m/f/d)"},
        {"location": "Lowell, Massachusetts, United States"},
        {"company": "Riverside Staffing"},
        {"description": TASKS + "Seniority level Associate Employment type Full-time Industries X"},
        {"description": TASKS.replace(". ", ".")},
        {"description": TASKS + OTHER_TASKS},
        {"description": OTHER_TASKS.replace("bakery", "office") + TASKS},
        {"description": TASKS.replace(". ", ".").replace(", ", "").replace(" of ", "of")},
        {"title": "Pump Engineer - Northern Waterworks"},
        {"company": "Northern Waterworks of Lowell", "description": OTHER_TASKS * 3 + TASKS},
    ],
)
def test_boards_write_the_same_opening_otherwise(other: dict[str, Any]) -> None:
    left, right = opening(), opening(**HERE, **other)
    assert judge(left, right).verdict == Verdict.SAME
    assert likely(left.features, right.features)
    assert {*blocks(left.features)} & {*blocks(right.features)}


@pytest.mark.parametrize(
    "other",
    [
        {"location": "Austin, TX"},
        {"description": TASKS.replace("3 years", "8 years")},
        {"description": OTHER_TASKS},
        {"title": "Baker", "description": OTHER_TASKS},
        {"title": "Baker"},
    ],
)
def test_what_is_another_opening(other: dict[str, Any]) -> None:
    assert verdict({}, {**HERE, **other}) != Verdict.SAME
    if "location" in other or "description" in other:
        assert verdict({}, {**HERE, **other}) == Verdict.DIFFERENT


@pytest.mark.parametrize(
    "other",
    [
        {"title": "Senior Pump Engineer"},
        {"location": "Boston, MA"},
        {"location": "Remote"},
        {"description": None},
    ],
)
def test_what_a_person_has_to_look_at(other: dict[str, Any]) -> None:
    found = verdict({}, {**HERE, **other})
    # Another level is another opening of one company, even where the text is the same.
    assert found == (Verdict.DIFFERENT if "title" in other else Verdict.MAYBE)


def test_company_title_and_place_alone_are_never_enough() -> None:
    left, right = opening(description=None), opening(**HERE, description=None)
    found = judge(left, right)
    assert found.verdict == Verdict.MAYBE
    assert [each.sentence for each in found.reasons if each.kind == Kind.TEXT] == [
        "One of them has no text."
    ]


def test_a_short_text_needs_more() -> None:
    short = " ".join(TASKS.split()[:16])
    assert verdict({"description": short}, {**HERE, "description": short}) == Verdict.MAYBE
    some = " ".join(TASKS.split()[:64])
    assert verdict({"description": some}, {**HERE, "description": some}) == Verdict.SAME
    elsewhere = {**HERE, "description": some, "company": "Riverside Staffing"}
    assert verdict({"description": some}, elsewhere) == Verdict.MAYBE


def test_a_board_shows_the_beginning_of_a_text_beside_the_whole() -> None:
    cut = {"description": TASKS[:430] + "a voi\N{HORIZONTAL ELLIPSIS}"}
    whole = {"source": "indeed", "source_job_id": "2", "description": TASKS + 4 * OTHER_TASKS}
    left, right = opening(**cut), opening(**whole)
    assert judge(left, right).verdict == Verdict.SAME
    # So little is in common that the signatures do not tell it.
    assert likely(left.features, right.features)
    parted = {**whole, "description": whole["description"].replace("pumps", "valves and taps")}
    assert verdict(cut, parted) == Verdict.MAYBE


def test_the_beginning_on_another_board_is_enough_under_a_title_of_many_words() -> None:
    cut = {"description": " ".join(TASKS.split()[:52])}
    named = {"title": "Pump and Well Engineer, Northern Catchment Telemetry"}
    assert verdict({**cut, **named}, {**HERE, **named}) == Verdict.SAME
    assert verdict({**cut, **named}, {"source_job_id": "2", **named}) == Verdict.MAYBE
    assert verdict(cut, HERE) == Verdict.MAYBE


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("37,431 per year - estimated", "38,276 per year - estimated"),
        ("45,000 per year", "37,431 per year - estimated"),
        ("45,091 - 53,460 per year", "50,000 per year"),
        ("49,387 to 56,515 per year", "49387 - 56515 per year"),
    ],
)
def test_pay_that_a_board_guesses_or_rounds_tells_nothing(left: str, right: str) -> None:
    one, other = (f"Lowell, {pay}\nPermanent\n{TASKS}" for pay in (left, right))
    assert verdict({"description": one}, {**HERE, "description": other}) == Verdict.SAME


def test_a_source_that_numbers_its_openings_has_two() -> None:
    two = {"source": "greenhouse"}, {"source": "greenhouse", "source_job_id": "2"}
    assert verdict(*two) == Verdict.MAYBE
    assert verdict({"source": "linkedin"}, HERE) == Verdict.SAME


def test_one_address_joins_without_a_text_but_not_two_jobs() -> None:
    url = "https://jobs.example/pumps/17"
    left = {"description": None, "apply_url": f"{url}?utm_source=a"}
    right = {**HERE, "description": None, "url": f"{url}?trk=b"}
    assert verdict(left, right) == Verdict.SAME
    assert verdict(left, {**right, "title": "Baker"}) == Verdict.DIFFERENT
    assert verdict(left, {**right, "location": None}) == Verdict.MAYBE
    # An employer may have one form for all its openings.
    own = {"source": "greenhouse"}
    assert verdict({**left, **own}, {**right, **own}) == Verdict.MAYBE
    assert likely(opening(**left).features, opening(**right).features)


@each_case(
    "titles",
    [
        ("Nurse Night Shift", "Nurse Day Shift"),
        ("Software Engineer, Payments", "Software Engineer, Platform"),
        ("Java Developer", "JavaScript Developer"),
        ("Inbound Pump Engineer", "Outbound Pump Engineer"),
        ("Pump Engineer Full Time", "Pump Engineer Part Time"),
        ("Pump Engineer Remote", "Pump Engineer Onsite"),
        ("Pump Engineer", "Pump Engineer - Payments"),
        ("Pump Engineer (6 months)", "Pump Engineer (12 months)"),
    ],
)
def test_titles_that_name_another_shift_team_or_kind_are_not_the_same(
    titles: tuple[str, str],
) -> None:
    left, right = titles
    assert verdict({"title": left}, {**HERE, "title": right}) != Verdict.SAME


def test_salaries_that_contradict_each_other_are_for_a_person() -> None:
    def paid(low: int, high: int) -> dict[str, Any]:
        return {
            "salary_min": Decimal(low),
            "salary_max": Decimal(high),
            "salary_currency": "USD",
            "salary_period": "year",
        }

    assert verdict(paid(60_000, 80_000), {**HERE, **paid(70_000, 90_000)}) == Verdict.SAME
    assert verdict(paid(60_000, 80_000), {**HERE, **paid(120_000, 150_000)}) == Verdict.MAYBE
    # An amount in thousands that lost its thousands says nothing.
    assert verdict(paid(60, 80), {**HERE, **paid(120_000, 150_000)}) == Verdict.SAME


def test_reasons_say_what_was_found() -> None:
    found = judge(opening(), opening(**HERE, location="Austin, TX"))
    reasons = {each.kind: each for each in found.reasons}
    assert reasons[Kind.PLACE].speaks_for is False
    assert reasons[Kind.TEXT].speaks_for is True
    assert reasons[Kind.TEXT].figures["contained"] == 1
    assert reasons[Kind.COMPANY].sentence == "The company is the same."
    assert Kind.ADDRESS not in reasons
    assert all(each.sentence.endswith(".") for each in found.reasons)


def test_postings_of_other_places_or_texts_are_not_worth_reading() -> None:
    left = opening().features
    assert not likely(left, opening(**HERE, location="Austin, TX").features)
    assert not likely(left, opening(**HERE, description=OTHER_TASKS).features)
    assert not likely(left, opening(**HERE, description=None, title="Baker").features)


def test_as_much_of_a_text_is_read_as_intake_takes() -> None:
    assert texts.LONGEST == MAX_DESCRIPTION


def test_another_team_is_another_opening() -> None:
    left, right = (TASKS + f"You join the {name} team." for name in ("harbour", "spring water"))
    assert verdict({"description": left}, {**HERE, "description": right}) == Verdict.DIFFERENT
    assert verdict({"description": left}, {**HERE, "description": left}) == Verdict.SAME


def test_a_team_that_both_texts_name_may_be_missing_in_one_title() -> None:
    named = TASKS + "You join our BlueSprings programme."
    one = {"title": "Pump Engineer - BlueSprings", "description": named}
    assert verdict(one, {**HERE, "description": named}) == Verdict.SAME
    assert verdict({**one, "description": TASKS}, HERE) == Verdict.MAYBE


@pytest.mark.parametrize(
    "lines",
    [
        ("Department: harbours", "Department: springs"),
        ("You work the night shift.", "You work the day shift."),
        ("This is a contract of 6 months.", "This is a contract of 12 months."),
        ("We pay 60,000 a year.", "We pay 85,000 a year."),
    ],
)
def test_one_line_of_a_template_may_name_another_opening(lines: tuple[str, str]) -> None:
    left, right = (f"{TASKS}\n{line}\nWe look forward to you." for line in lines)
    assert verdict({"description": left}, {**HERE, "description": right}) == Verdict.DIFFERENT
    others = (f"{TASKS} We have {number},000 employees in all." for number in (34, 35))
    left, right = others
    assert verdict({"description": left}, {**HERE, "description": right}) == Verdict.SAME


@pytest.mark.parametrize(
    "titles",
    [
        ("Pumpenwart (m/w/d)", "Pumpenwart:in (gn)"),
        ("Ingénieur pompes H/F", "Ingénieur des pompes (F/H)"),
        ("Pump Engineer (6 months)", "Pump Engineer"),
        ("Pump BI Eng", "Pump Business Intelligence Engineer"),
        ("Pump AI Engineer", "Pump Artificial Intelligence Engineer"),
        ("Pump Engineer (UK&I)", "Pump Engineer"),
    ],
)
def test_languages_and_short_forms_name_one_job(titles: tuple[str, str]) -> None:
    left, right = titles
    assert verdict({"title": left}, {**HERE, "title": right}) == Verdict.SAME


def test_a_text_that_was_read_in_the_wrong_encoding_is_the_same() -> None:
    text = TASKS.replace("pumps", "größten Pümpen").replace("would", "möchte")
    broken = text.encode().decode("cp1252", "replace")
    assert verdict({"description": text}, {**HERE, "description": broken}) == Verdict.SAME


def test_remote_openings_are_one_and_near_cities_of_one_board_are_two() -> None:
    assert verdict({"location": "Remote"}, {**HERE, "location": "Remote - USA"}) == Verdict.SAME
    assert verdict({"location": None, "workplace": "remote"}, {**HERE, "location": "Remote"}) == (
        Verdict.SAME
    )
    near = {"location": "Boston, MA", "source_job_id": "2"}
    assert verdict({}, near) == Verdict.DIFFERENT
    assert verdict({}, {**near, "source": "linkedin"}) == Verdict.MAYBE
