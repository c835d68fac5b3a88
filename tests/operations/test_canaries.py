"""Secrets and texts of postings are planted everywhere; no log and no output has them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
from pathlib import Path

import pytest

import jobstore
from jobstore import (
    Event,
    InvalidPosting,
    InvalidQuery,
    JobNotFound,
    JobPosting,
    JobStoreError,
    SearchQuery,
)
from jobstore.operations.logs import LOGS, Logs, bound, get
from jobstore.settings.loading import load
from tests.contract.cli.commands import run

# A word that is in every planted text, in a form that no program makes by itself.
CANARY = "Zqxcanary"
TOKEN = f"{CANARY}-Token-0123456789"
TEXT = f"{CANARY} looks for an engineer"

PLANTED = JobPosting(
    source="board",
    source_job_id=CANARY,
    title=TEXT,
    company=TEXT,
    location=TEXT,
    description=TEXT * 50,
    skills=[CANARY],
    salary_text=TEXT,
    url=f"https://example.com/{CANARY}",
    attributes={CANARY: TEXT},
)

YAML = f"""
environment: staging
logging: {{level: debug, slow_ms: 0.0001, format: FORMAT}}
backup:
  places: [s3://bucket]
  place_options:
    s3://bucket: {{aws_access_key_id: {TOKEN}, aws_secret_access_key: '{TOKEN}/+='}}
alerts:
  sinks:
    - {{type: webhook, url: 'https://hooks.example.com/{TOKEN}', secret: '${{HOOK_SECRET}}'}}
    - {{type: email, host: h, sender: s, recipients: [r], username: u, password: '{TOKEN}!'}}
    - {{type: command, command: [notify, --password, '{TOKEN}!']}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{TOKEN}-of-the-environment")
    Path(".env").write_text(f"HOOK_SECRET={TOKEN}-of-dotenv\n")
    return tmp_path / "config.yaml"


def _write(config: Path, form: str, more: str = "") -> None:
    config.write_text(YAML.replace("FORMAT", form) + more)


async def _work(url: str, observers: list[jobstore.Observer]) -> None:
    """Do everything a store can do, with what must not be told in every place for it."""
    async with jobstore.connect(url, migrate=True, observers=observers) as store:
        result = await store.upsert(PLANTED)
        await store.upsert_many([PLANTED, {"source": "board", "title": TEXT}])
        await store.update(result.id, {"title": f"{TEXT}!"})
        await store.find("board", CANARY)
        await store.recent()
        await store.statistics()
        query = SearchQuery(text=f'{CANARY} "{TEXT}" -title:{CANARY}x', company=TEXT, skills=CANARY)
        await store.search(query, facets=("company",))
        await store.count(query)
        assert [job async for job in store.stream(SearchQuery(company=TEXT))]
        for wrong in (SearchQuery(text=f"{CANARY} " * 200), SearchQuery(country=TEXT)):
            with pytest.raises(InvalidQuery):
                await store.search(wrong)
        with pytest.raises(InvalidPosting):
            await store.upsert({"source": "board", "url": TEXT, "description": TEXT})
        with pytest.raises(InvalidQuery):
            await store.search(cursor=CANARY)
        await store.delete(result.id)
        with pytest.raises(JobNotFound):
            await store.get(result.id)


def _careless(event: Event) -> None:
    """An observer that fails with what it has at hand."""
    raise sqlite3.OperationalError(f"near {TEXT!r}: {TOKEN}")


def _log_carelessly() -> None:
    """Log what nobody should."""
    posting = JobPosting(source="s", source_job_id="1", title=TEXT, company=TEXT)
    for name in LOGS:
        log = get(name)
        log.info("said", posting=posting, title=TEXT, rows=[posting], extra={"description": TEXT})
        log.info("said", password=TOKEN, url=f"https://ann:{TOKEN}@host/", params=(TEXT, 1))
        log.error("said", error=ValueError(TEXT), header=f"Bearer {TOKEN}", note=TOKEN)
        plain = logging.getLogger(f"jobstore.{name}")
        plain.warning("failed: %s, %r, %s", ValueError(TEXT), posting, f"token={TOKEN}")
        plain.warning("failed", extra={"query": TEXT, "webhook_secret": TOKEN})
        try:
            json.loads(f"[{TEXT}")
            raise AssertionError
        except ValueError:
            plain.exception("failed")
            log.exception("failed", secret=TOKEN)
        try:
            raise JobStoreError(f"https://{TOKEN}@host/ cannot be reached")
        except JobStoreError:
            log.exception("failed")


@pytest.mark.parametrize("form", ["json", "readable"])
async def test_no_log_has_a_secret_or_a_text_of_a_posting(config: Path, form: str) -> None:
    _write(config, form)
    settings = load(config).settings
    with Logs(settings) as logs, logs.slow_operations() as slow, bound(request_id="r-1"):
        await _work(settings.store.url, [slow, _careless])
        _log_carelessly()

    written = {path.stem: path.read_text("utf-8") for path in settings.logs_folder.iterdir()}
    assert set(written) == set(LOGS)
    assert "Zqxcanary".lower() not in "".join(written.values()).lower()
    # They do say what happened.
    told = written["performance"]
    for operation in ("upsert", "upsert_many", "search", "count", "stream", "recent", "delete"):
        assert operation in told
    assert "words=1 phrases=1 excluded=1 filters=company,skills sort=newest" in told
    assert "InvalidPosting" in told
    assert "an observer of search failed" in written["monitoring"]
    for text in written.values():
        assert all("run_id" in line and "r-1" in line for line in text.splitlines())


@pytest.mark.parametrize("wrong", ["", f"paths: {{{CANARY}: {TOKEN}, state: [{TOKEN}]}}\n"])
def test_no_command_about_settings_has_a_secret(config: Path, wrong: str) -> None:
    _write(config, "json", wrong)
    for command in ("show", "check"):
        for option in ([], ["--json"]):
            result = run("config", command, "--config", str(config), *option)
            assert result.exit_code == (2 if wrong else 0)
            told = result.stdout + result.stderr
            assert TOKEN not in told
            # The name of a key that is none is told; it is no value.
            assert told.count(CANARY) == bool(wrong)


@pytest.mark.parametrize("name", ["JOBSTORE_READERS", "JOBSTORE_BACKUP__PLACES", "JOBSTORE_URL"])
def test_no_message_repeats_a_variable(
    config: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, f"x://ann:{TOKEN}@host")
    result = run("config", "check")
    assert (result.exit_code, result.stdout) == (2, "")
    assert name in result.stderr
    assert CANARY not in result.stderr
    assert CANARY in os.environ[name]


OPERATIONS = f"""
environment: staging
store: {{url: 'sqlite:///jobs.db'}}
logging: {{level: debug, slow_ms: 0.0001}}
deployment: {{min_free_mib: 1}}
thresholds: {{get_ms: 60000, search_ms: 60000, statistics_ms: 60000, write_ms: 60000}}
health: {{timeout: 60, disk_warn_percent: 0.002, disk_fail_percent: 0.001}}
backup:
  places: [s3://bucket]
  place_options:
    s3://bucket: {{aws_access_key_id: {TOKEN}, aws_secret_access_key: '{TOKEN}/+=',
      timeout: '{TOKEN}'}}
alerts:
  sinks:
    - {{type: webhook, url: 'http://127.0.0.1:9/{TOKEN}', secret: '{TOKEN}', timeout: 1}}
    - {{type: email, host: 127.0.0.1, port: 9, tls: starttls, sender: s@example.org,
       recipients: [r@example.org], username: u, password: '{TOKEN}!', timeout: 1}}
    - {{type: command, command: [/nowhere/notify, --password, '{TOKEN}!']}}
    - {{type: log}}
"""


def test_nothing_that_operations_keep_has_a_secret_or_a_text_of_a_posting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "deploy" / "staging"
    place.mkdir(parents=True)
    config = place / "config.yaml"
    config.write_text(OPERATIONS)
    told = []

    def command(*arguments: str, code: int | None = 0) -> None:
        result = run(*arguments)
        told.append(result.stdout + result.stderr)
        assert code in (None, result.exit_code), (arguments, told[-1])

    of = ("--config", str(config))
    command("deploy", "--environment", "staging")
    _plant()
    # The place of copies cannot be set up, and tells so with its options at hand.
    command("backup", "create", *of, code=None)
    command("backup", "verify", *of, code=None)
    command("backup", "verify", "--restore", *of)
    command("restore", "--to", "again.db", *of)
    command("restore", "--replace", *of, code=None)
    command("deploy", "--environment", "staging")
    command("run-due", *of, code=None)
    command("alerts", "check", *of)
    command("alerts", "test", *of, code=1)

    state = tmp_path / "jobs.ops"
    kept = {
        path.relative_to(state): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and not path.name.endswith((".zst", ".age"))
    }
    names = {path.name for path in kept}
    assert "operations.db" in names
    assert {path.parts[0] for path in kept} >= {"logs", "deployments", "backups"}
    word = CANARY.lower().encode()
    assert [str(path) for path, data in kept.items() if word in data.lower()] == []
    assert CANARY.lower() not in "".join(told).lower()
    # Each did what it is there for.
    remembered = kept[Path("operations.db")] + kept.get(Path("operations.db-wal"), b"")
    assert b"s3://bucket" in remembered
    assert b"firing" in remembered


def _plant() -> None:
    async def work() -> None:
        async with jobstore.connect("sqlite:///jobs.db") as store:
            await store.upsert(PLANTED)

    asyncio.run(work())
