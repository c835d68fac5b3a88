"""What tests of deployments share: settings, running one, a next migration, what stands there."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from jobstore import resources
from jobstore.operations.database import reading, writing
from jobstore.operations.deployment import Book, Deployment, deploy, roll_back
from jobstore.settings import sqlite_url
from jobstore.settings.sections import Settings

# Slow machines and full disks are not what these tests are about.
_PATIENT: dict[str, Any] = {
    "thresholds": dict.fromkeys(("get_ms", "search_ms", "statistics_ms", "write_ms"), 60_000),
    "health": {"timeout": 60, "disk_warn_percent": 0.002, "disk_fail_percent": 0.001},
    "deployment": {"min_free_mib": 1, "sample_data": False},
}

COLUMN = (
    "-- additive\nALTER TABLE posting ADD COLUMN extra TEXT;",
    "ALTER TABLE posting DROP COLUMN extra;",
)
"""A migration that programs of the version before may go on with, and the way back."""
BREAKING = (COLUMN[0].removeprefix("-- additive\n"), COLUMN[1])
"""The same as one that they may not go on with."""


def settings_for(folder: Path, **sections: Any) -> Settings:
    """Return the settings of a store ``jobs.db`` in ``folder``, with much patience."""
    given: dict[str, Any] = {"environment": "staging"}
    given["store"] = {"url": sqlite_url(folder / "jobs.db")} | sections.pop("store", {})
    for name in _PATIENT.keys() | sections.keys():
        section = sections.get(name, {})
        given[name] = _PATIENT.get(name, {}) | section if isinstance(section, dict) else section
    return Settings.model_validate(given)


def deployed(settings: Settings, **options: Any) -> Deployment:
    """Deploy, and return how it went, as it is kept."""
    done = deploy(settings, run_id="test", **options)
    assert Book(settings).one(done.number) == done
    return done


def rolled_back(settings: Settings, to: int) -> Deployment:
    """Return to a deployment, whatever is lost."""
    return roll_back(settings, to, run_id="test", agree=lambda loss: None)


def gates(deployment: Deployment) -> dict[str, str]:
    """Return the verdict of each gate by its name."""
    return {gate.name: gate.verdict.value for phase in deployment.phases for gate in phase.gates}


def rewrite_record(settings: Settings, number: int, change: Callable[[Any], Any]) -> None:
    """Let the record of a deployment say something else; ``change`` is given what it says."""
    with closing(sqlite3.connect(settings.operations_db)) as conn, conn:
        asked = conn.execute("SELECT record FROM deployment WHERE number = ?", (number,))
        record = json.dumps(change(json.loads(asked.fetchone()[0])))
        conn.execute("UPDATE deployment SET record = ? WHERE number = ?", (record, number))


def records_in(path: Path) -> list[dict[str, Any]]:
    """Return the records of deployments in a database of operations, as ``deploy --json`` does."""
    with reading(path) as kept:
        found = [json.loads(record) for _, record in kept.rows("deployments")]
    return [each | {"go": each["status"] == "succeeded"} for each in reversed(found)]


def spoil_alerts(settings: Settings) -> None:
    """Let alerts not be read any more, and everything else that operations remember."""
    with writing(settings.operations_db):
        pass
    with closing(sqlite3.connect(settings.operations_db)) as conn:
        conn.execute("DROP TABLE alert")


class Migrations:
    """The migrations of this jobstore, with more that a test adds."""

    def __init__(self, folder: Path, of: str = "sqlite") -> None:
        self.folder = folder
        self._of = of
        shutil.copytree(resources.migrations_folder(of), folder)

    def add(self, up: str, down: str) -> str:
        """Add one, and return its id."""
        number = len([*self.folder.glob("*.rollback.sql")]) + 1
        name = f"{number:04}.of-a-test"
        (self.folder / f"{name}.sql").write_text(up)
        (self.folder / f"{name}.rollback.sql").write_text(down)
        return name

    def use(self, set: Callable[..., object]) -> None:
        """Let jobstore go by them; ``set`` is ``monkeypatch.setattr``."""
        given = resources.migrations_folder
        set(
            resources,
            "migrations_folder",
            lambda of: self.folder if of == self._of else given(of),
        )


def content(path: Path) -> dict[str, Any]:
    """Return everything that a store holds: its tables and their rows."""
    with closing(sqlite3.connect(path)) as conn:
        found = conn.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        tables = dict(sorted(found))
        kept = ("posting", "posting_text", "revision", "counter", "store_property")
        kept += ("_migration_checksum", "posting_vocabulary", "text_vocabulary")
        rows = {
            name: sorted(conn.execute(f"SELECT * FROM {name}"), key=repr)
            for name in kept
            if name in tables
        }
    return {"tables": tables, "rows": rows}
