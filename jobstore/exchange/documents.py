"""Values of a JSON file: one a line, in an array that is read piece by piece, or in documents.

Only the shape of JSON is known here; the formats know what the values mean.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from jobstore.exchange.mending import Mender
from jobstore.exchange.pieces import Text, cut_short
from jobstore.exchange.reading import MAX_RECORD, UNDECODABLE, decode, read_line
from jobstore.exchange.rows import BrokenFile, Row

# The first line of a document that is spread over several.
_GOES_ON = (b"{", b"[", b",")
# More values than these do not fit into memory; a longer text is looked at before it is read.
_MOST_VALUES = 1_000_000
_LARGE = 1024 * 1024
_TOO_MANY = f"is no usable JSON: it holds more than {_MOST_VALUES:,} values"
# Keys of an envelope that a message names.
_NAMED = 12


def _not_stated(_: str) -> None:
    return None


_THOUSANDS = re.compile(r"[0-9]{1,3}\.000")


def _written(number: str) -> float | str:
    """Return a number; but 45.000 stays text, since no program writes such zeros, and people in
    half of the world mean forty-five thousand. Intake reads it by the currency."""
    return number if _THOUSANDS.fullmatch(number) else float(number)


# Control characters in texts are common in pages; the store's intake checks them. NaN and
# Infinity, which are no JSON, say that nothing is stated.
DECODER = json.JSONDecoder(strict=False, parse_float=_written, parse_constant=_not_stated)


def json_rows(
    stream: io.BufferedReader,
    name: str,
    decoder: json.JSONDecoder = DECODER,
    *,
    items: str | None = None,
) -> Iterator[Row]:
    """Give the items of JSON arrays, the values of JSON Lines, or documents.

    ``items`` are the dotted keys, such as ``data.jobs``, that lead from the document to its
    list of rows, or to an object that holds each under its id, which then is its ``id`` unless
    it has one; lists on the way are entered. An array is read piece by piece, and its rows are
    numbered from 1; JSON Lines and documents have their lines.

    A line or an item that is no JSON is mended where it is certain what is meant, or else a row
    with a fault. An array or a document that ends too early raises BrokenFile, and so does a
    document without ``items``.
    """
    start, number = _first(stream)
    if items:
        yield from _enveloped(Text(stream, name), decoder, items)
        return
    if start == b"[":
        yield from _streamed(Text(stream, name), decoder)
        return
    line, too_long = read_line(stream)
    if start == b"{" and goes_on(line):
        yield from _streamed(Text(stream, name, line, number), decoder)
        return
    mender = Mender()
    while line:
        if too_long:
            yield Row(number, None, f"is longer than {MAX_RECORD:,} bytes", decode(line)[0])
        elif line.strip():
            yield from _values(line, decoder, number, mender)
        line, too_long = read_line(stream)
        number += 1


def goes_on(head: bytes) -> bool:
    """Tell whether a document is spread over lines, by its first line; ``head`` begins with it."""
    return head.lstrip().partition(b"\n")[0].rstrip().endswith(_GOES_ON)


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
            if isinstance(row.value, list):
                row.fault += " but a list; a table of lists is read as CSV"
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


def _values(data: bytes, decoder: json.JSONDecoder, number: int, mender: Mender) -> Iterator[Row]:
    """Give the value of a line; where it is none, what it may stand for."""
    text, fault = decode(data)
    value = None
    if fault is None:
        value, fault = parse(text, decoder)
        if fault is not None and fault != _TOO_MANY:
            several = _several(text, decoder)
            if len(several) > 1:
                yield from (Row(number, value, None, raw) for value, raw in several)
                return
            with suppress(ValueError):
                value, fault = mender.mended(text, decoder), None
    yield Row(number, value, fault, text.rstrip("\r\n"))


def _several(text: str, decoder: json.JSONDecoder) -> list[tuple[Any, str]]:
    """Return the values of a line, if it holds several one after another; or else nothing."""
    found: list[tuple[Any, str]] = []
    at, text = 0, text.strip()
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return []
        if not isinstance(value, dict):
            return []
        found.append((value, text[at:end]))
        # The pattern matches everywhere, though it may match nothing.
        at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]
    return found


_BETWEEN = re.compile(r"[\s,\x1e]*")


def parse(text: str, decoder: json.JSONDecoder = DECODER) -> tuple[Any, str | None]:
    """Parse one JSON value; return it, or the reason why it is none."""
    if len(text) > _LARGE and _is_too_much(text):
        return None, _TOO_MANY
    try:
        return decoder.decode(text), None
    except json.JSONDecodeError as error:
        return None, f"is no valid JSON: {error.msg} at character {error.pos + 1}"
    except RecursionError:
        return None, "is no usable JSON: it is nested too deeply"
    except ValueError as error:
        return None, f"is no usable JSON: {error}"


def _is_too_much(text: str, at: int = 0) -> bool:
    # An object takes some four times the memory of another value.
    return text.count(",", at) + 4 * text.count("{", at) + 2 * text.count("[", at) > _MOST_VALUES


def _streamed(text: Text, decoder: json.JSONDecoder) -> Iterator[Row]:
    """Give the items of arrays and the documents that follow each other."""
    mender = Mender()
    while mark := text.mark():
        if mark == "[":
            yield from _array(text, decoder, mender)
        elif mark == "{":
            line = text.line
            row = _item(text, decoder, mender, "")
            row.line = line
            if row.fault:
                raise BrokenFile(f"{text.name} {row.fault}. If it was cut short, give all of it.")
            yield row
        elif mark in ",\x1e":
            text.at += 1
        else:
            raise BrokenFile(f"{text.name} goes on after the end of its JSON; remove the rest.")


def _array(text: Text, decoder: json.JSONDecoder, mender: Mender) -> Iterator[Row]:
    raw_decode = decoder.raw_decode
    text.at += 1
    mark = text.mark()
    while mark != "]":
        text.number += 1
        at, buffer = text.at, text.buffer
        row: Row | None = None
        # The plain case first, which is nearly every item.
        if mark == "{" and len(buffer) - at < _LARGE:
            try:
                value, end = raw_decode(buffer, at)
            except (ValueError, RecursionError):
                pass
            else:
                raw = buffer[at:end]
                if raw.isascii() or not UNDECODABLE.search(raw):
                    text.at = end
                    row = Row(text.number, value, None, raw)
        yield row or _item(text, decoder, mender)
        mark = text.mark()
        if mark == ",":
            text.at += 1
            mark = text.mark()
        elif mark != "]":
            raise cut_short(text)
    text.at += 1


def _places(text: Text) -> Iterator[int]:
    """Stop before each item of an array, which is then to be read, and go behind the array."""
    text.at += 1
    while text.mark() != "]":
        text.number += 1
        yield text.number
        mark = text.mark()
        if mark != "]":
            if mark != ",":
                raise cut_short(text)
            text.at += 1
    text.at += 1


def _item(text: Text, decoder: json.JSONDecoder, mender: Mender, what: str | None = None) -> Row:
    """Read the value that begins here; ``what`` it is of is said if it never ends."""
    fault: str | None = None
    value = None
    while True:
        size = len(text.buffer) - text.at
        if size > _LARGE and _is_too_much(text.buffer, text.at):
            fault = _TOO_MANY
        else:
            try:
                value, end = decoder.raw_decode(text.buffer, text.at)
            except json.JSONDecodeError as error:
                fault = f"is no valid JSON: {error.msg} at character {error.pos - text.at + 1}"
            except (RecursionError, ValueError):
                fault = "is no usable JSON: it is nested too deeply or holds a too long number"
            else:
                fault = None
                # A number that seems to end with the buffer may go on in the next.
                if text.is_whole(end):
                    break
        if fault is not None and (closed := text.end()) is not None:
            end = closed
            break
        if size > MAX_RECORD or not text.more():
            raise cut_short(text, what, fault)
    raw = text.buffer[text.at : end]
    if len(raw) > MAX_RECORD:
        raise cut_short(text, what, fault)
    text.at = end
    if fault is not None and fault != _TOO_MANY:
        with suppress(ValueError):
            value, fault = mender.mended(raw, decoder), None
    if not raw.isascii() and UNDECODABLE.search(raw):
        raw, fault = decode(raw.encode("utf-8", "surrogateescape"))
        if fault is not None:
            return Row(text.number, None, "holds bytes that are not UTF-8", raw)
        value, fault = parse(raw, decoder)
    return Row(text.number, value, fault, raw)


def _enveloped(text: Text, decoder: json.JSONDecoder, items: str) -> Iterator[Row]:
    envelope = _Envelope(text, decoder)
    found = False
    keys = items.split(".")
    while mark := text.mark():
        if mark in ",\x1e":
            text.at += 1
            continue
        if mark not in "{[":
            raise BrokenFile(f"{text.name} is no JSON that holds a list at {items!r}.")
        for row in envelope.rows(keys):
            found = True
            yield row
    if not found and not envelope.reached:
        known = ", ".join(list(envelope.names)[:_NAMED]) or "none"
        raise BrokenFile(f"{text.name} has no list at {items!r}; its keys are: {known}.")


class _Envelope:
    """Finds the rows in documents, which are read piece by piece."""

    def __init__(self, text: Text, decoder: json.JSONDecoder) -> None:
        self._text = text
        self._decoder = decoder
        self._mender = Mender()
        self.names: dict[str, None] = {}
        self.reached = False

    def rows(self, keys: list[str]) -> Iterator[Row]:
        """Give the rows below the value that begins here, and go behind it."""
        text = self._text
        mark = text.mark()
        if mark == "[":
            for _ in _places(text):
                if keys:
                    text.number -= 1
                    yield from self.rows(keys)
                else:
                    self.reached = True
                    yield self._item()
            self.reached = self.reached or not keys
        elif mark == "{" and keys:
            for key in self._keys():
                if key == keys[0]:
                    yield from self.rows(keys[1:])
                else:
                    if len(self.names) < _NAMED:
                        self.names[key] = None
                    text.skip()
        elif mark == "{":
            self.reached = True
            yield from self._by_id()
        else:
            text.skip()

    def _item(self) -> Row:
        return _item(self._text, self._decoder, self._mender)

    def _keys(self) -> Iterator[str]:
        """Stop before each value of an object, which is then to be read, and go behind it."""
        text = self._text
        text.at += 1
        while (mark := text.mark()) != "}":
            key = self._item().value if mark == '"' else None
            if not isinstance(key, str) or text.mark() != ":":
                raise cut_short(text, "")
            text.at += 1
            text.mark()
            yield key
            if text.mark() == ",":
                text.at += 1
        text.at += 1

    def _by_id(self) -> Iterator[Row]:
        """Give the values of an object whose values are objects; or else the object itself."""
        text = self._text
        whole: dict[str, Any] | None = None
        for key in self._keys():
            if whole is None and text.mark() != "{":
                whole = {}
            text.number += 1
            row = self._item()
            if whole is not None:
                whole[key] = row.value
                continue
            if isinstance(row.value, dict):
                row.value.setdefault("id", key)
            yield row
        if whole:
            text.number += 1
            yield Row(text.number, whole, None, json.dumps(whole, ensure_ascii=False))
