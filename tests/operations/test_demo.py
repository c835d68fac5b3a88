"""The demo: what it shows, to whom it listens, and that nothing stays behind."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from jobstore.cli import demo_acts
from tests.contract.cli.commands import run

# The same, but with less to store and to measure.
_QUICK = (
    "from jobstore.cli import demo_acts, demo_fault; demo_fault._HELD_UP = 5;"
    "demo_acts._TIMES, demo_acts._MEASURING = 1, 0.1;"
    "from jobstore.cli.main import main; main()"
)
_PARTS = [f"{number}  {title} " for number, (title, _) in enumerate(demo_acts.ACTS, 1)]

_STYLING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scratch folders are made, for commands in this process and in others."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("COLUMNS", "100")
    return folder


@pytest.fixture
def start(scratch: Path, repository: Path, tmp_path: Path) -> Start:
    """Start the quick demo, at a terminal or at none."""
    environment = {**os.environ, "PYTHONPATH": str(repository), "NO_COLOR": "1", "TERM": "xterm"}

    def started(*arguments: str, terminal: str = "") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "error", "-c", _QUICK, "demo", *arguments]
        if terminal:
            # The first terminal that a new session opens is the one that Ctrl-C comes from.
            command = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', terminal, *command]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return started


class Terminal:
    """A terminal at which somebody sits, with the demo on it."""

    def __init__(self, start: Start, *arguments: str) -> None:
        self.said = ""
        self._own, self._theirs = pty.openpty()
        self.child = start(*arguments, terminal=os.ttyname(self._theirs))

    def expect(self, text: str) -> str:
        """Wait for a text; return what was said until then, since the last one."""
        while text not in self.said:
            assert select.select([self._own], [], [], 300)[0], self.said
            self.said += os.read(self._own, 65_536).decode(errors="replace")
            self.said = _STYLING.sub("", self.said)
        before, _, self.said = self.said.partition(text)
        return before

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._own, text.encode())

    def close(self) -> None:
        """Go away."""
        self.child.kill()
        self.child.communicate()
        os.close(self._own)
        os.close(self._theirs)


@pytest.fixture
def terminal(start: Start) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(*arguments: str) -> Terminal:
        opened.append(Terminal(start, *arguments))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


def test_it_runs_through_and_leaves_nothing_behind(
    scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # It looks at nothing that is set up.
    monkeypatch.setenv("JOBSTORE_URL", "nonsense")
    monkeypatch.setenv("JOBSTORE_CONFIG", "nonsense.yaml")
    monkeypatch.setattr(demo_acts, "_TIMES", 2)
    monkeypatch.setattr(demo_acts, "_MEASURING", 0.0)
    result = run("demo", "--auto")
    assert (result.exit_code, result.stderr) == (0, "")
    told = result.stdout
    assert [part for part in _PARTS if part in told] == _PARTS
    assert "500 made-up postings seen again, unchanged in " in told
    assert "The store has 1,000 postings now." in told
    assert "Hôtel des Trois Hérons" in told
    assert re.search(r"^  3 +1 +5 +0  It saw 1 of 6 open postings, below 50%", told, re.MULTILINE)
    assert re.search(r"^  4 +5 +1 +1  ", told, re.MULTILINE)
    assert re.search(r"^REPOST .+ after 26 days\n    [-+] .+", told, re.MULTILINE)
    assert re.search(
        r"^SAME .+ otherboard.example\n    \+ .+ of the shorter text", told, re.MULTILINE
    )
    assert "\nREFUSED " in told
    assert "1 at first, 0 when asked again." in told
    assert set(re.findall(r"^(get|search|statistics|upsert) ", told, re.MULTILINE)) == {
        "get", "search", "statistics", "upsert"
    }  # fmt: skip
    assert re.search(r"^\d+ checks in [\d.]+ s: (pass|warn|fail)$", told, re.MULTILINE)
    assert "ALERT latency-critical  p95 of upsert is " in told
    assert "RESOLVED latency-critical  p95 of upsert is " in told
    assert told.count("delivered to: log") >= 2
    assert told.index("ALERT") < told.index("RESOLVED")
    assert re.search(r"^postings +1,000 +1,000  ✓$", told, re.MULTILINE)
    assert "1,000 postings compared field by field: 0 differ." in told
    for question in demo_acts.QUESTIONS:
        assert f"search> {question}\n" in told
    assert told.endswith("the scratch folder is gone again.\n")
    assert [*scratch.iterdir()] == []
    assert {each.name for each in tmp_path.iterdir()} == {"scratch"}


@pytest.mark.parametrize(
    ("number", "part"),
    [
        (signal.SIGTERM, b"2  Searching"),
        (signal.SIGHUP, b"2  Searching"),
        (signal.SIGINT, b"Another program takes"),
        (signal.SIGINT, b"7  A backup"),
    ],
)
def test_nothing_stays_behind_when_it_is_interrupted(
    number: int, part: bytes, start: Start, scratch: Path
) -> None:
    with start() as child:
        assert child.stdout
        while part not in child.stdout.readline():
            pass
        assert [each.name[:14] for each in scratch.iterdir()] == ["jobstore-demo-"]
        child.send_signal(number)
        _, told = child.communicate(timeout=300)
    assert (child.returncode, told) == (1, b"Error: Interrupted.\n")
    assert [*scratch.iterdir()] == []


def test_a_person_goes_on_step_by_step_and_asks(
    terminal: Callable[..., Terminal], scratch: Path
) -> None:
    demo = terminal("--step")
    for part in _PARTS[:-1]:
        demo.expect(part)
        demo.expect("any key goes on ")
        demo.type("x")
    demo.expect(_PARTS[-1])
    for question, answer in [
        ("title:engineer", " found in "),
        ("title:nothing-like-it", "0 found in "),
        ("this OR -that", "cannot have an excluded word beside OR"),
    ]:
        demo.expect("search> ")
        demo.type(f"{question}\n")
        assert answer in demo.expect("\n\n")
    demo.expect("search> ")
    demo.type("\n")
    demo.expect("All of it is on a page: ")
    address = demo.expect("\n").strip()
    with urlopen(address) as page:  # loopback
        assert "Engineer" in page.read().decode()
    demo.expect("any key ends it ")
    demo.type("x")
    demo.expect("the scratch folder is gone again.")
    assert demo.child.wait(300) == 0
    assert [*scratch.iterdir()] == []


@pytest.mark.parametrize(("key", "steps"), [("a", False), ("\r", True)])
def test_a_person_is_asked_how_to_go_on(
    terminal: Callable[..., Terminal], scratch: Path, key: str, steps: bool
) -> None:
    demo = terminal()
    demo.expect("a runs through, any other key goes on step by step ")
    demo.type(key)
    if steps:
        assert _PARTS[1] not in demo.expect("any key goes on ")
        demo.type("\x03")
        demo.expect("Error: Interrupted.")
        assert demo.child.wait(300) == 1
    else:
        assert "any key" not in demo.expect("search> ")
        demo.type("\x04")
        demo.expect("any key ends it ")
        demo.type("\x03")
        demo.expect("the scratch folder is gone again.")
        assert demo.child.wait(300) == 0
    assert [*scratch.iterdir()] == []


def test_what_cannot_be_is_wrong_usage() -> None:
    assert run("demo", "--step").exit_code == 2
    assert run("demo", "--step", "--auto").exit_code == 2


def test_the_commands_of_the_guide_are_those_that_there_are(
    repository: Path, tmp_path: Path
) -> None:
    guide = (repository / "docs/demo.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    commands = [line.partition("#")[0].strip() for line in block.splitlines()]
    # The first two are those of the tests with a terminal.
    assert commands == [
        "jobstore demo",
        "jobstore demo --step",
        "jobstore demo --auto",
        "make demo",
    ]
    program = tmp_path / "bin" / "jobstore"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        # What is set up already is not set up again.
        [str(shutil.which("make")), "--old-file=.venv/.ready", "demo", f"BIN={program.parent}"],
        cwd=repository,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    # That one runs through in this process above.
    assert (done.returncode, done.stdout) == (0, "demo --auto\n"), done.stderr
