"""Daily files of company boards (Greenhouse and others): one array of all open postings.

The source is the kind of board that the address tells (``greenhouse``, ``lever``, ...), else
``ats``. Greenhouse's numbers and ids that are UUIDs are unique over all companies; any other
id is only unique on its board, so the company's slug is put before it. ``updated_at`` says
when the board changed the entry, not when it was posted, and stays in ``attributes``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from jobstore.exchange.cells import stated
from jobstore.exchange.documents import json_objects
from jobstore.exchange.identity import board_of
from jobstore.exchange.rows import Record, translated

SOURCE = "ats"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def read(stream: io.BufferedReader, name: str) -> Iterator[Record]:
    """Read a day's file."""
    return translated(json_objects(stream, name), posting)


def posting(entry: dict[str, Any]) -> dict[str, Any]:
    """Translate one entry; ``url`` is the posting's page, or else ``absolute_url``."""
    rest = stated(entry)
    take = rest.pop
    url, absolute = take("url", None), rest.get("absolute_url")
    if url is None or url == absolute:
        url = take("absolute_url", url)
    company, slug = take("company", None), rest.get("company_slug")
    if company is None or company == slug:
        company = take("company_slug", company)
    source = board_of(url) if isinstance(url, str) else None
    result = {
        "source": source or SOURCE,
        "source_job_id": _key(take("id", None), source, slug or company),
        "title": take("title", None),
        "company": company,
        "location": take("location", None),
        "url": url,
    }
    return stated({**result, "attributes": rest})


def _key(number: Any, source: str | None, board: Any) -> str | None:
    if number is None:
        return None
    key = str(number)
    return key if source == "greenhouse" or _UUID.fullmatch(key) else f"{board}/{key}"
