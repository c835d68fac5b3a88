"""Descriptions with markup: kept as they were found; their words are searched and shown."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import jobstore
from jobstore import JobStore, SearchQuery
from jobstore.derived import merge
from jobstore.intake.markup import plain_text
from tests.fixtures.cases import each_case
from tests.fixtures.clock import Clock
from tests.fixtures.postings import posting

DESCRIPTIONS = {
    # Tags, in and around words.
    "tags": "<p><strong>Data</strong> engineer</p><ul><li>Python</li><li>Rust</li></ul>",
    "inline": '<span style="x">Data</span> <em>engineer</em>, Dev<b>Ops</b>',
    "lines": "Data<br/>engineer<script>strong = amp</script><!-- href -->",
    "apart": "<td>Data</td><td>platform</td><p>Site</p><p>engineer</p>",
    # Entities.
    "entities": "M&uuml;nchen, C&#43;&#43;&nbsp;&amp; R&amp;D",
    "numbers": "<div>M&#xFC;nchen &ndash; C&#x2b;&#x2b;</div>",
    "twice": "&lt;p&gt;M&amp;uuml;nchen&lt;/p&gt;&amp;nbsp;C&amp;#43;&amp;#43;",
    # Markdown.
    "markdown": r"Strong C\+\+ and C\#, full\-time, Node\.js",
    "both": r"<p>C\# and ASP\.NET</p>",
    # Characters that nobody sees.
    "unseen": "Mün\u00adchen \u200bSC\u2060ALA",
    # Words that look like markup.
    "words": "A strong R&D team: List<String>, <your name>, a < b; href and nbsp",
    "bare": None,
}


@pytest.fixture
async def searched(store: JobStore) -> JobStore:
    await store.upsert_many(posting(key, description=text) for key, text in DESCRIPTIONS.items())
    return store


@each_case(
    ("text", "hits"),
    [
        ('"data engineer"', "inline lines tags"),
        ("data engineer", "apart inline lines tags"),
        ('"site engineer"', "apart"),
        ("datapla* OR dataengineer", ""),
        ("devops", "inline"),
        ("dev OR ops", ""),
        ("python rust", "tags"),
        ("pythonrust", ""),
        ("münchen", "entities numbers twice unseen"),
        ("munchen", "entities numbers twice unseen"),
        ("uuml OR xfc OR shy", ""),
        ("c++", "entities markdown numbers twice"),
        ("c#", "both markdown"),
        (".net", "both"),
        ('"full-time"', "markdown"),
        ("node.js", "markdown"),
        ("scala", "unseen"),
        ('"r d"', "entities words"),
        # Words of markup are found only where they are words of the text.
        ("strong", "markdown words"),
        ("href", "words"),
        ("nbsp", "words"),
        ("amp", ""),
        ("script OR span OR style OR div", ""),
        ("ul OR li OR td OR em", ""),
        ("43", ""),
        ("string name", "words"),
        ('"data engineer" -strong', "inline lines tags"),
        ("münchen -nbsp -amp -p", "entities numbers twice unseen"),
    ],
)
async def test_words_are_found_without_their_markup(
    searched: JobStore, text: str, hits: str
) -> None:
    page = await searched.search(SearchQuery(text=text))
    assert " ".join(sorted(item.source_job_id for item in page.items)) == hits
    assert page.total == len(page.items)


async def test_excerpts_are_cut_from_the_text(searched: JobStore) -> None:
    async def snippets(text: str) -> dict[str, str | None]:
        page = await searched.search(SearchQuery(text=text))
        return {item.source_job_id: item.snippet for item in page.items}

    assert await snippets('"data engineer"') == {
        "tags": "**Data engineer** - Python - Rust",
        "inline": "**Data engineer**, DevOps",
        "lines": "**Data engineer**",
    }
    assert await snippets("c++ full") == {
        "markdown": "Strong **C++** and C#, **full**-time, Node.js"
    }
    assert await snippets("münchen") == {
        "entities": "**München**, C++ & R&D",
        "numbers": "**München** – C++",
        "twice": "**München** C++",
        "unseen": "**München** SCALA",
    }


async def test_a_description_is_kept_as_it_was_found(searched: JobStore) -> None:
    for key, description in DESCRIPTIONS.items():
        job = await searched.find("board", key)
        assert job is not None
        assert job.description == description
        if description is None:
            assert job.description_text is None
    job = await searched.find("board", "tags")
    assert job is not None
    assert job.description_text == "Data engineer\n- Python\n- Rust"
    job = await searched.find("board", "words")
    assert job is not None
    assert job.description_text == job.description
    streamed = {job.source_job_id: job async for job in searched.stream(SearchQuery())}
    assert streamed["twice"].description_text == "München\n\nC++"


async def test_the_text_follows_the_description(store: JobStore) -> None:
    id = (await store.upsert(posting(description="<b>One</b>"))).id

    async def told() -> tuple[str | None, str | None]:
        job = await store.get(id)
        found = [word for word in ("one", "two", "three") if await count(word)]
        return job.description_text, " ".join(found)

    async def count(text: str) -> int:
        return await store.count(SearchQuery(text=text))

    assert await told() == ("One", "one")
    assert (await store.upsert(posting(description="<b>One</b>"))).outcome == "unchanged"
    await store.upsert(posting(description="<i>Two</i>"))
    assert await told() == ("Two", "two")
    # A sighting that says nothing of it changes nothing.
    await store.upsert(posting(title="Cook"))
    assert await told() == ("Two", "two")
    job = await store.update(id, {"description": "<p>Three"})
    assert job.description_text == "Three"
    assert await told() == ("Three", "three")
    # The same text in other markup is another description.
    assert (await store.upsert(posting(description="<div>Three</div>"))).outcome == "updated"
    assert await told() == ("Three", "three")
    job = await store.update(id, {"description": None})
    assert job.description_text is None
    assert await told() == (None, "")
    await store.update(id, {"description": "<p></p>"})
    assert await told() == ("", "")
    await store.update(id, {"title": "One"})
    assert await told() == ("", "one")


async def test_another_parser_reads_nothing_that_is_stored_anew(
    store: JobStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Index entries are removed by naming what was indexed, however it would be read today."""
    ids = [(await store.upsert(posting(n, description="<p>Old &amp; gold"))).id for n in range(3)]
    monkeypatch.setattr(merge, "plain_text", lambda text: f"read {text}")

    await store.delete(ids[0])
    await store.update(ids[1], {"description": "new"})
    await store.update(ids[2], {"posted_at": clock()})

    async def found(text: str) -> list[Any]:
        return [item.id for item in (await store.search(SearchQuery(text=text))).items]

    assert await found("old gold") == [ids[2]]
    assert await found("read") == [ids[1]]
    assert (await store.get(ids[2])).description_text == "Old & gold"


@pytest.mark.needs("files")
async def test_field_cases(migrated_url: str, real_data: Path) -> None:
    folder = real_data / "field_cases"
    html = json.loads((folder / "html_description.jsonl").read_text())
    with (folder / "jobspy_markdown_escapes.csv").open(newline="") as file:
        (markdown,) = csv.DictReader(file)
    async with jobstore.connect(migrated_url) as store:
        await store.upsert(html)
        markdown = {name: markdown[name] for name in ("title", "company", "description")}
        await store.upsert(posting("markdown", **markdown))

        async def found(text: str) -> str:
            page = await store.search(SearchQuery(text=text))
            return " ".join(item.source_job_id for item in page.items)

        assert await found('"data engineer"') == await found("münchen") == "1"
        assert await found('"machine learning"') == "1"
        assert await found("c++") == "markdown 1"
        assert await found("c#") == await found('"full-time"') == "markdown"
        assert await found("nbsp OR p OR uuml") == ""
        assert await found("strong") == "markdown"
        job = await store.find("board", "1")
        assert job is not None
        assert job.description == html["description"]
        assert job.description_text == ("Data engineer in München, C++ and machine learning")
        job = await store.find("board", "markdown")
        assert job is not None
        assert job.description_text == "Strong C++ and C#, full-time"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def test_what_boards_say_in_markup_is_what_they_say_in_plain_text(real_data: Path) -> None:
    """Two of them give each description in both forms."""
    jobs = json.loads((real_data / "apis" / "ashby_board.json").read_text())["jobs"]
    pairs = [(job["descriptionHtml"], job["descriptionPlain"]) for job in jobs]
    # An address was masked without care for JSON.
    lever = (
        (real_data / "apis" / "lever_postings.json").read_text().replace("\\someone", "\\nsomeone")
    )
    pairs += [
        (job[part], job[f"{part}Plain"])
        for job in json.loads(lever)
        for part in ("opening", "descriptionBody", "additional")
    ]
    assert len(pairs) == 9
    for markup, plain in pairs:
        assert _words(plain_text(markup)) == _words(plain)


def test_real_descriptions_are_read_whole(real_data: Path) -> None:
    apis, tables = real_data / "apis", real_data / "tables"
    boards = json.loads((apis / "greenhouse_board.json").read_text())["jobs"]
    assert plain_text(boards[0]["content"]).startswith("FEQ327R203 [")
    assert plain_text(boards[1]["content"]).startswith("CSQ327R31\n\nDatabricks")
    found = json.loads((apis / "arbeitnow.json").read_text())["data"]
    texts = [job["description"] for job in found]
    found = json.loads((apis / "remoteok.json").read_text())[1:]
    texts += [job["description"] for job in found]
    with gzip.open(tables / "remoteok.csv.gz", "rt", encoding="utf-8", newline="") as file:
        texts += [row["description"] for row in csv.DictReader(file)]
    for name in ("fr_32", "widesu_5sites_175", "tokyodev_27"):
        with (real_data / "jobspy" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            texts += [row["description"] for row in csv.DictReader(file)]
    for text in texts:
        plain = plain_text(text)
        assert not re.search(r"</?[a-z]+>|&[a-z#0-9]+;|\\[-+#&]", plain)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\ufeff]", plain)
        # Every word of it stands in the source, unless an entity or a tag was inside of it.
        source = Counter(re.findall("[a-z]{5,}", text))
        assert not Counter(re.findall("[a-z]{5,}", plain)) - source or "<" in text
