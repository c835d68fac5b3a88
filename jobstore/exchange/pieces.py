"""The text of a JSON file that is read piece by piece: where a value begins and ends in it.

What a value is, is not known here.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable

from jobstore.exchange.reading import CHUNK, MAX_RECORD
from jobstore.exchange.rows import BrokenFile

_SPACE = re.compile(r"[ \t\n\r]*")
_AFTER_NUMBER = frozenset(", ]}\t\r\n")
# A text, which may go on behind the end of what was read; or what has a structure.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+("|\\?\Z)|[\[\]{}]', re.DOTALL)


class Text:
    """The text of a stream that was not used yet; ``at`` is the position in ``buffer``.

    ``number`` is that of the item that is being read. ``begin`` was read from the stream
    already, and stands on the line ``line``.
    """

    def __init__(
        self, stream: io.BufferedReader, name: str, begin: bytes = b"", line: int = 1
    ) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        # Annotated: typeshed's decoder takes keyword arguments that are not needed here.
        self._decode: Callable[[bytes, bool], str] = decoder.decode
        self._stream = stream
        self._line = line
        self.name = name
        self.buffer = self._decode(begin, False)
        self.at = 0
        self.number = 0

    def more(self) -> bool:
        """Drop what was used and read on; False at the end of the file."""
        # Twice as much each time, so that a long item is not scanned again too often.
        self._line += self.buffer.count("\n", 0, self.at)
        rest = self.buffer[self.at :]
        data = self._stream.read(max(CHUNK, len(rest)))
        self.buffer = rest + self._decode(data, not data)
        self.at = 0
        return bool(data)

    @property
    def line(self) -> int:
        """The line of the position."""
        return self._line + self.buffer.count("\n", 0, self.at)

    def mark(self) -> str:
        """Return the next character that is no white space, ``""`` at the end."""
        while True:
            # The pattern matches everywhere, though it may match nothing.
            self.at = _SPACE.match(self.buffer, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def is_whole(self, end: int) -> bool:
        """Tell whether the value that seems to end at ``end`` cannot go on."""
        return self.buffer[self.at] in '{["' or self.buffer[end : end + 1] in _AFTER_NUMBER

    def end(self) -> int | None:
        """Return where the object or list that begins here ends; ``None`` if it goes on."""
        if self.buffer[self.at : self.at + 1] not in ("{", "["):
            return None
        end, depth = self._scan(self.at, 0)
        return None if depth else end

    def _scan(self, at: int, depth: int) -> tuple[int, int]:
        """Go on until all brackets are closed, or to the end of what was read."""
        for token in _TOKEN.finditer(self.buffer, at):
            sign = token[0]
            if sign in ("{", "["):
                depth += 1
            elif sign in ("}", "]"):
                depth -= 1
                if depth <= 0:
                    return token.end(), 0
            elif token[1] != '"':
                return token.start(), depth
        return len(self.buffer), depth

    def skip(self) -> None:
        """Go behind the value that begins here, however long it is."""
        if self.mark() in ("{", "["):
            depth = 0
            while True:
                self.at, depth = self._scan(self.at, depth)
                if not depth:
                    return
                if len(self.buffer) - self.at > MAX_RECORD or not self.more():
                    raise cut_short(self, "")
        elif self.mark() == '"':
            while not (found := _TOKEN.match(self.buffer, self.at)) or found[1] != '"':
                if len(self.buffer) - self.at > MAX_RECORD or not self.more():
                    raise cut_short(self, "")
            self.at = found.end()
        else:
            while self.mark() not in ("", ",", "}", "]"):
                self.at += 1


def cut_short(text: Text, what: str | None = None, fault: str | None = None) -> BrokenFile:
    """Return the error for a value that never ends; ``what`` is ``""`` for a document."""
    if len(text.buffer) - text.at > MAX_RECORD and what == "":
        return BrokenFile(
            f"{text.name} is one JSON document of more than {MAX_RECORD:,} bytes; give its "
            "postings as an array or as JSON Lines, or name their place with --items."
        )
    if fault is not None and "nested" in fault:
        return BrokenFile(
            f"{text.name}: item {text.number} is nested too deeply or holds a number that is "
            "too long."
        )
    if what == "":
        return BrokenFile(
            f"{text.name} {fault or 'is no valid JSON'}. If it was cut short, give all of it."
        )
    return BrokenFile(
        f"{text.name} is no valid JSON from item {text.number} of its array on, or was cut short. "
        "Give all of it."
    )
