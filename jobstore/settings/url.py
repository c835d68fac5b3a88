"""Where a store is: its URL, understood or refused. Nothing is opened here."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote_to_bytes, urlsplit

from jobstore.errors import StoreUnavailable

DEFAULT_URL = "sqlite:///jobs.db"

_EXAMPLE = "write sqlite:///jobs.db, or sqlite:////full/path/jobs.db for an absolute path"
_NOT_UTF8 = f"The store's URL is not UTF-8; give the file a name that is, and {_EXAMPLE}."
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class StoreURL:
    """A store's address that was understood.

    ``path`` is the database file's absolute path; ``str()`` gives the URL as it was written.
    """

    engine: Literal["sqlite"]
    path: Path
    text: str

    def __str__(self) -> str:
        return self.text


def parse_store_url(url: str | StoreURL) -> StoreURL:
    """Return what ``url`` names, without touching it.

    ``sqlite:///jobs.db`` is relative to the current folder, ``sqlite:////srv/jobs.db`` is
    absolute; ``%20`` and the like stand for the characters they encode (RFC 3986, section
    2.1). Raises StoreUnavailable, with a word on what to write instead and without repeating
    credentials, when the URL is malformed or names a database that is not supported.
    """
    if isinstance(url, StoreURL):
        return url
    if not isinstance(url, str):
        raise StoreUnavailable(f"The store's URL must be text; {_EXAMPLE}.")
    if not is_utf8(url):
        raise StoreUnavailable(_NOT_UTF8)
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in url):
        raise StoreUnavailable(f"The store's URL has control characters in it; {_EXAMPLE}.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise StoreUnavailable(f"The store's URL is malformed; {_EXAMPLE}.") from None
    if not parts.scheme:
        raise StoreUnavailable(f"The store's URL does not begin with sqlite:///; {_EXAMPLE}.")
    if parts.scheme != "sqlite":
        raise StoreUnavailable(
            f"This version of jobstore cannot open {parts.scheme} databases; {_EXAMPLE}."
        )
    if not url[len("sqlite:") :].startswith("///"):
        raise StoreUnavailable(f"After sqlite: a store's URL has three slashes; {_EXAMPLE}.")
    if parts.query or "?" in url:
        raise StoreUnavailable(
            "A SQLite store's URL takes no parameters after '?'; settings are given by "
            "JOBSTORE_ environment variables. A '?' in a file name is written %3F."
        )
    if "#" in url:
        raise StoreUnavailable("A '#' in a store's URL must be written %23.")
    return StoreURL("sqlite", _sqlite_path(parts.path[1:]), url)


def _sqlite_path(encoded: str) -> Path:
    if _BAD_ESCAPE.search(encoded):
        raise StoreUnavailable("A '%' in a store's URL must be written %25.")
    raw = unquote_to_bytes(encoded)
    if not raw or raw.endswith(b"/"):
        raise StoreUnavailable(f"The store's URL names no file; {_EXAMPLE}.")
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
        raise StoreUnavailable(_NOT_UTF8) from None
    return Path(name).absolute()


def is_utf8(text: str) -> bool:
    """Tell whether a text can be written in UTF-8.

    Bytes of an argument, a variable or a path that are no UTF-8 come as surrogates (PEP 383).
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sqlite_url(path: str | os.PathLike[str]) -> str:
    """Return the URL of the SQLite store in the file at ``path``."""
    return "sqlite:///" + quote(os.fsencode(path))
