"""Files and rows as they come out of intake: what the store would hold of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobstore.exchange import Record, open_records
from jobstore.intake.given import Omission
from jobstore.intake.lenient import take_in
from jobstore.records import JobPosting


def taken(records: Iterable[Record]) -> list[JobPosting]:
    """The postings of records that must all have one."""
    found = []
    for record in records:
        assert record.fault is None
        assert record.posting is not None
        found.append(take_in(record.posting)[0])
    return found


def taken_from(path: Path, **options: Any) -> list[JobPosting]:
    return taken(open_records(path, **options))


def omissions(records: Iterable[Record]) -> list[Omission]:
    return [each for record in records for each in take_in(record.posting or {})[1]]


def places(posting: JobPosting) -> list[Any]:
    """The places of a posting: texts, or tuples of text, city, region and country."""
    return [
        each.text
        if (each.city, each.region, each.country) == (None, None, None)
        else (each.text, each.city, each.region, each.country)
        for each in posting.locations
    ]


def values(posting: JobPosting, *names: str) -> dict[str, Any]:
    """The stated ones of the named fields."""
    return {
        name: value for name in names if (value := getattr(posting, name)) not in (None, [], {})
    }
