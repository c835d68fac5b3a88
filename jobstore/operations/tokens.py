"""Tokens: who may ask the service, and how much. They are kept as hashes, and shown once.

A token is 256 random bits behind a prefix by which scanners find lost ones, so one pass of
SHA-256 keeps it as well as a slow hash would keep a password. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from jobstore.errors import Fault, InvalidQuery
from jobstore.operations.database import reading, writing
from jobstore.operations.times import moment_of

PREFIX = "jobstore_"
TokenScope = Literal["read", "write", "admin"]

_NAME = re.compile(r"[\w.@-]{1,100}")


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; its text is known to whoever has it alone."""

    name: str
    scope: TokenScope
    made_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


def hash_of(text: str) -> bytes:
    """Return the hash by which a token is known."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def create(path: Path, name: str, scope: TokenScope, seconds: float | None) -> str:
    """Make a token that is good for ``seconds``, or for ever, and return its text.

    Raises InvalidQuery for a name that is no word, or is taken, and what
    :func:`jobstore.operations.database.writing` raises.
    """
    if not _NAME.fullmatch(name):
        raise InvalidQuery(
            [Fault("name", "must be a word of at most 100 letters, digits, . _ @ -")]
        )
    text = PREFIX + secrets.token_urlsafe(32)
    now = int(time.time())
    expires_at = None if seconds is None else now + int(seconds)
    with writing(path) as database:
        if not database.run("add_token", (hash_of(text), name, scope, now, expires_at)):
            raise InvalidQuery(
                [Fault("name", f"is taken; 'jobstore tokens revoke {name}' frees it")]
            )
    return text


def tokens(path: Path) -> dict[bytes, Token]:
    """Return all tokens by their hashes, in the order of their names."""
    with reading(path) as database:
        rows = database.rows("tokens")
    return {
        bytes(hash): Token(
            name,
            scope,
            moment_of(made_at),
            None if expires_at is None else moment_of(expires_at),
            None if used_at is None else moment_of(used_at),
        )
        for hash, name, scope, made_at, expires_at, used_at in rows
    }


def revoke(path: Path, name: str) -> bool:
    """Forget a token; False if there is none of that name."""
    with writing(path) as database:
        return bool(database.run("remove_token", (name,)))


def used(path: Path, uses: dict[bytes, float]) -> None:
    """Write down when tokens were last used: Unix times by their hashes."""
    with writing(path) as database:
        database.run("token_used", *((int(at), hash, int(at)) for hash, at in uses.items()))
