"""What SQLite offers for copies of stores; each is done in a module of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from jobstore.engines.archive import Astray, Content, Exchanged, Loss
from jobstore.engines.sqlite.upkeep import comparison, content, copying, exchange, replacing
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL, parse_store_url, sqlite_url


class SQLiteArchive:
    """Copies of a store, each a database in one file; see :mod:`jobstore.engines.archive`."""

    def scratch(self, url: StoreURL) -> AbstractContextManager[Path]:
        return replacing.scratch(_file(url))

    def dump(self, url: StoreURL, copy: Path, progress: Progress) -> None:
        copying.dump(url.path, copy, progress)

    def identity(self, url: StoreURL) -> str:
        return copying.identity(url.path)

    def fits(self, head: bytes, octets: int) -> bool:
        return content.fits(head, octets)

    def read(self, copy: Path, progress: Progress, *, thorough: bool, own: bool = False) -> Content:
        return content.read(copy, progress, thorough=thorough, own=own)

    def newer(self, copy: Path) -> str | None:
        return content.newer(copy)

    def compare(self, url: StoreURL, copy: Path) -> Loss:
        return comparison.compare(url.path, copy)

    def compare_moment(self, url: StoreURL, copy: Path, *, before: int, after: int) -> Astray:
        return comparison.compare_moment(url.path, copy, before, after)

    def url(self, copy: Path) -> StoreURL:
        return parse_store_url(sqlite_url(copy))

    @contextmanager
    def trial(self, url: StoreURL, folder: Path) -> Iterator[StoreURL]:
        copy = folder / "trial.db"
        self.dump(url, copy, silent)
        yield self.url(copy)

    def check_target(self, url: StoreURL, *, replace: bool) -> None:
        replacing.check_target(_file(url), replace=replace)

    def load(self, copy: Path, url: StoreURL, progress: Progress = silent) -> None:
        replacing.load(copy, _file(url))

    def replace(
        self,
        url: StoreURL,
        copy: Path,
        progress: Progress = silent,
        *,
        known: Path | None = None,
        salvage: bool = False,
    ) -> Exchanged:
        return replacing.replace(_file(url), copy, known=known, salvage=salvage)

    def asides(self, url: StoreURL) -> dict[Path, str]:
        return {each: exchange.told(each) for each in exchange.asides(_file(url))}

    def discard(self, aside: Path) -> None:
        exchange.discard(aside)

    def remove(self, url: StoreURL, *, leave_file: bool) -> int:
        return replacing.remove(_file(url), leave_file=leave_file)


def _file(url: StoreURL) -> Path:
    """Return the file itself: a link to a store stays one."""
    return Path(os.path.realpath(url.path))
