"""The spool: the folder beside a database that holds pieces, and the record of where they end.

What is in it, and how it is written; what is put in belongs to :mod:`.capturing`. All paths are
those of the real file, since a link to a store has its WAL where it leads.

Order of writing, so that a kill or a power cut at any moment leaves a chain or a noticed gap:

1. a piece is written under a name of its own, flushed to the disk, and gets its name;
2. the record (``state``) is written beside the old one, flushed, and takes its place;
3. the folder is flushed. Only now may the WAL be written back, and begun anew by others.

A piece that the record does not know was cut off before 2, and is made again. A record that names
a piece which is not there, or a WAL that does not lead on from it, is a gap.

The spool has a lock of its own, beside it; whoever takes the lock for writers too takes that first.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from jobstore import files
from jobstore.engines.log import Mark, Segment
from jobstore.engines.sqlite.log import pieces
from jobstore.engines.sqlite.log.positions import Pair, Position
from jobstore.locking import FileLock

_STATE, _SHIPPED = "state", "shipped"
_PIECE = ".piece"
_BUSY = (
    "Another process keeps the log of the store, and does not end; see what it does, or stop it."
)


@dataclass(slots=True)
class State:
    """Where the pieces end, and what tells whether what follows follows from that.

    ``segment`` is the last piece of ``generation``, and ``previous`` its digest; those up to
    ``released`` are gone. ``position`` is where it ends, in the WAL of the database with this
    ``inode``; ``stamp`` is the last one. ``written``, once everything up to there is in the
    database: its size and the time of its last change, in ns. ``settled``, ``broken``, ``limit``
    and ``wait``: see :mod:`jobstore.engines.log`.
    """

    generation: str
    inode: int
    position: Position
    stamp: int
    written: Pair | None
    broken: str | None
    limit: int
    wait: bool
    segment: int = 0
    previous: str = pieces.NO_PIECE.hex()
    released: int = 0

    @property
    def mark(self) -> Mark:
        """The newest place."""
        return Mark(self.generation, self.segment)


class Spool:
    """The spool of the database at ``path``, whether it is there or not."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.database = Path(os.path.realpath(path))
        self.wal = Path(f"{self.database}-wal")
        self.folder = Path(f"{self.database}-spool")
        self._state = self.folder / _STATE

    def lock(self, patience: float) -> FileLock:
        """Return the lock that whoever changes the spool holds."""
        return FileLock(self.folder, patience, lambda: _BUSY)

    @property
    def is_there(self) -> bool:
        """Whether a log is kept; one that this account may not see is, too."""
        try:
            return self._state.exists()
        except OSError:
            return True

    def load(self) -> State | None:
        """Return the record; ``None`` where there is none that can be read."""
        try:
            told = json.loads(self._state.read_bytes())
            salts, frame, sums = told.pop("position")
            written = told.pop("written")
            return State(
                **told,
                position=Position(_pair(salts), frame, _pair(sums)),
                written=written and _pair(written),
            )
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def save(self, state: State) -> None:
        """Make this the record, safely on disk. Raises OSError."""
        self._write(_STATE, json.dumps(asdict(state)).encode(), safely=True)
        files.synchronise(self.folder)

    def make(self) -> None:
        """Make the folder. Raises OSError."""
        files.make_folder(self.folder)

    def remove(self) -> None:
        """Remove all of it; the record first, which says that a log is kept. Raises OSError."""
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def piece(self, generation: str, number: int) -> Path:
        """Return where a piece stands."""
        return self.folder / f"{generation}-{number:010}{_PIECE}"

    def segments(self) -> list[Segment]:
        """Return the pieces that are there and can be read, oldest first."""
        found = []
        for path in self._pieces():
            with suppress(OSError):
                if (head := _header(path)) is not None:
                    last = head.last or None
                    key = (head.generation, head.number, path, head.octets)
                    found.append(Segment(*key, head.captured_at, last))
        began: dict[str, float] = {}
        for each in found:
            known = began.get(each.generation, each.captured_at)
            began[each.generation] = min(known, each.captured_at)
        return sorted(found, key=lambda each: (began[each.generation], each[:2]))

    def missing(self, state: State) -> int | None:
        """Return the number of a piece that is gone, cut off or damaged at its head."""
        there = {
            each.number
            for each in self.segments()
            if each.generation == state.generation and each.octets == _size(each.path)
        }
        wanted = range(state.released + 1, state.segment + 1)
        return next((number for number in wanted if number not in there), None)

    def sweep(self, state: State) -> None:
        """Remove what a process left that was killed before the record knew it."""
        self._cut_off()
        self.piece(state.generation, state.segment + 1).unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove all pieces."""
        self._cut_off()
        for path in self._pieces():
            path.unlink(missing_ok=True)

    @property
    def shipped(self) -> Mark | None:
        """What was shipped, as far as is known: a hint that need not outlive a power cut."""
        try:
            generation, segment = json.loads((self.folder / _SHIPPED).read_bytes())
            return Mark(str(generation), int(segment))
        except (OSError, ValueError, TypeError):
            return None

    @shipped.setter
    def shipped(self, mark: Mark) -> None:
        self._write(_SHIPPED, json.dumps(mark).encode(), safely=False)

    def looked(self) -> None:
        """Remember that what was committed by now is kept."""
        os.utime(f"{self.folder}.lock")

    @property
    def looked_at(self) -> float:
        """When that was last so, in Unix time; 0 where it never was."""
        with suppress(OSError):
            return Path(f"{self.folder}.lock").stat().st_mtime
        return 0.0

    def _cut_off(self) -> None:
        for path in self.folder.glob("*.part"):
            path.unlink(missing_ok=True)

    def _pieces(self) -> Iterator[Path]:
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            yield from [Path(each.path) for each in entries if each.name.endswith(_PIECE)]

    def _write(self, name: str, data: bytes, *, safely: bool) -> None:
        unfinished = self.folder / f"{name}.part"
        unfinished.unlink(missing_ok=True)
        with files.create(unfinished) as stream:
            stream.write(data)
            stream.flush()
            if safely:
                os.fsync(stream.fileno())
        unfinished.replace(self.folder / name)


@lru_cache(maxsize=65536)
def _header(path: Path) -> pieces.Piece | None:
    with files.open_plain(path) as stream:
        return pieces.unpack(stream.read(pieces.LENGTH))


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return -1


def _pair(values: list[int]) -> Pair:
    first, second = values
    return int(first), int(second)
