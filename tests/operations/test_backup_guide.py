"""The guide to backups: every command of it runs, against buckets of this machine."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from jobstore.operations.backup.catalog import read_catalog
from jobstore.settings.loading import load
from tests.operations.backups import make, manifest_of, new_keys, rewrite, settings_for
from tests.operations.buckets import object_server
from tests.operations.damaging import fill

_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NAME = "jobs-20260301T023000Z-1f3a9c"


class Guide:
    """The commands of the page, run one block after the other as they are written."""

    def __init__(self, page: Path, environment: dict[str, str]) -> None:
        blocks = _BLOCKS.findall(page.read_text(encoding="utf-8"))
        self.settings = next(text for kind, text in blocks if kind == "yaml")
        self._left = [text for kind, text in blocks if kind == "sh"]
        self.environment = environment | {"PATH": "/usr/bin:/bin", "NO_COLOR": "1"}

    def next(self, folder: Path, **replaced: str) -> str:
        """Run the next block; return what it printed and said."""
        commands = self._left.pop(0)
        for old, new in replaced.items():
            commands = commands.replace(old, new)
        defined = (
            f'jobstore() {{ "{sys.executable}" -W error -m jobstore "$@"; }}\n'
            f'age-keygen() {{ cp "$HOME/made-key.txt" "$2"; }}\n'
        )
        done = subprocess.run(
            ["bash", "-eu", "-c", defined + commands],
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    @property
    def finished(self) -> bool:
        return not self._left


def postings(file: Path) -> int:
    with closing(sqlite3.connect(file)) as conn:
        (number,) = conn.execute("SELECT count(*) FROM posting").fetchone()
    return int(number)


def test_every_command_does_what_the_guide_says(
    repository: Path, tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(migrated_url)
    keys = new_keys(tmp_path / "made-key.txt")
    # A backup of long ago, as the guide names one.
    long_ago = settings_for(tmp_path, recipients=[keys.public])
    old = make(long_ago, "long ago")
    rewrite(manifest_of(long_ago, old), created_at="2026-03-01T02:30:00Z")
    with object_server() as server:
        for bucket in ("example-backups-eu", "example-backups-us"):
            server.make(bucket)
        environment = {"PYTHONPATH": str(repository), "HOME": str(tmp_path)} | server.environment
        guide = Guide(repository / "docs/backup.md", environment)

        said = guide.next(tmp_path)
        assert "gives the store back: 40 postings" in said
        assert postings(tmp_path / "restored.db") == 40

        disk = tmp_path / "disk"
        disk.mkdir()
        config = tmp_path / "config.yaml"
        config.write_text(guide.settings.replace("/mnt/backups", str(disk)))
        guide.environment["JOBSTORE_CONFIG"] = str(config)
        assert f"{disk}: 0 backups would go, 0 kept." in guide.next(tmp_path)
        assert f"in {disk} is good" in guide.next(tmp_path)
        assert postings(tmp_path / "opened.db") == 40

        # Encrypted from here on.
        key = tmp_path / "backup-key.txt"
        guide.environment["JOBSTORE_BACKUP__RECIPIENTS"] = json.dumps([keys.public])
        guide.environment["JOBSTORE_BACKUP__IDENTITY_FILE"] = str(key)
        said = guide.next(tmp_path)
        assert "signing-key.txt has a new key" in said
        assert "signed" in said
        assert "jobstore-key-" not in said
        assert "is good" in guide.next(tmp_path)
        said = guide.next(tmp_path)
        assert '"ok": true' in said
        said = guide.next(tmp_path, **{f"{_NAME}.db.zst": old.file, _NAME: old.name})
        assert "What was there is kept as" in said
        for name in ("copy", "file", "then"):
            assert postings(tmp_path / f"{name}.db") == 40

        # Another machine, which has the settings, the keys and nothing else.
        machine = tmp_path / "machine"
        machine.mkdir()
        shutil.copy(config, machine)
        shutil.copy(key, machine)
        for each in (*tmp_path.glob("jobs.*"), disk):
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        disk.mkdir()
        del guide.environment["JOBSTORE_CONFIG"]
        del guide.environment["JOBSTORE_BACKUP__IDENTITY_FILE"]
        said = guide.next(machine)
        assert "from jobs-" in said
        assert "in s3://example-backups-eu/jobstore" in said
        assert postings(machine / "jobs.db") == 40
        guide.environment["JOBSTORE_CONFIG"] = "config.yaml"
        assert "backup" in guide.next(machine)
        assert guide.finished
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(machine)
        newest = read_catalog(load("config.yaml").settings).backups[0]
        assert len(newest.places) == 4
        assert newest.manifest.encryption == "age"
