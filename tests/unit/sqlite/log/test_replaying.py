"""Replaying pieces: what is refused, and where a replay ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jobstore.engines.log import Mark
from jobstore.errors import BackupError
from jobstore.progress import silent
from tests.fixtures.logs import Plain, read


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    return Plain(tmp_path / "jobs.db")


class History:
    """Six commits, each in a piece of its own, and a copy from before them."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        self.first = plain.insert()
        self.mark = plain.start()
        self.copy = plain.copy(plain.path.with_name("copy"))
        self.seconds = []
        for _ in range(6):
            self.seconds.append(plain.insert(length=2000))
            plain.capture()
        self.pieces = plain.pieces(self.mark.generation)


@pytest.fixture
def history(plain: Plain) -> History:
    return History(plain)


def test_it_ends_before_the_first_commit_of_that_second(history: History) -> None:
    plain, seconds = history.plain, history.seconds
    for until, last in ((seconds[0] + 1, 0), (seconds[3], 2), (seconds[5], 4)):
        copy = shutil.copy(history.copy, history.copy.with_name("replayed"))
        done = plain.replay(Path(copy), history.mark, until)
        assert (done.second, done.commits) == (seconds[last], last + 1)
        assert done.complete
        assert read(Path(copy)) == plain.states[seconds[last]]


def test_a_log_that_ends_before_is_not_complete(history: History) -> None:
    done = history.plain.replay(history.copy, history.mark, history.seconds[-1] + 1)
    assert not done.complete
    assert done.second == history.seconds[-1]
    assert read(history.copy) == history.plain.states[history.seconds[-1]]


def test_without_a_moment_all_of_it_is_applied(history: History) -> None:
    done = history.plain.replay(history.copy, history.mark)
    assert done.complete
    assert done.commits == 6
    assert read(history.copy) == history.plain.states[history.seconds[-1]]


def test_no_more_pieces_are_taken_than_are_needed(history: History) -> None:
    taken = []

    def pieces() -> object:
        for each in history.pieces:
            taken.append(each)
            yield each

    history.plain.log.replay(
        history.copy,
        pieces(),
        generation=history.mark.generation,
        after=0,
        until=history.seconds[2],
        progress=silent,
    )
    assert len(taken) == 3


def test_pieces_end_to_end_are_read_as_well_and_earlier_ones_are_passed_over(
    history: History, tmp_path: Path
) -> None:
    joined = tmp_path / "joined"
    joined.write_bytes(b"".join(each.read_bytes() for each in history.pieces))
    later = Mark(history.mark.generation, 2)
    done = history.plain.log.replay(
        history.copy,
        [joined],
        generation=later.generation,
        after=2,
        until=None,
        progress=silent,
    )
    assert done.commits == 4


def test_a_copy_has_the_stamp_of_its_last_commit(history: History) -> None:
    assert history.plain.log.stamp(history.copy) == history.first


def refused(history: History, pieces: list[Path], why: str, *, until: int | None = None) -> None:
    with pytest.raises(BackupError, match=why):
        history.plain.log.replay(
            history.copy,
            pieces,
            generation=history.mark.generation,
            after=0,
            until=until,
            progress=silent,
        )


def test_a_moment_before_the_copy(history: History) -> None:
    before = history.copy.read_bytes()
    refused(history, history.pieces, "take an earlier backup", until=history.first)
    assert history.copy.read_bytes() == before


def test_a_gap(history: History) -> None:
    refused(history, history.pieces[1:], "segment 1 is missing")
    refused(history, [*history.pieces[:2], *history.pieces[3:]], "segment 3 is missing")


@pytest.mark.parametrize("at", [20, 150, 900, -1])
def test_a_damaged_piece(history: History, at: int) -> None:
    content = bytearray(history.pieces[2].read_bytes())
    content[at] ^= 4
    history.pieces[2].write_bytes(content)
    refused(history, history.pieces, "damaged")


def test_a_piece_that_is_cut_off(history: History) -> None:
    content = history.pieces[5].read_bytes()
    history.pieces[5].write_bytes(content[:-100])
    refused(history, history.pieces, "damaged")
    history.pieces[5].write_bytes(content[:50])
    refused(history, history.pieces, "damaged, or no part")


def test_a_piece_of_another_history(history: History) -> None:
    plain = history.plain
    plain.log.stop(plain.url)
    other = plain.start()
    plain.insert()
    plain.capture()
    (piece,) = plain.pieces(other.generation)
    refused(history, [piece], "another generation")


def test_a_copy_with_pages_of_another_size(history: History, tmp_path: Path) -> None:
    other = Plain(tmp_path / "other.db", 512)
    other.close()
    history.copy = other.path
    refused(history, history.pieces, "another size")


@pytest.mark.parametrize("content", [b"", b"no database" * 20])
def test_what_is_no_copy(history: History, content: bytes) -> None:
    history.copy.write_bytes(content)
    refused(history, history.pieces, "no copy")


def test_a_copy_that_somebody_uses(history: History) -> None:
    history.copy.with_name("copy-wal").write_bytes(b"x")
    refused(history, history.pieces, "in use")


def test_one_huge_commit(plain: Plain) -> None:
    plain.insert(300, 3000)
    mark = plain.start()
    copy = plain.copy(plain.path.with_name("copy"))
    plain.write(["DELETE FROM row WHERE number % 2"])
    plain.conn.execute("VACUUM")
    size = plain.conn.execute("PRAGMA page_count").fetchone()[0] * 4096
    assert size < copy.stat().st_size
    plain.capture()
    plain.replay(copy, mark)
    assert copy.stat().st_size == size
    assert read(copy) == plain.states[plain.second]
