"""The interpreter's switch interval while stores are open, and afterwards."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import jobstore
from jobstore import EngineOptions
from tests.engines.harness import POSTGRES, SQLITE

OWN = 0.004


@pytest.fixture(autouse=True)
def _interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(OWN)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(params=[SQLITE, POSTGRES], ids=lambda engine: engine.scheme)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    found = request.param.new_url(tmp_path)
    yield found
    request.param.forget(found)


def now() -> float:
    return pytest.approx(sys.getswitchinterval())


async def test_it_is_short_until_the_last_store_closes(url: str) -> None:
    first = await jobstore.connect(url)
    second = await jobstore.connect(url, options=EngineOptions(switch_interval=0.0001))
    third = await jobstore.connect(url)
    assert now() == 0.0001
    await second.close()
    assert now() == EngineOptions().switch_interval
    await first.close()
    await first.close()
    assert now() == EngineOptions().switch_interval
    await third.close()
    assert now() == OWN


@pytest.mark.parametrize("asked", [0, 0.5])
async def test_it_can_be_left_alone_and_is_never_made_longer(url: str, asked: float) -> None:
    options = EngineOptions(switch_interval=asked)
    async with jobstore.connect(url, options=options):
        assert now() == OWN
    assert now() == OWN


async def test_what_the_program_sets_meanwhile_stays(url: str) -> None:
    async with jobstore.connect(url):
        sys.setswitchinterval(0.002)
        async with jobstore.connect(url):
            assert now() == 0.002
    assert now() == 0.002


@pytest.mark.filterwarnings("ignore:a JobStore was not closed:ResourceWarning")
async def test_a_store_that_was_never_closed_gives_it_back_when_it_is_gone(url: str) -> None:
    store = await jobstore.connect(url)
    assert sys.getswitchinterval() < OWN
    del store
    gc.collect()
    assert now() == OWN
