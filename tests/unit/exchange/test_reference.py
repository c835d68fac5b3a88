"""The pages on formats and mappings say what the mappings and converters are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from jobstore.exchange import postings_from
from jobstore.exchange.catalogue import names
from jobstore.exchange.mapping import make_mapping
from jobstore.exchange.reference import converters, markdown


def test_the_page_on_formats_is_made_from_the_mappings(repository: Path) -> None:
    page = (repository / "docs" / "formats.md").read_text(encoding="utf-8")
    # `python -m jobstore.exchange.reference` prints what has to stand there.
    assert page.partition("<!-- formats -->\n\n")[2] == markdown()
    assert all(f"### {name}\n" in page for name in names())


def test_the_page_on_mappings_has_every_converter(repository: Path) -> None:
    page = (repository / "docs" / "mappings.md").read_text(encoding="utf-8")
    assert page.partition("<!-- converters -->\n\n")[2] == converters()


def test_the_mapping_on_the_page_works(repository: Path) -> None:
    page = (repository / "docs" / "mappings.md").read_text(encoding="utf-8")
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    mapping = make_mapping(tomllib.loads(found[1]))
    row = {
        "ref": "a-1",
        "headline": "Data engineer",
        "link": "https://jobs.lever.co/acme/1",
        "city": "Ulm",
        "state": "BW",
        "place": "Ulm",
        "other_places": ["Bonn", "2 Locations"],
        "since": 1700000000,
        "pay": {"unit": "PER_ANNUM"},
        "live": False,
        "tags": ["SQL"],
        "rating": "4.5",
        "headline_html": "<b>Data engineer</b>",
    }
    (posting,) = postings_from([row, {"kind": "advert"}], mapping=mapping)
    assert posting.pop("posted_at").isoformat() == "2023-11-14T22:13:20+00:00"
    assert posting == {
        "source": "acme",
        "source_job_id": "a-1",
        "title": "Data engineer",
        "company": "acme",
        "location": "Ulm, BW",
        "locations": ["Ulm", "Bonn"],
        "url": "https://jobs.lever.co/acme/1",
        "salary_period": "year",
        "status": "closed",
        "skills": ["SQL"],
        "country": "DE",
        "attributes": {"rating": 4.5},
    }
