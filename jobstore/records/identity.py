"""What tells one posting from another: its id, derived from what its source calls it."""

from __future__ import annotations

import uuid

from jobstore.composition import composed

# A namespace of our own (RFC 9562, section 6.6): uuid5(NAMESPACE_DNS, "jobstore"), written out
# because ids that were handed out must never change.
JOB_NAMESPACE = uuid.UUID("8e59a39f-25a9-54f1-9752-aba00f8723ac")

# Unicode white space, and the invisible marks that cling to copied text: zero-width space, word
# joiner, byte order mark. Written out so that ids do not depend on the version of Python.
WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
)


def job_id(source: str, source_job_id: str) -> uuid.UUID:
    """Return the id that every store gives to the posting ``source_job_id`` of ``source``.

    A UUIDv5 (RFC 9562, section 5.5) over both keys as the store normalises them: white space
    (:data:`WHITE_SPACE`) around them trimmed, Unicode NFC.
    """
    # The length keeps ("a", "b:c") and ("a:b", "c") apart.
    source = composed(source.strip(WHITE_SPACE))
    source_job_id = composed(source_job_id.strip(WHITE_SPACE))
    return uuid.uuid5(JOB_NAMESPACE, f"{len(source)}:{source}:{source_job_id}")
