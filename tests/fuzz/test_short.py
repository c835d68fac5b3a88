"""A short form of `make fuzz`: the first inputs of a seed, of every target."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fuzz.__main__ import table
from tests.fuzz.running import Limit, run
from tests.fuzz.targets import TARGETS, Target, opened

# An input is taken in a fork, and nothing else runs here then.
pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_whatever_is_handed_in_gives_a_result_or_an_error_of_its_own(target: str) -> None:
    assert run(target, "short", Limit(inputs=150)) == (150, [])


def test_every_target_has_its_name(tmp_path: Path) -> None:
    with opened(tmp_path) as targets:
        assert tuple(targets) == TARGETS


def _die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _spin(_: object) -> None:
    while True:
        pass


def _fail(_: object) -> None:
    raise ZeroDivisionError("by zero")


BAD = {"dies": _die, "spins": _spin, "fails": _fail, "grows": lambda _: bytes(2**33)}


@contextmanager
def bad(folder: Path) -> Iterator[Mapping[str, Target]]:
    """Targets that take every third input badly."""

    def taken(how: Any) -> Target:
        return Target(lambda choices: choices.randrange(3), lambda given: given == 0 and how(given))

    yield {name: taken(how) for name, how in BAD.items()}


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("dies", "the process died (9)"),
        ("spins", "_Hangs"),
        ("fails", "ZeroDivisionError (test_short.py"),
        ("grows", "MemoryError"),
    ],
)
def test_what_is_found_is_told_with_its_number_and_the_rest_is_taken_all_the_same(
    target: str, what: str
) -> None:
    numbers = [n for n in range(9) if random.Random(f"x:{target}:{n}").randrange(3) == 0]
    taken, findings = run(target, "x", Limit(inputs=9, patience=1), bad)
    assert taken == 9
    assert [each.number for each in findings] == numbers
    assert all(each.what.startswith(what) for each in findings)


def test_a_table_counts() -> None:
    assert table([("intake", 12345, 0)]).splitlines()[-1] == "| intake | 12,345 | 0 |"
