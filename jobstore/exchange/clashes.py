"""Rows of one file that claim to be one posting, and are not: one key, several titles.

Memory is bounded: some 120 bytes a row, and at most 32 MiB.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import Any, NamedTuple

from jobstore.exchange.cells import digest
from jobstore.exchange.identity import board_of, identity, short_key
from jobstore.intake.wording import shorten

_MOST = 2**18
_HALF = 2**32 - 1


class Clash(NamedTuple):
    """A row with the key of an earlier one, and another title."""

    line: int | None
    first_line: int
    title: str
    separated: bool

    def __str__(self) -> str:
        said = f"the same key as line {self.first_line}, with another title: {shorten(self.title)}"
        return f"{said}; stored as a posting of its own" if self.separated else said


class SeenKeys:
    """Remembers the keys and titles of a file's rows, as hashes.

    After a quarter of a million postings it forgets the earlier ones, and begins anew.
    """

    def __init__(self) -> None:
        self._shared: set[tuple[str, str]] = set()
        # By the hash of a key: the line of the first row, and in 32 bits the hash of its title.
        self._first: dict[int, int] = {}

    def look_ahead(self, postings: Iterable[dict[str, Any]]) -> None:
        """Look at the rows that are checked next, so that those with one address fare alike.

        Else the first of them would have the bare address as its key, and another one, when
        it has gone from a later file, would be taken for it.
        """
        titles: dict[tuple[str, str], str] = {}
        for posting in postings:
            if (key := _key(posting)) is None:
                continue
            title = posting["title"]
            first = titles.setdefault(key, title)
            if first is not title and _folded(first) != _folded(title) and _may_part(posting):
                self._shared.add(key)

    def check(
        self, line: int | None, posting: dict[str, Any]
    ) -> tuple[dict[str, Any], Clash | None]:
        """Return the posting as it is to be stored, and how it clashes with an earlier row.

        Where nothing but an address of several postings made the key, the posting gets one of
        its own: the address with a digest of the title. Where the row had an id of its own that
        the address's took the place of, that is added. Any other clash is only reported: the
        later row updates the earlier one.
        """
        if (key := _key(posting)) is None:
            return posting, None
        title = posting["title"]
        first = self._line_of_first(key, title, line or 0)
        if first is None and key not in self._shared:
            return posting, None
        separated = _may_part(posting)
        if separated:
            apart = short_key(f"{key[1]}#{_own_id(posting) or digest([title])}")
            posting = copy(posting)  # with what a mapping knows of its row
            posting["source_job_id"] = apart
            self._line_of_first((key[0], apart), title, line or 0)
        return posting, None if first is None else Clash(line, first, title, separated)

    def _line_of_first(self, key: tuple[str, str], title: str, line: int) -> int | None:
        """Note the row; return the line of the first one with this key if its title differs."""
        if len(self._first) >= _MOST:
            self._first.clear()
        name = hash(_folded(title)) & _HALF
        first = self._first.setdefault(hash(key), line << 32 | name)
        return None if first & _HALF == name else first >> 32


def _key(posting: dict[str, Any]) -> tuple[str, str] | None:
    get = posting.get
    source, key, title = get("source"), get("source_job_id"), get("title")
    if key is None or not isinstance(source, str) or not isinstance(title, str):
        return None
    return (source, str(key)) if title.strip() else None


def _folded(title: str) -> str:
    return " ".join(title.split()).casefold()


def _own_id(posting: dict[str, Any]) -> Any:
    return getattr(posting, "own_id", None)


def _may_part(posting: dict[str, Any]) -> bool:
    return _own_id(posting) is not None or _only_an_address(posting)


def _only_an_address(posting: dict[str, Any]) -> bool:
    url = posting.get("url")
    if not isinstance(url, str) or board_of(url) is not None:
        return False
    return bool(identity(url)[1] == posting["source_job_id"])
