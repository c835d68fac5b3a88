"""The guide to the service: its examples run as they are written."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest

import jobstore
from jobstore.service.problems import _STATUSES
from jobstore.settings.sections import Settings
from tests.operations.guides import Machine, blocks
from tests.service.running import running


def _here(text: str, port: int) -> str:
    assert "localhost:8710" in text
    return text.replace("localhost:8710", f"localhost:{port}")


def test_the_examples_run(
    settings: Settings, tmp_path: Path, repository: Path, quick_jobstore: Path
) -> None:
    page = repository / "docs/service.md"
    # Those after it are about a machine with systemd, or with containers.
    (_, commands), *_ = blocks(page)
    machine = Machine(tmp_path / "machine", repository, quick_jobstore)
    with running(settings) as port:
        done = machine.run(_here(commands, port), tmp_path, JOBSTORE_URL=settings.store.url)
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"outcome": "inserted"' in done.stdout
        assert '"items": [{"id": ' in done.stdout
        assert "\n304\n" in done.stdout or "}304\n" in done.stdout
        assert '"salary_min": null' in done.stdout
        assert '"text": "Call Ada."' in done.stdout
        exported = (tmp_path / "acme.jsonl").read_text("utf-8").splitlines()
        assert {json.loads(each)["title"] for each in exported} == {"Data Engineer", "Clerk"}


def _store(settings: Settings, postings: list[dict[str, str]]) -> None:
    async def store() -> None:
        async with jobstore.connect(settings.store.url) as opened:
            await opened.upsert_many(postings)

    asyncio.run(store())


# The project needs no JavaScript, and the machine of a newcomer may have nothing that runs it.
@pytest.mark.skipif(shutil.which("node") is None, reason="node, which runs JavaScript, is not here")
def test_the_example_in_javascript_runs(
    settings: Settings, tmp_path: Path, repository: Path
) -> None:
    postings = [
        {"source": "board", "source_job_id": title, "title": title, "company": "Acme"}
        for title in ("Data Engineer", "Clerk")
    ]
    with running(settings) as port:
        _store(settings, postings)
        (script,) = re.findall(
            r"^```js\n(.*?)^```", (repository / "docs/service.md").read_text("utf-8"), re.S | re.M
        )
        (tmp_path / "example.mjs").write_text(_here(script, port), encoding="utf-8")
        ran = subprocess.run(
            ["node", "example.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert {*ran.stdout.split("\n")} == {"Data Engineer", "Clerk", ""}, ran.stderr


def test_the_guide_tells_of_each_error(repository: Path) -> None:
    text = (repository / "docs/service.md").read_text("utf-8")
    table = text.partition("## Errors")[2].partition("\n## ")[0]
    told = {int(status) for status in re.findall(r"\b[45]\d\d\b", table)}
    assert {int(status) for _, status, _ in _STATUSES} <= told
    assert all(HTTPStatus(status) for status in told)
