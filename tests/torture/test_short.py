"""A short form of `make torture`: fixed rounds of its campaigns, which have to lose nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.torture.__main__ import CAMPAIGNS
from tests.torture.acknowledged import ABSENT, Log, compare, read_log, stored
from tests.torture.campaigns.comparison import compare_to_model
from tests.torture.campaigns.faulty_calls import kill, place_in
from tests.torture.campaigns.flips import flip
from tests.torture.commands import CASES
from tests.torture.rounds import Campaign, CannotRun, Outcome, Round, run_round
from tests.torture.table import Tally, table

# Rounds fork, and nothing else runs here then.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
SEED = "short"
_SHORTER = {
    "comparison": partial(compare_to_model, queries=8),
    "flips": partial(flip, flips=6),
}


def came_of(campaign: Campaign, number: int) -> Outcome:
    """Run a round; skips where the machine lacks what it needs."""
    try:
        return run_round(campaign, SEED, number)
    except CannotRun as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_a_command_that_is_killed_loses_nothing_and_can_be_repeated(number: int) -> None:
    outcome = came_of(Campaign("kills", kill), number)
    assert outcome.notes == []
    assert outcome.acknowledged


@pytest.mark.parametrize(
    ("campaign", "number"),
    [
        # Every case is killed above; of those who hold the lock, one is killed and one goes on.
        *((each, 0) for each in CAMPAIGNS if each.name != "kills"),
        *((each, 1) for each in CAMPAIGNS if each.name == "lock-holders"),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_nothing_is_lost_but_where_it_has_to_be(campaign: Campaign, number: int) -> None:
    outcome = came_of(replace(campaign, run=_SHORTER.get(campaign.name, campaign.run)), number)
    if campaign.must_lose:
        assert outcome.lost
    else:
        assert outcome.notes == []
        assert outcome.acknowledged


# The harness itself: that it sees what it is there for.


def loses(round: Round) -> Outcome:
    place = place_in(round)
    log = Log(place.beside / "log")
    place.load({"a": 2, "b": 1, "c": 1, "d-twin": 1, "e": 1})
    for editions in ({"a": 3}, {"b": 1}, {"e": 1}):
        log.tried(editions)
        log.done(editions)
    log.tried({"e": ABSENT})
    log.close()
    with closing(sqlite3.connect(place.store)) as conn:
        conn.execute("UPDATE posting SET workplace = 'onsite' WHERE source_job_id = 'b'")
        conn.commit()
    outcome = Outcome()
    told = read_log(place.beside / "log")
    told.last["c"] = 1
    compare(place.store, told, outcome)
    return outcome


def test_a_write_that_is_missing_or_half_there_is_told() -> None:
    outcome = run_round(Campaign("loses", loses), SEED, 0)
    assert outcome.notes == [
        "wrong: b is half of edition 1",
        "lost: a is edition 2, and not one of [3]",
        "wrong: d-twin is edition 1, and not one of [0]",
        "wrong: d-twin was stored without its twin",
    ]
    assert (outcome.lost, outcome.wrong) == (1, 3)


def hangs(round: Round) -> Outcome:
    while True:
        pass


def fails(round: Round) -> Outcome:
    raise ZeroDivisionError(round.choices.random())


def test_a_round_that_hangs_or_fails_is_told_and_fails_alike_when_it_is_repeated() -> None:
    hung = run_round(Campaign("hangs", hangs), SEED, 0, patience=1)
    assert (hung.hung, hung.failed) == (1, True)
    first, again = (run_round(Campaign("fails", fails), SEED, 0) for _ in range(2))
    assert first == again
    assert first.untyped == 1


def test_what_stands_behind_a_power_cut_or_is_torn_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b'["done", {"a": 1}]\ncut\n["done", {"a": 2}]\n')
    (tmp_path / "torn").write_bytes(b'["tried", {"b": 1}]\n["done", {"b"')
    told = read_log(tmp_path / "log", tmp_path / "torn")
    assert told.last == {"a": 1}
    assert told.allowed("b") == {ABSENT, 1}
    assert stored({"a": 1}).allowed("a") == {1}


def test_a_table_says_what_was_not_run_and_a_control_has_to_lose() -> None:
    fine = Tally(Campaign("fine", loses), rounds=2, outcome=Outcome(acknowledged=1234))
    blind = Tally(Campaign("blind", loses, must_lose=True), rounds=1)
    absent = Tally(Campaign("absent", loses), cannot="there is no C compiler (cc)")
    late = Tally(Campaign("late", loses))
    assert table([late]).splitlines()[-1].endswith("| there was no time for it |")
    assert [fine.failed, blind.failed, absent.failed] == [False, True, False]
    assert table([fine, blind, absent]).splitlines() == [
        "| campaign |  rounds | acknowledged | lost | wrong | hung | untyped |"
        "                             |",
        "| -------- | ------- | ------------ | ---- | ----- | ---- | ------- |"
        " --------------------------- |",
        "| fine     |       2 |        1,234 |    0 |     0 |    0 |       0 |"
        "                             |",
        "| blind    |       1 |            0 |    0 |     0 |    0 |       0 |"
        " must lose, and did not      |",
        "| absent   | not run |              |      |       |      |         |"
        " there is no C compiler (cc) |",
    ]
