"""Whatever postings say: judging is symmetric, survives how boards write, and needs a text."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobstore.lifecycle.duplicates import Verdict, blocks, features, judge, likely, read
from jobstore.records import JobPosting
from tests.fixtures.openings import OTHER_TASKS, TASKS, opening

_TITLES = [
    "Pump Engineer",
    "Senior Pump Engineer",
    "Baker",
    "Engineer - Lowell",
    "R",
    "数据 工程师",
]
_COMPANIES = ["Northern Waterworks", "northern waterworks inc", "Riverside", "株式会社水道", "AG"]
_PLACES = [
    "Lowell, MA",
    "Lowell, Massachusetts",
    "Boston, MA",
    "Remote",
    "Austin, TX",
    "東京",
    None,
]
_TEXTS = [TASKS, OTHER_TASKS, TASKS + OTHER_TASKS, TASKS.replace("3 years", "5 years"), "", None]

postings = st.builds(
    lambda **given: opening(**given),
    source=st.sampled_from(["linkedin", "indeed", "greenhouse", "own"]),
    title=st.sampled_from(_TITLES) | st.text(min_size=1, max_size=40),
    company=st.sampled_from(_COMPANIES) | st.text(min_size=1, max_size=40),
    location=st.sampled_from(_PLACES) | st.text(min_size=1, max_size=40),
    description=st.sampled_from(_TEXTS) | st.text(max_size=200),
    url=st.sampled_from([None, "https://a.example/job/1", "https://a.example/job/2?utm_medium=x"]),
)


@given(postings, postings)
def test_the_order_of_two_postings_does_not_matter(left: Any, right: Any) -> None:
    assert judge(left, right) == judge(right, left)
    assert likely(left.features, right.features) == likely(right.features, left.features)


@given(postings, postings)
def test_what_is_the_same_is_worth_reading_and_shares_a_key(left: Any, right: Any) -> None:
    if judge(left, right).verdict == Verdict.SAME:
        assert likely(left.features, right.features)
        assert {*blocks(left.features)} & {*blocks(right.features)}


@given(postings, postings)
def test_nothing_is_the_same_by_company_and_title_alone(left: Any, right: Any) -> None:
    if not left.words or not right.words:
        shared = {*left.features.addresses} & {*right.features.addresses}
        assert shared or judge(left, right).verdict != Verdict.SAME


# Texts are made of words that are no words, so that they resemble nothing else.
_words = st.integers(min_value=0, max_value=2**32).map(
    lambda seed: " ".join(
        "".join(random.Random(seed + at).choices("abcdefghijklmnopqrstuvwxyz", k=7))
        for at in range(120)
    )
)
_FOOTERS = [
    "",
    "\nSeniority level\nEntry level\nEmployment type\nFull-time\nJob function\nEngineering",
    "\n\nJob Type: Full-time\n\nSchedule: Monday to Friday\n\nApply now",
    "\nShow more\nShow less",
]


@given(
    text=_words,
    company=st.sampled_from(["Acme", "Nord Wasser", "水道", "Вода", "Ünlü Çelik"]),
    form=st.sampled_from(
        ["{}", "{} GmbH", "{}, Inc.", "{} LLC", "株式会社{}", "ООО {}", "{} S.A."]
    ),
    cased=st.sampled_from([str, str.upper, str.title]),
    space=st.sampled_from([" ", "  ", "\n", "\t", "\u00a0", " \u200b"]),
    footer=st.sampled_from(_FOOTERS),
    tracking=st.sampled_from(["", "?utm_source=x", "?trk=1&refId=2", "?gclid=z#top"]),
)
def test_the_same_posting_on_another_board_stays_the_same(
    text: str, company: str, form: str, cased: Any, space: str, footer: str, tracking: str
) -> None:
    url = "https://jobs.example/1"
    left = opening(description=text, company=company, url=url)
    right = opening(
        source="linkedin",
        source_job_id="9",
        description=text.replace(" ", space) + footer,
        company=cased(form.format(company)),
        title=f"{space}{cased('Pump Engineer')}",
        url=url + tracking,
    )
    assert judge(left, right).verdict == Verdict.SAME
    other = opening(source="linkedin", description=text, company=company, location="Austin, TX")
    assert judge(left, other).verdict == Verdict.DIFFERENT


@given(st.text())
@example("")
@example("مهندس مضخات في محطة المياه " * 40)
@example("浄水場のポンプ技術者を募集しています。" * 40)
@example("👩‍🔧🚰" * 200)
@example("\ud800 half a character")
@example("รับสมัครวิศวกร" * 40)
def test_features_are_made_of_any_text(text: str) -> None:
    found = features(
        JobPosting(
            source="a", source_job_id="1", title=text, company=text, location=text, description=text
        )
    )
    assert len(found.signature) in (0, 64)
    assert blocks(found) == blocks(found)
    assert all(0 <= key < 2**63 for key in blocks(found))


@pytest.mark.parametrize("piece", ["word after word ", "x", "字", "<p>a</p> &amp; ", "Aa1"])
def test_features_are_made_of_a_megabyte(piece: str) -> None:
    text = piece * (2**20 // len(piece))
    left = opening(description=text)
    assert left.features.length > 0
    assert judge(
        left,
        read(
            JobPosting(
                source="b",
                source_job_id="1",
                title="Pump Engineer",
                company="Northern Waterworks",
                description=text,
            )
        ),
    )
