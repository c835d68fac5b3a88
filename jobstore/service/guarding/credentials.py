"""The tokens that a running service knows: read again each second, their uses written down."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

from jobstore.errors import JobStoreError
from jobstore.operations import logs
from jobstore.operations.tokens import Token, hash_of, tokens, used
from jobstore.service.guarding.callers import Caller, Scope

_log = logs.get("service")

# Seconds after which tokens are read again, so that one that is revoked is refused within a second;
# and between two writings of when they were used.
_FRESH = 0.5
_USES = 60.0


class Credentials:
    """Tells whose token it is. ``path`` is the database of operations."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[bytes, Token] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._uses: dict[bytes, float] = {}
        self._written_at = float("-inf")
        self._writing: asyncio.Task[None] | None = None

    async def refreshed(self) -> None:
        """Read tokens again where that was done long ago."""
        now = time.monotonic()
        if now - self._read_at > _FRESH:
            await self._read(now)

    async def made_since(self, text: str) -> Caller | None:
        """Return who has the token ``text``, which may have been made since all were read."""
        # Wrong ones are few, since the gate counts them.
        await self._read(time.monotonic())
        return self.known(text)

    def known(self, text: str) -> Caller | None:
        """Return who has the token ``text``, ``None`` where it is good for nothing (any more).

        The time that it takes says nothing about tokens: they are looked up by their hashes.
        """
        hash = hash_of(text)
        token = self._known.get(hash)
        if token is None or (token.expires_at and token.expires_at.timestamp() <= time.time()):
            return None
        self._uses[hash] = time.time()
        if time.monotonic() - self._written_at > _USES and self._writing is None:
            self._writing = asyncio.create_task(self.write())
        return Caller(Scope[token.scope.upper()], token.name)

    async def write(self) -> None:
        """Write down when tokens were last used."""
        uses, self._uses = self._uses, {}
        self._written_at = time.monotonic()
        try:
            if uses:
                await asyncio.to_thread(used, self._path, uses)
        except JobStoreError as error:
            self._uses = uses | self._uses
            _log.warning("the uses of tokens are not written down", error=str(error))
        finally:
            self._writing = None

    async def close(self) -> None:
        """Write down what is left."""
        if self._writing is not None:
            with suppress(asyncio.CancelledError):
                await self._writing
        await self.write()

    async def _read(self, since: float) -> None:
        """Read all tokens, unless that began after ``since``, a time of the monotonic clock."""
        async with self._reading:
            if self._read_at >= since:
                return
            began = time.monotonic()
            try:
                self._known = await asyncio.to_thread(tokens, self._path)
            except JobStoreError as error:
                # Those that were known stay good; one that cannot be read lets nobody in.
                _log.error("the tokens cannot be read", error=str(error))
            self._read_at = began
