"""Ctrl-C and SIGTERM end a wait at once, and a write only after it is finished."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from jobstore.cli.interrupts import Interrupts


def ctrl_c(number: signal.Signals = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_step_is_finished_before_the_work_ends(number: signal.Signals) -> None:
    steps = []
    with Interrupts() as interrupts:
        ctrl_c(number)
        steps.append("finished")
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        with pytest.raises(KeyboardInterrupt), interrupts.allowed():
            steps.append("not begun")
    assert steps == ["finished"]


def test_a_wait_ends_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts() as interrupts, interrupts.allowed():
        ctrl_c()


def test_one_that_comes_just_before_a_wait_ends_it_as_well() -> None:
    class Late(Interrupts):
        def check(self) -> None:
            super().check()
            ctrl_c()

    with pytest.raises(KeyboardInterrupt), Late() as interrupts, interrupts.allowed():
        pytest.fail("it waits")


def test_a_second_one_ends_everything() -> None:
    with Interrupts():
        ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()


def test_what_was_there_before_comes_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with Interrupts() as interrupts, interrupts.allowed():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before


def test_other_threads_are_left_alone() -> None:
    seen = []

    def work() -> None:
        before = signal.getsignal(signal.SIGINT)
        with Interrupts() as interrupts, interrupts.allowed():
            seen.append(signal.getsignal(signal.SIGINT) is before)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [True]
