"""The hashes that are stored with rows, by which damage to a row is seen: 64 bits of BLAKE2b.

Every engine stores the same ones. What they are made of is what is stored: times as integers of
microseconds since 1970-01-01 UTC, amounts and JSON as text, ids as 16 bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from hashlib import blake2b, sha256
from typing import Any


def content_digest(
    values: Sequence[Any], description: str | None, plain: str | None, attributes: str | None
) -> bytes:
    """Return the hash of what a posting says.

    ``values`` are all others that are stored of it, in the order of the fields of a JobSummary,
    then of the others of a Job, then the yearly range. ``plain`` is the description without
    markup, where that differs. When it was first and last seen is left
    out, so that seeing it again stays cheap.
    """
    text = json.dumps([*values, attributes], default=bytes.hex)
    found = blake2b(text.encode(), digest_size=8)
    if description is not None:
        found.update(_octets(description))
    if plain is not None:
        # No description has this character, so that neither text can lend the other its end.
        found.update(b"\0" + _octets(plain))
    return found.digest()


# An id and four 64-bit integers.
_pack_sighting = struct.Struct("<16s4q").pack


def seen_digest(
    id: bytes, first_seen_at: int, last_seen_at: int, listed_at: int, listed_tie: int
) -> bytes:
    """Return the hash of what changes without the content: when it was seen, how it is listed."""
    packed = _pack_sighting(id, first_seen_at, last_seen_at, listed_at, listed_tie)
    return blake2b(packed, digest_size=8).digest()


def opening_digest(id: bytes, at: int, actor: str | None, run: str | None) -> bytes:
    """Return the hash of when a posting was first stored, and by whom."""
    # It is part of each insert. Neither name has this character.
    text = f"{at}\0{actor or ''}\0{run or ''}"
    return blake2b(id + _octets(text), digest_size=8).digest()


def kept_digest(values: Sequence[Any]) -> bytes:
    """Return the hash of a row of the life cycle's tables: integers, texts, bytes and ``None``."""
    text = json.dumps(values, default=bytes.hex)
    return blake2b(text.encode(), digest_size=8).digest()


def revision_digest(id: bytes, version: int, changed_at: int, previous: str) -> bytes:
    """Return the hash of an earlier version, over all that is stored of it."""
    text = f"{id.hex()} {version} {changed_at} {previous}"
    return blake2b(_octets(text), digest_size=8).digest()


def store_identity(cursor_key: bytes) -> str:
    """Return what tells a store, and the copies of it, from others: 16 hexadecimal digits."""
    # The key itself is a secret of the store.
    return sha256(b"jobstore backup" + cursor_key).hexdigest()[:16]


class RowSum:
    """A hash of many rows, whatever their order: the sum of the SHA-256 of each, modulo 2^256."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, row: tuple[Any, ...]) -> None:
        """Take in a row of integers, floats, texts, bytes and ``None``."""
        # The same text in every version of Python, and different for different values.
        digest = sha256(ascii(row).encode("ascii")).digest()
        self._sum = (self._sum + int.from_bytes(digest)) % 2**256
        self.rows += 1

    def remove(self, row: tuple[Any, ...]) -> None:
        """Take out a row that was taken in."""
        digest = sha256(ascii(row).encode("ascii")).digest()
        self._sum = (self._sum - int.from_bytes(digest)) % 2**256
        self.rows -= 1

    def __str__(self) -> str:
        return f"{self._sum:x}"


def _octets(text: str) -> bytes:
    # A damaged text may hold lone surrogates.
    return text.encode("utf-8", "surrogatepass")
