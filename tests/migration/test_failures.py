"""A migration that fails or is killed leaves nothing behind, and several at once do it once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from jobstore import migrating
from jobstore.engines.sqlite import schema
from jobstore.errors import JobStoreError, MigrationError, StorageFull, StoreUnavailable
from jobstore.migrating import State
from tests.fixtures.migrations import IDS, next_id

Start = Callable[..., subprocess.Popen[str]]

FILLER = next_id("filler")
APPLIED = [State.APPLIED] * len(IDS)

_UP = """
import sys
from pathlib import Path
from jobstore import migrating
print("started", flush=True)
sys.stdin.readline()
steps = migrating.up(sys.argv[1], folder=Path(sys.argv[2]))
print(*[step.id for step in steps])
"""

# Big enough to be written to the file before it is committed, and long enough to be shot at.
_FILL = """
CREATE TABLE filler (body BLOB);
INSERT INTO filler
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000)
SELECT zeroblob(1000) FROM n;
"""


def _add(folder: Path, forward: str, back: str = "DROP TABLE filler;") -> None:
    (folder / f"{FILLER}.sql").write_text(forward)
    (folder / f"{FILLER}.rollback.sql").write_text(back)


def _state(url: str, folder: Path) -> list[State]:
    return [each.state for each in migrating.status(url, folder=folder)]


def _objects(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        return schema.objects(connection)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("CREATE TABLE filler (a); CREATE TABLE posting (a);", "already exists"),
        ("CREATE TABLE filler (a); CREAT TABLE b (a);", "syntax error"),
        ("CREATE TABLE filler (a UNIQUE); INSERT INTO filler VALUES (1), (1);", "UNIQUE"),
        ("-- transactional: false\nCREATE TABLE filler (a);", "outside of a transaction"),
        ("-- depends: 0099.nothing\nCREATE TABLE filler (a);", "depend"),
        ("CREATE TABLE filler (a); COMMIT;", "cannot begin or end a transaction"),
        ("CREATE TABLE filler (a); ROLLBACK; BEGIN;", "cannot begin or end a transaction"),
    ],
)
def test_a_failing_migration_leaves_nothing(
    store_url: str, path: Path, folder: Path, sql: str, told: str
) -> None:
    migrating.up(store_url)
    before = _objects(path)
    _add(folder, sql)
    with pytest.raises(MigrationError, match=f"{FILLER} failed and left nothing.*{told}"):
        migrating.up(store_url, folder=folder)
    assert _objects(path) == before
    assert _state(store_url, folder) == [*APPLIED, State.PENDING]
    _add(folder, "CREATE TABLE filler (a);")
    assert [step.id for step in migrating.up(store_url, folder=folder)] == [FILLER]


def test_those_before_a_failing_migration_stay(store_url: str, folder: Path) -> None:
    _add(folder, "no sql at all;")
    with pytest.raises(MigrationError, match=f"{FILLER} failed"):
        migrating.up(store_url, folder=folder)
    assert _state(store_url, folder) == [*APPLIED, State.PENDING]


def test_a_failing_rollback_leaves_everything(store_url: str, path: Path, folder: Path) -> None:
    _add(folder, "CREATE TABLE filler (a);", "DROP TABLE filler; DROP TABLE nothing;")
    migrating.up(store_url, folder=folder)
    before = _objects(path)
    with pytest.raises(MigrationError, match=f"{FILLER} failed"):
        migrating.down(store_url, folder=folder)
    assert _objects(path) == before
    assert _state(store_url, folder) == [*APPLIED, State.APPLIED]


def test_statements_that_return_rows_print_nothing(
    store_url: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _add(folder, "PRAGMA user_version; CREATE TABLE filler (a); SELECT 1 AS one;")
    migrating.up(store_url, folder=folder)
    assert capfd.readouterr() == ("", "")


_FULL = """
import resource, signal, sys
from pathlib import Path
from jobstore import errors, migrating
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    migrating.up(sys.argv[1], folder=Path(sys.argv[2]))
except errors.StoreUnavailable as error:
    print(type(error).__name__)
"""


def test_a_disk_that_is_full_leaves_nothing(
    store_url: str, path: Path, folder: Path, start_python: Start
) -> None:
    _add(folder, _FILL.replace("20000000", "20000"))
    limit = str(4 * 1024 * 1024)
    out, _ = start_python(_FULL, store_url, str(folder), limit).communicate(timeout=60)
    # A limit of the process makes a failed write out of what a full disk makes "full".
    assert out.strip() in ("StorageFull", "StoreUnavailable")
    assert _state(store_url, folder) == [*APPLIED, State.PENDING]
    assert "filler" not in _objects(path)
    assert [step.id for step in migrating.up(store_url, folder=folder)] == [FILLER]


def test_no_room_for_another_page_is_storage_full(
    store_url: str, path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(folder, _FILL.replace("20000000", "2000"))
    connect = schema.connect

    def small(path: Path, timeout: float) -> sqlite3.Connection:
        connection = connect(path, timeout)
        connection.execute("PRAGMA max_page_count = 100")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(schema, "connect", small)
        with pytest.raises(StorageFull):
            migrating.up(store_url, folder=folder)
    assert _state(store_url, folder) == [*APPLIED, State.PENDING]
    assert "filler" not in _objects(path)
    assert [step.id for step in migrating.up(store_url, folder=folder)] == [FILLER]


def test_killed_in_the_middle_then_tried_again(
    store_url: str, path: Path, folder: Path, start_python: Start
) -> None:
    _add(folder, _FILL)
    process = start_python(_UP, store_url, str(folder))
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "started\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    wal = path.with_name("jobs.db-wal")
    while process.poll() is None and not (wal.exists() and wal.stat().st_size > 20_000_000):
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert _state(store_url, folder) == [*APPLIED, State.PENDING]
    assert "filler" not in _objects(path)
    _add(folder, "CREATE TABLE filler (a);")
    assert [step.id for step in migrating.up(store_url, folder=folder)] == [FILLER]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_eight_processes_apply_each_migration_once(
    store_url: str, path: Path, folder: Path, start_python: Start
) -> None:
    processes = [start_python(_UP, store_url, str(folder)) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
    outputs = [process.communicate("go\n", timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, outputs
    applied = sorted(id for output in outputs for id in output.split())
    assert applied == [each.id for each in migrating.status(store_url)]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM _yoyo_log").fetchone() == (len(IDS),)
    migrating.verify(store_url)


class _FailingCommit(sqlite3.Connection):
    """Fails the first COMMIT, as a disk may."""

    failures = 1

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        if sql == "COMMIT" and self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *parameters)


def test_a_failing_commit_leaves_nothing(
    store_url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Path, timeout: float) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, factory=_FailingCommit)

    with monkeypatch.context() as patched:
        patched.setattr(schema, "connect", failing)
        with pytest.raises(JobStoreError):
            migrating.up(store_url)
    assert _objects(path) == {}
    assert [step.id for step in migrating.up(store_url)] == IDS


def test_a_database_that_cannot_be_shared_is_refused(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite answers with the mode it stays in; a database in memory knows no WAL either.
    monkeypatch.setattr(
        schema, "connect", lambda _path, _timeout: sqlite3.connect(":memory:", isolation_level=None)
    )
    with pytest.raises(StoreUnavailable, match="put the store on a local disk"):
        migrating.up(store_url)
