"""JSON-LD in web pages: the contents of ``<script type="application/ld+json">``.

Only HTML is known here, and of it only tags, comments and scripts; what the JSON means is not.
``html.parser`` is not used: it reads an unfinished tag again with every chunk, and what it makes
of odd pages differs between releases of Python.
"""

from __future__ import annotations

import codecs
import html
import io
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from jobstore.exchange.documents import DECODER, parse
from jobstore.exchange.mending import Mender
from jobstore.exchange.reading import CHUNK, MAX_RECORD, UNDECODABLE, decode
from jobstore.exchange.rows import BrokenFile, Row

_JSON_LD = "application/ld+json"

# Where a part of a page ends (https://html.spec.whatwg.org/multipage/parsing.html). None is
# longer than _LONGEST characters, so that a page can be searched chunk by chunk.
_LONGEST = 9
# Scripts of a page that are kept until its end, in characters; those after them come alone.
KEPT = 4 * 1024 * 1024
_TAG = re.compile("<")
_TAG_END = re.compile(">")
_COMMENT_END = re.compile("--!?>")
# The next attributes that were read already, except those whose name may be ``type``.
_ATTRIBUTES = re.compile(
    r"""
    (?:
        [^=>]*(?<![eE \t\r\n\f])=
        (?:"[^"]*"|'[^']*'|[^\ \t\r\n\f"'>][^\ \t\r\n\f>]*(?=[\ \t\r\n\f>]))
    )*
    """,
    re.VERBOSE,
)
_NAME_END = re.compile("[=>]")
_VALUE = re.compile(r"[^ \t\r\n\f]")
_VALUE_END = re.compile(r"[ \t\r\n\f>]")
_QUOTED_END = {'"': re.compile('"'), "'": re.compile("'")}
_NAME = re.compile("/?[a-zA-Z]")
# The attributes that are read, of the elements that are.
_READ = frozenset(("type", "rel", "href", "property", "name", "content"))
# Elements that tell the address of a page, and those whose content is text, tags or not.
_ELEMENT = re.compile(r"(script|style|base|link|meta|html)[\s/>]", re.IGNORECASE | re.ASCII)
_RAW_END = {
    name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE | re.ASCII) for name in ("script", "style")
}

# What pages put around a script for readers that know no scripts. The end is read backwards.
_BEFORE = re.compile(r"(?:[\s/*\ufeff\u200b]+|<!--|<!\[CDATA\[){0,8}")
_AFTER = re.compile(r"(?:[\s;/*\ufeff\u200b]+|>--|>\]\]){0,8}")


class _Page:
    """The text of a page, read once from front to back; ``line`` is the line of the position."""

    def __init__(self, stream: io.BufferedReader, name: str) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        # Annotated: typeshed's decoder takes keyword arguments that are not needed here.
        self._decode: Callable[[bytes, bool], str] = decoder.decode
        self._stream = stream
        self._name = name
        self._text = ""
        self._at = 0
        self.line = 1

    def _more(self) -> bool:
        data = self._stream.read(CHUNK)
        self._text = self._text[self._at :] + self._decode(data, not data)
        self._at = 0
        return bool(data)

    def ahead(self) -> str:
        """Return the next characters, enough to recognise a tag; fewer at the end."""
        while len(self._text) - self._at < _LONGEST and self._more():
            pass
        return self._text[self._at : self._at + _LONGEST]

    def _go(self, at: int) -> None:
        self.line += self._text.count("\n", self._at, at)
        self._at = at

    def over(self, part: re.Pattern[str]) -> None:
        """Go behind what ``part`` matches in the text that was read already."""
        if found := part.match(self._text, self._at):
            self._go(found.end())

    def past(self, mark: re.Pattern[str], before: list[str] | None = None) -> str:
        """Go behind the next ``mark`` and return it; ``""`` if the page ends without one.

        ``before`` gets what lies before it. Raises BrokenFile if that is too long.
        """
        size = 0
        more = True
        while True:
            found = mark.search(self._text, self._at)
            end = found.start() if found else len(self._text) - (_LONGEST if more else 0)
            end = max(self._at, end)
            if before is not None:
                size += end - self._at
                if size > MAX_RECORD:
                    raise BrokenFile(
                        f"{self._name} has a script or tag of more than {MAX_RECORD:,} bytes."
                    )
                before.append(self._text[self._at : end])
            self._go(found.end() if found else end)
            if found or not more:
                return found[0] if found else ""
            more = self._more()


@dataclass(slots=True)
class Page:
    """What is read of a page: the values of its scripts, and its address if it tells one."""

    scripts: list[Row] = field(default_factory=list)
    address: str | None = None


def scripts(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """Yield the JSON value of each JSON-LD script, with the line on which the script begins."""
    return (row for page in pages(stream, name) for row in page.scripts)


def pages(stream: io.BufferedReader, name: str) -> Iterator[Page]:
    """Yield the pages of a file, which has several if it is made of them.

    A script that is no JSON, and cannot be mended, is a row with a fault; an empty one is none.
    The address is that of ``<link rel="canonical">``, or else of ``og:url``, or else the
    ``<base>``. Raises BrokenFile when the page ends within a script. Takes time in proportion
    to the page's length.
    """
    text = _Page(stream, name)
    mender = Mender()
    page, told, size = Page(), _Told(), 0
    begun = False
    while text.past(_TAG):
        line = text.line
        ahead = text.ahead()
        if ahead.startswith("!--"):
            text.past(_COMMENT_END)
            continue
        if not _NAME.match(ahead):
            if ahead.startswith(("!", "?", "/")):
                text.past(_TAG_END)
            continue
        element = _ELEMENT.match(ahead)
        tag = element[1].lower() if element is not None else ""
        attributes, empty = _rest_of_tag(text, read=bool(tag))
        if tag == "html":
            if begun:
                page.address = told.address
                yield page
                page, told, size = Page(), _Told(), 0
            begun = True
        elif tag in ("base", "link", "meta"):
            told.hear(tag, attributes)
        elif tag and not empty:
            kind = attributes.get("type", "").split(";")[0].strip().lower()
            found: list[str] | None = [] if tag == "script" and kind == _JSON_LD else None
            ended = text.past(_RAW_END[tag], found)
            if found is None:
                continue
            if not ended:
                raise BrokenFile(
                    f"{name} ends within a script; the page was cut short. Get it again."
                )
            content = "".join(found)
            if _unwrapped(content):
                page.scripts.append(_row(line, content, mender))
                size += len(content)
            if size > KEPT:
                page.address = told.address
                yield page
                page, size = Page(), 0
    page.address = told.address
    yield page


class _Told:
    """What a page tells of its own address."""

    def __init__(self) -> None:
        self._by: dict[str, str] = {}

    def hear(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the attributes of an element."""
        if tag == "link" and "canonical" in attributes.get("rel", "").lower().split():
            self._by.setdefault("canonical", attributes.get("href", ""))
        elif tag == "meta":
            if "og:url" in (attributes.get("property"), attributes.get("name")):
                self._by.setdefault("og:url", attributes.get("content", ""))
        elif tag == "base":
            self._by.setdefault("base", attributes.get("href", ""))

    @property
    def address(self) -> str | None:
        told = (self._by.get(by, "").strip() for by in ("canonical", "og:url", "base"))
        return next((url for url in told if url.lower().startswith(("http://", "https://"))), None)


def _rest_of_tag(page: _Page, *, read: bool) -> tuple[dict[str, str], bool]:
    """Go behind a tag; return its attributes, if they are ``read``, and if it closes itself."""
    attributes: dict[str, str] = {}
    while True:
        if not read:
            page.over(_ATTRIBUTES)
        before: list[str] = []
        mark = page.past(_NAME_END, before)
        names = "".join(before)
        if mark == "=":
            name = (names.lower().replace("/", " ").split() or [""])[-1]
            wanted = read and name in _READ and name not in attributes
            value: list[str] | None = [] if wanted else None
            mark = page.past(_VALUE)
            if mark in _QUOTED_END:
                mark = page.past(_QUOTED_END[mark], value)
            elif mark != ">":
                if value is not None:
                    value.append(mark)
                mark = page.past(_VALUE_END, value)
            if value is not None:
                attributes[name] = html.unescape("".join(value))
            names = ""
        if mark in ("", ">"):
            return attributes, names.endswith("/")


def _row(line: int, text: str, mender: Mender) -> Row:
    script = _unwrapped(text)
    if UNDECODABLE.search(script):
        script, fault = decode(script.encode("utf-8", "surrogateescape"))
        if fault is not None:
            return Row(line, None, "holds bytes that are not UTF-8", text)
    value, fault = parse(script)
    if fault is not None and "&quot;" in script:
        script = html.unescape(script)
        value, fault = parse(script)
    if fault is not None:
        # What was taken off may have been the beginning of a comment.
        for tried in dict.fromkeys((script, text)):
            with suppress(ValueError):
                value, fault = mender.mended(tried, DECODER), None
                break
    return Row(line, value, fault, text)


def _unwrapped(script: str) -> str:
    # The patterns match everywhere, though they may match nothing.
    script = script[_BEFORE.match(script).end() :]  # type: ignore[union-attr]
    return script[: len(script) - _AFTER.match(script[::-1]).end()]  # type: ignore[union-attr]
