"""Commands in processes of their own: Ctrl-C, pipes, start-up."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.cli.commands import answer, lines, posting, run, unannounced


@pytest.fixture
def process(repository: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Start ``python -m jobstore ARGUMENTS``, with warnings as errors."""

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "jobstore", *arguments],
            env={**os.environ, "PYTHONPATH": str(repository)},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start


def test_help_imports_nothing_heavy(repository: Path) -> None:
    code = (
        "import sys, jobstore.cli.main\n"
        "heavy = {'pydantic', 'pydantic_settings', 'yoyo', 'sqlparse', 'rich',"
        " 'jobstore.exchange'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout == "[]\n"


def test_a_reader_that_has_seen_enough_is_no_error(
    demo: Path, process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    child = process("export")
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    child.stdout = None
    _, told = child.communicate(timeout=300)
    assert child.returncode == 1
    assert unannounced(told.decode()) == ""


def test_import_does_not_write_rejects_over_its_standard_input(
    repository: Path, tmp_path: Path, store_url: str
) -> None:
    file = tmp_path / "postings.jsonl"
    file.write_text(lines(posting(1)), encoding="utf-8")
    with file.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, "-m", "jobstore", "import", "-", "--rejects", str(file)],
            env={**os.environ, "PYTHONPATH": str(repository), "JOBSTORE_URL": store_url},
            stdin=stdin,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 2
    assert b"is also read" in done.stderr
    assert file.read_text(encoding="utf-8") == lines(posting(1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_what_was_stored_and_says_how_much(
    store_url: str, process: Callable[..., subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    child = process("import", "-", "--json", "--store", store_url)
    assert child.stdin is not None
    for each in range(4500):
        child.stdin.write(lines(posting(each)).encode())
    child.stdin.flush()
    # Two batches can be stored; then it waits for the rest of the third one.
    deadline = time.monotonic() + 300
    while _stored(store_url) < 4096 and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(number)
    out, told = child.communicate(timeout=300)
    assert child.returncode == 1
    assert b"It stopped; what was stored stays: 4,096 stored (4,096 inserted" in told
    assert told.endswith(b"\nError: Interrupted.\n")
    assert json.loads(out)["inserted"] == 4096 == answer("count", "--store", store_url)["count"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, "pipe"])
def test_a_watch_that_is_ended_says_so_and_what_was_not_all_printed_comes_again(
    migrated_url: str, process: Callable[..., subprocess.Popen[bytes]], end: signal.Signals | str
) -> None:
    there = ("--store", migrated_url)
    # More than a pipe holds, and more than what is looked for at once.
    long = "word " * 2000
    given = "".join(lines(posting(n, description=long)) for n in range(120))
    assert run("import", "-", *there, stdin=given).exit_code == 0
    answer("searches", "save", "all", *there)
    child = process("watch", "all", *there)
    assert child.stdout is not None
    if end == "pipe":
        first = json.loads(child.stdout.readline())
        child.stdout.close()
        child.stdout = None
    else:
        first, *_ = [json.loads(child.stdout.readline()) for _ in range(120)]
        child.send_signal(end)
    _, told = child.communicate(timeout=300)
    assert child.returncode == 1
    assert unannounced(told.decode()) == ("" if end == "pipe" else "Error: Interrupted.\n")
    again = run("watch", "all", "--once", *there).stdout.splitlines()
    comes_again = first["id"] in [json.loads(line)["id"] for line in again]
    assert comes_again == (end == "pipe")


def _stored(url: str) -> int:
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM posting").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_ctrl_c_while_waiting_for_input_ends_at_once(
    store_url: str, process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    child = process("import", "-", "--store", store_url)
    assert child.stdin is not None
    # More than a pipe holds: when it is written, the command is reading.
    child.stdin.write(lines(posting(1, description="x" * 500_000)).encode())
    child.stdin.flush()
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=300)
    assert child.returncode == 1
    assert b"Traceback" not in told
