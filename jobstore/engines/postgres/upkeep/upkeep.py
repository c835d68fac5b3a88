"""What PostgreSQL offers to those who look after a store; each is done in a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from jobstore.engines.archive import Archive
from jobstore.engines.backend import (
    Condition,
    Footprint,
    HeldLog,
    Library,
    Repaired,
    Vacuumed,
)
from jobstore.engines.postgres.upkeep import inspection, plans, repairing, signs, tidying
from jobstore.moments import in_name
from jobstore.progress import Progress, silent
from jobstore.scratch import synchronise
from jobstore.settings import HealthLimits, StoreURL
from jobstore.verdicts import Check


class PostgresUpkeep:
    """Looking after a database on a server; see :class:`jobstore.engines.backend.Upkeep`.

    ``archive`` makes the copy before a repair.
    """

    repairs = repairing.REPAIRS

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def footprint(self, url: StoreURL) -> Footprint:
        return tidying.footprint(url)

    def damaged_logs(self, url: StoreURL) -> list[tuple[Path, bool]]:
        # The server recovers from its log by itself, or does not start.
        return []

    def held_log(self, url: StoreURL) -> HeldLog:
        # Nobody who reads keeps the server from writing its log back.
        return HeldLog(0, [])

    def library(self, url: StoreURL) -> Library:
        return inspection.library(url)

    def signs(self, url: StoreURL, limits: HealthLimits) -> Mapping[str, Callable[[], Check]]:
        return signs.signs(url, limits)

    def inspect_files(self, url: StoreURL) -> Iterator[Check]:
        return inspection.inspect_server(url)

    def inspect_content(self, url: StoreURL, *, full: bool, rows: bool) -> Iterator[Check]:
        return inspection.inspect_content(url, full=full, rows=rows)

    def repair(
        self,
        url: StoreURL,
        names: Iterable[str],
        *,
        copy: bool = True,
        progress: Callable[[int], object] | None = None,
    ) -> Repaired:
        def keep() -> Path | None:
            if not copy:
                return None
            now = in_name(datetime.now(UTC))
            file = url.path.with_name(f"{url.path.name}.before-repair-{now}.db")
            with self._archive.scratch(url) as folder:
                made = folder / "copy.db"
                self._archive.dump(url, made, silent)
                synchronise(made)
                made.rename(file)
            return file

        return repairing.repair(url, names, keep=keep, progress=progress)

    def locked(self, url: StoreURL, *, patience: float) -> AbstractContextManager[None]:
        return tidying.locked(url, patience)

    def vacuum(
        self, url: StoreURL, *, stop_writers: bool = False, progress: Progress = silent
    ) -> Vacuumed:
        return tidying.vacuum(url, stop_writers=stop_writers, progress=progress)

    def checkpoint(self, url: StoreURL, *, patience: float) -> bool:
        # The server does it by itself.
        return True

    def condition(self, url: StoreURL) -> Condition:
        return tidying.condition(url)

    def count(self, url: StoreURL, name: str) -> int:
        return tidying.count(url, name)

    def plans(self, url: StoreURL) -> dict[str, bool]:
        return plans.plans(url)

    def optimize(self, url: StoreURL, *, patience: float) -> bool:
        return tidying.optimize(url, patience=patience)
