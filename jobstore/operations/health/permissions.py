"""Whether other accounts can change what a store lives by: its files, its state, its backups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from jobstore.checks import Check, Probe, Verdict
from jobstore.engines import backend_of
from jobstore.files import exposure, folder_of
from jobstore.threads import apart_once

if TYPE_CHECKING:
    from jobstore.settings.sections import Settings

# Files that are looked at, and those that are named.
_MOST = 10_000
_NAMED = 3


def permissions_of(settings: Settings) -> Probe:
    """Return the probe that looks for files and folders that others can write."""
    name = "permissions:writable"
    look = partial(_look, settings)
    return Probe(name, partial(apart_once, (name, settings.state_folder), look), "system")


def _look(settings: Settings) -> Check:
    files = backend_of(settings.store.address).files(settings.store.address)
    owner = files[0].stat().st_uid if files and files[0].exists() else os.geteuid()
    found: dict[Path, str] = {}
    for each in islice(_files(settings), _MOST):
        try:
            exposed = exposure(each, owner)
        except OSError:
            # This account could change nothing about it; a disk that fails, other checks tell.
            continue
        if exposed:
            found[each] = exposed
    if not found:
        return Check(Verdict.PASS, 0, "files")
    told = [f"{path} {exposed}" for path, exposed in islice(found.items(), _NAMED)]
    more = len(found) - len(told)
    told += [f"and {more:,} more"] if more else []
    advice = "run chmod go-w on each, or chown"
    return Check(Verdict.WARN, len(found), "files", "; ".join(told), advice)


def _files(settings: Settings) -> Iterator[Path]:
    address = settings.store.address
    if files := backend_of(address).files(address):
        # Who may write where the name stands, or where it leads if it is a link, can replace it.
        yield from dict.fromkeys((address.path.parent, folder_of(address.path)))
        yield from files
    places = (each for each in settings.backup.places if "://" not in each)
    folders = {
        settings.state_folder,
        settings.logs_folder,
        settings.backups_folder,
        settings.deployments_folder,
        *(Path(each).expanduser() for each in places),
    }
    for folder in sorted(folders):
        yield folder
        # One inside of another was looked at already.
        if not any(above in folders for above in folder.parents):
            yield from folder.rglob("*")
