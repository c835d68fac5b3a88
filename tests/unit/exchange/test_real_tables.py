"""Tables that people made of postings, row by row: nothing but the file's name is given.

What is expected is read from the files by other means: none of their text stands here.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import open_records
from jobstore.exchange.clashes import SeenKeys
from jobstore.records import COMPANY_NOT_STATED, JobPosting
from tests.unit.exchange.taking import omissions, taken, taken_from, values

Rows = list[dict[str, str]]


def read(real_data: Path, file: str) -> tuple[Rows, list[JobPosting]]:
    path = real_data / "tables" / file
    data = path.read_bytes()
    text = (gzip.decompress(data) if file.endswith(".gz") else data).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    return rows, taken_from(path)


def line(text: str) -> str:
    return " ".join(text.split())


def day(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def test_advertisements_of_adzuna_are_the_same_under_each_address(real_data: Path) -> None:
    rows, found = read(real_data, "adzuna.csv.gz")
    assert len(found) == len(rows) == 1241
    assert len({posting.source_job_id for posting in found}) == 990
    assert omissions(open_records(real_data / "tables" / "adzuna.csv.gz")) == []
    for row, posting in zip(rows, found, strict=True):
        number = re.search(r"/(?:ad|details)/(\d+)", row["job_link"])
        assert number is not None
        assert (posting.source, posting.source_job_id) == ("adzuna", number[1])
        # Characters of another encoding are mended: a dash in three titles.
        assert posting.title == line(row["job_title"].replace("\x96", "–"))
        assert posting.company == line(row["employer_name"])
        assert (posting.location, posting.country) == (row["location"], "GB")
        assert posting.salary_min == Decimal(row["job_min_salary"])
        assert posting.salary_max == Decimal(row["job_max_salary"])
        assert posting.salary_period == ("year" if row["job_salary_period"] else None)
        assert posting.salary_currency == "GBP"
        assert posting.employment_type == row["job_employment_type"].lower().replace("-", "_")
        # The column for it holds the day alone, in some rows.
        assert posting.posted_at == day(row["job_maturity"])
        assert posting.url == row["job_link"]
        assert posting.attributes["platform"] == row["platform"]


def test_jsearch(real_data: Path) -> None:
    rows, found = read(real_data, "jsearch.csv")
    assert len(found) == len(rows) == 512
    for row, posting in zip(rows, found, strict=True):
        assert line(posting.title) == line(row["job_title"])
        assert posting.company == (line(row["company"]) or COMPANY_NOT_STATED)
        assert posting.location == (row["location"] or None)
        assert posting.url == row["job_url"]
        posted = row["posted_date_raw"]
        assert posting.posted_at == (day(posted) if posted else None)
        assert posting.last_seen_at == day(row["scraped_at"])
        assert (posting.employment_type is not None) == bool(row["employment_type"])
        assert (posting.description or "") == row["description_snippet"].strip()
        assert posting.salary_text == (row["salary"] or None)
        assert posting.attributes["search_keyword"] == row["search_keyword"]
    assert sum(posting.company == COMPANY_NOT_STATED for posting in found) == 23
    # The same advertisement was found by several words; no two titles share a key.
    titles: dict[tuple[str, str], set[str]] = {}
    for posting in found:
        titles.setdefault((posting.source, posting.source_job_id), set()).add(posting.title)
    assert {len(each) for each in titles.values()} == {1}


def test_jobspy_where_none_is_a_word(real_data: Path) -> None:
    rows, found = read(real_data, "jobspy_none.csv")
    assert len(found) == len(rows) == 20
    assert omissions(open_records(real_data / "tables" / "jobspy_none.csv")) == []
    for row, posting in zip(rows, found, strict=True):
        assert (posting.source, posting.title) == ("linkedin", line(row["title"]))
        assert posting.source_job_id == row["job_url"].rpartition("/")[2]
        direct = row["job_url_direct"]
        assert posting.apply_url == (None if direct in ("", "None") else direct)
        assert posting.posted_at == (day(row["date_posted"]) if row["date_posted"] else None)
        assert posting.attributes["keyword"] == row["keyword"]
    assert sum(posting.apply_url is None for posting in found) == 11


def test_a_trackers_table(real_data: Path) -> None:
    rows, found = read(real_data, "tracker_active.csv.gz")
    assert len(found) == len(rows) == 347
    assert len({(posting.source, posting.source_job_id) for posting in found}) == 347
    assert {posting.country for posting in found} == {"US"}
    for row, posting in zip(rows, found, strict=True):
        assert (line(posting.title), posting.company) == (line(row["title"]), row["company"])
        assert (posting.url, posting.apply_url) == (row["source_url"], row["application_url"])
        assert posting.first_seen_at == day(row["first_seen"])
        assert posting.last_seen_at == day(row["last_seen"])
        assert posting.posted_at == (day(row["date_posted"]) if row["date_posted"] else None)
        assert (posting.status, posting.workplace) == ("open", row["workplace_type"] or None)
        places = [part.strip() for part in row["location"].split(";")]
        assert [each.text for each in posting.locations] in ([], list(dict.fromkeys(places)))
        assert bool(posting.locations) == (len(places) > 1)
        assert posting.attributes["overall_score"] == row["overall_score"]
        assert posting.attributes["job_id"] == row["job_id"]
    assert Counter(posting.source for posting in found).most_common(3) == [
        ("amazon", 140),
        ("workday", 73),
        ("greenhouse", 47),
    ]


def test_remote_ok_as_a_table(real_data: Path) -> None:
    rows, _ = read_remote_ok(real_data)
    records = list(open_records(real_data / "tables" / "remoteok.csv.gz"))
    assert len(records) == len(rows) == 99
    # Two rows have neither a position nor a company.
    found = {(record.posting or {}).get("source_job_id"): record for record in records}
    nameless = [row["id"] for row in rows if not row["position"]]
    assert ["title" not in (found[id].posting or {}) for id in nameless] == [True, True]


def read_remote_ok(real_data: Path) -> tuple[Rows, list[JobPosting]]:
    path = real_data / "tables" / "remoteok.csv.gz"
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))
    stated = [record for record in open_records(path) if "title" in (record.posting or {})]
    return rows, taken(stated)


def test_remote_oks_cells(real_data: Path) -> None:
    rows, found = read_remote_ok(real_data)
    rows = [row for row in rows if row["position"]]
    assert len(found) == len(rows) == 97
    paid = 0
    for row, posting in zip(rows, found, strict=True):
        assert posting.source_job_id == row["id"]
        # The texts are in another encoding than they say, in most rows.
        assert "â\x80" not in posting.title + (posting.description or "")
        tags = dict.fromkeys(tag.strip() for tag in ast.literal_eval(row["tags"]))
        assert posting.skills == list(tags)
        assert posting.workplace == "remote"
        pay = ("salary_min", "salary_max", "salary_currency", "salary_period")
        if float(row["salary_max"] or 0):
            paid += 1
            assert values(posting, *pay)["salary_currency"] == "USD"
            assert posting.salary_max == Decimal(row["salary_max"])
        else:
            assert values(posting, *pay) == {}
    assert paid == sum(row["salary_max"] not in ("0", "") for row in rows) == 97 - 68


def test_a_tracker_of_careers(real_data: Path) -> None:
    path = real_data / "tables" / "careers_tracked.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    rows: list[dict[str, Any]] = [
        json.loads(re.sub(r'\\(?!["\\/bfnrtu])', r"\\\\", line), strict=False)
        for line in lines
        if line.strip()
    ]
    found = taken_from(path)
    assert len(found) == len(rows) == 92
    for row, posting in zip(rows, found, strict=True):
        assert (line(posting.title), posting.company) == (line(row["title"]), row["company"])
        assert posting.description
        assert posting.first_seen_at == day(row["first_seen"])
        assert posting.last_seen_at == day(row["last_seen"])
        gone = row["gone_date"]
        assert posting.status == ("closed" if gone else "open")
        assert posting.closed_at == (day(gone) if gone else None)
        assert posting.url == row["url"]
        assert posting.salary_text == row["comp"]
        assert posting.workplace == ("remote" if row["remote"] else None)
        assert posting.attributes["tier"] == row["tier"]
    assert sum(posting.closed_at is not None for posting in found) == sum(
        bool(row["gone_date"]) for row in rows
    )
    boards = Counter(posting.source for posting in found)
    assert [boards[each] for each in ("greenhouse", "workday", "ashby", "amazon")] == [
        52,
        21,
        10,
        7,
    ]
    # One board gave a number to a second opening; the tracker has them as two.
    seen = SeenKeys()
    checked = [seen.check(record.line, record.posting or {})[0] for record in open_records(path)]
    assert len({(each["source"], each["source_job_id"]) for each in checked}) == 92


@pytest.mark.parametrize(
    "file", ["adzuna.csv.gz", "jsearch.csv", "tracker_active.csv.gz", "careers_tracked.jsonl.gz"]
)
def test_the_same_file_gives_the_same_postings(real_data: Path, file: str) -> None:
    path = real_data / "tables" / file
    once, again = taken_from(path), taken_from(path)
    assert [(p.source, p.source_job_id) for p in once] == [
        (p.source, p.source_job_id) for p in again
    ]
