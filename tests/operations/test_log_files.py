"""Log files: rotated by size, shared by processes, on disks that are full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobstore.operations.logs import Logs, get
from jobstore.operations.logs.files import RotatedFile
from jobstore.settings.sections import Settings
from tests.fixtures.disks import SmallDisk


def _names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_a_full_file_makes_way_and_only_some_are_kept(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "logs" / "health.log", max_bytes=100, keep=2)
    for number in range(10):
        file.append(f"{number}" * 39)
    assert _names(tmp_path / "logs") == ["health.log", "health.log.1", "health.log.2"]
    text = (tmp_path / "logs" / "health.log").read_text()
    assert text == f"{'8' * 39}\n{'9' * 39}\n"
    assert (tmp_path / "logs" / "health.log.1").read_text()[0] == "6"
    assert (tmp_path / "logs" / "health.log.2").read_text()[0] == "4"


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_files_and_all_folders_that_are_made_are_their_owners_alone(
    tmp_path: Path, umask: int
) -> None:
    usual = os.umask(umask)
    try:
        RotatedFile(tmp_path / "state" / "logs" / "health.log", 100, 1).append("a")
    finally:
        os.umask(usual)
    made = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.rglob("*")}
    assert made == {"state": 0o700, "logs": 0o700, "health.log": 0o600}


def test_where_no_logs_are_open_a_program_reads_a_sentence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    get("backup").warning("a store was restored", backup="jobs-1", saved=None)
    get("backup").warning("nothing is there")
    get("backup").warning("wiped\x1b[2J", note="\udc80\u202e")
    assert caplog.messages == [
        "a store was restored (backup=jobs-1, saved=None)",
        "nothing is there",
        r"wiped\x1b[2J (note=\udc80\u202e)",
    ]


def test_what_a_smaller_number_no_longer_keeps_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "health.log"
    for number in range(1, 6):
        path.with_name(f"health.log.{number}").write_text(f"{number}")
    path.with_name("health.log.old").write_text("somebody's own")
    file = RotatedFile(path, 10, keep=2)
    file.append("x" * 20)
    file.append("y")
    assert _names(tmp_path) == ["health.log", "health.log.1", "health.log.2", "health.log.old"]
    assert path.with_name("health.log.2").read_text() == "1"


def test_one_line_that_is_too_long_is_written_all_the_same(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "health.log", 10, keep=1)
    file.append("x" * 100)
    assert _names(tmp_path) == ["health.log"]


def test_a_file_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "health.log"
    file = RotatedFile(path, 1000, keep=1)
    file.append("a")
    path.rename(tmp_path / "moved")
    file.append("b")
    assert path.read_text() == "b\n"


def test_while_another_process_rotates_lines_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path = tmp_path / "health.log"
    file = RotatedFile(path, 10, keep=1)
    file.append("x" * 20)
    holder = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        file.append("y")
    finally:
        os.close(holder)
    assert path.read_text() == f"{'x' * 20}\ny\n"


def test_what_was_rotated_between_the_look_and_the_lock_is_not_rotated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    path = tmp_path / "health.log"
    file = RotatedFile(path, 10, keep=3)
    file.append("x" * 20)

    def other_first(folder: int, how: int) -> None:
        path.rename(tmp_path / "health.log.1")
        path.write_text("new\n")

    monkeypatch.setattr(fcntl, "flock", other_first)
    file.append("y")
    assert path.read_text() == "new\ny\n"
    assert _names(tmp_path) == ["health.log", "health.log.1"]


def test_a_pipe_that_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "health.log")
    with pytest.raises(OSError, match="No such device"):
        RotatedFile(tmp_path / "health.log", 10, keep=1).append("x")


_WRITE = """
import sys
from pathlib import Path
from jobstore.operations.logs.files import RotatedFile
file = RotatedFile(Path(sys.argv[1]), 20_000, keep=50)
for number in range(500):
    file.append(f"{sys.argv[2]} {number} " + "x" * 80)
"""


def test_processes_that_share_a_log_lose_no_line_and_mix_none(
    tmp_path: Path, repository: Path
) -> None:
    path = tmp_path / "logs" / "performance.log"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(path), str(number)],
            env={**os.environ, "PYTHONPATH": str(repository)},
        )
        for number in range(4)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    found = [
        line.split() for file in path.parent.iterdir() for line in file.read_text().splitlines()
    ]
    assert all(len(line) == 3 and line[2] == "x" * 80 for line in found)
    wanted = {(str(child), str(number)) for child in range(4) for number in range(500)}
    assert {(child, number) for child, number, _ in found} == wanted
    assert len(found) == 2000
    assert len(_names(path.parent)) > 5


def test_a_full_disk_costs_lines_and_never_the_work(small_disk: SmallDisk) -> None:
    settings = Settings.model_validate(
        {
            "paths": {"state": small_disk.folder / "ops"},
            "logging": {"format": "json", "max_bytes": 10_000_000},
        }
    )
    path = settings.logs_folder / "health.log"
    with Logs(settings):
        get("health").info("before")
        small_disk.burden(4 * 1024 * 1024 - 40_000)
        for number in range(1000):
            get("health").info("while", number=number)
        small_disk.relieve()
        get("health").info("after")
    text = path.read_text(encoding="utf-8")
    whole = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    # At most the line that the disk filled up in is torn.
    assert len(text.splitlines()) - len(whole) <= 1
    assert (whole[0]["event"], whole[-2]["event"]) == ("before", "after")
    assert whole[-1]["event"].startswith("log lines were lost: ")
    lost = int(whole[-1]["event"].rpartition(" ")[2])
    assert 0 < lost < 1000
    assert len([line for line in whole if line["event"] == "while"]) == 1000 - lost


def test_a_disk_that_became_read_only(small_disk: SmallDisk) -> None:
    settings = Settings.model_validate({"paths": {"state": small_disk.folder / "ops"}})
    with Logs(settings):
        get("health").info("before")
        small_disk.read_only()
        get("health").info("while")
        small_disk.writable()
        get("health").info("after")
    text = (settings.logs_folder / "health.log").read_text(encoding="utf-8")
    assert "before" in text
    assert "after" in text
    assert "log lines were lost: 1" in text
