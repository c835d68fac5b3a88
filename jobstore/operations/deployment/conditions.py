"""What stands in a store's file, and what it would lose by becoming an earlier one again.

Everything here only reads, and blocks while it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from urllib.parse import quote

from jobstore.engines import named_statements
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.files import open_file
from jobstore.errors import StoreUnavailable
from jobstore.migrating import Step

SQL = named_statements.load("deployment")

_COUNT = 'SELECT COUNT({}) FROM "{}"'

# What follows from postings, and is written anew by the migration that has a place for it.
_DERIVED = {
    *("posting.digest", "posting.seen_digest", "revision.digest", "counter", "store_property"),
    *("posting_words", "posting_vocabulary", "search_index", "search_vocabulary"),
    *("word_index", "word_vocabulary"),
}

PATIENCE = 10.0
"""Seconds to wait for other processes."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A store at one moment: its migrations, the form of what is derived, how many postings.

    Without a file ``exists`` is false; a file without tables has no migrations.
    """

    exists: bool = False
    migrations: tuple[str, ...] = ()
    derived_form: int = 0
    postings: int = 0

    @property
    def schema(self) -> tuple[tuple[str, ...], int]:
        """What tells one schema from another."""
        return self.migrations, self.derived_form

    @property
    def newest(self) -> str:
        """The last migration; ``0`` where there is none."""
        return self.migrations[-1] if self.migrations else "0"


@dataclass(frozen=True, slots=True)
class Loss:
    """What an earlier state does not have: postings, counted.

    ``added`` since, ``changed`` since, ``seen`` again since without a change; ``removed`` since
    are those that would come back.
    """

    added: int = 0
    changed: int = 0
    seen: int = 0
    removed: int = 0

    def __bool__(self) -> bool:
        return any((self.added, self.changed, self.seen, self.removed))

    def __str__(self) -> str:
        told = {
            "added": self.added,
            "changed": self.changed,
            "seen again": self.seen,
            "deleted (they come back)": self.removed,
        }
        counts = ", ".join(f"{number:,} {name}" for name, number in told.items() if number)
        return f"postings written since then: {counts}" if counts else "nothing"


@dataclass(frozen=True, slots=True)
class Values:
    """What taking back migrations would lose, counted by ``table.column``, or rows by table."""

    counts: dict[str, int]

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return ", ".join(
            f"{number:,} {'values' if '.' in name else 'rows'} of {name}"
            for name, number in self.counts.items()
        )


def require_file(path: Path) -> None:
    """Raise StoreUnavailable where something stands that is no file, and so no store."""
    with schema.reachable(path):
        if path.exists() and not path.is_file():
            raise StoreUnavailable(f"{path} is no file; check the store's URL.")


def read_condition(path: Path) -> Condition:
    """Return what stands at ``path``; raises StoreUnavailable or StoreCorrupt."""
    require_file(path)
    with schema.reachable(path):
        if not path.exists():
            return Condition()
    with translated(), schema.reading(path, PATIENCE) as conn:
        migrations = tuple(each.id for each in schema.recorded(conn))
        tables = schema.objects(conn)
        return Condition(
            exists=True,
            migrations=migrations,
            derived_form=schema.derived_form(conn) if "store_property" in tables else 0,
            postings=conn.execute(SQL["postings"]).fetchone()[0] if "posting" in tables else 0,
        )


def values_of(conn: Connection, steps: Iterable[Step]) -> Values:
    """Return what stands where only the migrations ``steps`` have a place for it."""
    counts = {}
    for name in sorted({name for step in steps for name in step.removed} - _DERIVED):
        table, _, column = name.partition(".")
        # The names are those of our own migrations.
        counts[name] = conn.execute(_COUNT.format(column or "*", table)).fetchone()[0]
    return Values({name: number for name, number in counts.items() if number})


def compare(path: Path, earlier: Path) -> Loss:
    """Return what the store at ``path`` has that the one in the file ``earlier`` has not.

    Nobody else may have ``earlier`` open. Raises StoreCorrupt or StoreUnavailable.
    """
    with translated(), closing(open_file(path, "ro", PATIENCE)) as conn:
        if "posting" not in schema.objects(conn):
            return Loss()
        conn.execute("ATTACH ? AS earlier", (f"file:{quote(str(earlier))}?mode=ro&immutable=1",))
        conn.execute("BEGIN")
        added, changed, seen = conn.execute(SQL["newer_postings"]).fetchone()
        (removed,) = conn.execute(SQL["removed_postings"]).fetchone()
        conn.execute("ROLLBACK")
        return Loss(added, changed, seen, removed)
