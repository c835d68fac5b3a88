"""Damage to a store on a server is found and named, and what follows from postings is made anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

import jobstore
from jobstore import StoreBusy, StoreCorrupt, StoreUnavailable
from jobstore.engines import archive_of, upkeep_of
from jobstore.engines.archive import Loss
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.upkeep import aside, plans, renewal
from jobstore.operations import maintenance
from jobstore.settings import StoreURL, parse_store_url
from tests.engines.harness import POSTGRES
from tests.fixtures.postgres import new_name
from tests.fixtures.postings import full, posting
from tests.fixtures.writers import until_somebody_waits


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreURL]:
    monkeypatch.chdir(tmp_path)
    found = POSTGRES.new_url(tmp_path)
    stored(found, *(full(number) for number in range(8)))
    stored(found, posting(1, title="Changed"))
    yield parse_store_url(found)
    POSTGRES.forget(found)


def stored(url: str, *postings: dict[str, Any]) -> None:
    async def store() -> None:
        async with jobstore.connect(url) as opened:
            await opened.upsert_many(postings)

    asyncio.run(store())


def execute(url: StoreURL, *statements: str) -> None:
    with psycopg.connect(url.text, autocommit=True) as conn:
        for each in statements:
            conn.execute(each)


def wrong(url: StoreURL) -> dict[str, str]:
    """Return what is wrong, by the name of the finding."""
    found = maintenance.examine(url, full=True, verify=True)
    return {each.name: each.output for each in found if each.verdict == "fail"}


FIRST = "id = (SELECT id FROM posting ORDER BY id LIMIT 1)"

MENDABLE = {
    "words": (f"UPDATE posting SET words = 'other' WHERE {FIRST}",),
    "counters": (
        "UPDATE counter SET amount = amount + 1 WHERE kind = 'total'",
        "INSERT INTO counter_delta VALUES ('company', 'acme', 'Acme', 3)",
    ),
    # Its counts are wrong as well then.
    "orphans": ("DELETE FROM posting WHERE title = 'Changed'",),
}
BEYOND = {
    "digests": (f"UPDATE posting SET title = 'x' WHERE {FIRST}",),
    "postings": (f"UPDATE posting SET salary_min = 'much' WHERE {FIRST}",),
    "order": (f"UPDATE posting SET listed_at = 5 WHERE {FIRST}",),
    "history": ("UPDATE revision SET previous = '{}'",),
}


@pytest.mark.parametrize("name", MENDABLE)
def test_planted_damage_is_found_and_mended(url: StoreURL, name: str) -> None:
    execute(url, *MENDABLE[name])
    findings = [*maintenance.examine(url, full=True, verify=True)]
    planned = maintenance.plan(url, findings)
    assert name in planned
    done = upkeep_of(url).repair(url, planned)
    assert wrong(url) == {}
    assert done.copy is not None
    # The store as it was is a store of its own.
    copied = archive_of(url).url(done.copy)
    assert upkeep_of(copied).condition(copied).postings in (7, 8)


def test_an_index_that_is_not_valid_is_named_and_made_anew(url: StoreURL) -> None:
    execute(
        url,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'posting_salary'::regclass",
    )
    (found,) = upkeep_of(url).inspect_content(url, full=False, rows=False)
    assert (found.verdict, found.output) == ("fail", "index posting_salary is not valid")
    upkeep_of(url).repair(url, ["structure"], copy=False)
    assert wrong(url) == {}


def not_valid(name: str) -> str:
    return f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass"


def test_what_interrupted_builds_of_indexes_left_is_mended(url: StoreURL) -> None:
    execute(
        url,
        *(not_valid(name) for name in ("posting_words", "posting_pkey")),
        "CREATE INDEX posting_listed_ccnew ON posting (listed_at)",
        not_valid("posting_listed_ccnew"),
    )
    # It is no matter of the schema, which would be beyond repair.
    assert [*wrong(url)] == ["structure"]
    planned = maintenance.plan(url, maintenance.examine(url, full=True, verify=True))
    upkeep_of(url).repair(url, planned, copy=False)
    assert wrong(url) == {}
    with psycopg.connect(url.text) as conn:
        assert conn.execute("SELECT to_regclass('posting_listed_ccnew')").fetchone() == (None,)


def test_an_index_of_somebody_else_that_is_not_valid_is_named_and_left(url: StoreURL) -> None:
    execute(
        url,
        "CREATE INDEX theirs ON posting (company)",
        not_valid("theirs"),
        "UPDATE counter SET amount = amount + 1 WHERE kind = 'total'",
    )
    (found,) = upkeep_of(url).inspect_content(url, full=False, rows=False)
    assert found.verdict == "warn"
    assert "but not theirs, which somebody else made" in found.output
    # It does not keep anything else from being mended.
    planned = maintenance.plan(url, maintenance.examine(url, full=True, verify=True))
    assert [*planned] == ["counters"]
    upkeep_of(url).repair(url, ["structure", *planned], copy=False)
    assert wrong(url) == {}
    (again,) = upkeep_of(url).inspect_content(url, full=False, rows=False)
    assert again.output == found.output


@pytest.mark.parametrize("name", BEYOND)
def test_damage_that_no_repair_mends_is_found_and_left(url: StoreURL, name: str) -> None:
    execute(url, *BEYOND[name])
    found = wrong(url)
    assert name in found
    with pytest.raises(StoreCorrupt, match="cannot be rebuilt"):
        maintenance.plan(url, maintenance.examine(url, verify=True))
    with pytest.raises(StoreCorrupt, match="Nothing was changed"):
        upkeep_of(url).repair(url, ["counters"], copy=False)
    assert wrong(url) == found


def test_a_sound_store_has_nothing_wrong_and_its_pages_are_read_where_they_can_be(
    url: StoreURL,
) -> None:
    told = {each.name: each.output for each in maintenance.examine(url, full=True, verify=True)}
    assert wrong(url) == {}
    assert "were not read" in told["structure"]
    execute(url, "CREATE EXTENSION amcheck")
    told = {each.name: each.output for each in maintenance.examine(url, full=True)}
    assert "amcheck found nothing" in told["structure"]


def test_a_main_statement_without_its_index_is_named(
    url: StoreURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all(upkeep_of(url).plans(url).values())
    monkeypatch.setattr(plans, "_SMALL", 0)
    stored(url.text, *(posting(number) for number in range(100, 600)))
    execute(url, "ANALYZE")
    assert all(upkeep_of(url).plans(url).values())
    execute(url, "DROP INDEX posting_applicants")
    lacking = {name for name, good in upkeep_of(url).plans(url).items() if not good}
    assert lacking == {"sort by applicants"}


def test_others_who_write_wait_while_it_is_locked_and_no_longer(url: StoreURL) -> None:
    with (
        upkeep_of(url).locked(url, patience=5),
        pytest.raises(StoreBusy),
        upkeep_of(url).locked(url, patience=0.05),
    ):
        raise AssertionError
    stored(url.text, posting(90))


@pytest.mark.parametrize("stop_writers", [False, True])
def test_vacuum_gives_back_what_deleted_postings_took(url: StoreURL, stop_writers: bool) -> None:
    stored(url.text, *(full(number) for number in range(100, 300)))
    execute(url, "DELETE FROM posting WHERE source_job_id >= '1'", "DELETE FROM revision")
    done = upkeep_of(url).vacuum(url, stop_writers=stop_writers)
    if stop_writers:
        assert done.after < done.before
    with psycopg.connect(url.text) as conn:
        # What was deleted is in no row of the file any more.
        left = conn.execute("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'posting'")
        assert left.fetchone() == (0,)


def test_tidying_adds_counts_up_and_changes_nothing(url: StoreURL) -> None:
    before = wrong(url)
    assert upkeep_of(url).optimize(url, patience=5)
    with psycopg.connect(url.text) as conn:
        assert conn.execute("SELECT count(*) FROM counter_delta").fetchone() == (0,)
    assert wrong(url) == before == {}


def test_a_schema_beside_is_reached_by_a_url_of_its_own(url: StoreURL) -> None:
    within = aside.inside(url, 'odd "name" here')
    execute(url, 'CREATE SCHEMA "odd ""name"" here"')
    with psycopg.connect(within.text) as conn:
        assert conn.execute("SELECT current_schema()").fetchone() == ('odd "name" here',)
    # Once more from there, to another one.
    with psycopg.connect(aside.inside(within, "public").text) as conn:
        assert conn.execute("SELECT current_schema()").fetchone() == ("public",)


def test_a_view_of_somebody_hangs_on_no_replaced_table_unseen(
    url: StoreURL, tmp_path: Path
) -> None:
    """The store is replaced; the old tables stay for it, and that is said."""
    execute(url, "CREATE VIEW of_mine AS SELECT title FROM posting")
    archive = archive_of(url)
    archive.dump(url, tmp_path / "copy.db", lambda *_: None)
    done = archive.replace(url, tmp_path / "copy.db")
    assert (done.fault, done.aside.exists()) == (None, True)
    assert any("_replaced_" in each.name for each in archive.asides(url))
    with psycopg.connect(url.text) as conn:
        assert conn.execute("SELECT count(*) FROM of_mine").fetchone() == (8,)


def test_nothing_is_replaced_that_was_written_to_meanwhile(url: StoreURL, tmp_path: Path) -> None:
    archive = archive_of(url)
    archive.dump(url, tmp_path / "copy.db", lambda *_: None)
    archive.replace(url, tmp_path / "copy.db", known=tmp_path / "copy.db")
    stored(url.text, posting(50))
    with pytest.raises(jobstore.BackupError, match="1 added"):
        archive.replace(url, tmp_path / "copy.db", known=tmp_path / "copy.db")
    assert upkeep_of(url).condition(url).postings == 9


def test_a_write_between_the_comparison_and_the_exchange_is_not_lost(
    url: StoreURL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(url)
    archive.dump(url, tmp_path / "copy.db", lambda *_: None)
    exchanged = aside.exchange

    def late(*given: Any) -> Any:
        monkeypatch.setattr(aside, "exchange", exchanged)
        stored(url.text, posting(60))
        return exchanged(*given)

    monkeypatch.setattr(aside, "exchange", late)
    with pytest.raises(jobstore.BackupError, match="1 added"):
        archive.replace(url, tmp_path / "copy.db", known=tmp_path / "copy.db")
    assert upkeep_of(url).condition(url).postings == 9


def test_an_exchange_and_a_writer_who_wait_for_each_other_both_come_to_their_ends(
    url: StoreURL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(url)
    archive.dump(url, tmp_path / "copy.db", lambda *_: None)
    monkeypatch.setattr(aside, "_HOLDS", (30.0,))
    locked, tries, waiting = aside._lock, [], []

    with psycopg.connect(url.text) as writer, ThreadPoolExecutor(1) as pool:
        # Who notices a deadlock first ends it, and is the one that begins again.
        execute(url, f"ALTER DATABASE {writer.info.dbname} SET deadlock_timeout = '10ms'")
        writer.execute("SET deadlock_timeout = '60s'")

        def crossed(conn: psycopg.Connection[Any], tables: list[str]) -> None:
            tries.append(tables)
            if len(tries) == 1:
                write = "LOCK TABLE {} IN ROW EXCLUSIVE MODE"
                writer.execute(write.format(tables[-1]))
                locked(conn, tables[:1])
                waiting.append(pool.submit(writer.execute, write.format(tables[0])))
                asyncio.run(until_somebody_waits(url.text))
            else:
                waiting[0].result()
                writer.commit()
            locked(conn, tables)

        monkeypatch.setattr(aside, "_lock", crossed)
        assert archive.replace(url, tmp_path / "copy.db").loss == Loss()
    assert len(tries) == 2


def test_only_an_empty_store_is_removed(url: StoreURL) -> None:
    archive = archive_of(url)
    assert archive.remove(url, leave_file=False) == 8
    execute(url, "DELETE FROM posting", "CREATE TABLE of_mine (id integer)")
    assert archive.remove(url, leave_file=False) == 0
    with psycopg.connect(url.text) as conn:
        left = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert left.fetchall() == [("of_mine",)]


def test_a_role_without_the_tables_cannot_vacuum_and_is_told(url: StoreURL) -> None:
    role = new_name("of_upkeep")
    rights = f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
    execute(url, f"CREATE ROLE {role} LOGIN", rights)
    try:
        other = parse_store_url(url.text.replace("postgres@", f"{role}@"))
        with pytest.raises(StoreUnavailable, match="owns the tables"):
            upkeep_of(other).vacuum(other)
        told = {each.name: each.output for each in maintenance.examine(other)}
        assert told["rights"] == f"{role} reads and writes"
    finally:
        execute(url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_what_others_write_after_an_exchange_is_not_taken_for_a_loss(
    url: StoreURL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(url)
    archive.dump(url, tmp_path / "copy.db", lambda *_: None)
    exchanged = aside.exchange

    def then_written(*given: Any) -> Any:
        found = exchanged(*given)
        stored(url.text, posting(60))
        return found

    monkeypatch.setattr(aside, "exchange", then_written)
    done = archive.replace(url, tmp_path / "copy.db")
    assert done.loss == Loss()
    assert upkeep_of(url).condition(url).postings == 9


def test_a_pooler_cannot_hold_the_lock_of_a_schema_and_is_refused(
    url: StoreURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)
    with pytest.raises(StoreUnavailable, match="instead of the pooler's"), aside.beside(url):
        pass


def test_a_schema_of_somebody_whose_name_begins_in_the_same_way_is_left_alone(
    url: StoreURL,
) -> None:
    theirs = ("public_new_york", "public_replaced_by_hand", "public_new_0123456789abcdef")
    execute(url, *(f"CREATE SCHEMA {each}" for each in theirs))

    with blocking(url) as conn, aside.beside(url):
        left = [name for (name,) in conn.execute("SELECT nspname::text FROM pg_namespace")]
        told = aside.told(conn, url)

    assert set(theirs) <= set(left)
    assert told == {}


def test_two_who_count_anew_at_once_append_what_is_lacking_once(
    url: StoreURL, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(url, *MENDABLE["counters"])
    payloads = renewal.payloads

    def beside(rows: Any) -> Any:
        monkeypatch.setattr(renewal, "payloads", payloads)
        with suppress(StoreBusy), blocking(url, patience=0.1) as other:
            renewal._recount(other)
        return payloads(rows)

    monkeypatch.setattr(renewal, "payloads", beside)
    with blocking(url) as conn:
        renewal._recount(conn)

    assert wrong(url) == {}
