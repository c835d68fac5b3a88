"""Keeping what was committed: from the write-ahead log into pieces; gaps are noticed here.

Everything here is called with the lock of the spool held. The lock of writers is not needed, since
nobody writes the WAL back, and so nobody begins it anew, without the lock of the spool. The
database's own file is never opened: closing it would take from this process the locks of its
connections (https://sqlite.org/howtocorrupt.html, section 2.2).

What is kept follows without a gap as long as the WAL still has, where the last piece ended, the
running sums that stood there. A WAL with other salts follows where everything up to there had been
written back and nobody else has changed the database since: whoever writes it back leaves its size
and the time of its last change in the record.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jobstore import files
from jobstore.engines.log import Mark
from jobstore.engines.sqlite.log.pieces import LENGTH, Body, Piece
from jobstore.engines.sqlite.log.positions import (
    NOWHERE,
    Position,
    Scan,
    offset,
    read_header,
    scan,
)
from jobstore.engines.sqlite.log.spool import Spool, State
from jobstore.engines.sqlite.wal import FRAME, Header
from jobstore.errors import StorageFull, StoreUnavailable
from jobstore.scratch import reserve

_log = logging.getLogger("jobstore.sqlite")

USUAL_LIMIT = 1024 * 1024 * 1024
"""Bytes of the spool where its record is lost."""

# Bytes that are copied at a time.
_CHUNK = 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

NOT_KEPT = "The log of {} is not kept; set archive.enabled, or stop asking for it."
"""What is said where there is no spool."""

# Why a generation ends.
REPLACED = "another database file has taken the place of the one whose log was kept"
MEDDLED = (
    "the write-ahead log was written back without being kept: by another program, by a process "
    "that was killed at that moment, or since the spool could not be used"
)
TAKEN_BACK = "the disk has lost commits that were kept already, as a power cut may do"
CLOCK = "the clock was set back"
FULL = "the disk of the spool was nearly full; what was not shipped from it was dropped"
LIMIT = "the spool reached its limit; what was not shipped from it was dropped"
LOST = "segment {:,} in the spool is missing or damaged"
GONE = "the spool was removed"
RECORD = "the record of the spool was lost or damaged"

# Up to where this process has found the WALs of databases sound.
_seen: dict[Path, Position] = {}


def begin(spool: Spool, *, limit: int, wait: bool, broken: str | None) -> State:
    """Begin a generation at the last commit that the WAL has now. Raises OSError."""
    try:
        database = spool.database.stat()
    except FileNotFoundError:
        raise StoreUnavailable(f"There is no database file at {spool.database}.") from None
    position, stamp = NOWHERE, 0
    written: tuple[int, int] | None = (database.st_size, database.st_mtime_ns)
    with _opened(spool) as (wal, head):
        if wal is not None and head is not None:
            position, stamp = Position(head.salts, 0, head.sums), 0
            # Stamps that go down do not matter before it begins.
            while (found := scan(wal, head, position, stamp, None)) is not None:
                position, stamp = found.end, 0 if found.back else found.stamp
                if not found.back:
                    break
            if position.frame:
                written = None
    state = State(
        secrets.token_hex(8), database.st_ino, position, stamp, written, broken, limit, wait
    )
    state.octets = sum(each.octets for each in spool.segments())
    spool.save(state)
    if broken is not None:
        _log.warning("%s: a new generation of the log begins: %s", spool.database, broken)
    return state


def capture(spool: Spool) -> State:
    """Keep what was committed, and return the record: of a new generation where there is a gap.

    A full disk and a spool beyond its limit end the generation as well. Raises StorageFull when
    not even the record of that has room, and StoreUnavailable, also where no log is kept.
    """
    began = time.time()
    if not spool.is_there:
        raise StoreUnavailable(NOT_KEPT.format(spool.database))
    try:
        state = spool.load()
        if state is None:
            return begin(spool, limit=USUAL_LIMIT, wait=False, broken=RECORD)
        try:
            spool.sweep(state)
            state = _captured(spool, state, began)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            spool.drop()
            state = _ended(spool, state, FULL)
        spool.looked(began)
        return state
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"No space is left in {spool.folder}; free some, or stop keeping the log."
            ) from error
        raise StoreUnavailable(
            f"The log cannot be kept in {spool.folder} ({error.strerror}); give this account "
            "access to it."
        ) from error


def _captured(spool: Spool, state: State, began: float) -> State:
    gone = spool.missing(state)
    if gone is not None:
        return _ended(spool, state, LOST.format(gone))
    with _opened(spool) as (wal, head):
        while True:
            why = _followed(spool, state, wal, head, began)
            # Others may begin it anew at any moment, once it is kept and written back.
            again = None if wal is None else read_header(wal)
            if why is None or again == head:
                return state if why is None else _ended(spool, state, why)
            head = again


def _followed(
    spool: Spool, state: State, wal: BinaryIO | None, head: Header | None, began: float
) -> str | None:
    """Keep what follows from the last piece; say why that is not possible where it is not."""
    # After the header was read: what was written back before that is seen.
    try:
        database = spool.database.stat()
    except FileNotFoundError:
        raise StoreUnavailable(f"There is no database file at {spool.database}.") from None
    if database.st_ino != state.inode:
        return REPLACED
    start = state.position
    changed = state.written != (database.st_size, database.st_mtime_ns)
    if wal is None or head is None:
        return MEDDLED if changed else None
    if head.salts != start.salts:
        if changed:
            return MEDDLED
        start = Position(head.salts, 0, head.sums)
    found = scan(wal, head, start, state.stamp, _seen.get(spool.database))
    if found is None:
        return TAKEN_BACK
    if found.end != start:
        octets = LENGTH + offset(head, found.end.frame) - offset(head, start.frame)
        if (too_much := _too_much(spool, state, octets)) is not None:
            spool.drop()
            return too_much
        if not _keep(spool, state, wal, head, start, found, began):
            return TAKEN_BACK
    _seen[spool.database] = found.end
    return CLOCK if found.back else None


def _too_much(spool: Spool, state: State, octets: int) -> str | None:
    """Say why a spool must not grow by so many bytes, if it must not.

    It may not take the room that those who write to the store need, unless it is small itself.
    """
    taken = state.octets
    if taken + octets > state.limit:
        return LIMIT
    disk = shutil.disk_usage(spool.folder)
    left = reserve(disk.total)
    return FULL if taken + octets > max(taken + disk.free - left, left // 4) else None


def _ended(spool: Spool, state: State, why: str) -> State:
    _seen.pop(spool.database, None)
    return begin(spool, limit=state.limit, wait=state.wait, broken=why)


def _keep(
    spool: Spool,
    state: State,
    wal: BinaryIO,
    head: Header,
    start: Position,
    found: Scan,
    began: float,
) -> bool:
    """Make the next piece and record it; False where the WAL was overwritten meanwhile."""
    count = found.end.frame - start.frame
    number = state.segment + 1
    octets = count * (FRAME.size + head.page_size)
    piece = Piece(
        *(state.generation, number, head.page_size, count, head.salts, start.sums, head.swapped),
        *(began, found.stamp, bytes.fromhex(state.previous), b""),
    )
    unfinished = spool.folder / "piece.part"
    with files.create(unfinished) as target:
        target.seek(LENGTH)
        wal.seek(offset(head, start.frame))
        body = Body(wal, octets, target)
        while body.read(_CHUNK):
            pass
        # Frames that were found sound are not overwritten before the header is.
        if body.left or read_header(wal) != head:
            unfinished.unlink()
            return False
        piece = piece._replace(body=body.digest())
        target.seek(0)
        target.write(piece.pack())
        target.flush()
        os.fsync(target.fileno())
    unfinished.rename(spool.piece(state.generation, number))
    state.segment, state.previous = number, piece.digest.hex()
    state.octets += piece.octets
    state.position, state.stamp, state.written = found.end, found.stamp, None
    spool.save(state)
    return True


@contextmanager
def _opened(spool: Spool) -> Iterator[tuple[BinaryIO | None, Header | None]]:
    """Give the WAL and its header, ``None`` where there is none."""
    try:
        wal = spool.wal.open("rb")
    except FileNotFoundError:
        yield None, None
        return
    with wal:
        yield wal, read_header(wal)


def release(spool: Spool, mark: Mark) -> None:
    """Remove the pieces up to ``mark``, and those of earlier generations. Raises OSError.

    The record says so first: a piece that it counts as gone may still be there.
    """
    state = spool.load()
    if state is None:
        return
    segments = spool.segments()
    if mark.generation == state.generation:
        state.released = max(state.released, min(mark.segment, state.segment))
        earlier = {each.generation for each in segments} - {mark.generation}
    else:
        order = list(dict.fromkeys(each.generation for each in segments))
        if mark.generation not in order:
            return
        earlier = set(order[: order.index(mark.generation)])
    gone, left = [], 0
    for each in segments:
        ours = each.generation == mark.generation and each.number <= mark.segment
        if ours or each.generation in earlier:
            gone.append(each.path)
        else:
            left += each.octets
    if gone:
        state.octets = left
        spool.save(state)
        for path in gone:
            path.unlink(missing_ok=True)
