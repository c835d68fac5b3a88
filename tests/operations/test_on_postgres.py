"""What operations do to a store on a server, from end to end; the same tests as for a file where
nothing is about files."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

import jobstore
from jobstore import BackupError, Job, JobStore, SearchQuery, StoreUnavailable, migrating
from jobstore.engines import archive_of, upkeep_of
from jobstore.engines.schema import Roles
from jobstore.operations import archiving, backup, maintenance
from jobstore.operations.alerts import causes
from jobstore.operations.backup.restoring import restore
from jobstore.operations.deployment import Deployment, validation
from jobstore.operations.health import examine
from jobstore.operations.monitoring import reading
from jobstore.operations.monitoring.recorder import disk_of, recording
from jobstore.operations.schedule import run_due
from jobstore.settings import parse_store_url, sqlite_url
from jobstore.settings.sections import Settings
from tests.engines.harness import POSTGRES
from tests.fixtures.postgres import PostgresServer, new_name
from tests.fixtures.postings import full, posting
from tests.operations.deploying import (
    COLUMN,
    Migrations,
    deployed,
    gates,
    rolled_back,
    settings_for,
)

pytestmark = pytest.mark.usefixtures("few_calls")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty store on a server."""
    # What operations keep stands where they are run.
    monkeypatch.chdir(tmp_path)
    found = POSTGRES.new_url(tmp_path)
    yield found
    POSTGRES.forget(found)


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    return settings_for(tmp_path, store={"url": url})


def stored(url: str, *postings: dict[str, Any]) -> None:
    async def store() -> None:
        async with jobstore.connect(url) as opened:
            await opened.upsert_many(postings)

    asyncio.run(store())


def content(url: str) -> dict[UUID, Job]:
    """Return all postings of a store."""

    async def read() -> dict[UUID, Job]:
        async with jobstore.connect(url) as opened:
            return {job.id: job async for job in opened.stream(SearchQuery())}

    return asyncio.run(read())


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url) as conn:
        for each in statements:
            conn.execute(each)


def schemas(url: str) -> list[str]:
    """Return the schemas beside the store's own."""
    with psycopg.connect(url) as conn:
        found = conn.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'public_%'")
        return [name for (name,) in found]


def verdicts(url: str, **how: bool) -> dict[str, str]:
    return {each.name: each.verdict.value for each in maintenance.examine(url, **how)}


def test_a_lost_store_comes_back_from_its_backup(settings: Settings, url: str) -> None:
    stored(url, *(full(number) for number in range(20)))
    stored(url, *(posting(number, title=f"New {number}") for number in range(5)))
    before = content(url)
    made = backup.create(settings)
    assert (made.manifest.postings, backup.verify(settings)[0].error) == (20, None)
    execute(url, "DELETE FROM posting", "DELETE FROM counter")
    stored(url, posting(100))
    done = restore(settings, replace=True)
    assert (done.postings, done.path) == (20, str(parse_store_url(url)))
    assert done.loss is not None
    assert str(done.loss).startswith("postings written since then: 1 added, 20 deleted")
    assert content(url) == before
    assert "fail" not in verdicts(url, full=True, verify=True).values()
    # What was there can be had again.
    again = restore(settings, name=done.saved, replace=True)
    assert (again.postings, len(content(url))) == (1, 1)
    assert schemas(url) == []


def test_a_backup_goes_to_a_file_and_back_to_a_server(
    settings: Settings, url: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    stored(url, *(full(number) for number in range(10)))
    backup.create(settings)
    file, other = sqlite_url(tmp_path / "there.db"), postgres.create()
    restore(settings, to=file)
    assert content(file) == content(url)
    assert restore(settings, to=other).advice is None
    assert content(other) == content(url)
    # It is the same store: its own backups are known as such.
    assert archive_of(parse_store_url(other)).identity(parse_store_url(other)) == archive_of(
        parse_store_url(file)
    ).identity(parse_store_url(file))
    # And a store that was always a file comes to a server.
    of_file = settings_for(tmp_path, store={"url": file})
    stored(file, posting(50))
    backup.create(of_file)
    restore(of_file, to=url, replace=True)
    assert content(url) == content(file)


def test_a_restore_test_opens_what_a_backup_gives(settings: Settings, url: str) -> None:
    stored(url, *(full(number) for number in range(10)))
    backup.create(settings)
    tested = backup.run_restore_test(settings)
    assert (tested.ok, tested.error, tested.postings) == (True, None, 10)


def test_nothing_is_restored_over_a_store_or_what_is_none(
    settings: Settings, url: str, postgres: PostgresServer
) -> None:
    stored(url, posting(1))
    backup.create(settings)
    with pytest.raises(BackupError, match="add --replace"):
        restore(settings)
    foreign = postgres.create()
    execute(foreign, "CREATE TABLE of_another (id integer)")
    for replace in (False, True):
        with pytest.raises(BackupError, match="tables of another program"):
            restore(settings, to=foreign, replace=replace)
    assert len(content(url)) == 1


def test_who_has_the_store_open_goes_on_with_what_is_restored(settings: Settings, url: str) -> None:
    """Nobody's write is lost without a word: it is in the store, or in the backup of what was."""
    stored(url, *(full(number) for number in range(10)))
    made = backup.create(settings)

    async def work() -> tuple[list[UUID], str | None]:
        done: list[UUID] = []
        async with jobstore.connect(url) as store:
            ended = asyncio.Event()

            async def write(worker: int) -> None:
                number = 0
                while not ended.is_set():
                    number += 1
                    key = 1000 * (worker + 1) + number
                    done.append((await store.upsert(posting(key))).id)
                    await store.get(done[-1]) if worker == 0 else None
                    await store.search(SearchQuery(), limit=1)

            writers = [asyncio.create_task(write(worker)) for worker in range(3)]
            await asyncio.sleep(0.2)
            restored = await asyncio.to_thread(
                restore, settings, name=made.manifest.name, replace=True
            )
            await asyncio.sleep(0.2)
            ended.set()
            for each in await asyncio.gather(*writers, return_exceptions=True):
                # A posting that was just replaced is not there any more; nothing else fails.
                assert each is None or isinstance(each, jobstore.JobNotFound)
        return done, restored.saved

    done, saved = asyncio.run(work())
    assert saved is not None
    restore(settings, name=saved, to=sqlite_url(Path("saved.db").absolute()))
    there = content(url).keys() | content(sqlite_url(Path("saved.db").absolute())).keys()
    assert set(done) <= there
    assert "fail" not in verdicts(url, verify=True).values()


def test_a_restore_that_is_killed_changes_nothing(settings: Settings, url: str) -> None:
    stored(url, *(full(number) for number in range(10)))
    backup.create(settings)
    stored(url, posting(50))
    restore_killed(settings, "aside._move")
    assert len(content(url)) == 11
    assert len(schemas(url)) == 1
    # The next one tidies up.
    restore(settings, replace=True)
    assert (len(content(url)), schemas(url)) == (10, [])


def test_what_was_replaced_can_be_had_after_a_kill(settings: Settings, url: str) -> None:
    stored(url, *(full(number) for number in range(10)))
    backup.create(settings)
    stored(url, posting(50))
    before = content(url)
    restore_killed(settings, "archive.PostgresArchive._kept")
    assert len(content(url)) == 10
    (left,) = schemas(url)
    # What is said to do works.
    (told,) = archive_of(parse_store_url(url)).asides(parse_store_url(url)).values()
    create, _, remove = told.partition("`jobstore backup create --store ")[2].partition("`. Then")
    old = create.strip("'")
    saved = backup.create(settings_for(Path.cwd(), store={"url": old}))
    execute(url, remove.partition("schema: ")[2])
    assert (saved.manifest.postings, left in old, schemas(url)) == (11, True, [])
    restore(settings, name=saved.manifest.name, replace=True)
    assert content(url) == before


def restore_killed(settings: Settings, where: str) -> None:
    """Restore in a process that is killed when it calls a function of the upkeep."""
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED.format(where), settings.store.url],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr


_KILLED = """
import os, signal, sys
from jobstore.engines.postgres.upkeep import archive, aside
from jobstore.operations.backup.restoring import restore
from jobstore.settings.sections import Settings

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{} = killed
restore(Settings.model_validate({{"store": {{"url": sys.argv[1]}}}}), replace=True)
"""


def test_what_was_replaced_stays_where_it_cannot_be_saved(
    settings: Settings, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(url, *(full(number) for number in range(5)))
    backup.create(settings)
    # A row that is not what was written cannot be copied.
    execute(url, "UPDATE posting SET title = 'damaged' WHERE source_job_id = '1'")
    done = restore(settings, replace=True)
    (left,) = schemas(url)
    assert done.saved == left
    assert any("is not what was written" in each for each in done.warnings)
    assert "fail" not in verdicts(url, verify=True).values()
    report = examine(settings, only=["store"])
    (found,) = [each for each in report.checks if each.name == "store:replaced"]
    assert (found.verdict.value, found.observed) == ("warn", 1)
    assert left in found.advice


def test_rights_on_the_tables_outlive_a_restore(settings: Settings, url: str) -> None:
    """Whoever restores: an administrator, or the role that owns the tables."""
    roles = Roles(*map(new_name, ("owning", "writing", "reading")))
    stored(url, posting(1))
    migrating.roles(url, roles)
    as_role = {name: url.replace("postgres@", f"{name}@") for name in roles}
    try:
        before = rights(url)
        backup.create(settings)
        restore(settings, replace=True)
        assert rights(url) == before
        restore(settings, to=as_role[roles.owner], replace=True)
        assert rights(url) == before
        stored(as_role[roles.writer], posting(2))
        assert len(content(as_role[roles.reader])) == 2
        # Who only reads may look whether all is well, and make backups.
        looked = verdicts(as_role[roles.reader], full=True, verify=True)
        assert "fail" not in looked.values()
        assert looked["schema"] == "warn"
        assert looked["digests"] == "pass"
        assert (
            backup.create(
                settings.model_copy(
                    update={
                        "store": settings.store.model_copy(update={"url": as_role[roles.reader]})
                    }
                )
            ).manifest.postings
            == 2
        )
        # The owner deploys, which takes a schema of its own for a moment.
        done = deployed(settings_for(Path.cwd(), store={"url": as_role[roles.owner]}))
        assert done.go, done.error
    finally:
        for name in roles:
            execute(url, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def rights(url: str) -> list[Any]:
    """Return who owns each table, and who may do what with it."""
    with psycopg.connect(url) as conn:
        return conn.execute(
            "SELECT c.relname, c.relowner::regrole::text, a.grantee::regrole::text, "
            "a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') "
            "AND a.grantee <> c.relowner ORDER BY 1, 2, 3, 4"
        ).fetchall()


def test_a_deployment_can_be_returned_to(settings: Settings, url: str) -> None:
    stored(url, *(full(number) for number in range(10)))
    first = deployed(settings)
    assert first.go, first.error
    assert set(gates(first).values()) <= {"pass", "warn"}
    assert first.versions["postgresql"]
    before = content(url)
    stored(url, posting(50), posting(1, title="Another"))
    done = rolled_back(settings, first.number)
    assert done.go, done.error
    assert str(done.loss) == "postings written since then: 1 added, 1 changed"
    assert content(url) == before
    # Nothing was lost: it is in a backup.
    assert done.saved is not None
    restore(settings, name=done.saved, replace=True)
    assert len(content(url)) == 11


@pytest.fixture
def following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migrations:
    """The migrations of the next jobstore, none of which there is yet."""
    added = Migrations(tmp_path / "migrations", "postgres")
    added.use(monkeypatch.setattr)
    return added


def digests(url: str) -> dict[Any, Any]:
    """Return the digests of all postings, whatever the schema."""
    with psycopg.connect(url) as conn:
        return dict(conn.execute("SELECT id, digest || seen_digest FROM posting").fetchall())


def newest(url: str) -> str:
    return upkeep_of(parse_store_url(url)).condition(parse_store_url(url)).newest


def test_a_rollback_returns_to_an_earlier_schema(
    settings: Settings, url: str, following: Migrations
) -> None:
    stored(url, *(full(number) for number in range(5)))
    first, before = deployed(settings), digests(url)
    assert first.go, first.error
    added = following.add(*COLUMN)
    second = deployed(settings)
    assert (second.applied, second.error, newest(url)) == ([added], None, added)
    stored(url, posting(50))
    back = rolled_back(settings, first.number)
    assert back.go, back.error
    assert (newest(url), digests(url)) == (first.after and first.after.newest, before)
    forth = rolled_back(settings, second.number)
    # What a newer schema alone has a place for is in no backup; the postings are.
    assert (forth.go, digests(url)) == (True, before), forth.error


def test_a_deployment_that_fails_takes_its_migration_back(
    settings: Settings, url: str, following: Migrations, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(url, *(full(number) for number in range(5)))
    before, schema = digests(url), newest(url)
    following.add(*COLUMN)

    def broken(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("planted")

    monkeypatch.setattr(validation.ValidationPhase, "_connect", broken)
    done = deployed(settings)
    assert (done.go, done.left) == (False, [])
    assert (newest(url), digests(url)) == (schema, before)


def test_a_first_deployment_that_fails_leaves_nothing(
    settings: Settings, tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = postgres.create()
    given = settings_for(tmp_path, store={"url": empty})

    def broken(*_: Any) -> None:
        raise StoreUnavailable("planned")

    monkeypatch.setattr(migrating, "verify", broken)
    done = deployed(given)
    assert (done.go, done.left) == (False, [])
    assert upkeep_of(parse_store_url(empty)).condition(parse_store_url(empty)).migrations == ()
    with psycopg.connect(empty) as conn:
        left = conn.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert left.fetchone() == (0,)


def test_a_record_of_a_deployment_has_no_password(tmp_path: Path, url: str) -> None:
    secret = url.replace("postgres@", "postgres:hunter2@")
    done: Deployment = deployed(settings_for(tmp_path, store={"url": secret}))
    assert done.go, done.error
    assert "hunter2" not in done.store
    folder = settings_for(tmp_path, store={"url": secret}).state_folder
    written = [each.read_bytes() for each in folder.rglob("*") if each.is_file()]
    assert written
    assert not any(b"hunter2" in each for each in written)


def test_health_of_a_good_server(settings: Settings, url: str) -> None:
    stored(url, posting(1))
    checks = {each.name: each for each in examine(settings).checks}
    assert all(each.verdict.value != "fail" for each in checks.values())
    assert checks["server:connections"].unit == "percent"
    assert checks["server:counts"].unit == "changes"
    assert "not known" in checks["disk:free"].output
    # Nothing is said of files that there are not.
    assert not any(name.startswith("wal:") for name in checks)


def test_health_of_a_server_with_old_transactions_and_hardly_a_connection_left(
    settings: Settings, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobstore.engines.postgres.upkeep import signs

    monkeypatch.setattr(signs, "_LONG", -1.0)
    monkeypatch.setattr(signs, "_MANY", -1.0)
    monkeypatch.setattr(signs, "_TOO_MANY", -1.0)
    with psycopg.connect(url) as conn:
        conn.execute("SET application_name = 'forgetful'")
        conn.execute("SELECT 1 FROM posting")
        checks = {each.name: each for each in examine(settings, only=["server"]).checks}
    assert checks["server:transactions"].verdict.value == "warn"
    assert "forgetful" in checks["server:transactions"].output
    assert checks["server:connections"].verdict.value == "fail"


def test_health_of_a_server_that_takes_nobody_more_or_is_gone(
    tmp_path: Path, url: str, postgres: PostgresServer
) -> None:
    database = url.partition("?")[0].rpartition("/")[2]
    role = new_name("crowded")
    execute(postgres.url, f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    full = url.replace("postgres@", f"{role}@")
    try:
        execute(url, f"GRANT pg_read_all_data TO {role}")
        with ExitStack() as stack:
            stack.enter_context(psycopg.connect(full))
            report = examine(settings_for(tmp_path, store={"url": full}))
        worst = {each.name: each for each in report.checks if each.verdict.value == "fail"}
        assert {"server:connections", "store:responseTime"} <= worst.keys()
        assert "connection" in worst["server:connections"].output
    finally:
        execute(url, f"DROP OWNED BY {role}")
        execute(postgres.url, f"DROP ROLE {role}")
    nowhere = f"postgresql://postgres@127.0.0.1:1/{database}"
    gone = settings_for(tmp_path, store={"url": nowhere})
    worst = {each.name: each for each in examine(gone).checks if each.verdict.value == "fail"}
    assert "cannot be reached" in worst["store:responseTime"].output
    # One cause, one notification.
    ranks = {name: each.verdict.rank for name, each in worst.items()}
    cause = {"server:connections": ranks["server:connections"]}
    assert causes.results(cause, ranks) == worst.keys() - {"server:connections"}


def test_what_is_due_is_done(settings: Settings, url: str) -> None:
    stored(url, *(full(number) for number in range(5)))
    names = ("backup", "verify", "checkpoint", "optimize", "health")
    outcomes = {each.name: each.outcome for each in run_due(settings, only=names, force=True)}
    assert outcomes == dict.fromkeys(names, "done") | {"checkpoint": "skipped"}
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM counter_delta").fetchone() == (0,)


def test_programs_that_use_it_are_watched(settings: Settings, url: str) -> None:
    async def use(store: JobStore) -> None:
        async with recording(store, settings, label="scraper"):
            await store.upsert(posting(1))

    async def work() -> None:
        async with jobstore.connect(url) as store:
            await use(store)

    asyncio.run(work())
    found = reading.ever(settings.operations_db)
    assert sum(each.count for each in found.values()) == 1
    frame = reading.frame(settings.operations_db, disk_of(settings), 0.0)
    # The disk that this machine has says nothing of the server's.
    assert (frame.wal_bytes, frame.disk_free_bytes) == (None, None)


def test_a_log_is_the_servers_own_business_and_that_is_said(settings: Settings, url: str) -> None:
    for ask in (archiving.drill, archiving.standing):
        with pytest.raises(StoreUnavailable, match="Its server archives its own log"):
            ask(settings)
    checks = {each.name: each for each in examine(settings, only=["archive"]).checks}
    assert "Its server archives its own log" in checks["archive:lag"].output
    assert {each.verdict.value for each in checks.values()} == {"pass"}


def test_a_second_that_a_server_alone_has_is_told_with_where_to_find_it(
    settings: Settings, url: str, tmp_path: Path
) -> None:
    """No setting of ours could have kept it."""
    backup.create(settings)
    (told,) = archiving.restore_at(settings, None, to=sqlite_url(tmp_path / "newest.db")).warnings
    assert "Its server archives its own log" in told
    assert "in the settings" not in told
    with pytest.raises(BackupError, match="no log was kept; .* Its server archives its own log"):
        archiving.restore_at(settings, 1, to=sqlite_url(tmp_path / "then.db"))


def test_a_dump_is_of_one_moment(url: str, tmp_path: Path) -> None:
    """Whoever replaces the tables while it begins is waited for, and no half of it is seen."""
    stored(url, *(full(number) for number in range(5)))
    address = parse_store_url(url)
    archive_of(address).dump(address, tmp_path / "copy.db", lambda *_: None)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as conn:
        assert conn.execute("SELECT count(*) FROM posting").fetchone() == (5,)
    assert [each.name for each in tmp_path.glob("copy.db-*") if each.suffix != ".lock"] == []
