"""JSON-LD in web pages: the contents of ``<script type="application/ld+json">``.

Only HTML is known here, and of it only this; what the JSON means is not.
"""

from __future__ import annotations

import codecs
import html
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jobstore.exchange.documents import parse
from jobstore.exchange.reading import CHUNK, MAX_RECORD
from jobstore.exchange.rows import BrokenFile, Row

_UNDECODABLE = re.compile("[\udc80-\udcff]")
# What pages put around a script for readers that know no scripts.
_BEFORE = ("//", "/*", "<!--", "<![CDATA[", "*/")
_AFTER = (";", "//", "*/", "-->", "]]>", "/*")


class _Scripts(HTMLParser):
    """Collects the JSON-LD scripts of a page, with the lines on which they begin."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.complete: list[tuple[int, str]] = []
        self.size = 0
        self._parts: list[str] | None = None
        self._line = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("type") or ""
        if tag == "script" and kind.split(";")[0].strip().lower() == "application/ld+json":
            self._parts = []
            self._line = self.getpos()[0]

    def handle_data(self, data: str) -> None:
        if self._parts is not None:
            self._parts.append(data)
            self.size += len(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._parts is not None:
            self.complete.append((self._line, "".join(self._parts)))
            self._parts, self.size = None, 0

    def take(self, text: str, name: str) -> None:
        """Read on. Raises BrokenFile for declarations that no page may have."""
        try:
            self.feed(text)
        except AssertionError as error:  # so HTMLParser says it
            raise BrokenFile(f"{name} is no HTML: {error}.") from None

    @property
    def unfinished(self) -> bool:
        return self._parts is not None


def scripts(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """Give the JSON value of each JSON-LD script, with the line on which the script begins.

    A script that is no JSON is a row with a fault. Raises BrokenFile when the page ends within
    a script.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    page = _Scripts()
    while data := stream.read(CHUNK):
        page.take(decoder.decode(data), name)
        if page.size + len(page.rawdata) > MAX_RECORD:
            raise BrokenFile(f"{name} has a script or tag of more than {MAX_RECORD:,} bytes.")
        yield from _rows(page)
    page.take(decoder.decode(b"", True), name)
    yield from _rows(page)
    if page.unfinished:
        raise BrokenFile(f"{name} ends within a script; the page was cut short. Get it again.")


def _unwrapped(script: str) -> str:
    script = script.strip()
    while start := next(filter(script.startswith, _BEFORE), ""):
        script = script[len(start) :].lstrip()
    while end := next(filter(script.endswith, _AFTER), ""):
        script = script[: -len(end)].rstrip()
    return script


def _rows(page: _Scripts) -> Iterator[Row]:
    for line, text in page.complete:
        if _UNDECODABLE.search(text):
            yield Row(line, None, "holds bytes that are not UTF-8", text)
            continue
        script = _unwrapped(text)
        value, fault = parse(script)
        if fault is not None and "&quot;" in script:
            value, fault = parse(html.unescape(script))
        yield Row(line, value, fault, text)
    page.complete.clear()
