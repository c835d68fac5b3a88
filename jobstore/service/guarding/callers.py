"""Callers: who asks, and what they may do."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from starlette.exceptions import HTTPException

COOKIE = "jobstore_token"
"""The cookie in which a browser keeps its token; pages alone are asked with it."""


class Scope(IntEnum):
    """What somebody may do; each may do what those before it may."""

    NOTHING = 0
    READ = 1
    WRITE = 2
    """Store and change postings, judge duplicates, keep applications and saved searches."""
    ADMIN = 3
    """Delete postings."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: ``name`` is that of the token, ``None`` for nobody in particular."""

    scope: Scope
    name: str | None = None


def caller_of(scope: MutableMapping[str, Any]) -> Caller:
    """Return who sent the request of an ASGI scope; who has not been let in may do nothing."""
    found = scope.get("state", {}).get("caller")
    return found if isinstance(found, Caller) else Caller(Scope.NOTHING)


def require(scope: MutableMapping[str, Any], least: Scope) -> None:
    """Let in who may do at least that. Raises HTTPException, which says what to do."""
    caller = caller_of(scope)
    if caller.scope >= least:
        return
    needed = f"This needs a token of scope {least.name.lower()}."
    if caller.name is not None:
        raise HTTPException(403, needed)
    raise HTTPException(
        401,
        f"{needed} Make one with 'jobstore tokens create', and send it as "
        "'Authorization: Bearer TOKEN'.",
        {"WWW-Authenticate": 'Bearer realm="jobstore"'},
    )
