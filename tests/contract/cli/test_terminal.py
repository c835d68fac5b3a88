"""Nothing that a terminal would obey gets to one; files and pipes get texts as they are."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.cli.commands import lines, posting, run

# Colours off, title of the window, one-byte CSI, a text that runs backwards, a line written over.
HOSTILE = "a\x9b31mb\x9d0;owned\x9cc\u202ed\u2066e\u2069f\x85g"
# Where one line is taken, controls are not; what reorders text is.
TITLE = "mb \u202ec\u2066d\u2069"
OBEYED = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
# What rich itself sends: colours, and nothing else.
COLOUR = re.compile("\x1b\\[[0-9;]*m")

Seen = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    text = f"{HOSTILE}\rengineer"
    row = posting(1, title=TITLE, description=text, attributes={"x": HOSTILE}, salary_text=TITLE)
    # Leniently taken in, some of it would be mended.
    made = run("import", "-", "--format", "jsonl", "--create", "--strict", stdin=lines(row))
    assert made.exit_code == 0
    return tmp_path


@pytest.fixture
def on_a_terminal(repository: Path, tmp_path: Path) -> Seen:
    """Run a program with standard output and error on a terminal; return what it shows there."""

    def seen(*arguments: str, code: int = 0, env: dict[str, str] | None = None) -> str:
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(repository), "TERM": "xterm"}
            | {"PYTHONUTF8": "1"}
            | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        # The end of a terminal is an error (Linux) or nothing (others).
        while data := _read(ours):
            shown += data
        os.close(ours)
        assert child.wait(60) == code, shown
        return shown.decode()

    return seen


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "-q", "--format", "csv"),
        ("export", "-q", "--format", "jsonl"),
        ("export", "-q", "--format", "schema-org"),
        ("search", "engineer"),
        ("search", "engineer", "--json"),
        ("recent",),
        ("show", "board", "1"),
        ("show", "board", "1", "--json"),
        ("stats",),
    ],
    ids=" ".join,
)
def test_a_terminal_is_shown_nothing_to_obey(
    store: Path, on_a_terminal: Seen, arguments: tuple[str, ...]
) -> None:
    shown = on_a_terminal("-m", "jobstore", *arguments)
    assert "mb" in shown or arguments == ("stats",)
    assert OBEYED.findall(COLOUR.sub("", shown)) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("import", "no\x1b[2Jfile"), 1),
        (("--debug", "export", "-q", "-o", "no\x1b[2Jfolder/file"), 1),
        (("--debug", "export", "-q", "--output", "no\x9bfolder/x"), 1),
        (("search", "--sort", HOSTILE), 2),
        (("no\x9bcommand",), 2),
        (("search", "--no\x1b]0;option"), 2),
        (("config", "show", "--config", "no\x9b\u202efile"), 2),
    ],
    ids=str,
)
def test_nor_by_complaints_and_tracebacks(
    store: Path, on_a_terminal: Seen, arguments: tuple[str, ...], code: int
) -> None:
    shown = on_a_terminal("-m", "jobstore", *arguments, code=code)
    assert "Error" in shown
    assert ("Traceback" in shown) is ("--debug" in arguments)
    assert OBEYED.findall(COLOUR.sub("", shown)) == []


def test_nor_by_what_fails_unexpectedly_or_on_a_thread(on_a_terminal: Seen, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, threading\n"
        "from jobstore.cli import main\n"
        f"text = {HOSTILE!r}\n"
        "def work(*_, **__):\n"
        "    thread = threading.Thread(target=lambda: int(text))\n"
        "    thread.start(); thread.join()\n"
        "    sys.stdout.buffer.write(text.encode()[:2]); sys.stdout.buffer.write(b'\\x31m\\r.')\n"
        "    raise RuntimeError(text)\n"
        "main.app.command('fail')(lambda: work())\n"
        "sys.argv = ['jobstore', 'fail']\n"
        "main.main()\n"
    )
    shown = on_a_terminal("program.py", code=1)
    assert "Exception in thread" in shown
    assert "Unexpected RuntimeError" in shown
    assert OBEYED.findall(shown) == []


def test_a_terminal_that_is_no_utf_8_is_no_crash(store: Path, on_a_terminal: Seen) -> None:
    latin = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1", "PYTHONCOERCECLOCALE": "0"}
    shown = on_a_terminal("-m", "jobstore", "export", "-q", env=latin)
    assert OBEYED.findall(shown) == []


def test_files_and_pipes_get_texts_as_they_are(store: Path) -> None:
    assert run("export", "--format", "csv", "--output", "x.csv").exit_code == 0
    assert run("export", "--format", "csv").stdout_bytes == Path("x.csv").read_bytes()
    with Path("x.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["description"] == f"{HOSTILE}\rengineer"
    (line,) = run("export").stdout.split("\n")[:-1]
    assert json.loads(line)["title"] == TITLE
