"""Numbers of bytes as people read them."""

from __future__ import annotations


def readable_size(octets: float) -> str:
    """Return a number of bytes, such as ``512 bytes`` or ``1.5 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if octets < 1024:
            return f"{octets:,.0f} {unit}" if unit == "bytes" else f"{octets:,.1f} {unit}"
        octets /= 1024
    return f"{octets:,.1f} TiB"
