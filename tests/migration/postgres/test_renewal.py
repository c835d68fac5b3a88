"""What is derived from postings is built anew in steps, beside programs of the version before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

import jobstore
from jobstore import migrating
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.migrations import PostgresSchema
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.upkeep import renewal
from jobstore.engines.postgres.writing import batch
from jobstore.errors import SchemaMismatch
from jobstore.records import JobPosting, SearchQuery
from jobstore.settings import parse_store_url

NUMBER = 150


def posting(number: int, **fields: Any) -> JobPosting:
    return JobPosting(
        source="board",
        source_job_id=str(number),
        title=f"Engineer {number}",
        company="Acme",
        description=f"<p>words {number}</p>",
        salary_min=1000 + number,
        salary_currency="EUR",
        salary_period="month",
        **fields,
    )


@pytest.fixture
async def spoilt(url: str) -> str:
    """A store whose derived values are those of an older form, and wrong in this one."""
    migrating.up(url)
    async with jobstore.connect(url) as store:
        await store.upsert_many([posting(number) for number in range(NUMBER)])
        id = (await store.upsert(posting(0, location="Bern"))).id
        await store.update(id, {"title": "Other"})
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE expected AS SELECT * FROM posting")
        conn.execute("CREATE TABLE counted AS " + COUNTS)
        conn.execute("CREATE TABLE history AS SELECT * FROM revision")
        conn.execute(
            "UPDATE posting SET form = 1, words = '', yearly_min = 0, yearly_max = 0,"
            " plain = 'wrong', digest = '\\x0000000000000000'"
        )
        conn.execute("UPDATE revision SET digest = '\\x0000000000000000'")
        conn.execute("DELETE FROM counter_delta; DELETE FROM counter WHERE kind <> 'total'")
        conn.execute("UPDATE expected SET form = 2")
    return url


COUNTS = """
SELECT kind, value, sum(amount) AS amount FROM (
    SELECT kind, value, amount FROM counter WHERE kind <> 'quartiles'
    UNION ALL SELECT kind, value, amount FROM counter_delta
) AS c GROUP BY kind, value HAVING sum(amount) <> 0
"""


@pytest.fixture
def next_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """This jobstore derives in form 2."""
    monkeypatch.setattr(schema, "DERIVED_FORM", 2)
    monkeypatch.setattr(batch, "DERIVED_FORM", 2)


def differences(url: str) -> int:
    """Count what is not as it was before it was spoilt."""
    with psycopg.connect(url) as conn:
        found = 0
        for one, other in (
            ("SELECT * FROM expected", "SELECT * FROM posting"),
            ("SELECT * FROM counted", COUNTS),
            ("SELECT * FROM history", "SELECT * FROM revision"),
        ):
            for left, right in ((one, other), (other, one)):
                statement = f"SELECT count(*) FROM ({left} EXCEPT {right}) AS d"
                ((number,),) = conn.execute(statement.encode()).fetchall()
                found += number
    return found


async def test_an_older_form_is_refused_and_brought_along(spoilt: str, next_form: None) -> None:
    assert differences(spoilt) > NUMBER
    with pytest.raises(SchemaMismatch, match="older form; run: jobstore migrate up"):
        migrating.check_schema(spoilt)
    standing = migrating.renewal(spoilt)
    assert standing is not None
    assert (standing.stage, standing.done, standing.total) == ("postings", 0, NUMBER)
    told: list[tuple[str, int, int]] = []
    migrating.up(spoilt, progress=lambda *news: told.append(news))
    assert differences(spoilt) == 0
    assert migrating.renewal(spoilt) is None
    assert ("build the index", NUMBER, NUMBER) in told
    async with jobstore.connect(spoilt) as store:
        assert (await store.search(SearchQuery(text="words 7"))).items
        assert (await store.statistics()).total == NUMBER


class Interrupted(Exception):
    pass


async def test_interrupted_after_each_step_it_goes_on(
    spoilt: str, next_form: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "_STEP", 40)
    work: Callable[..., None] = renewal._renew_rows

    def interrupted(*args: object) -> None:
        work(*args)
        if args[1]:
            raise Interrupted

    for _ in range(4):
        with monkeypatch.context() as patched:
            patched.setattr(renewal, "_renew_rows", interrupted)
            with pytest.raises(Interrupted):
                migrating.up(spoilt)
        # What was undone is done by the next, and no more than a step.
        with blocking(parse_store_url(spoilt)) as conn, conn.transaction():
            ids = renewal._stale(conn, bytes(16), 40)
            work(conn, ids)
    migrating.up(spoilt)
    assert differences(spoilt) == 0


async def test_what_programs_of_the_version_before_write_is_brought_in(
    spoilt: str, next_form: None
) -> None:
    store = parse_store_url(spoilt)
    engine = PostgresSchema()
    engine.renew(store, keep=True, patience=10, progress=lambda *_: None)
    standing = migrating.renewal(spoilt)
    assert standing is not None
    assert (standing.stage, standing.waiting) == ("kept", 0)
    with psycopg.connect(spoilt, autocommit=True) as conn:
        conn.execute("UPDATE posting SET form = 1, words = '' WHERE title LIKE '%7%'")
    standing = migrating.renewal(spoilt)
    assert standing is not None
    assert standing.waiting > 0
    assert engine.settle(store, patience=10)
    assert differences(spoilt) == 0
    with psycopg.connect(spoilt, autocommit=True) as conn:
        conn.execute("UPDATE posting SET form = 1, words = '' WHERE title LIKE '%8%'")
    with engine.changing(store, patience=10) as migrator, migrator.transaction():
        assert migrator.finish([])
    assert migrating.renewal(spoilt) is None
    assert differences(spoilt) == 0
