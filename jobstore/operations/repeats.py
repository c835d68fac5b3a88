"""Requests with a key of their own, which are done once however often they come.

Kept for a day, so that the other processes of a service, and the next one, know of them as well.
Everything here blocks.
"""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from uuid import UUID

from jobstore.operations.database import writing

KEPT_SECONDS = 86_400


class Told(Enum):
    """What is known of a request that comes."""

    NEW = "new"
    ANOTHER = "another"
    """The key came with another request."""
    UNFINISHED = "unfinished"
    """It is being done, or nobody knows whether it was."""


def begin(path: Path, key: bytes, asked: bytes, now: float | None = None) -> Told | UUID:
    """Say that a request begins; returns ``NEW`` where it is to be done, or what it made.

    ``key`` and ``asked`` are hashes of 32 bytes.
    """
    at = int(time.time() if now is None else now)
    with writing(path) as database:
        database.run("forget_asked_before", (at - KEPT_SECONDS,))
        if database.run("ask_once", (key, asked, at)):
            return Told.NEW
        ((before, made),) = database.rows("asked_once", (key,))
    if bytes(before) != asked:
        return Told.ANOTHER
    return Told.UNFINISHED if made is None else UUID(bytes=bytes(made))


def end(path: Path, key: bytes, made: UUID) -> None:
    """Say what a request made."""
    with writing(path) as database:
        database.run("made_once", (made.bytes, key))


def forget(path: Path, key: bytes) -> None:
    """Say that a request made nothing: it may come again."""
    with writing(path) as database:
        database.run("ask_again", (key,))
