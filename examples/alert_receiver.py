"""What a receiver of notifications does first: see that a webhook's call is genuine.

Take ``is_genuine`` into the program that your webhook calls. It wants the body as it came, before
it is read as JSON. The header ``X-Jobstore-Signature`` is ``sha256=`` and the HMAC-SHA-256, in
hexadecimal, of ``X-Jobstore-Timestamp``, a full stop and the body; the key is the sink's secret.

The JSON has ``id`` (also in ``X-Jobstore-Delivery``; the same one may come twice), ``kind``
(``firing``, ``repeated``, ``resolved``, ``test``, or ``matches`` of ``jobstore watch --notify``),
``rule``, ``severity``, ``at``, ``value`` (a number or null), ``text``, ``advice``,
``environment``, ``store`` and ``host``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, *, oldest: int = 300) -> bool:
    """Return whether a notification comes from whom knows the secret, and is recent.

    ``oldest`` is how many seconds ago it may have been sent. Nothing that is sent raises an error.
    """
    # Whoever asks may send anything; what is no number or no text in ASCII is not genuine either.
    timestamp = headers.get("X-Jobstore-Timestamp", "").encode("utf-8", "replace")
    signature = headers.get("X-Jobstore-Signature", "").encode("utf-8", "replace")
    if not re.fullmatch(rb"[0-9]{1,12}", timestamp):
        return False
    if abs(time.time() - int(timestamp)) > oldest:
        return False
    signed = timestamp + b"." + body
    expected = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature)
