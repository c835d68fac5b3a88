"""The first phase: whether this machine can carry a store, before anything is changed.

Folders are made here, and nothing else.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from jobstore.checks import Check, Verdict
from jobstore.engines import backend_of, is_there
from jobstore.engines.backend import Upkeep
from jobstore.errors import StoreUnavailable
from jobstore.files import folder_of
from jobstore.operations.backup.packing import identities_in
from jobstore.operations.deployment.gates import Gate, measured
from jobstore.scratch import make_folder
from jobstore.settings.advice import warnings_of
from jobstore.settings.sections import Settings

_MIB = 1024 * 1024
# What a deployment may write, in sizes of the store: a copy and its compressed form for the
# backup, a copy to try things on, and the WAL of migrations that write everything anew.
_COPIES = 3.5


def checks(settings: Settings, files: tuple[Path, ...], *, dry_run: bool = False) -> Iterator[Gate]:
    """Return the checks of the phase; with ``dry_run`` no folder is made."""
    yield Gate("configuration", partial(_configuration, settings, files))
    yield Gate("python", _python)
    yield Gate("packages", partial(_packages, settings))
    yield Gate(_upkeep(settings).library().name, partial(_library, settings))
    yield Gate("folders", partial(_folders, settings, dry_run))
    yield Gate("permissions", partial(_permissions, settings))
    yield Gate("disk", partial(_disk, settings))


def _configuration(settings: Settings, files: tuple[Path, ...]) -> Check:
    told = ", ".join(str(file) for file in files) or "defaults and flags"
    warnings = [*warnings_of(settings)]
    # A key file that is none shall not show when it is needed.
    if settings.backup.recipients and not identities_in(settings.backup.identity_file):
        warnings.append(
            "Backups are encrypted, and no secret key is known: what a failed deployment needs a "
            "backup for is not put back; add --identity FILE."
        )
    verdict = Verdict.WARN if warnings else Verdict.PASS
    return measured(told, settings.environment, verdict=verdict, advice=" ".join(warnings))


def _python() -> Check:
    try:
        wanted = metadata.metadata("jobstore")["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        return _not_installed()
    # A Python that was built from a checkout has a plus at its end.
    found = platform.python_version().rstrip("+")
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return measured(found, wanted)
    advice = f"Install jobstore into an environment with Python {wanted}."
    return measured(found, wanted, verdict=Verdict.FAIL, advice=advice)


def _packages(settings: Settings) -> Check:
    extras = set()
    if settings.backup.recipients:
        extras.add("encryption")
    if any("://" in place for place in settings.backup.places):
        extras.add("cloud")
    try:
        wrong, number = _wrong_packages(extras)
    except metadata.PackageNotFoundError:
        return _not_installed()
    if wrong:
        command = (
            f"pip install 'jobstore[{','.join(sorted(extras))}]'" if extras else "pip install ."
        )
        return measured(
            "; ".join(wrong), "as required", verdict=Verdict.FAIL, advice=f"Run: {command}"
        )
    return measured(f"{number} packages as required", "as required")


def _wrong_packages(extras: set[str]) -> tuple[list[str], int]:
    """Return what is wrong with the packages that jobstore requires, and how many there are."""
    wrong, number = [], 0
    for needed in map(Requirement, metadata.requires("jobstore") or []):
        marker = needed.marker
        if marker and not any(marker.evaluate({"extra": each}) for each in {"", *extras}):
            continue
        number += 1
        try:
            version = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(version, prereleases=True):
            wrong.append(f"{needed.name} is {version}, and {needed.specifier} is required")
    return wrong, number


def _not_installed() -> Check:
    return measured(
        f"Python {platform.python_version()}; jobstore is not installed as a package",
        "as required",
        verdict=Verdict.WARN,
        advice="what it requires is not known; run: pip install .",
    )


def _library(settings: Settings) -> Check:
    found = _upkeep(settings).library()
    verdict = Verdict.PASS if found.usable else Verdict.FAIL
    return measured(found.detail, "usable", verdict=verdict, advice=found.advice)


def _upkeep(settings: Settings) -> Upkeep:
    return backend_of(settings.store.address).upkeep


def folders_of(settings: Settings) -> list[Path]:
    """Return the folders that a store and its operations use."""
    return [
        folder_of(settings.store.address.path),
        settings.state_folder,
        settings.logs_folder,
        settings.backups_folder,
        settings.deployments_folder,
    ]


def _folders(settings: Settings, dry_run: bool) -> Check:
    folders = folders_of(settings)
    missing = [folder for folder in folders if not folder.is_dir()]
    if dry_run:
        told = f"{len(missing)} would be made" if missing else "are there"
        return measured(told, f"{len(folders)} folders")
    for folder in missing:
        make_folder(folder)
    made = f", {len(missing)} made now" if missing else ""
    return measured(f"are there{made}", f"{len(folders)} folders")


def _permissions(settings: Settings) -> Check:
    for folder in folders_of(settings):
        place = next(each for each in (folder, *folder.parents) if each.is_dir())
        try:
            # Asking for permission is not the same: root may do everything, but not here.
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise StoreUnavailable(
                f"Cannot write in {place} ({error.strerror}); give this account write access to "
                "it, or name another folder in the settings."
            ) from error
    if is_there(settings.store.address):
        found = next(
            each
            for each in _upkeep(settings).inspect_files(settings.store.address)
            if each.name == "permissions"
        )
        if found.verdict is not Verdict.PASS:
            return measured(found.output, "writable, by this account alone", verdict=Verdict.WARN)
    return measured("written to", "writable, by this account alone")


def _disk(settings: Settings) -> Check:
    address = settings.store.address
    size = sum(_upkeep(settings).footprint(address)) if is_there(address) else 0
    needed = max(settings.deployment.min_free_mib, int(size * _COPIES / _MIB))
    free = (
        min(
            shutil.disk_usage(
                next(each for each in (folder, *folder.parents) if each.is_dir())
            ).free
            for folder in folders_of(settings)
        )
        // _MIB
    )
    enough = free >= needed
    return measured(
        free,
        needed,
        "MiB free",
        Verdict.PASS if enough else Verdict.FAIL,
        "" if enough else "Free some space, or put the backups elsewhere (backup.folder).",
        bound="at least",
    )
