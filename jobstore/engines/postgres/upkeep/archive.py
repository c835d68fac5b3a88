"""Copies of a store on a server: files of the engine that keeps a store in one file.

A copy is made and put back by way of :mod:`jobstore.engines.reconciling`, in one moment of the
source. So backups have one form whatever the engine, are verified by the same digests, and can be
restored to either. How tables take the place of others is in :mod:`.aside`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from jobstore.derived.digests import store_identity
from jobstore.engines import named_statements
from jobstore.engines.archive import Astray, Content, Exchanged, Loss
from jobstore.engines.new_tables import make_tables
from jobstore.engines.postgres import schema
from jobstore.engines.postgres.sessions import blocking
from jobstore.engines.postgres.upkeep import aside, tidying
from jobstore.engines.postgres.upkeep.inspection import server
from jobstore.engines.postgres.upkeep.transfer import PostgresTransfer
from jobstore.engines.postgres.upkeep.verification import octets
from jobstore.engines.reconciling import difference, reconcile
from jobstore.engines.transfer import CURSOR_KEY
from jobstore.errors import BackupError, JobStoreError, StoreCorrupt, StoreUnavailable
from jobstore.progress import Progress, silent
from jobstore.scratch import disk_errors, make_folder, require_space, scratch_folder, synchronise
from jobstore.settings import StoreURL

if TYPE_CHECKING:
    from jobstore.engines.backend import Backend
    from jobstore.engines.schema import Schema

_SQL = named_statements.load("postgres")

# The copy, with its index of words, and its compressed form.
_ROOM = 1.5
# Seconds to wait for who reads the copy, of whom there should be nobody.
_PATIENCE = 10.0
_ASIDE = ".replaced-"


class PostgresArchive:
    """Copies of a store, each a file of ``copies``; see :mod:`jobstore.engines.archive`."""

    def __init__(self, copies: Backend, schema: Schema) -> None:
        self._copies = copies
        self._schema = schema
        self._transfer = PostgresTransfer()

    @contextmanager
    def scratch(self, url: StoreURL) -> Iterator[Path]:
        make_folder(url.path.parent)
        with scratch_folder(url.path.parent) as folder:
            yield folder

    def dump(self, url: StoreURL, copy: Path, progress: Progress) -> None:
        with blocking(url) as conn:
            if "posting" not in schema.relations(conn):
                raise BackupError(f"There is no store at {url} to back up; check the store's URL.")
            require_space(copy.parent, int(octets(conn) * _ROOM))
        target = self.url(copy)
        make_tables(self._copies.schema, target)
        with (
            self._transfer.reading(url) as source,
            self._copies.transfer.writing(target, durable=False) as written,
        ):
            reconcile(source, written, progress)
        # The copy is one file, and nobody else has it open.
        self._copies.upkeep.checkpoint(target, patience=_PATIENCE)

    def identity(self, url: StoreURL) -> str:
        with self._transfer.reading(url) as source:
            return store_identity(source.property(CURSOR_KEY) or b"")

    def fits(self, head: bytes, octets: int) -> bool:
        return self._copies.archive.fits(head, octets)

    def read(self, copy: Path, progress: Progress, *, thorough: bool, own: bool = False) -> Content:
        return self._copies.archive.read(copy, progress, thorough=thorough, own=own)

    def newer(self, copy: Path) -> str | None:
        return self._copies.archive.newer(copy)

    def url(self, copy: Path) -> StoreURL:
        return self._copies.archive.url(copy)

    def compare(self, url: StoreURL, copy: Path) -> Loss:
        with blocking(url) as conn:
            if "posting" not in schema.relations(conn):
                return Loss()
        with (
            self._transfer.reading(url) as store,
            self._copies.transfer.reading(self.url(copy)) as earlier,
        ):
            return difference(store, earlier)

    def compare_moment(self, url: StoreURL, copy: Path, *, before: int, after: int) -> Astray:
        raise StoreUnavailable(_NO_LOG)

    @contextmanager
    def trial(self, url: StoreURL, folder: Path) -> Iterator[StoreURL]:
        # Differs by necessity: a copy would take the server room and work that others need.
        with aside.beside(url) as place:
            make_tables(self._schema, place.url)
            yield place.url

    def check_target(self, url: StoreURL, *, replace: bool) -> None:
        with blocking(url) as conn:
            if server(conn).replica:
                raise BackupError("The server is a standby, which only reads; use the primary.")
            try:
                there = schema.recorded(conn)
            except StoreCorrupt as error:
                raise BackupError(
                    "The database has tables of another program, and was not touched; restore to "
                    "another database."
                ) from error
            if there and not replace:
                raise _exists(url)

    def load(self, copy: Path, url: StoreURL, progress: Progress = silent) -> None:
        with aside.beside(url) as place:
            self._fill(copy, place.url, progress)
            # Under the lock of all who come in this way nobody else makes tables.
            _, done = aside.exchange(
                place.conn, place.name, lambda: "posting" not in schema.relations(place.conn)
            )
            if not done:
                raise _exists(url)

    def replace(
        self,
        url: StoreURL,
        copy: Path,
        progress: Progress = silent,
        *,
        known: Path | None = None,
        salvage: bool = False,
    ) -> Exchanged:
        with aside.beside(url) as place:
            self._fill(copy, place.url, progress)
            replaced, done = None, False
            while not done:
                unchanged = self._watched(url, place.conn, known)
                replaced, done = aside.exchange(place.conn, place.name, unchanged)
        if replaced is None:
            return Exchanged(_free_name(url), None)
        return self._kept(url, replaced, copy, progress)

    def _fill(self, copy: Path, url: StoreURL, progress: Progress) -> None:
        make_tables(self._schema, url)
        with (
            self._copies.transfer.reading(self.url(copy)) as source,
            self._transfer.writing(url) as target,
        ):
            reconcile(source, target, progress)
        tidying.optimize(url, patience=_PATIENCE)

    def _watched(
        self, url: StoreURL, conn: psycopg.Connection[Any], known: Path | None
    ) -> Callable[[], bool]:
        """Give a function that tells whether the store still has nothing that ``known`` lacks."""
        if known is None or "posting" not in schema.relations(conn):
            return lambda: True
        state = _state_of_rows(conn)
        if found := self.compare(url, known):
            raise BackupError(f"This would lose what was written meanwhile: {found}.")
        return lambda: _state_of_rows(conn) == state

    def _kept(self, url: StoreURL, replaced: str, successor: Path, progress: Progress) -> Exchanged:
        """Make what was replaced a file, while others go on with what took its place."""
        old, loss, file = aside.inside(url, replaced), None, _free_name(url)
        try:
            with suppress(StoreCorrupt):
                # Not with the store, to which others write by now.
                loss = self.compare(old, successor)
            with disk_errors(file.parent), self.scratch(url) as folder:
                copy = folder / "aside.db"
                self.dump(old, copy, progress)
                synchronise(copy)
                copy.rename(file)
                synchronise(file.parent)
            with blocking(url) as conn:
                aside.drop(conn, replaced)
        except JobStoreError as error:
            if not file.exists():
                return Exchanged(Path(replaced), loss, str(error))
            # It is in the file as well; what health finds is said there.
        return Exchanged(file, loss)

    def asides(self, url: StoreURL) -> dict[Path, str]:
        with blocking(url) as conn:
            found = {Path(name): what for name, what in aside.told(conn, url).items()}
        # What was made a file stands as if the store were one.
        return found | self._copies.archive.asides(self.url(url.path))

    def discard(self, aside: Path) -> None:
        self._copies.archive.discard(aside)

    def remove(self, url: StoreURL, *, leave_file: bool) -> int:
        with blocking(url, patience=_PATIENCE) as conn:
            return aside.remove(conn)


_NO_LOG = "Only a store whose log is kept by jobstore can be compared with what it was at a moment."


def _state_of_rows(conn: psycopg.Connection[Any]) -> Any:
    return conn.execute(_SQL["state_of_rows"]).fetchone()


def _exists(url: StoreURL) -> BackupError:
    return BackupError(
        f"There is a store at {url}, which was not touched; restore to another database, or add "
        "--replace to put the backup in its place, after a backup of what is there."
    )


def _free_name(url: StoreURL) -> Path:
    now = f"{url.path.name}{_ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (url.path.with_name(now if n == 1 else f"{now}-{n}") for n in count(1))
    return next(each for each in names if not each.exists())
