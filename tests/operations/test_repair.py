"""``doctor --repair``: what follows from the postings is rebuilt, everything else is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jobstore import StorageFull, StoreBusy, StoreCorrupt, migrating
from jobstore.cli.main import app
from jobstore.engines.sqlite.upkeep import repairing
from jobstore.engines.sqlite.upkeep.inspection import check_pages
from jobstore.locking import FileLock
from jobstore.operations import maintenance
from jobstore.settings import sqlite_url
from jobstore.verdicts import Verdict, finding
from tests.contract.cli.commands import unannounced
from tests.fixtures.checks import check_file
from tests.fixtures.disks import SmallDisk
from tests.operations.damaging import (
    fill,
    forget_index_entries,
    lost_revision,
    overwrite_page,
    tamper,
)


@pytest.fixture
def file(migrated_url: str, tmp_path: Path) -> Path:
    """The file of a store with 40 postings."""
    fill(migrated_url)
    return tmp_path / "jobs.db"


def doctor(file: Path, *options: str, answer: str | None = None) -> Result:
    result = CliRunner().invoke(
        app, ["doctor", "--store", sqlite_url(file), *options], input=answer
    )
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def said(result: Result) -> str:
    return " ".join(unannounced(result.stderr).split())


def shown(result: Result) -> str:
    return " ".join(result.stdout.split())


def copies(file: Path) -> list[Path]:
    return sorted(file.parent.glob("jobs.db.before-repair-*"))


def words_lost(file: Path) -> None:
    tamper(file, "INSERT INTO text_index (text_index) VALUES ('delete-all')")


def words_zeroed(file: Path) -> None:
    tamper(file, "UPDATE text_index_data SET block = zeroblob(40) WHERE id > 10")


def counters_wrong(file: Path) -> None:
    tamper(file, "UPDATE counter SET amount = amount + 1 WHERE kind = 'company'")


def orphans_left(file: Path) -> None:
    tamper(
        file,
        "INSERT INTO posting_text (place, description) VALUES (7, 'nobody''s')",
        lost_revision(bytes(16)),
    )


DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (counters_wrong, "recounted the counters"),
    (words_lost, "rebuilt the full-text index"),
    (words_zeroed, "rebuilt the full-text index"),
    (forget_index_entries, "rebuilt the indexes of the tables"),
    (orphans_left, "removed 1 texts and 1 earlier versions that have no posting"),
]


@pytest.mark.parametrize(("damage", "done"), DAMAGE)
def test_what_can_be_rebuilt_is_rebuilt_and_a_copy_stays(
    file: Path, damage: Callable[[Path], None], done: str
) -> None:
    damage(file)
    assert doctor(file, "--full", "--verify").exit_code == 1

    result = doctor(file, "--repair", "--yes", "--json")

    assert result.exit_code == 0, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["ok"]
    assert report["repaired"] == [done]
    check_file(file)
    assert [str(each) for each in copies(file)] == [report["copy"]]
    assert Path(report["copy"]).stat().st_mode & 0o777 == 0o600
    # The copy is the store as it was, damage included.
    assert doctor(Path(report["copy"]), "--full", "--verify").exit_code == 1


def test_everything_at_once_is_told_to_people(file: Path) -> None:
    for damage, _ in DAMAGE:
        damage(file)

    result = doctor(file, "--repair", "--yes", "--no-copy")

    assert result.exit_code == 0, result.stderr
    assert said(result) == ""
    for told in ("Rebuilt the full-text index.", "Recounted the counters.", "sound now"):
        assert told in shown(result)
    assert copies(file) == []
    check_file(file)


def test_a_sound_store_is_left_alone(file: Path) -> None:
    before = file.read_bytes()
    assert "Nothing to repair." in shown(doctor(file, "--repair"))
    report = json.loads(doctor(file, "--repair", "--json").stdout)
    assert (report["ok"], report["repaired"], report["copy"]) == (True, [], None)
    assert doctor(file, "--repair", "--quiet").output == ""
    assert file.read_bytes() == before


def test_nothing_is_done_without_being_asked(file: Path) -> None:
    counters_wrong(file)
    before = file.read_bytes()

    result = doctor(file, "--repair")

    assert result.exit_code == 2
    assert "Add --yes" in said(result)
    assert file.read_bytes() == before
    assert copies(file) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE posting SET skills = '[' WHERE source_job_id = '4'",
        "UPDATE posting SET industry = 'Baking' WHERE source_job_id = '4'",
        "DELETE FROM posting_text WHERE place = (SELECT min(place) FROM posting)",
        "DROP INDEX posting_applicants",
    ],
)
def test_what_only_a_backup_has_is_not_touched(file: Path, statement: str) -> None:
    tamper(file, statement)
    counters_wrong(file)
    before = file.read_bytes()

    result = doctor(file, "--repair", "--yes")

    assert result.exit_code == 1
    assert "restore a backup: 'jobstore restore" in said(result)
    assert file.read_bytes() == before
    assert copies(file) == []


@pytest.mark.parametrize("name", ["posting", "posting_text", "posting_id", "text_index_data"])
def test_a_damaged_page_is_found_and_left_to_a_backup(file: Path, name: str) -> None:
    overwrite_page(file, name)
    before = file.read_bytes()
    found = doctor(file, "--verify")
    assert found.exit_code == 1
    assert "fail pages" in shown(found)

    result = doctor(file, "--repair", "--yes")

    assert result.exit_code == 1
    # As the command was typed.
    assert "jobstore restore --to NEW --store sqlite:" in said(result)
    assert file.read_bytes() == before
    assert copies(file) == []


def test_a_repair_that_does_not_help_is_taken_back(file: Path) -> None:
    counters_wrong(file)
    tamper(file, "UPDATE posting SET industry = 'Baking' WHERE source_job_id = '4'")
    before = file.read_bytes()

    with pytest.raises(StoreCorrupt, match=r"digests.*Nothing was changed; .*restore a backup"):
        repairing.repair(file, ["counters"])

    assert file.read_bytes() == before
    assert copies(file) == []


def test_a_posting_that_cannot_be_read_stops_a_repair(file: Path) -> None:
    tamper(file, "UPDATE posting SET skills = '[' WHERE source_job_id = '4'")
    with pytest.raises(StoreCorrupt, match="jobstore restore"):
        repairing.repair(file, ["index"])


def test_others_who_write_are_not_disturbed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters_wrong(file)
    monkeypatch.setattr(repairing, "PATIENCE", 0.05)
    with FileLock(file, 0), pytest.raises(StoreBusy):
        repairing.repair(file, ["counters"])
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            repairing.repair(file, ["counters"])
    assert repairing.repair(file, ["counters"]).done == ["recounted the counters"]


def test_a_disk_without_room_for_the_copy_changes_nothing(small_disk: SmallDisk) -> None:
    file = small_disk.folder / "jobs.db"
    migrating.up(sqlite_url(file))
    fill(sqlite_url(file))
    counters_wrong(file)
    free = 4 * 2**20 - sum(each.stat().st_size for each in small_disk.folder.iterdir())
    small_disk.burden(free - 100_000)

    with pytest.raises(StorageFull):
        repairing.repair(file, ["counters"])
    assert copies(file) == []
    small_disk.relieve()
    assert repairing.repair(file, ["counters"]).copy is not None
    check_file(file)


def test_a_copy_that_fails_half_way_is_removed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters_wrong(file)
    before = file.read_bytes()

    def full(path: Path, copy: Path, progress: object) -> None:
        copy.write_bytes(path.read_bytes()[:5000])
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(repairing, "dump", full)
    with pytest.raises(Exception, match="doctor"):
        repairing.repair(file, ["counters"])
    assert copies(file) == []
    assert file.read_bytes() == before


def test_what_is_planned_is_in_the_order_of_dependence(file: Path) -> None:
    url = sqlite_url(file)
    problems = [finding(name, Verdict.FAIL, "") for name in ("counters", "index", "pages")]
    assert [*maintenance.plan(url, [*problems, finding("wal", Verdict.WARN, "")])] == [
        "pages",
        "index",
        "counters",
    ]
    with pytest.raises(StoreCorrupt, match="postings: two"):
        maintenance.plan(url, [*problems, finding("postings", Verdict.FAIL, "two")])


def test_an_index_that_lacks_rows_is_seen_by_the_full_check(file: Path) -> None:
    forget_index_entries(file)
    with closing(sqlite3.connect(file)) as conn:
        assert check_pages(conn, full=False).verdict is Verdict.PASS
        assert "posting_applicants" in check_pages(conn, full=True).output
