"""Requests that name themselves (``Idempotency-Key``), so that they can be sent again.

After draft-ietf-httpapi-idempotency-key-header-07. What is kept of an answer is the id of what was
made, and no text: a repeated request is answered with what it is now, and nothing of a posting
stays behind when that is purged.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Header, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from jobstore.errors import JobStoreError, OutcomeUnknown
from jobstore.operations import repeats
from jobstore.service.guarding.callers import caller_of

T = TypeVar("T")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=f"^{_KEY.pattern}$",
        description="A name of this request, such as a UUID. It is done once, however often it "
        "is sent with it within 24 hours.",
    ),
]


async def once(
    request: Request,
    path: Path,
    key: str | None,
    act: Callable[[], Awaitable[T]],
    made: Callable[[T], UUID],
    found: Callable[[UUID], Awaitable[T]],
) -> T:
    """Return what ``act`` does; where the request was done before, what is ``found`` of it now.

    ``made`` tells the id of what was done, which is kept; ``path`` is the database of operations.
    Raises HTTPException: 422 where the key came with another request, 409 where that is not done
    yet, or was cut off.
    """
    if key is None:
        return await act()
    caller = caller_of(request.scope)
    about = f"{caller.name or ''}\n{request.method}\n{request.scope['path']}\n"
    named = hashlib.sha256(f"{about}{key}".encode()).digest()
    asked = hashlib.sha256(about.encode() + await request.body()).digest()
    known = await asyncio.to_thread(repeats.begin, path, named, asked)
    if known is repeats.Told.ANOTHER:
        raise HTTPException(422, "This Idempotency-Key came with another body; use a new one.")
    if known is repeats.Told.UNFINISHED:
        raise HTTPException(
            409,
            "A request with this Idempotency-Key is being answered, or was cut off; look at what "
            "it was to change before you send it with a new key.",
            {"Retry-After": "1"},
        )
    if not isinstance(known, repeats.Told):
        return await found(known)
    try:
        done = await act()
    except OutcomeUnknown:
        raise
    except (JobStoreError, HTTPException, RequestValidationError):
        # Nothing was written, so the key is free.
        await asyncio.to_thread(repeats.forget, path, named)
        raise
    await asyncio.to_thread(repeats.end, path, named, made(done))
    return done
