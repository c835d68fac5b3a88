"""From a database file to a stored one, and back: compressed, encrypted, measured on the way.

The stored file is a frame of Zstandard (RFC 8878), inside the age format (age-encryption.org/v1)
where recipients are given; other tools can open it. Everything streams: memory does not grow
with the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from jobstore.errors import BackupError
from jobstore.files import create
from jobstore.operations.backup.manifest import Manifest
from jobstore.operations.backup.scratch import CHUNK, Progress, disk_errors, silent


class Packed(NamedTuple):
    """A stored file: its size in bytes and its SHA-256."""

    size: int
    sha256: str


def recipients_of(keys: Iterable[str]) -> list[Any]:
    """Return the recipients that public keys (``age1...``) stand for.

    Raises BackupError for one that is none, and when the extra is not installed.
    """
    listed = list(keys)
    if not listed:
        return []
    age = _age()
    try:
        return [age.x25519.Recipient.from_str(key) for key in listed]
    except age.RecipientError:
        raise BackupError(
            "One of the backup's recipients is no age public key; such a key begins with age1."
        ) from None


def identities_in(file: Path | None) -> list[Any]:
    """Return the identities in an age key file; none where no file is named.

    Raises BackupError when it cannot be read or holds something else.
    """
    if file is None:
        return []
    age = _age()
    with disk_errors(file.parent):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        found = [age.x25519.Identity.from_str(key) for key in keys]
    except age.IdentityError:
        found = []
    if not found:
        raise BackupError(f"{file} is no age key file; its lines begin with AGE-SECRET-KEY-1.")
    return found


def pack(
    source: Path, target: Path, *, level: int, recipients: Sequence[Any], progress: Progress
) -> Packed:
    """Compress ``source`` into ``target``, and encrypt it where there are recipients.

    ``level``: 1 (fast) to 22 (small). Raises StorageFull and BackupError.
    """
    import zstandard

    size = source.stat().st_size
    with (
        disk_errors(target.parent),
        source.open("rb") as plain,
        create(target) as stored,
        _true_causes() as causes,
    ):
        reader: Any = _Reader(plain, size, "compress", progress, causes)
        writer = _Writer(stored, None, causes)
        packing = zstandard.ZstdCompressor(level=level, write_checksum=True)
        with packing.stream_reader(reader, size=size, read_size=CHUNK, closefd=False) as packed:
            if recipients:
                _age().encrypt_io(packed, writer, recipients)
            else:
                while block := packed.read(CHUNK):
                    writer.write(block)
    return Packed(writer.size, writer.hash.hexdigest())


def unpack(
    stored: Path,
    target: Path,
    manifest: Manifest,
    *,
    identities: Sequence[Any],
    progress: Progress,
) -> None:
    """Write the database that ``stored`` holds to ``target``.

    Raises BackupError when none of the identities opens it, or when it holds something else
    than ``manifest`` says, and StorageFull. Never writes more than it says.
    """
    import zstandard

    with (
        disk_errors(target.parent),
        stored.open("rb") as packed,
        create(target) as plain,
        _true_causes() as causes,
    ):
        reader = _Reader(packed, manifest.size, "decompress", progress, causes)
        writer: Any = _Writer(plain, manifest.database_size, causes)
        unpacking = zstandard.ZstdDecompressor().stream_writer(writer, closefd=False)
        try:
            if manifest.encryption is None:
                while block := reader.read(CHUNK):
                    unpacking.write(block)
            else:
                _age().decrypt_io(reader, unpacking, identities)
        except Exception as error:
            if causes:
                raise
            raise _unreadable(manifest, error) from error
    if writer.size != manifest.database_size:
        raise BackupError(f"Backup {manifest.name} ends too early; use another copy.")


def measure(
    file: Path, step: str = "checksum", progress: Progress = silent, total: int = 0
) -> Packed:
    """Return the size and the SHA-256 of a file."""
    hash = hashlib.sha256()
    size = 0
    with disk_errors(file.parent), file.open("rb") as stream:
        while block := stream.read(CHUNK):
            hash.update(block)
            size += len(block)
            progress(step, size, total)
    return Packed(size, hash.hexdigest())


def _unreadable(manifest: Manifest, error: Exception) -> BackupError:
    # pyrage has one error for everything that is wrong with the header.
    if type(error).__name__ == "DecryptError" and "match" in str(error):
        return BackupError(
            f"Backup {manifest.name} was encrypted to another key; use the identity file that "
            "belongs to one of its recipients."
        )
    return BackupError(f"Backup {manifest.name} is damaged; use another copy.")


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise BackupError(
            "Encrypted backups need the extra: pip install 'jobstore[encryption]'."
        ) from None
    return pyrage


@contextmanager
def _true_causes() -> Iterator[list[BaseException]]:
    """Raise what reading or writing raised, which pyrage passes on as text only."""
    causes: list[BaseException] = []
    try:
        yield causes
    except Exception:
        if causes:
            raise causes[0] from None
        raise


class _Reader:
    """A file that tells how far it was read."""

    def __init__(
        self,
        file: BinaryIO,
        total: int,
        step: str,
        progress: Progress,
        causes: list[BaseException],
    ) -> None:
        self._file = file
        self._total = total
        self._step = step
        self._progress = progress
        self._causes = causes
        self._done = 0

    def read(self, size: int = -1) -> bytes:
        try:
            block = self._file.read(size)
            self._done += len(block)
            self._progress(self._step, self._done, self._total)
        except Exception as error:
            self._causes.append(error)
            raise
        return block


class _Writer:
    """A file that is measured as it is written, and may not grow beyond ``most`` bytes."""

    def __init__(self, file: BinaryIO, most: int | None, causes: list[BaseException]) -> None:
        self._file = file
        self._most = most
        self._causes = causes
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, block: Any) -> int:
        self.size += len(block)
        if self._most is not None and self.size > self._most:
            raise ValueError("longer than it says")
        self.hash.update(block)
        try:
            self._file.write(block)
        except OSError as error:
            self._causes.append(error)
            raise
        return len(block)

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            self._causes.append(error)
            raise
