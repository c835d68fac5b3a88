"""The examples in the documentation run as they are written."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobstore.operations.alerts.sinks import sign

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = sorted([_ROOT / "README.md", *(_ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#]+)")


_MEASURED = ("GET", "SEARCH", "STATISTICS", "WRITE")


def _program(page: Path) -> str:
    return "\n".join(_BLOCK.findall(page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [page for page in _PAGES if _program(page)], ids=lambda p: p.name)
def test_the_python_examples_of_a_page_run_in_an_empty_folder(page: Path, tmp_path: Path) -> None:
    program = tmp_path / "example.py"
    program.write_text(_program(page), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", program.name],
        cwd=tmp_path,
        env={"PYTHONPATH": str(_ROOT), "PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    # What a line says it prints, it prints.
    for promised in re.findall(r"print\(.*\)  # (.+)", program.read_text(encoding="utf-8")):
        assert promised in run.stdout


@pytest.mark.parametrize(
    ("page", "folder", "shows"),
    [
        ("docs/command-line.md", "", '"unchanged": 500'),
        ("docs/your-own-file.md", "", "Bäcker (m/w/d)"),
        ("README.md", "examples", '"items": [{'),
    ],
)
def test_the_commands_of_a_page_run_as_they_are_written_and_find_something(
    tmp_path: Path, quick_jobstore: Path, page: str, folder: str, shows: str
) -> None:
    blocks = _SHELL.findall((_ROOT / page).read_text(encoding="utf-8"))
    tour = "\n".join(block for block in blocks if re.search(r"^jobstore ", block, re.MULTILINE))
    assert "jobstore search" in tour
    (tmp_path / folder).mkdir(exist_ok=True)
    shutil.copy(_ROOT / "examples" / "postings.jsonl", tmp_path / folder)
    command = f'jobstore() {{ "{quick_jobstore}" "$@"; }}\n'
    run = subprocess.run(
        ["bash", "-eu", "-c", command + tour],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(_ROOT),
            "PATH": "/usr/bin:/bin",
            "PYTHONIOENCODING": "utf-8",
            # The page's deployment is not to fail by how busy this machine is.
            **{f"JOBSTORE_THRESHOLDS__{name}_MS": "60000" for name in _MEASURED},
        },
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert run.returncode == 0, run.stderr
    assert shows in run.stdout
    assert not re.search(r'"(total|count)": 0\b', run.stdout)
    assert "No posting found" not in run.stderr
    assert "\n0 postings written" not in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


def _receiver() -> Callable[..., bool]:
    """Return the function of the example that receives notifications."""
    found = runpy.run_path(str(_ROOT / "examples" / "alert_receiver.py"))
    genuine: Callable[..., bool] = found["is_genuine"]
    return genuine


def test_the_documented_receiver_knows_what_is_genuine() -> None:
    genuine, now, body = _receiver(), str(int(time.time())), b'{"id": "1"}'
    headers = {
        "X-Jobstore-Timestamp": now,
        "X-Jobstore-Signature": f"sha256={sign('key', now, body)}",
    }
    assert genuine("key", headers, body) is True
    assert genuine("another", headers, body) is False
    assert genuine("key", headers, body + b" ") is False
    old = str(int(now) - 3600)
    replayed = {
        "X-Jobstore-Timestamp": old,
        "X-Jobstore-Signature": f"sha256={sign('key', old, body)}",
    }
    assert genuine("key", replayed, body) is False


_HOSTILE = [
    *("", " ", "x", "-1", "+1", "1e9", "1.5", "0x1", "\u0661\u0662", "\u00b2", "\uff11", "1\n"),
    *("9" * 5000, "1" * 309, "nan", "inf", "\xe9", "\udce9", "\0", "sha256=", "sha256=\xe9"),
]


@pytest.mark.parametrize("text", _HOSTILE, ids=ascii)
def test_the_documented_receiver_raises_for_nothing_that_is_sent(text: str) -> None:
    genuine, now = _receiver(), str(int(time.time()))
    for headers in (
        {"X-Jobstore-Timestamp": text},
        {"X-Jobstore-Signature": text},
        {"X-Jobstore-Timestamp": text, "X-Jobstore-Signature": text},
        {"X-Jobstore-Timestamp": now, "X-Jobstore-Signature": text},
        {"X-Jobstore-Timestamp": text, "X-Jobstore-Signature": "sha256=" + "0" * 64},
    ):
        for body in (b"", b"{}", b"\xff\x00" * 100):
            assert genuine("key", headers, body) is False
