"""Packing pieces once for all places that get the same: that is most of what archiving costs.

Places that keep up ask for the same pieces within moments; the last object that was packed is
kept for them. Who catches up packs alone, so that nobody waits for that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Lock

from jobstore.engines.log import Mark, Segment
from jobstore.operations.archiving.segments import pack
from jobstore.scratch import disk_errors, make_folder, scratch_folder
from jobstore.settings.sections import Settings

# Bytes of pieces that are packed for all at most.
_MOST = 16 * 1024**2


class Packer:
    """Packs pieces of the log of ``store``; for any number of threads, until it is closed."""

    def __init__(self, settings: Settings, store: str) -> None:
        self.store = store
        self._settings = settings
        self._lock = Lock()
        self._stack = ExitStack()
        self._folder: Path | None = None
        self._key: tuple[str, int, int] | None = None
        # How the last piece ended that was packed: what is said of it by the next.
        self._end: tuple[Mark, float, str] | None = None

    def close(self) -> None:
        """Remove what is kept."""
        with self._lock:
            self._key, self._folder = None, None
            self._stack.close()

    def pack(self, pieces: Sequence[Segment], target: Path) -> None:
        """Make ``target`` the object with these pieces. Raises BackupError and StorageFull."""
        if sum(each.octets for each in pieces) > _MOST:
            self._pack(pieces, target)
            return
        key = (pieces[0].generation, pieces[0].number, pieces[-1].number)
        with self._lock, disk_errors(target.parent):
            file = self._kept()
            if self._key != key:
                self._key = None
                file.unlink(missing_ok=True)
                self._pack(pieces, file)
                self._key = key
            try:
                os.link(file, target)
            except OSError:
                # It stands on another file system.
                shutil.copyfile(file, target)

    def _kept(self) -> Path:
        if self._folder is None:
            folder = self._settings.state_folder
            make_folder(folder)
            self._folder = self._stack.enter_context(scratch_folder(folder))
        return self._folder / "packed"

    def _pack(self, pieces: Sequence[Segment], target: Path) -> None:
        first, last = pieces[0], pieces[-1]
        since, previous, end = None, None, self._end
        if end is not None and end[0] == Mark(first.generation, first.number - 1):
            _, since, previous = end
        section = self._settings.backup
        shipped = pack(
            pieces, target, section=section, store=self.store, since=since, previous=previous
        )
        self._end = Mark(last.generation, last.number), last.captured_at, shipped.digest
