"""Where the store is and how it is driven: its URL, the environment, options.

Reading and checking settings happens here, opening anything does not. pydantic-settings is
imported only when the environment is read, since it takes longer than everything else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote_to_bytes, urlsplit

from jobstore.errors import StoreUnavailable

DEFAULT_URL = "sqlite:///jobs.db"

_EXAMPLE = "write sqlite:///jobs.db, or sqlite:////full/path/jobs.db for an absolute path"
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
    return Path(os.fsdecode(raw)).absolute()


def sqlite_url(path: str | os.PathLike[str]) -> str:
    """Return the URL of the SQLite store in the file at ``path``."""
    return "sqlite:///" + quote(os.fsencode(path))


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine is driven.

    ``synchronous``: ``"full"`` keeps every acknowledged write through a power cut; ``"normal"``
    is faster and may lose the last ones then (never in a crash of the program alone).
    ``readers``: connections that read in parallel, 1 to 64.
    ``queue_size``: writes that may wait for the writer, 1 to 1,000,000; more wait for a place.
    ``busy_timeout``: seconds a write waits for its turn, in the queue or for another process,
    before StoreBusy; ``read_timeout``: seconds a read may take before StoreTimeout. Both more
    than 0, at most 86,400.

    Raises ValueError for anything else.
    """

    synchronous: Literal["full", "normal"] = "full"
    readers: int = 3
    queue_size: int = 10_000
    busy_timeout: float = 30.0
    read_timeout: float = 30.0

    def __post_init__(self) -> None:
        if self.synchronous not in ("full", "normal"):
            raise ValueError("synchronous must be full or normal")
        if not 1 <= self.readers <= 64:
            raise ValueError("readers must be 1 to 64")
        if not 1 <= self.queue_size <= 1_000_000:
            raise ValueError("queue_size must be 1 to 1000000")
        for name in ("busy_timeout", "read_timeout"):
            if not 0 < getattr(self, name) <= 86_400:
                raise ValueError(f"{name} must be more than 0 and at most 86400 seconds")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Everything that the environment says about a store."""

    url: str = DEFAULT_URL
    options: EngineOptions = field(default_factory=EngineOptions)


def read_environment() -> StoreSettings:
    """Return the settings that the process's environment gives.

    JOBSTORE_URL, JOBSTORE_SYNCHRONOUS, JOBSTORE_READERS, JOBSTORE_QUEUE_SIZE,
    JOBSTORE_BUSY_TIMEOUT and JOBSTORE_READ_TIMEOUT; one that is absent or empty keeps its
    default. Raises StoreUnavailable that names every variable that is wrong, without its
    value.
    """
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings, SettingsConfigDict

    usual = EngineOptions()

    class Environment(BaseSettings):
        model_config = SettingsConfigDict(env_prefix="JOBSTORE_", env_ignore_empty=True)

        url: str = DEFAULT_URL
        synchronous: Literal["full", "normal"] = usual.synchronous
        readers: int = usual.readers
        queue_size: int = usual.queue_size
        busy_timeout: float = usual.busy_timeout
        read_timeout: float = usual.read_timeout

    try:
        given = Environment().model_dump()
        return StoreSettings(given.pop("url"), EngineOptions(**given))
    except ValidationError as error:
        wrong = "; ".join(
            f"JOBSTORE_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()
        )
        raise StoreUnavailable(wrong) from None
    except ValueError as error:
        name, _, rest = str(error).partition(" ")
        raise StoreUnavailable(f"JOBSTORE_{name.upper()} {rest}") from None
