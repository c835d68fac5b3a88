"""RSS and Atom feeds: an entry of a feed as a row.

feedparser reads all their versions, also faulty ones; here its entries become plain rows, and a
feed that was cut short is refused. What the keys of a row mean is not known here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jobstore.exchange.reading import MAX_RECORD
from jobstore.exchange.rows import BrokenFile, Row

_ROOT = re.compile(rb"<(?:rss|feed|rdf:rdf)[\s>]", re.IGNORECASE)
_END = re.compile(rb"</(?:rss|feed|rdf:rdf)\s*>\s*(?:<!--.*?-->\s*)*\Z", re.IGNORECASE | re.DOTALL)
# The root comes behind a declaration, comments and the address of a style sheet.
_PROLOGUE = 4_096


def is_feed(head: bytes) -> bool:
    """Tell whether a file that begins with ``head`` is a feed rather than a page."""
    return _ROOT.search(head[:_PROLOGUE]) is not None


def first_entries(head: bytes) -> list[dict[str, Any]]:
    """Return the entries at the beginning of a feed."""
    return _entries(head)


def feed_rows(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """Yield the entries of a feed, numbered from 1.

    An entry has the keys of https://feedparser.readthedocs.io: ``title``, ``link``, ``id``,
    ``summary``, ``published`` and so on, ``content`` as text, ``tags`` as a list of texts, and
    elements of other namespaces as ``prefix_name``. Raises BrokenFile for a feed that was cut
    short, or has more than 16 MiB, since it is read as a whole.
    """
    data = stream.read(MAX_RECORD + 1)
    if len(data) > MAX_RECORD:
        raise BrokenFile(f"{name} is a feed of more than {MAX_RECORD:,} bytes; split it.")
    if not _END.search(data[-_PROLOGUE:]):
        raise BrokenFile(f"{name} is a feed that was cut short. Get it again.")
    for number, entry in enumerate(_entries(data), 1):
        yield Row(number, entry)


def _entries(data: bytes) -> list[dict[str, Any]]:
    import feedparser  # here, since it takes a while to load and few files are feeds

    # Texts stay as they were found, as everywhere; what is searched is made plain later.
    parsed = feedparser.parse(
        io.BytesIO(data),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    return [_row(entry) for entry in parsed.entries]


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        key: value for key, value in entry.items() if isinstance(value, str) and value
    }
    if content := [each["value"] for each in entry.get("content", ()) if each.get("value")]:
        row["content"] = content[0]
    if tags := [each["term"] for each in entry.get("tags", ()) if each.get("term")]:
        row["tags"] = tags
    return row
