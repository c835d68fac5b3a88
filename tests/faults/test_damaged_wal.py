"""A bit that flips in the WAL of a process that died: what it costs is told, and it is kept."""

from __future__ import annotations

import io
import json
import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

import jobstore
from jobstore.engines.sqlite import damaged_wal as wal
from jobstore.engines.sqlite import wal as frames
from jobstore.engines.sqlite.upkeep.inspection import inspect_files
from jobstore.operations.health import examine
from jobstore.settings import sqlite_url
from tests.contract.cli.commands import run, unannounced
from tests.fixtures.processes import Run
from tests.operations.watching import settings_for

ACKNOWLEDGED = 300

WRITE = """
import asyncio, itertools, sys
import jobstore

async def main(url):
    async with jobstore.connect(url) as store:
        for number in itertools.count(1):
            await store.upsert({
                "source": "s", "source_job_id": str(number), "title": "T", "company": "C",
                "description": "written " * 100,
            })
            print(number, flush=True)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def dead(migrated_url: str, tmp_path: Path, start_python: Callable[..., Popen[str]]) -> Path:
    """A store whose only program was killed; the WAL holds 300 acknowledged writes and more."""
    with start_python(WRITE, migrated_url) as child:
        assert child.stdout is not None
        for _ in range(ACKNOWLEDGED):
            child.stdout.readline()
        child.kill()
    assert (tmp_path / "jobs.db-wal").stat().st_size > 100_000
    return tmp_path / "jobs.db"


def flip(store: Path) -> bytes:
    """Flip a bit in the middle of the WAL, and return what is in it then."""
    file = Path(f"{store}-wal")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 16
    file.write_bytes(content)
    return bytes(content)


def doctor(store: Path) -> tuple[int, dict[str, Any]]:
    result = run("doctor", "--json", "--store", sqlite_url(store))
    findings = json.loads(result.stdout)["findings"]
    return result.exit_code, {each["name"]: each for each in findings}


def copies(store: Path) -> list[Path]:
    return sorted(store.parent.glob("jobs.db-wal.damaged-*"))


def test_doctor_tells_what_lies_behind_a_damaged_frame(dead: Path) -> None:
    content = flip(dead)
    code, found = doctor(dead)
    assert (code, found["wal"]["verdict"]) == (1, "fail")
    (copy,) = copies(dead)
    assert str(copy) in found["wal"]["detail"]
    assert copy.read_bytes() == content
    assert copy.stat().st_mode & 0o777 == 0o600
    told = wal.damage(io.BytesIO(content))
    assert told is not None
    # All but what was not acknowledged any more is counted on one side or the other.
    assert told.kept + told.lost >= ACKNOWLEDGED
    assert f"{told.lost} of its {told.kept + told.lost} transactions" in found["wal"]["detail"]

    # SQLite has recovered it by now; the copy is told of until somebody removes it.
    code, found = doctor(dead)
    assert (code, found["wal"]["verdict"]) == (0, "warn")
    assert str(copy) in found["wal"]["detail"]
    settings = settings_for(dead.parent, health={"timeout": 60})
    checks = {each.name: each for each in examine(settings, only=["wal"]).checks}
    assert checks["wal:damaged"].verdict == "fail"
    assert str(copy) in checks["wal:damaged"].output
    copy.unlink()
    assert doctor(dead)[1]["wal"]["verdict"] == "pass"


async def test_a_program_keeps_a_damaged_wal_before_it_opens_the_store(
    dead: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = flip(dead)
    with caplog.at_level(logging.WARNING):
        async with jobstore.connect(sqlite_url(dead)) as store:
            assert 0 < await store.count() < ACKNOWLEDGED
    (copy,) = copies(dead)
    assert copy.read_bytes() == content
    assert f"it was copied to {copy}" in caplog.text


def test_a_wal_that_a_crash_left_is_no_finding(dead: Path) -> None:
    torn = Path(f"{dead}-wal").read_bytes()[:-1000]
    Path(f"{dead}-wal").write_bytes(torn)
    code, found = doctor(dead)
    assert (code, found["wal"]["verdict"]) == (0, "pass")
    assert copies(dead) == []
    told = run("count", "--json", "--store", sqlite_url(dead)).stdout
    assert json.loads(told)["count"] >= ACKNOWLEDGED - 1


def test_what_may_never_have_been_acknowledged_is_a_warning(dead: Path) -> None:
    log = Path(f"{dead}-wal")
    content = bytearray(log.read_bytes())
    # The last transaction alone: its first frame does not fit, its last one is there.
    commits = [at for at in range(32, len(content), 2072) if any(content[at + 4 : at + 8])]
    content[commits[-2] + 2072 + 100] ^= 1
    log.write_bytes(content[: commits[-1] + 2072])
    code, found = doctor(dead)
    assert (code, found["wal"]["verdict"]) == (0, "warn")
    assert "unless it was being written" in found["wal"]["detail"]
    (copy,) = dead.parent.glob("jobs.db-wal.torn-*")
    assert str(copy) in found["wal"]["detail"]
    settings = settings_for(dead.parent, health={"timeout": 60})
    checks = {each.name: each for each in examine(settings, only=["wal"]).checks}
    assert checks["wal:damaged"].verdict == "warn"


def test_whoever_opens_the_store_on_a_terminal_is_told(dead: Path, run_command: Run) -> None:
    flip(dead)
    result = run_command("count", "--store", sqlite_url(dead))
    (copy,) = copies(dead)
    assert result.returncode == 0
    assert unannounced(result.stderr).startswith("Warning: ")
    assert f"it was copied to {copy}" in result.stderr


def test_a_wal_is_copied_once(dead: Path, tmp_path: Path) -> None:
    flip(dead)
    found = wal.Damage(1, 0, 2)
    first = wal.keep(dead, found)
    assert wal.keep(dead, found) == first
    with Path(f"{dead}-wal").open("ab") as log:
        log.write(b"more")
    assert wal.keep(dead, found) != first
    assert wal.kept(dead) == [(each, True) for each in copies(dead)]
    assert len(copies(dead)) == 2


def test_nothing_is_opened_where_no_copy_can_be_made(
    dead: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = flip(dead)

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    result = run("count", "--store", sqlite_url(dead))
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert Path(f"{dead}-wal").read_bytes() == content
    assert copies(dead) == []
    findings = {each.name: each for each in inspect_files(dead)}
    assert "do that before anything opens it" in findings["wal"].output


async def test_a_store_that_is_open_is_not_looked_at(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, start_python: Callable[..., Popen[str]]
) -> None:
    told = sys.platform.startswith("linux")
    with start_python(WRITE, migrated_url) as child:
        assert child.stdout is not None
        child.stdout.readline()

        def looked(_path: Path) -> None:
            raise AssertionError("looked at")

        if told:
            monkeypatch.setattr(wal, "examine", looked)
        async with jobstore.connect(migrated_url) as store:
            assert await store.count() > 0
        child.kill()


def test_where_locks_are_not_told_every_wal_is_looked_at(
    dead: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(frames, "_LOCKS", tmp_path / "absent")
    flip(dead)
    wal.keep_if_damaged(dead)
    assert len(copies(dead)) == 1


def test_what_is_written_meanwhile_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs.db-wal").write_bytes(b"")
    seen = [wal.Damage(3, 1, 2), wal.Damage(5, 2, 2), None]
    monkeypatch.setattr(wal, "damage", lambda _file: seen.pop(0))
    assert wal.examine(tmp_path / "jobs.db") is None
    seen += [wal.Damage(frame, 1, 2) for frame in range(1, 6)]
    assert wal.examine(tmp_path / "jobs.db") is None
    seen += [wal.Damage(3, 1, 2), wal.Damage(3, 1, 2)]
    assert wal.examine(tmp_path / "jobs.db") == wal.Damage(3, 1, 2)
    assert wal.examine(tmp_path / "absent.db") is None
