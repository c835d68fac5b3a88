"""Migrations on a server: applied once, whole or not at all, and told where they were changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from typer.testing import Result

from jobstore import migrating
from jobstore.engines.postgres import schema
from jobstore.errors import MigrationError, SchemaMismatch, StoreBusy, StoreCorrupt
from jobstore.migrating import State
from jobstore.resources import migrations_folder, sql_files
from tests.contract.cli.commands import run as invoke
from tests.fixtures.postgres import PostgresServer

IDS = [
    path.stem
    for path in sorted(migrations_folder("postgres").glob("*.sql"))
    if not path.stem.endswith((".rollback", ".finish"))
]
FILLER = f"{len(IDS) + 1:04}.filler"


def add(folder: Path, forward: str, back: str = "DROP TABLE filler;") -> None:
    (folder / f"{FILLER}.sql").write_text(forward)
    (folder / f"{FILLER}.rollback.sql").write_text(back)


def objects(url: str) -> dict[str, str]:
    with psycopg.connect(url, autocommit=True) as conn:
        return schema.objects(conn)


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement.encode())


def test_the_schema_that_is_there_to_be_read_is_what_migrations_make(
    url: str, postgres: PostgresServer
) -> None:
    migrating.up(url)
    (shown,) = (file for file in sql_files("postgres") if file.name == "schema.sql")
    other = postgres.create()
    run(other, shown.read_text())
    assert objects(other) == objects(url)
    postgres.drop(other)


def test_up_and_down_come_back_to_the_same_schema(url: str) -> None:
    assert [step.id for step in migrating.up(url)] == IDS
    made = objects(url)
    assert migrating.up(url) == []
    migrating.check_schema(url)
    migrating.verify(url)
    assert [each.state for each in migrating.status(url)] == [State.APPLIED] * len(IDS)

    assert [step.id for step in migrating.down(url, "0")] == IDS[::-1]

    assert objects(url) == {}
    with pytest.raises(SchemaMismatch, match="does not exist yet, or is empty; run: jobstore"):
        migrating.check_schema(url)
    migrating.up(url)
    assert objects(url) == made


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP INDEX posting_salary", "posting_salary is missing"),
        ("ALTER TABLE posting DROP CONSTRAINT status", "posting.status is missing"),
        ("ALTER TABLE posting ALTER COLUMN title DROP NOT NULL", "posting was changed"),
        ("ALTER TABLE posting RESET (fillfactor)", "posting was changed"),
        ("ALTER TABLE posting ALTER COLUMN words SET STATISTICS 10", "posting was changed"),
        ("DROP VIEW postings; CREATE VIEW postings AS SELECT 1", "postings was changed"),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'posting_words'::regclass",
            "posting_words was changed",
        ),
    ],
)
def test_what_was_changed_by_hand_is_told(url: str, statement: str, told: str) -> None:
    migrating.up(url)
    run(url, "CREATE TABLE beside (); CREATE INDEX own ON posting (title)")
    migrating.verify(url)
    run(url, statement)
    with pytest.raises(MigrationError, match=told):
        migrating.verify(url)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("CREATE TABLE filler (a int); CREATE TABLE posting (a int);", "already exists"),
        ("CREATE TABLE filler (a int); CREAT TABLE b (a int);", "syntax error"),
        ("CREATE TABLE filler (a int UNIQUE); INSERT INTO filler VALUES (1), (1);", "duplicate"),
        ("-- depends: 0099.nothing\nCREATE TABLE filler (a int);", "depend"),
        ("CREATE TABLE filler (a int); COMMIT;", "cannot begin or end a transaction"),
        ("CREATE TABLE filler (a int); ROLLBACK; BEGIN;", "cannot begin or end a transaction"),
        ("CREATE TABLE filler (a int); -- why\nSTART TRANSACTION;", "cannot begin or end"),
    ],
)
def test_a_failing_migration_leaves_nothing(url: str, folder: Path, sql: str, told: str) -> None:
    migrating.up(url)
    before = objects(url)
    add(folder, sql)
    with pytest.raises(MigrationError, match=f"{FILLER} failed and left nothing.*{told}"):
        migrating.up(url, folder=folder)
    assert objects(url) == before
    states = [each.state for each in migrating.status(url, folder=folder)]
    assert states == [*[State.APPLIED] * len(IDS), State.PENDING]
    add(folder, "CREATE TABLE filler (a int);")
    assert [step.id for step in migrating.up(url, folder=folder)] == [FILLER]


def test_those_before_a_failing_migration_stay_and_a_failing_rollback_leaves_everything(
    url: str, folder: Path
) -> None:
    add(folder, "no sql at all;")
    with pytest.raises(MigrationError, match=f"{FILLER} failed"):
        migrating.up(url, folder=folder)
    migrating.verify(url)
    add(folder, "CREATE TABLE filler (a int);", "DROP TABLE filler; DROP TABLE nothing;")
    migrating.up(url, folder=folder)
    before = objects(url)
    with pytest.raises(MigrationError, match=f"{FILLER} failed"):
        migrating.down(url, folder=folder)
    assert objects(url) == before


def test_a_row_that_breaks_a_new_rule_is_told_by_the_rule(url: str, folder: Path) -> None:
    migrating.up(url)
    add(folder, "ALTER TABLE store_property ADD CONSTRAINT named CHECK (name < 'd');", "SELECT 1;")
    with pytest.raises(MigrationError, match="breaks the rule 'named'.*schema.sql.*run it again"):
        migrating.up(url, folder=folder)


def test_an_edited_migration_is_refused(url: str, folder: Path) -> None:
    migrating.up(url, folder=folder)
    script = folder / f"{IDS[0]}.sql"
    script.write_text(script.read_text() + "-- more\n")
    with pytest.raises(MigrationError, match=IDS[0]):
        migrating.up(url, folder=folder)
    assert migrating.status(url, folder=folder)[0].state == State.EDITED


def test_statements_that_return_rows_print_nothing(
    url: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(folder, "SELECT 1 AS one; CREATE TABLE filler (a int); SELECT '50%' AS half;")
    migrating.up(url, folder=folder)
    assert capfd.readouterr() == ("", "")


_UP = """
import sys
from jobstore import migrating
print("started", flush=True)
sys.stdin.readline()
print(*[step.id for step in migrating.up(sys.argv[1])])
"""


def test_several_processes_at_once_apply_each_migration_once(url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _UP, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "started\n"
    told = [each.communicate("\n")[0].split() for each in processes]
    assert [each.returncode for each in processes] == [0] * 4
    assert sorted(id for ids in told for id in ids) == IDS
    migrating.verify(url)


def test_who_waits_too_long_for_another_migration_is_told(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (int.from_bytes(b"jobstore", "big"),))
        with pytest.raises(StoreBusy, match="Another process changes the schema"):
            migrating.up(url, timeout=0.2)
    migrating.up(url)


def test_who_reads_for_too_long_is_waited_for_and_told(url: str) -> None:
    migrating.up(url)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT count(*) FROM posting")
        with pytest.raises(StoreBusy):
            migrating.down(url, "0001.postings", timeout=0.3)
        # Nobody waits behind what waited.
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SET lock_timeout = 1")
            other.execute("SELECT count(*) FROM posting")
    # What was taken back before it had to wait comes again.
    migrating.up(url)
    migrating.verify(url)


def test_nobody_writes_between_the_look_and_the_last_migration_taken_back(
    url: str, folder: Path
) -> None:
    add(folder, "CREATE TABLE filler (a int);")
    migrating.up(url, folder=folder)
    refused = []

    def look(count: migrating.Count, steps: object) -> None:
        assert count("posting") == count("posting.closed_at") == 0
        with psycopg.connect(url, autocommit=True) as other:
            assert other.execute("SELECT count(*) FROM posting").fetchone() == (0,)
            other.execute("SET lock_timeout = 1")
            try:
                other.execute("INSERT INTO store_property VALUES ('x', '')")
            except psycopg.errors.LockNotAvailable:
                refused.append(True)

    (folder / f"{IDS[0]}.rollback.sql").write_text("DROP TABLE nothing;")
    with pytest.raises(MigrationError, match=IDS[0]):
        migrating.down(url, "0", folder=folder, look=look)
    assert refused == [True]
    # All are one.
    assert "filler" in objects(url)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("CREATE TABLE customer (a int)", "tables of another program, and was not touched"),
        ("CREATE TABLE _yoyo_migration (a int)", "tables of another program"),
        ("CREATE VIEW seen AS SELECT 1", "tables of another program"),
    ],
)
def test_a_database_of_another_program_is_not_touched(url: str, made: str, told: str) -> None:
    run(url, made)
    before = objects(url)
    for call in (migrating.up, migrating.down, migrating.check_schema, migrating.verify):
        with pytest.raises(StoreCorrupt, match=told):
            call(url)
    assert objects(url) == before


def test_a_store_without_the_record_of_its_migrations_is_told(url: str) -> None:
    migrating.up(url)
    run(url, "DROP TABLE _yoyo_migration")
    with pytest.raises(StoreCorrupt, match="lost the record of its migrations; restore"):
        migrating.up(url)


def test_what_an_extension_put_there_is_not_another_program(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        # No extension with a view is everywhere, so this table is made to belong to one.
        conn.execute("CREATE TABLE owned (); ALTER EXTENSION plpgsql ADD TABLE owned")
    migrating.up(url)
    migrating.verify(url)


def test_the_store_stands_in_the_schema_that_the_url_says(url: str) -> None:
    run(url, "CREATE TABLE customer (a int); CREATE SCHEMA jobs")
    mine = f"{url}&options=-csearch_path%3Djobs"
    migrating.up(mine)
    migrating.verify(mine)
    assert "posting" in objects(mine)
    assert objects(url).keys() == {"customer"}
    with pytest.raises(StoreCorrupt, match="another program"):
        migrating.up(url)


def test_a_sighting_adds_nothing_to_the_indexes(url: str) -> None:
    migrating.up(url)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            """INSERT INTO posting (id, listed_at, listed_tie, version, status, source,
            source_job_id, title, company, first_seen_at, last_seen_at, updated_at, digest,
            seen_digest, form, words, description)
            SELECT gen_random_uuid(), n, 0, 1, 'open', 's', n::text, 't', 'c', 1, 1, 1,
            '\\x0000000000000000', '\\x0000000000000000', 1, 'word:1', repeat(md5(n::text), 20)
            FROM generate_series(1, 300) AS n"""
        )
        # Once: whether later ones find room depends on who else still sees what was there before.
        conn.execute(
            "UPDATE posting SET last_seen_at = last_seen_at + 1,"
            " seen_digest = '\\x0000000000000001' WHERE listed_at % 10 = 0"
        )
        conn.execute("SELECT pg_stat_force_next_flush()")
        found = conn.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'posting'"
        ).fetchone()
    assert found == (30, 30)


def test_what_taking_back_loses_is_backed_up_first(
    url: str, tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command("migrate", "up", "--store", url)
    command("import", str(repository / "examples/postings.jsonl"), "--store", url)
    with psycopg.connect(url) as conn:
        before = conn.execute("SELECT id, digest FROM posting ORDER BY id").fetchall()
    down = ("migrate", "down", "--to", "0", "--yes", "--json", "--store", url)
    answer = json.loads(command(*down).stdout)
    assert objects(url) == {}
    command("restore", answer["saved"], "--replace", "--store", url)
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT id, digest FROM posting ORDER BY id").fetchall() == before
    migrating.verify(url)


def command(*words: str) -> Result:
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    return done
