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

from jobstore.exchange.documents import parse
from jobstore.exchange.reading import CHUNK, MAX_RECORD, UNDECODABLE
from jobstore.exchange.rows import BrokenFile, Row

_JSON_LD = "application/ld+json"

# Where a part of a page ends (https://html.spec.whatwg.org/multipage/parsing.html). None is
# longer than _LONGEST characters, so that a page can be searched chunk by chunk.
_LONGEST = 9
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
# Elements whose content is text, tags or not.
_RAW = re.compile(r"(script|style)[\s/>]", re.IGNORECASE | re.ASCII)
_RAW_END = {
    name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE | re.ASCII) for name in ("script", "style")
}

# What pages put around a script for readers that know no scripts. The end is read backwards.
_BEFORE = re.compile(r"(?:[\s/*]+|<!--|<!\[CDATA\[){0,8}")
_AFTER = re.compile(r"(?:[\s;/*]+|>--|>\]\]){0,8}")


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


def scripts(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """Yield the JSON value of each JSON-LD script, with the line on which the script begins.

    A script that is no JSON is a row with a fault. Raises BrokenFile when the page ends within
    a script. Takes time in proportion to the page's length.
    """
    page = _Page(stream, name)
    while page.past(_TAG):
        line = page.line
        ahead = page.ahead()
        if ahead.startswith("!--"):
            page.past(_COMMENT_END)
        elif not _NAME.match(ahead):
            if ahead.startswith(("!", "?", "/")):
                page.past(_TAG_END)
        else:
            element = _RAW.match(ahead)
            kind, empty = _rest_of_tag(page)
            if element is None or empty:
                continue
            tag = element[1].lower()
            text: list[str] | None = [] if tag == "script" and kind == _JSON_LD else None
            ended = page.past(_RAW_END[tag], text)
            if text is None:
                continue
            if not ended:
                raise BrokenFile(
                    f"{name} ends within a script; the page was cut short. Get it again."
                )
            yield _row(line, "".join(text))


def _rest_of_tag(page: _Page) -> tuple[str, bool]:
    """Go behind a tag; return the media type it names, and whether it closes itself."""
    kind: str | None = None
    while True:
        page.over(_ATTRIBUTES)
        before: list[str] = []
        mark = page.past(_NAME_END, before)
        names = "".join(before)
        if mark == "=":
            is_type = kind is None and names.lower().replace("/", " ").split()[-1:] == ["type"]
            value: list[str] | None = [] if is_type else None
            mark = page.past(_VALUE)
            if mark in _QUOTED_END:
                mark = page.past(_QUOTED_END[mark], value)
            elif mark != ">":
                if value is not None:
                    value.append(mark)
                mark = page.past(_VALUE_END, value)
            if value is not None:
                kind = html.unescape("".join(value)).split(";")[0].strip().lower()
            names = ""
        if mark in ("", ">"):
            return kind or "", names.endswith("/")


def _row(line: int, text: str) -> Row:
    if UNDECODABLE.search(text):
        return Row(line, None, "holds bytes that are not UTF-8", text)
    script = _unwrapped(text)
    value, fault = parse(script)
    if fault is not None and "&quot;" in script:
        value, fault = parse(html.unescape(script))
    return Row(line, value, fault, text)


def _unwrapped(script: str) -> str:
    # The patterns match everywhere, though they may match nothing.
    script = script[_BEFORE.match(script).end() :]  # type: ignore[union-attr]
    return script[: len(script) - _AFTER.match(script[::-1]).end()]  # type: ignore[union-attr]
