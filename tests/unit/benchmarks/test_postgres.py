"""The benchmark of PostgreSQL: what is run again, what is compared, and what fails a run."""

from __future__ import annotations

from functools import partial

import pytest

import jobstore
from benchmarks import Misuse, generator, markdown, postgres, report
from benchmarks.measuring import Timings
from benchmarks.operations import reading_operations
from benchmarks.postgres import bulk, limit, server
from benchmarks.postgres import ways as postgres_ways
from tests.engines.harness import POSTGRES
from tests.fixtures.postgres import PostgresServer


@pytest.fixture
async def url(tmp_path):
    found = POSTGRES.new_url(tmp_path)
    async with jobstore.connect(found, clock=lambda: generator.NOW) as store:
        await store.upsert_many(generator.postings(60))
    yield found
    POSTGRES.forget(found)


async def test_each_read_is_timed_beside_its_own_statements(url, monkeypatch):
    monkeypatch.setattr("benchmarks.draws.DRAWS", 4)
    monkeypatch.setattr(postgres, "_SECONDS", 0.0)
    monkeypatch.setattr(postgres, "_LEAST", 2)
    with server.psycopg.connect(url) as conn:
        draws = server.ServerDraws(conn)
    async with jobstore.connect(url, clock=lambda: generator.NOW) as store:
        found = await postgres._reads(url, store, draws, 1)

    assert {"get", "find", "statistics", "complex query", "relevance"} <= set(found)
    assert all(each["ratio"] > 0 for each in found.values())


async def test_statements_that_are_run_again_return_what_they_did(url):
    conn = await limit.bare(url)
    async with jobstore.connect(url, clock=lambda: generator.NOW) as store:
        with server.psycopg.connect(url) as plain:
            draws = server.ServerDraws(plain)
        operations = await reading_operations(draws, store)
        get = next(each for each in operations if each.name == "get").calls[0]
        ((query, bound, prepare),) = await limit.statements_of(partial(get, store))
        cursor = await conn.execute(query, bound, prepare=prepare)
        (row,) = await cursor.fetchall()
        assert row[0] == (await get(store)).id.bytes
    await conn.close()

    times = await limit.pools(url, [(query, bound, prepare)], 2)
    assert set(times) == {"a connection at hand", "the store's readers", "psycopg's pool"}


async def test_what_is_filled_is_kept_until_something_else_would_be_in_it(
    postgres: PostgresServer, monkeypatch
):
    asked = []

    async def fill(url: str) -> None:
        asked.append(url)
        with server.psycopg.connect(url) as conn:
            conn.execute("CREATE TABLE filled (number int)")

    async def broken(url: str) -> None:
        raise InterruptedError

    monkeypatch.setattr(server, "_SOURCES", ("benchmarks/generator.py",))
    try:
        with pytest.raises(InterruptedError):
            await server.kept(postgres, "trial", 7, broken)
        first = await server.kept(postgres, "trial", 7, fill)
        with server.working_copy(postgres, first) as copy, server.psycopg.connect(copy) as conn:
            conn.execute("DROP TABLE filled")
        assert await server.kept(postgres, "trial", 7, fill) == first
        with server.psycopg.connect(first) as conn:
            conn.execute("SELECT number FROM filled")
        assert len(asked) == 1

        monkeypatch.setattr(server, "_SOURCES", ("benchmarks/vocabulary.py",))
        second = await server.kept(postgres, "trial", 7, fill)
        assert len(asked) == 2
        with pytest.raises(server.psycopg.OperationalError):
            server.psycopg.connect(first)
    finally:
        for each in {first, second}:
            postgres.drop(each)


async def test_what_the_ways_of_a_search_cost_is_told(url):
    with server.psycopg.connect(url) as conn:
        found = postgres_ways.measured(conn, 1)
    assert len(found) == 3
    assert all(each > 0 for each in found.values())


def test_a_part_that_does_not_exist_is_refused():
    with pytest.raises(Misuse, match="reads, upserts, bulk"):
        postgres.run(100, 1, ["raeds"])


async def test_what_is_copied_is_what_the_store_writes(postgres: PostgresServer):
    rates = await bulk.beside_copy(postgres, 40, 1)

    assert rates["ratio"] == pytest.approx(rates["upsert_many"] / rates["bare COPY"])

    given = [*map(bulk.check_posting, generator.fresh(40, first=1))]
    url = await server.migrated(postgres)
    await bulk._copy(url, given)
    POSTGRES.check(url)
    postgres.drop(url)


def _results(**changed):
    times = {"p50": 1.0, "p99": 20.0, "per_second": 100.0}
    read = {"store": times, "psycopg": times, "ratio": 1.2}
    upsert = {"new": times, "unchanged": times, "ratio": 6.0}
    machine = {
        "processor": "p",
        "cores": 2,
        "memory": 2**30,
        "system": "s",
        "python": "3",
        "sqlite": "3",
        "load": [0],
        "revision": "r",
    }
    return {
        "scale": 1000,
        "server": 180006,
        "machine": machine,
        "calls": {"get": read},
        "pools": {"psycopg's pool": 160.0},
        "ways": {"walking past a posting": 4.0},
        "peers": {"get": times},
        "upserts": {"store": upsert, postgres.PLAIN: upsert, postgres.SEARCHED: upsert},
        "processes": {"1": {"per_second": 10.0, "busy": 90.0}},
        "bulk": {"upsert_many": 70.0, "bare COPY": 100.0, "ratio": 0.7},
        "full_text": {"row with words": 9.0},
        **changed,
    }


def test_a_slow_read_fails_and_a_ratio_is_told():
    slow = Timings([[0.06]]).summary()
    read = {"store": slow, "psycopg": slow, "ratio": 1.6}

    judged = postgres.gates(_results(calls={"get": read}))

    assert [gate.name for gate in judged if gate.fails] == ["get at 1,000, p99 ms"]
    assert [gate.name for gate in judged if not gate.holds and not gate.fails] == [
        "get at 1,000, against the same SQL"
    ]
    assert all(gate.holds for gate in postgres.gates(_results()))


def test_results_are_told_and_kept(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    results = _results()
    results["gates"] = [each.plain() for each in postgres.gates(results)]

    postgres.show(results)
    assert report.write(results, "postgres-1000").is_file()
    section = markdown.postgres_section(results)

    assert "upsert_many" in capsys.readouterr().out
    assert section.startswith("### PostgreSQL 18.6, 1,000 postings")
    assert "| get | 1.00 | 20.00 | 1.00 | 20.00 | 1.20 |" in section
