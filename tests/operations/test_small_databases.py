"""The databases that operations keep beside a store, while several make them at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from jobstore.errors import JobStoreError, StoreBusy, StoreUnavailable
from jobstore.operations.monitoring import databases
from jobstore.operations.schedule import state
from jobstore.operations.schedule.state import State


def test_one_that_is_just_being_made_is_read_and_written_by_others(tmp_path: Path) -> None:
    failed: list[JobStoreError] = []

    def use(path: Path, number: int) -> None:
        try:
            for _ in range(20):
                state.read(path)
            state.write(path, [State(str(number))])
        except JobStoreError as error:
            failed.append(error)

    for each in range(10):
        path = tmp_path / f"{each}.db"
        path.touch()
        threads = [Thread(target=use, args=(path, number)) for number in range(4)]
        for thread in threads:
            thread.start()
        state.write(path, [])
        for thread in threads:
            thread.join()
        assert failed == []
        assert len(state.read(path)) == 4


def test_one_that_somebody_reads_all_the_time_while_it_is_made_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "schedule.db"
    path.touch()
    monkeypatch.setattr(databases, "_PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with pytest.raises(StoreBusy, match="records of operations"):
            state.write(path, [])
    state.write(path, [State("backup")])
    assert [*state.read(path)] == ["backup"]


def test_a_folder_in_the_place_of_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "schedule.db"
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        state.read(path)
