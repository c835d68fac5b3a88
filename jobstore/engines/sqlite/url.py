"""The URLs of SQLite stores: understood, or refused. Nothing is opened here."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

from jobstore.errors import StoreUnavailable
from jobstore.settings.url import EXAMPLE, NOT_UTF8, StoreURL

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse(url: str) -> StoreURL:
    """Return what a URL that begins with ``sqlite:`` names.

    ``sqlite:///jobs.db`` is relative to the current folder, ``sqlite:////srv/jobs.db`` is
    absolute; ``%20`` and the like stand for the characters they encode (RFC 3986, section
    2.1). Raises StoreUnavailable.
    """
    rest = url[len("sqlite:") :]
    if not rest.startswith("///"):
        raise StoreUnavailable(f"After sqlite: a store's URL has three slashes; {EXAMPLE}.")
    if "?" in rest:
        raise StoreUnavailable(
            "A SQLite store's URL takes no parameters after '?'; settings are given by "
            "JOBSTORE_ environment variables. A '?' in a file name is written %3F."
        )
    if "#" in rest:
        raise StoreUnavailable("A '#' in a store's URL must be written %23.")
    return StoreURL("sqlite", _path(rest[len("///") :]), url)


def _path(encoded: str) -> Path:
    if _BAD_ESCAPE.search(encoded):
        raise StoreUnavailable("A '%' in a store's URL must be written %25.")
    raw = unquote_to_bytes(encoded)
    if not raw or raw.endswith(b"/"):
        raise StoreUnavailable(f"The store's URL names no file; {EXAMPLE}.")
    if raw.startswith(b":memory:"):
        raise StoreUnavailable(
            "A store in memory cannot be shared by its connections; use a file in a "
            "temporary folder instead."
        )
    if b"\0" in raw:
        raise StoreUnavailable("The store's URL has a NUL in it.")
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise StoreUnavailable(NOT_UTF8) from None
    return Path(name).absolute()
