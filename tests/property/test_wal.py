"""What is said of a WAL agrees with what SQLite recovers from it, wherever it is damaged."""

from __future__ import annotations

import io
import sqlite3
import struct
import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstore.engines.sqlite.damaged_wal import Damage, damage

COMMITS = 40


class Made(NamedTuple):
    """A database, its WAL of so many transactions, and where frames of an earlier WAL begin."""

    database: bytes
    wal: bytes
    page: int
    old: int


def _made(page: int, *, reset: bool) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as conn:
            conn.execute(f"PRAGMA page_size = {page}")
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("PRAGMA wal_autocheckpoint = 0")
            conn.execute("CREATE TABLE row (number, text)")
            for _ in range(2 * COMMITS if reset else 0):
                conn.execute("INSERT INTO row VALUES (-1, hex(randomblob(2000)))")
            conn.execute("DELETE FROM row")
            conn.execute(f"PRAGMA wal_checkpoint({'RESTART' if reset else 'TRUNCATE'})")
            for number in range(COMMITS):
                conn.execute("INSERT INTO row VALUES (?, hex(randomblob(1000)))", (number,))
            wal = Path(f"{path}-wal").read_bytes()
            salts, length = wal[16:24], page + 24
            frames = range(32, len(wal), length)
            old = next((at for at in frames if wal[at + 8 : at + 16] != salts), len(wal))
            return Made(path.read_bytes(), wal, page, old)


def _other_order(wal: bytes, page: int) -> bytes:
    """The same WAL as a machine of the other byte order would have written it."""
    magic = int.from_bytes(wal[:4], "big") ^ 1
    order = struct.Struct(">2I" if magic & 1 else "<2I")

    def sums(data: bytes, first: int, second: int) -> tuple[int, int]:
        for one, two in order.iter_unpack(data):
            first = (first + one + second) % 2**32
            second = (second + two + first) % 2**32
        return first, second

    head = magic.to_bytes(4, "big") + wal[4:24]
    told = sums(head, 0, 0)
    out = [head, struct.pack(">2I", *told)]
    for at in range(32, len(wal), page + 24):
        start, text = wal[at : at + 16], wal[at + 24 : at + 24 + page]
        if start[8:] == wal[16:24]:
            told = sums(start[:8] + text, *told)
        out += [start, struct.pack(">2I", *told), text]
    return b"".join(out)


_PLAIN = _made(512, reset=False)
_RESET = _made(2048, reset=True)
_LARGE = _made(65536, reset=False)
_SWAPPED = _PLAIN._replace(wal=_other_order(_PLAIN.wal, _PLAIN.page))
ANYWHERE = st.floats(0, 1, exclude_max=True)
MADE = {"plain": _PLAIN, "reset": _RESET, "large": _LARGE, "swapped": _SWAPPED}


def _recovered(made: Made, wal: bytes) -> int:
    """How many transactions SQLite finds, all of which came one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        path.write_bytes(made.database)
        Path(f"{path}-wal").write_bytes(wal)
        with closing(sqlite3.connect(path)) as conn:
            numbers = [row[0] for row in conn.execute("SELECT r.number FROM row AS r ORDER BY 1")]
    assert numbers == [*range(len(numbers))]
    return len(numbers)


@pytest.mark.parametrize("kind", MADE)
def test_a_sound_wal_is_not_damaged(kind: str) -> None:
    made = MADE[kind]
    assert _recovered(made, made.wal) == COMMITS
    assert damage(io.BytesIO(made.wal)) is None


def test_the_wal_that_was_reset_has_frames_of_an_earlier_one() -> None:
    assert 32 < _RESET.old < len(_RESET.wal)


@pytest.mark.parametrize("kind", MADE)
@given(anywhere=ANYWHERE, bit=st.integers(0, 7))
def test_a_flipped_bit_is_told_with_what_it_costs(kind: str, anywhere: float, bit: int) -> None:
    made = MADE[kind]
    at = int(anywhere * len(made.wal))
    wal = bytearray(made.wal)
    wal[at] ^= 1 << bit

    found, recovered = damage(io.BytesIO(wal)), _recovered(made, bytes(wal))

    if at >= made.old:
        assert (found, recovered) == (None, COMMITS)
    elif at < 32:
        assert (found, recovered) == (Damage(0, 0, 0), 0)
    elif found is None:
        # The very last frame is as good as torn off.
        assert recovered == COMMITS - 1
        assert at >= made.old - made.page - 24
    else:
        frame, byte = divmod(at - 32, made.page + 24)
        assert (found.frame, found.kept) == (frame + 1, recovered)
        # Whether the frame commits may be the very thing that is damaged.
        doubt = 1 if 4 <= byte < 8 else 0
        assert abs(found.lost - (COMMITS - recovered)) <= doubt
        assert found.certain is (found.lost > 1)


@pytest.mark.parametrize("kind", MADE)
@given(anywhere=ANYWHERE)
def test_a_tail_that_was_torn_off_is_no_damage(kind: str, anywhere: float) -> None:
    made = MADE[kind]
    at = int(anywhere * made.old)
    assert damage(io.BytesIO(made.wal[:at])) is None
    # A crash may leave a longer file than what was written.
    assert damage(io.BytesIO(made.wal[:at] + bytes(len(made.wal) - at))) is None or at < 32


def test_what_others_wrote_over_after_a_kill_is_not_certain_to_be_lost() -> None:
    """A commit that was written, but not yet in effect, is written over; its end stays behind."""

    def written(size: int) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "copy.db"
            path.write_bytes(_PLAIN.database)
            Path(f"{path}-wal").write_bytes(_PLAIN.wal)
            with closing(sqlite3.connect(path, isolation_level=None)) as conn:
                conn.execute("PRAGMA wal_autocheckpoint = 0")
                conn.execute(
                    "INSERT INTO row VALUES (?, hex(randomblob(?)))", (COMMITS, 1000 * size)
                )
                return Path(f"{path}-wal").read_bytes()

    short, longer, longest = map(written, (1, 4, 9))
    wal = short + longer[len(short) :] + longest[len(longer) :]
    found = damage(io.BytesIO(wal))
    assert _recovered(_PLAIN, wal) == COMMITS + 1
    assert found is not None
    assert (found.kept - _recovered(_PLAIN, _PLAIN.wal), found.lost) == (1, 2)
    assert not found.certain
    # One that flips there all the same is damage.
    flipped = bytearray(longest)
    flipped[len(_PLAIN.wal) + 100] ^= 4
    more = damage(io.BytesIO(flipped))
    assert more is not None
    assert not more.overwritten


@given(st.binary(max_size=200))
def test_rubbish_raises_nothing(rubbish: bytes) -> None:
    assert damage(io.BytesIO(rubbish)) in (None, Damage(0, 0, 0))
