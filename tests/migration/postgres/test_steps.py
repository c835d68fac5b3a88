"""Migrations in steps: interrupted anywhere, they go on; and nobody who writes waits long."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from jobstore import migrating
from jobstore.engines.postgres import yoyo_backend
from jobstore.errors import MigrationError, StoreBusy
from jobstore.migrating import State
from tests.migration.postgres.test_up_and_down import FILLER, add, objects, run

STEPS = """-- transactional: false
CREATE INDEX CONCURRENTLY posting_title ON posting (title);
ALTER TABLE posting ADD CONSTRAINT titled CHECK (title <> '') NOT VALID;
ALTER TABLE posting VALIDATE CONSTRAINT titled;
DROP INDEX CONCURRENTLY posting_salary;
"""
BACK = """
DROP INDEX posting_title;
ALTER TABLE posting DROP CONSTRAINT titled;
CREATE INDEX posting_salary ON posting (yearly_max, listed_at, listed_tie, id)
    WHERE yearly_max IS NOT NULL;
"""
INSERT = """
INSERT INTO posting (id, listed_at, listed_tie, version, status, source, source_job_id, title,
    company, first_seen_at, last_seen_at, updated_at, digest, seen_digest, form, words)
SELECT gen_random_uuid(), n, 0, 1, 'open', 's', n::text, 't', 'c', 1, 1, 1,
    '\\x0000000000000000', '\\x0000000000000000', 1, 'word:1'
FROM generate_series(1, %s) AS n
"""


def is_done(url: str) -> bool:
    found = objects(url)
    return (
        found.get("posting_title", "").startswith("CREATE INDEX")
        and "not validated" not in found.get("posting.titled", "not validated")
        and "posting_salary" not in found
    )


def test_steps_are_applied_recorded_and_taken_back(url: str, folder: Path) -> None:
    migrating.up(url)
    before = objects(url)
    add(folder, STEPS, BACK)
    assert [step.id for step in migrating.up(url, folder=folder)] == [FILLER]
    assert is_done(url)
    migrating.verify(url, folder=folder)
    assert migrating.up(url, folder=folder) == []
    migrating.down(url, folder=folder)
    assert objects(url) == before
    assert migrating.status(url, folder=folder)[-1].state == State.PENDING


class Interrupted(Exception):
    pass


def test_interrupted_anywhere_it_goes_on(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut after each statement in turn, until there is none left to cut at."""
    migrating.up(url)
    add(folder, STEPS, BACK)
    execute: Callable[..., object] = psycopg.Connection.execute
    for moment in itertools.count(1):
        left = moment

        def cut(self: psycopg.Connection, *args: object, **kwargs: object) -> object:
            nonlocal left
            found = execute(self, *args, **kwargs)
            left -= 1
            if not left:
                self.close()
                raise Interrupted
            return found

        with monkeypatch.context() as patched, suppress(Interrupted):
            patched.setattr(psycopg.Connection, "execute", cut)
            migrating.up(url, folder=folder)
        if left > 0:
            break

        migrating.up(url, folder=folder)

        assert is_done(url)
        with psycopg.connect(url) as conn:
            assert conn.execute("SELECT count(*) FROM _migration_step").fetchone() == (0,)
        migrating.down(url, folder=folder)
    assert moment > 20


def test_an_index_that_was_left_half_built_is_built_anew(url: str, folder: Path) -> None:
    migrating.up(url)
    add(folder, STEPS.replace("CREATE INDEX", "CREATE UNIQUE INDEX"), BACK)
    run(url, INSERT.replace("%s", "2"))
    with pytest.raises(MigrationError, match=f"{FILLER} failed and stopped; what it did before"):
        migrating.up(url, folder=folder)
    assert objects(url)["posting_title"].startswith("invalid CREATE UNIQUE INDEX")
    run(url, "UPDATE posting SET title = source_job_id")
    migrating.up(url, folder=folder)
    migrating.verify(url, folder=folder)


def test_one_that_was_edited_half_way_is_refused(url: str, folder: Path) -> None:
    migrating.up(url)
    add(folder, STEPS + "ALTER TABLE nothing ADD COLUMN a int;", BACK)
    with pytest.raises(MigrationError, match=f"{FILLER} failed and stopped"):
        migrating.up(url, folder=folder)
    add(folder, STEPS, BACK)
    with pytest.raises(MigrationError, match="edited after a part of it was applied"):
        migrating.up(url, folder=folder)


def test_a_killed_build_is_gone_on_with(url: str, folder: Path) -> None:
    migrating.up(url)
    add(folder, STEPS, BACK)
    with psycopg.connect(url) as old:
        # The build waits for this transaction to end.
        old.execute("INSERT INTO posting SELECT * FROM posting")
        process = subprocess.Popen(
            [
                *(sys.executable, "-c"),
                "import sys; from pathlib import Path; from jobstore import migrating\n"
                "migrating.up(sys.argv[1], folder=Path(sys.argv[2]))",
                *(url, folder),
            ]
        )
        wait_for(url, lambda: "posting_title" in objects(url))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert objects(url)["posting_title"].startswith("invalid ")
    migrating.up(url, folder=folder)
    assert is_done(url)


def wait_for(url: str, happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_build_that_waits_too_long_says_so_and_is_gone_on_with(url: str, folder: Path) -> None:
    migrating.up(url)
    add(folder, STEPS, BACK)
    with psycopg.connect(url) as old:
        old.execute("INSERT INTO posting SELECT * FROM posting")
        assert old.info.transaction_status == TransactionStatus.INTRANS
        with pytest.raises(StoreBusy):
            migrating.up(url, folder=folder, timeout=0.3)
    migrating.up(url, folder=folder)
    assert is_done(url)


def test_no_writer_waits_long_while_an_index_is_built_and_a_rule_checked(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asserted is which locks the statements take, and that none is held while it works.

    A look at each statement's end says which locks of the table are held then; a lock that keeps
    writers out may only be one of a transaction that reads no rows.
    """
    migrating.up(url)
    run(url, INSERT.replace("%s", "2000"))
    add(folder, STEPS, BACK)
    stop = threading.Event()
    written = []
    waited: list[str] = []

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            # A writer that had to wait for a whole statement of the migration would be refused;
            # the migration itself waits for its own locks for 40 ms at most.
            while not stop.is_set():
                conn.execute(INSERT, (1,))
                written.append(1)

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as conn:
            while not stop.is_set():
                waited.extend(
                    statement
                    for (statement,) in conn.execute(
                        """SELECT holder.query FROM pg_stat_activity AS waiter
                        CROSS JOIN unnest(pg_blocking_pids(waiter.pid)) AS blocking
                        JOIN pg_stat_activity AS holder ON holder.pid = blocking
                        WHERE waiter.query LIKE '%INSERT INTO posting%'
                            AND holder.query ~ '(CREATE|DROP) INDEX|VALIDATE'"""
                    )
                )

    locks: list[tuple[str, set[str]]] = []
    execute = yoyo_backend._Cursor.execute

    def look(self: psycopg.Cursor, query: str, *bound: object) -> object:
        found = execute(self, query, *bound)
        with psycopg.connect(url, autocommit=True) as conn:
            held = conn.execute(
                """SELECT l.mode FROM pg_locks AS l
                WHERE l.pid = %s AND l.relation = 'posting'::regclass""",
                (self.connection.info.backend_pid,),
            )
            if query.startswith("ALTER"):
                locks.append((query, {mode for (mode,) in held}))
        return found

    monkeypatch.setattr(yoyo_backend._Cursor, "execute", look)
    threads = [threading.Thread(target=each) for each in (write, write, watch)]
    for each in threads:
        each.start()
    try:
        wait_for(url, lambda: len(written) > 20)
        migrating.up(url, folder=folder)
        after = len(written)
        wait_for(url, lambda: len(written) > after + 20)
    finally:
        stop.set()
        for each in threads:
            each.join()
    assert is_done(url)
    # What reads all rows keeps nobody out: of those that need a transaction, only the first takes
    # a lock that does, and reads none.
    assert locks == [
        (
            "ALTER TABLE posting ADD CONSTRAINT titled CHECK (title <> '') NOT VALID",
            {"AccessExclusiveLock"},
        ),
        ("ALTER TABLE posting VALIDATE CONSTRAINT titled", {"ShareUpdateExclusiveLock"}),
    ]
    assert not waited


def test_behind_a_pooler_steps_are_refused_and_transactions_are_not(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler in transaction mode tells a connection another process than the one it works on."""
    migrating.up(url)
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 1)
    before = objects(url)
    add(folder, STEPS, BACK)
    with pytest.raises(MigrationError, match="a connection to the server itself.*the pooler's"):
        migrating.up(url, folder=folder)
    assert objects(url) == before
    add(folder, "CREATE TABLE filler (a int);")
    assert [step.id for step in migrating.up(url, folder=folder)] == [FILLER]
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (int.from_bytes(b"jobstore", "big"),))
        with pytest.raises(StoreBusy, match="Another process changes the schema"):
            migrating.down(url, folder=folder, timeout=0.2)
