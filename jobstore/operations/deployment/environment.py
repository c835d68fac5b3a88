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
from jobstore.engines import in_files, is_there, upkeep_of
from jobstore.engines.backend import Upkeep
from jobstore.errors import StoreUnavailable
from jobstore.files import folder_of, there
from jobstore.operations.backup.packing import identities_in
from jobstore.operations.deployment.gates import Gate
from jobstore.scratch import make_folder
from jobstore.settings.advice import warnings_of
from jobstore.settings.sections import Settings
from jobstore.verdicts import at_least

_MIB = 1024 * 1024
# What a deployment may write, in sizes of the store: a copy and its compressed form for the
# backup, a copy to try things on, and the WAL of migrations that write everything anew.
_COPIES = 3.5


def checks(settings: Settings, files: tuple[Path, ...], *, dry_run: bool = False) -> Iterator[Gate]:
    """Return the checks of the phase; with ``dry_run`` no folder is made."""
    yield Gate("configuration", partial(_configuration, settings, files))
    yield Gate("python", _python)
    yield Gate("packages", partial(_packages, settings))
    yield Gate(settings.store.address.engine, partial(_library, settings))
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
    return Check(verdict, told, advice=" ".join(warnings), limit=settings.environment)


def _python() -> Check:
    try:
        wanted = metadata.metadata("jobstore")["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        return _not_installed()
    # A Python that was built from a checkout has a plus at its end.
    found = platform.python_version().rstrip("+")
    if SpecifierSet(wanted).contains(found, prereleases=True):
        return Check(Verdict.PASS, found, limit=wanted)
    advice = f"Install jobstore into an environment with Python {wanted}."
    return Check(Verdict.FAIL, found, advice=advice, limit=wanted)


def _packages(settings: Settings) -> Check:
    extras = set()
    if settings.backup.recipients:
        extras.add("encryption")
    if any("://" in place for place in settings.backup.places):
        extras.add("cloud")
    try:
        required = [Requirement(each) for each in metadata.requires("jobstore") or []]
    except metadata.PackageNotFoundError:
        return _not_installed()
    needed = [
        each
        for each in required
        if each.marker is None
        or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]
    if not (wrong := [*filter(None, map(_wrong, needed))]):
        return Check(Verdict.PASS, f"{len(needed)} packages as required")
    package = f"'jobstore[{','.join(sorted(extras))}]'" if extras else "."
    return Check(Verdict.FAIL, "; ".join(wrong), advice=f"Run: pip install {package}")


def _wrong(needed: Requirement) -> str:
    """Return what is wrong with a package that is required; empty where nothing is."""
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return f"{needed.name} is missing"
    if needed.specifier.contains(version, prereleases=True):
        return ""
    return f"{needed.name} is {version}, and {needed.specifier} is required"


def _not_installed() -> Check:
    told = f"Python {platform.python_version()}; jobstore is not installed as a package"
    return Check(Verdict.WARN, told, advice="what it requires is not known; run: pip install .")


def _library(settings: Settings) -> Check:
    found = _upkeep(settings).library(settings.store.address)
    verdict = Verdict.PASS if found.usable else Verdict.FAIL
    return Check(verdict, found.detail, advice=found.advice)


def _upkeep(settings: Settings) -> Upkeep:
    return upkeep_of(settings.store.address)


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
    missing = [folder for folder in folders_of(settings) if not folder.is_dir()]
    if missing and dry_run:
        return Check(Verdict.PASS, f"{len(missing)} would be made")
    for folder in missing:
        make_folder(folder)
    made = f", {len(missing)} made now" if missing else ""
    return Check(Verdict.PASS, f"are there{made}")


def _permissions(settings: Settings) -> Check:
    for folder in folders_of(settings):
        place = there(folder)
        try:
            # Asking for permission is not the same: root may do everything, but not here.
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise StoreUnavailable(
                f"Cannot write in {place} ({error.strerror}); give this account write access to "
                "it, or name another folder in the settings."
            ) from error
    address = settings.store.address
    if in_files(address) and is_there(address):
        found = next(
            each for each in _upkeep(settings).inspect_files(address) if each.name == "permissions"
        )
        if found.verdict is not Verdict.PASS:
            return Check(Verdict.WARN, found.output)
    return Check(Verdict.PASS, "written to, by this account alone")


def _disk(settings: Settings) -> Check:
    address = settings.store.address
    size = sum(_upkeep(settings).footprint(address)) if is_there(address) else 0
    needed = max(settings.deployment.min_free_mib, int(size * _COPIES / _MIB))
    free = min(shutil.disk_usage(there(folder)).free for folder in folders_of(settings)) // _MIB
    advice = "Free some space, or put the backups elsewhere (backup.folder)."
    return at_least(free, "MiB free", needed, needed, advice=advice)
