"""Copying a whole store into another one, of the same engine or another: ``jobstore copy``.

What is carried, and how, is in :mod:`jobstore.engines.reconciling`; here it is decided what may be
copied where, in how many passes, and how the result is verified. Everything blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from jobstore import migrating
from jobstore.engines import backend_of, is_there, transfer_of, upkeep_of
from jobstore.engines.backend import Capability
from jobstore.engines.reconciling import Copying, Passed, Table, contents
from jobstore.engines.transfer import Source, Target
from jobstore.errors import CopyError, JobStoreError, StoreBusy
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL
from jobstore.settings.url import store_at

# Seconds to wait for those who write.
_PATIENCE = 30.0

_SAME = (
    "The source and the target are the same store; name two. A server that was made as a physical "
    "copy of another one counts as that one: make a new database on it (createdb), and copy there."
)


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

    An error says which of the two stores it is about, and where that is, without a password.
    Raises CopyError where the target may not become a copy or is none in the end, SchemaMismatch
    where one of them is not up to date, StorageFull, StoreBusy, StoreCorrupt, StoreUnavailable.
    """
    begun = time.monotonic()
    theirs, ours = _Side("source"), _Side("target")
    try:
        done, tables, waited = _copied(
            theirs.at(source), ours.at(target), final=final, replace=replace, progress=progress
        )
    except JobStoreError as error:
        failed = next((side for side in (theirs, ours) if side.failed), None)
        if failed is None:
            raise
        raise type(error)(f"{failed}: {error}") from error
    _tidy(ours.url)
    seconds = time.monotonic() - begun
    return Copied(done.compared, done.carried, done.removed, tables, seconds, waited)


def _copied(
    theirs: _Side, ours: _Side, *, final: bool, replace: bool, progress: Progress
) -> tuple[Passed, dict[str, Table], float | None]:
    """Copy and verify; returns for how many seconds nobody could write as well."""
    _prepare(theirs, ours)
    waited = None
    with ours.opened(transfer_of(ours.url).writing(ours.url)) as copy, ExitStack() as stack:

        def read() -> Any:
            return stack.enter_context(theirs.opened(transfer_of(theirs.url).reading(theirs.url)))

        moment = read()
        copying = Copying(moment, copy, progress, replace=replace)
        done = copying.take(moment)
        if final:
            stack.close()
            stopped = time.monotonic()
            closed = transfer_of(theirs.url).closed(theirs.url, patience=_PATIENCE)
            with theirs.opened(closed):
                moment = read()
                done = _both(done, copying.take(moment))
            waited = time.monotonic() - stopped
        copying.check()
        tables = _verified(moment, copy, progress)
    return done, tables, waited


def _prepare(source: _Side, target: _Side) -> None:
    """Raise unless one can be copied into the other; make the target where there is none."""
    with source.asked():
        there = is_there(source.url)
    if not there:
        raise CopyError(f"There is no store at {source.url} to be copied.")
    if source.url.engine == target.url.engine and _place(source) == _place(target):
        raise CopyError(_SAME)
    with source.asked():
        migrating.check_schema(source.url)
    with target.asked():
        if backend_of(target.url).schema.applied(target.url, patience=_PATIENCE).migrations:
            migrating.check_schema(target.url)
        else:
            migrating.up(target.url)


def _place(side: _Side) -> str:
    with side.asked():
        return transfer_of(side.url).place(side.url)


class _Side:
    """One of the two stores of a copy, which knows whether it was the one that failed."""

    url: StoreURL

    def __init__(self, name: str) -> None:
        self._name = name
        self.failed = False

    def __str__(self) -> str:
        where = f" ({self.url})" if hasattr(self, "url") else ""
        return f"The {self._name}{where}"

    def at(self, where: str | StoreURL) -> _Side:
        """Say where it is; returns itself."""
        with self.asked():
            self.url = store_at(where)
        return self

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Note whether the block fails, which asks nothing but this store."""
        try:
            yield
        except Exception:
            self.failed = True
            raise

    @contextmanager
    def opened(self, manager: AbstractContextManager[Any]) -> Iterator[Any]:
        """Give what ``manager`` gives; whatever is asked of it is noted."""
        with ExitStack() as stack:
            with self.asked():
                found = stack.enter_context(manager)
            yield _Noted(self, found)
            with self.asked():
                stack.close()


class _Noted:
    """A source or a target whose failures are noted."""

    def __init__(self, side: _Side, found: Source | Target) -> None:
        self._side = side
        self._found = found

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._found, name)

        def ask(*given: Any) -> Any:
            with self._side.asked():
                answer = method(*given)
            return self._each(answer) if isinstance(answer, Iterator) else answer

        return ask

    def _each(self, answers: Iterator[Any]) -> Iterator[Any]:
        with self._side.asked():
            # Who takes them may stop in between, but nothing is asked then.
            yield from answers


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
