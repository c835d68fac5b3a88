"""Building anew what follows from the postings, in small steps between other writes.

Each step is one transaction under the file lock, of some 50 ms; what it read and derived outside of
the lock is used where it is still so. The order, for every step: first the changes of others are
drained (:mod:`~jobstore.engines.sqlite.writing.renewing`); only where none is left, the next slice
is done and the place up to which all is done moves, in the same transaction. So a kill, a power cut
or a full disk leaves whole steps, and whoever comes next goes on from there; two that build at
once take turns. The stages:

1. ``postings``, from the newest place down: where it is listed, plain text, digests, entry of the
   index, and counts beside those that are shown;
2. ``revisions``: their digests;
3. ``counters``: the differences to the counts beside, some at a time;
4. in one transaction that finds everything done and drained, the store's form changes. Where
   programs of the version before may go on, with an index of their own, the triggers stay and the
   stage is ``kept``, until :func:`close`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jobstore.derived.counters import Tally
from jobstore.derived.digests import revision_digest, seen_digest
from jobstore.derived.micros import to_micros
from jobstore.derived.record import Derived
from jobstore.engines import named_statements
from jobstore.engines.rows import LISTED_AT, PLACE, job_from_row
from jobstore.engines.schema import Renewal
from jobstore.engines.sqlite import schema
from jobstore.engines.sqlite.upkeep import leftovers
from jobstore.engines.sqlite.writing import counters, renewing
from jobstore.engines.sqlite.writing.indexing import numbered
from jobstore.engines.sqlite.writing.list_order import Slot, find_slot
from jobstore.engines.sqlite.writing.renewing import Renewed, Standing, renewed
from jobstore.progress import Progress, silent

_SQL = named_statements.load("sqlite")

INDEX = "text_index"
"""The full-text table that is built."""

# Seconds of work that a step is to do under the lock. Where it had to wait for others longer than
# that, it takes as long as they did, up to the most: its share of the time stays the same however
# much they write, and nobody waits long.
_AIM, _MOST = 0.05, 0.15
# Seconds between two steps, so that whoever waits for the lock gets it: those who wait try at least
# every 10 ms (jobstore.locking).
_PAUSE = 0.02
_LEAST, _FIRST, _LARGEST = 16, 64, 4096
# Rows of a table that goes.
_MOST_REMOVED = 65_536
# For counters there is less to do for each.
_COUNTERS = 20

# What is told of each stage.
_TOLD = {"postings": "build the index", "revisions": "read the history", "counters": "count"}

_TRIGGERS = tuple(sorted(name for name in _SQL if name.startswith("trigger_")))


class _State(NamedTuple):
    form: int
    earlier: int
    stage: str
    place: int
    at_first: Any
    at_second: Any
    done: int
    total: int
    switched_at: int | None
    written: int


def standing(conn: sqlite3.Connection) -> Renewal | None:
    """Return how far a renewal is, whatever its form; ``None`` if there is none."""
    if (state := _state(conn)) is None:
        return None
    (waiting,) = conn.execute(_SQL["count_changes"]).fetchone()
    return Renewal(
        state.form, state.stage, state.done, state.total, waiting, state.switched_at,
        bool(state.written),
    )  # fmt: skip


def _state(conn: sqlite3.Connection) -> _State | None:
    row = conn.execute(_SQL["renewal"]).fetchone()
    return None if row is None else _State(*row)


def renew(path: Path, *, keep: bool, patience: float, progress: Progress = silent) -> None:
    """Bring what is derived to the form of this jobstore; goes on where an earlier call ended.

    ``keep``: programs of the version before may go on, so their changes are followed afterwards.
    ``patience`` bounds the seconds of waiting for the lock before each step. Blocks as long as it
    takes; Ctrl-C ends it between two steps or undoes one.
    """
    with schema.sharing(path, patience) as turns:
        with turns.reading() as conn:
            if schema.derived_form(conn) >= renewing.DERIVED_FORM:
                return
        with turns.writing() as conn:
            if not _begin(conn):
                return
        _Builder(turns, keep, progress).run()
        sweep(turns)


def _begin(conn: sqlite3.Connection) -> bool:
    """Make a renewal begin or go on; False where nothing is to be built."""
    form = schema.derived_form(conn)
    if form >= renewing.DERIVED_FORM:
        return False
    state = _state(conn)
    if state is not None and state.form == renewing.DERIVED_FORM:
        return True
    give_up(conn)
    if not conn.execute(_SQL["any_posting"]).fetchone()[0]:
        conn.execute(_SQL["write_derived_form"], (bytes([renewing.DERIVED_FORM]),))
        return False
    # What is in an index of this name is of no use; it goes in pieces.
    leftovers.replace(conn, INDEX)
    total = counters.total(conn)
    conn.execute(_SQL["begin_renewal"], (renewing.DERIVED_FORM, form, renewing.NOTHING, total))
    for name in _TRIGGERS:
        conn.execute(_SQL[name])
    return True


def give_up(conn: sqlite3.Connection) -> None:
    """End a renewal, wherever it is; nobody's changes are followed any more."""
    for name in _TRIGGERS:
        conn.execute(f"DROP TRIGGER IF EXISTS renewal_{name.removeprefix('trigger_')}")
    conn.execute(_SQL["end_renewal"])
    for table in ("renewal_change", "renewal_counter"):
        leftovers.replace(conn, table)


def triggers() -> frozenset[str]:
    """Return the definitions of the triggers that stand during a renewal."""
    return frozenset(" ".join(_SQL[name].removesuffix(";").split()) for name in _TRIGGERS)


_Stage = Callable[[sqlite3.Connection, _State], bool]


def _adapted(number: int, taken: float, aim: float, largest: int) -> int:
    """Return how many to do next, to take ``aim`` seconds where ``number`` took so many."""
    return int(min(largest, max(_LEAST, number * min(2.0, max(0.25, aim / max(taken, 0.001))))))


class _Builder:
    """Takes the steps of a renewal until the store has the form of this jobstore."""

    def __init__(self, turns: schema.Turns, keep: bool, progress: Progress) -> None:
        self._turns = turns
        self._keep = keep
        self._progress = progress
        self._number = _FIRST
        self._aim = _AIM
        self._ready: dict[tuple[Any, ...], Renewed] = {}

    def run(self) -> None:
        stages: dict[str, _Stage] = {
            "postings": self._postings,
            "revisions": self._revisions,
            "counters": self._counters,
        }
        while True:
            with self._turns.reading() as conn:
                state = _state(conn)
                if state is None or state.form != renewing.DERIVED_FORM or state.stage == "kept":
                    return
                self._tell(state)
                if state.stage == "postings":
                    self._look_ahead(conn, state)
            came = time.monotonic()
            with self._turns.writing() as conn:
                self._aim = min(_MOST, max(_AIM, time.monotonic() - came))
                # Another process may have been faster.
                state = _state(conn)
                if state is None or state.form != renewing.DERIVED_FORM or state.stage == "kept":
                    return
                found = Standing(state.place, True, False, 0)
                drained = renewing.drain(conn, found, self._aim)
                began = time.monotonic()
                ended = drained and stages[state.stage](conn, state)
            if ended:
                return
            if drained:
                # With the commit, in which FTS5 merges and the disk is flushed.
                taken = time.monotonic() - began
                self._number = _adapted(self._number, taken, self._aim, _LARGEST)
            time.sleep(_PAUSE)

    def _tell(self, state: _State) -> None:
        self._progress(_TOLD[state.stage], state.done, max(state.total, state.done))

    def _next(self, conn: sqlite3.Connection, state: _State) -> list[tuple[Any, ...]]:
        statement = _SQL["every_posting"] + " WHERE p.place < ? ORDER BY p.place DESC LIMIT ?"
        return conn.execute(statement, (state.place, self._number)).fetchall()

    def _look_ahead(self, conn: sqlite3.Connection, state: _State) -> None:
        """Derive what the next step needs while others may write."""
        self._ready = {row: renewed(row) for row in self._next(conn, state)}

    def _postings(self, conn: sqlite3.Connection, state: _State) -> bool:
        rows = self._next(conn, state)
        news = [self._ready.get(row) or renewed(row) for row in rows]
        misplaced = [
            row for row, new in zip(rows, news, strict=True) if new.listed_at != row[LISTED_AT]
        ]
        if misplaced:
            # Triggers follow what that moves; the next step goes on with those that stay.
            for row in misplaced:
                _relist(conn, row[0])
            return False
        tally = Tally()
        for row, new in zip(rows, news, strict=True):
            renewing.write_beside(conn, row, new)
            conn.execute(_SQL["insert_words"], numbered(row[PLACE], new.words))
            tally.add(new.counters)
        renewing.count_beside(conn, tally)
        if len(rows) < self._number:
            built: tuple[Any, ...] = (renewing.EVERYTHING, len(rows), "revisions", b"", 0)
        else:
            built = (rows[-1][PLACE], len(rows), "postings", 0, 0)
        conn.execute(_SQL["renewal_built"], built)
        return False

    def _revisions(self, conn: sqlite3.Connection, state: _State) -> bool:
        number = self._number
        at = (state.at_first, state.at_second)
        rows = conn.execute(_SQL["next_revisions"], (*at, number)).fetchall()
        for *columns, written in rows:
            if (digest := revision_digest(*columns)) != written:
                conn.execute(_SQL["write_revision_digest"], (digest, *columns[:2]))
        if len(rows) < number:
            conn.execute(_SQL["renewal_built"], (state.place, 0, "counters", "", ""))
        else:
            conn.execute(_SQL["renewal_built"], (state.place, 0, "revisions", *rows[-1][:2]))
        return False

    def _counters(self, conn: sqlite3.Connection, state: _State) -> bool:
        """Correct the next counts; after the last ones, change over. True if that was done."""
        number = _COUNTERS * self._number
        found = [
            {
                (kind, value): (label, amount)
                for kind, value, label, amount in conn.execute(
                    _SQL[name], (state.at_first, state.at_second, number)
                )
            }
            for name in ("next_counters", "next_renewal_counters")
        ]
        ends = [max(each) for each in found if len(each) == number]
        last = min(ends, default=None)
        kept, counted = found
        tally = Tally()
        for key in kept.keys() | counted.keys():
            if last is not None and key > last:
                continue
            label, amount = counted.get(key, ("", 0))
            if more := amount - kept.get(key, ("", 0))[1]:
                tally.add([((*key, label), more)])
        counters.write(conn, tally)
        if last is not None:
            conn.execute(_SQL["renewal_built"], (state.place, 0, "counters", *last))
            return False
        counters.write_all_quartiles(conn)
        conn.execute(_SQL["write_derived_form"], (bytes([renewing.DERIVED_FORM]),))
        if self._keep:
            conn.execute(_SQL["renewal_switched"], (int(time.time()),))
            leftovers.replace(conn, "renewal_counter")
        else:
            give_up(conn)
        return True


def _relist(conn: sqlite3.Connection, id: bytes) -> None:
    """Move a posting to where :mod:`jobstore.derived.listing` says that it is listed."""
    row = conn.execute(_SQL["posting_by_id"], (id,)).fetchone()
    job = job_from_row(row)
    listed = to_micros(Derived(job).listed_at)
    if listed == row[LISTED_AT]:
        return
    while not isinstance(slot := find_slot(conn, listed), Slot):
        for old, new in slot:
            conn.execute(_SQL["move_posting"], (new, old))
            conn.execute(_SQL["move_text"], (new, old))
    # Making room may have moved this posting too.
    (place,) = conn.execute(_SQL["place_of_id"], (id,)).fetchone()
    first, last = to_micros(job.first_seen_at), to_micros(job.last_seen_at)
    seen = seen_digest(id, first, last, listed, slot.tie)
    conn.execute(_SQL["relist_posting"], (slot.place, listed, slot.tie, seen, place))
    conn.execute(_SQL["move_text"], (slot.place, place))


def drain(turns: schema.Turns, rounds: int) -> bool:
    """Bring changes of others into the index, in so many rounds at most; True if none is left."""
    for _ in range(rounds):
        with turns.writing() as conn:
            found = renewing.standing(conn)
            if found is None or renewing.drain(conn, found, _AIM):
                return True
        time.sleep(_PAUSE)
    return False


def sweep(turns: schema.Turns, progress: Progress = silent) -> None:
    """Remove what nobody uses any more, in small steps."""
    number, done = _FIRST, 0
    while True:
        with turns.writing() as conn:
            started = time.monotonic()
            removed = leftovers.remove_some(conn, number)
            taken = time.monotonic() - started
        if removed is None:
            return
        done += removed
        progress("remove the old index", done, 0)
        number = _adapted(number, taken, _AIM, _MOST_REMOVED)
        time.sleep(_PAUSE)
