"""``jobstore searches`` and ``watch``: what is saved, printed once, and told to sinks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.cli.commands import answer, lines, posting, run, said, shown


@pytest.fixture(autouse=True)
def url(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("JOBSTORE_URL", migrated_url)
    rows = lines(*(posting(n, title=f"{'Baker' if n % 2 else 'Cook'} {n}") for n in range(5)))
    assert run("import", "-", stdin=rows).exit_code == 0
    return migrated_url


def printed(*arguments: str) -> list[str]:
    result = run("watch", "bakers", "--once", *arguments)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["title"] for line in result.stdout.splitlines()]


def test_a_search_is_saved_listed_watched_and_removed() -> None:
    saved = answer("searches", "save", "bakers", "--text", "baker", "--status", "open")
    assert saved["query"] == {"text": "baker", "status": ["open"]}
    assert "bakers" in shown(run("searches", "list"))
    assert answer("searches", "list")["searches"][0]["name"] == "bakers"
    assert sorted(printed()) == ["Baker 1", "Baker 3"]
    assert printed() == []
    assert run("import", "-", stdin=lines(posting(7, title="Baker 7"))).exit_code == 0
    assert printed() == ["Baker 7"]
    assert answer("searches", "remove", "bakers") == {"removed": True}
    gone = run("searches", "remove", "bakers")
    assert (gone.exit_code, "no saved search" in said(gone)) == (1, True)
    unknown = run("watch", "bakers", "--once")
    assert (unknown.exit_code, "is no saved search" in said(unknown)) == (2, True)


def test_since_leaves_out_what_is_there() -> None:
    assert run("searches", "save", "bakers", "--since", "2999-01-01").exit_code == 0
    assert printed() == []


def test_sinks_are_told_and_what_they_do_not_take_comes_again(tmp_path: Path) -> None:
    answer("searches", "save", "bakers", "--text", "baker")
    told, config = tmp_path / "told.json", tmp_path / "config.yaml"

    def sink(command: list[str]) -> None:
        config.write_text(
            json.dumps({"alerts": {"sinks": [{"type": "command", "command": command}]}})
        )
        config.chmod(0o600)

    sink(["/bin/false"])
    failed = run("watch", "bakers", "--once", "--notify", "--config", str(config))
    assert (failed.exit_code, "could be told" in said(failed)) == (1, True)
    sink(["/bin/sh", "-c", f"cat > {told}"])
    assert len(printed("--notify", "--config", str(config))) == 2
    notice = json.loads(told.read_text())
    assert (notice["kind"], notice["rule"], notice["value"]) == ("matches", "bakers", 2)
    assert "Baker" not in told.read_text()
    assert printed() == []
