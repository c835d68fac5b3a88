"""What tests of guides share: their commands, and a machine that stands for the one they set up."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

_BLOCKS = re.compile(r"^```(sh|crontab)\n(.*?)^```", re.DOTALL | re.MULTILINE)

PATIENT = {
    f"JOBSTORE_{name}": value
    for name, value in {
        "THRESHOLDS__GET_MS": "60000",
        "THRESHOLDS__SEARCH_MS": "60000",
        "THRESHOLDS__STATISTICS_MS": "60000",
        "THRESHOLDS__WRITE_MS": "60000",
        "HEALTH__TIMEOUT": "60",
        "HEALTH__DISK_WARN_PERCENT": "0.002",
        "HEALTH__DISK_FAIL_PERCENT": "0.001",
        "DEPLOYMENT__MIN_FREE_MIB": "1",
    }.items()
}
"""Variables for a machine that is slow, or whose disk is nearly full."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return what a page has to be typed: the language of each block, and its text."""
    return _BLOCKS.findall(page.read_text(encoding="utf-8"))


class Machine:
    """A folder that stands for a machine: its commands, its files, who is asked for what."""

    def __init__(self, root: Path, repository: Path, program: Path) -> None:
        self.root = root
        self.repository = repository
        self.state = root / "var/lib/jobstore"
        self.state.mkdir(parents=True)
        self.log = root / "asked"
        jobstore = root / "opt/jobstore/bin/jobstore"
        bin = root / "bin"
        # Both, so that either is found first.
        for each in (jobstore, bin / "jobstore"):
            self._script(each, f'exec "{program}" "$@"')
        self._script(bin / "sudo", 'if [ "$1" = -u ]; then shift 2; fi; exec "$@"')
        self._script(bin / "python3", f'[ "$1" = -m ] || exec "{sys.executable}" "$@"', log=True)
        self._script(jobstore.with_name("pip"), log=True)
        for name in ("useradd", "systemctl"):
            self._script(bin / name, log=True)
        self._bin = bin
        self.environment = {
            "PATH": f"{bin}:/usr/bin:/bin",
            "PYTHONPATH": str(repository),
            "HOME": str(root),
        }

    def _script(self, path: Path, text: str = "", *, log: bool = False) -> None:
        asked = f'echo {path.name} "$@" >> "{self.log}"' if log else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n{asked}\n")
        path.chmod(0o755)

    def stub(self, name: str, text: str) -> None:
        """Have a program of that name do what the text says."""
        self._script(self._bin / name, text)

    def here(self, commands: str) -> str:
        """Return commands with the paths and accounts that they have on this machine."""
        commands = re.sub(r"-[og] jobstore ", "", commands)
        return re.sub(r"(?<=[ =])/(?=(var|etc|opt)/)", f"{self.root}/", commands)

    def checkout(self) -> Path:
        """Return a folder with what a checkout has for operations; stores are on this machine."""
        folder = self.root / "checkout"
        for file in (self.repository / "deploy").rglob("*.*"):
            copy = folder / file.relative_to(self.repository)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(
                file.read_text().replace("sqlite:////var", f"sqlite:///{self.root}/var")
            )
        (folder / "examples").mkdir()
        shutil.copy(self.repository / "examples/postings.jsonl", folder / "examples")
        return folder

    def run(self, commands: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-eu", "-c", self.here(commands)],
            cwd=folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
