"""Running checks: each has its time, none holds up another, and what is wrong is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from jobstore import StoreBusy
from jobstore.checks import Check, Probe, Verdict, run
from jobstore.threads import apart, apart_once, loop_apart, within

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHORT, LONG = 0.05, 60.0


@pytest.fixture
def blocked() -> Iterator[Callable[[], None]]:
    """Something that blocks until the test has ended."""
    let_go = threading.Event()
    yield lambda: let_go.wait(LONG) and None
    let_go.set()


def probe(name: str, look: Callable[[], Any], **more: Any) -> Probe:
    return Probe(name, look, **more)


def well(value: int = 1) -> Check:
    return Check(Verdict.PASS, value)


async def good() -> Check:
    return well()


def raising(error: BaseException) -> Callable[[], Any]:
    async def look() -> Check:
        raise error

    return look


async def test_what_was_seen_is_in_the_check() -> None:
    async def look() -> Check:
        return Check(Verdict.WARN, 7, "MiB", "is above 5 MiB")

    (check,) = await run([probe("wal:size", look, kind="system")], LONG, lambda: AT)
    assert (check.name, check.kind, check.verdict) == ("wal:size", "system", "warn")
    assert (check.observed, check.unit, check.output) == (7, "MiB", "is above 5 MiB")
    assert check.time == AT


async def test_a_thread_that_blocks_fails_its_own_check_alone(
    blocked: Callable[[], None],
) -> None:
    async def deaf() -> Check:
        while True:
            try:
                await asyncio.sleep(LONG)
            except asyncio.CancelledError:
                # Whoever does not mind being cancelled is left behind all the same.
                await asyncio.sleep(0.01)
                return well()

    probes = [
        probe("a:a", good),
        probe("b:blocked", lambda: apart(blocked)),
        probe("c:c", good, alone=True),
        probe("d:deaf", deaf),
        probe("e:e", good),
    ]
    found = await run(probes, SHORT, lambda: AT)
    assert [each.name for each in found] == [each.name for each in probes]
    assert [each.verdict for each in found] == ["pass", "fail", "pass", "fail", "pass"]
    assert "There was no answer within 0.05 seconds" in found[1].output
    # Nothing is left that would complain of not being asked.
    await asyncio.sleep(0.03)


async def test_those_that_measure_run_alone() -> None:
    running: list[str] = []
    seen: list[tuple[str, ...]] = []

    def look(name: str) -> Callable[[], Any]:
        async def looking() -> Check:
            running.append(name)
            await asyncio.sleep(0)
            seen.append(tuple(running))
            await asyncio.sleep(0)
            running.remove(name)
            return well()

        return looking

    probes = [
        probe("together:1", look("1")),
        probe("alone:2", look("2"), alone=True),
        probe("together:3", look("3")),
        probe("alone:4", look("4"), alone=True),
    ]
    await run(probes, LONG, lambda: AT)
    assert seen == [("2",), ("4",), ("1", "3"), ("1", "3")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreBusy("Others write."), "Others write."),
        (PermissionError(13, "Permission denied", "/srv/secret/jobs.db"),
         "Permission denied (PermissionError)"),
        (OSError("hunter2"), "the system refused it (OSError)"),
        (ValueError("hunter2"), "unexpected ValueError"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_without_values(error: Exception, told: str) -> None:
    (check,) = await run([probe("a:a", raising(error))], LONG, lambda: AT)
    assert (check.verdict, check.output) == ("fail", told)


async def test_whoever_is_cancelled_cancels_its_checks() -> None:
    cancelled = asyncio.Event()

    async def look() -> Check:
        try:
            await asyncio.sleep(LONG)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return well()

    running = asyncio.create_task(run([probe("a:a", look)], LONG, lambda: AT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.wait_for(cancelled.wait(), LONG)


async def test_a_thread_apart_gives_its_result_or_its_error() -> None:
    assert await apart(divmod, 7, 4) == (1, 3)
    with pytest.raises(ZeroDivisionError):
        await apart(divmod, 1, 0)


async def test_what_still_hangs_is_not_begun_again() -> None:
    may_end, begun = threading.Event(), []

    def hangs() -> None:
        begun.append(threading.current_thread())
        may_end.wait(LONG)

    assert await apart_once("a", lambda: 1) == within(LONG, "a", lambda: 1) == 1
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(apart_once("a", hangs), 0.01)
    for _ in range(2):
        with pytest.raises(TimeoutError, match="since an earlier look"):
            await apart_once("a", hangs)
        with pytest.raises(TimeoutError, match="since an earlier look"):
            within(LONG, "a", hangs)
    with pytest.raises(TimeoutError):
        within(0.01, "b", hangs)
    assert len(begun) == 2
    may_end.set()
    for thread in begun:
        thread.join(LONG)
    assert within(LONG, "a", lambda: 2) == await apart_once("b", lambda: 2) == 2


@pytest.mark.parametrize("error", [None, ValueError("late")])
async def test_a_late_answer_is_dropped(error: Exception | None) -> None:
    may_end, ended = threading.Event(), threading.Event()

    def late() -> None:
        may_end.wait(LONG)
        ended.set()
        if error is not None:
            raise error

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(apart(late), 0.01)
    may_end.set()
    assert ended.wait(LONG)
    await asyncio.sleep(0.01)


def test_a_loop_apart_gives_its_result_its_error_or_up() -> None:
    may_end = threading.Event()

    async def hangs() -> None:
        await asyncio.to_thread(may_end.wait, LONG)

    assert loop_apart(good, LONG) == well()
    with pytest.raises(ZeroDivisionError):
        loop_apart(raising(ZeroDivisionError()), LONG)
    with pytest.raises(TimeoutError):
        loop_apart(hangs, 0.01)
    may_end.set()
