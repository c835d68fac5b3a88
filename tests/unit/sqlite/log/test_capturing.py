"""Keeping what was committed; each kind of gap is noticed, and none is made by those who keep to
the rules."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobstore import StorageFull, StoreUnavailable, migrating
from jobstore.engines import log_of
from jobstore.engines.log import Mark
from jobstore.engines.sqlite.log import ahead, capturing, checkpointing, spool
from jobstore.engines.sqlite.log.spool import Spool
from jobstore.settings import parse_store_url, sqlite_url
from tests.fixtures.logs import Plain, read


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    return Plain(tmp_path / "jobs.db")


def forget() -> None:
    """Do what the start of another process does."""
    capturing._seen.clear()
    spool._segments.clear()


def wal_of(plain: Plain) -> Path:
    return Path(f"{plain.path}-wal")


class TestKeeping:
    def test_only_what_was_committed_since_makes_a_segment(self, plain: Plain) -> None:
        mark = plain.start()
        assert mark.segment == 0
        assert plain.capture() == mark
        second = plain.insert()
        assert plain.capture() == Mark(mark.generation, 1)
        assert plain.capture() == Mark(mark.generation, 1)
        kept = plain.log.kept(plain.url)
        assert kept is not None
        (segment,) = kept.segments
        assert (segment.generation, segment.number, segment.last) == (*mark[:1], 1, second)
        assert segment.path.stat().st_size == segment.octets == kept.octets
        assert segment.captured_at <= kept.looked_at <= time.time()
        assert kept.broken is None

    @pytest.mark.parametrize("reading", [False, True])
    def test_what_was_there_before_is_written_back_before_it_is_looked_through(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch, reading: bool
    ) -> None:
        monkeypatch.setattr(ahead, "FEW", 10)
        for _ in range(40):
            plain.conn.execute("INSERT INTO row (text) VALUES (hex(randomblob(5000)))")
        with closing(sqlite3.connect(plain.path, isolation_level=None)) as reader:
            if reading:
                # For long: it is not waited for.
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM row").fetchone()
            plain.start()
            state = Spool(plain.path).load()
            assert state is not None
            assert (state.position.frame > 10) is reading
            copy = plain.copy(plain.path.with_name("copy"))
            plain.insert()
            mark = plain.capture()
            assert mark.segment == 1
            assert plain.broken is None
        plain.replay(copy, mark._replace(segment=0))
        assert read(copy) == plain.states[plain.second]

    def test_files_of_the_spool_are_for_their_owner_alone(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        plain.capture()
        folder = plain.log.folder(plain.url)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {each.stat().st_mode & 0o777 for each in folder.iterdir()} == {0o600}

    def test_what_is_not_committed_yet_waits(self, plain: Plain) -> None:
        plain.start()
        plain.conn.execute("BEGIN IMMEDIATE")
        for _ in range(60):
            plain.conn.execute("INSERT INTO row (text) VALUES (hex(randomblob(5000)))")
        written = wal_of(plain).stat().st_size
        assert written > 100_000
        assert plain.capture().segment == 0
        plain.conn.execute("INSERT INTO row (text) VALUES (hex(randomblob(50000)))")
        plain.conn.execute("UPDATE row SET text = hex(randomblob(5000)) WHERE number < 9")
        assert plain.capture().segment == 0
        plain.conn.execute("COMMIT")
        assert plain.capture().segment == 1

    def test_going_on_keeps_the_generation_and_takes_new_settings(self, plain: Plain) -> None:
        mark = plain.start()
        plain.insert()
        assert plain.start(limit=77_777, wait=True) == Mark(mark.generation, 1)
        kept = plain.log.kept(plain.url)
        assert kept is not None
        assert (kept.limit, kept.wait) == (77_777, True)

    def test_nothing_is_kept_before_or_after(self, plain: Plain) -> None:
        assert plain.log.kept(plain.url) is None
        with pytest.raises(StoreUnavailable, match="is not kept"):
            plain.capture()
        plain.log.stop(plain.url)
        plain.start()
        plain.insert()
        plain.capture()
        plain.log.stop(plain.url)
        assert plain.log.kept(plain.url) is None
        assert not plain.log.folder(plain.url).exists()
        assert plain.checkpoint()[0] is False

    def test_without_a_database_nothing_begins(self, plain: Plain) -> None:
        plain.close()
        plain.path.unlink()
        with pytest.raises(StoreUnavailable, match="no database file"):
            plain.start()
        assert not plain.log.folder(plain.url).exists()

    def test_what_is_kept_outlives_the_database(self, plain: Plain) -> None:
        mark = plain.start()
        plain.insert()
        plain.close()
        plain.path.unlink()
        kept = plain.log.kept(plain.url)
        assert kept is not None
        assert kept.mark == Mark(mark.generation, 1)
        with pytest.raises(StoreUnavailable, match="no database file"):
            plain.capture()

    def test_a_link_to_a_store_is_the_store(self, plain: Plain, tmp_path: Path) -> None:
        mark = plain.start()
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        link = folder / "link.db"
        link.symlink_to(plain.path)
        other = plain.url.__class__("sqlite", link, f"sqlite:///{link}")
        plain.insert()
        assert plain.log.capture(other) == Mark(mark.generation, 1)
        assert plain.log.folder(other) == plain.log.folder(plain.url)
        assert [each.name for each in folder.iterdir()] == ["link.db"]

    def test_two_stores_in_one_folder_have_their_own(self, plain: Plain, tmp_path: Path) -> None:
        other = Plain(tmp_path / "other.db")
        mine, its = plain.start(), other.start()
        plain.insert()
        assert plain.capture() == Mark(mine.generation, 1)
        assert other.capture() == its

    def test_releasing_removes_what_is_not_needed(self, plain: Plain) -> None:
        mark = plain.start()
        for _ in range(3):
            plain.insert()
            plain.capture()
        plain.log.release(plain.url, Mark(mark.generation, 2))
        kept = plain.log.kept(plain.url)
        assert kept is not None
        assert [each.number for each in kept.segments] == [3]
        plain.insert()
        assert plain.capture() == Mark(mark.generation, 4)
        plain.log.release(plain.url, Mark("0" * 16, 9))
        assert len(plain.pieces(mark.generation)) == 2

    def test_a_process_that_comes_later_looks_at_all_of_the_wal(self, plain: Plain) -> None:
        mark = plain.start()
        plain.insert()
        plain.capture()
        plain.insert()
        forget()
        assert plain.capture() == Mark(mark.generation, 2)
        assert plain.broken is None


class TestGaps:
    """Each ends the generation with a reason, and another one begins."""

    def ended(self, plain: Plain, why: str, *, forgotten: bool = False) -> None:
        kept = plain.log.kept(plain.url)
        assert kept is not None
        before = kept.mark.generation
        if forgotten:
            forget()
        after = plain.capture()
        assert after.generation != before
        assert after.segment == 0
        assert plain.broken is not None
        assert why in plain.broken
        plain.log.settled(plain.url, before)
        assert plain.broken is not None
        plain.log.settled(plain.url, after.generation)
        assert plain.broken is None
        # It goes on from there without another gap.
        mark, copy = plain.capture(), plain.copy(plain.path.with_name("again.copy"))
        plain.insert()
        plain.checkpoint()
        plain.insert()
        assert plain.capture().generation == after.generation
        plain.replay(copy, mark)
        assert read(copy) == plain.states[plain.second]

    def test_another_program_writes_the_log_back(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        with closing(sqlite3.connect(plain.path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.ended(plain, "written back without being kept")

    def test_another_program_writes_and_begins_the_log_anew(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        plain.checkpoint()
        with closing(sqlite3.connect(plain.path, isolation_level=None)) as other:
            other.execute("INSERT INTO row (text) VALUES ('x')")
            other.execute("PRAGMA wal_checkpoint").fetchall()
            other.execute("INSERT INTO row (text) VALUES ('y')")
        self.ended(plain, "written back without being kept")

    def test_another_program_is_the_last_to_close(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        with closing(sqlite3.connect(plain.path)) as other:
            other.execute("SELECT * FROM row").fetchall()
            with closing(plain.conn):
                pass
        plain.conn = plain.open()
        self.ended(plain, "written back without being kept")

    def test_another_program_that_only_writes_makes_none(self, plain: Plain) -> None:
        mark = plain.start()
        with closing(sqlite3.connect(plain.path, isolation_level=None)) as other:
            other.execute("INSERT INTO row (text) VALUES ('x')")
        assert plain.checkpoint()[0] is False
        plain.insert()
        assert plain.capture() == Mark(mark.generation, 2)

    def test_one_that_commits_between_keeping_and_writing_back(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mark, copy = plain.start(), plain.copy(plain.path.with_name("x.copy"))
        capture = checkpointing.capture

        def slowly(its: Spool) -> Any:
            state = capture(its)
            with closing(sqlite3.connect(plain.path, isolation_level=None)) as other:
                other.execute("INSERT INTO row (text) VALUES ('between')")
            monkeypatch.setattr(checkpointing, "capture", capture)
            return state

        plain.insert()
        monkeypatch.setattr(checkpointing, "capture", slowly)
        assert plain.checkpoint()[0] is False
        plain.insert()
        assert plain.capture().generation == mark.generation
        plain.replay(copy, mark)
        assert "between" in {text for _, text in read(copy)}

    def test_the_disk_takes_frames_back(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        whole = wal_of(plain).stat().st_size
        plain.insert()
        plain.capture()
        self.power_cut(plain, whole)
        self.ended(plain, "the disk has lost", forgotten=True)

    def test_the_disk_takes_frames_back_and_others_come_there(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        whole = wal_of(plain).stat().st_size
        plain.insert()
        plain.capture()
        self.power_cut(plain, whole)
        plain.insert(length=5000)
        self.ended(plain, "the disk has lost")

    def test_a_hole_before_the_last_frame_is_one_too(self, plain: Plain) -> None:
        plain.start()
        for _ in range(3):
            plain.insert()
        plain.capture()
        content = bytearray(wal_of(plain).read_bytes())
        content[32 + 24 + 8] ^= 1
        self.power_cut(plain, content=bytes(content))
        self.ended(plain, "the disk has lost", forgotten=True)

    def test_the_disk_takes_back_a_log_that_was_begun_anew(self, plain: Plain) -> None:
        plain.start()
        plain.insert()
        plain.checkpoint()
        earlier = wal_of(plain).read_bytes()
        plain.insert()
        plain.capture()
        self.power_cut(plain, content=earlier)
        self.ended(plain, "written back without being kept", forgotten=True)

    def power_cut(self, plain: Plain, length: int = 0, content: bytes = b"") -> None:
        """Leave of the WAL what a disk without flushing may leave, and open the rest again."""
        aside = plain.path.with_name("aside")
        data = content or wal_of(plain).read_bytes()[:length]
        aside.write_bytes(data)
        with closing(sqlite3.connect(f"file:{plain.path}?mode=ro", uri=True)) as other:
            other.execute("SELECT * FROM row").fetchall()
            plain.conn.close()
        aside.replace(wal_of(plain))
        Path(f"{plain.path}-shm").unlink()
        plain.conn = plain.open()

    def test_another_file_takes_its_place(self, plain: Plain, tmp_path: Path) -> None:
        plain.start()
        plain.insert()
        plain.close()
        shutil.copy(plain.path, tmp_path / "other")
        (tmp_path / "other").replace(plain.path)
        plain.conn = plain.open()
        self.ended(plain, "another database file")

    def test_a_segment_is_missing(self, plain: Plain) -> None:
        mark = plain.start()
        for _ in range(3):
            plain.insert()
            plain.capture()
        plain.pieces(mark.generation)[1].unlink()
        self.ended(plain, "segment 2")

    def test_a_segment_is_cut_off(self, plain: Plain) -> None:
        mark = plain.start()
        plain.insert()
        plain.capture()
        os.truncate(plain.pieces(mark.generation)[0], 1000)
        self.ended(plain, "segment 1", forgotten=True)

    def test_the_clock_is_set_back(self, plain: Plain) -> None:
        mark, copy = plain.start(), plain.copy(plain.path.with_name("x.copy"))
        kept = plain.insert()
        plain.second -= 3600
        plain.insert()
        self.ended(plain, "the clock was set back")
        # What came before is kept in the generation that ended.
        plain.replay(copy, mark)
        assert read(copy) == plain.states[kept]

    def test_the_spool_reaches_its_limit(self, plain: Plain) -> None:
        mark = plain.start(limit=50_000)
        plain.insert(length=20_000)
        plain.capture()
        assert len(plain.pieces(mark.generation)) == 1
        plain.insert(length=20_000)
        self.limit_ended(plain, mark)

    def limit_ended(self, plain: Plain, mark: Mark) -> None:
        after = plain.capture()
        assert after.generation != mark.generation
        assert "limit" in (plain.broken or "")
        assert plain.pieces(mark.generation) == []

    def test_the_record_is_damaged(self, plain: Plain) -> None:
        plain.start()
        state = plain.log.folder(plain.url) / "state"
        state.write_bytes(b"{")
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            plain.log.kept(plain.url)
        plain.capture()
        assert "record" in (plain.broken or "")


class TestFullDisk:
    def test_the_log_ends_and_the_spool_makes_room(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mark = plain.start()
        plain.insert()
        plain.capture()
        plain.insert()
        self.fill(monkeypatch, ".part")
        # Writers go on: what is in the WAL is written back all the same.
        assert plain.checkpoint()[0] is False
        monkeypatch.undo()
        assert plain.pieces(mark.generation) == []
        assert "nearly full" in (plain.broken or "")

    def test_not_even_that_can_be_written_down(
        self, plain: Plain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain.start()
        plain.insert()
        self.fill(monkeypatch, "")
        with pytest.raises(StorageFull, match="No space"):
            plain.capture()
        assert plain.checkpoint()[0] is False
        monkeypatch.undo()
        plain.insert()
        plain.capture()
        assert plain.broken is not None

    def fill(self, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
        create = capturing.files.create
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def refused(path: Path) -> Any:
            if end and not path.name.startswith("piece"):
                return create(path)
            raise full

        monkeypatch.setattr(capturing.files, "create", refused)


def test_a_commit_over_what_was_never_committed_is_kept_at_once(plain: Plain) -> None:
    plain.start()
    plain.insert()
    plain.capture()
    # More than fits into the memory of a connection is in the WAL before the commit.
    plain.conn.execute("BEGIN IMMEDIATE")
    for _ in range(200):
        plain.conn.execute("INSERT INTO row (text) VALUES (hex(randomblob(2000)))")
    before = plain.capture()
    plain.conn.execute("ROLLBACK")
    plain.insert()
    assert plain.capture() > before


def test_what_is_committed_while_it_is_kept_is_not_said_to_be_kept(
    plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.start()
    plain.insert()
    save, written = Spool.save, []

    def save_and_write(self: Spool, state: spool.State) -> None:
        save(self, state)
        plain.insert()
        written.append(time.time())
        time.sleep(0.01)

    monkeypatch.setattr(Spool, "save", save_and_write)
    plain.capture()
    kept = plain.log.kept(plain.url)
    assert kept is not None
    assert kept.mark.segment == 1
    assert kept.looked_at < written[0]


def test_what_another_process_keeps_meanwhile_is_not_said_of_what_is_told(
    plain: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.start()
    segments = Spool.segments

    def segments_and_go_on(self: Spool) -> list[spool.Segment]:
        found = segments(self)
        monkeypatch.undo()
        plain.insert()
        plain.capture()
        return found

    before = time.time()
    monkeypatch.setattr(Spool, "segments", segments_and_go_on)
    kept = plain.log.kept(plain.url)
    assert kept is not None
    assert kept.mark.segment == 0
    assert kept.looked_at < before


def test_no_empty_database_takes_the_place_of_a_lost_one_whose_log_is_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lost.db"
    url = parse_store_url(sqlite_url(path))
    migrating.up(url)
    log_of(url).start(url, limit=2**30, wait=False)
    for each in (path, *tmp_path.glob("lost.db-[ws][ah][lm]")):
        each.unlink()
    for work in (migrating.up, migrating.check_schema, migrating.status):
        with pytest.raises(StoreUnavailable, match="restore --at latest"):
            work(url)
    assert not path.exists()
    log_of(url).stop(url)
    assert migrating.up(url)
