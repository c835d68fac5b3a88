"""What boards really answer, posting by posting and value by value.

What is expected is read from the files by other means: none of their text stands here.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobstore.exchange import open_records
from jobstore.exchange.recognition import recognise
from jobstore.records import JobPosting
from tests.unit.exchange.taking import omissions, places, taken_from, values

BOARDS = {
    "arbeitnow": "arbeitnow",
    "ashby_board": "ashby",
    "greenhouse_board": "greenhouse",
    "lever_postings": "lever",
    "remoteok": "remoteok",
    "smartrecruiters_pages": "smartrecruiters",
    "workday_pages": "workday",
}


def read(real_data: Path, file: str) -> tuple[Any, list[JobPosting]]:
    """The document, with the lone backslashes in it mended, and what comes out of it."""
    path = real_data / "apis" / f"{file}.json"
    text = re.sub(r'\\(?!["\\/bfnrtu])', r"\\\\", path.read_text("utf-8"))
    return json.loads(text, strict=False), taken_from(path)


def column(found: list[JobPosting], name: str) -> list[Any]:
    return [getattr(posting, name) for posting in found]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(("file", "name"), BOARDS.items())
def test_each_is_recognised(real_data: Path, file: str, name: str) -> None:
    path = real_data / "apis" / f"{file}.json"
    way = recognise(path.read_bytes()[: 64 * 1024], file)
    assert (way.format, way.kind) == (name, "json")
    found = taken_from(path)
    assert {posting.source for posting in found} == {name}
    assert len({posting.source_job_id for posting in found}) == len(found)


def test_greenhouse(real_data: Path) -> None:
    document, found = read(real_data, "greenhouse_board")
    entries = document["jobs"]
    assert len(found) == len(entries) == 2
    for posting, entry in zip(found, entries, strict=True):
        assert posting.source_job_id == str(entry["id"])
        assert (posting.title, posting.company) == (entry["title"], entry["company_name"])
        assert posting.location == entry["location"]["name"]
        # The office has the same name.
        assert places(posting) == [office["name"] for office in entry["offices"]]
        assert posting.url == entry["absolute_url"]
        assert posting.posted_at == moment(entry["first_published"])
        assert posting.description == entry["content"]
        kept = {"departments", "internal_job_id", "language", "metadata", "requisition_id"}
        assert kept <= posting.attributes.keys()
        assert not {"title", "content", "id", "company_name"} & posting.attributes.keys()


def test_lever(real_data: Path) -> None:
    entries, found = read(real_data, "lever_postings")
    assert len(found) == len(entries) == 2
    for posting, entry in zip(found, entries, strict=True):
        assert posting.source_job_id == entry["id"]
        assert posting.title == entry["text"]
        assert posting.company == entry["hostedUrl"].split("/")[3]
        categories = entry["categories"]
        assert posting.location == categories["location"]
        assert places(posting) == categories["allLocations"]
        assert posting.country == entry["country"]
        assert (posting.workplace, posting.employment_type) == ("remote", "full_time")
        assert posting.posted_at == datetime.fromtimestamp(entry["createdAt"] / 1000, UTC)
        assert (posting.url, posting.apply_url) == (entry["hostedUrl"], entry["applyUrl"])
        text = posting.description or ""
        assert text.startswith(entry["description"])
        assert text.rstrip().endswith(entry["additional"].rstrip())
        rest = {key: categories[key] for key in ("department", "team")}
        assert posting.attributes == {"categories": rest}


def test_ashby(real_data: Path) -> None:
    document, found = read(real_data, "ashby_board")
    entries = document["jobs"]
    assert len(found) == len(entries) == 3
    for posting, entry in zip(found, entries, strict=True):
        assert (posting.source_job_id, posting.title) == (entry["id"], entry["title"])
        assert posting.company == entry["jobUrl"].split("/")[3]
        assert (posting.location, posting.country) == (entry["location"], "PA")
        assert places(posting) == [(entry["location"], None, None, "PA")]
        assert (posting.workplace, posting.employment_type) == ("remote", "full_time")
        assert (posting.url, posting.apply_url) == (entry["jobUrl"], entry["applyUrl"])
        assert posting.posted_at == moment(entry["publishedAt"])
        assert posting.description == entry["descriptionHtml"].strip()
        assert posting.attributes["isListed"] is True
        assert posting.attributes["department"] == entry["department"]


def test_smartrecruiters_details_over_lists(real_data: Path) -> None:
    document, found = read(real_data, "smartrecruiters_pages")
    path = real_data / "apis" / "smartrecruiters_pages.json"
    assert omissions(open_records(path)) == []
    listed = [entry for page in document["list_pages"] for entry in page["content"]]
    assert column(found, "source_job_id") == [entry["id"] for entry in listed]
    for posting in found:
        entry = document["details"][posting.source_job_id]
        assert (posting.title, posting.company) == (entry["name"], entry["company"]["name"])
        place = entry["location"]
        # A missing region leaves no gap.
        text = place["fullLocation"].replace(", ,", ",")
        country = place["country"].upper()
        assert (posting.location, posting.country) == (text, country)
        assert places(posting) == [(text, place["city"], place.get("region"), country)]
        assert posting.posted_at == moment(entry["releasedDate"])
        assert (posting.url, posting.apply_url) == (entry.get("postingUrl"), entry["applyUrl"])
        sections = entry["jobAd"]["sections"].values()
        description = "\n".join(f"<h3>{each['title']}</h3>\n{each['text']}" for each in sections)
        assert (posting.description or "") == description
    assert column(found, "workplace") == [None, "remote", "hybrid"]
    assert column(found, "employment_type") == ["full_time", "full_time", "part_time"]
    assert column(found, "experience_level") == ["associate", "mid_senior", "associate"]
    assert found[2].attributes["location"]["postalCode"]


def test_workday_details_over_lists(real_data: Path) -> None:
    document, found = read(real_data, "workday_pages")
    assert omissions(open_records(real_data / "apis" / "workday_pages.json")) == []
    listed = [entry for page in document["list_pages"] for entry in page["jobPostings"]]
    details = [document["details"][entry["externalPath"]] for entry in listed]
    infos = [entry["jobPostingInfo"] for entry in details]
    assert column(found, "title") == [info["title"] for info in infos]
    assert column(found, "company") == [each["hiringOrganization"]["name"] for each in details]
    assert column(found, "description") == [info["jobDescription"] for info in infos]
    assert column(found, "employment_type") == ["full_time"] * 4
    # The last one has no address, and its number is unique in its company only.
    assert column(found, "url") == [info.get("externalUrl") for info in infos]
    ids = [f"acme/{info['jobReqId']}" for info in infos[:3]]
    assert column(found, "source_job_id") == [*ids, listed[3]["externalPath"]]
    for posting, info in zip(found, infos, strict=True):
        assert posting.location == info["location"]
        assert places(posting) == [info["location"], *info["additionalLocations"]]
    assert [len(posting.locations) for posting in found] == [1, 12, 3, 1]
    assert found[1].attributes["locationsText"] == "13 Locations"
    assert column(found, "workplace") == [None, None, "remote", None]
    days = [datetime(2026, 6, day, tzinfo=UTC) for day in (25, 30, 30, 18)]
    assert column(found, "posted_at") == days


def test_arbeitnow(real_data: Path) -> None:
    document, found = read(real_data, "arbeitnow")
    entries = document["data"]
    assert len(found) == len(entries) == 5
    for posting, entry in zip(found, entries, strict=True):
        assert (posting.source_job_id, posting.url) == (entry["slug"], entry["url"])
        assert (posting.title, posting.company) == (entry["title"], entry["company_name"])
        assert (posting.location, posting.skills) == (entry["location"], entry["tags"])
        assert posting.posted_at == datetime.fromtimestamp(entry["created_at"], UTC)
        assert posting.description == entry["description"].strip()
        assert posting.workplace == ("remote" if entry["remote"] else None)
        # They say how experienced people are; that is no type of employment, and kept.
        assert posting.attributes.get("job_types", []) == entry["job_types"]


def test_remote_ok(real_data: Path) -> None:
    document, found = read(real_data, "remoteok")
    entries = document[1:]  # after the legal notice
    assert len(found) == len(entries) == 4
    pay = ("salary_min", "salary_max", "salary_currency", "salary_period", "salary_text")
    for posting, entry in zip(found, entries, strict=True):
        assert (posting.source_job_id, posting.title) == (entry["id"], entry["position"])
        assert (posting.company, posting.skills) == (entry["company"], entry["tags"])
        assert posting.location == entry["location"].rstrip(", ")
        assert (posting.url, posting.apply_url) == (entry["url"], entry["apply_url"])
        assert posting.posted_at == moment(entry["date"])
        assert (posting.workplace, values(posting, *pay)) == ("remote", {})
        assert "â" not in (posting.description or "")
        assert posting.attributes["slug"] == entry["slug"]
