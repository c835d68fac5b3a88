"""Where a store is: its URL, understood or refused. Nothing is opened here.

What holds for every URL is checked here; what one scheme means, its engine says, which
:mod:`jobstore.engines` registers.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from jobstore.errors import StoreUnavailable

DEFAULT_URL = "sqlite:///jobs.db"

EXAMPLE = "write sqlite:///jobs.db, or sqlite:////full/path/jobs.db for an absolute path"
_EXAMPLES = f"{EXAMPLE}, or postgresql://user@host/jobs for one on a server"
# As in libpq's "host=db user=ann password=...".
_PARAMETERS = re.compile(r"\bpassword\s*=", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

NOT_UTF8 = f"The store's URL is not UTF-8; give the file a name that is, and {EXAMPLE}."


@dataclass(frozen=True, slots=True)
class StoreURL:
    """A store's address that was understood.

    ``engine`` is the URL's scheme. ``path`` is where what operations keep of it stands beside on
    this machine; whether a file of the database is there, its backend says (``files``). ``text``
    is the URL as a store is opened with it, ``str()`` gives it without a password.
    """

    engine: str
    path: Path
    text: str = field(repr=False)
    shown: str = ""
    """The URL as anybody may see it, where that is not how it was written."""

    def __str__(self) -> str:
        return self.shown or self.text


PARSERS: dict[str, Callable[[str], StoreURL]] = {}
"""What understands the URLs of each scheme; filled by :func:`jobstore.engines.register`."""


def parse_store_url(url: str | StoreURL) -> StoreURL:
    """Return what ``url`` names, without touching it.

    Raises StoreUnavailable, with a word on what to write instead and without repeating
    credentials, when the URL is malformed or names a database that is not supported.
    """
    if isinstance(url, StoreURL):
        return url
    if not isinstance(url, str):
        raise StoreUnavailable(f"The store's URL must be text; {_EXAMPLES}.")
    if not is_utf8(url):
        raise StoreUnavailable(NOT_UTF8)
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in url):
        raise StoreUnavailable(f"The store's URL has control characters in it; {_EXAMPLES}.")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise StoreUnavailable(f"The store's URL is malformed; {_EXAMPLES}.") from None
    if not parts.scheme:
        raise StoreUnavailable(f"The store's URL does not begin with sqlite:///; {_EXAMPLES}.")
    if parts.scheme not in PARSERS:
        raise StoreUnavailable(
            f"This version of jobstore cannot open {parts.scheme} databases; {_EXAMPLES}."
        )
    return PARSERS[parts.scheme](url)


def store_at(where: str | os.PathLike[str] | StoreURL) -> StoreURL:
    """Return what a URL names, or the SQLite store in the file at a path.

    Text without a scheme is a path. Raises StoreUnavailable as :func:`parse_store_url` does.
    """
    if not isinstance(where, os.PathLike):
        if not isinstance(where, str) or not where or _SCHEME.match(where):
            return parse_store_url(where)
    elif not isinstance(where := os.fspath(where), str):
        raise StoreUnavailable("The path of a store must be text, not bytes.")
    if not is_utf8(where):
        raise StoreUnavailable(NOT_UTF8)
    if _PARAMETERS.search(where):
        # Taken for the name of a file, it would be shown.
        raise StoreUnavailable(f"A store is named by a URL, not by parameters; {_EXAMPLES}.")
    return parse_store_url(sqlite_url(where))


def quoted_command(*words: str) -> str:
    """Return a command of this program as it stands within a message, to be copied to a shell.

    ``words`` follow "jobstore". One with quotes of its own stands between backticks.
    """
    command = shlex.join(["jobstore", *words])
    return f"`{command}`" if "'" in command else f"'{command}'"


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
