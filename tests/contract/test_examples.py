"""The examples run, and do what they say; the made-up postings are what their generator makes."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import runpy
import subprocess
import sys
import types
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore.intake.validation import check_posting


@pytest.fixture(scope="session")
def examples(repository: Path) -> Path:
    return repository / "examples"


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"examples_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made_up(examples: Path) -> list[dict[str, Any]]:
    text = (examples / "postings.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_file_is_what_the_generator_makes(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again.jsonl"
    monkeypatch.setattr(sys, "argv", ["generate_postings.py", "--output", str(again)])
    runpy.run_path(str(examples / "generate_postings.py"), run_name="__main__")
    assert again.read_bytes() == (examples / "postings.jsonl").read_bytes()


def test_another_seed_makes_others(examples: Path) -> None:
    generator = load(examples / "generate_postings.py")
    one, other = list(generator.postings(1)), list(generator.postings(2))
    assert one == list(generator.postings(1))
    assert one != other


def test_there_are_500_that_the_store_takes_as_they_are(made_up: list[dict[str, Any]]) -> None:
    keys = {(each["source"], each["source_job_id"]) for each in made_up}
    assert len(made_up) == len(keys) == 500
    for each in made_up:
        check_posting(each)


def test_they_are_marked_as_made_up(made_up: list[dict[str, Any]]) -> None:
    for each in made_up:
        assert each["attributes"]["made_up"] is True
        assert each["source"].endswith(".example")
        for name in ("url", "apply_url", "company_url"):
            host = each.get(name, "https://x.example/").split("/")[2]
            assert host.endswith(".example"), each[name]


def test_they_are_varied(made_up: list[dict[str, Any]]) -> None:
    def kinds(name: str) -> set[Any]:
        return {each.get(name) for each in made_up}

    assert len(kinds("country")) >= 20
    assert len(kinds("salary_currency")) >= 15
    assert kinds("salary_period") >= {None, "hour", "day", "month", "year"}
    assert kinds("workplace") == {None, "onsite", "hybrid", "remote"}
    assert len(kinds("employment_type")) >= 6
    assert len(kinds("experience_level")) >= 6
    assert len(kinds("title")) >= 80
    assert len(kinds("company")) >= 70
    texts = Counter(each["description"] for each in made_up)
    assert len(texts) >= 470
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in set("".join(texts))}
    assert scripts >= {
        *("LATIN", "CYRILLIC", "GREEK", "ARABIC"),
        *("HANGUL", "HIRAGANA", "KATAKANA", "CJK"),
    }


def test_their_descriptions_are_as_long_as_real_ones(made_up: list[dict[str, Any]]) -> None:
    for each in made_up:
        text = each["description"]
        if each["attributes"]["language"] in ("ja", "zh"):  # written without spaces
            assert 200 <= len(text) <= 800
        else:
            assert 60 <= len(text.split()) <= 250
        assert "{" not in text


async def test_a_hundred_coroutines_scrape_a_board(
    examples: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    visits = await load(examples / "asyncio_scraper.py").main(store_url)
    first, second = visits["first"], visits["second"]
    assert first["inserted"] == 199
    assert first["rejected"] > 0
    assert first["values left out"] > 0
    # Pages overlap, so some are met twice on one visit.
    assert first["unchanged"] > 0
    assert first["retried"] > 0
    assert first["failed"] == second["failed"] == 0
    assert second["inserted"] == 1
    assert second["updated"] == 10
    told = capsys.readouterr()
    assert "the store now holds 200 postings" in told.out
    assert "Keeper of Bees" in told.out
    assert "title: is required" in told.err
    async with jobstore.connect(store_url) as store:
        assert await store.count() == 200


class _Settings(dict[str, Any]):
    pass


class _Stats:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def inc_value(self, name: str) -> None:
        self.counts[name] += 1


class _Signals:
    def __init__(self) -> None:
        self.handlers: dict[object, Callable[[], Any]] = {}

    def connect(self, handler: Callable[[], Any], signal: object) -> None:
        self.handlers[signal] = handler


@pytest.fixture
def scrapy(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The few names of Scrapy that the pipeline uses."""
    signals = types.SimpleNamespace(spider_opened="opened", spider_closed="closed")
    package = types.ModuleType("scrapy")
    package.signals = signals
    exceptions = types.ModuleType("scrapy.exceptions")
    exceptions.DropItem = type("DropItem", (Exception,), {})
    monkeypatch.setitem(sys.modules, "scrapy", package)
    monkeypatch.setitem(sys.modules, "scrapy.exceptions", exceptions)
    return exceptions


async def test_scrapy_items_are_stored_and_faulty_ones_dropped(
    examples: Path, store_url: str, scrapy: Any, made_up: list[dict[str, Any]]
) -> None:
    module = load(examples / "scrapy_pipeline.py")
    crawler = types.SimpleNamespace(
        settings=_Settings(JOBSTORE_URL=store_url), stats=_Stats(), signals=_Signals()
    )
    pipeline = module.JobStorePipeline.from_crawler(crawler)
    with pytest.raises(RuntimeError):
        await pipeline.process_item(made_up[0])
    await pipeline.close()
    await crawler.signals.handlers["opened"]()
    try:
        assert await pipeline.process_item(made_up[0], spider=None) is made_up[0]
        await pipeline.process_item(made_up[0])
        item = jobstore.JobPosting(**made_up[1])
        assert await pipeline.process_item(item) is item
        with pytest.raises(scrapy.DropItem, match="title: is required"):
            await pipeline.process_item(made_up[2] | {"title": ""})
    finally:
        await crawler.signals.handlers["closed"]()
    assert crawler.stats.counts == {
        "jobstore/inserted": 2,
        "jobstore/unchanged": 1,
        "jobstore/rejected": 1,
    }
    quiet = module.JobStorePipeline(store_url)
    await quiet.open()
    await quiet.process_item(made_up[0])
    await quiet.close()


SPIDER = """
import sys
import scrapy
from scrapy.crawler import CrawlerProcess

sys.path.insert(0, sys.argv[1])

class Spider(scrapy.Spider):
    name = "made_up"
    start_urls = ["file://" + sys.argv[1] + "/postings.jsonl"]

    def parse(self, response):
        import json
        for line in response.body.decode().splitlines()[:50]:
            yield json.loads(line)
        yield {"source": "board"}

process = CrawlerProcess({
    "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
    "ITEM_PIPELINES": {"scrapy_pipeline.JobStorePipeline": 300},
    "JOBSTORE_URL": sys.argv[2],
    "LOG_LEVEL": "ERROR",
})
crawler = process.create_crawler(Spider)
process.crawl(crawler)
process.start()
print(crawler.stats.get_value("jobstore/inserted"), crawler.stats.get_value("jobstore/rejected"))
"""


def test_scrapy_itself_runs_the_pipeline(
    examples: Path, store_url: str, run_python: Callable[..., str]
) -> None:
    assert run_python(SPIDER, str(examples), store_url) == "50 1\n"


def test_the_notebook_goes_from_pandas_to_pandas(
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EXAMPLE_DATABASE", str(tmp_path / "jobs.db"))
    names = runpy.run_path(str(examples / "pandas_notebook.py"))
    stored = names["stored"]
    assert list(stored["title"]) == ["Data Engineer", "Senior Data Engineer (C++)", "Baker"]
    assert stored["salary_min_per_year"].iloc[0] == 52000
    assert str(stored["posted_at"].iloc[0]) == "2025-10-30 00:00:00+00:00"
    told = capsys.readouterr().out
    assert "3 inserted, 0 updated, 0 unchanged" in told
    assert "row 1: employment_type: must be one of" in told
    assert (tmp_path / "jobs.db").stat().st_mode & 0o077 == 0


async def test_health_over_http_is_asked_once_for_many(examples: Path, migrated_url: str) -> None:
    module = load(examples / "health_over_http.py")
    async with jobstore.connect(migrated_url) as store:
        answers = module.Health(store)
        async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]

            async def ask() -> str:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = (await reader.read()).decode()
                writer.close()
                return answer

            first, second = await ask(), await ask()
    assert first.splitlines()[1] == "Content-Type: application/health+json"
    assert first == second
    status = "503 Service Unavailable" if '"status": "fail"' in first else "200 OK"
    assert first.splitlines()[0] == f"HTTP/1.1 {status}"


async def test_metrics_are_given_to_prometheus_and_opentelemetry(
    examples: Path, store_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    exposed, exported = await load(examples / "metrics.py").main(store_url)
    assert "jobstore_operation_duration_seconds_count" in exposed
    assert "db.client.operation.duration" in exported


@pytest.fixture
def run_python(repository: Path) -> Callable[..., str]:
    def run(code: str, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": str(repository)},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout

    return run
