"""``jobstore searches`` and ``watch``: what is saved, printed once, and told to sinks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobstore import JobStore, NewMatches, StoreBusy, StoreUnavailable
from jobstore.cli import searches
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
    assert "bakers text: baker, status: open nothing yet" in shown(run("searches", "list"))
    assert answer("searches", "list")["searches"][0]["name"] == "bakers"
    watched = run("watch", "bakers", "--once")
    rows = [json.loads(line) for line in watched.stdout.splitlines()]
    assert sorted(each["title"] for each in rows) == ["Baker 1", "Baker 3"]
    assert {each["search"] for each in rows} == {"bakers"}
    again = answer("import", "-", "--strict", stdin=watched.stdout)
    assert (again["unchanged"], again["rejected"]) == (2, 0)
    assert printed() == []
    assert "nothing yet" not in shown(run("searches", "list"))
    every = run("searches", "save", "all")
    assert "--status open leaves them out" in shown(every)
    assert run("import", "-", stdin=lines(posting(7, title="Baker 7"))).exit_code == 0
    assert printed() == ["Baker 7"]
    assert answer("searches", "remove", "bakers") == {"removed": True}
    gone = run("searches", "remove", "bakers")
    assert (gone.exit_code, "no saved search" in said(gone)) == (1, True)
    unknown = run("watch", "bakers", "--once")
    told = "There is no saved search bakers; jobstore searches list shows"
    assert (unknown.exit_code, told in said(unknown)) == (1, True)


def test_a_search_by_application_is_refused_and_duplicates_are_asked_for() -> None:
    refused = run("searches", "save", "bakers", "--application", "none")
    assert (refused.exit_code, "cannot be saved" in said(refused)) == (2, True)
    answer("searches", "save", "bakers", "--country", "DE", "--country", "AT", "--each-duplicate")
    assert "country: DE or AT, each duplicate" in shown(run("searches", "list"))
    saved = answer("searches", "save", "bakers", "--each-duplicate")
    assert saved["query"] == {"collapse_duplicates": False}


class Rounds:
    """Takes the place of the pauses of watch: does something in each, and ends the last one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
        self.steps = [*steps]
        monkeypatch.setattr(searches.asyncio, "sleep", self.pause)

    async def pause(self, seconds: float) -> None:
        assert seconds == 60
        if not self.steps:
            raise KeyboardInterrupt
        await asyncio.to_thread(self.steps.pop(0))


def test_what_a_sink_does_not_take_is_told_to_it_again_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer("searches", "save", "bakers", "--text", "baker")
    good, bad, config = tmp_path / "good", tmp_path / "bad", tmp_path / "config.yaml"
    sinks = [
        {"type": "command", "name": name, "command": ["/bin/sh", "-c", script]}
        for name, script in (
            ("good", f"cat >> {good}; echo >> {good}"),
            # A folder that is not there takes nothing.
            ("bad", f"cat >> {bad}/told && echo >> {bad}/told"),
        )
    ]
    config.write_text(json.dumps({"alerts": {"sinks": sinks}}))
    config.chmod(0o600)

    def another() -> None:
        assert run("import", "-", stdin=lines(posting(7, title="Baker 7"))).exit_code == 0

    Rounds(monkeypatch, another, bad.mkdir)
    ended = run("watch", "bakers", "--notify", "--config", str(config))
    assert ended.stderr.count("Error: Not everybody could be told") == 2
    titles = [json.loads(line)["title"] for line in ended.stdout.splitlines()]
    assert (sorted(titles[:2]), titles[2:]) == (["Baker 1", "Baker 3"], ["Baker 7"])
    told = {
        file: [json.loads(each)["value"] for each in file.read_text().splitlines()]
        for file in (good, bad / "told")
    }
    assert told == {good: [2, 1], bad / "told": [3]}
    assert printed() == []


def test_a_store_that_is_away_is_asked_again_and_a_removed_search_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer("searches", "save", "bakers", "--text", "baker")
    acknowledge, errors = JobStore.acknowledge, [StoreBusy(), StoreUnavailable("It is away.")]

    async def failing(store: JobStore, name: str, matches: NewMatches) -> None:
        if errors:
            raise errors.pop(0)
        await acknowledge(store, name, matches)

    monkeypatch.setattr(JobStore, "acknowledge", failing)
    nothing = bool
    Rounds(monkeypatch, nothing, nothing, lambda: answer("searches", "remove", "bakers"))
    ended = run("watch", "bakers")
    assert (ended.exit_code, "no saved search" in said(ended)) == (1, True)
    assert "It is away." in ended.stderr
    assert len(ended.stdout.splitlines()) == 2


def test_since_leaves_out_what_is_there() -> None:
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    assert run("searches", "save", "bakers", "--since", later).exit_code == 0
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
