"""Values of a JSON file: one a line, in an array that is read piece by piece, or one document.

Only the shape of JSON is known here; the formats know what the values mean.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from jobstore.exchange.reading import CHUNK, MAX_RECORD, UNDECODABLE, decode, read_line
from jobstore.exchange.rows import BrokenFile, Row

_SPACE = re.compile(r"[ \t\n\r]*")
_AFTER_NUMBER = tuple(", ]\t\r\n")
# The first line of a document that is spread over several.
_GOES_ON = (b"{", b"[", b",")

# Control characters in texts are common in pages; the store's intake checks them.
DECODER = json.JSONDecoder(strict=False)


def json_rows(
    stream: io.BufferedReader,
    name: str,
    decoder: json.JSONDecoder = DECODER,
    *,
    items: str | None = None,
) -> Iterator[Row]:
    """Give the items of a JSON array, the values of JSON Lines, or a single document.

    ``items`` are the dotted keys that lead from the document to its list of rows. An array is
    read piece by piece, and its rows are numbered from 1; JSON Lines have their lines.
    A line that is no JSON is a row with a fault; an array or a document that is no JSON, or
    ends too early, raises BrokenFile.
    """
    if items:
        for row in json_rows(stream, name, decoder):
            yield from _below(row, items.split("."))
        return
    start, number = _first(stream)
    if start == b"[":
        yield from _array(_Text(stream, name), decoder)
        return
    line, too_long = read_line(stream)
    if start == b"{" and line.rstrip().endswith(_GOES_ON):
        yield _document(line, stream, name, decoder, number)
        return
    while line:
        if too_long:
            yield Row(number, None, f"is longer than {MAX_RECORD:,} bytes", decode(line)[0])
        elif line.strip():
            yield _value(line, decoder, number)
        line, too_long = read_line(stream)
        number += 1


def _below(row: Row, keys: list[str]) -> Iterator[Row]:
    value = row.value
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    for number, item in enumerate(value if isinstance(value, list) else [], 1):
        yield Row(number, item, row.fault)


def json_objects(
    stream: io.BufferedReader,
    name: str,
    decoder: json.JSONDecoder = DECODER,
    *,
    items: str | None = None,
) -> Iterator[Row]:
    """Like :func:`json_rows`, where anything but an object is a row with a fault."""
    for row in json_rows(stream, name, decoder, items=items):
        if row.fault is None and not isinstance(row.value, dict):
            row.fault = "is no JSON object"
        yield row


def first_mark(stream: io.BufferedReader) -> bytes:
    """Return the first character that is no white space, without reading it; ``b""`` if none."""
    return _first(stream)[0]


def _first(stream: io.BufferedReader) -> tuple[bytes, int]:
    """Skip white space; return the character that follows, and the line it is on."""
    number = 1
    while data := stream.peek(1):
        rest = data.lstrip()
        number += stream.read(len(data) - len(rest)).count(b"\n")
        if rest:
            return rest[:1], number
    return b"", number


def _value(data: bytes, decoder: json.JSONDecoder, number: int) -> Row:
    text, fault = decode(data)
    value = None
    if fault is None:
        value, fault = parse(text, decoder)
    return Row(number, value, fault, text.rstrip("\r\n"))


def parse(text: str, decoder: json.JSONDecoder = DECODER) -> tuple[Any, str | None]:
    """Parse one JSON value; return it, or the reason why it is none."""
    try:
        return decoder.decode(text), None
    except json.JSONDecodeError as error:
        return None, f"is no valid JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return None, "is no usable JSON: it is nested too deeply"
    except ValueError as error:
        return None, f"is no usable JSON: {error}"


def _document(
    start: bytes, stream: io.BufferedReader, name: str, decoder: json.JSONDecoder, number: int
) -> Row:
    data = start + stream.read(MAX_RECORD)
    if len(data) > MAX_RECORD:
        raise BrokenFile(
            f"{name} is one JSON document of more than {MAX_RECORD:,} bytes; "
            "give its postings as an array or as JSON Lines."
        )
    row = _value(data, decoder, number)
    if row.fault:
        raise BrokenFile(f"{name} {row.fault}. If it was cut short, get it again.")
    return row


class _Text:
    """The text of a stream that was not used yet; ``at`` is the position in ``buffer``."""

    def __init__(self, stream: io.BufferedReader, name: str) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        # Annotated: typeshed's decoder takes keyword arguments that are not needed here.
        self._decode: Callable[[bytes, bool], str] = decoder.decode
        self._stream = stream
        self.name = name
        self.buffer = ""
        self.at = 0

    def more(self) -> bool:
        """Drop what was used and read on; False at the end of the file."""
        # Twice as much each time, so that a long item is not scanned again too often.
        rest = self.buffer[self.at :]
        data = self._stream.read(max(CHUNK, len(rest)))
        self.buffer = rest + self._decode(data, not data)
        self.at = 0
        return bool(data)

    def mark(self) -> str:
        """Return the next character that is no white space, ``""`` at the end."""
        while True:
            # The pattern matches everywhere, though it may match nothing.
            self.at = _SPACE.match(self.buffer, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""


def _array(text: _Text, decoder: json.JSONDecoder) -> Iterator[Row]:
    text.mark()
    text.at += 1
    number = 0
    if text.mark() == "]":
        text.at += 1
    else:
        while True:
            number += 1
            yield _item(text, decoder, number)
            mark = text.mark()
            text.at += 1
            if mark == "]":
                break
            if mark != ",":
                raise _cut_short(text, number)
            text.mark()
    if text.mark():
        raise BrokenFile(f"{text.name} goes on after the end of its JSON array; remove the rest.")


def _item(text: _Text, decoder: json.JSONDecoder, number: int) -> Row:
    while True:
        try:
            value, end = decoder.raw_decode(text.buffer, text.at)
        except json.JSONDecodeError:
            pass
        except (RecursionError, ValueError):
            raise BrokenFile(
                f"{text.name}: item {number} of the array is nested too deeply or holds a "
                "number that is too long."
            ) from None
        else:
            # A number that seems to end with the buffer may go on in the next.
            if text.buffer[text.at] in '{["' or text.buffer[end : end + 1] in _AFTER_NUMBER:
                break
        if len(text.buffer) - text.at > MAX_RECORD or not text.more():
            raise _cut_short(text, number)
    raw = text.buffer[text.at : end]
    text.at = end
    if not raw.isascii() and UNDECODABLE.search(raw):
        return Row(number, None, "holds bytes that are not UTF-8", raw)
    return Row(number, value, None, raw)


def _cut_short(text: _Text, number: int) -> BrokenFile:
    return BrokenFile(
        f"{text.name} is no valid JSON from item {number} of its array on, or was cut short. "
        "Get it again."
    )
