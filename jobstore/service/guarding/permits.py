"""What a route asks of its callers: the least that they must be allowed."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from jobstore.service.guarding.callers import Scope, require


class Permit:
    """Lets in callers who may do ``least``, and answers all others with 401 or 403."""

    def __init__(self, least: Scope) -> None:
        self.least = least

    def __call__(self, request: Request) -> None:
        """Raise HTTPException where the caller may not."""
        require(request.scope, self.least)


def allowed(least: Scope) -> Any:
    """Return the dependency that lets in who may do at least that; routes call it themselves."""
    return Depends(Permit(least))
