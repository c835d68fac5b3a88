"""Rows of one file that share a key under different titles."""

from __future__ import annotations

from typing import Any

import pytest

from jobstore.exchange.clashes import SeenKeys
from jobstore.exchange.self_mapping import self_mapping

PAGE = "https://acme.example/team/us"


def row(title: str, key: str = PAGE, **more: Any) -> dict[str, Any]:
    return {"source": "acme.example", "source_job_id": key, "title": title, "url": PAGE, **more}


def test_postings_that_share_nothing_but_an_address_are_kept_apart() -> None:
    seen = SeenKeys()
    stored = [seen.check(line, row(f"Job {line}")) for line in range(1, 12)]
    assert len({posting["source_job_id"] for posting, _ in stored}) == 11
    assert stored[0] == (row("Job 1"), None)
    clash = stored[6][1]
    assert clash is not None
    assert (clash.line, clash.first_line, clash.separated) == (7, 1, True)
    assert str(clash) == (
        "the same key as line 1, with another title: Job 7; stored as a posting of its own"
    )
    again = SeenKeys()
    assert [again.check(line, row(f"Job {line}")) for line in range(1, 12)] == stored


def test_rows_with_one_address_fare_alike_in_whatever_order_they_come() -> None:
    rows = [row(f"Job {number}") for number in range(3)]
    keys = []
    for given in (rows, rows[::-1], rows[1:]):
        seen = SeenKeys()
        seen.look_ahead(given)
        checked = [seen.check(line, posting) for line, posting in enumerate(given, 1)]
        assert [clash is None for _, clash in checked] == [True] + [False] * (len(given) - 1)
        keys.append({posting["title"]: posting["source_job_id"] for posting, _ in checked})
    assert keys[0] == keys[1]
    assert keys[2].items() <= keys[0].items()
    assert len({PAGE, *keys[0].values()}) == 4


def test_looking_ahead_leaves_what_is_alone_or_has_an_id_of_its_own() -> None:
    rows = [row("A"), row("A"), row("B", "17"), row("C", "17"), {"title": "T"}]
    seen = SeenKeys()
    seen.look_ahead(rows)
    assert [seen.check(None, posting)[0] for posting in rows] == rows


def test_the_same_title_is_the_same_posting() -> None:
    seen = SeenKeys()
    for line, title in enumerate(["Data Engineer", "data  engineer", "Data Engineer "], 1):
        assert seen.check(line, row(title)) == (row(title), None)


def test_an_id_of_the_boards_own_is_only_reported() -> None:
    seen = SeenKeys()
    assert seen.check(2, row("A", "17"))[1] is None
    posting, clash = seen.check(9, row("B", "17"))
    assert posting == row("B", "17")
    assert str(clash) == "the same key as line 2, with another title: B"


def test_rows_with_ids_of_their_own_are_kept_apart_though_their_address_is_one() -> None:
    seen = SeenKeys()
    found = self_mapping([{"title": 1, "url": 1, "id": 1}])
    assert found is not None
    address = "https://job-boards.greenhouse.io/acme/jobs/8011163"
    rows = [("a1b2c3", "Director"), ("d4e5f6", "Senior Director"), ("gh-8011163", "Boss")]
    stored: list[Any] = [
        seen.check(line, found.translate({"id": own, "title": title, "url": address}))
        for line, (own, title) in enumerate(rows, 1)
    ]
    assert [posting["source_job_id"] for posting, _ in stored] == [
        "8011163",
        "8011163#d4e5f6",
        "8011163",  # its own id is the address's, with a prefix
    ]
    assert [clash is not None and clash.separated for _, clash in stored] == [False, True, False]
    assert stored[1][0].origin("title") == ("title", "Senior Director")


@pytest.mark.parametrize(
    "posting", [{}, {"title": 1, "source": "x", "source_job_id": "1"}, {"title": "T"}]
)
def test_what_has_no_key_passes(posting: dict[str, Any]) -> None:
    seen = SeenKeys()
    for _ in range(2):
        assert seen.check(None, posting) == (posting, None)


def test_many_rows_are_remembered_in_bounded_memory() -> None:
    seen = SeenKeys()
    for number in range(5_000):
        assert seen.check(number, row("T", str(number)))[1] is None
    for number in range(5_000):
        assert seen.check(number, row("U", str(number)))[1] is not None
