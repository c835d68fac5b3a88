"""Replaying the log of a random history to any of its commits gives the database as it was then."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.logs import Plain, read

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(1, 40), st.integers(1, 3000)),
        st.tuples(st.just("undone"), st.integers(1, 60), st.integers(1, 3000)),
        st.tuples(st.sampled_from(("delete", "update", "vacuum", "copy", "look", "reopen"))),
        st.tuples(st.just("checkpoint"), st.sampled_from(("PASSIVE", "TRUNCATE"))),
        st.tuples(st.sampled_from(("capture", "capture", "read", "leave"))),
    ),
    min_size=3,
    max_size=25,
)


@settings(max_examples=20)
@given(ACTS, st.sampled_from((512, 2048, 65536)))
def test_any_commit_of_a_history_is_had_again(acts: list[tuple[Any, ...]], page: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Readers are in this thread: who waits for one does so in vain.
        plain = Plain(folder / "jobs.db", page, patience=0)
        mark = plain.start()
        copies = [(plain.copy(folder / "0.copy"), mark, plain.second)]
        readers: list[sqlite3.Connection] = []
        for act, *given_ in acts:
            match act:
                case "insert":
                    plain.insert(*given_)
                case "undone":
                    text = f"INSERT INTO row (text) VALUES (hex(randomblob({given_[1]})))"
                    plain.write([text] * given_[0], commit=False)
                case "delete":
                    plain.write(["DELETE FROM row WHERE number % 3 = 0"])
                case "update":
                    plain.write(["UPDATE row SET text = 'x' || substr(text, 50) WHERE number % 2"])
                case "vacuum":
                    plain.conn.execute("VACUUM")
                case "copy":
                    mark = plain.capture()
                    path = plain.copy(folder / f"{len(copies)}.copy")
                    copies.append((path, mark, plain.second))
                case "look" | "capture":
                    plain.capture()
                case "reopen":
                    plain.reopen()
                case "checkpoint":
                    plain.checkpoint(*given_)
                case "read":
                    reader = sqlite3.connect(plain.path, isolation_level=None)
                    reader.execute("PRAGMA query_only = ON")
                    reader.execute("BEGIN")
                    reader.execute("SELECT COUNT(*) FROM row").fetchall()
                    readers.append(reader)
                case "leave" if readers:
                    readers.pop(0).close()
        for reader in readers:
            reader.close()
        end = plain.capture()

        assert plain.broken is None
        assert end.generation == mark.generation
        for path, mark, began in copies:
            later = [each for each in plain.states if each > began]
            for second in {*later[:1], *later[len(later) // 2 :][:1], *later[-1:]}:
                copy = folder / "replayed"
                shutil.copy(path, copy)
                plain.replay(copy, mark, second + 1)
                assert read(copy) == plain.states[second]
                assert plain.log.stamp(copy) == second
        plain.close()
