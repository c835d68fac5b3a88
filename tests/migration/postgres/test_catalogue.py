"""The schema stays ready to be partitioned, and to be kept by a sharded engine of the family.

Rules: ``id`` is in every key of what belongs to a posting; no number is drawn from a sequence;
foreign keys go along ``id`` alone; no trigger, exclusion constraint or LOCK TABLE; nothing volatile
in an UPDATE; one statement for each step of a migration that is no transaction.
"""

from __future__ import annotations

import re

import psycopg
import pytest

from jobstore import migrating
from jobstore.engines import named_statements
from jobstore.engines.postgres.yoyo_backend import statements
from jobstore.engines.scripts import Script, read_scripts
from jobstore.resources import migrations_folder
from tests.fixtures.postgres import PostgresServer

OF_A_POSTING = (
    *("posting", "revision", "application", "event", "deletion", "scope_member", "seen_match"),
    *("verdict", "link", "feature", "block", "member"),
)
"""The tables whose rows belong to a posting."""
OF_THE_STORE = (
    *("counter", "counter_delta", "follower", "saved_search", "scrape_run", "store_property"),
)

Rows = list[tuple[str, ...]]

# Each finds what breaks a rule; ours are the tables that migrations make.
RULES = {
    "a key without id": """
        SELECT c.relname, i.relname FROM pg_index AS x
        JOIN pg_class AS c ON c.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid
        WHERE x.indisunique AND c.relname = ANY (%(of_a_posting)s)
            AND NOT EXISTS (
                SELECT 1 FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey) AND a.attname = 'id'
            )
    """,
    "a sequence": """
        SELECT c.relname, c.relkind::text FROM pg_class AS c
        WHERE c.relkind = 'S' AND c.relnamespace = current_schema()::regnamespace
    """,
    "a number drawn by the server": """
        SELECT c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relname = ANY (%(ours)s)
            AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE '%%nextval%%')
    """,
    "a foreign key that is not along id": """
        SELECT r.conrelid::regclass::text, r.conname FROM pg_constraint AS r
        WHERE r.contype = 'f' AND (
            SELECT array_agg(a.attname::text) FROM pg_attribute AS a
            WHERE a.attrelid = r.conrelid AND a.attnum = ANY (r.conkey)
        ) <> ARRAY['id']
    """,
    "a trigger": """
        SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger AS t WHERE NOT t.tgisinternal
    """,
    "an exclusion constraint": """
        SELECT r.conrelid::regclass::text, r.conname FROM pg_constraint AS r
        WHERE r.contype = 'x'
    """,
    "a table of no kind that is known": """
        SELECT c.relname, c.relkind::text FROM pg_class AS c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
            AND NOT c.relname = ANY (%(ours)s) AND c.relname NOT LIKE '\\_%%'
    """,
    "a table without a primary key": """
        SELECT c.relname, '' FROM pg_class AS c
        WHERE c.relname = ANY (%(of_a_posting)s) AND NOT EXISTS (
            SELECT 1 FROM pg_constraint AS r WHERE r.conrelid = c.oid AND r.contype = 'p'
        )
    """,
}

BROKEN = {
    "a key without id": "CREATE UNIQUE INDEX broken ON posting (source, source_job_id)",
    "a sequence": "CREATE SEQUENCE broken",
    "a number drawn by the server": (
        "ALTER TABLE posting ADD COLUMN broken bigint GENERATED ALWAYS AS IDENTITY"
    ),
    "a foreign key that is not along id": (
        "ALTER TABLE counter ADD CONSTRAINT broken FOREIGN KEY (kind) REFERENCES store_property"
    ),
    "a trigger": (
        "CREATE TRIGGER broken BEFORE UPDATE ON posting FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
    "an exclusion constraint": ("ALTER TABLE counter ADD CONSTRAINT broken EXCLUDE (label WITH =)"),
    "a table of no kind that is known": "CREATE TABLE broken (a int)",
    "a table without a primary key": "ALTER TABLE revision DROP CONSTRAINT revision_pkey",
}


def breaking(conn: psycopg.Connection, rule: str) -> Rows:
    bound = {"of_a_posting": [*OF_A_POSTING], "ours": [*OF_A_POSTING, *OF_THE_STORE]}
    return conn.execute(RULES[rule].encode(), bound).fetchall()


def test_the_schema_can_be_sharded_and_each_rule_sees_what_breaks_it(
    url: str, postgres: PostgresServer
) -> None:
    migrating.up(url)
    assert RULES.keys() == BROKEN.keys()
    with psycopg.connect(url) as conn:
        for rule, statement in BROKEN.items():
            assert breaking(conn, rule) == [], rule
            with conn.transaction(force_rollback=True):
                conn.execute(statement.encode())
                assert breaking(conn, rule), rule


VOLATILE = re.compile(
    r"\b(random|clock_timestamp|timeofday|nextval|gen_random_uuid|statement_timestamp|now"
    r"|current_timestamp|localtimestamp|transaction_timestamp)\b",
    re.IGNORECASE,
)


def against_the_rules(statement: str) -> str | None:
    if re.search(r"\bLOCK\s+TABLE\b", statement, re.IGNORECASE):
        return "it locks a table"
    if re.search(r"\b(LISTEN|NOTIFY)\b", statement, re.IGNORECASE):
        return "it listens"
    if re.search(r"\bUPDATE\s+\w+.*\bSET\b", statement, re.IGNORECASE | re.DOTALL) and (
        VOLATILE.search(statement)
    ):
        return "it updates with a volatile function"
    return None


KEEPING_OTHERS_OUT = ("turn_to_recount",)
"""Statements of upkeep that keep others out on purpose; no write and no search runs one."""


def test_the_statements_lock_no_table_and_update_with_nothing_volatile() -> None:
    assert against_the_rules("LOCK  TABLE posting") == "it locks a table"
    assert against_the_rules("NOTIFY jobs") == "it listens"
    assert against_the_rules("UPDATE posting AS p\nSET a = now()")
    assert against_the_rules("SELECT 1 FROM posting AS p WHERE p.id = %s FOR UPDATE") is None
    found = {
        name: told
        for name, statement in named_statements.load("postgres").items()
        if (told := against_the_rules(statement))
    }
    assert found == dict.fromkeys(KEEPING_OTHERS_OUT, "it locks a table")


SCRIPTS = read_scripts(migrations_folder("postgres"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.id)
def test_what_runs_beside_writers_is_in_steps(script: Script) -> None:
    concurrent = [each for each in statements(script.text("up")) if "CONCURRENTLY" in each.upper()]
    assert script.in_steps or not concurrent
    for each in statements(script.text("up")):
        # One change each: a sharded engine refuses two in one statement.
        assert len(re.findall(r"\b(ADD|DROP|ALTER)\s+(COLUMN|CONSTRAINT)\b", each)) <= 1
    assert all("CONCURRENTLY" not in each.upper() for each in statements(script.text("down")))
