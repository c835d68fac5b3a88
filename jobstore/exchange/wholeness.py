"""Whether a file is whole, which is told before its first row is given.

Packed data is unpacked once, which checks it; brackets of JSON are counted, which costs a small
part of reading them; a page is read. Plain tables and JSON Lines need no look: of one that was
cut short, the last row says so.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from jobstore.exchange.documents import goes_on
from jobstore.exchange.pages import scripts
from jobstore.exchange.reading import CHUNK, Source, exhaust, with_head
from jobstore.exchange.rows import BrokenFile

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"[]{}'))


def look_through(
    stream: io.BufferedReader, head: bytes, name: str, *, json: bool, whole: bool = False
) -> None:
    """Read a stream, of which ``head`` was read already, as far as it takes to know.

    ``json`` says that it is read as JSON, not as a table that may begin with a bracket; ``whole``
    that it is read as a document, not line by line.
    Raises BrokenFile if it was cut short or is damaged.
    """
    if isinstance(stream, Source) and stream.table:
        # A workbook and a Parquet file end with their directory.
        return
    start = head.lstrip()[:1]
    if start == b"<":
        for _ in scripts(with_head(stream, head, name), name):
            pass
    elif json and (start == b"[" or (start == b"{" and (whole or _goes_on(head)))):
        if _is_open(_chunks(stream, head)):
            raise BrokenFile(f"{name} was cut short: its JSON ends too early. Give all of it.")
    elif not isinstance(stream, Source) or stream.compression:
        exhaust(stream)


def _goes_on(head: bytes) -> bool:
    # Of a longer line the end is not known.
    return b"\n" in head.strip() and goes_on(head)


def _chunks(stream: io.BufferedReader, head: bytes) -> Iterator[bytes]:
    yield head
    while chunk := stream.read(CHUNK):
        yield chunk


def _is_open(chunks: Iterator[bytes]) -> bool:
    """Tell whether JSON ends within a text, a list or an object."""
    inside, depth = False, 0
    held = b""
    for chunk in chunks:
        text = held + chunk
        # What a backslash at the end stands before is in the next chunk.
        held = text[len(text.rstrip(b"\\")) :]
        text = text.removesuffix(held).replace(rb"\\", b"").replace(rb"\"", b"")
        parts = text.translate(None, _NOT_STRUCTURE).split(b'"')
        structure = b"".join(parts[1 if inside else 0 :: 2])
        inside ^= len(parts) % 2 == 0
        depth += structure.count(b"[") + structure.count(b"{")
        depth -= structure.count(b"]") + structure.count(b"}")
    return inside or depth > 0
