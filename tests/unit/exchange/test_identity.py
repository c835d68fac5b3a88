"""What addresses of postings say."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from jobstore.exchange.identity import board_of, host, identity, without_tracking
from tests.fixtures.cases import each_case

HERE = Path(__file__).parent


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((HERE / name).read_text("utf-8").splitlines(), delimiter=";"))


BOARDS = table("board_addresses.csv")


@each_case("row", BOARDS)
def test_an_address_says_the_board_and_the_id_there(row: dict[str, str]) -> None:
    assert identity(row["url"]) == (row["source"], row["id"])


def test_many_boards_are_known() -> None:
    boards = Counter(row["source"] for row in BOARDS if board_of(row["url"]))
    assert len(boards) > 45
    assert sum(number > 1 for number in boards.values()) > 30


@each_case("row", table("no_posting_addresses.csv"))
def test_what_is_no_page_of_one_posting_gives_no_id(row: dict[str, str]) -> None:
    assert identity(row["url"]) == (row["source"] or None, None)


@each_case(
    "rubbish",
    [
        "https://a.example/j?utm_source=x&q=\ud800",
        "https://a.example/\udcff?utm_source=x",
        "https://a.example/%zz%ff%?utm_source=%zz&%=%",
        "https://a.example/j?utm_source=x&q=\x00\n",
        "https://a.example/" + "x/" * 500_000 + "?utm_source=x",
        "https://a.example/?" + "a=b&" * 200_000,
        "https://www.stepstone.de/" + "--" * 1_000,
        "https://acme.wd5.myworkdayjobs.com/job/" + "_" * 1_900,
        "https://acme.wd5.myworkdayjobs.com/a/job/" + "a/" * 900,
        "http://[::1%25eth0]:80/job/17?utm_source=x",
        "http://a.example:notaport/job/17",
        "http://" + "a." * 100_000 + "example/job",
        "http://user:password@a.example/job/17",
        "\ud800",
        "http://\ud800.example/job",
    ],
)
def test_no_address_is_too_odd(rubbish: str) -> None:
    source, key = identity(rubbish)
    assert source is None or source.encode("utf-8", "surrogatepass")
    assert key is None or (len(key) <= 255 and key.isprintable() and key.encode())
    assert isinstance(without_tracking(rubbish), str)


def test_what_is_kept_of_an_address_is_kept_as_it_is_written() -> None:
    assert without_tracking("https://A.Example/%zz?q=%ff&utm_source=x&r=a+b#f") == (
        "https://a.example/%zz?q=%ff&r=a+b"
    )


@each_case(
    ("url", "source", "id"),
    [
        (
            "https://www.linkedin.com/jobs/view/engineer-at-acme-1676571907?refId=x&trk=y",
            "linkedin",
            "1676571907",
        ),
        ("https://il.linkedin.com/jobs/view/4424859991", "linkedin", "4424859991"),
        ("https://www.linkedin.com/jobs/search?currentJobId=42", "linkedin", "42"),
        ("https://fr.indeed.com/viewjob?jk=362607b2693415ab", "indeed", "362607b2693415ab"),
        (
            "https://www.glassdoor.com/partner/jobListing.htm?pos=1&jobListingId=351",
            "glassdoor",
            "351",
        ),
        ("https://job-boards.greenhouse.io/acme/jobs/8145488002", "greenhouse", "8145488002"),
        ("https://acme.example/careers?gh_jid=77", "greenhouse", "77"),
        (
            "https://example.com/jobs/9?utm_source=a&lang=de&trk=b#top",
            "example.com",
            "https://example.com/jobs/9?lang=de",
        ),
        ("https://example.com/a b?q=1", "example.com", "https://example.com/a b?q=1"),
        ("http://[broken", None, None),
    ],
)
def test_the_identity_in_an_address(url: str, source: str | None, id: str | None) -> None:
    assert identity(url) == (source, id)


def test_an_address_that_is_too_long_for_a_key_is_digested() -> None:
    url = "https://example.com/" + "x" * 300
    _, key = identity(url)
    assert key is not None
    assert len(key) == 32
    assert identity(url + "y")[1] != key


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://jobs.lever.co/acme/1", "lever"),
        ("https://acme.wd5.myworkdayjobs.com/x", "workday"),
        ("https://stripe.example/jobs?gh_jid=1", "greenhouse"),
        ("https://example.com/1", None),
        ("nonsense", None),
    ],
)
def test_the_board_of_an_address(url: str, name: str | None) -> None:
    assert board_of(url) == name


def test_hosts() -> None:
    assert host("https://www.Example.com:80/x") == "example.com"
    assert host("no address") is None
    assert host("http://[broken") is None


def test_parameters_that_say_what_is_shown_are_kept_as_they_are() -> None:
    url = "https://example.com/?q=a+b&empty=&x=%2F"
    assert without_tracking(url) == url


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("csv_same_linkedin_job_two_hosts.csv", ("linkedin", "4455705006")),
        ("csv_same_indeed_job_three_hosts.csv", ("indeed", "0123456789abcdef")),
    ],
)
def test_one_posting_at_several_hosts_is_one(
    real_data: Path, name: str, key: tuple[str, str]
) -> None:
    rows = csv.DictReader((real_data / "field_cases" / name).read_text("utf-8").splitlines())
    assert [identity(row["Link"]) for row in rows] == [key] * 3


def test_an_advertisement_of_adzuna_is_one_at_both_addresses(real_data: Path) -> None:
    with gzip.open(real_data / "tables" / "adzuna.csv.gz", "rt", encoding="utf-8") as file:
        keys = [identity(row["job_link"]) for row in csv.DictReader(file)]
    assert {source for source, _ in keys} == {"adzuna"}
    assert (len(keys), len(set(keys))) == (1241, 990)


def test_boards_of_a_daily_file_keep_their_ids(real_data: Path) -> None:
    path = real_data / "ats_daily" / "all_jobs_2026-01-06.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        entries = json.load(file)
    known = [
        (found, str(entry["id"]))
        for entry in entries
        if board_of(entry["url"]) == "greenhouse" and (found := identity(entry["url"])[1])
    ]
    assert len(known) > 110_000
    assert all(found == id for found, id in known)
