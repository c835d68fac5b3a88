"""A store with a history that is kept in the log, made without waiting for any archiver."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jobstore
from jobstore.engines import archive_of, log_of
from jobstore.engines.log import Mark
from jobstore.operations.archiving import segments
from jobstore.operations.backup.catalog import open_places
from jobstore.operations.backup.manifest import Manifest
from jobstore.scratch import make_folder
from jobstore.settings.sections import Settings
from tests.engines.harness import SQLITE
from tests.fixtures.postings import posting
from tests.operations.backups import content, make

LIMIT = 64 * 1024**2


def path_from(names: list[segments.Name], generation: str, after: int) -> list[segments.Name]:
    """Return objects that lead on from piece ``after`` without a gap, as far as any do."""
    found: list[segments.Name] = []
    while fitting := [
        each
        for each in names
        if each.generation == generation and each.first <= after + 1 <= each.last
    ]:
        found.append(max(fitting, key=lambda each: each.last))
        after = found[-1].last
    return found


@dataclass
class History:
    """What was written and when.

    ``states`` has the content of the store at moments, ``moments`` some of these by name.
    """

    settings: Settings
    states: dict[int, list[tuple[Any, ...]]] = field(default_factory=dict)
    moments: dict[str, int] = field(default_factory=dict)
    shipped: Mark = field(default_factory=lambda: Mark("", 0))
    digest: str | None = None

    @property
    def path(self) -> Path:
        return self.settings.store.address.path

    @property
    def url(self) -> str:
        return self.settings.store.url

    def begin(self) -> None:
        """Make the store and keep its log."""
        SQLITE.make(self.path)
        log_of(self.settings.store.address).start(
            self.settings.store.address, limit=LIMIT, wait=False
        )

    def write(self, *numbers: int | str, name: str | None = None) -> int:
        """Store postings; returns the next whole second, and comes back when it has begun.

        Whether anything was written since is only known from what is written later.
        """

        async def storing() -> None:
            async with jobstore.connect(self.url) as store:
                await store.upsert_many(posting(number) for number in numbers)

        asyncio.run(storing())
        return self.moment(name)

    def moment(self, name: str | None = None) -> int:
        """Return the next whole second, and come back when it has begun; it may get a name."""
        second = math.floor(time.time()) + 1
        if name is not None:
            self.moments[name] = second
        self.states[second] = content(self.path, mode="ro")
        while time.time() < second:
            time.sleep(0.01)
        return second

    def ship(self, *, places: tuple[int, ...] = (0,)) -> list[str]:
        """Bring what was not shipped to places, by their number in the settings: one object."""
        address = self.settings.store.address
        log = log_of(address)
        mark = log.capture(address)
        kept = log.kept(address)
        assert kept is not None
        if self.shipped.generation != mark.generation:
            # What is left of an earlier generation goes first.
            self._pack(
                [
                    e
                    for e in kept.segments
                    if e.generation == self.shipped.generation and e.number > self.shipped.segment
                ],
                places,
            )
            self.shipped, self.digest = Mark(mark.generation, 0), None
        made = self._pack(
            [
                each
                for each in kept.segments
                if each.generation == mark.generation and each.number > self.shipped.segment
            ],
            places,
        )
        self.shipped = mark
        return made

    def _pack(self, pieces: list[Any], places: tuple[int, ...]) -> list[str]:
        if not pieces:
            return []
        address = self.settings.store.address
        folder = self.path.with_name("packing")
        make_folder(folder)
        file = segments.name_of(
            address.path.stem, pieces[0].generation, pieces[0].number, pieces[-1].number
        )
        shipped = segments.pack(
            pieces,
            folder / file,
            section=self.settings.backup,
            store=archive_of(address).identity(address),
            previous=self.digest,
        )
        self.digest = shipped.digest
        for number in places:
            below = open_places(self.settings)[number].below(segments.FOLDER)
            make_folder(Path(below.name))
            below.upload(file, folder / file, lambda *_: None)
        (folder / file).unlink(missing_ok=True)
        folder.rmdir()
        return [file]

    def back_up(self, reason: str = "manual") -> Manifest:
        """Back up."""
        return make(self.settings, reason)

    def disturb(self) -> None:
        """Let another program write the WAL back and restart it, so that a generation ends."""
        with closing(sqlite3.connect(self.path)) as conn:
            conn.execute("CREATE TABLE disturbance (number INTEGER)")
            conn.execute("DROP TABLE disturbance")
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
