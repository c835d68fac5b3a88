"""Which posting an address stands for: the board it is on, and its id there.

The rules are data in ``boards.toml``. Only addresses are read; nothing is fetched.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from jobstore.exchange.cells import digest, link

_LONGEST_KEY = 255
# No longer address can be stored, and none is searched for an id.
_LONGEST_URL = 2_048

# Parameters that say how a reader came to the page, not which page it is.
_TRACKING = re.compile(
    r"utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|trk|trackingid|refid|_hs\w+", re.IGNORECASE
)
# The end of a host below which the same board is at home in each country: .com, .de, .co.uk
_COUNTRY = r"(?:com|[a-z]{2}|com?\.[a-z]{2})"


_PLAIN_HOST = re.compile(r"https?://([a-z0-9.-]+[a-z])(?=[/?#]|$)")


@dataclass(frozen=True, slots=True)
class _Board:
    """The rules of one entry in ``boards.toml``, which says what each means."""

    source: str
    paths: tuple[re.Pattern[str], ...]
    parameters: tuple[str, ...]
    id: re.Pattern[str]
    named_by_host: bool
    apart: bool
    lower: bool
    only: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    """All boards by where they are, and what pages look like that list postings."""

    hosts: dict[str, tuple[_Board, ...]]
    countries: dict[str, tuple[_Board, ...]]
    anywhere: dict[str, _Board]
    parts: frozenset[str]
    parameters: frozenset[str]


@cache
def _rules() -> _Rules:
    given = tomllib.loads((files(__package__) / "boards.toml").read_text("utf-8"))
    rules = _Rules(
        {},
        {},
        {},
        frozenset(given["listings"]["parts"].split()),
        frozenset(given["listings"]["parameters"].split()),
    )
    for entry in given["board"]:
        board = _compiled(entry)
        for name in entry["hosts"]:
            table = rules.countries if name.endswith(".*") else rules.hosts
            key = name.removesuffix(".*")
            table[key] = (*table.get(key, ()), board)
        rules.anywhere.update(dict.fromkeys(entry.get("anywhere", ()), board))
    return rules


def _compiled(entry: dict[str, Any]) -> _Board:
    lower = entry.get("lower", False)
    flags = re.IGNORECASE if lower else re.NOFLAG
    return _Board(
        source=entry["source"],
        paths=tuple(re.compile(path, flags) for path in entry.get("paths", ())),
        parameters=tuple(entry.get("parameters", ())),
        id=re.compile(entry.get("id", ".+"), flags),
        named_by_host=entry.get("company") == "host",
        apart=entry.get("apart", False),
        lower=lower,
        only=entry.get("only", False),
    )


def identity(url: str) -> tuple[str | None, str | None]:
    """Return the source of the posting at ``url``, and its id there.

    On a board that is known the source is the board's name, whatever its host, and the id the
    board's own. Elsewhere they are the host without ``www.`` and the address without fragment and
    tracking parameters (its digest where it is no key). The id is ``None`` for a page that is no
    single posting's, such as a search; the source is ``None`` only for what is no web address.
    """
    url = url.strip()
    if len(url) <= _LONGEST_URL:
        return _identity(url)
    name = host(url)
    return name, name and short_key(without_tracking(url))


# Of one row several things are asked.
@lru_cache(maxsize=64)
def _identity(url: str) -> tuple[str | None, str | None]:
    parts = _split(url if url.startswith("http") else link(url))
    name = _host(parts)
    if parts is None or name is None:
        return None, None
    path = _decoded(parts.path)
    query = dict(reversed(list(_query(parts.query)))) if parts.query else {}
    if "=" in parts.fragment:  # where Google names the posting that a search shows
        query = {**dict(_query(parts.fragment)), **query}
    for board in _boards(name):
        if key := _key(board, name, path, query):
            return board.source, key
        if not board.only:
            return board.source, None
    for parameter, board in _rules().anywhere.items() if query else ():
        if key := _stated(board, parameter, query):
            return board.source, key
    plain = without_tracking(urlunsplit(parts))
    listed = _lists(_split(plain) or parts)
    return name.removeprefix("www."), None if listed else short_key(plain)


def board_of(url: str) -> str | None:
    """Return the board that ``url`` is on; ``None`` where that is no board we know."""
    # The host alone tells most boards.
    if (found := _PLAIN_HOST.match(url)) and (board := _board_at(found[1])):
        return board
    source, _ = identity(url)
    return source if source in _sources() else None


@lru_cache(maxsize=4_096)
def _board_at(host: str) -> str | None:
    boards = _boards(host)
    return boards[0].source if boards and not boards[0].only else None


@cache
def _sources() -> frozenset[str]:
    rules = _rules()
    return frozenset(
        board.source
        for boards in (*rules.hosts.values(), *rules.countries.values())
        for board in boards
    )


@lru_cache(maxsize=4_096)
def _boards(host: str) -> tuple[_Board, ...]:
    rules = _rules()
    labels = host.split(".")
    for start in range(len(labels)):
        if found := rules.hosts.get(".".join(labels[start:])):
            return found
        found = rules.countries.get(labels[start], ())
        if found and re.fullmatch(_COUNTRY, ".".join(labels[start + 1 :])):
            return found
    return ()


def _key(board: _Board, host: str, path: str, query: dict[str, str]) -> str | None:
    for parameter in board.parameters:
        if key := _stated(board, parameter, query):
            return _own(board, host, key, None)
    for pattern in board.paths:
        if found := pattern.match(path):
            groups = found.groupdict()
            return _own(board, host, groups.get("id") or found[1], groups.get("company"))
    return None


def _stated(board: _Board, parameter: str, query: dict[str, str]) -> str | None:
    value = query.get(parameter, "")
    return (value.lower() if board.lower else value) if board.id.fullmatch(value) else None


def _own(board: _Board, host: str, key: str, company: str | None) -> str:
    if board.lower:
        key = key.lower()
    if board.apart:
        company = host.split(".")[0] if board.named_by_host else company
        key = f"{(company or '').lower()}/{key}"
    return short_key(key)


def _lists(parts: SplitResult) -> bool:
    rules = _rules()
    last = parts.path.rstrip("/").rpartition("/")[2].lower()
    if last and last not in rules.parts:
        return False
    return all(name.lower() in rules.parameters for name, _ in _query(parts.query))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") else None


def _host(parts: SplitResult | None) -> str | None:
    try:
        name = parts and parts.hostname
    except ValueError:
        return None
    return name.rstrip(".") or None if name else None


def _query(query: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a query, whatever it holds."""
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        yield _decoded(name), _decoded(value)


def _decoded(text: str) -> str:
    return unquote(text, errors="replace") if "%" in text else text


def host(url: str) -> str | None:
    """Return the host of a web address, without ``www.``; ``None`` if it has none."""
    name = _host(_split(url))
    return name.removeprefix("www.") if name else None


def short_key(text: str) -> str:
    """Return the text itself, or its digest where it is too long for a key or cannot be one."""
    plain = text.isprintable()  # which lone surrogates and line breaks are not
    return text if plain and len(text) <= _LONGEST_KEY else digest([text])


def plain_address(url: str) -> str:
    """Return an address in the form in which it is compared with others, not kept: with ``https``
    and without ``www.``, the usual port and a slash at its end; a host in the letters of its
    script. :func:`identity` takes away what only tracks readers."""
    parts = _split(link(url.strip()))
    name = _host(parts)
    if parts is None or name is None:
        return url
    try:
        port = parts.port
    except ValueError:
        return url
    if "xn--" in name:
        with suppress(UnicodeError):
            name = name.encode("ascii").decode("idna")
    name = name.removeprefix("www.") + ("" if port in (None, 80, 443) else f":{port}")
    return urlunsplit(("https", name, parts.path.rstrip("/"), parts.query, parts.fragment))


def without_tracking(url: str) -> str:
    """Return the address without its fragment and the parameters that only track readers.

    What is kept is kept as it is written, but the host is in lower case.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url
    kept = [
        part
        for part in parts.query.split("&")
        if not _TRACKING.fullmatch(_decoded(part.partition("=")[0]))
    ]
    user, at, place = parts.netloc.rpartition("@")
    netloc = f"{user}{at}{place.lower()}"
    return urlunsplit((parts.scheme, netloc, parts.path, "&".join(kept), ""))
