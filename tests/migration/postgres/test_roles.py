"""``jobstore migrate roles``: each role can do what it is for, and no more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from jobstore import migrating
from jobstore.errors import MigrationError, StoreUnavailable
from jobstore.migrating import Roles
from tests.contract.cli.commands import unannounced
from tests.fixtures.postgres import PostgresServer, new_name

Run = Callable[..., subprocess.CompletedProcess[str]]


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}@{host}"))


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


@pytest.fixture
def names(postgres: PostgresServer, url: str) -> Iterator[Roles]:
    """Names of roles that nobody else has; they are gone afterwards."""
    names = Roles(*map(new_name, ("owner", "writer", "reader")))
    yield names
    with psycopg.connect(postgres.url, autocommit=True) as conn:
        there = {name for (name,) in conn.execute("SELECT rolname FROM pg_roles")}
    for name in there.intersection(names):
        run(
            url,
            sql.SQL("DROP OWNED BY {0} CASCADE").format(sql.Identifier(name)).as_string(),
            sql.SQL("DROP ROLE {0}").format(sql.Identifier(name)).as_string(),
        )


# What belongs to whom beside the owner, who may all: "w" the writing role alone, "rw" both.
RIGHTS = {
    "SELECT count(*) FROM posting": "rw",
    "SELECT count(*) FROM postings": "rw",
    "SELECT count(*) FROM revision": "rw",
    "SELECT count(*) FROM counter": "rw",
    "SELECT count(*) FROM counter_delta": "rw",
    "SELECT count(*) FROM store_property": "rw",
    "SELECT count(*) FROM _yoyo_migration": "rw",
    "SELECT count(*) FROM _migration_checksum": "rw",
    "SELECT 1 FROM posting FOR UPDATE": "w",
    "INSERT INTO posting SELECT * FROM posting": "w",
    "UPDATE posting SET title = 'x'": "w",
    "DELETE FROM posting": "w",
    "DELETE FROM revision": "w",
    "DELETE FROM counter": "w",
    "INSERT INTO counter_delta VALUES ('a', 'b', 'c', 1)": "w",
    "UPDATE store_property SET value = ''": "",
    "DELETE FROM store_property": "",
    "SELECT count(*) FROM _yoyo_log": "",
    "SELECT count(*) FROM _yoyo_version": "",
    "SELECT count(*) FROM _migration_step": "",
    "DELETE FROM _yoyo_migration": "",
    "UPDATE _migration_checksum SET checksum = ''": "",
    "TRUNCATE posting": "",
    "DROP TABLE counter_delta": "",
    "ALTER TABLE posting ADD COLUMN more text": "",
    "CREATE INDEX more ON posting (title)": "",
    "CREATE TABLE more (a int)": "",
    "CREATE TEMPORARY TABLE more (a int)": "",
    "CREATE SCHEMA more": "",
    "CREATE VIEW more AS SELECT 1": "",
    "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'": "",
    "CREATE TRIGGER more BEFORE UPDATE ON posting FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()": "",
    "GRANT SELECT ON posting TO PUBLIC": "",
    "CREATE ROLE more": "",
    "CREATE DATABASE more": "",
    "SELECT pg_read_file('PG_VERSION')": "",
    "COPY posting TO PROGRAM 'true'": "",
}


def may(url: str) -> set[str]:
    """Return which of the statements a role may run; each is undone."""
    allowed = set()
    with psycopg.connect(url) as conn:
        for statement in RIGHTS:
            try:
                with conn.transaction(force_rollback=True):
                    conn.execute(statement.encode())
                    # The right to grant what one has not is refused with a warning alone.
                    if statement.startswith("GRANT"):
                        found = conn.execute(
                            "SELECT 1 FROM pg_class AS c, aclexplode(c.relacl) AS a"
                            " WHERE c.relname = 'posting' AND a.grantee = 0"
                        )
                        if found.fetchone() is None:
                            continue
            except InsufficientPrivilege:
                continue
            except psycopg.errors.ActiveSqlTransaction:
                continue
            allowed.add(statement)
    return allowed


def _expected(who: str) -> set[str]:
    return {statement for statement, whom in RIGHTS.items() if who in whom}


@pytest.mark.parametrize("first", ["roles", "migrations"])
def test_each_role_can_no_more_than_it_should(url: str, names: Roles, first: str) -> None:
    if first == "roles":
        # The administrator makes them in an empty database, and the owner's tables follow.
        assert migrating.roles(url, names)[0] == names
        migrating.up(as_role(url, names.owner))
    else:
        migrating.up(url)
        migrating.roles(url, names)
    # Again, it changes nothing.
    migrating.roles(url, names)
    assert may(as_role(url, names.writer)) == _expected("w")
    assert may(as_role(url, names.reader)) == _expected("r")
    owner = as_role(url, names.owner)
    migrating.verify(owner)
    migrating.down(owner, "0")
    migrating.up(owner)
    # What was made later has the same rights.
    assert may(as_role(url, names.writer)) == _expected("w") | {
        "UPDATE store_property SET value = ''",
        "DELETE FROM store_property",
    }
    migrating.roles(url, names)
    assert may(as_role(url, names.writer)) == _expected("w")
    assert may(as_role(url, names.reader)) == _expected("r")


def test_roles_that_are_not_the_owner_see_whether_the_schema_fits(url: str, names: Roles) -> None:
    migrating.up(url)
    migrating.roles(url, names)
    for name in (names.writer, names.reader):
        mine = as_role(url, name)
        migrating.check_schema(mine)
        assert migrating.status(mine)
        with pytest.raises(StoreUnavailable, match="migrating the owner"):
            migrating.down(mine)


def test_too_many_rights_are_taken_away(url: str, names: Roles) -> None:
    migrating.up(url)
    migrating.roles(url, names)
    run(
        url,
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {names.reader}",
        f"GRANT ALL ON SCHEMA public TO {names.writer}",
        "GRANT ALL ON posting TO PUBLIC",
    )
    migrating.roles(url, names)
    assert may(as_role(url, names.writer)) == _expected("w")
    assert may(as_role(url, names.reader)) == _expected("r")


def test_a_dry_run_prints_what_would_be_done_and_changes_nothing(url: str, names: Roles) -> None:
    migrating.up(url)
    found, statements = migrating.roles(url, names, dry_run=True)
    assert f'CREATE ROLE "{names.writer}" LOGIN' in statements
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(as_role(url, names.writer))
    run(url, *statements)
    assert may(as_role(url, found.writer)) == _expected("w")


@pytest.mark.parametrize(
    "name", ["", "pg_mine", "public", "a" * 64, "a\nb", "none", "\udcff"], ids=ascii
)
def test_a_name_that_cannot_be_one_is_refused(url: str, name: str) -> None:
    with pytest.raises(StoreUnavailable, match="cannot have the name"):
        migrating.roles(url, Roles(writer=name))


def test_a_name_is_a_name_and_no_statement(url: str, names: Roles) -> None:
    wanted = names._replace(reader=names.reader + '"; DROP TABLE posting; --')
    migrating.up(url)
    migrating.roles(url, wanted)
    migrating.verify(url)
    with psycopg.connect(url, autocommit=True) as conn:
        there = {name for (name,) in conn.execute("SELECT rolname FROM pg_roles")}
        assert wanted.reader in there
        for each in ("DROP OWNED BY {} CASCADE", "DROP ROLE {}"):
            conn.execute(sql.SQL(each).format(sql.Identifier(wanted.reader)))


def test_roles_that_are_the_same_or_may_do_everything_are_refused(url: str, names: Roles) -> None:
    migrating.up(url)
    with pytest.raises(StoreUnavailable, match="must differ"):
        migrating.roles(url, names._replace(reader=names.writer))
    with pytest.raises(StoreUnavailable, match="The role postgres may do more than"):
        migrating.roles(url, names._replace(writer="postgres"))
    migrating.roles(url, names)
    run(url, f"GRANT {names.owner} TO {names.writer}")
    with pytest.raises(StoreUnavailable, match=f"The role {names.writer} may do more than"):
        migrating.roles(url, names)


def test_an_account_that_may_not_make_roles_is_told_what_to_do(url: str, names: Roles) -> None:
    migrating.roles(url, names)
    migrating.up(as_role(url, names.owner))
    other = names._replace(reader=f"{names.reader}_more")
    with pytest.raises(StoreUnavailable, match=r"nothing was changed.*CREATEROLE.*--dry-run"):
        migrating.roles(as_role(url, names.owner), other)
    # Those that are there, the owner may give their rights.
    migrating.roles(as_role(url, names.owner), names)
    assert may(as_role(url, names.reader)) == _expected("r")


def test_the_command(run_command: Run, url: str, names: Roles, store_url: str) -> None:
    assert run_command("migrate", "up", "--store", url).returncode == 0
    options = [f"--owner={names.owner}", f"--writer={names.writer}", f"--reader={names.reader}"]
    call = ("migrate", "roles", "--store", url, *options)
    printed = run_command(*call, "--dry-run")
    assert (printed.returncode, unannounced(printed.stderr)) == (0, "")
    assert printed.stdout.startswith(f'CREATE ROLE "{names.owner}" LOGIN;\n')
    told = run_command(*call)
    assert told.returncode == 0, told.stderr
    assert told.stdout == (
        f"{names.owner} migrates, {names.writer} writes, {names.reader} reads. A role without a "
        f"password gets one in psql: \\password {names.writer}\n"
    )
    answer = json.loads(run_command(*call, "--json").stdout)
    assert {each: answer[each] for each in Roles._fields} == names._asdict()
    refused = run_command("migrate", "roles", "--store", store_url)
    assert refused.returncode == 1
    assert "A SQLite store has no roles" in refused.stderr
    with pytest.raises(MigrationError, match="no roles"):
        migrating.roles(store_url)
