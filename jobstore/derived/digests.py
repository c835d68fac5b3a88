"""The hashes that are stored with rows, by which damage to a row is seen: 64 bits of BLAKE2b.

Every engine stores the same ones. What they are made of is what is stored: times as integers of
microseconds since 1970-01-01 UTC, amounts and JSON as text, ids as 16 bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from hashlib import blake2b
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


def revision_digest(id: bytes, version: int, changed_at: int, previous: str) -> bytes:
    """Return the hash of an earlier version, over all that is stored of it."""
    text = f"{id.hex()} {version} {changed_at} {previous}"
    return blake2b(_octets(text), digest_size=8).digest()


def _octets(text: str) -> bytes:
    # A damaged text may hold lone surrogates.
    return text.encode("utf-8", "surrogatepass")
