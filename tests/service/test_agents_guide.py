"""What docs/agents.md shows is what is there. Its example runs with those of all pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jobstore.service.mcp.server import TOOLS


def test_every_tool_is_in_the_guide_and_its_settings_are_whole(repository: Path) -> None:
    text = (repository / "docs/agents.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [*TOOLS]
    blocks = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        ((name, server),) = next(iter(json.loads(block).values())).items()
        assert name == "jobstore"
        assert server.get("args", ["mcp"])[0] == "mcp" or server["url"].endswith("/mcp")
