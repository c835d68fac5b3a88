"""The doctor sees what is wrong with a store, and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

import jobstore
from jobstore.cli.main import app
from jobstore.engines.sqlite.upkeep import inspection
from jobstore.errors import StorageFull
from jobstore.locking import FileLock
from jobstore.verdicts import Verdict
from tests.contract.cli.commands import unannounced
from tests.operations.damaging import lost_revision


@pytest.fixture
def file(migrated_url: str, tmp_path: Path) -> Path:
    """The file of a store with three postings."""

    async def fill() -> None:
        async with jobstore.connect(migrated_url) as store:
            for number in range(3):
                await store.upsert(
                    jobstore.JobPosting(
                        source="board",
                        source_job_id=str(number),
                        title="Baker",
                        company="Pão",
                        posted_at=f"2025-10-0{number + 1}T00:00:00Z",
                        applicant_count=number,
                        salary_min=1000,
                        salary_currency="EUR",
                    )
                )

    asyncio.run(fill())
    return tmp_path / "jobs.db"


def examine(file: Path, *options: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The doctor's exit code, and verdict and detail of each finding."""
    arguments = ["doctor", "--store", f"sqlite:///{file}", "--json", *options]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SystemExit | None), result.exception
    report = json.loads(result.stdout)
    assert report["ok"] == (result.exit_code == 0)
    return result.exit_code, {
        each["name"]: (each["verdict"], each["detail"]) for each in report["findings"]
    }


def tamper(file: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        # Damage keeps to no rule.
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_sound_store_has_no_problem_and_is_not_changed(file: Path) -> None:
    before = file.read_bytes()
    code, findings = examine(file, "--full", "--verify")
    assert code == 0
    assert {verdict for verdict, _ in findings.values()} == {"pass"}
    assert list(findings) == [
        *("sqlite", "file", "permissions", "wal", "disk space", "schema", "pages", "words"),
        *("postings", "digests", "order", "index", "counters"),
        *("texts", "history", "life cycle", "orphans", "foreign keys"),
        "duplicates",
    ]
    assert file.read_bytes() == before


def test_people_get_a_table_and_with_quiet_only_what_is_wrong(file: Path) -> None:
    arguments = ["doctor", "--store", f"sqlite:///{file}"]
    told = CliRunner().invoke(app, arguments)
    assert (told.exit_code, unannounced(told.stderr)) == (0, "")
    assert "up to date" in told.stdout
    assert CliRunner().invoke(app, [*arguments, "--quiet"]).output == ""
    file.chmod(0o644)
    tamper(file, "DELETE FROM posting WHERE source_job_id = '1'")
    told = CliRunner().invoke(app, [*arguments, "--quiet", "--verify"])
    assert told.exit_code == 1
    assert told.stdout.startswith("warn  permissions")
    assert "pass " not in told.stdout


@pytest.mark.parametrize(
    ("statement", "name", "detail"),
    [
        ("UPDATE counter SET amount = 9 WHERE kind = 'company'", "counters", "company 'pao'"),
        ("DELETE FROM counter WHERE kind = 'salary'", "counters", "salary"),
        ("UPDATE posting SET url = 'https://b.example/2'", "digests", "not what was written"),
        ("UPDATE counter SET label = '1' WHERE kind = 'quartiles'", "counters", "quartiles"),
        ("UPDATE counter SET label = '1 2 3' WHERE kind = 'quartiles'", "counters", "of EUR"),
        ("UPDATE posting SET industry = 'Bakery' WHERE source_job_id = '1'", "digests", "posting "),
        ("DELETE FROM posting WHERE source_job_id = '1'", "index", "without a posting"),
        ("DELETE FROM posting WHERE source_job_id = '2'", "index", "without a posting"),
        ("UPDATE posting SET source_job_id = 'x' WHERE source_job_id = '1'", "postings", "id of"),
        ("UPDATE posting SET skills = '[' WHERE source_job_id = '1'", "postings", "cannot be read"),
        ("UPDATE posting SET status = 'lost' WHERE source_job_id = '1'", "postings", "cannot be"),
        ("UPDATE posting SET salary_min = 'x'", "postings", "cannot be read"),
        (
            "UPDATE posting SET place = place + 100000000 WHERE source_job_id = '0'",
            "order",
            "posting ",
        ),
        (
            "UPDATE posting SET listed_at = listed_at + 5 WHERE source_job_id = '2'",
            "order",
            "another time",
        ),
        ("UPDATE posting SET title = 'Cook' WHERE source_job_id = '1'", "index", "other words"),
        ("DELETE FROM posting_text", "texts", "posting "),
        ("UPDATE posting_text SET plain = 'Cook'", "digests", "not what was written"),
        ("UPDATE posting_text SET plain = 'Cook'", "index", "other words"),
        ("INSERT INTO posting_text (place) VALUES (7)", "orphans", "text 7"),
        (lost_revision(b"\7"), "orphans", "version 2 of posting 07"),
        (lost_revision(b"\7", "["), "history", "version 2 of posting 07"),
    ],
)
def test_rows_that_contradict_each_other_are_found(
    file: Path, statement: str, name: str, detail: str
) -> None:
    tamper(file, statement)
    assert examine(file)[0] == 0
    code, findings = examine(file, "--verify")
    assert code == 1
    verdict, told = findings[name]
    assert verdict == "fail"
    assert detail in told


def test_many_faults_are_told_in_short(file: Path) -> None:
    tamper(file, "UPDATE posting SET status = 'lost'", "DELETE FROM counter WHERE kind <> 'x'")
    _, findings = examine(file, "--verify")
    assert findings["postings"][1].count(";") == 2
    assert findings["counters"][0] == "pass"
    tamper(file, "UPDATE posting SET status = 'open'")
    _, findings = examine(file, "--verify")
    assert "more" in findings["counters"][1]


def test_a_reference_to_nothing_is_found(file: Path) -> None:
    tamper(
        file,
        "CREATE TABLE noted (id BLOB REFERENCES posting (id))",
        "INSERT INTO noted VALUES (x'00')",
    )
    _, findings = examine(file, "--verify")
    assert findings["foreign keys"] == ("fail", "noted row 1")


def test_an_index_entry_that_is_missing_is_found(file: Path) -> None:
    tamper(file, "INSERT INTO text_index (text_index) VALUES ('delete-all')")
    code, findings = examine(file, "--full", "--verify")
    assert code == 1
    assert findings["index"][0] == "fail"
    assert findings["words"][0] == "pass"


def test_a_damaged_text_index_is_found(file: Path) -> None:
    tamper(file, "UPDATE text_index_data SET block = zeroblob(40) WHERE id > 10")
    code, findings = examine(file, "--full")
    assert code == 1
    assert findings["words"][0] == "fail"


def test_a_damaged_page_is_found(file: Path) -> None:
    # What the WAL holds would hide the damage.
    tamper(file, "PRAGMA wal_checkpoint(TRUNCATE)")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'posting'"
        page = connection.execute(sql).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as damaged:
        damaged.seek((page - 1) * size)
        damaged.write(os.urandom(size))
    code, findings = examine(file)
    assert code == 1
    assert findings["pages"][0] == "fail"


def test_another_file_is_a_problem_of_its_own(tmp_path: Path) -> None:
    notes = tmp_path / "notes.db"
    notes.write_text("notes " * 500, encoding="utf-8")
    code, findings = examine(notes, "--full", "--verify")
    assert code == 1
    assert findings["schema"][0] == findings["pages"][0] == "fail"
    assert "postings" not in findings


def test_another_programs_database_is_told_apart(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    tamper(other, "CREATE TABLE t (x)")
    code, findings = examine(other, "--full", "--verify")
    assert code == 1
    assert "another program" in findings["schema"][1]
    assert findings["pages"][0] == "pass"


def test_a_schema_that_is_behind_names_the_command(file: Path) -> None:
    url = f"sqlite:///{file}"
    arguments = ["migrate", "down", "--store", url, "--yes"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    code, findings = examine(file)
    assert code == 1
    assert f"jobstore migrate up --store {url}" in findings["schema"][1]


def test_a_file_that_others_can_read_is_a_warning(file: Path) -> None:
    file.chmod(0o640)
    code, findings = examine(file)
    assert code == 0
    assert findings["permissions"] == (
        "warn",
        "mode 0640: other accounts can open it; chmod 600",
    )


def test_a_store_that_is_locked_is_still_examined(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        code, findings = examine(file, "--verify")
        assert code == 0
        assert findings["counters"][0] == "pass"


def test_words_and_rows_are_checked_while_others_hold_the_lock(file: Path) -> None:
    """Writers would wait as long as this takes, if it took their lock."""
    with FileLock(file, 1.0), contextlib.closing(sqlite3.connect(file)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        code, findings = examine(file, "--full", "--verify")
    assert code == 0
    assert (findings["words"][0], findings["index"][0]) == ("pass", "pass")
    assert [each.name for each in file.parent.glob(".jobstore-scratch-*")] == []


def test_what_is_wrong_with_the_words_is_found_in_the_copy(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as conn:
        conn.execute("DELETE FROM text_index_data WHERE id > 10")
    code, findings = examine(file, "--full")
    assert code == 1
    assert findings["words"][0] == "fail"


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no room for a copy."""

    def fail(*_: object) -> None:
        raise StorageFull

    monkeypatch.setattr(inspection, "dump", fail)


def test_without_room_for_a_copy_the_store_itself_is_read(file: Path, full: None) -> None:
    code, findings = examine(file, "--full", "--verify")
    assert code == 0
    assert (findings["words"][0], findings["index"][0]) == ("pass", "pass")


def test_without_room_for_a_copy_a_locked_store_cannot_check_its_words(
    file: Path, full: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "PATIENCE", 0.05)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        code, findings = examine(file, "--full")
    assert code == 1
    assert findings["words"][0] == "fail"
    assert "try again" in findings["words"][1]


@pytest.mark.parametrize(
    ("version", "race", "verdict"),
    [
        ((3, 30, 0), True, Verdict.FAIL),
        ((3, 40, 1), True, Verdict.PASS),
        ((3, 51, 3), False, Verdict.PASS),
    ],
)
def test_the_linked_sqlite_is_judged(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], race: bool, verdict: Verdict
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(sqlite3, "sqlite_version", ".".join(map(str, version)))
    found = inspection.inspect_library()
    assert found.verdict is verdict
    assert ("WAL-reset race; a lock" in found.output) == (race and verdict is Verdict.PASS)


def test_a_large_wal_and_a_full_disk_are_warnings(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "_LARGE_WAL", -1)
    monkeypatch.setattr(inspection, "_LITTLE_SPACE", 1 << 80)
    findings = {each.name: each for each in inspection.inspect_files(file)}
    assert findings["wal"].verdict is Verdict.WARN
    assert findings["disk space"].verdict is Verdict.WARN


def test_a_file_that_cannot_be_written_is_a_warning(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Permissions do not stop root, so the answer is made up.
    def refuse(*_: object) -> bool:
        return False

    monkeypatch.setattr(os, "access", refuse)
    findings = {each.name: each for each in inspection.inspect_files(file)}
    assert "cannot write" in findings["permissions"].output


def test_the_doctor_does_not_send_to_the_doctor(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:8192] + b"\xa5" * (len(data) - 8192))
    code, findings = examine(file)
    assert code == 1
    details = " ".join(detail for _, detail in findings.values())
    assert "restore a backup" in details
    assert "jobstore doctor" not in details
