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
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from jobstore import files
from jobstore.engines.log import Mark, Segment
from jobstore.engines.sqlite.log import pieces
from jobstore.engines.sqlite.log.positions import Pair, Position
from jobstore.locking import FileLock

_STATE, _SHIPPED = "state", "shipped"
_PIECE = ".piece"
_REMEMBERED = 65536
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
    octets: int = 0

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
        self._folder = str(self.folder)
        self._state = self.folder / _STATE

    def lock(self, patience: float) -> FileLock:
        """Return the lock that whoever changes the spool holds."""
        return FileLock(self.folder, patience, lambda: _BUSY)

    @property
    def is_there(self) -> bool:
        """Whether a log is kept; one that this account may not see is, too."""
        try:
            self._state.stat()
        except OSError as error:
            return not isinstance(error, FileNotFoundError | NotADirectoryError)
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
        """Remove all of it, with its lock held; the record first, which says that a log is kept.

        Raises OSError.
        """
        # First, or it would look as if it was lost.
        self.looked(0.0)
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def is_lost(self) -> bool:
        """Whether there was one, and somebody has removed it by hand."""
        return not self.is_there and self.looked_at > 0

    def piece(self, generation: str, number: int) -> Path:
        """Return where a piece stands."""
        return Path(self.piece_name(generation, number))

    def piece_name(self, generation: str, number: int) -> str:
        """Return the same as a text: there may be thousands."""
        return f"{self._folder}/{generation}-{number:010}{_PIECE}"

    def segments(self) -> list[Segment]:
        """Return the pieces that are there and can be read, oldest first."""
        found = [each for path in self._pieces() if (each := _segment(path)) is not None]
        began: dict[str, float] = {}
        for each in found:
            known = began.get(each.generation, each.captured_at)
            began[each.generation] = min(known, each.captured_at)
        return sorted(
            found, key=lambda each: (began[each.generation], each.generation, each.number)
        )

    def missing(self, state: State) -> int | None:
        """Return the number of a piece that is gone, or that this process has found cut off."""
        there = set(self._pieces())
        for number in range(state.released + 1, state.segment + 1):
            path = self.piece_name(state.generation, number)
            if path not in there or _segment(path) is None:
                return number
        return None

    def sweep(self, state: State) -> None:
        """Remove what a process left that was killed before the record knew it."""
        self._cut_off()
        self.piece(state.generation, state.segment + 1).unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove all pieces."""
        self._cut_off()
        for path in self._pieces():
            Path(path).unlink(missing_ok=True)

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

    def looked(self, began: float) -> None:
        """Remember that what was committed before that Unix time is kept."""
        # As exactly as pieces tell it.
        nanoseconds = round(began * 1e6) * 1000
        os.utime(f"{self.folder}.lock", ns=(nanoseconds, nanoseconds))

    @property
    def looked_at(self) -> float:
        """The Unix time before which all is kept; 0 where it never was."""
        with suppress(OSError):
            return Path(f"{self.folder}.lock").stat().st_mtime_ns / 10**9
        return 0.0

    def _cut_off(self) -> None:
        for path in self.folder.glob("*.part"):
            path.unlink(missing_ok=True)

    def _pieces(self) -> list[str]:
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            return [each.path for each in entries if each.name.endswith(_PIECE)]
        return []

    def _write(self, name: str, data: bytes, *, safely: bool) -> None:
        unfinished = self.folder / f"{name}.part"
        unfinished.unlink(missing_ok=True)
        with files.create(unfinished) as stream:
            stream.write(data)
            stream.flush()
            if safely:
                os.fsync(stream.fileno())
        unfinished.replace(self.folder / name)


# What was found of the pieces, which never change; there is one a second where a place is away.
_segments: dict[str, Segment] = {}


def _segment(path: str) -> Segment | None:
    """Return what a piece holds; ``None`` where it is gone, cut off, or its head is damaged."""
    known = _segments.get(path)
    if known is not None:
        return known
    with suppress(OSError), files.open_plain(Path(path)) as stream:
        head = pieces.unpack(stream.read(pieces.LENGTH))
        if head is None or os.fstat(stream.fileno()).st_size != head.octets:
            return None
        if len(_segments) >= _REMEMBERED:
            _segments.clear()
        _segments[path] = known = Segment(
            *(head.generation, head.number, Path(path), head.octets),
            *(head.captured_at, head.last or None),
        )
    return known


def _pair(values: list[int]) -> Pair:
    first, second = values
    return int(first), int(second)
