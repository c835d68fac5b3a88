"""What a route asks of its callers: the least that they must be allowed."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from jobstore.service.guarding.callers import Scope, caller_of

_HINT = " Make one with 'jobstore tokens create', and send it as 'Authorization: Bearer TOKEN'."


class Permit:
    """Lets in callers who may do ``least``, and answers all others with 401 or 403."""

    def __init__(self, least: Scope) -> None:
        self.least = least

    async def __call__(self, request: Request) -> None:
        """Raise HTTPException where the caller may not. A coroutine: others cost a thread."""
        self.check(request)

    def check(self, request: Request) -> None:
        """Raise HTTPException where the caller may not."""
        caller = caller_of(request.scope)
        if caller.scope >= self.least:
            return
        needed = f"This needs a token of scope {self.least.name.lower()}."
        if caller.name is not None:
            raise HTTPException(403, needed)
        raise HTTPException(401, needed + _HINT, {"WWW-Authenticate": 'Bearer realm="jobstore"'})


def allowed(least: Scope) -> Any:
    """Return the dependency that lets in who may do at least that."""
    return Depends(Permit(least))
