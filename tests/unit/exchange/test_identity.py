"""What addresses of postings say."""

from __future__ import annotations

import pytest

from jobstore.exchange.identity import board_of, host, identity, without_tracking


@pytest.mark.parametrize(
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
