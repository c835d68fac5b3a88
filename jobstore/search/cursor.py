"""Cursors: where a page ended, as text that only its own store and query accept.

A cursor is the URL-safe base64 of a 16-byte HMAC-SHA256 and the JSON array
``[total, capped, as of, position...]``. The HMAC, under the store's own key, covers the format's
version and the fingerprint of the criteria too. Positions are an engine's own. The moment that
the first page compared ``expires_at`` with holds for all that follow; it is no part of the
fingerprint.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import NamedTuple

from jobstore.errors import Fault, InvalidQuery
from jobstore.search.criteria import Criteria

_VERSION = b"jobstore cursor 2"
_SIGNATURE = 16

# Where a page ended, as plain JSON values. Only the engine that made it reads it.
Position = tuple[int | float | str | None, ...]


class Mark(NamedTuple):
    """Where a page ended, the total, and the moment of the first page where that matters."""

    position: Position
    total: tuple[int, bool]
    as_of: datetime | None = None


def encode(key: bytes, criteria: Criteria, mark: Mark) -> str:
    """Return the cursor of the page that follows ``mark``."""
    as_of = mark.as_of and mark.as_of.isoformat()
    payload = json.dumps([*mark.total, as_of, *mark.position], separators=(",", ":")).encode()
    signed = _sign(key, criteria, payload) + payload
    return urlsafe_b64encode(signed).rstrip(b"=").decode()


def decode(key: bytes, criteria: Criteria, cursor: str) -> Mark:
    """Return the mark of a cursor that was made with the same key and criteria.

    Raises InvalidQuery for any other text.
    """
    if not isinstance(cursor, str):
        raise InvalidQuery([Fault("cursor", f"must be text, not {type(cursor).__name__}")])
    fault = strange()
    try:
        text = cursor.encode("ascii")
        signed = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        raise fault from None
    signature, payload = signed[:_SIGNATURE], signed[_SIGNATURE:]
    # Decoding forgives foreign characters and spare bits; a cursor has one spelling only.
    spelled = urlsafe_b64encode(signed).rstrip(b"=")
    if spelled != text or not hmac.compare_digest(signature, _sign(key, criteria, payload)):
        raise fault
    total, capped, as_of, *position = json.loads(payload)
    return Mark(tuple(position), (total, capped), as_of and datetime.fromisoformat(as_of))


def _sign(key: bytes, criteria: Criteria, payload: bytes) -> bytes:
    message = b"\0".join((_VERSION, criteria.fingerprint, payload))
    # hmac.digest would release the interpreter's lock for these few bytes, and wait for it where
    # threads read: up to five milliseconds.
    return hmac.new(key, message, "sha256").digest()[:_SIGNATURE]


def strange() -> InvalidQuery:
    """Return the error for a cursor with which nothing can be done."""
    return InvalidQuery([Fault("cursor", "does not belong to this query and this store")])
