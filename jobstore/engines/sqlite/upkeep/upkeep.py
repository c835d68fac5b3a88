"""What SQLite offers to those who look after a store; each is done in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from jobstore.engines.backend import (
    Condition,
    Footprint,
    HeldLog,
    Library,
    Repaired,
    Vacuumed,
)
from jobstore.engines.sqlite import damaged_wal, wal_index
from jobstore.engines.sqlite.library import library
from jobstore.engines.sqlite.upkeep import (
    comparison,
    inspection,
    plans,
    repairing,
    tidying,
    vacuuming,
)
from jobstore.progress import Progress, silent
from jobstore.settings import HealthLimits, StoreURL
from jobstore.verdicts import Check


class SQLiteUpkeep:
    """Looking after a database in one file; see :class:`jobstore.engines.backend.Upkeep`."""

    repairs = repairing.REPAIRS

    def footprint(self, url: StoreURL) -> Footprint:
        return inspection.footprint(url.path)

    def damaged_logs(self, url: StoreURL) -> list[tuple[Path, bool]]:
        return damaged_wal.kept(url.path.resolve())

    def held_log(self, url: StoreURL) -> HeldLog:
        return wal_index.held(url.path)

    def library(self, url: StoreURL) -> Library:
        return library()

    def signs(self, url: StoreURL, limits: HealthLimits) -> Mapping[str, Callable[[], Check]]:
        # Its files and their disk are looked at.
        return {}

    def inspect_files(self, url: StoreURL) -> Iterator[Check]:
        yield inspection.inspect_library()
        yield from inspection.inspect_files(url.path)

    def inspect_content(self, url: StoreURL, *, full: bool, rows: bool) -> Iterator[Check]:
        return inspection.inspect_content(url.path, full=full, rows=rows)

    def repair(
        self,
        url: StoreURL,
        names: Iterable[str],
        *,
        copy: bool = True,
        progress: Callable[[int], object] | None = None,
    ) -> Repaired:
        return repairing.repair(url.path, names, copy=copy, progress=progress)

    def locked(self, url: StoreURL, *, patience: float) -> AbstractContextManager[None]:
        return tidying.locked(url.path, patience)

    def vacuum(
        self, url: StoreURL, *, stop_writers: bool = False, progress: Progress = silent
    ) -> Vacuumed:
        return vacuuming.vacuum(url.path, stop_writers=stop_writers, progress=progress)

    def checkpoint(self, url: StoreURL, *, patience: float) -> bool:
        return tidying.checkpoint(url.path, patience=patience)

    def condition(self, url: StoreURL) -> Condition:
        return comparison.condition(url.path)

    def count(self, url: StoreURL, name: str) -> int:
        return comparison.count_in(url.path, name)

    def plans(self, url: StoreURL) -> dict[str, bool]:
        return plans.plans(url.path)

    def optimize(self, url: StoreURL, *, patience: float) -> bool:
        tidying.optimize(url.path, patience=patience)
        return tidying.merge(url.path, patience=patience)
