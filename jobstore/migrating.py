"""Brings the schema of a store up to date, or back: all or nothing, once, and checked.

An additive migration (:attr:`~jobstore.engines.scripts.Script.additive`) lets programs of the
version before go on. The store says which migration is the oldest whose programs may: the last one
that is not additive, until :func:`finish` says that all know the newest. What is derived from
postings is then built beside them.

What must hold before a migration runs, and the operators' functions, live here. How a
database applies one is its engine's business (:class:`jobstore.engines.schema.Schema`); no
statement is written here, and the scripts are only handed on, or looked through for what loses
data. Each migration is applied in one transaction together with the record of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from jobstore import resources
from jobstore.engines import backend_of
from jobstore.engines.backend import Capability
from jobstore.engines.schema import (
    INVALID,
    USUAL_ROLES,
    Applied,
    NotValid,
    Recorded,
    Renewal,
    Schema,
    up_command,
)
from jobstore.engines.schema import Roles as Roles
from jobstore.engines.scripts import Script, last_that_stops, read_scripts
from jobstore.errors import MigrationError, SchemaMismatch
from jobstore.migration_runs import Look as Look
from jobstore.migration_runs import renew, run, step
from jobstore.migration_states import MigrationState as MigrationState
from jobstore.migration_states import State as State
from jobstore.migration_states import Step as Step
from jobstore.migration_states import compare, refuse
from jobstore.progress import Progress, silent
from jobstore.settings import StoreURL, parse_store_url
from jobstore.threads import apart

LOCK_TIMEOUT = 30.0
"""Seconds that :func:`up` and :func:`down` wait for others before StoreBusy."""

# Seconds that programs of the version before may go on after a new index is in use, unless an
# operator says that they have ended.
_TRANSITION = 24 * 3600.0


def up(
    url: str | StoreURL,
    to: str | None = None,
    *,
    dry_run: bool = False,
    timeout: float = LOCK_TIMEOUT,
    folder: Path | None = None,
    progress: Progress = silent,
) -> list[Step]:
    """Apply every migration that is not applied yet, up to and including ``to``.

    A store that does not exist is made, with mode 0600 and missing folders 0700. ``to`` is a
    migration's id or number (``"0002"``). ``dry_run`` changes nothing. ``timeout`` bounds the
    seconds of waiting for other processes. ``folder`` has the migrations, by default those of
    this jobstore. Where what follows from the postings has to be built anew, that is done in short
    steps between the writes of others, and ``progress`` is told how far it is; interrupted, the
    next call goes on from there. Several processes may call this at once: each migration is applied
    once.

    Returns what was applied, or would be. When one fails, it leaves nothing behind, those
    before it stay, and calling again goes on from there. Raises MigrationError,
    SchemaMismatch, StoreBusy, StorageFull, StoreCorrupt or StoreUnavailable.
    """
    store, schema, scripts = _known(url, folder)
    last = len(scripts) if to is None else _number(to, scripts)

    def plan(known: Sequence[Recorded], compatible: str) -> list[Script]:
        refuse(scripts, known, compatible)
        return scripts[len(known) : last]

    if dry_run:
        now = schema.applied(store, patience=LOCK_TIMEOUT)
        todo = plan(now.migrations, now.compatible)
        return [step(script, "up") for script in todo]
    schema.make(store)
    with schema.changing(store, patience=timeout) as migrator:
        done = run(migrator, "up", plan, scripts)
        if done and done[0].id == scripts[0].id:
            # There are no programs of earlier versions.
            with migrator.transaction():
                if any(script.finish for script in scripts[:last]):
                    migrator.finish(scripts[:last])
                migrator.let(last_that_stops(scripts[:last]))
    if folder is None and last == len(scripts):
        renew(store, schema, scripts, timeout, progress)
    return done


def down(
    url: str | StoreURL,
    to: str | None = None,
    *,
    steps: int = 1,
    dry_run: bool = False,
    timeout: float = LOCK_TIMEOUT,
    folder: Path | None = None,
    look: Look | None = None,
) -> list[Step]:
    """Take back the last ``steps`` migrations, or with ``to`` all that came after that one.

    ``to="0"``, or more zeros, takes back everything. Postings stay for as long as the migration
    that made their table stays. No backup is made here. ``look`` is called before the first, if
    there is one, and nobody else can write from then until the last; with it, all are taken back or
    none, so what it raises leaves all of them where they are. Otherwise like :func:`up`; a store
    that does not exist is not made (StoreUnavailable).
    """
    store, schema, scripts = _known(url, folder)
    if steps < 1:
        raise MigrationError("The number of migrations to take back must be at least 1.")
    stays = 0 if to is None or set(to) == {"0"} else _number(to, scripts)
    most = steps if to is None else len(scripts)

    def plan(known: Sequence[Recorded], _compatible: str) -> list[Script]:
        # What a newer jobstore added, only that one can take back.
        refuse(scripts, known)
        return scripts[stays : len(known)][::-1]

    if dry_run:
        now = schema.applied(store, patience=LOCK_TIMEOUT)
        todo = plan(now.migrations, now.compatible)
        return [step(script, "down") for script in todo[:most]]
    with schema.changing(store, patience=timeout) as migrator:
        done = run(migrator, "down", plan, scripts, most, look)
    schema.sweep(store, patience=timeout, progress=silent)
    return done


def finish(
    url: str | StoreURL, *, timeout: float = LOCK_TIMEOUT, progress: Progress = silent
) -> list[str]:
    """Take away what only programs of the versions before use: they may no longer go on.

    To be called when all of them are stopped or upgraded; those that are not get SchemaMismatch
    from then on. An old index goes in short steps between the writes of others. Harmless where
    there is nothing to do, and goes on where an earlier call was interrupted. Returns the
    migrations that were finished. Raises what :func:`check_schema` and :func:`up` raise.
    """
    check_schema(url)
    store, schema, scripts = _known(url, None)
    if schema.applied(store, patience=timeout).migrations[-1].id != scripts[-1].id:
        raise SchemaMismatch("The store was migrated by a newer jobstore; let that one finish.")
    done: list[str] = []
    while True:
        schema.settle(store, patience=timeout)
        with schema.changing(store, patience=timeout) as migrator, migrator.transaction():
            compatible = migrator.compatible()
            due = [script for script in scripts if script.id > compatible]
            if not due:
                break
            if migrator.finish(due):
                migrator.let(scripts[-1].id)
                done = [script.id for script in due]
                break
    schema.sweep(store, patience=timeout, progress=progress)
    return done


def roles(
    url: str | StoreURL,
    wanted: Roles = USUAL_ROLES,
    *,
    dry_run: bool = False,
) -> tuple[Roles, list[str]]:
    """Make the roles of a server that use the store, and give each exactly the rights it needs.

    Those that are there are kept, with their passwords; their rights on the store are set anew, so
    calling it again does no harm. It can be called before the first :func:`up` and at any time
    after. Returns the roles by name, and the statements that were run, or with ``dry_run`` would
    be. Raises MigrationError where the engine has no roles, StoreUnavailable where the account may
    not make them or a name cannot be one, and StoreBusy.
    """
    store, schema, _ = _known(url, None)
    return schema.grant(store, wanted, dry_run=dry_run, patience=LOCK_TIMEOUT)


def tend(url: str | StoreURL, *, timeout: float = LOCK_TIMEOUT) -> list[str]:
    """Do what is left to do some time after :func:`up`; to be called once a day.

    Brings in a bounded number of changes by programs of the version before, removes what nobody
    uses any more, and does what :func:`finish` does a day after what is derived was built anew.
    Leaves a store alone that is not one of exactly this version. Returns, and raises, like that.
    """
    if Capability.MIGRATIONS not in backend_of(parse_store_url(url)).capabilities:
        return []
    store, schema, scripts = _known(url, None)
    applied = schema.applied(store, patience=timeout)
    ours = [script.id for script in scripts] == [each.id for each in applied.migrations]
    if not ours or applied.derived_form != schema.derived_form:
        return []
    if (found := schema.renewal(store, patience=timeout)) is not None:
        if found.switched_at is not None and time.time() - found.switched_at >= _TRANSITION:
            return finish(store, timeout=timeout)
        schema.settle(store, patience=timeout)
    schema.sweep(store, patience=timeout, progress=silent)
    return []


def renewal(url: str | StoreURL) -> Renewal | None:
    """Return how far building anew what is derived from postings is; ``None`` where it is done.

    Raises StoreUnavailable or StoreCorrupt when the store cannot be read.
    """
    store, schema, _ = _known(url, None)
    if not schema.applied(store, patience=LOCK_TIMEOUT).migrations:
        return None
    return schema.renewal(store, patience=LOCK_TIMEOUT)


def status(url: str | StoreURL, *, folder: Path | None = None) -> list[MigrationState]:
    """Return every migration that the store or this jobstore knows, in order.

    Nothing is changed, and nothing that is wrong with a migration is raised: see its
    ``state``. Raises StoreUnavailable or StoreCorrupt when the store cannot be read.
    """
    store, schema, scripts = _known(url, folder)
    return compare(scripts, schema.applied(store, patience=LOCK_TIMEOUT).migrations)


def verify(url: str | StoreURL, *, folder: Path | None = None) -> None:
    """Check that the schema is exactly what this jobstore's migrations make.

    Beyond :func:`check_schema` it compares every table, index, view and trigger with a fresh
    one; what was added under names of its own is left alone. Raises SchemaMismatch, or
    MigrationError that names what differs: NotValid where 'jobstore doctor --repair' mends it.
    """
    check_schema(url, folder=folder)
    store, schema, scripts = _known(url, folder)
    now = schema.applied(store, patience=LOCK_TIMEOUT)
    found = schema.objects(store, patience=LOCK_TIMEOUT)
    expected = schema.objects_of(store, scripts, now.compatible)
    absent = expected.keys() - found.keys()
    changed = {name for name in expected.keys() - absent if expected[name] != found[name]}
    if len(now.migrations) > len(scripts):
        # A newer jobstore may have added columns.
        changed.clear()
    if changed and not absent and all(found[name] == INVALID + expected[name] for name in changed):
        raise NotValid(
            f"{' and '.join(sorted(changed))} was changed: it is not valid; run 'jobstore doctor "
            "--repair', which makes it anew."
        )
    if absent or changed:
        told = [f"{name} is missing" for name in sorted(absent)]
        told += [f"{name} was changed" for name in sorted(changed)]
        raise MigrationError(
            f"The schema is not what its migrations made: {', '.join(told)}; "
            "restore a backup, or export the postings into a new store."
        )


def check_schema(url: str | StoreURL, *, folder: Path | None = None) -> None:
    """Raise unless the store's schema is the one that this jobstore works with.

    Cheap enough for every connect. Raises SchemaMismatch when the store is missing or older,
    naming the command to run, or newer; MigrationError when its migrations are not those of
    this jobstore; StoreCorrupt when it is no jobstore database; StoreUnavailable when its
    folder is missing or it cannot be read.
    """
    store, schema, _ = _known(url, folder)
    check_applied(store, schema.applied(store, patience=LOCK_TIMEOUT), folder=folder)


def check_applied(url: str | StoreURL, applied: Applied, *, folder: Path | None = None) -> None:
    """Do what :func:`check_schema` does for a store that was asked what is applied to it."""
    store, schema, scripts = _known(url, folder)
    refuse(scripts, applied.migrations, applied.compatible)
    behind = ", ".join(script.id for script in scripts[len(applied.migrations) :])
    if behind:
        lacks = f"lacks {behind}" if applied.migrations else "does not exist yet, or is empty"
        raise SchemaMismatch(f"The store {lacks}; {_how(store, applied)}")
    if folder is not None:
        return
    if applied.derived_form < schema.derived_form:
        raise SchemaMismatch(f"The store's index has an older form; {_how(store, applied)}")
    # A newer jobstore leaves what this one derives as it is, for as long as this one may go on.
    newer = len(applied.migrations) > len(scripts)
    if applied.derived_form > schema.derived_form and not newer:
        raise SchemaMismatch("The store was written by a newer jobstore; upgrade jobstore.")


def _how(url: StoreURL, applied: Applied) -> str:
    """Say what brings a store up to date, and who can do that."""
    if applied.owner:
        return f"have {applied.owner}, who owns it, run: jobstore migrate up"
    return f"run: {up_command(url)}"


async def up_async(url: str | StoreURL) -> list[Step]:
    """Do what :func:`up` does, on a thread of its own.

    A cancelled call stops waiting; what runs then is still finished.
    """
    return await asyncio.to_thread(up, url)


async def check_schema_async(url: str | StoreURL) -> None:
    """Do what :func:`check_schema` does, on a thread of its own, which may be left behind."""
    await apart(check_schema, url)


def _known(url: str | StoreURL, folder: Path | None) -> tuple[StoreURL, Schema, list[Script]]:
    """Return what ``url`` names, what its engine says of its schema, and the migrations."""
    store = parse_store_url(url)
    backend = backend_of(store)
    if Capability.MIGRATIONS not in backend.capabilities:
        raise MigrationError(
            f"A {store.engine} store has no migrations; it is made as it is opened."
        )
    try:
        scripts = read_scripts(folder or resources.migrations_folder(backend.schema.migrations))
    except FileNotFoundError as error:
        raise MigrationError(f"{error}; reinstall jobstore.") from error
    return store, backend.schema, scripts


def _number(wanted: str, scripts: Sequence[Script]) -> int:
    """Return the number of the migration that ``wanted`` names."""
    for script in scripts:
        if wanted in (script.id, f"{script.number:04}", str(script.number)):
            return script.number
    known = ", ".join(script.id for script in scripts)
    raise MigrationError(f"There is no such migration; there are: {known}.")
