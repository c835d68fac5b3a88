"""Addresses that requests come from: whether it is this machine, and who counts as one."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address


@lru_cache(4096)
def is_near(address: str) -> bool:
    """Tell whether it is an address of this machine alone."""
    found = _read(address)
    return found is not None and found.is_loopback


@lru_cache(4096)
def neighbourhood(address: str) -> str:
    """Return what counts as one: an IPv6 network of 64 bits, which one machine has for itself."""
    found = _read(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> 64 << 64, 64)))
    return address if found is None else str(found)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
