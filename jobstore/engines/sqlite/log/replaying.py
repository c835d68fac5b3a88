"""Replaying pieces onto a copy of a database: page by page, up to the end of a commit.

A frame is a whole page, so what a copy has already may be written again, as long as the replay
goes on beyond the copy's own moment. Each piece ends with a commit; the one in which the replay
ends is read first, to find the last commit before the stamp that is not wanted any more. The copy
has no WAL of its own: its file is written, cut or lengthened to the size that the last commit
gives, and flushed. A replay that is cut off leaves a copy that is worth nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from jobstore.engines.log import Replayed
from jobstore.engines.sqlite.log.pieces import NO_PIECE, Body, Piece, streamed, whole
from jobstore.engines.sqlite.log.stamps import HEAD, MAGIC, of_page
from jobstore.errors import BackupError
from jobstore.files import open_plain
from jobstore.progress import Progress
from jobstore.scratch import disk_errors


def stamp_of(copy: Path) -> int:
    """Do what :meth:`jobstore.engines.log.Log.stamp` says."""
    return of_page(_head(copy))


def replay(
    copy: Path,
    files: Iterable[Path],
    *,
    generation: str,
    after: int,
    until: int | None,
    progress: Progress,
) -> Replayed:
    """Do what :meth:`jobstore.engines.log.Log.replay` says."""
    head = _head(copy)
    own = of_page(head)
    if until is not None and own >= until:
        raise BackupError(
            "The backup was made after the moment that is asked for; take an earlier backup."
        )
    size = int.from_bytes(head[16:18], "big")
    end = _End(own or None, 1 << 16 if size == 1 else size)
    chain = _Chain(generation, after)
    with disk_errors(copy.parent), copy.open("r+b") as target:
        complete = until is None
        for file in files:
            for piece, stream in streamed(file):
                if not chain.continues(piece, file):
                    continue
                if piece.page_size != end.page_size:
                    raise BackupError(f"{file} is of a database with pages of another size.")
                complete = _apply(piece, stream, target, end, until, file) or complete
                progress("replay the log", chain.last - after, 0)
                if until is not None and complete:
                    break
            if until is not None and complete:
                break
        target.flush()
        if end.pages:
            target.truncate(end.pages * end.page_size)
        os.fsync(target.fileno())
    return Replayed(end.stamp, end.commits, end.frames, complete)


class _End:
    """How far a replay is."""

    def __init__(self, stamp: int | None, page_size: int) -> None:
        self.stamp = stamp
        self.page_size = page_size
        self.commits = self.frames = self.pages = 0


class _Chain:
    """Whether pieces follow each other."""

    def __init__(self, generation: str, after: int) -> None:
        self._generation = generation
        self.last = self._after = after
        self._digest: bytes | None = None if after else NO_PIECE

    def continues(self, piece: Piece, file: Path) -> bool:
        """Return whether a piece is the next one; those up to ``after`` are not. BackupError."""
        if piece.generation != self._generation:
            raise BackupError(f"{file} belongs to another generation of the log.")
        if piece.number <= self._after:
            if piece.number == self._after:
                self._digest = piece.digest
            return False
        if piece.number != self.last + 1:
            raise BackupError(
                f"The log has a gap: segment {self.last + 1:,} is missing before {file}."
            )
        if self._digest not in (None, piece.previous):
            raise BackupError(f"{file} does not follow from the segment before it.")
        self.last, self._digest = piece.number, piece.digest
        return True


def _apply(
    piece: Piece, stream: BinaryIO, target: BinaryIO, end: _End, until: int | None, file: Path
) -> bool:
    """Apply a piece, up to ``until``; return whether that was reached in it."""
    wanted, reached = piece.frames, False
    if until is not None and piece.last >= until:
        start = stream.tell()
        wanted, reached = _before(until, piece, stream, end.stamp or 0, file), True
        stream.seek(start)
    for number, frame in enumerate(whole(piece, Body(stream, piece.length), file), start=1):
        # The rest of it is read to see that it is sound.
        if number <= wanted:
            target.seek((frame.page - 1) * piece.page_size)
            target.write(frame.image)
            if frame.page == 1:
                end.stamp = of_page(frame.image) or end.stamp
            end.frames += 1
            if frame.commits:
                end.commits, end.pages = end.commits + 1, frame.pages
    return reached


def _before(until: int, piece: Piece, stream: BinaryIO, stamp: int, file: Path) -> int:
    """Return how many frames of a piece end before the first commit of ``until`` or later."""
    frames = number = 0
    for number, frame in enumerate(whole(piece, Body(stream, piece.length), file), start=1):
        if frame.page == 1:
            stamp = of_page(frame.image) or stamp
        if frame.commits:
            if stamp >= until:
                break
            frames = number
    return frames


def _head(copy: Path) -> bytes:
    with disk_errors(copy.parent), open_plain(copy) as stream:
        head = stream.read(HEAD)
    if len(head) < HEAD or not head.startswith(MAGIC):
        raise BackupError(f"{copy} is no copy of a SQLite store.")
    if Path(f"{copy}-wal").exists() and Path(f"{copy}-wal").stat().st_size:
        raise BackupError(f"{copy} is in use: there is a write-ahead log beside it.")
    return head
