"""What docs/agents.md shows is what is there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jobstore
from jobstore.service.mcp.server import TOOLS


def blocks(repository: Path, language: str) -> list[str]:
    """The blocks of the guide in a language."""
    text = (repository / "docs/agents.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_every_tool_is_in_the_guide(repository: Path) -> None:
    text = (repository / "docs/agents.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [*TOOLS]
    for block in blocks(repository, "json"):
        ((name, server),) = next(iter(json.loads(block).values())).items()
        assert name == "jobstore"
        assert server.get("args", ["mcp"])[0] == "mcp"


def test_the_example_finds_postings(repository: Path, migrated_url: str, tmp_path: Path) -> None:
    async def fill() -> None:
        async with jobstore.connect(migrated_url) as store:
            for number, title in enumerate(("Data Engineer", "Senior Engineer", "Cook")):
                await store.upsert(
                    {
                        "source": "a",
                        "source_job_id": str(number),
                        "title": title,
                        "company": "Acme",
                        "workplace": "remote",
                        "description": f"We look for a {title}.",
                    }
                )

    asyncio.run(fill())
    (example,) = blocks(repository, "python")
    # The program of the environment that the tests run in.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", example, migrated_url],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["Data Engineer | Acme", "We look for a Data Engineer."]
