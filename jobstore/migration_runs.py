"""Running migrations: each in one transaction with its record, and with whose programs may go on.

Which ones are run, and what is refused, :mod:`jobstore.migrating` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

from jobstore.engines.backend import Count
from jobstore.engines.schema import Applied, Migrator, Recorded, Schema
from jobstore.engines.scripts import Direction, Script, last_that_stops
from jobstore.migration_states import Step
from jobstore.progress import Progress
from jobstore.settings import StoreURL

Look = Callable[[Count, Sequence[Step]], object]
"""Looks at the store before the first of some migrations is taken back."""


def run(
    migrator: Migrator,
    direction: Direction,
    plan: Callable[[Sequence[Recorded], str], list[Script]],
    scripts: Sequence[Script],
    most: int | None = None,
    look: Look | None = None,
) -> list[Step]:
    """Apply or take back, at most ``most``, what ``plan`` leaves to do; return what was done.

    ``plan`` gets what is recorded, and the oldest migration whose programs may go on. With
    ``look``, which is called before the first, all of them are one transaction.
    """
    done: list[Step] = []
    # Nobody may write between the look and the last one, so all are one.
    with nullcontext() if look is None else migrator.transaction():
        while most is None or len(done) < most:
            # What is left to do is asked inside the transaction that does it: another process may
            # have been faster.
            with migrator.transaction():
                known, compatible = migrator.recorded(), migrator.compatible()
                todo = plan(known, compatible)
                if not todo:
                    break
                if look is not None and not done:
                    migrator.alone()
                    look(migrator.count, [step(script, direction) for script in todo[:most]])
                if direction == "up":
                    _apply(migrator, todo[0], scripts, known, compatible)
                else:
                    migrator.run(todo[0], "down")
                    if todo[0].id <= compatible:
                        migrator.let(last_that_stops(scripts[: todo[0].number - 1]))
            done.append(step(todo[0], direction))
    return done


def _apply(
    migrator: Migrator,
    script: Script,
    scripts: Sequence[Script],
    known: Sequence[Recorded],
    compatible: str,
) -> None:
    """Apply a migration, and say whose programs may go on."""
    if script.additive and known:
        migrator.run(script, "up")
        if not compatible:
            migrator.let(known[-1].id)
        return
    # Programs from before may not go on, so what only they use is of no use.
    due = [each for each in scripts[: script.number - 1] if each.finish and each.id > compatible]
    while due and not migrator.finish(due):
        pass
    migrator.run(script, "up")
    migrator.let(script.id)


def renew(
    store: StoreURL, schema: Schema, scripts: Sequence[Script], timeout: float, progress: Progress
) -> None:
    """Have what is derived built anew, where it has an older form."""
    now = schema.applied(store, patience=timeout)
    if now.derived_form >= schema.derived_form:
        return
    keep = bool(_unfinished(scripts, now))
    if keep and now.derived_form < schema.derived_form - 1:
        # The index of the version before is not right either, so its programs cannot go on.
        with schema.changing(store, patience=timeout) as migrator, migrator.transaction():
            migrator.finish(scripts)
            migrator.let(scripts[-1].id)
        keep = False
    schema.renew(store, keep=keep, patience=timeout, progress=progress)


def _unfinished(scripts: Sequence[Script], applied: Applied) -> list[str]:
    """Return the applied migrations that programs of the version before still go on without."""
    return [
        script.id
        for script in scripts[: len(applied.migrations)]
        if script.finish is not None and applied.compatible and script.id > applied.compatible
    ]


def step(script: Script, direction: Direction) -> Step:
    """Return what is told of a migration."""
    return Step(script.id, direction, script.text(direction))
