"""What addresses of postings say."""

from __future__ import annotations

import pytest

from jobstore.exchange.links import host, id_in, vendor, without_tracking


@pytest.mark.parametrize(
    ("url", "id"),
    [
        (
            "https://www.linkedin.com/jobs/view/engineer-at-acme-1676571907?refId=x&trk=y",
            "1676571907",
        ),
        ("https://il.linkedin.com/jobs/view/4424859991", "4424859991"),
        ("https://www.linkedin.com/jobs/search?currentJobId=42", "42"),
        ("https://fr.indeed.com/viewjob?jk=362607b2693415ab", "362607b2693415ab"),
        ("https://www.glassdoor.com/partner/jobListing.htm?pos=1&jobListingId=351", "351"),
        ("https://job-boards.greenhouse.io/acme/jobs/8145488002", "8145488002"),
        ("https://acme.example/careers?gh_jid=77", "77"),
        (
            "https://example.com/jobs/9?utm_source=a&lang=de&trk=b#top",
            "https://example.com/jobs/9?lang=de",
        ),
        ("https://example.com/a b?q=1", "https://example.com/a b?q=1"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_the_id_in_an_address(url: str, id: str) -> None:
    assert id_in(url) == id


def test_an_address_that_is_too_long_for_a_key_is_digested() -> None:
    url = "https://example.com/" + "x" * 300
    assert len(id_in(url)) == 32
    assert id_in(url) != id_in(url + "y")


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
def test_the_vendor_of_a_board(url: str, name: str | None) -> None:
    assert vendor(url) == name


def test_hosts() -> None:
    assert host("https://www.Example.com:80/x") == "example.com"
    assert host("no address") is None
    assert host("http://[broken") is None


def test_parameters_that_say_what_is_shown_are_kept_as_they_are() -> None:
    url = "https://example.com/?q=a+b&empty=&x=%2F"
    assert without_tracking(url) == url
