"""Writing the monitoring database: making it, adding samples, pruning.

Everything here blocks, and so belongs on a thread. Reading is in ``reading``; the statements are
in ``sql/monitoring``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.files import open_file
from jobstore.engines.sqlite.locking import FileLock
from jobstore.errors import SchemaMismatch
from jobstore.operations.monitoring.traffic import Key
from jobstore.statements import catalog

SQL = catalog.load("monitoring")

APPLICATION_ID = 0x4A4D4F4E  # "JMON", in the header of the file
VERSION = 1

SAMPLE, MINUTE, HOUR, DAY, EVER = 1, 60, 3600, 86_400, 0
_ROLLED_UP = (EVER, MINUTE, HOUR, DAY)
# Seconds that samples of single processes are kept, for the live view and for alerts.
SAMPLES_KEPT = 2 * HOUR

# Seconds to wait for other processes.
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """Who counted: a process, told from later ones with its number by when it started."""

    pid: int
    started_micros: int
    label: str


@dataclass(slots=True)
class Level:
    """Readings of something that goes up and down."""

    readings: int
    total: int
    lowest: int
    highest: int
    latest: int

    @classmethod
    def of(cls, value: int) -> Level:
        """Return a single reading."""
        return cls(1, value, value, value, value)

    def read(self, value: int) -> None:
        """Add a reading."""
        self.readings += 1
        self.total += value
        self.lowest = min(self.lowest, value)
        self.highest = max(self.highest, value)
        self.latest = value


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days minutes, hours and days are kept; at least 1 each."""

    minutes: float = 2
    hours: float = 30
    days: float = 730


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database alone among the processes that write, and make it if there is none.

    What the block does is one transaction. Raises sqlite3.Error, JobStoreError (the file cannot
    be made, or is of another version, or others keep it locked) and OSError.
    """
    schema.create(path)
    # Closing may write the WAL back, so it belongs under the lock as well.
    with FileLock(path, _PATIENCE), closing(open_file(path, "rw", _PATIENCE)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        # What a power cut takes with it is a few samples.
        connection.execute("PRAGMA synchronous = NORMAL")
        prepare(connection, APPLICATION_ID, VERSION, SQL["schema"])
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection


def prepare(connection: sqlite3.Connection, application_id: int, version: int, tables: str) -> None:
    """Make the tables of a new file. Raises SchemaMismatch for a file of another kind."""
    if not is_made(connection, application_id, version):
        connection.executescript(
            f"BEGIN IMMEDIATE; {tables} PRAGMA application_id = {application_id}; "
            f"PRAGMA user_version = {version}; COMMIT;"
        )


def is_made(connection: sqlite3.Connection, application_id: int, version: int) -> bool:
    """Whether the file has its tables. Raises SchemaMismatch for a file of another kind."""
    found = (
        connection.execute("PRAGMA application_id").fetchone()[0],
        connection.execute("PRAGMA user_version").fetchone()[0],
    )
    if found != (application_id, version) and (found != (0, 0) or schema.objects(connection)):
        raise SchemaMismatch(
            "A file of another program, or of another version of jobstore, stands where "
            "operations keep their records; move it away."
        )
    return found != (0, 0)


def add(
    path: Path,
    process: Process,
    at: int,
    counted: Mapping[Key, int],
    levels: Mapping[str, Level],
    *,
    ended: bool = False,
) -> None:
    """Add what ``process`` counted until ``at`` (Unix time), all of it or nothing."""
    with writing(path) as conn:
        who = (process.pid, process.started_micros, process.label, at, ended)
        ((id,),) = conn.execute(SQL["put_process"], who).fetchall()
        places = [(SAMPLE, at, id)]
        places += [(period, at - at % period if period else 0, 0) for period in _ROLLED_UP]
        conn.executemany(
            SQL["add_tally"],
            [(*place, *key, amount) for place in places for key, amount in counted.items()],
        )
        conn.executemany(
            SQL["add_level"],
            [
                (*place, name, each.readings, each.total, each.lowest, each.highest, each.latest)
                for place in places
                if place[0] != EVER
                for name, each in levels.items()
            ],
        )


def prune(path: Path, keep: Keep, now: float) -> None:
    """Remove what is older than it is to be kept; what was counted ever stays a sum."""
    kept = {
        SAMPLE: SAMPLES_KEPT,
        MINUTE: keep.minutes * DAY,
        HOUR: keep.hours * DAY,
        DAY: keep.days * DAY,
    }
    with writing(path) as conn:
        for period, seconds in kept.items():
            conn.execute(SQL["prune_tally"], (period, int(now - seconds)))
            conn.execute(SQL["prune_level"], (period, int(now - seconds)))
        conn.execute(SQL["prune_process"], (int(now - SAMPLES_KEPT),))
