"""Whether what was committed in a write-ahead log lies behind damage; a copy is kept then.

After a crash SQLite reads the WAL up to the first frame whose checksum is wrong, and drops the
rest without a word. That is right for what a crash tore off, and wrong for what was committed
and damaged later. The two are told apart here by what follows: a frame that has the salts of the
header belongs to this WAL and to none before it. Files are only read and copied.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from glob import escape
from itertools import count
from pathlib import Path
from typing import BinaryIO, NamedTuple

from jobstore.engines.sqlite.wal import FRAME, HEADER, frames, header, is_open
from jobstore.errors import StoreUnavailable
from jobstore.files import OUT_OF_FILES, create, lacks_files, synchronise
from jobstore.moments import in_name

_log = logging.getLogger("jobstore.sqlite")

# Bytes that are copied at a time.
_CHUNK = 4 * 1024 * 1024
# The most looks at a WAL that may be written to meanwhile, until two of them agree.
_LOOKS = 5
# What the names of copies have between that of the WAL and the time: where something that was
# acknowledged is lost, and where that is not certain.
_LOST, _TORN = ".damaged-", ".torn-"


class Damage(NamedTuple):
    """Where a WAL is damaged: the number of the frame, from 1, or 0 for the header.

    ``kept`` transactions come before it, ``lost`` are dropped when the WAL is recovered.
    ``overwritten``: what is dropped looks like the ends of transactions that others wrote over.
    """

    frame: int
    kept: int
    lost: int
    overwritten: bool = False

    @property
    def certain(self) -> bool:
        """Whether it is certain that something acknowledged is lost.

        The next transaction is written when the disk has kept the one before. A single one may
        have been torn when the power went, and then nobody was told that it is stored. Nor was
        anybody when a process was killed before its transaction took effect: the next one is
        written over it, and where that is shorter, the end of the first stays behind it.
        """
        return self.frame == 0 or (self.lost > 1 and not self.overwritten)

    def __str__(self) -> str:
        if self.frame == 0:
            return "its header is damaged, so that nothing in it can be read"
        doubt = "" if self.certain else ", unless it was being written at a kill or a power cut"
        return (
            f"frame {self.frame:,} is damaged, so that {self.lost:,} of its "
            f"{self.kept + self.lost:,} transactions are lost{doubt}"
        )


def damage(wal: BinaryIO) -> Damage | None:
    """Return how a WAL is damaged, or ``None`` where nothing that was committed is dropped.

    A tail that a crash tore off, and frames that an earlier WAL left behind, are no damage.
    """
    head = wal.read(HEADER.size)
    if len(head) < HEADER.size or not any(head):
        return None
    told = header(head)
    if told is None:
        return Damage(0, 0, 0) if wal.read(FRAME.size) else None
    broken = kept = lost = behind = 0
    overwritten = committed = True
    for number, frame in enumerate(frames(wal, told, told.sums), start=1):
        ours = frame.salts == told.salts
        linked = frame.off == (0, 0)
        if not broken and ours and frame.page and linked:
            kept += frame.commits
        elif not broken:
            broken, lost = number, frame.commits
            overwritten = ours and committed and not _is_one_bit(frame.off, told.page_size)
        elif ours:
            behind += frame.commits
            overwritten = overwritten and (linked or committed)
        committed = frame.commits
    return Damage(broken, kept, lost + behind, overwritten) if behind else None


def _is_one_bit(off: tuple[int, int], size: int) -> bool:
    """Whether one bit that flipped in a frame explains how far its sums are off.

    A bit changes a word by a power of two. Each later pair of words takes what that changed in
    both sums from ``(a, b)`` to ``(a + b, a + 2 * b)``; the way back is gone here.
    """
    first, second = off
    if second == 0 and _is_power(first):
        # The sum that stands there flipped.
        return True
    for _ in range(1 + size // 8):
        if first in (0, second) and _is_power(second):
            return True
        first, second = 2 * first - second & 0xFFFFFFFF, second - first & 0xFFFFFFFF
    return False


def _is_power(change: int) -> bool:
    """Whether a change of 32 bits, up or down, is that of a single one."""
    return change.bit_count() == 1 or (-change & 0xFFFFFFFF).bit_count() == 1


def examine(path: Path) -> Damage | None:
    """Return how the WAL of the database at ``path`` is damaged, if it is.

    Others may be writing to it, so damage counts only when it is seen twice in a row. Raises
    OSError when the WAL cannot be read.
    """
    found: Damage | None = None
    for _ in range(_LOOKS):
        try:
            with Path(f"{path}-wal").open("rb") as wal:
                again = damage(wal)
        except FileNotFoundError:
            return None
        if again is None or again == found:
            return again
        found = again
    return None


def keep(path: Path, found: Damage) -> Path:
    """Copy the WAL of the database at ``path`` beside it, for its owner alone; return the copy.

    The copy's name says whether a loss is certain. The same WAL is not copied twice. Raises
    OSError.
    """
    with Path(f"{path}-wal").open("rb") as wal:
        state, head = os.fstat(wal.fileno()), wal.read(HEADER.size)
        for each, _ in kept(path):
            with each.open("rb") as copied:
                # No other WAL ever has these salts.
                if each.stat().st_size == state.st_size and copied.read(HEADER.size) == head:
                    return each
        kind = _LOST if found.certain else _TORN
        name = f"{path}-wal{kind}{in_name(datetime.now(UTC))}"
        for number in count(1):
            copy = Path(name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError), create(copy) as target:
                try:
                    target.write(head)
                    shutil.copyfileobj(wal, target, _CHUNK)
                    target.flush()
                    os.fsync(target.fileno())
                except BaseException:
                    copy.unlink()
                    raise
                break
    synchronise(copy.parent)
    return copy


def kept(path: Path) -> list[tuple[Path, bool]]:
    """Return the copies of damaged WALs of the database at ``path``, and which are certain."""
    return [
        (each, kind == _LOST)
        for kind in (_LOST, _TORN)
        for each in sorted(path.parent.glob(f"{escape(path.name)}-wal{kind}*"))
    ]


def keep_if_damaged(path: Path) -> None:
    """Keep a copy of a damaged WAL before a connection recovers it, and log a warning.

    To be called before the database is opened; does nothing while another process or connection
    has it open, since nothing is recovered then. Raises StoreUnavailable when there is damage
    and no copy can be made.
    """
    path = path.resolve()
    try:
        if Path(f"{path}-wal").stat().st_size <= HEADER.size + FRAME.size or is_open(path):
            return
        found = examine(path)
        if found is None:
            return
        copy = keep(path, found)
    except FileNotFoundError:
        return
    except OSError as error:
        if lacks_files(error):
            raise StoreUnavailable(OUT_OF_FILES) from error
        raise StoreUnavailable(
            f"{path}-wal cannot be read or copied ({error.strerror}), and may be damaged. Nothing "
            "was opened, since that would empty it; move it aside with the database, or free "
            "some space."
        ) from error
    _log.warning("%s-wal: %s; it was copied to %s", path, found, copy)
