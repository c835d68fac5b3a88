"""The benchmark of what postings live through: what its stores are made of, and what fails it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

import jobstore
from benchmarks import Misuse, databases, following, lifecycle, living, processes
from benchmarks.generator import NOW
from benchmarks.lifecycle import KINDS

COUNT = 40


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def stores(cache, monkeypatch):
    """Small stores of both kinds where the benchmark finds them; made here, which is cheaper than
    in processes of their own."""
    monkeypatch.setenv("JOBSTORE_BENCH_CACHE", str(cache))
    monkeypatch.setattr(databases, "run_child", _build)
    for module, name, value in (
        ("benchmarks.draws", "DRAWS", 3),
        ("benchmarks.lifecycle", "_LEAST", 2),
        ("benchmarks.lifecycle", "_SECONDS", 0.0),
        ("benchmarks.lifecycle", "_BESIDE_ROUNDS", 1),
        ("benchmarks.following", "PER_ROUND", 8),
        ("benchmarks.following", "ALONE", 2),
    ):
        monkeypatch.setattr(f"{module}.{name}", value)


def _build(_, *arguments):
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(asyncio.run, processes.build(*map(str, arguments)))
        return made.result() | {"memory": 0}


async def test_the_same_postings_have_ten_versions_and_groups_in_one_store(stores):
    url = databases.database(COUNT, "lived").url
    async with jobstore.connect(url, clock=lambda: NOW) as store:
        job = await store.find(*_keys()[0])
        grouped = [key for key in _keys() if await store.duplicates(jobstore.job_id(*key))]
        assert len(await store.history(job.id)) == living.VERSIONS == job.version
        assert job.title == next(iter(living.postings(COUNT)))["title"]
        assert len(grouped) == COUNT // 10


def _keys():
    return [(each["source"], each["source_job_id"]) for each in living.postings(COUNT)]


def test_each_part_measures_both_stores_and_all_are_shown(stores, capsys):
    found = lifecycle.run(COUNT, 1, "sqlite")
    assert {"get", "recent", "statistics", "facets"} <= found["lived_reads"].keys()
    assert {*KINDS, "ratio"} == found["lived_reads"]["get"].keys()
    assert {"new", "changed", "unchanged"} == found["upserts"].keys()
    assert found["follower"]["compared"] == COUNT
    assert {"another process", "the same process"} == found["beside"].keys()
    lifecycle.show(found)
    assert "40 postings on sqlite" in capsys.readouterr().out
    assert len(lifecycle.gates(found)) == len(found["lived_reads"]) + 3 + 3 + 2


async def test_a_search_that_is_stopped_goes_on_where_it_was(stores):
    url = databases.database(COUNT, "plain").url
    async with jobstore.connect(url, clock=living.now) as store:
        searching = following.Here(store)
        await searching.start()
        compared = await searching.stop()
        rest = await store.find_duplicates()
        assert 0 <= rest.compared <= COUNT - compared
        assert (await store.find_duplicates()).compared == 0


def _results(**changed):
    figures = {"read": 1.2, "upsert": 1.1, "follower": 5.0, "beside": 1.05} | changed
    spread = {"p50": 1.0, "p99": figures["follower"], "max": 9.0}
    return {
        "scale": 1000,
        "lived_reads": {"get": {"ratio": figures["read"]}},
        "upserts": {"new": {"processor": figures["upsert"]}},
        "follower": {"all": 1.0, "in pieces": spread, "one at a time": spread},
        "beside": {"another process": {"slower": figures["beside"]}},
    }


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({}, 0),
        ({"read": 1.21}, 1),
        ({"upsert": 1.11}, 1),
        ({"follower": 5.1}, 1),
        ({"beside": 1.06}, 1),
    ],
)
def test_what_is_over_its_limit_fails(changed, failed):
    assert sum(each.fails for each in lifecycle.gates(_results(**changed))) == failed


def test_a_part_that_there_is_not_is_refused():
    with pytest.raises(Misuse, match="no part is called gets"):
        lifecycle.run(COUNT, 1, "sqlite", ["gets"])
