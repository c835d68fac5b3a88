"""Where backups are kept: what every place does alike, and folders.

A backup is two files in a place: the data, and the manifest, which is written last and only
after the data was read back. So what has a manifest is complete. Until then a marker tells which
data is unfinished; whoever keeps backups of that store removes it when the work was not ended.
Object stores are in :mod:`jobstore.operations.backup.object_places`; which places a store has,
says :mod:`jobstore.operations.backup.catalog`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jobstore.errors import BackupError, JobStoreError
from jobstore.files import create
from jobstore.operations.backup.manifest import (
    MOST_OCTETS,
    SUFFIX,
    Manifest,
    is_name,
    parse_manifest,
)
from jobstore.operations.backup.packing import Measured, Packed, blocks_of
from jobstore.progress import Progress
from jobstore.scratch import (
    disk_errors,
    is_scratch,
    open_regular,
    publish,
    require_space,
    scratch_folder,
    write_file,
)

_MARKER = ".unfinished"


class Place(ABC):
    """One place that keeps backups; ``name`` is how people know it, without credentials.

    Every method may raise BackupError, when the place cannot be reached or refuses.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def listing(self) -> tuple[list[Manifest], list[str]]:
        """Return the backups that are whole, and what is wrong with others."""
        sizes = self.sizes()
        found, faults = [], []
        for file in sorted(sizes):
            name = file.removesuffix(SUFFIX)
            if name == file or not is_name(name):
                continue
            try:
                manifest = parse_manifest(self.read(file), name)
            except BackupError as error:
                faults.append(str(error) if name in str(error) else f"{file}: {error}")
                continue
            if sizes.get(manifest.file) == manifest.size:
                found.append(manifest)
            else:
                state = "has the wrong size" if manifest.file in sizes else "is missing"
                faults.append(f"The file of backup {manifest.name} {state}; use another copy.")
        return found, faults

    def put(self, manifest: Manifest, data: Path, progress: Progress) -> None:
        """Keep a backup: it is there as a whole, and was read back, when this returns."""
        marker = manifest.name + _MARKER
        self.write(marker, manifest.to_bytes())
        try:
            self.upload(manifest.file, data, progress)
            if self.measure(manifest.file, progress) != (manifest.size, manifest.sha256):
                raise BackupError(f"{self.name} does not give back what was stored there.")
            self.write(manifest.name + SUFFIX, manifest.to_bytes())
        except BaseException:
            with suppress(JobStoreError):
                # It may be there, although writing it was told to have failed.
                self.delete(manifest.name + SUFFIX)
                self.delete(manifest.file)
                self.delete(marker)
            raise
        self.delete(marker)

    def remove(self, manifest: Manifest) -> None:
        """Remove a backup."""
        # With the manifest it stops being one; a marker keeps the rest from being forgotten.
        self.write(manifest.name + _MARKER, manifest.to_bytes())
        self.delete(manifest.name + SUFFIX)
        self.delete(manifest.file)
        self.delete(manifest.name + _MARKER)

    def sweep(self, store: str) -> None:
        """Remove what killed processes left of the backups of ``store``.

        To be called only while nobody else makes or removes backups of it.
        """
        files = self.sizes()
        for file in files:
            name = file.removesuffix(_MARKER)
            if name == file or not is_name(name):
                continue
            with suppress(BackupError):
                manifest = parse_manifest(self.read(file), name)
                if manifest.store == store:
                    if name + SUFFIX not in files and manifest.file in files:
                        self.delete(manifest.file)
                    self.delete(file)

    def fetch(self, manifest: Manifest, scratch: Path, progress: Progress) -> Path:
        """Return the data of a backup as a file, with the size and checksum that it should have.

        It may be the place's own: to be read only.
        """
        file, found = self.download(manifest.file, scratch, progress, manifest.size)
        if found != (manifest.size, manifest.sha256):
            raise BackupError(
                f"Backup {manifest.name} in {self.name} is not what was stored there (its "
                "checksum differs); use another copy."
            )
        return file

    def measure(self, file: str, progress: Progress, most: int | None = None) -> Packed:
        """Read a file for its size and checksum; not much more than ``most`` bytes of it."""
        measured = Measured()
        for block in self.blocks(file, "read back", progress, most):
            measured.add(block)
        return measured.packed()

    def download(
        self, file: str, scratch: Path, progress: Progress, most: int
    ) -> tuple[Path, Packed]:
        """Return a file's local path, in ``scratch`` if need be, and what was read.

        Not much more than ``most`` bytes are.
        """
        target, measured = scratch / "downloaded", Measured()
        # Of another copy, which was not good.
        target.unlink(missing_ok=True)
        with disk_errors(scratch), create(target) as stream:
            for block in self.blocks(file, "download", progress, most):
                require_space(scratch, len(block))
                stream.write(block)
                measured.add(block)
        return target, measured.packed()

    @abstractmethod
    def below(self, folder: str) -> Place:
        """Return the place that is ``folder`` in this one; it need not be there yet."""

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Return the names of the plain files here, with their sizes in bytes."""

    @abstractmethod
    def read(self, file: str) -> bytes:
        """Return what a small file holds; of a longer one a little more than a manifest may be."""

    @abstractmethod
    def write(self, file: str, data: bytes) -> None:
        """Write a small file, wholly or not at all."""

    @abstractmethod
    def upload(self, file: str, source: Path, progress: Progress) -> None:
        """Write a large file, wholly or not at all."""

    @abstractmethod
    def blocks(
        self, file: str, step: str, progress: Progress, most: int | None = None
    ) -> Iterator[bytes]:
        """Yield what a file holds, of more than ``most`` bytes not much more than these."""

    @abstractmethod
    def delete(self, file: str) -> None:
        """Remove a file; one that is not there is fine."""


class FolderPlace(Place):
    """A folder, which has to be there: a disk that is not mounted is no place."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder

    def below(self, folder: str) -> FolderPlace:
        return FolderPlace(self.folder / folder)

    def sizes(self) -> dict[str, int]:
        with disk_errors(self.folder):
            found = {}
            with os.scandir(self.folder) as entries:
                for each in entries:
                    # Others may remove what they made meanwhile.
                    with suppress(FileNotFoundError):
                        if each.is_file(follow_symlinks=False):
                            found[each.name] = each.stat(follow_symlinks=False).st_size
            return found

    def read(self, file: str) -> bytes:
        with disk_errors(self.folder), open_regular(self.folder / file) as stream:
            return stream.read(MOST_OCTETS + 1)

    def write(self, file: str, data: bytes) -> None:
        with disk_errors(self.folder):
            write_file(self.folder / file, data)

    def upload(self, file: str, source: Path, progress: Progress) -> None:
        with disk_errors(self.folder):
            if is_scratch(source.parent, self.folder):
                publish(source, self.folder / file)
                return
            with scratch_folder(self.folder) as scratch:
                with create(scratch / file) as writing:
                    for block in blocks_of(source, "copy", progress):
                        writing.write(block)
                publish(scratch / file, self.folder / file)

    def blocks(
        self, file: str, step: str, progress: Progress, most: int | None = None
    ) -> Iterator[bytes]:
        return blocks_of(self.folder / file, step, progress, most)

    def download(
        self, file: str, scratch: Path, progress: Progress, most: int
    ) -> tuple[Path, Packed]:
        return self.folder / file, self.measure(file, progress, most)

    def delete(self, file: str) -> None:
        with disk_errors(self.folder):
            (self.folder / file).unlink(missing_ok=True)
