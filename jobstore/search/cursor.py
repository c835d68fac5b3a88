"""Cursors: where a page ended, as text that only its own store and query accept.

A cursor is the URL-safe base64 of a 16-byte HMAC-SHA256 and the JSON array
``[total, capped, position...]``. The HMAC, under the store's own key, covers the format's
version and the fingerprint of the criteria too. Positions are an engine's own.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from jobstore.errors import Fault, InvalidQuery
from jobstore.search.criteria import Criteria

_VERSION = b"jobstore cursor 1"
_SIGNATURE = 16

# Where a page ended, as plain JSON values. Only the engine that made it reads it.
Position = tuple[int | float | str | None, ...]


def encode(key: bytes, criteria: Criteria, position: Position, total: tuple[int, bool]) -> str:
    """Return the cursor of the page that follows ``position``; ``total`` is kept with it."""
    payload = json.dumps([*total, *position], separators=(",", ":")).encode()
    signed = _sign(key, criteria, payload) + payload
    return urlsafe_b64encode(signed).rstrip(b"=").decode()


def decode(key: bytes, criteria: Criteria, cursor: str) -> tuple[Position, tuple[int, bool]]:
    """Return position and total of a cursor that was made with the same key and criteria.

    Raises InvalidQuery for any other text.
    """
    if not isinstance(cursor, str):
        raise InvalidQuery([Fault("cursor", f"must be text, not {type(cursor).__name__}")])
    fault = InvalidQuery([Fault("cursor", "does not belong to this query and this store")])
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
    total, capped, *position = json.loads(payload)
    return tuple(position), (total, capped)


def _sign(key: bytes, criteria: Criteria, payload: bytes) -> bytes:
    message = b"\0".join((_VERSION, criteria.fingerprint, payload))
    return hmac.digest(key, message, "sha256")[:_SIGNATURE]
