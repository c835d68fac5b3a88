"""From a database file to a stored one, and back: compressed, encrypted, measured on the way.

The stored file is a frame of Zstandard (RFC 8878), inside the age format (age-encryption.org/v1)
where recipients are given; other tools can open it. Everything streams: memory does not grow
with the file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, Self

from jobstore.errors import BackupError
from jobstore.files import create
from jobstore.progress import Progress
from jobstore.scratch import CHUNK, disk_errors, open_regular, require_space

# Bytes between two looks at the room that is left.
_BETWEEN_LOOKS = 8 * CHUNK
# Bytes that a database is known by.
_HEADER = 100

# Levels of Zstandard. Measured on the log of scrapers (16 KB of pages for a posting): matches over
# long distances take 42 us and leave 37 % at level 1; level 3 alone takes 92 and leaves 35 %.
_USUAL: tuple[int, dict[str, Any]] = (3, {})
_ALIKE: tuple[int, dict[str, Any]] = (1, {"enable_ldm": True, "window_log": 24})

Fits = Callable[[bytes, int], bool]
"""Whether what begins with these bytes can be a database of so many; see ``Archive.fits``."""


class Packed(NamedTuple):
    """A stored file: its size in bytes and its SHA-256."""

    size: int
    sha256: str


class Promise(NamedTuple):
    """What is said of something stored, which is called ``what`` in messages.

    ``size`` and ``sha256`` are those of what is stored, ``octets`` is the size of what is in it.
    """

    what: str
    encryption: Literal["age"] | None
    size: int
    sha256: str
    octets: int


class Measured:
    """The size and the SHA-256 of all that was added."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()

    def add(self, block: bytes) -> None:
        """Add what follows."""
        self.size += len(block)
        self._hash.update(block)

    def packed(self) -> Packed:
        """Return what was found so far."""
        return Packed(self.size, self._hash.hexdigest())


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
    with disk_errors(file.parent), open_regular(file, follow=True) as stream:
        lines = stream.read(CHUNK).decode("utf-8", "replace").splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        found = [age.x25519.Identity.from_str(key) for key in keys]
    except age.IdentityError:
        found = []
    if not found:
        raise BackupError(f"{file} is no age key file; its lines begin with AGE-SECRET-KEY-1.")
    return found


def pack(
    sources: Sequence[Path],
    target: Path,
    *,
    recipients: Sequence[Any],
    progress: Progress,
    alike: bool = False,
) -> Packed:
    """Compress files, joined end to end, into ``target``; encrypted where there are recipients.

    ``alike`` is for what repeats itself over long distances, such as pages that were written
    again and again: it takes half of the time, and comes out about as small.

    Raises StorageFull and BackupError.
    """
    import zstandard

    size = sum(each.stat().st_size for each in sources)
    with (
        disk_errors(target.parent),
        _Joined(sources) as plain,
        create(target) as stored,
        true_causes() as causes,
    ):
        reader: Any = _Reader(plain, size, "compress", progress, causes)
        writer = _Writer(stored, target.parent, causes)
        level, distance = _ALIKE if alike else _USUAL
        parameters = zstandard.ZstdCompressionParameters.from_level(
            level, write_checksum=True, **distance
        )
        packing = zstandard.ZstdCompressor(compression_params=parameters)
        with packing.stream_reader(reader, size=size, read_size=CHUNK, closefd=False) as packed:
            if recipients:
                _age().encrypt_io(packed, writer, recipients)
            else:
                shutil.copyfileobj(packed, writer, CHUNK)
    return writer.packed()


def unpack(
    stored: Path,
    target: Path,
    promise: Promise,
    *,
    fits: Fits | None = None,
    identities: Sequence[Any],
    progress: Progress,
    start: int | None = None,
) -> None:
    """Write what ``stored`` holds to ``target``; with ``start`` the part that begins there.

    Raises BackupError when none of the identities opens it, or when it is or holds something
    else than ``promise`` says, and StorageFull. Never writes more than it says, nor into the
    room that stays free for others.
    """
    import zstandard

    with (
        disk_errors(target.parent),
        open_regular(stored) as packed,
        create(target) as plain,
        true_causes() as causes,
    ):
        packed.seek(start or 0)
        # What is longer than it should be shall be noticed, but for a part, which is followed.
        most = promise.size + (start is None)
        reader = _Reader(packed, promise.size, "decompress", progress, causes, most)
        writer: Any = _Writer(plain, target.parent, causes, promise, fits)
        unpacking = zstandard.ZstdDecompressor().stream_writer(writer, closefd=False)
        try:
            if promise.encryption is None:
                shutil.copyfileobj(reader, unpacking, CHUNK)
            else:
                _age().decrypt_io(reader, unpacking, identities)
                while reader.read(CHUNK):
                    pass
        except Exception as error:
            if causes:
                raise
            raise _unreadable(promise, error) from error
    # It was measured before, but whoever may write there may have changed it since.
    if reader.packed() != (promise.size, promise.sha256):
        raise BackupError(f"{promise.what} was changed while it was read; use another.")
    if writer.size != promise.octets:
        raise BackupError(f"{promise.what} ends too early; use another copy.")


def blocks_of(
    file: Path, step: str, progress: Progress, most: int | None = None
) -> Iterator[bytes]:
    """Yield what a file holds, of more than ``most`` bytes not much more than these."""
    done = 0
    with disk_errors(file.parent), open_regular(file) as stream:
        total = os.fstat(stream.fileno()).st_size
        while (most is None or done <= most) and (block := stream.read(CHUNK)):
            done += len(block)
            progress(step, done, total)
            yield block


def _unreadable(promise: Promise, error: Exception) -> BackupError:
    # pyrage has one error for everything that is wrong with the header.
    if type(error).__name__ == "DecryptError" and "match" in str(error):
        return BackupError(
            f"{promise.what} was encrypted to another key; use the identity file that "
            "belongs to one of its recipients."
        )
    return BackupError(f"{promise.what} is damaged; use another copy.")


def _age() -> Any:
    try:
        import pyrage
    except ImportError:
        raise BackupError(
            "Encrypted backups need the extra: pip install 'jobstore[encryption]'."
        ) from None
    return pyrage


@contextmanager
def true_causes() -> Iterator[list[BaseException]]:
    """Raise what was caught by :func:`caught_by`: pyrage and obstore pass it on as text only."""
    causes: list[BaseException] = []
    try:
        yield causes
    except Exception:
        if causes:
            raise causes[0] from None
        raise


@contextmanager
def caught_by(causes: list[BaseException]) -> Iterator[None]:
    """Keep what the block raises among the causes."""
    try:
        yield
    except Exception as error:
        causes.append(error)
        raise


class _Joined:
    """Files that are read as if they were one."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(reversed(files))
        self._open: BinaryIO | None = None

    def read(self, size: int = -1) -> bytes:
        while self._open is not None or self._files:
            if self._open is None:
                self._open = self._files.pop().open("rb")
            if block := self._open.read(size):
                return block
            self._close()
        return b""

    def _close(self) -> None:
        stream, self._open = self._open, None
        if stream is not None:
            stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Reader(Measured):
    """A file of ``total`` bytes that is measured as it is read, and tells how far it was.

    It gives at most ``most`` bytes, or one block more than ``total``.
    """

    def __init__(
        self,
        file: _Readable,
        total: int,
        step: str,
        progress: Progress,
        causes: list[BaseException],
        most: int | None = None,
    ) -> None:
        super().__init__()
        self._file = file
        self._total = total
        self._most = most
        self._step = step
        self._progress = progress
        self._causes = causes

    def read(self, size: int = -1) -> bytes:
        if self.size > self._total:
            return b""
        if self._most is not None:
            left = self._most - self.size
            size = left if size < 0 else min(size, left)
        with caught_by(self._causes):
            block = self._file.read(size)
            self.add(block)
            self._progress(self._step, self.size, self._total)
        return block


class _Writer(Measured):
    """A file that is measured as it is written, and may not take the last room in ``folder``.

    With ``promised`` it may not be longer than that says, and with ``fits`` it has to be a database
    of that size.
    """

    def __init__(
        self,
        file: BinaryIO,
        folder: Path,
        causes: list[BaseException],
        promised: Promise | None = None,
        fits: Fits | None = None,
    ) -> None:
        super().__init__()
        self._file = file
        self._folder = folder
        self._causes = causes
        self._promised = promised
        self._fits = fits
        self._head = b""
        self._looked = 0

    def write(self, block: Any) -> int:
        with caught_by(self._causes):
            self.add(block)
            self._check(bytes(block[:_HEADER]))
            self._file.write(block)
        return len(block)

    def _check(self, beginning: bytes) -> None:
        if self.size - self._looked >= _BETWEEN_LOOKS:
            self._looked = self.size
            require_space(self._folder, 0)
        promised, fits = self._promised, self._fits
        if promised is None:
            return
        if fits is not None and len(self._head) < _HEADER:
            self._head += beginning[: _HEADER - len(self._head)]
            if len(self._head) == _HEADER and not fits(self._head, promised.octets):
                raise BackupError(
                    f"{promised.what} holds no database of the size that its manifest "
                    "says; use another copy."
                )
        if self.size > promised.octets:
            raise BackupError(f"{promised.what} is longer than it says; use another copy.")

    def flush(self) -> None:
        with caught_by(self._causes):
            self._file.flush()
