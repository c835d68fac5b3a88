"""Tests see the same surroundings, whatever is around whoever runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures import surroundings

SHOW = """
import json, os, shutil, time
from tests.fixtures import surroundings
surroundings.settle()
seen = {name: value for name, value in os.environ.items() if name in surroundings.PINNED}
others = sorted(os.environ.keys() - seen.keys())
print(json.dumps([seen, others, time.tzname, os.umask(0), [*shutil.get_terminal_size()]]))
"""
HOSTILE = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "COLUMNS": "7",
    "FORCE_COLOR": "1",
    "GITHUB_ACTIONS": "true",
    "HOME": "/",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "JOBSTORE_READERS": "many",
    "LC_ALL": "C",
    "NO_COLOR": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONOPTIMIZE": "1",
    "TERM": "dumb",
    "TZ": "Asia/Kathmandu",
    "XDG_STATE_HOME": "/",
}


@pytest.mark.parametrize("around", [{}, HOSTILE], ids=["empty", "hostile"])
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_what_is_around_does_not_reach_the_tests(
    repository: Path, around: dict[str, str], umask: int
) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        env={"PATH": os.environ["PATH"], **around},
        cwd=repository,
        umask=umask,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(shown.stdout) == [
        surroundings.PINNED,
        ["PATH"],
        ["UTC", "UTC"],
        0o022,
        [80, 24],
    ]


def test_the_tests_that_run_now_see_them() -> None:
    assert surroundings.PINNED.items() <= os.environ.items()
    assert not {"JOBSTORE_URL", "FORCE_COLOR", "NO_COLOR"} & os.environ.keys()
