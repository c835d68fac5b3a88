"""The log of a database in one file; see :class:`jobstore.engines.log.Log`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobstore.engines.log import Kept, Mark, Replayed
from jobstore.engines.sqlite.errors import translated
from jobstore.engines.sqlite.log import replaying
from jobstore.engines.sqlite.log.capturing import GONE, NOT_KEPT, begin, capture, release
from jobstore.engines.sqlite.log.checkpointing import checkpoint, relieved
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.errors import StoreUnavailable
from jobstore.files import reachable
from jobstore.progress import Progress
from jobstore.settings import StoreURL

# Seconds to wait for those who write, and for another process that keeps the log.
_PATIENCE = 10.0


class SQLiteLog:
    """Keeps the write-ahead log; what is done is in the other modules of this folder."""

    def folder(self, url: StoreURL) -> Path:
        return Spool(url.path).folder

    def start(self, url: StoreURL, *, limit: int, wait: bool) -> Mark:
        spool = Spool(url.path)
        with reachable(spool.database):
            if not spool.database.is_file():
                raise StoreUnavailable(f"There is no database file at {spool.database}.")
        # Nobody writes the log back meanwhile, so that nobody misses that it is kept from now on.
        with translated(), relieved(url.path, _PATIENCE) as conn:
            # What it begins after is looked through while writers wait, so there shall be little.
            checkpoint(conn, spool.database, "TRUNCATE")
            # Its lock, which tells that, is made when it is taken.
            broken = GONE if spool.is_lost else None
            with spool.lock(_PATIENCE), reachable(spool.folder):
                state = spool.load() if spool.is_there else None
                if state is None:
                    spool.make()
                    state = begin(spool, limit=limit, wait=wait, broken=broken)
                elif (state.limit, state.wait) != (limit, wait):
                    state.limit, state.wait = limit, wait
                    spool.save(state)
            checkpoint(conn, spool.database)
        return self.capture(url)

    def stop(self, url: StoreURL) -> None:
        spool = Spool(url.path)
        if spool.folder.exists() or spool.is_lost:
            with spool.lock(_PATIENCE), reachable(spool.folder):
                spool.remove()

    def is_lost(self, url: StoreURL) -> bool:
        return Spool(url.path).is_lost

    def kept(self, url: StoreURL) -> Kept | None:
        spool = Spool(url.path)
        # First, since others go on: what was kept by then is in the rest.
        looked_at = spool.looked_at
        state = spool.load()
        if state is None:
            if not spool.is_there:
                return None
            raise StoreUnavailable(
                f"The record of the spool in {spool.folder} cannot be read; keep the log again."
            )
        segments = spool.segments()
        octets = sum(each.octets for each in segments)
        return Kept(
            *(state.mark, segments, octets, looked_at, state.broken, spool.shipped),
            *(state.wait, state.limit),
        )

    def capture(self, url: StoreURL) -> Mark:
        with _kept(Spool(url.path)) as spool:
            return capture(spool).mark

    def shipped(self, url: StoreURL, mark: Mark) -> None:
        with _kept(Spool(url.path)) as spool:
            spool.shipped = mark

    def release(self, url: StoreURL, mark: Mark) -> None:
        with _kept(Spool(url.path)) as spool:
            release(spool, mark)

    def settled(self, url: StoreURL, generation: str) -> None:
        with _kept(Spool(url.path)) as spool:
            state = spool.load()
            if state is not None and state.generation == generation and state.broken:
                state.broken = None
                spool.save(state)

    def stamp(self, copy: Path) -> int:
        return replaying.stamp_of(copy)

    def replay(
        self,
        copy: Path,
        pieces: Iterable[Path],
        *,
        generation: str,
        after: int,
        until: int | None,
        progress: Progress,
    ) -> Replayed:
        return replaying.replay(
            copy, pieces, generation=generation, after=after, until=until, progress=progress
        )


@contextmanager
def _kept(spool: Spool) -> Iterator[Spool]:
    """Give the spool with its lock held. Raises StoreUnavailable where no log is kept."""
    if not spool.is_there:
        # No lock is made beside a store that has no spool.
        raise StoreUnavailable(NOT_KEPT.format(spool.database))
    with spool.lock(_PATIENCE), reachable(spool.folder):
        yield spool
