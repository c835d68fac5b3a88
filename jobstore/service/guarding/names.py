"""Under which names the service is asked: the Host and the Origin of a request.

A page of somebody else may have a browser on this machine ask it under a name of its own that
leads here (DNS rebinding), or from its own origin; neither is answered. An address can be no
such name, so every address is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

_OURS = frozenset(("localhost", "localhost.localdomain"))
_OTHERS = frozenset("/?#@\\")


class Names:
    """The names of a service besides this machine's own."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = _OURS | {name.lower().rstrip(".") for name in allowed}
        # All requests are asked under few names.
        self._kept = lru_cache(256)(self._looked_up)

    def knows(self, host: str) -> bool:
        """Tell whether ``host``, with or without a port, is a name of ours or an address."""
        return self._kept(host)

    def _looked_up(self, host: str) -> bool:
        # What else an address may have, is in none of ours: no path, query or name of a user.
        if _OTHERS.intersection(host):
            return False
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname, parts.port
        except ValueError:
            return False
        if not name:
            return False
        name = name.rstrip(".")
        if name in self._allowed:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True

    def same(self, origin: str, host: str) -> bool:
        """Tell whether ``origin`` is a page of the service that ``host`` was asked for."""
        return origin.partition("://")[2].lower() == host.lower() and self.knows(host)
