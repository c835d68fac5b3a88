"""Postings that were closed and come back under a new id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobstore.lifecycle.duplicates import Kind, repost
from tests.fixtures.cases import each_case
from tests.fixtures.openings import OTHER_TASKS, TASKS, opening

CLOSED = datetime(2026, 3, 1, tzinfo=UTC)
NEW = {"source": "greenhouse", "source_job_id": "2"}
OLD = {"source": "greenhouse", "source_job_id": "1"}


def after(days: float, **given: Any) -> Any:
    appeared = CLOSED + timedelta(days=days)
    new, old = opening(**{**NEW, **given}), opening(**OLD)
    return repost(new, old, appeared_at=appeared, closed_at=CLOSED)


def test_a_posting_that_comes_back_is_told_with_its_evidence() -> None:
    found = after(12, title="Engineer, Pump", company="Northern Waterworks LLC")
    assert found.away == timedelta(days=12)
    assert {Kind.TEXT, Kind.TITLE, Kind.COMPANY, Kind.PLACE} <= {
        each.kind for each in found.reasons
    }


@pytest.mark.parametrize("days", [-1, 0, 91])
def test_it_appears_after_the_closing_and_within_ninety_days(days: int) -> None:
    assert after(days) is None
    assert after(90) is not None


def test_what_is_open_beside_it_is_a_sibling() -> None:
    new, old = opening(**NEW), opening(**OLD)
    assert repost(new, old, appeared_at=CLOSED, closed_at=None) is None


@each_case(
    "given",
    [
        {"company": "Southern Waterworks"},
        {"title": "Senior Pump Engineer"},
        {"title": "Pump Engineer Wells"},
        {"description": OTHER_TASKS},
        {"description": TASKS + OTHER_TASKS},
        {"description": None},
        {"location": "Austin, TX"},
        {"source": "indeed"},
    ],
)
def test_all_of_it_must_agree_and_aggregators_are_exempt(given: dict[str, Any]) -> None:
    assert after(12, **given) is None


def test_a_script_without_spaces_says_as_much_in_fewer_letters() -> None:
    text = (
        "水道局の揚水機を管理し、十一本の井戸の水位を毎朝確認します。春には浄水池を掃除する小さな班を率い、"
        "秋には夏の水圧や漏水から学んだことを報告書にまとめます。弁の扱いに慣れ、数字に強く、電話で落ち着いて"
        "話せる方を求めています。週に二度は薬品室で在庫を数えます。川と泥と頼れる同僚が好きな方なら、きっと楽しく働けるでしょう。"
    )
    both = {"description": text}
    new, old = opening(**NEW, **both), opening(**OLD, **both)
    appeared = CLOSED + timedelta(days=3)
    assert repost(new, old, appeared_at=appeared, closed_at=CLOSED) is not None


def test_what_is_done_from_anywhere_is_no_repost_of_what_was_in_a_city() -> None:
    assert after(12, location=None, workplace="remote") is None
    assert after(12, location=None) is not None
