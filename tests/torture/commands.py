"""Every command that changes something, as a case: what it finds, and what must hold afterwards.

A case is prepared in an empty folder, run once while something goes wrong, judged, run again
without any fault, and judged once more. What goes wrong is no concern of this module.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jobstore
from jobstore import job_id, migrating
from jobstore.operations.archiving import restore_at, ship
from jobstore.operations.backup import creation
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings
from tests.engines.harness import SQLITE
from tests.operations.guides import PATIENT
from tests.torture.acknowledged import (
    ABSENT,
    SOURCE,
    all_of,
    compare,
    doctor,
    judge,
    made,
    read_log,
    stored,
)
from tests.torture.rounds import Outcome

REPOSITORY = Path(__file__).parents[2]
_ENVIRONMENT = {"PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1", "TERM": "dumb"}
# Seconds that a command may take, far above what a loaded machine needs.
PATIENCE = 90
OLD = [f"old-{number}" for number in range(40)]
NEW = [f"new-{number}" for number in range(560)]
LATER = [f"later-{number}" for number in range(10)]


def settings_of(store: Path, **backup: Any) -> Settings:
    """Return the settings of a store, with what ``backup`` says."""
    return Settings.model_validate({"store": {"url": sqlite_url(store)}, "backup": backup})


@dataclass(frozen=True)
class Place:
    """Where a case lives: a folder that may be on a disk of its own, and one beside it."""

    folder: Path
    beside: Path

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.folder / "jobs.db"

    @property
    def settings(self) -> Settings:
        """The settings of the store, with backups beside it."""
        return settings_of(self.store)

    def load(self, editions: Mapping[str, int]) -> None:
        """Store these postings, and leave all of it in the database file."""
        if not self.store.exists():
            SQLITE.make(self.store)

        async def load() -> None:
            async with jobstore.connect(sqlite_url(self.store)) as store:
                await store.upsert_many(made(*each) for each in editions.items())

        asyncio.run(load())


def run(
    place: Place, arguments: list[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str] | None:
    """Run ``python -W error -m ARGUMENTS`` in the place's folder; ``None`` when it hangs."""
    clean = {name: value for name, value in os.environ.items() if "JOBSTORE" not in name}
    try:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", *arguments],
            cwd=place.beside,
            env={**clean, **PATIENT, **_ENVIRONMENT, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return None


@dataclass(frozen=True)
class Case:
    """A command; the methods are those of one that leaves the postings as they are."""

    name: str
    arguments: tuple[str, ...]
    # What is told of a finished command that was repeated; some say no to a second time.
    codes: tuple[int, ...] = (0,)
    before: Mapping[str, int] = field(default_factory=lambda: all_of(OLD, 1))
    after: Mapping[str, int] = field(default_factory=lambda: all_of(OLD, 1))
    # Whether what it changes is there wholly or not at all.
    atomic: bool = False

    def prepare(self, place: Place) -> None:
        """Make what the command finds."""
        place.load(self.before)

    def command(self, place: Place) -> list[str]:
        """Return what follows ``python -m``."""
        filled = [each.format(folder=place.folder) for each in self.arguments]
        return ["jobstore", *filled, "--store", sqlite_url(place.store)]

    def judge(self, place: Place, outcome: Outcome) -> None:
        """Judge what the fault has left."""
        doctor(place.store, outcome)
        told = stored(self.before)
        for key in self.before.keys() | self.after.keys():
            told.maybe[key] = [self.after.get(key, ABSENT)]
        found = compare(place.store, told, outcome)
        if self.atomic and found not in (self.before, self.after):
            outcome.fault("wrong", "neither what was before nor what should be after")

    def repeat(self, place: Place, outcome: Outcome) -> None:
        """Run the command again, without a fault, and judge what is there then."""
        done = run(place, self.command(place))
        if done is None:
            outcome.fault("hung", "the command that was repeated does not end")
            return
        if done.returncode not in self.codes:
            told = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            outcome.fault("wrong", f"repeated, it ends with {done.returncode}: {told[-1]}")
        outcome.acknowledged += 1
        self.finish(place)
        doctor(place.store, outcome, " after the repetition")
        compare(place.store, stored(self.after), outcome)

    def finish(self, place: Place) -> None:
        """Do what is needed before the postings can be compared."""


class Import(Case):
    """Takes postings in, from a file."""

    def prepare(self, place: Place) -> None:
        super().prepare(place)
        lines = (json.dumps(made(key, 1)) + "\n" for key in NEW)
        (place.folder / "new.jsonl").write_text("".join(lines), encoding="utf-8")


class Delete(Case):
    """Deletes some postings, by their ids."""

    def command(self, place: Place) -> list[str]:
        return [*super().command(place), *(str(job_id(SOURCE, key)) for key in OLD[:5])]


class Migration(Case):
    """Changes the schema; the postings can be compared when it is up to date again."""

    def judge(self, place: Place, outcome: Outcome) -> None:
        with closing(sqlite3.connect(place.store)) as conn:
            if conn.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                outcome.fault("wrong", "the file is not sound")
            if conn.execute("SELECT count(*) FROM posting").fetchone() != (len(OLD),):
                outcome.fault("lost", "postings went with a migration")

    def finish(self, place: Place) -> None:
        migrating.up(sqlite_url(place.store))


class MigrateUp(Migration):
    """Brings a store of an older schema up to date."""

    def prepare(self, place: Place) -> None:
        super().prepare(place)
        migrating.down(sqlite_url(place.store), to="0003.readable-view")


class Backup(Case):
    """Backs the store up."""

    def judge(self, place: Place, outcome: Outcome) -> None:
        super().judge(place, outcome)
        self._verify(place, outcome, (0, 1))

    def repeat(self, place: Place, outcome: Outcome) -> None:
        super().repeat(place, outcome)
        self._verify(place, outcome, (0,))

    def _verify(self, place: Place, outcome: Outcome, codes: tuple[int, ...]) -> None:
        url = ["--store", sqlite_url(place.store)]
        done = run(place, ["jobstore", "backup", "verify", *url, "--json"])
        if done is None:
            outcome.fault("hung", "the verification of a backup does not end")
        elif done.returncode not in codes:
            outcome.fault("wrong", f"the backup is not good: {done.stderr.strip()}")
        elif done.returncode == 1 and "no backup" not in done.stderr.lower():
            # Before it was repeated there may be none, but none that is half.
            outcome.fault("wrong", f"a backup is half there: {done.stderr or done.stdout}")


class Replace(Case):
    """Restores a backup in the place of a store that has moved on."""

    def prepare(self, place: Place) -> None:
        place.load(self.after)
        name = creation.create(place.settings).manifest.name
        (place.beside / "backup").write_text(name)
        place.load(self.before)

    def command(self, place: Place) -> list[str]:
        # By its name: what a restore replaces becomes the newest backup.
        return [*super().command(place), (place.beside / "backup").read_text()]


class Restore(Case):
    """Restores a backup where there is no store."""

    def prepare(self, place: Place) -> None:
        place.load(self.before)
        creation.create(place.settings)
        for file in place.folder.glob("jobs.db*"):
            if file.is_file():
                file.unlink()

    def judge(self, place: Place, outcome: Outcome) -> None:
        # There is none, or it is whole.
        if place.store.exists():
            super().judge(place, outcome)


class Archive(Case):
    """Brings the log of a store that has moved on to its folder and to a place, once."""

    def prepare(self, place: Place) -> None:
        place.load(all_of(OLD, 1))
        (place.folder / "far").mkdir()
        ship(self._settings(place))
        place.load(_moved_on())

    def command(self, place: Place) -> list[str]:
        return ["tests.torture.archiving", str(place.store), str(place.folder / "far")]

    def repeat(self, place: Place, outcome: Outcome) -> None:
        super().repeat(place, outcome)
        # Each place alone gives all of it.
        for number, kept in enumerate((place.settings.backups_folder, place.folder / "far")):
            target = place.beside / f"restored-{number}.db"
            settings = settings_of(place.beside / "lost" / "jobs.db", folder=str(kept))
            restore_at(settings, None, to=sqlite_url(target))
            doctor(target, outcome, f" of what {kept.name} gives")
            compare(target, stored(self.after), outcome)

    def _settings(self, place: Place) -> Settings:
        return settings_of(place.store, places=[str(place.folder / "far")])


class RestoreAt(Restore):
    """Restores a store that is lost from a backup and the log of what came after it."""

    def prepare(self, place: Place) -> None:
        place.load(all_of(OLD, 1))
        ship(place.settings)
        place.load(self.before)
        ship(place.settings)
        for file in place.folder.glob("jobs.db*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()


class Repair(Case):
    """Repairs counters and the full-text index."""

    def prepare(self, place: Place) -> None:
        super().prepare(place)
        with closing(sqlite3.connect(place.store)) as conn:
            conn.execute("UPDATE counter SET amount = amount + 1 WHERE kind = 'status'")
            sql = "SELECT name FROM sqlite_schema WHERE sql LIKE '%USING fts5 (%'"
            for (index,) in conn.execute(sql).fetchall():
                conn.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")
            conn.commit()

    def judge(self, place: Place, outcome: Outcome) -> None:
        with closing(sqlite3.connect(place.store)) as conn:
            rows = conn.execute("SELECT source_job_id FROM posting").fetchall()
        if {key for (key,) in rows} != set(OLD):
            outcome.fault("lost", "a repair lost postings")


class Export(Case):
    """Writes postings to a file."""

    def judge(self, place: Place, outcome: Outcome) -> None:
        super().judge(place, outcome)
        self._look(place, outcome)

    def finish(self, place: Place) -> None:
        if not (place.folder / "out.jsonl").exists():
            raise AssertionError("the export wrote nothing")

    def _look(self, place: Place, outcome: Outcome) -> None:
        file = place.folder / "out.jsonl"
        if file.exists():
            lines = file.read_text(encoding="utf-8").splitlines()
            if {json.loads(line)["source_job_id"] for line in lines} != set(OLD):
                outcome.fault("wrong", "an export is half there")


class Writing(Case):
    """The library instead of a command: coroutines that write, with a log of it."""

    def prepare(self, place: Place) -> None:
        place.load({})

    def command(self, place: Place) -> list[str]:
        log = str(place.beside / "log")
        options = ["--writes", "240", *self.arguments, "--busy-timeout", "5"]
        return ["tests.torture.writing", str(place.store), log, "w", str(place.beside), *options]

    def judge(self, place: Place, outcome: Outcome) -> None:
        self._judge(place, outcome)

    def repeat(self, place: Place, outcome: Outcome) -> None:
        (place.beside / "log").unlink(missing_ok=True)
        # It begins with its editions anew.
        for file in place.folder.glob("jobs.db*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
        self.prepare(place)
        if run(place, self.command(place)) is None:
            outcome.fault("hung", "the writer does not end")
        # Who updates what was deleted is told so.
        self._judge(place, outcome, usual={"JobNotFound"})

    def _judge(self, place: Place, outcome: Outcome, usual: Collection[str] | None = None) -> None:
        judge(place.store, read_log(place.beside / "log"), outcome, usual=usual)


def _moved_on() -> dict[str, int]:
    return {**all_of(OLD, 2), **all_of(LATER, 1)}


WRITING = Writing("writing", ())
REPLACING = Replace("restore --replace", ("restore", "--replace"), before=_moved_on(), atomic=True)
CASES: tuple[Case, ...] = (
    WRITING,
    Import(
        "import",
        ("import", "{folder}/new.jsonl", "--format", "jsonl"),
        after={**all_of(OLD, 1), **all_of(NEW, 1)},
    ),
    Delete(
        "delete",
        ("delete", "--yes"),
        codes=(0, 1),
        after={**all_of(OLD[5:], 1), **all_of(OLD[:5], ABSENT)},
    ),
    MigrateUp("migrate up", ("migrate", "up")),
    Migration("migrate down", ("migrate", "down", "--to", "0003.readable-view", "--yes")),
    Backup("backup create", ("backup", "create")),
    Restore("restore", ("restore",), codes=(0, 1)),
    Archive("archive", (), before=_moved_on(), after=_moved_on()),
    RestoreAt(
        "restore --at",
        ("restore", "--at", "latest"),
        codes=(0, 1),
        before=_moved_on(),
        after=_moved_on(),
        atomic=True,
    ),
    REPLACING,
    Case("vacuum", ("vacuum",)),
    Repair("doctor --repair", ("doctor", "--repair", "--yes")),
    Export("export", ("export", "--output", "{folder}/out.jsonl")),
    Case("deploy", ("deploy", "--environment", "development", "--no-rollback")),
    Case("run-due", ("run-due",)),
)


def judged(case: Case, place: Place, done: Any, outcome: Outcome) -> None:
    """Judge a command that something happened to, and whether it can be repeated."""
    if done is None:
        outcome.fault("hung", "the command does not end")
    elif "Traceback" in done.stderr:
        outcome.fault("untyped", done.stderr.strip()[-600:])
    elif done.returncode not in (0, 1, 2, -9):
        outcome.fault("untyped", f"the command ends with {done.returncode}")
    elif done.returncode == 0:
        outcome.acknowledged += 1
    case.judge(place, outcome)
    case.repeat(place, outcome)
