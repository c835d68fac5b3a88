"""Copying a whole store into another one, of the same engine or another: ``jobstore copy``.

What is carried, and how, is in :mod:`jobstore.engines.reconciling`; here it is decided what may be
copied where, in how many passes, and how the result is verified. Everything blocks.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from jobstore import migrating
from jobstore.engines import backend_of, is_there, transfer_of, upkeep_of
from jobstore.engines.backend import Capability
from jobstore.engines.reconciling import Copying, Passed, Table, contents
from jobstore.engines.transfer import Source
from jobstore.errors import CopyError, StoreBusy
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL
from jobstore.settings.url import store_at

# Seconds to wait for those who write.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did.

    ``postings`` are there now; ``carried`` were new or otherwise in the target, ``removed`` had to
    go there. ``tables`` tell rows and hash of each table, which are those of the source.
    ``writers_waited`` is for how many seconds nobody could write to the source, ``None`` where
    everybody could.
    """

    postings: int
    carried: int
    removed: int
    tables: dict[str, Table]
    seconds: float
    writers_waited: float | None = None


def copy(
    source: str | StoreURL,
    target: str | StoreURL,
    *,
    final: bool = False,
    replace: bool = False,
    progress: Progress = silent,
) -> Copied:
    """Make the store at ``target`` a copy of that at ``source``, and verify that it is one.

    What the target has already is not carried again, so a call that was interrupted, even by
    kill -9, is repeated, and a later one takes only what changed meanwhile. Others may write to the
    source all along; the copy is as of the moment at which reading began. With ``final`` what
    changed since is taken in a second pass, in which nobody can write to the source. A target that
    is not there is made. With ``replace`` it loses what a copy of this store did not bring there.

    Raises CopyError where the target may not become a copy or is none in the end, SchemaMismatch
    where one of them is not up to date, StorageFull, StoreBusy, StoreCorrupt, StoreUnavailable.
    """
    begun = time.monotonic()
    theirs, ours = store_at(source), store_at(target)
    _prepare(theirs, ours)
    waited = None
    with transfer_of(ours).writing(ours) as copy, ExitStack() as stack:
        reading = transfer_of(theirs).reading
        moment = stack.enter_context(reading(theirs))
        copying = Copying(moment, copy, progress, replace=replace)
        done = copying.take(moment)
        if final:
            stack.close()
            stopped = time.monotonic()
            with transfer_of(theirs).closed(theirs, patience=_PATIENCE):
                moment = stack.enter_context(reading(theirs))
                done = _both(done, copying.take(moment))
            waited = time.monotonic() - stopped
        copying.check()
        tables = _verified(moment, copy, progress)
    _tidy(ours)
    seconds = time.monotonic() - begun
    return Copied(done.compared, done.carried, done.removed, tables, seconds, waited)


def _prepare(source: StoreURL, target: StoreURL) -> None:
    """Raise unless one can be copied into the other; make the target where there is none."""
    if not is_there(source):
        raise CopyError(f"There is no store at {source} to be copied.")
    place = transfer_of(source).place(source)
    if source.engine == target.engine and place == transfer_of(target).place(target):
        raise CopyError("The source and the target are the same store; name two.")
    migrating.check_schema(source)
    schema = backend_of(target).schema
    if schema.applied(target, patience=_PATIENCE).migrations:
        migrating.check_schema(target)
    else:
        migrating.up(target)


def _both(first: Passed, second: Passed) -> Passed:
    """Add up what two passes did."""
    carried, removed = first.carried + second.carried, first.removed + second.removed
    return Passed(second.compared, carried, removed)


def _verified(source: Source, target: Source, progress: Progress) -> dict[str, Table]:
    """Read both to their ends, and return what is in both. Raises CopyError where they differ."""
    theirs = contents(source, progress, "verify the source")
    ours = contents(target, progress, "verify the copy")
    differ = ", ".join(name for name in theirs if theirs[name] != ours[name])
    if differ:
        raise CopyError(
            f"The copy is not the same as its source (tables: {differ}). Run 'jobstore doctor "
            "--full' on both, then copy again with --replace."
        )
    return ours


def _tidy(target: StoreURL) -> None:
    """Let a target that was filled see how it is best searched."""
    if Capability.UPKEEP in backend_of(target).capabilities:
        with suppress(StoreBusy):
            upkeep_of(target).optimize(target, patience=_PATIENCE)
