"""The tables of the life cycle, each described once; what is kept beside postings and revisions.

Whatever goes over all that a store keeps (copies, backups, verification, comparison, rights) goes
over :data:`KEPT`: a new table is added here and in the migrations, and nowhere else. Ids are 16
bytes, times microseconds since 1970-01-01 UTC, flags 0 or 1, and each row has a digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from jobstore.derived.digests import kept_digest

Row = tuple[Any, ...]


class Kept(NamedTuple):
    """A table: its columns, of which the last is always ``digest``, over the others."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    follows: bool
    """Whether a row belongs to the posting whose ``id`` it has: it goes where that is deleted, and
    gets the new id where that is joined to another."""
    ids: tuple[str, ...] = ("id",)
    """The columns that hold ids, of postings or of the table's own."""

    @property
    def stored(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.columns, "digest")

    def key_of(self, row: Sequence[Any]) -> Row:
        """Return the values of a stored row by which the table is ordered."""
        return tuple(row[self.stored.index(name)] for name in self.key)


APPLICATION = Kept(
    "application",
    columns=(
        *("id", "application", "state", "reached", "began_at", "applied_at", "changed_at"),
        *("due_at", "look", "address", "apply_address", "detail"),
    ),
    key=("id", "application"),
    follows=True,
    ids=("id", "application"),
)
"""An application for a posting: see :mod:`jobstore.lifecycle.applications`."""
EVENT = Kept(
    "event",
    columns=("id", "at", "kind", "detail", "actor", "run"),
    key=("id", "at", "digest"),
    follows=True,
)
"""What happens to a posting and changes no content; ``detail`` is a JSON object."""
DELETION = Kept("deletion", columns=("id", "at", "actor", "run"), key=("id", "at"), follows=False)
"""That a posting was removed. It stays when the posting is gone."""
SAVED_SEARCH = Kept(
    "saved_search", columns=("name", "query", "mark"), key=("name",), follows=False, ids=()
)
"""A search that somebody saved, and up to which time postings were looked through for it."""
SEEN_MATCH = Kept("seen_match", columns=("id", "search", "at"), key=("id", "search"), follows=True)
"""That a match of a saved search was acknowledged."""


VERDICT = Kept(
    "verdict",
    columns=("id", "other", "verdict", "at", "actor"),
    key=("id", "other"),
    follows=True,
    ids=("id", "other"),
)
"""What somebody says that a posting and another one are to each other."""

# Runs of scrapers.
SCRAPE_RUN = Kept(
    "scrape_run",
    columns=(
        *("source", "scope", "ended_at", "run", "started_at", "number", "whole", "state"),
        *("seen", "inserted", "updated", "unchanged", "reopened"),
        *("open_before", "missed", "closed", "expired", "verdict", "actor"),
    ),
    key=("source", "scope", "ended_at", "run"),
    follows=False,
    ids=(),
)
"""How a run ended; ``number`` is how many runs of the scope had counted misses by then."""
SCOPE_MEMBER = Kept(
    "scope_member",
    columns=("source", "scope", "id", "missed_from"),
    key=("source", "scope", "id"),
    follows=True,
)
"""A posting of a scope; ``missed_from`` is the number of the first run in a row that missed it. Of
a scope that is all of a source only what was missed is written down."""

KEPT = (
    APPLICATION,
    DELETION,
    EVENT,
    SAVED_SEARCH,
    SCOPE_MEMBER,
    SCRAPE_RUN,
    SEEN_MATCH,
    VERDICT,
)
TOLD = tuple(each for each in KEPT if each not in (DELETION, SCOPE_MEMBER))
"""Those whose rows are a loss by themselves. That a posting was removed, its absence says; what a
scope has seen, its next run sees again."""
FOLLOWING = tuple(each for each in KEPT if each.follows)

FEATURE = Kept(
    "feature",
    columns=("id", "version", "form", "at", "keys", "given"),
    key=("id",),
    follows=True,
)
"""What is kept of a posting to compare it with others."""
MEMBER = Kept(
    "member",
    columns=("id", "first", "number"),
    key=("id",),
    follows=True,
    ids=("id", "first"),
)
"""That a posting is in a group of postings that are one opening."""
FOLLOWER = Kept("follower", columns=("name", "at", "id"), key=("name",), follows=False)
"""How far those have got that go through changed postings."""
LINK = Kept(
    "link",
    columns=("id", "other", "verdict", "reasons", "at"),
    key=("id", "other"),
    follows=True,
    ids=("id", "other"),
)
"""What the rules say that a posting and another one are to each other."""
MADE = (FEATURE, FOLLOWER, LINK, MEMBER)
"""Tables that follow from the rest: no copy carries them, since they are built anew."""
FOLLOWING_MADE = tuple(each for each in MADE if each.follows)

BY_NAME = {each.name: each for each in (*KEPT, *MADE)}
WRITTEN = frozenset({*BY_NAME, "block"})
"""All tables that are described here, and the index over table feature."""


def sealed(values: Iterable[Any]) -> Row:
    """Return a row as it is stored: with its digest at the end."""
    row = (*values,)
    return (*row, kept_digest(row))


def is_sound(row: Sequence[Any]) -> bool:
    """Tell whether a stored row is what was written."""
    try:
        return bool(kept_digest((*row[:-1],)) == row[-1])
    except (TypeError, ValueError):
        return False


Mirror = tuple[Any, ...]
"""A verdict that stands under the other posting, when one gets another id: its new values behind
that posting's id, and the key that it has."""


def joined(
    rows: Iterable[tuple[Kept, Sequence[Any]]], gone: Collection[bytes], id: bytes
) -> tuple[list[tuple[Kept, Row]], list[Mirror]]:
    """Return the rows of postings that become one as those of that one, and the mirrors of its
    verdicts. What was said of two that become one says nothing any more."""
    following: list[tuple[Kept, Row]] = []
    mirrors: list[Mirror] = []
    for kept, row in rows:
        if kept is VERDICT:
            old, other, *said, _ = row
            if other in gone or other == id:
                continue
            mirrors.append((*sealed((other, id, *said))[1:], other, old))
        at = kept.columns.index("id")
        following.append((kept, sealed((*row[:at], id, *row[at + 1 : -1]))))
    return following, mirrors


# Identifiers come from the descriptions above. ``{values}`` is what an engine takes rows from.
_PUT = "INSERT INTO {name} ({columns}) {values} ON CONFLICT ({key}) DO UPDATE SET {changes}"
_OF = "SELECT {columns} FROM {name} AS k WHERE k.id {wanted}"
_DELETE_OF = "DELETE FROM {name} WHERE {name}.id {wanted}"
_DELETE = "DELETE FROM {name} WHERE {where}"
_ORPHANS = (
    "SELECT {columns} FROM {name} AS k "
    "WHERE NOT EXISTS (SELECT 1 FROM posting AS p WHERE p.id = k.id) ORDER BY {order}"
)
_DELETE_ORPHANS = (
    "DELETE FROM {name} WHERE NOT EXISTS (SELECT 1 FROM posting AS p WHERE p.id = {name}.id)"
)
_EVERY = "SELECT {columns} FROM {name} AS k"
_AFTER = "SELECT {columns} FROM {name} AS k {where} ORDER BY {order} LIMIT {limit}"


class Statements(NamedTuple):
    """The statements on one table."""

    put: str
    """Takes rows; one with a key that is there takes its place."""
    of: str
    """Returns the rows of a posting, or of several."""
    delete_of: str
    delete: str
    """Removes the row with a key."""
    first: str
    """Returns as many of the first rows as it is told, in the order of keys."""
    after: str
    """The same of the rows behind a key."""
    every: str
    orphans: str
    """Returns the rows that belong to no posting."""
    delete_orphans: str


@lru_cache(maxsize=64)
def statements(kept: Kept, *, bound: str, values: str, wanted: str) -> Statements:
    """Write the statements on a table as an engine takes them.

    ``bound`` stands for a value, ``values`` for rows (with ``{columns}``, ``{name}``,
    ``{bound}``), ``wanted`` for a comparison with ids.
    """
    name, columns = kept.name, ", ".join(kept.stored)
    key = ", ".join(kept.key)
    marks = ", ".join(bound for _ in kept.key)
    of_row = ", ".join(f"k.{each}" for each in kept.stored)
    order = ", ".join(f"k.{each}" for each in kept.key)
    rows = values.format(
        columns=", ".join(f"n.{each}" for each in kept.stored),
        name=name,
        bound=", ".join(bound for _ in kept.stored),
    )
    changes = ", ".join(f"{each} = excluded.{each}" for each in kept.stored)
    return Statements(
        put=_PUT.format(name=name, columns=columns, values=rows, key=key, changes=changes),
        of=_OF.format(columns=of_row, name=name, wanted=wanted),
        delete_of=_DELETE_OF.format(name=name, wanted=wanted),
        delete=_DELETE.format(
            name=name, where=" AND ".join(f"{name}.{each} = {bound}" for each in kept.key)
        ),
        first=_AFTER.format(columns=of_row, name=name, where="", order=order, limit=bound),
        after=_AFTER.format(
            columns=of_row,
            name=name,
            where=f"WHERE ({order}) > ({marks})",
            order=order,
            limit=bound,
        ),
        every=_EVERY.format(columns=of_row, name=name),
        orphans=_ORPHANS.format(columns=of_row, name=name, order=order),
        delete_orphans=_DELETE_ORPHANS.format(name=name),
    )
