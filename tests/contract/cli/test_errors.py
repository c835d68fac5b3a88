"""What commands say when they cannot: one line, and the exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jobstore.cli.main import app
from jobstore.records import job_id
from tests.contract.cli.commands import DEMO, answer, run, said, unannounced


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("search", "--workplace", "mars", "--salary-min=-1"), "workplace: must be one of"),
        (("search", "--facet", "colour"), "facet"),
        (("search", "--cursor", "forged"), "cursor"),
        (("search", "--limit", "0"), "--limit"),
        (("search", "--sort", "colour"), "--sort"),
        (("recent", "--days", "0"), "days"),
        (("count", "--country", "Atlantis"), "country"),
        (("export", "--country", "Atlantis"), "country"),
        (("show", "not-an-id"), "not a posting's id"),
        (("delete", "not-an-id", "--yes"), "not a posting's id"),
        (("stats", "--store", "mysql://host/db"), "cannot open mysql"),
        (("nonsense",), "No such command"),
        (("search", "--nonsense"), "No such option"),
        (("search", "-xylophone"), "No such option: -x (write -- before a text"),
        (("import",), "FILE"),
    ],
)
def test_wrong_usage_has_exit_code_2(demo: Path, arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.stderr
    assert says in said(result)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", str(job_id("board", "x"))), "No posting has the id"),
        (("show", "board", "x"), "No posting has this source and id."),
        (("stats", "--store", "sqlite:///missing.db"), "jobstore migrate up"),
        (("doctor", "--store", "sqlite:///missing.db"), "There is no database file"),
    ],
)
def test_failure_has_exit_code_1_and_one_line(
    demo: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 1
    assert says in result.stderr
    error = unannounced(result.stderr)
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    assert result.stdout == ""
    assert run(*arguments, "--json").stderr == error


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, demo_file: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("notes " * 1000, encoding="utf-8")
    for command in (["stats"], ["import", str(demo_file)], ["doctor"]):
        result = run(*command, "--store", f"sqlite:///{file}")
        assert result.exit_code == 1
    assert file.read_text(encoding="utf-8") == "notes " * 1000


def test_options_of_the_engine_come_from_the_environment(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSTORE_READERS", "many")
    result = run("count")
    assert result.exit_code == 2
    assert "JOBSTORE_READERS" in result.stderr
    monkeypatch.setenv("JOBSTORE_READERS", "1")
    assert answer("count") == {"count": DEMO}


def test_an_unexpected_error_is_one_line_and_debug_tells_more(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("jobstore.cli.calling.print_json", fail)
    result = run("count", "--json")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Unexpected ZeroDivisionError: oops")
    told = CliRunner().invoke(app, ["--debug", "count", "--json"])
    assert told.exit_code == 1
    assert "Traceback" in told.stderr


def test_ctrl_c_is_no_traceback(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jobstore.cli.calling.print_json", interrupt)
    result = run("count", "--json")
    assert (result.exit_code, result.stderr) == (1, "Error: Interrupted.\n")


# Moments at which Ctrl-C may come; each is the beginning of a program that runs a command.
_MOMENTS = {
    "while the program is loaded": """
class Interrupted:
    def find_spec(self, name, *_):
        if name == "jobstore.cli.searching":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
""",
    "while the command line is read": """
import typer.core
typer.core.TyperGroup.parse_args = lambda *_: signal.raise_signal(signal.SIGINT)
""",
    "while asyncio begins, which then forgets why it cancels": """
begin = asyncio.Runner.run

def run(runner, work):
    def interrupted(number, handler):
        before = set_handler(number, handler)
        if callable(handler) and handler is not signal.default_int_handler:
            signal.raise_signal(signal.SIGINT)
        return before

    set_handler, signal.signal = signal.signal, interrupted
    return begin(runner, work)

asyncio.Runner.run = run
""",
    "before the first step of a coroutine": """
asyncio.run = lambda work: signal.raise_signal(signal.SIGINT)
""",
    "while code is made and run, which Python remembers": """
asyncio.run = lambda work: exec("raise KeyboardInterrupt")
""",
    "while an object is taken away, when Python cannot raise it": """
class Taken:
    def __del__(self):
        raise KeyboardInterrupt

def run(work):
    work.close()
    Taken()
    time.sleep(120)

asyncio.run = run
""",
}


@pytest.mark.parametrize("moment", _MOMENTS)
def test_ctrl_c_is_one_line_whenever_it_comes(
    moment: str, repository: Path, tmp_path: Path
) -> None:
    ends = "from jobstore.__main__ import main\nmain()\n"
    program = f"import asyncio, signal, sys, time\n{_MOMENTS[moment]}\n{ends}"
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    # A module that is run minds what the program that is given as a text does not.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "program", "count"],
        env={**os.environ, "PYTHONPATH": str(repository)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = unannounced(done.stderr)
    assert (done.stdout, told, done.returncode) == ("", "Error: Interrupted.\n", 1)


def test_ctrl_c_after_the_result_is_none(
    demo: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    code = "import atexit, signal\natexit.register(signal.raise_signal, signal.SIGINT)\n"
    with start_python(f"{code}from jobstore.__main__ import main\nmain()", "count", "-q") as child:
        said, _ = child.communicate(timeout=120)
    assert (said, child.returncode) == (f"{DEMO}\n", 0)


def test_ctrl_c_at_a_question_is_an_interruption(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.cli.common._asks_a_person", lambda: True)
    # The end of what is typed looks the same to whoever asks.
    result = run("delete", str(job_id("board", "x")), stdin="")
    assert result.exit_code == 1
    assert result.stderr.endswith("\nError: Interrupted.\n")


def test_help_lists_groups_beside_the_commands_of_the_same_job() -> None:
    told = run("--help").stdout
    listed = re.findall(r"^  ([a-z-]+)  ", told[told.index("Commands:") :], re.MULTILINE)
    assert {*listed} == {*typer.main.get_command(app).commands}
    for group, command in (("duplicates", "apply"), ("searches", "watch"), ("migrate", "deploy")):
        assert abs(listed.index(group) - listed.index(command)) <= 2, listed


def test_help_documents_exit_codes_and_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    told = " ".join(result.stdout.split())
    assert "Exit codes: 0 done; 1 failed, interrupted, answered with no," in told
    assert "2 wrong usage, or --yes is missing" in told
    for name in (
        "migrate",
        "import",
        "search",
        "recent",
        "show",
        "count",
        "stats",
        "export",
        "delete",
        "doctor",
    ):
        assert name in result.stdout
        assert run(name, "--help").exit_code == 0
    assert run("--version").stdout.startswith("jobstore ")
