"""When a task is due, by what was settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from jobstore.operations.schedule import state
from jobstore.operations.schedule.state import State
from jobstore.operations.times import DAY, Rhythm

MINUTE, HOUR, DAYS = 60.0, 3600.0, 86_400.0
DAILY = Rhythm.of(DAY, "02:30", UTC)
HOURLY = Rhythm.of(timedelta(hours=1), "02:30", UTC)
SLOT = datetime(2026, 3, 2, 2, 30, tzinfo=UTC).timestamp()


def run(kept: State, rhythm: Rhythm, now: float, outcome: str = "done") -> State | None:
    """Do the task if it is due, and return what is remembered then."""
    kept = kept.mended(rhythm, now)
    slot = kept.due(rhythm, now)
    if slot is None:
        return None
    begun = kept.begun(slot, now)
    return begun if outcome == "killed" else begun.ended(outcome, "", now, again=outcome != "done")


def done(at: float) -> State:
    found = run(State("backup"), DAILY, at)
    assert found is not None
    return found


def test_what_never_ran_is_due_at_once_and_then_at_its_time() -> None:
    kept = done(SLOT - 5 * HOUR)
    assert run(kept, DAILY, SLOT - 1) is None
    assert kept.next_due(DAILY, SLOT - 1) == SLOT
    assert run(kept, DAILY, SLOT) is not None
    assert State("backup").next_due(DAILY, SLOT - 1) == SLOT - 1


@given(st.lists(st.floats(1, 9 * DAYS), max_size=60))
def test_missed_times_are_caught_up_once(steps: list[float]) -> None:
    now, kept, days = SLOT, State("backup"), set()
    for step in steps:
        now += step
        found = run(kept, DAILY, now)
        day = (now - SLOT) // DAYS
        # Once on each day that is looked at all, whatever was missed.
        assert (found is not None) == (day not in days)
        kept = found or kept
        days.add(day)


def test_a_clock_that_is_set_back_a_little_does_nothing_twice() -> None:
    kept = done(SLOT + MINUTE)
    for ago in (2 * MINUTE, 1.0, -2 * MINUTE):
        assert run(kept, DAILY, SLOT - ago) is None
    assert kept.next_due(DAILY, SLOT - 2 * MINUTE) == SLOT + DAYS
    assert run(kept, DAILY, SLOT + DAYS) is not None


@given(st.floats(0.6 * DAYS, 20_000 * DAYS))
def test_a_clock_that_was_far_ahead_does_not_stop_it_for_ever(ahead: float) -> None:
    kept = done(SLOT + 3 * HOUR + ahead)
    now = SLOT + 3 * HOUR
    assert run(kept, DAILY, now) is None
    kept = kept.mended(DAILY, now)
    assert kept.next_due(DAILY, now) == SLOT + DAYS
    assert run(kept, DAILY, SLOT + DAYS) is not None


@given(st.lists(st.floats(-3 * DAYS, 3 * DAYS), max_size=40))
def test_a_clock_that_jumps_about_never_stops_it(jumps: list[float]) -> None:
    now, kept = SLOT, done(SLOT)
    for jump in jumps:
        now += jump
        kept = run(kept, DAILY, now) or kept.mended(DAILY, now)
        assert now <= kept.next_due(DAILY, now) <= now + 1.5 * DAYS


def test_what_failed_is_tried_again_after_pauses_that_grow() -> None:
    kept, now, pauses = State("backup"), SLOT, []
    while now < SLOT + DAYS:
        kept = run(kept, DAILY, now, "failed") or kept
        following = kept.next_due(DAILY, now)
        pauses.append((following - now) / MINUTE)
        assert run(kept, DAILY, following - 1) is None
        now = following
    # The last ends with the day's time, at which it is due anyway.
    assert pauses[:-1] == [5, 10, 20, 40, 80, 160, 320, 640]
    kept = run(kept, DAILY, now) or kept
    assert (kept.failures, kept.next_due(DAILY, now)) == (0, SLOT + 2 * DAYS)


def test_a_pause_ends_when_the_next_time_comes() -> None:
    kept, now = State("health"), SLOT
    for _ in range(4):
        kept = run(kept, HOURLY, now, "failed") or kept
        now = kept.next_due(HOURLY, now)
    # The fourth pause would be of 40 minutes, after 35.
    assert kept.next_due(HOURLY, SLOT + 50 * MINUTE) == SLOT + HOUR
    assert run(kept, HOURLY, SLOT + HOUR) is not None


def test_what_was_killed_is_tried_again_at_once_and_then_after_pauses() -> None:
    kept = run(State("backup"), DAILY, SLOT, "killed")
    assert kept is not None
    assert kept.outcome == "running"
    kept = run(kept, DAILY, SLOT + 1, "killed")
    assert kept is not None
    assert run(kept, DAILY, SLOT + 2) is None
    assert run(kept, DAILY, SLOT + 302) is not None


def test_a_pause_that_a_fast_clock_began_is_not_waited_for() -> None:
    kept = State("backup", slot=int(SLOT - DAYS), tried=int(SLOT), failures=1)
    kept = run(kept, DAILY, SLOT, "failed") or kept
    ahead = replace(kept, retry_at=SLOT + 9 * DAYS)
    assert run(ahead, DAILY, SLOT + HOUR) is not None


def test_states_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "jobs.ops" / "operations.db"
    assert state.read(path) == {}
    kept = [done(SLOT), State("restore-test", detail="never")]
    state.write(path, kept)
    assert state.read(path) == {each.name: each for each in kept}
