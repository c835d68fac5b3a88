"""The URLs of PostgreSQL stores: understood, or refused. Nothing is opened here.

They are libpq's own: ``postgresql://user@host1:5432,host2:5432/jobs?sslmode=verify-full``
(https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS). What is left
out comes from libpq's environment, a service file or ``~/.pgpass``.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from jobstore.errors import StoreUnavailable
from jobstore.settings.url import StoreURL

SCHEME = "postgresql"
EXAMPLE = (
    "write postgresql://user@host:5432/jobs, with '%40' for '@' and the like in a name, and best "
    "leave the password to ~/.pgpass or PGPASSWORD"
)
_SECRET = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
# To libpq whatever is before an '@' is the account, also where a '?' is in it.
_PLACE = re.compile(r"(?P<account>(?:[^/@]*@)?)(?P<hosts>[^/?]*)")
# How the folder, or the abstract name, of a socket begins.
_SOCKET = ("/", "@")
# An address of IPv6, with its zone.
_NUMERIC = re.compile(r"[0-9A-Fa-f:.]+(%\w+)?")
# A password that is given a value in a place that libpq does not take it from.
_ASSIGNED = re.compile(r"(pass(word|wd)?|pwd|secret)\s*[=:]", re.IGNORECASE)
# What no name of a file has.
_UNUSUAL = re.compile(r"[^\w.@-]+")


def parse(url: str) -> StoreURL:
    """Return what a URL that begins with ``postgresql:`` or ``postgres:`` names.

    ``str()`` of it never shows a password. Raises StoreUnavailable.
    """
    _, _, rest = url.partition(":")
    if not rest.startswith("//"):
        raise StoreUnavailable(f"After {SCHEME}: a store's URL has two slashes; {EXAMPLE}.")
    text = f"{SCHEME}:{rest}"
    parts = parameters(text)
    hosts, ports = parts.get("host", ""), parts.get("port", "")
    if any(not port.isdecimal() for port in ports.split(",") if port):
        # It may be the rest of a password with a '/' in it.
        raise StoreUnavailable(f"The port in the store's URL is no number; {EXAMPLE}.")
    place, _, behind = rest[2:].partition("/")
    if place.count("@") > 1 or "@" in behind.partition("?")[0]:
        # It would be taken for the name of a host or a database, and shown as such.
        raise StoreUnavailable(f"A name or the password has an '@' in it; {EXAMPLE}.")
    if _may_hide_a_password(parts, text):
        raise StoreUnavailable(
            "Something in the store's URL looks as if a password were in it, where it would be "
            f"shown; {EXAMPLE}. Parameters follow a '?', with '&' between them."
        )
    return StoreURL(SCHEME, _beside(parts, hosts, ports), text, _shown(text))


def parameters(url: str) -> dict[str, str]:
    """Return libpq's parameters that a URL gives. Raises StoreUnavailable."""
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise StoreUnavailable(
            "PostgreSQL stores need a driver; install it: pip install 'jobstore[postgres]'."
        ) from error
    # Newer ones of libpq alone refuse a space.
    found = None
    if not any(each.isspace() for each in url):
        with suppress(ProgrammingError, UnicodeError):
            found = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    if found is None:
        # Out of reach of what libpq has said, which may quote the password.
        raise StoreUnavailable(
            f"The store's URL is malformed, or has a parameter that libpq does not know; {EXAMPLE}."
        )
    return found


def _may_hide_a_password(parts: dict[str, str], text: str) -> bool:
    """Tell whether something in a URL that would be shown looks as if a password were in it.

    Such as ``//ann@host/jobs;password=...``: to libpq all of that is the name of the database.
    """
    shown = _shown(text)
    names = [parts.get("user", ""), parts.get("dbname", ""), *parts.get("host", "").split(",")]
    names = [name for name in names if not name.startswith(_SOCKET)]
    return (
        any(mark in shown for mark in ";#")
        or "/" in shown.partition("//")[2].partition("?")[0].partition("/")[2]
        or any(mark in name for name in names for mark in "=;&?#,")
        or any(":" in name and not _NUMERIC.fullmatch(name) for name in names)
        or any("@" in host for host in names[2:])
        or any(_ASSIGNED.search(each) for name, each in parts.items() if name not in _SECRET)
    )


def _beside(parts: dict[str, str], hosts: str, ports: str) -> Path:
    """Return where on this machine stands what operations keep: a name for each database."""
    environment = os.environ.get
    service = parts.get("service") or environment("PGSERVICE", "")
    hosts = hosts or parts.get("hostaddr") or environment("PGHOST") or service
    ports = ports or environment("PGPORT", "")
    # As libpq does, which takes the name of the account for the database's in the end.
    database = (
        *(parts.get("dbname"), environment("PGDATABASE"), service),
        *(parts.get("user"), environment("PGUSER"), "postgres"),
    )
    where = "-".join(filter(None, (hosts.partition(",")[0].strip("/"), ports.partition(",")[0])))
    name = "@".join(filter(None, (next(filter(None, database)), where)))
    return Path(f"{_UNUSUAL.sub('_', name)}.{SCHEME}").absolute()


def _shown(text: str) -> str:
    """Return the URL as it was written, but without what is secret."""
    head, mark, rest = text.partition("//")
    place = _PLACE.match(rest)
    assert place is not None
    account, at, _ = place["account"].partition("@")
    path, question, query = rest[place.end() :].partition("?")
    pairs = [each for each in query.split("&") if unquote(each.partition("=")[0]) not in _SECRET]
    asked = question + "&".join(pairs) if any(pairs) else ""
    return f"{head}{mark}{account.partition(':')[0]}{at}{place['hosts']}{path}{asked}"
